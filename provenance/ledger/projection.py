"""Projections: the rows of the index tables that follow from an entry.

They follow from nothing else, but for one exception: rows of item scores that a later entry
pruned are not there any more (`evoreg.provenance.ledger.retention`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Table

from evoreg.provenance.ledger import tables
from evoreg.provenance.ledger.bulk import insert_rows
from evoreg.provenance.ledger.search_projection import Cells, searching_rows, share_cells
from evoreg.provenance.ledger.stored import storable, storable_or_none
from evoreg.provenance.records.candidate import Candidate
from evoreg.provenance.records.decision import Decision
from evoreg.provenance.records.license import LicenseClaim
from evoreg.provenance.records.lineage import Edge
from evoreg.provenance.records.model import Model
from evoreg.provenance.records.pruning import Pruning
from evoreg.provenance.records.publication import Publication
from evoreg.provenance.records.record import Record
from evoreg.provenance.records.release import Release
from evoreg.provenance.records.text import HeldText

Rows = Iterator[tuple[Table, Cells]]
"""Tables and rows, the cells of a row in the order of the columns."""


def rows_of(seq: int, record: Record, location: str = "") -> Iterable[tuple[Table, Cells]]:
    """Return the rows that an entry leaves in the index tables.

    Args:
        seq: Number of the entry.
        record: What it says.
        location: The ``location`` beside the record; of models only.

    Returns:
        Tables and rows, in the order of the record.
    """
    # By type: to ask a record whether it is an instance takes longer than to make a row of it.
    kind = type(record)
    if kind is Model:
        return _model(seq, record, location)  # type: ignore[arg-type]  # it is one
    maker = _MAKERS.get(kind)
    return searching_rows(seq, record) if maker is None else maker(seq, record)


def write_projections(connection: Connection, written: Iterable[tuple[int, Record, str]]) -> None:
    """Write the rows of some entries into the index tables.

    Args:
        connection: A connection inside a writing transaction.
        written: Number, record and ``location`` of each entry; their rows are not there yet.
    """
    rows: dict[Table, list[Cells]] = {table: [] for table in tables.PROJECTIONS}
    for seq, record, location in written:
        for table, row in rows_of(seq, record, location):
            rows[table].append(row)
    for table, found in rows.items():
        if found:
            insert_rows(connection, table, found)


def _model(seq: int, model: Model, location: str) -> Rows:
    told = (storable(model.name), storable_or_none(model.revision), model.identity)
    yield tables.models, (seq, *told, storable(location))
    part: Model | None = model
    depth = 0
    while part is not None:
        for position, file in enumerate(part.files):
            what = (storable(file.path), file.size, file.digest, file.role)
            yield tables.model_files, (seq, depth, position, *what)
        part, depth = part.adapter, depth + 1


def _claim(seq: int, claim: LicenseClaim) -> Rows:
    told = (storable(claim.model), claim.identity, storable(claim.expression), claim.origin)
    yield tables.claims, (seq, *told)


def _edge(seq: int, edge: Edge) -> Rows:
    parent = (storable(edge.parent), storable_or_none(edge.revision), edge.parent_identity)
    told = (storable(edge.child), edge.identity, *parent, edge.relation, edge.origin)
    yield tables.edges, (seq, *told)


def _text(seq: int, held: HeldText) -> Rows:
    yield tables.texts, (seq, held.digest, held.size)


def _decision(seq: int, decision: Decision) -> Rows:
    told = (decision.record_digest(), decision.intent, str(decision.verdict))
    yield tables.decisions, (seq, *told)


def _candidate(seq: int, candidate: Candidate) -> Rows:
    method = storable(candidate.recipe.method)
    yield tables.candidates, (seq, candidate.id, method, candidate.seed)
    identities = {item.reference: item.identity for item in candidate.ingredients}
    for position, share in enumerate(candidate.contributions):
        reference, *numbers = share_cells(share)
        identity = identities.get(share.reference)
        yield tables.contributions, (seq, position, reference, identity, *numbers)
    for position, file in enumerate(candidate.outputs):
        what = (storable(file.path), file.digest, file.size, file.role)
        yield tables.outputs, (seq, position, *what)


def _release(seq: int, release: Release) -> Rows:
    made = (release.candidate, release.decision, release.intent)
    told = (storable(release.name), storable(release.license), release.record_digest())
    yield tables.releases, (seq, *made, *told)


def _publication(seq: int, step: Publication) -> Rows:
    where = (step.release, storable(step.target), storable(step.branch))
    told = (step.state, step.prepared, storable_or_none(step.commit))
    yield tables.publications, (seq, *where, *told)


def _pruning(seq: int, pruning: Pruning) -> Rows:
    yield tables.prunings, (seq, pruning.what, pruning.search, pruning.through)


# `Any`: each function takes the one record type under which it stands.
_MAKERS: Mapping[type[Record], Callable[[int, Any], Rows]] = {
    LicenseClaim: _claim,
    Edge: _edge,
    HeldText: _text,
    Decision: _decision,
    Candidate: _candidate,
    Release: _release,
    Publication: _publication,
    Pruning: _pruning,
}
