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
    # Masks are ones and zeros in the type of the deltas: on processors that is much faster than
    # truth values, and a product with them is exact.
    constants = [item.scale * weight for item, weight in zip(kept, weights, strict=True)]

    def coefficients(block: slice, deltas: Sequence[torch.Tensor]) -> list[Coefficient]:
        moved = [
            item.kept(block, delta).mul_(constant)
            for item, delta, constant in zip(kept, deltas, constants, strict=True)
        ]
        total = moved[0].clone()
        for item in moved[1:]:
            total += item
        sign = total.ge_(0).mul_(2).sub_(1)
        # What was dropped is 0 and agrees with no sign.
        agree = [item.mul_(sign).gt_(0) for item in moved]
        share = _divisor(agree, weights).reciprocal_().mul_(scale) if normalize else scale
        return [
            same.mul_(constant).mul_(share) for same, constant in zip(agree, constants, strict=True)
        ]

    return coefficients


def _divisor(agree: Sequence[torch.Tensor], weights: Sequence[float]) -> torch.Tensor:
    """Return the sum of the weights that agree, elementwise, with zeros replaced by 1.

    Where weights of both signs cancel but for rounding, the sum counts as zero: it would blow the
    difference up.
    """
    divisor = agree[0] * weights[0]
    for same, weight in zip(agree[1:], weights[1:], strict=True):
        divisor.add_(same, alpha=weight)
    cancelling = min(weights) < 0 < max(weights)
    tiny = _ZERO_SUM * math.fsum(abs(weight) for weight in weights) if cancelling else 0.0
    zero = divisor.abs().le_(tiny)
    return divisor.mul_(1 - zero).add_(zero) if cancelling else divisor.add_(zero)
