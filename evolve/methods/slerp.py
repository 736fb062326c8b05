"""Spherical linear interpolation between two tensors (Shoemake 1985).

With x the base, y the other tensor, th the angle between them as flat vectors and t in the recipe:
c_x = sin((1 - t) th) / sin th, c_y = sin(t th) / sin th. It interpolates the tensors
themselves, not their directions. Nearly parallel or antiparallel tensors (|cos th| > 0.9995)
are interpolated linearly.
"""

import math

import torch

from evoreg.evolve.methods.group import Group, Rule, constant

_PARALLEL = 0.9995
_SHORT = 1e-8
_SAFE = 1e-20, 1e30
"""Squares between these are right in float32."""


def slerp(group: Group) -> Rule:
    """Return the rule of a spherical interpolation.

    Args:
        group: Two parts, the base first; shared ``t`` (0 gives the base).

    Returns:
        Constant coefficients.
    """
    t = float(group.parameters["t"])
    cosine = _cosine(group)
    if abs(cosine) > _PARALLEL:
        return constant([1 - t, t], [1 - t, t])
    angle = math.acos(cosine)
    sine = math.sin(angle)
    weights = [math.sin((1 - t) * angle) / sine, math.sin(t * angle) / sine]
    return constant(weights, [1 - t, t])


def _cosine(group: Group) -> float:
    sums = [0.0, 0.0, 0.0]
    for block in group.blocks():
        _, (x, y) = group.deltas(block)
        for place, amount in enumerate(_products(x, y)):
            sums[place] += amount
    # A vanishing tensor has no direction; its length then counts as 1 and the cosine comes out as
    # 0.
    lengths = [math.sqrt(square) for square in sums[:2]]
    scale = math.prod(length if length > _SHORT else 1.0 for length in lengths)
    cosine = sums[2] / scale
    return max(-1.0, min(1.0, cosine)) if math.isfinite(cosine) else 1.0


def _products(x: torch.Tensor, y: torch.Tensor) -> tuple[float, float, float]:
    """Return |x|^2, |y|^2 and <x, y>; in float64 where float32 would overflow or underflow."""
    found = float(torch.dot(x, x)), float(torch.dot(y, y)), float(torch.dot(x, y))
    if x.dtype == torch.float64 or all(_SAFE[0] < square < _SAFE[1] for square in found[:2]):
        return found
    x, y = x.to(torch.float64), y.to(torch.float64)
    return float(torch.dot(x, x)), float(torch.dot(y, y)), float(torch.dot(x, y))
