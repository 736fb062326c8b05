"""Exact choice of the k largest magnitudes of a tensor by counting, without sorting.

The bit pattern of a non-negative float orders like the number, so the k-th largest magnitude is
found 16 bits at a time: count how many patterns fall into each of 65536 bins, walk down from the
top, go on inside the bin that holds the k-th. Of equal magnitudes those with the highest index are
taken. Time O(n) for each 16 bits, memory for one block; the result does not depend on device,
threads or sorting algorithm.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

_BINS = 65536
_INTEGER = {torch.float32: torch.int32, torch.float64: torch.int64}


@dataclass(frozen=True)
class Threshold:
    """Which elements are among the k largest."""

    bits: int
    """Bit pattern of the k-th largest magnitude."""
    first: int
    """Index of the first element of exactly that magnitude that is taken."""

    def mask(self, block: slice, values: torch.Tensor) -> torch.Tensor:
        """Return which elements of a block are taken.

        Args:
            block: Place of the block in the tensor.
            values: The block, shape (block,), float32 or float64.

        Returns:
            Truth values, shape (block,).
        """
        bits = patterns(values)
        index = torch.arange(block.start, block.stop)
        return (bits > self.bits) | ((bits == self.bits) & (index >= self.first))


def patterns(values: torch.Tensor) -> torch.Tensor:
    """Return the bit patterns of magnitudes.

    Args:
        values: float32 or float64.

    Returns:
        int32 or int64, ordered like the magnitudes; NaN is above infinity.
    """
    return values.abs().view(_INTEGER[values.dtype])


def largest(
    blocks: Callable[[], Iterable[tuple[slice, torch.Tensor]]], count: int, dtype: torch.dtype
) -> Threshold:
    """Find the `count` largest magnitudes of a tensor.

    Args:
        blocks: Gives the blocks of the tensor in order; called a few times.
        count: From 1 to the number of elements.
        dtype: float32 or float64, the type of the blocks.

    Returns:
        A threshold that takes exactly `count` elements.
    """
    prefix, left, equal = 0, count, 0
    width = 32 if dtype == torch.float32 else 64
    for shift in range(width - 16, -1, -16):
        counts = torch.zeros(_BINS, dtype=torch.int64)
        for _, values in blocks():
            bits = patterns(values)
            if shift + 16 < width:
                bits = bits[(bits >> (shift + 16)) == prefix]
            counts += torch.bincount((bits >> shift) & (_BINS - 1), minlength=_BINS)
        bin_, above = _bin_of(counts, left)
        prefix, left, equal = (prefix << 16) | bin_, left - above, int(counts[bin_])
    return Threshold(prefix, _index_of(blocks(), prefix, equal - left + 1))


def _bin_of(counts: torch.Tensor, left: int) -> tuple[int, int]:
    """Return the bin of the `left`-th element from the top, and how many lie in higher bins."""
    from_top = counts.flip(0).cumsum(0)
    place = int(torch.searchsorted(from_top, left))
    above = int(from_top[place - 1]) if place else 0
    return _BINS - 1 - place, above


def _index_of(blocks: Iterable[tuple[slice, torch.Tensor]], bits: int, nth: int) -> int:
    """Return the index of the `nth` element with exactly this pattern."""
    for block, values in blocks:
        found = (patterns(values) == bits).nonzero().flatten()
        if found.numel() >= nth:
            return int(block.start) + int(found[nth - 1])
        nth -= found.numel()
    return -1
