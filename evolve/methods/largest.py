"""Exact choice of the k largest magnitudes of a tensor by counting, without sorting it.

The bit pattern of a non-negative float orders like the number. A first pass counts how many
patterns share their upper 16 bits; walking down from the top finds the bin that holds the k-th
largest. If few elements lie in that bin, a second pass collects and sorts those alone; else they
are counted by their next 16 bits, and so on. A sample, if there is one, saves the first pass: it
tells a few bins that most likely hold the k-th, and if they do not, nothing but time is lost. Of
equal magnitudes those with the highest index are taken. Time O(n) a pass, memory for one block and
for what is collected; the result does not depend on device, threads or sorting algorithm.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch

_BINS = 65536
_INTEGER = {torch.float32: torch.int32, torch.float64: torch.int64}
_FEW = 2**20
"""Elements of one bin that are collected and sorted rather than counted further."""
_MANY = _FEW
"""Elements that are collected at most."""

Blocks: TypeAlias = Callable[[], Iterable[tuple[slice, torch.Tensor]]]
"""Gives the blocks of a tensor in order."""


@dataclass(frozen=True)
class Threshold:
    """Which elements are among the k largest."""

    magnitude: float
    """The k-th largest magnitude."""
    first: int
    """Index of the first element of exactly that magnitude that is taken."""

    def mask(self, block: slice, values: torch.Tensor) -> torch.Tensor:
        """Return which elements of a block are taken.

        Args:
            block: Place of the block in the tensor.
            values: The block, shape (block,), float32 or float64.

        Returns:
            1 where taken, 0 elsewhere; type and shape of `values`.
        """
        sizes = values.abs()
        cut = min(max(self.first - block.start, 0), sizes.numel())
        sizes[:cut].gt_(self.magnitude)
        sizes[cut:].ge_(self.magnitude)
        return sizes


@dataclass(frozen=True)
class Sample:
    """Some numbers of a tensor, by which to guess."""

    values: torch.Tensor
    """Runs of neighbours from all over the tensor, shape (runs, length); at least two runs."""
    fraction: float
    """The part of the tensor that is to be taken, in [0, 1]."""


def largest(
    blocks: Blocks, count: int, dtype: torch.dtype, sample: Sample | None = None
) -> Threshold:
    """Find the `count` largest magnitudes of a tensor.

    Args:
        blocks: Gives the blocks of the tensor in order; called a few times. No NaN.
        count: From 1 to the number of elements.
        dtype: float32 or float64, the type of the blocks.
        sample: May save time; does not change the result.

    Returns:
        A threshold that takes exactly `count` elements.
    """
    if sample is not None:
        guessed = _guessed(blocks, count, sample)
        if guessed is not None:
            return guessed
    prefix, left, equal = 0, count, 0
    width = 32 if dtype == torch.float32 else 64
    for shift in range(width - 16, -1, -16):
        counts = torch.zeros(_BINS, dtype=torch.int64)
        for _, values in blocks():
            bits = patterns(values)
            if shift + 16 < width:
                bits = bits[(bits >> (shift + 16)) == prefix] >> shift & (_BINS - 1)
            else:
                bits = bits >> shift
            counts += torch.bincount(bits, minlength=_BINS).cpu()
        bin_, above = _bin_of(counts, left)
        prefix, left, equal = (prefix << 16) | bin_, left - above, int(counts[bin_])
        if equal <= _FEW:
            found = _among(blocks(), prefix << shift, (prefix + 1 << shift) - 1, count)
            if found is not None:
                return found
    return Threshold(_number(prefix, dtype), _index_of(blocks(), prefix, equal - left + 1))


def patterns(values: torch.Tensor) -> torch.Tensor:
    """Return the bit patterns of magnitudes.

    Args:
        values: float32 or float64.

    Returns:
        int32 or int64, ordered like the magnitudes; NaN is above infinity.
    """
    return values.abs().view(_INTEGER[values.dtype])


def _number(bits: int, dtype: torch.dtype) -> float:
    return float(torch.tensor(bits, dtype=_INTEGER[dtype]).view(dtype))


def _bin_of(counts: torch.Tensor, left: int) -> tuple[int, int]:
    """Return the bin of the `left`-th element from the top, and how many lie in higher bins."""
    from_top = counts.flip(0).cumsum(0)
    place = int(torch.searchsorted(from_top, left))
    above = int(from_top[place - 1]) if place else 0
    return _BINS - 1 - place, above


def _guessed(blocks: Blocks, count: int, sample: Sample) -> Threshold | None:
    """Return the threshold if the sample led to it."""
    return _among(blocks(), *_bracket(sample), count)


def _bracket(sample: Sample) -> tuple[int, int]:
    """Return the lowest and the highest pattern between which the threshold most likely lies.

    The runs differ from each other by more than chance, so their spread tells how far to trust
    them: five standard errors to both sides.
    """
    bits = patterns(sample.values)
    shift = 16 if bits.dtype == torch.int32 else 48
    counts = torch.bincount((bits >> shift).flatten(), minlength=_BINS).cpu()
    wanted = sample.fraction * bits.numel()
    middle, _ = _bin_of(counts, min(max(round(wanted), 1), bits.numel()))
    shares = (bits >= middle << shift).to(torch.float64).mean(dim=1)
    slack = 5 * float(shares.std()) / math.sqrt(len(shares)) * bits.numel() + 1
    high, _ = _bin_of(counts, max(int(wanted - slack), 1))
    low, _ = _bin_of(counts, min(int(wanted + slack) + 1, bits.numel()))
    everything = wanted + slack >= bits.numel()
    return 0 if everything else low << shift, (high + 1 << shift) - 1


def _among(
    blocks: Iterable[tuple[slice, torch.Tensor]], low: int, high: int, count: int
) -> Threshold | None:
    """Return the threshold if it lies among few patterns from `low` up to `high`."""
    # Room is taken once: thousands of small pieces would leave the memory in shreds.
    places = torch.empty(_MANY, dtype=torch.int64)
    found = torch.empty(0)
    above = inside = 0
    dtype = torch.float32
    for block, values in blocks:
        dtype = values.dtype
        bits = patterns(values)
        within, higher = _within(bits, low, high)
        above, end = above + higher, inside + within.numel()
        if above >= count or end > _MANY:
            return None
        found = found if found.numel() else torch.empty(_MANY, dtype=bits.dtype)
        found[inside:end] = bits[within]
        places[inside:end] = within
        places[inside:end] += block.start
        inside = end
    nth = count - above
    if not 1 <= nth <= inside:
        return None
    place, bits = places[:inside], found[:inside]
    edge = bits.kthvalue(inside - nth + 1).values
    taken = nth - int((bits > edge).sum())
    return Threshold(_number(int(edge), dtype), int(place[bits == edge][-taken]))


def _within(bits: torch.Tensor, low: int, high: int) -> tuple[torch.Tensor, int]:
    """Return the places of the patterns from `low` up to `high`, and how many are higher."""
    if bits.device.type != "cpu":
        higher = bits > high
        return ((bits >= low) ^ higher).nonzero().flatten(), int(higher.sum())
    numbers = bits.numpy()  # numpy finds few among many ten times as fast as torch
    beyond = numbers > high
    return torch.from_numpy(np.flatnonzero((numbers >= low) ^ beyond)), int(
        np.count_nonzero(beyond)
    )


def _index_of(blocks: Iterable[tuple[slice, torch.Tensor]], bits: int, nth: int) -> int:
    """Return the index of the `nth` element of exactly this pattern."""
    for block, values in blocks:
        found = (patterns(values) == bits).nonzero().flatten()
        if found.numel() >= nth:
            return int(block.start) + int(found[nth - 1])
        nth -= found.numel()
    return -1
