"""Nearswap: take over what is near the base, and leave what is far from it.

c = clamp(t / max(|x - b|, 1e-6), 0, 1), element by element: differences up to t are taken whole,
larger ones moved by t (published with the model alchemonaut/QuartetAnemoi-70B-t0.0001).
"""

from collections.abc import Sequence

import torch

from evoreg.evolve.methods.group import Coefficient, Group, Rule

_SHORT = 1e-6


def nearswap(group: Group) -> Rule:
    """Return the rule of nearswap.

    Args:
        group: Base and one part; shared ``t``.

    Returns:
        One coefficient an element.
    """
    t = float(group.parameters["t"])

    def coefficients(_block: slice, deltas: Sequence[torch.Tensor]) -> list[Coefficient]:
        (delta,) = deltas
        return [delta.abs().clamp_(min=_SHORT).reciprocal_().mul_(t).clamp_(0.0, 1.0)]

    return Rule(coefficients, (1.0,))
