"""Spherical mean of any number of tensors: a weighted mean of directions times that of lengths.

With v_i the differences (the tensors themselves without a base), L_i = |v_i| and
u_i = v_i / (L_i + eps), the direction is m = sum_i w_i u_i / |sum_i w_i u_i| and the result
m (sum_i w_i L_i) cos eps. Goddard and Wu's method for mergekit takes one step of the
exponential map from m along g = sum_i w_i (u_i - (u_i . m) m); since m has the direction of
sum_i w_i u_i, g is exactly zero and the step leaves m where it is, but for the cosine of the
eps that guards its division. (https://goddard.blog/posts/multislerp-wow-what-a-cool-idea)
"""

import math

import torch

from evoreg.evolve.methods.group import Group, Rule, constant
from evoreg.evolve.methods.products import gram, length

_CANCELLED = 1e-4
"""Share of its terms below which the square of a length is measured anew."""


def multislerp(group: Group) -> Rule:
    """Return the rule of a spherical mean.

    Args:
        group: Parts with ``weight``; shared ``normalize_weights`` and ``eps``.

    Returns:
        Constant coefficients: a single part is kept as it is, and directions that cancel
        (|sum_i w_i u_i| < eps) give the weighted sum of the v_i.
    """
    weights = [part.number("weight") for part in group.parts]
    nominal = list(weights)
    if len(weights) == 1:
        return constant([1.0], [1.0])
    if group.parameters["normalize_weights"]:
        total = math.fsum(weights)
        weights = [weight / total for weight in weights]
    eps = float(group.parameters["eps"])
    products = gram(group)
    lengths = products.diagonal().sqrt()
    w = torch.tensor(weights, dtype=torch.float64)
    onto = torch.where(lengths + eps > 0, w / (lengths + eps), 0.0)
    size = _size(group, products, onto)
    if size < eps or not size:
        return constant(weights, nominal)
    scale = float(w @ lengths) * math.cos(eps) / size
    return constant((onto * scale).tolist(), nominal)


def _size(group: Group, products: torch.Tensor, onto: torch.Tensor) -> float:
    """Return |sum_i onto_i v_i|."""
    square = float(onto @ products @ onto)
    terms = float(onto.square() @ products.diagonal())
    if square <= _CANCELLED * terms:
        return length(group, onto.tolist())
    return math.sqrt(square)
