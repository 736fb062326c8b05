"""Spherical interpolation of two tensors by weights: whole, row by row or column by column.

With t = w_2 / (w_1 + w_2) and th the angle between the two differences (the tensors themselves
without a base), c_1 = sin((1 - t) th) / sin th and c_2 = sin(t th) / sin th (Shoemake,
"Animating rotation with quaternion curves", SIGGRAPH 1985). Collinear vectors are interpolated
linearly, c_1 = 1 - t and c_2 = t. Weights that cancel give t = 1/2.
"""

from collections.abc import Sequence

import torch

from evoreg.evolve.methods.group import Coefficient, Group, Rule, constant
from evoreg.evolve.methods.lines import Lines, line_products
from evoreg.evolve.methods.products import gram

_ZERO_SUM = 1e-6
_SHORT = 1e-7
_COLLINEAR = {torch.float32: 2.0**-20, torch.float64: 2.0**-48}
"""Squared sine of an angle that rounding cannot tell from none."""


def nuslerp(group: Group) -> Rule:
    """Return the rule of a weighted spherical interpolation.

    Args:
        group: Two parts with ``weight``; shared ``nuslerp_flatten`` and ``nuslerp_row_wise``.

    Returns:
        Constant coefficients if the tensor is one vector, else one for each row (or column, if
        row-wise: the names are those of mergekit 0.1.5).
    """
    first, second = (part.number("weight") for part in group.parts)
    total = first + second
    t = second / total if abs(total) >= _ZERO_SUM else 0.5
    nominal = (abs(1 - t), abs(t))
    flat = _COLLINEAR[group.work]
    if group.parameters["nuslerp_flatten"]:
        return constant([float(c) for c in _weights(gram(group).tril(), t, flat)], nominal)
    across = bool(group.parameters["nuslerp_row_wise"])
    lines = Lines.columns(group.shape) if across else Lines.rows(group.shape)
    if not group.elements:
        return constant([1 - t, t], nominal)
    found = _weights(line_products(group, lines), t, flat)

    def coefficients(block: slice, _deltas: Sequence[torch.Tensor]) -> list[Coefficient]:
        return [lines.spread(item, block, group.work) for item in found]

    return Rule(coefficients, nominal)


def _weights(
    products: Sequence[Sequence[torch.Tensor]] | torch.Tensor, t: float, flat: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return both coefficients, from the inner products [0][0], [1][0] and [1][1]."""
    lengths = [products[i][i].sqrt().clamp(min=_SHORT) for i in range(2)]
    cosine = (products[1][0] / (lengths[0] * lengths[1])).clamp(-1.0, 1.0)
    collinear = 1 - cosine * cosine <= flat
    angle = cosine.acos()
    return (
        torch.where(collinear, 1 - t, ((1 - t) * angle).sin() / angle.sin()),
        torch.where(collinear, t, (t * angle).sin() / angle.sin()),
    )
