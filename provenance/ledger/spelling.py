"""A quick way to the canonical spelling (RFC 8785) of the values that the ledger mostly holds.

orjson spells texts, names, whole numbers and the floats in the middle of the range as RFC 8785
does. Where a value may hold anything that it spells otherwise, `records.canonical` is asked
instead, at twenty times the time.
"""

import re

import orjson

from evoreg.provenance.records.canonical import Json, from_canonical, to_canonical

# What orjson may spell otherwise: floats that are whole (1.0) or very small or large (1e-7, 1e+16),
# as a member, an element or the whole. In a text the same may stand and mean nothing; such values
# merely take the long way. RFC 8785 also allows integers within 2**53 only.
_EXPONENT = re.compile(rb"e[-+]?[0-9]{1,3}[,\]}]")
# Names beyond the first plane are sorted otherwise by RFC 8785 than by orjson.
_ASTRAL = re.compile(rb"[\xf0-\xf4]")
_CANONICAL = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER


def canonical_text(value: Json, *, finite: bool = False) -> str:
    """Return the canonical spelling of a JSON value.

    Args:
        value: Any JSON value.
        finite: True if no number in it can be NaN or infinite, or if it does not matter that such
            a number would be spelt as null, because what comes out is read and checked.

    Returns:
        The text whose UTF-8 bytes `to_canonical` returns.

    Raises:
        InputError: No canonical form exists.
    """
    try:
        data = orjson.dumps(value, option=_CANONICAL)
    except (TypeError, ValueError):  # no JSON, lone surrogates, too deep, huge integers
        return to_canonical(value).decode()
    # orjson writes NaN and infinity as null.
    if _unusual(data) or (not finite and b"null" in data and orjson.loads(data) != value):
        return to_canonical(value).decode()
    return data.decode()


def value_of(text: str) -> Json:
    """Read canonical JSON, refusing any other spelling of the same value.

    Args:
        text: A text as `canonical_text` returns it.

    Returns:
        The value.

    Raises:
        InputError: Not JSON, or JSON that is spelt differently.
    """
    # What UTF-8 has no bytes for becomes bytes that are no JSON.
    data = text.encode(errors="surrogatepass")
    try:
        if not _unusual(data):
            value: Json = orjson.loads(data)
            if orjson.dumps(value, option=_CANONICAL) == data:
                return value
    except (TypeError, ValueError):  # no JSON, huge integers
        pass
    return from_canonical(data)


def _unusual(data: bytes) -> bool:
    if not data.startswith((b"{", b"[")):
        return True  # a single number has nothing before or behind it
    if b".0," in data or b".0]" in data or b".0}" in data:
        return True  # a whole float
    if _EXPONENT.search(data) is not None:
        return True
    return not data.isascii() and _ASTRAL.search(data) is not None
