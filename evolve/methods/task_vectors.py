"""The family of task arithmetic: sparsify x consensus x normalise, on differences from a base.

With d_i = x_i - b, T_i what sparsifying keeps (mask times scale) and w_i the weights:
D_i = w_i T_i d_i. With consensus (TIES) the elected sign is s = sign(sum_i D_i), zero counting as
plus, and M_i = [sign(D_i) = s]; without, M_i = 1. The divisor is sum_i M_i w_i (zero counting
as 1) if normalised, else 1. Then c_i = lambda M_i w_i T_i / divisor.

Sources: task arithmetic arXiv 2212.04089, TIES 2306.01708, DARE 2311.03099. Sparsifying is
done tensor by tensor, the sign is elected on weighted differences, as mergekit 0.1.5 does.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from evoreg.evolve.methods.group import Coefficient, Coefficients, Group, Rule, constant
from evoreg.evolve.methods.sparsify import Sparse, Sparsifier, sparsify

_ZERO_SUM = 1e-6
"""Weights whose sum is this small beside their magnitudes cancel."""


@dataclass(frozen=True)
class TaskVectors:
    """One member of the family; calling it gives the rule for a tensor."""

    sparsifier: Sparsifier | None
    """What is kept of each difference; nothing means all of it."""
    consensus: bool
    """Whether signs are elected."""

    def __call__(self, group: Group) -> Rule:
        """Return the rule for one tensor.

        Args:
            group: Base and parts with ``weight`` and ``density``; shared ``normalize``, ``rescale``
                and ``lambda``.

        Returns:
            Constant coefficients if nothing is sparse and no sign is elected, else one an element.
        """
        weights = [part.number("weight") for part in group.parts]
        kept = [self._kept(group, index) for index in range(len(group.parts))]
        scale = float(group.parameters["lambda"])
        if self.consensus:
            normalize = bool(group.parameters["normalize"])
            elected = _elected(kept, weights, scale, normalize=normalize)
            return Rule(elected, tuple(abs(weight) for weight in weights))
        if group.parameters["normalize"]:
            total = math.fsum(weights)
            scale /= total
        if all(item.mask is None for item in kept):
            return constant([weight * scale for weight in weights], weights)
        return Rule(_masked(kept, weights, scale), tuple(abs(weight) for weight in weights))

    def _kept(self, group: Group, index: int) -> Sparse:
        if self.sparsifier is None:
            return Sparse(None, 1.0)
        rescale = bool(group.parameters["rescale"])
        return sparsify(group, group.parts[index], self.sparsifier, rescale=rescale)


def _masked(kept: Sequence[Sparse], weights: Sequence[float], scale: float) -> Coefficients:
    def coefficients(block: slice, deltas: Sequence[torch.Tensor]) -> list[Coefficient]:
        return [
            item.factor(block, delta, weight * scale)
            for item, delta, weight in zip(kept, deltas, weights, strict=True)
        ]

    return coefficients


def _elected(
    kept: Sequence[Sparse], weights: Sequence[float], scale: float, *, normalize: bool
) -> Coefficients:
    def coefficients(block: slice, deltas: Sequence[torch.Tensor]) -> list[Coefficient]:
        factors = [
            item.factor(block, delta, weight)
            for item, delta, weight in zip(kept, deltas, weights, strict=True)
        ]
        moved = [factor * delta for factor, delta in zip(factors, deltas, strict=True)]
        total = torch.zeros_like(deltas[0])
        for item in moved:
            total += item
        sign = torch.where(total >= 0, 1.0, -1.0).to(total.dtype)
        agree = [item.sign() == sign for item in moved]
        share = scale / _divisor(agree, weights, total) if normalize else scale
        return [factor * same * share for factor, same in zip(factors, agree, strict=True)]

    return coefficients


def _divisor(
    agree: Sequence[torch.Tensor], weights: Sequence[float], like: torch.Tensor
) -> torch.Tensor:
    """Return the sum of the weights that agree, elementwise, with zeros replaced by 1.

    A sum that vanishes but for rounding counts as zero: it would blow the difference up.
    """
    tiny = _ZERO_SUM * math.fsum(abs(weight) for weight in weights)
    divisor = torch.zeros_like(like)
    for same, weight in zip(agree, weights, strict=True):
        divisor += same * weight
    return divisor.masked_fill_(divisor.abs() <= tiny, 1.0)
