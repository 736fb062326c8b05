"""A quick way to the canonical spelling (RFC 8785) of the values that the ledger mostly holds.

Python's own writer of JSON, which is written in C, spells texts, names, whole numbers and the
floats in the middle of the range as RFC 8785 does. Where a value holds anything that it would
spell otherwise, `evoreg.provenance.records.canonical` is asked instead, at twenty times the time.
"""

import json

from evoreg.provenance.records.canonical import Json, from_canonical, to_canonical

_SAFE = 2**53
_LEAST, _MOST = 1e-4, 1e15
_ASTRAL = "\U00010000"
_PLAIN = (str, bool, type(None))

_encode = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
).encode


class _Unusual(Exception):
    """The value holds something that Python would spell otherwise."""


def canonical_text(value: Json) -> str:
    """Return the canonical spelling of a JSON value.

    Args:
        value: Any JSON value.

    Returns:
        The text whose UTF-8 bytes `to_canonical` returns.

    Raises:
        InputError: No canonical form exists.
    """
    try:
        text = _encode(_usual(value))
        text.encode()
    except (_Unusual, UnicodeEncodeError, RecursionError):
        return to_canonical(value).decode()
    return text


def value_of(text: str) -> Json:
    """Read canonical JSON, refusing any other spelling of the same value.

    Args:
        text: A text as `canonical_text` returns it.

    Returns:
        The value.

    Raises:
        InputError: Not JSON, or JSON that is spelt differently.
    """
    try:
        value: Json = json.loads(text)
        if _encode(_usual(value)) == text:
            return value
    except (_Unusual, ValueError, RecursionError):
        pass
    return from_canonical(text.encode())


def _usual(value: Json) -> Json:
    """Return the value with whole floats as integers."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if isinstance(value, list):
        return [item if type(item) is str else _usual(item) for item in value]
    if isinstance(value, dict):
        return _usual_object(value)
    if kind is int and -_SAFE < value < _SAFE:  # type: ignore[operator]  # it is a number
        return value
    if isinstance(value, float) and (value == 0 or _LEAST <= abs(value) <= _MOST):
        return int(value) if value.is_integer() else value
    raise _Unusual


def _usual_object(value: dict[str, Json]) -> Json:
    # Names beyond the first plane are sorted otherwise by RFC 8785 than by Python.
    for name in value:
        if type(name) is not str or (not name.isascii() and max(name) >= _ASTRAL):
            raise _Unusual
    return {name: item if type(item) is str else _usual(item) for name, item in value.items()}
