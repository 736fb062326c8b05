"""Keeping a middle band of magnitudes: neither the smallest nor the outliers (Model Breadcrumbs).

Of the n magnitudes of a difference in ascending order, the int(gamma n) largest are dropped, then
int(density n) are kept and the rest dropped; if there are not enough left, outliers stay
(arXiv 2312.06795). Equal magnitudes are ordered by index.
"""

from collections.abc import Iterator
from functools import partial

import torch

from evoreg.evolve.methods.group import Group, Operand
from evoreg.evolve.methods.largest import Threshold, largest
from evoreg.evolve.methods.sparsify import Mask


def outliers(group: Group, part: Operand, density: float) -> Mask:
    """Keep a middle band of magnitudes.

    Args:
        group: The tensor.
        part: One of its parts, with ``gamma``.
        density: Share to keep, in (0, 1).

    Returns:
        The mask of exactly int(density n) elements.
    """
    size = group.elements
    target = int(density * size)
    bottom = max(0, size - target - int(part.number("gamma") * size))
    if not target:
        return lambda _block, delta: torch.zeros_like(delta)

    def blocks() -> Iterator[tuple[slice, torch.Tensor]]:
        return ((block, group.delta(part, block)) for block in group.blocks())

    def threshold(count: int) -> Threshold:
        found = partial(largest, blocks, count, group.work)
        return group.recall((part,), ("magnitude", count), found)

    inner = threshold(size - bottom)
    top = size - bottom - target
    outer = threshold(top) if top else None
    return _band(inner, outer)


def _band(inner: Threshold, outer: Threshold | None) -> Mask:
    if outer is None:
        return inner.mask
    return lambda block, delta: inner.mask(block, delta).sub_(outer.mask(block, delta))
