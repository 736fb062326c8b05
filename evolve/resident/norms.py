"""Shares of merges with constant coefficients, from norms that are measured once.

With d_i the differences from the base (the tensors themselves without one) and G their Gram matrix:
|p_i|_1 = |c_i| |d_i|_1, <p_i, X> = c_i sum_j c_j G_ij and |X|^2 = sum_ij c_i c_j G_ij. So a
candidate with other weights needs no pass over the numbers to be counted; and as no number of it
can be larger than sum_i |c_i| max|d_i| + max|b|, mostly none to see that all are finite.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from evoreg.evolve.execution.tally import Tally
from evoreg.evolve.execution.task import Task
from evoreg.evolve.execution.weights import TORCH
from evoreg.evolve.methods.group import Group
from evoreg.evolve.methods.products import gram

_FITS = {
    torch.float64: 1e300, torch.float32: 1e38, torch.bfloat16: 1e38, torch.float16: 6e4,
}  # fmt: skip
"""Numbers below are finite in the type, and so is every sum on the way to them."""
_LARGE = 1e100
"""Numbers below can be multiplied with each other, and their products added."""
_CANCELLED = 0.02
"""Share of its terms below which |X|^2 is too uncertain and is counted instead."""


@dataclass(frozen=True)
class Norms:
    """What is known about the differences of one tensor."""

    mass: tuple[float, ...]
    """|d_i|_1."""
    gram: tuple[tuple[float, ...], ...]
    """<d_i, d_j>."""
    largest: tuple[float, ...]
    """max |d_i|; NaN if there is one."""
    base: float
    """max |b|; 0 without a base."""


def norms_of(group: Group) -> Norms:
    """Measure the differences of a tensor, or recall what was measured before.

    Args:
        group: The tensor.

    Returns:
        Its norms.
    """
    return group.recall(group.parts, ("norms",), lambda: _measured(group))


def _measured(group: Group) -> Norms:
    inner = gram(group).tolist()
    mass = [0.0] * len(group.parts)
    largest = [torch.zeros((), dtype=group.work)] * len(group.parts)
    base = torch.zeros((), dtype=group.work)
    for block in group.blocks():
        origin, deltas = group.deltas(block)
        if origin is not None:
            base = torch.maximum(base, origin.abs_().amax().cpu())
        for place, delta in enumerate(deltas):
            sizes = delta.abs_()
            mass[place] += _sum(sizes)
            largest[place] = torch.maximum(largest[place], sizes.amax().cpu())
    return Norms(tuple(mass), tuple(map(tuple, inner)), tuple(map(float, largest)), float(base))


def _sum(sizes: torch.Tensor) -> float:
    total = float(sizes.sum())
    return total if math.isfinite(total) else float(sizes.sum(dtype=torch.float64))


def tally_of(task: Task, norms: Norms) -> Tally | None:
    """Return the tally of a tensor with constant coefficients.

    Args:
        task: The tensor.
        norms: Its norms.

    Returns:
        The sums; nothing if they have to be counted: rows that are borrowed count for their owners,
        and what nearly cancels is not known well enough from norms.
    """
    fixed = () if task.rule is None else task.rule.fixed or ()
    if any(item.rows is not None for item in task.output.inputs) or not _reckonable(fixed, norms):
        return None
    tally = task.tally()
    if not task.output.elements:
        return tally
    along = [math.fsum(c * g for c, g in zip(fixed, row, strict=True)) for row in norms.gram]
    products = [c * a for c, a in zip(fixed, along, strict=True)]
    energy = math.fsum(products)
    terms = math.fsum(c * c * norms.gram[i][i] for i, c in enumerate(fixed))
    if terms and not energy > _CANCELLED * terms:
        return None
    for place, c, mass, product in zip(task.places, fixed, norms.mass, products, strict=True):
        tally.mass[place] += abs(c) * mass
        tally.product[place] += product
        tally.used[place] |= c != 0
    tally.energy = energy
    return tally


def _reckonable(coefficients: Sequence[float], norms: Norms) -> bool:
    """Tell whether nothing overflows on the way to the sums; NaN does not either."""
    numbers = (*coefficients, *norms.mass, *(item for row in norms.gram for item in row))
    return bool(coefficients) and all(abs(number) < _LARGE for number in numbers)


def surely_finite(task: Task, coefficients: Sequence[float], norms: Norms) -> bool:
    """Tell whether no number of a tensor can be too large for the type that is written.

    Args:
        task: The tensor.
        coefficients: Those of its parts.
        norms: Its norms.

    Returns:
        False if it has to be looked at: also where a source holds NaN.
    """
    # A coefficient too has to fit the type of the work: infinity times nothing is no number.
    reach = (abs(c) * (size + 1.0) for c, size in zip(coefficients, norms.largest, strict=True))
    return sum(reach, norms.base) < _FITS[TORCH[task.output.dtype]]
