"""The body of an entry: the canonical JSON text that says who wrote which record, and when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from evoreg.provenance.ledger.spelling import canonical_text
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.records.candidate import Candidate
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.decision import Decision
from evoreg.provenance.records.entry import EntryKind
from evoreg.provenance.records.errors import Code, InputError, UsageError
from evoreg.provenance.records.evaluation import Evaluation, Generation
from evoreg.provenance.records.license import LicenseClaim
from evoreg.provenance.records.lineage import Edge
from evoreg.provenance.records.model import Model
from evoreg.provenance.records.pruning import Pruning
from evoreg.provenance.records.publication import Publication
from evoreg.provenance.records.record import Record
from evoreg.provenance.records.release import Release
from evoreg.provenance.records.result import SearchResult
from evoreg.provenance.records.search import Search
from evoreg.provenance.records.text import HeldText

RECORDS: Mapping[EntryKind, type[Record]] = {
    "model": Model,
    "claim": LicenseClaim,
    "edge": Edge,
    "text": HeldText,
    "decision": Decision,
    "candidate": Candidate,
    "release": Release,
    "search": Search,
    "evaluation": Evaluation,
    "generation": Generation,
    "result": SearchResult,
    "publication": Publication,
    "pruning": Pruning,
}
"""Which record an entry of each kind holds."""

_Any = TypeVar("_Any", bound=Record)


class _Form(BaseModel, Generic[_Any]):
    """A body with a record of one type; read in one pass, for there may be ten thousand."""

    model_config = ConfigDict(extra="allow", strict=True)

    at: str
    by: str
    record: _Any
    schema_: str = Field(alias="schema")


# The validators themselves, without the layer around them that looks at options.
# `Any`: they do not say what they return.
_FORMS: Mapping[EntryKind, Any] = {
    kind: TypeAdapter(_Form[record]).validator  # type: ignore[valid-type]  # a type of the table
    for kind, record in RECORDS.items()
}

# NaN is spelt as null, which a field for numbers refuses when it is read back, but not one where
# any JSON may stand. These kinds have none of those: they need not be compared, and there may be
# ten thousand of them.
_TIGHT = frozenset({"evaluation"})

RESERVED = ("at", "by", "record", "schema")
"""The fields that every body has; extra fields have other names."""


@dataclass(frozen=True, slots=True)
class Body:
    """What the text of a body says."""

    at: str
    """When it was written: ISO 8601, UTC, to the second, ending in Z."""
    by: str
    """Who wrote it."""
    record: Record
    """The fact."""
    extra: Mapping[str, Json]
    """Further fields."""

    @property
    def location(self) -> str:
        """The extra field ``location``, or an empty text."""
        location = self.extra.get("location", "")
        return location if isinstance(location, str) else ""


def stamp(moment: datetime) -> str:
    """Return a time as bodies say it.

    Args:
        moment: A time with a time zone.

    Returns:
        ISO 8601, UTC, to the second, ending in Z.

    Raises:
        UsageError: It has no time zone.
    """
    if moment.tzinfo is None:
        raise UsageError(
            Code.USAGE,
            "the clock of the ledger gives a time without a time zone",
            hint="pass a clock such as lambda: datetime.now(UTC)",
        )
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_body(new: NewEntry, at: str, by: str) -> str:
    """Return the text of a body.

    Args:
        new: What to write.
        at: When, as it shall stand there.
        by: Who.

    Returns:
        Canonical JSON.

    Raises:
        InputError: The record does not belong to the kind or holds values of other types than its
            fields, an extra field has a reserved name or is a location that is no text, or a
            value has no canonical form.
    """
    expected = RECORDS.get(new.kind)
    if expected is None or type(new.record) is not expected:
        raise _refused(new, f"a {new.kind} entry cannot hold a {type(new.record).__name__}")
    taken = sorted(set(new.extra) & set(RESERVED))
    if taken:
        raise _refused(new, f"the extra field {taken[0]!r} has a reserved name")
    if not isinstance(new.extra.get("location", ""), str):
        raise _refused(new, "the location is not a text")
    fields: dict[str, Json] = {
        **new.extra,
        "at": at,
        "by": by,
        "record": _dumped(new),
        "schema": _schema(new.kind),
    }
    canonical_text(dict(new.extra))  # for NaN, which the record itself is searched for below
    return canonical_text(fields, finite=True)


def _dumped(new: NewEntry) -> dict[str, Json]:
    try:
        return new.record.model_dump(mode="json", warnings="error")
    except PydanticSerializationError as error:
        raise _refused(new, f"the record is not valid: {str(error).splitlines()[-1]}") from error


def read_back(new: NewEntry, text: str) -> Body:
    """Read a body that is about to be written: nothing is written that nobody can read.

    A record is checked when it is made, but not when it is copied with other values.

    Args:
        new: What shall be written.
        text: What `write_body` made of it.

    Returns:
        What the text says.

    Raises:
        InputError: The record is not valid.
    """
    try:
        body = _read(new.kind, text)
    except ValidationError as error:
        raise _refused(new, f"the record is not valid: {_first_message(error)}") from error
    if new.kind not in _TIGHT and body.record != new.record:
        raise _refused(new, "the record is not valid: it holds a number that is none")
    return body


def read_body(kind: EntryKind, text: str) -> Body:
    """Read the text of a body.

    Args:
        kind: Kind of the entry.
        text: The body as stored.

    Returns:
        What it says. Whether the spelling is canonical is not checked here but by `verify`.

    Raises:
        InputError: The text does not hold a record of this kind.
    """
    try:
        return _read(kind, text)
    except (ValidationError, LookupError) as error:
        raise _unreadable(kind, _first_message(error)) from error


def _read(kind: EntryKind, text: str) -> Body:
    form: _Form[Record] = _FORMS[kind].validate_json(text)
    if form.schema_ != _schema(kind):
        raise _unreadable(kind, f"schema {form.schema_!r}")
    extra = form.model_extra or {}
    if len(extra) > 1:
        extra = {key: extra[key] for key in sorted(extra)}
    return Body(form.at, form.by, form.record, extra)


def spelt_again(kind: EntryKind, body: Body) -> str:
    """Return the text that `write_body` would write of what was read.

    Args:
        kind: Kind of the entry.
        body: What its text says.

    Returns:
        Canonical JSON with every field. Equal to the text that was read, unless that is not
        canonical or leaves out a field.

    Raises:
        InputError: A value has no canonical form.
    """
    fields = {"at": body.at, "by": body.by, "schema": _schema(kind)}
    return canonical_text({**body.extra, **fields, "record": body.record.to_json()}, finite=True)


def _schema(kind: str) -> str:
    return f"evoreg/{kind}/1"


def _first_message(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    if isinstance(error, KeyError):
        return f"the field {error} is missing"
    return str(error)


def _refused(new: NewEntry, what: str) -> InputError:
    return InputError(
        Code.NOT_A_RECORD, what, where=f"{new.kind} entry", hint="this is an error of the caller"
    )


def _unreadable(kind: str, what: str) -> InputError:
    return InputError(
        Code.NOT_A_RECORD,
        f"the body does not hold a {kind}: {what}",
        hint="it was written by another version of evoreg, or changed by hand",
    )
