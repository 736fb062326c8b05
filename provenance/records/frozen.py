"""JSON objects inside records: mappings that cannot change and can be hashed."""

from typing import Annotated, NoReturn, TypeAlias

from pydantic import AfterValidator

from evoreg.provenance.records.canonical import Json, to_canonical


def _refuse(*_arguments: object, **_named: object) -> NoReturn:
    raise TypeError("a record cannot change")


class FrozenArray(list[Json]):
    """A JSON array that cannot change."""

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = extend = insert = remove = pop = clear = sort = reverse = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        """Return a hash of the canonical bytes."""
        return hash(to_canonical(list(self)))


class FrozenObject(dict[str, Json]):
    """A JSON object that cannot change, nor anything inside it."""

    __setitem__ = __delitem__ = clear = pop = popitem = _refuse
    setdefault = update = __ior__ = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        """Return a hash of the canonical bytes."""
        return hash(to_canonical(dict(self)))


def freeze(value: Json) -> Json:
    """Return a JSON value that cannot change.

    Args:
        value: Any JSON value.

    Returns:
        An equal value, objects as `FrozenObject`, arrays as `FrozenArray`.
    """
    if isinstance(value, dict):
        return FrozenObject({key: freeze(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return FrozenArray(freeze(item) for item in value)
    return value


def _frozen(value: dict[str, Json]) -> dict[str, Json]:
    return FrozenObject({key: freeze(item) for key, item in value.items()})


def _frozen_texts(value: dict[str, str]) -> dict[str, str]:
    return FrozenObject(value)  # type: ignore[return-value] # texts are JSON


Object: TypeAlias = Annotated[dict[str, Json], AfterValidator(_frozen)]
"""A JSON object as a field of a record."""

Texts: TypeAlias = Annotated[dict[str, str], AfterValidator(_frozen_texts)]
"""Texts by name as a field of a record."""
