"""The record beside a result, evoreg.json: written for programs, and read again from a stranger."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from evoreg.provenance.papers.facts import Earlier
from evoreg.provenance.records.candidate import Candidate
from evoreg.provenance.records.canonical import Json, to_canonical
from evoreg.provenance.records.decision import Decision
from evoreg.provenance.records.entry import Entry
from evoreg.provenance.records.errors import Code, EvoregError, InputError, VerificationError
from evoreg.provenance.records.model import File
from evoreg.provenance.records.record import Record

RECORD = "evoreg.json"
"""Its name in the folder."""

SCHEMA = "evoreg/record/1"
"""Form of evoreg.json."""

_AnyRecord = TypeVar("_AnyRecord", bound=Record)


@dataclass(frozen=True, slots=True)
class Told:
    """What evoreg.json says."""

    candidate: Candidate
    """What was made."""
    decision: Decision
    """What policy said about it."""
    earlier: tuple[tuple[str, Candidate], ...]
    """Name and candidate of earlier results that are inside."""
    papers: tuple[File, ...]
    """The papers as they were written; none in a record that does not list them."""


def record_bytes(
    candidate: Candidate,
    decision: Decision,
    entry: Entry,
    earlier: Sequence[Earlier] = (),
    papers: Sequence[File] = (),
) -> bytes:
    """Return the content of evoreg.json: the record of a candidate, for programs.

    The candidate stands in it as it was recorded, so that its id can be computed again.

    Args:
        candidate: The candidate.
        decision: What policy says about it.
        entry: The line of the ledger that recorded it.
        earlier: Earlier results that are inside.
        papers: The papers that lie beside it; left out, the record does not list them.

    Returns:
        Indented JSON with sorted keys, in ASCII.
    """
    record: dict[str, Json] = {
        "schema": SCHEMA,
        "candidate": candidate.to_json(),
        "candidate_id": candidate.id,
        "decision": decision.to_json(),
        "entry": {"seq": entry.seq, "hash": entry.hash},
    }
    if earlier:
        record["earlier"] = [
            {
                "name": step.name,
                "candidate": step.candidate.to_json(),
                "candidate_id": step.candidate.id,
            }
            for step in earlier
        ]
    if papers:
        record["papers"] = [file.to_json() for file in sorted(papers, key=lambda file: file.path)]
    return (json.dumps(record, indent=2, sort_keys=True) + "\n").encode()


def read_record(data: bytes) -> Told:
    """Read evoreg.json, whoever wrote it.

    Args:
        data: Its bytes.

    Returns:
        What it says; that it is true is not known by that.

    Raises:
        InputError: Not such a record.
        VerificationError: The id of a candidate does not belong to it.
    """
    try:
        whole = _object(json.loads(data), "the file")
        if whole.get("schema") != SCHEMA:
            raise _bad("the schema is another one, or there is none")
        return Told(
            _candidate(whole),
            _record(Decision, whole.get("decision")),
            tuple(
                (str(step.get("name", "")), _candidate(step))
                for step in (_object(item, "earlier") for item in _list(whole.get("earlier")))
            ),
            tuple(_record(File, item) for item in _list(whole.get("papers"))),
        )
    except EvoregError:
        raise
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise _bad(f"it cannot be read ({type(error).__name__})") from error


def _candidate(whole: dict[str, Json]) -> Candidate:
    found = _record(Candidate, whole.get("candidate"))
    if whole.get("candidate_id") != found.id:
        raise VerificationError(
            Code.VERIFY_DIGEST,
            "the id does not belong to the candidate",
            where=RECORD,
            hint="the record was changed by hand: restore it, or merge again",
        )
    return found


def _record(kind: type[_AnyRecord], value: Json) -> _AnyRecord:
    # Through bytes: records accept what their own canonical form holds and nothing else.
    return kind.from_canonical(to_canonical(_object(value, kind.__name__.lower())))


def _object(value: Json, name: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise _bad(f"{name} is no JSON object")
    return value


def _list(value: Json) -> list[Json]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _bad("a list is something else")
    return value


def _bad(what: str) -> InputError:
    return InputError(
        Code.NOT_A_RECORD,
        f"not a record of evoreg: {what}",
        where=RECORD,
        hint="restore the file, or merge again",
    )
