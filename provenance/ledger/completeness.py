"""Whether the text of a body says every field of its record: told by counting names.

Records refuse names that they do not know, and canonical JSON has no name twice in one object. So a
text that has as many names as the record has fields, all the way down, leaves out none.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from evoreg.provenance.records.record import Grown, Record

_PLAIN = frozenset({str, int, float, bool, type(None)})


def names_in(text: str) -> int:
    """Return how many names stand in the objects of a JSON text.

    Args:
        text: Canonical JSON.

    Returns:
        Their number, or -1 if it cannot be told so quickly: within texts with escapes.
    """
    # Without escapes, a quotation mark and a colon stand together behind a name and nowhere else.
    return -1 if "\\" in text else text.count('":')


def names_of(value: object) -> int:
    """Return how many names a value has when every field of its records is written.

    Args:
        value: A record, or JSON.

    Returns:
        The number of names, all the way down.
    """
    counter = _COUNTERS.get(type(value))
    return counter(value) if counter is not None else _counter(type(value))(value)


# `Any`: each function takes the types under which it stands.
_COUNTERS: dict[type, Callable[[Any], int]] = {}


def _counter(kind: type) -> Callable[[Any], int]:
    """Return the function for a type; asking what it is takes longer than counting."""
    found: Callable[[Any], int]
    if issubclass(kind, Grown):
        found = _of_grown
    elif issubclass(kind, Record):
        found = _of_record
    elif issubclass(kind, dict):
        found = _of_object
    else:
        found = _of_array if issubclass(kind, list | tuple) else _nothing
    _COUNTERS[kind] = found
    return found


def _nothing(_value: object) -> int:
    return 0


def _of_record(record: Record) -> int:
    fields = record.__dict__
    count = len(fields)
    for value in fields.values():
        if type(value) not in _PLAIN:
            count += names_of(value)
    return count


def _of_grown(record: Grown) -> int:
    fields = record.__dict__
    return _of_record(record) - sum(1 for name in record.LATER if fields[name] in (None, ()))


def _of_object(value: Mapping[str, object]) -> int:
    return len(value) + _of_array(tuple(value.values()))


def _of_array(value: Sequence[object]) -> int:
    if not value or _PLAIN.issuperset(map(type, value)):
        return 0
    return sum(map(names_of, value))
