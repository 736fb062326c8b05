"""Random dropping that spares large magnitudes (MagPrune, the sparsifier of DELLA).

In each row the magnitudes |d| are ranked ascending, r = 0 to m - 1, equal ones by index. An
element is kept with probability p = density - epsilon + 2 epsilon r / (m - 1), and density in a
row of one element (arXiv 2406.11617). A row runs along the second axis; a tensor of one axis is
one row.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch

from evoreg.evolve.methods.group import BLOCK, Group, Operand
from evoreg.evolve.methods.masks import key
from evoreg.evolve.methods.sparsify import Mask, remembered

_REMEMBERED = 2**26
"""Elements of masks that are kept from the pass that measures them to the one that uses them."""
_WORDS = 8
"""32-bit words of one counter of the generator."""


def magprune(group: Group, part: Operand, density: float) -> Mask:
    """Keep elements at random, the larger the likelier.

    Args:
        group: The tensor.
        part: One of its parts, with ``epsilon``; planning sees to it that the probabilities lie
            between 0 and 1.
        density: Mean probability, in (0, 1).

    Returns:
        The mask; its random numbers depend on seed, tensor name and identity alone.
    """
    stream, epsilon = key(group.seed, part.name, part.identity), part.number("epsilon")
    ranked = _Ranked(group, part, _levels(group, density, epsilon))

    def mask(block: slice, delta: torch.Tensor) -> torch.Tensor:
        return (words(stream, block).to(delta.device) < ranked.block(block)).to(delta.dtype)

    # Rescaling draws the mask to measure it, and again to use it.
    twice = bool(group.parameters["rescale"])
    fits = group.elements * len(group.parts) <= _REMEMBERED
    if group.memory.lasting or (twice and fits):
        return remembered(group, part, ("magprune", stream, density, epsilon), mask)
    return mask


def words(stream: int, block: slice) -> torch.Tensor:
    """Return the 32 random bits of each element of a block, as `masks.bernoulli` draws them.

    Args:
        stream: Key from `masks.key`.
        block: Place in the tensor.

    Returns:
        int64 numbers below 2**32, shape (block,).
    """
    skipped = block.start % _WORDS
    generator = np.random.Philox(key=stream, counter=block.start // _WORDS)
    count = skipped + block.stop - block.start
    raw = generator.random_raw((count + 1) // 2)
    # The bytes of each 64-bit word are taken little end first on every machine.
    return torch.from_numpy(raw.astype("<u8").view("<u4")[skipped:count].astype(np.int64))


def _levels(group: Group, density: float, epsilon: float) -> torch.Tensor:
    """Return the probability of each rank, times 2**32."""
    length = _axes(group.shape)[0]
    steps = torch.arange(length, dtype=torch.float64) / max(length - 1, 1)
    chances = density - epsilon + 2 * epsilon * steps if length > 1 else steps + density
    return (chances * 2.0**32).round().to(torch.int64)


def _axes(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the length of a row, and how many rows lie woven into each other."""
    if len(shape) < 2:
        return (shape[0] if shape else 1), 1
    woven = 1
    for size in shape[2:]:
        woven *= size
    return shape[1], woven


@dataclass
class _Ranked:
    """The thresholds of a part, worked out for a stretch of whole rows at a time.

    A stretch is about a block, but never less than one row: that is what it takes in memory (with
    more than two axes, one slab along the first). The last stretch is kept, so that
    a long row is sorted once in each pass.
    """

    group: Group
    part: Operand
    levels: torch.Tensor
    last: tuple[int, torch.Tensor] | None = field(default=None)

    def block(self, block: slice) -> torch.Tensor:
        """Return the threshold of each element of a block."""
        return torch.cat(list(self._pieces(block)))

    def _pieces(self, block: slice) -> Iterator[torch.Tensor]:
        length, woven = _axes(self.group.shape)
        slab = length * woven
        size = max(1, BLOCK // slab) * slab
        for number in range(block.start // size, (block.stop - 1) // size + 1):
            start = number * size
            found = self._stretch(number, start, min(start + size, self.group.elements))
            yield found[max(block.start - start, 0) : block.stop - start]

    def _stretch(self, number: int, start: int, stop: int) -> torch.Tensor:
        last = self.last
        if last is not None and last[0] == number:
            return last[1]
        length, woven = _axes(self.group.shape)
        blocks = (slice(place, min(place + BLOCK, stop)) for place in range(start, stop, BLOCK))
        sizes = torch.cat([self.group.delta(self.part, block) for block in blocks]).abs_()
        order = sizes.view(-1, length, woven).argsort(dim=1, stable=True)
        levels = self.levels.to(order.device).view(1, -1, 1).expand_as(order)
        found = torch.empty_like(order).scatter_(1, order, levels).view(-1)
        self.last = (number, found)
        return found
