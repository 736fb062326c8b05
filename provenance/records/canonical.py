"""Canonical JSON (RFC 8785): one spelling for each value, so equal facts have equal digests."""

import json
from typing import Any, TypeAlias

import rfc8785

from evoreg.provenance.records.errors import Code, InputError

# JSON values are recursive; `Any` stops the recursion, since containers are invariant.
Json: TypeAlias = bool | int | float | str | list[Any] | dict[str, Any] | None

_SAFE = 2**53 - 1
_LONGEST_SAFE = 17


def to_canonical(value: Json) -> bytes:
    """Write a JSON value in canonical form.

    Args:
        value: A JSON value; numbers finite, integers within +-(2**53 - 1).

    Returns:
        UTF-8 bytes without a line end.

    Raises:
        InputError: No canonical form exists (NaN, infinity, lone surrogate, huge integer, or
            lists within lists by the thousand).
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise InputError(
            Code.NOT_CANONICAL,
            f"this value has no canonical JSON form: {error}",
            hint="use finite numbers and valid text",
        ) from error


def from_canonical(data: bytes) -> Json:
    """Read canonical JSON, refusing any other spelling of the same value.

    Args:
        data: Bytes as `to_canonical` writes them.

    Returns:
        The JSON value. Digits without a point beyond +-(2**53 - 1) are the spelling of a float.

    Raises:
        InputError: Not JSON, or JSON that is spelt differently (order, blanks, duplicate keys).
    """
    try:
        value: Json = json.loads(data, parse_int=_number)
    except (ValueError, RecursionError) as error:
        raise InputError(
            Code.NOT_CANONICAL, f"not JSON: {error}", hint="restore the file"
        ) from error
    if to_canonical(value) != data:
        raise InputError(
            Code.NOT_CANONICAL,
            "JSON, but not in canonical form (RFC 8785)",
            hint="the bytes were rewritten by another program; restore the original",
        )
    return value


def _number(digits: str) -> int | float:
    """Read digits as RFC 8785 writes them: a large float such as 1e20 has neither point nor e."""
    number = float(digits) if len(digits) > _LONGEST_SAFE else int(digits)
    return number if abs(number) <= _SAFE else float(number)
