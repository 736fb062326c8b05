"""Spherical linear interpolation between two tensors (Shoemake 1985).

With x the base, y the other tensor, th the angle between them as flat vectors and t in the recipe:
c_x = sin((1 - t) th) / sin th, c_y = sin(t th) / sin th. It interpolates the tensors
themselves, not their directions. Nearly parallel or antiparallel tensors (|cos th| > 0.9995)
are interpolated linearly.
"""

import math

from evoreg.evolve.methods.group import Group, Rule, constant
from evoreg.evolve.methods.products import gram

_PARALLEL = 0.9995
_SHORT = 1e-8


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
    inner = gram(group)
    # A vanishing tensor has no direction; its length then counts as 1 and the cosine comes out as
    # 0.
    lengths = [math.sqrt(float(inner[place, place])) for place in (0, 1)]
    scale = math.prod(length if length > _SHORT else 1.0 for length in lengths)
    cosine = float(inner[0, 1]) / scale
    return max(-1.0, min(1.0, cosine)) if math.isfinite(cosine) else 1.0
