"""Keeping a part of each difference: the largest magnitudes (TIES) or random elements (DARE).

With `rescale`, what is kept is multiplied by sum|d| / sum|d kept| over the tensor, so that
the L1 norm stays; this is the rule of mergekit 0.1.5 and not the 1/density of the DARE paper.
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from evoreg.evolve.methods.group import Group, Operand
from evoreg.evolve.methods.largest import Sample, Threshold, largest
from evoreg.evolve.methods.masks import bernoulli, key

Mask = Callable[[slice, torch.Tensor], torch.Tensor]
"""Given a block and the delta in it: 1 (or true) where it is kept, 0 (or false) elsewhere."""

_TINY = 1e-7
_RUNS, _RUN = 64, 2048
"""Runs of a sample, and neighbours in each."""
_REMEMBERED = 2**26
"""Bits of random masks that are kept from the pass that measures them to the one that uses them."""


@dataclass(frozen=True)
class Sparse:
    """What is kept of one difference."""

    mask: Mask | None
    """Nothing means that all is kept."""
    scale: float
    """Factor on what is kept."""

    def factor(self, block: slice, delta: torch.Tensor, weight: float) -> torch.Tensor | float:
        """Return weight x scale where kept and 0 elsewhere, for one block."""
        if self.mask is None:
            return weight * self.scale
        kept = self.mask(block, delta).to(delta.dtype)
        return kept.mul_(weight * self.scale)

    def kept(self, block: slice, delta: torch.Tensor) -> torch.Tensor:
        """Return the delta where it is kept and 0 elsewhere, as a new tensor, for one block."""
        if self.mask is None:
            return delta.clone()
        return self.mask(block, delta).to(delta.dtype).mul_(delta)


class Sparsifier(Protocol):
    """Given a part and a density in (0, 1), its mask.

    Settings are taken from the parameters of the part, never from its weight.
    """

    __name__: str

    def __call__(self, group: Group, part: Operand, density: float, /) -> Mask:
        """Return the mask."""
        ...


def magnitude(group: Group, part: Operand, density: float) -> Mask:
    """Keep the max(1, int(density n)) largest magnitudes, equal ones by highest index."""

    def blocks() -> Iterator[tuple[slice, torch.Tensor]]:
        return ((block, group.delta(part, block)) for block in group.blocks())

    count = max(1, int(density * group.elements))

    def threshold() -> Threshold:
        return largest(blocks, count, group.work, _sample(group, part, count))

    return group.recall((part,), ("magnitude", count), threshold).mask


def _sample(group: Group, part: Operand, count: int) -> Sample | None:
    """Return runs of a difference from all over a large tensor; nothing for a small one."""
    if group.elements < 16 * _RUNS * _RUN:
        return None
    step = group.elements // _RUNS
    starts = [number * step + (step - _RUN) // 2 for number in range(_RUNS)]
    runs = [group.delta(part, slice(start, start + _RUN)) for start in starts]
    return Sample(torch.stack(runs), count / group.elements)


def random(group: Group, part: Operand, density: float) -> Mask:
    """Keep each element with probability `density`, independently."""
    stream = key(group.seed, part.name, part.identity)

    def mask(block: slice, delta: torch.Tensor) -> torch.Tensor:
        return bernoulli(stream, block, density).to(delta.device, delta.dtype)

    # Rescaling draws the mask to measure it, and again to use it.
    twice = bool(group.parameters["rescale"])
    fits = group.elements * len(group.parts) <= _REMEMBERED
    if group.memory.lasting or (twice and fits):
        return remembered(group, part, ("random", stream, density), mask)
    return mask


def remembered(group: Group, part: Operand, key: tuple[Hashable, ...], mask: Mask) -> Mask:
    """Return a mask that is made once a block and kept as bits.

    Args:
        group: The tensor.
        part: One of its parts.
        key: Everything besides the numbers that decides the mask.
        mask: Its mask.

    Returns:
        The same mask; one bit an element stays in memory as long as it lives, or as long as the
        group's memory keeps it.
    """
    made: dict[int, np.ndarray] = group.recall((part,), key, dict, group.elements // 8)

    def kept(block: slice, delta: torch.Tensor) -> torch.Tensor:
        bits = made.get(block.start)
        if bits is None:
            chosen = mask(block, delta)
            made[block.start] = np.packbits(chosen.cpu().numpy() != 0)
            return chosen
        count = block.stop - block.start
        numbers = torch.from_numpy(np.unpackbits(bits, count=count).view(np.int8))
        return numbers.to(delta.device, delta.dtype)

    return kept


def sparsify(group: Group, part: Operand, sparsifier: Sparsifier, *, rescale: bool) -> Sparse:
    """Decide what is kept of one part.

    Args:
        group: The tensor.
        part: One of its parts, with ``density`` in [0, 1].
        sparsifier: `magnitude` or `random`.
        rescale: Whether to keep the L1 norm.

    Returns:
        Everything at density 1, nothing at density 0, else the sparsifier's choice.
    """
    density = part.number("density")
    if density >= 1 or group.elements == 0:
        return Sparse(None, 1.0)
    if density <= 0:
        return Sparse(lambda _block, delta: torch.zeros_like(delta), 1.0)
    mask = sparsifier(group, part, density)
    if not rescale:
        return Sparse(mask, 1.0)
    settings = tuple(sorted(item for item in part.parameters.items() if item[0] != "weight"))
    key = ("l1", sparsifier.__name__, group.seed, part.name, part.identity, settings)
    return Sparse(mask, group.recall((part,), key, lambda: _l1_scale(group, part, mask)))


def _l1_scale(group: Group, part: Operand, mask: Mask) -> float:
    whole = kept = 0.0
    for block in group.blocks():
        delta = group.delta(part, block)
        chosen = mask(block, delta)
        size = delta.abs_()
        whole += _sum(size)
        kept += _sum(size.mul_(chosen))
    return whole / kept if whole >= _TINY and kept >= _TINY else 1.0


def _sum(sizes: torch.Tensor) -> float:
    """Add up magnitudes; in float64 where float32 would overflow."""
    total = float(sizes.sum())
    return total if total < 1e37 else float(sizes.sum(dtype=torch.float64))
