"""Which parts of a tensor a method leaves out for certain, whatever the numbers in it are.

A part is left out if its coefficient is exactly zero, in the arithmetic of the method and not only
on paper. Where that depends on the numbers, the answer is no.
"""

from collections.abc import Callable, Mapping, Sequence

Values = Mapping[str, float | bool]
"""Parameter values for one tensor."""

Zeros = Callable[[Sequence[Values], Values], Sequence[bool]]
"""Given the values of each part and the shared ones: whether each part is left out."""

_ZERO_SUM = 1e-6


def of_weight(parts: Sequence[Values], _shared: Values) -> Sequence[bool]:
    """Leave out each part of weight zero."""
    return [part["weight"] == 0 for part in parts]


def of_weight_beside_others(parts: Sequence[Values], shared: Values) -> Sequence[bool]:
    """Leave out each part of weight zero, unless it is alone and kept whatever its weight."""
    return of_weight(parts, shared) if len(parts) > 1 else [False] * len(parts)


def of_weight_in_sum(parts: Sequence[Values], shared: Values) -> Sequence[bool]:
    """Leave out each part of weight zero, unless the weights cancel and count as equal."""
    whole = sum(float(part["weight"]) for part in parts)
    # Twice the bound of the method, so that rounding of the sum cannot matter.
    kept = abs(whole) < 2 * _ZERO_SUM
    return [False] * len(parts) if kept else of_weight(parts, shared)


def of_position(parts: Sequence[Values], shared: Values) -> Sequence[bool]:
    """Leave out the other one of two parts at the ends, t = 0 and t = 1."""
    if len(parts) != 2:
        return [False] * len(parts)
    return [shared["t"] == 1, shared["t"] == 0]


def of_reach(parts: Sequence[Values], shared: Values) -> Sequence[bool]:
    """Leave out every part if nothing within reach t = 0 is taken over."""
    return [shared["t"] == 0] * len(parts)


def of_scale(parts: Sequence[Values], _shared: Values) -> Sequence[bool]:
    """Leave out each part of scale zero."""
    return [part["scale"] == 0 for part in parts]
