"""Karcher mean of directions on the sphere, times the mean length (arXiv 2603.04972).

With L_i = |x_i| and u_i = x_i / L_i: start at the direction m of sum_i u_i / n; then repeat
m <- cos|T| m + sin|T| T / |T| with T = sum_i a_i th_i / sin th_i (u_i - cos th_i m), where th_i is
the angle between m and u_i, until |T| < tol. The result is m sum_i L_i / n. All of it follows from
the Gram matrix of the x_i: m is kept as its coefficients on the u_i, in float64.
"""

import math

import torch

from evoreg.evolve.methods.group import Group, Rule, constant
from evoreg.evolve.methods.products import gram, length

_CANCELLED = 1e-3
"""Square of the length of the mean direction below which it is measured anew."""
_ANTIPODE = math.pi - 1e-3
"""Angle beyond which there is no telling in which direction a part lies."""
_TOUCHING = 1e-8
"""Angle below which a part pulls in no direction."""


def karcher(group: Group) -> Rule:
    """Return the rule of a Karcher mean.

    Args:
        group: Parts; shared ``max_iter`` and ``tol``.

    Returns:
        Constant coefficients. Tensors no longer than tol count for the length alone; if all are,
        the result is zero.
    """
    count = len(group.parts)
    nominal = [1 / count] * count
    if count == 1:
        return constant([1.0], nominal)
    tol = float(group.parameters["tol"])
    products = gram(group)
    lengths = products.diagonal().sqrt()
    kept = ~(lengths <= tol)
    if not bool(kept.any()):
        return constant([0.0] * count, nominal)
    inverse = torch.where(kept, 1 / lengths, 0.0)
    sphere = _Sphere(products * inverse.outer(inverse), kept / kept.sum(dtype=torch.float64), tol)
    mean = sphere.start(group, inverse)
    for _ in range(int(group.parameters["max_iter"])):
        mean, moved = sphere.step(mean)
        if not moved:
            break
    return constant((mean * inverse * lengths.mean()).tolist(), nominal)


class _Sphere:
    """Directions u_i, given by their cosines; a vector is its coefficients on the u_i."""

    def __init__(self, cosines: torch.Tensor, shares: torch.Tensor, tol: float) -> None:
        self.cosines = cosines
        self.shares = shares
        self.tol = tol

    def size(self, vector: torch.Tensor) -> float:
        """Return the length of a vector."""
        return math.sqrt(max(float(vector @ self.cosines @ vector), 0.0))

    def start(self, group: Group, inverse: torch.Tensor) -> torch.Tensor:
        """Return the direction of the mean, or the first direction if the mean vanishes."""
        size = self.size(self.shares)
        if size * size < _CANCELLED:
            size = length(group, (self.shares * inverse).tolist())
        if size < self.tol or not size:
            first = torch.zeros_like(self.shares)
            first[int((self.shares > 0).nonzero()[0])] = 1.0
            return first
        return self.shares / size

    def step(self, mean: torch.Tensor) -> tuple[torch.Tensor, bool]:
        """Return the next mean, and whether it moved."""
        dots = (self.cosines @ mean).clamp(-1.0, 1.0)
        angles = dots.acos()
        pulls = (angles >= max(self.tol, _TOUCHING)) & (angles < _ANTIPODE) & (self.shares > 0)
        factors = torch.where(pulls, self.shares * angles / angles.sin(), 0.0)
        tangent = factors - float(factors @ dots) * mean
        size = self.size(tangent)
        if size < self.tol or not size:
            return mean, False
        mean = math.cos(size) * mean + math.sin(size) / size * tangent
        norm = self.size(mean)
        return (mean / norm if norm > self.tol else mean), True
