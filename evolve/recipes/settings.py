"""The value of a parameter for one tensor: blocks, filters and gradients.

A parameter may be set in several blocks (model, slice, recipe). For each tensor the first block
that has a setting whose filter is part of the tensor's name decides. A gradient of n values
is read at a position t in [0, 1]: with s = t (n - 1) and i = floor(s) the value is
(1 - (s - i)) v_i + (s - i) v_(i+1), rounded if the parameter is a whole number; truth values
are not mixed but taken at index i.
"""

import math
from collections.abc import Iterable

from evoreg.evolve.recipes.contracts import Parameter
from evoreg.provenance.records.recipe import Scalar, Setting, Settings

_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "off", "0"})


def convert(value: Scalar, parameter: Parameter) -> float | bool:
    """Return one value of a recipe as the type of its parameter.

    YAML 1.1 reads ``1e-5`` as text, so numbers may come as text.

    Args:
        value: As the YAML reader gave it.
        parameter: Gives type and range.

    Returns:
        A finite float within the range (a whole one for a whole number), or a truth value.

    Raises:
        ValueError: Not of that type, not finite, or out of range; the text says which.
    """
    if parameter.kind == "bool":
        return _truth(value)
    if isinstance(value, bool):
        number = float(value)
    else:
        try:
            number = float(value)
        except ValueError:
            raise ValueError(f"{value!r:.40} is not a number") from None
    if not math.isfinite(number):
        raise ValueError(f"{value!r:.40} is not finite")
    if parameter.low is not None and number < parameter.low:
        raise ValueError(f"{number} is below {parameter.low}")
    if parameter.high is not None and number > parameter.high:
        raise ValueError(f"{number} is above {parameter.high}")
    if parameter.kind == "int" and not number.is_integer():
        raise ValueError(f"{value!r:.40} is not a whole number")
    return number


def _truth(value: Scalar) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(f"{value!r:.40} is neither true nor false")


def at(setting: Setting, position: float, parameter: Parameter) -> float | bool:
    """Return the value of a setting at a position.

    Args:
        setting: One value or a gradient.
        position: t in [0, 1].
        parameter: Gives the type.

    Returns:
        The value there; a gradient of numbers is interpolated linearly.

    Raises:
        ValueError: As `convert`.
    """
    if not isinstance(setting.value, tuple):
        return convert(setting.value, parameter)
    values = [convert(item, parameter) for item in setting.value]
    place = position * (len(values) - 1)
    index = min(int(place), len(values) - 1)
    if parameter.kind == "bool":
        return values[index]
    following = values[min(index + 1, len(values) - 1)]
    rest = place - index
    mixed = (1 - rest) * values[index] + rest * following
    return float(round(mixed)) if parameter.kind == "int" else mixed


def find(blocks: Iterable[Settings], name: str, tensor: str) -> Setting | None:
    """Return the setting of a parameter that applies to a tensor.

    Args:
        blocks: Most specific first.
        name: Parameter.
        tensor: Raw tensor name.

    Returns:
        The first setting whose filter is absent, ``*`` or part of the tensor's name; else nothing.
    """
    for block in blocks:
        for parameter, settings in block:
            if parameter != name:
                continue
            for setting in settings:
                if setting.filter in (None, "*") or str(setting.filter) in tensor:
                    return setting
    return None
