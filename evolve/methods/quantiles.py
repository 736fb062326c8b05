"""Exact order statistics of a tensor by counting, without sorting and without sampling.

The bit pattern of a non-negative float orders like the number, so a number of given rank is found
16 bits at a time: count how many patterns fall into each of 65536 bins, then go on inside the bin
that holds the rank. Time O(n) for each 16 bits, memory for one block.
"""

from collections.abc import Callable, Iterable, Sequence

import torch

from evoreg.evolve.methods.largest import patterns

_BINS = 65536
_INTEGER = {torch.float32: torch.int32, torch.float64: torch.int64}


def order_statistics(
    blocks: Callable[[], Iterable[torch.Tensor]], ranks: Sequence[int], dtype: torch.dtype
) -> list[float]:
    """Return the numbers that would stand at some places if all were sorted ascending.

    Args:
        blocks: Gives the numbers, none of them negative; called twice, for float64 four times.
        ranks: Places, each from 0 to the number of numbers less one.
        dtype: float32 or float64, the type of the blocks.

    Returns:
        One number a rank.
    """
    prefixes, left = [0] * len(ranks), list(ranks)
    width = 32 if dtype == torch.float32 else 64
    for shift in range(width - 16, -1, -16):
        counts = _count(blocks(), set(prefixes), shift, width)
        for place, prefix in enumerate(prefixes):
            below = counts[prefix].cumsum(0)
            bin_ = int(torch.searchsorted(below, left[place], right=True))
            left[place] -= int(below[bin_ - 1]) if bin_ else 0
            prefixes[place] = (prefix << 16) | bin_
    return [float(torch.tensor(bits, dtype=_INTEGER[dtype]).view(dtype)) for bits in prefixes]


def _count(
    blocks: Iterable[torch.Tensor], prefixes: set[int], shift: int, width: int
) -> dict[int, torch.Tensor]:
    """Return for each prefix how often the next 16 bits take each value."""
    counts = {prefix: torch.zeros(_BINS, dtype=torch.int64) for prefix in sorted(prefixes)}
    for values in blocks:
        bits = patterns(values)
        for prefix, count in counts.items():
            mine = bits if shift + 16 == width else bits[(bits >> (shift + 16)) == prefix]
            count += torch.bincount((mine >> shift) & (_BINS - 1), minlength=_BINS).cpu()
    return counts
