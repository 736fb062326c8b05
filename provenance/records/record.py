"""The common form of all records: frozen, strict, and equal to their canonical JSON.

Two laws hold for each record type ``R`` and are tested on every one of them:

* ``R.from_canonical(r.canonical()) == r`` (no fact is lost), and
* ``R.from_canonical(b).canonical() == b`` (there is one spelling only).
"""

from typing import ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from evoreg.provenance.records.canonical import Json, from_canonical, to_canonical
from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.errors import Code, InputError


class Record(BaseModel):
    """A frozen value with a canonical JSON form. Subclasses only add fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def to_json(self) -> dict[str, Json]:
        """Return the record as a JSON object; every field is present."""
        # What `model_dump` does, without a look at its many options for each of a million records.
        told: dict[str, Json] = self.__pydantic_serializer__.to_python(self, mode="json")
        return told

    def canonical(self) -> bytes:
        """Return the canonical JSON bytes of the record (RFC 8785)."""
        return to_canonical(self.to_json())

    def record_digest(self) -> Digest:
        """Return the SHA-256 of the canonical bytes."""
        return digest_of(self.canonical())

    @classmethod
    def from_canonical(cls, data: bytes) -> Self:
        """Read a record from its canonical bytes.

        Args:
            data: Bytes that `canonical` wrote.

        Returns:
            An equal record.

        Raises:
            InputError: Other bytes: not canonical, unknown or missing fields, wrong types.
        """
        try:
            record = cls.model_validate_json(data)
        except ValidationError as error:
            from_canonical(data)
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(
                Code.NOT_A_RECORD,
                f"not a {cls.__name__} record: {first['msg']}",
                where=where,
                hint="the record was written by another version, or changed by hand",
            ) from error
        if record.canonical() != data:
            from_canonical(data)
            # Canonical, but a field that has a default was left out: a second spelling.
            raise InputError(
                Code.NOT_A_RECORD,
                f"not a {cls.__name__} record: not every field is present",
                hint="the record was written by another version, or changed by hand",
            )
        return record


class Grown(Record):
    """A record that got fields after its first form was hashed somewhere."""

    LATER: ClassVar[frozenset[str]] = frozenset()
    """Names of these fields. Nothing and an empty list are not written there: older records keep
    their bytes."""

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Json]:
        found: dict[str, Json] = serialize(self)
        for name in self.LATER:
            if found.get(name, self) in (None, []):
                del found[name]
        return found
