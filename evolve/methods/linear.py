"""Weighted sums and copies: linear (model soups, arXiv 2203.05482) and passthrough.

Linear: c_i = w_i, divided by sum_j w_j if normalised. Passthrough: c = scale.
"""

import math

from evoreg.evolve.methods.group import Group, Rule, constant


def linear(group: Group) -> Rule:
    """Return the rule of a weighted sum.

    Args:
        group: Parts with ``weight``; shared ``normalize``.

    Returns:
        Constant coefficients.

    Raises:
        ZeroDivisionError: The weights sum to zero and are to be normalised; planning refuses that.
    """
    weights = [part.number("weight") for part in group.parts]
    total = math.fsum(weights) if group.parameters["normalize"] else 1.0
    return constant([weight / total for weight in weights], weights)


def passthrough(group: Group) -> Rule:
    """Return the rule of a copy.

    Args:
        group: One part with ``scale``.

    Returns:
        A constant coefficient; the nominal weight is 1 whatever the scale, since the tensor
        is copied.
    """
    (part,) = group.parts
    return constant([part.number("scale")], [1.0])
