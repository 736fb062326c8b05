"""Questions to the ledger, answered with records through the index tables."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, select

from evoreg.provenance.ledger import tables
from evoreg.provenance.ledger.body import Body, read_body
from evoreg.provenance.ledger.chain import COLUMNS, read_entries
from evoreg.provenance.ledger.stillness import uncollected
from evoreg.provenance.ledger.values import (
    RecordedCandidate,
    RecordedDecision,
    RecordedRelease,
    RegisteredModel,
)
from evoreg.provenance.records.candidate import Candidate
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.decision import Decision
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Code, InputError, VerificationError
from evoreg.provenance.records.license import LicenseClaim
from evoreg.provenance.records.lineage import Edge
from evoreg.provenance.records.model import Model
from evoreg.provenance.records.release import Release
from evoreg.provenance.records.text import HeldText

_CHUNK = 500
"""Values that are named in one query: every database takes so many."""
_Value = TypeVar("_Value")


def find_models(
    connection: Connection, *conditions: ColumnElement[bool]
) -> tuple[RegisteredModel, ...]:
    """Return registered models.

    Args:
        connection: A connection to the ledger.
        conditions: Conditions on the table `models`; none means all.

    Returns:
        The models in the order of their registration.
    """
    query = select(tables.models.c.seq).where(*conditions)
    return tuple(
        RegisteredModel(seq, body.at, body.by, body.record, body.location)
        for seq, body in bodies_of(connection, tables.entries.c.seq.in_(query))
        if isinstance(body.record, Model)
    )


def find_claims(
    connection: Connection, *conditions: ColumnElement[bool]
) -> tuple[LicenseClaim, ...]:
    """Return licence claims.

    Args:
        connection: A connection to the ledger.
        conditions: Conditions on the table `claims`; none means all.

    Returns:
        The claims in the order of their recording.
    """
    query = select(tables.claims.c.seq).where(*conditions)
    found = bodies_of(connection, tables.entries.c.seq.in_(query))
    return tuple(body.record for _, body in found if isinstance(body.record, LicenseClaim))


def find_edges(connection: Connection, *conditions: ColumnElement[bool]) -> tuple[Edge, ...]:
    """Return edges of the lineage.

    Args:
        connection: A connection to the ledger.
        conditions: Conditions on the table `edges`; none means all.

    Returns:
        The edges in the order of their recording.
    """
    query = select(tables.edges.c.seq).where(*conditions)
    found = bodies_of(connection, tables.entries.c.seq.in_(query))
    return tuple(body.record for _, body in found if isinstance(body.record, Edge))


def find_texts(connection: Connection, digests: Iterable[Digest]) -> dict[Digest, HeldText]:
    """Return held texts.

    Args:
        connection: A connection to the ledger.
        digests: Which.

    Returns:
        Those that are held, in the order of the digests. Of several recordings the first that has
        the content counts.
    """
    wanted = tuple(dict.fromkeys(digests))
    found: dict[Digest, HeldText] = {}
    for chunk in _chunks(wanted):
        query = select(tables.texts.c.seq).where(tables.texts.c.digest.in_(chunk))
        for _, body in bodies_of(connection, tables.entries.c.seq.in_(query)):
            if isinstance(body.record, HeldText):
                known = found.setdefault(body.record.digest, body.record)
                if known.content is None:
                    found[body.record.digest] = body.record
    return {digest: found[digest] for digest in wanted if digest in found}


def find_bodies(connection: Connection, seqs: Iterable[int]) -> dict[int, Body]:
    """Return what some entries say.

    Args:
        connection: A connection to the ledger.
        seqs: Numbers of entries, in any order.

    Returns:
        Number to body, sorted by number; numbers that no entry has are left out.
    """
    chunks = _chunks(tuple(sorted(set(seqs))))
    with uncollected():
        return {
            seq: body
            for chunk in chunks
            for seq, body in bodies_of(connection, tables.entries.c.seq.in_(chunk))
        }


def find_candidates(
    connection: Connection, condition: ColumnElement[bool]
) -> tuple[RecordedCandidate, ...]:
    """Return candidates.

    Args:
        connection: A connection to the ledger.
        condition: A condition on the entries.

    Returns:
        The candidates in the order of their recording.
    """
    return tuple(
        RecordedCandidate(seq, body.at, body.by, body.record)
        for seq, body in bodies_of(connection, condition)
        if isinstance(body.record, Candidate)
    )


def find_decisions(
    connection: Connection, *conditions: ColumnElement[bool]
) -> tuple[RecordedDecision, ...]:
    """Return decisions.

    Args:
        connection: A connection to the ledger.
        conditions: Conditions on the table `decisions`; none means all.

    Returns:
        The decisions in the order of their recording.
    """
    query = select(tables.decisions.c.seq).where(*conditions)
    return tuple(
        RecordedDecision(seq, body.at, body.by, body.record, _inquiry(body))
        for seq, body in bodies_of(connection, tables.entries.c.seq.in_(query))
        if isinstance(body.record, Decision)
    )


def find_releases(
    connection: Connection, *conditions: ColumnElement[bool]
) -> tuple[RecordedRelease, ...]:
    """Return releases.

    Args:
        connection: A connection to the ledger.
        conditions: Conditions on the table `releases`; none means all.

    Returns:
        The releases in the order of their recording.
    """
    query = select(tables.releases.c.seq).where(*conditions)
    return tuple(
        RecordedRelease(seq, body.at, body.by, body.record)
        for seq, body in bodies_of(connection, tables.entries.c.seq.in_(query))
        if isinstance(body.record, Release)
    )


def _inquiry(body: Body) -> Mapping[str, Json] | None:
    found = body.extra.get("inquiry")
    return found if isinstance(found, dict) else None


def _chunks(values: tuple[_Value, ...]) -> Iterator[tuple[_Value, ...]]:
    return (values[at : at + _CHUNK] for at in range(0, len(values), _CHUNK))


def bodies_of(connection: Connection, condition: ColumnElement[bool]) -> list[tuple[int, Body]]:
    """Return what some entries say.

    Args:
        connection: A connection to the ledger.
        condition: A condition on the entries.

    Returns:
        Number and body, sorted by number.

    Raises:
        VerificationError: An entry cannot be read.
    """
    query = select(*COLUMNS).where(condition).order_by(tables.entries.c.seq)
    try:
        return [
            (entry.seq, read_body(entry.kind, entry.body))
            for entry in read_entries(connection, query)
        ]
    except InputError as error:
        raise VerificationError(
            Code.LEDGER_BROKEN,
            f"an entry cannot be read: {error.problems[0].what}",
            where="table entries",
            hint="run evoreg ledger verify",
        ) from error
