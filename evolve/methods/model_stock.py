"""Model Stock: between the mean of the sources and the base, by the angle between them.

With c the mean cosine between the differences of two of the N sources, the ratio is
t = N c / (1 + (N - 1) c) (arXiv 2403.19522, eq. 5) and the result t mean_i x_i + (1 - t) b, so
c_i = t / N. The angle is taken over the tensor, or row by row if filter-wise.
"""

from collections.abc import Sequence

import torch

from evoreg.evolve.methods.group import Coefficient, Group, Rule, constant
from evoreg.evolve.methods.lines import Lines, line_products
from evoreg.evolve.methods.products import gram

_SHORT = 1e-6
_SINGULAR = 1e-6


def model_stock(group: Group) -> Rule:
    """Return the rule of Model Stock.

    Args:
        group: Base and at least two parts; shared ``filter_wise``.

    Returns:
        One constant coefficient for all parts, or one a row. It may be negative or above 1/N: the
        formula has no bounds. A single part, which has no angle, is kept as it is.
    """
    count = len(group.parts)
    nominal = (1 / count,) * count
    if count == 1 or not group.elements:
        return constant(nominal, nominal)
    if not group.parameters["filter_wise"]:
        return constant([float(_ratio(gram(group), count)) / count] * count, nominal)
    lines = Lines.rows(group.shape)
    ratio = _ratio(line_products(group, lines), count) / count

    def coefficients(block: slice, _deltas: Sequence[torch.Tensor]) -> list[Coefficient]:
        return [lines.spread(ratio, block, group.work)] * count

    return Rule(coefficients, nominal)


def _ratio(products: Sequence[Sequence[torch.Tensor]] | torch.Tensor, count: int) -> torch.Tensor:
    """Return t, from the inner products [i][j] with j <= i."""
    lengths = [products[i][i].sqrt() for i in range(count)]
    cosines = [
        (products[i][j] / (lengths[i] * lengths[j]).clamp(min=_SHORT)).clamp(-1.0, 1.0)
        for i in range(count)
        for j in range(i)
    ]
    mean = torch.stack(cosines).mean(dim=0)
    divisor = 1 + (count - 1) * mean
    return torch.where(divisor.abs() < _SINGULAR, 0.0, count * mean / divisor)
