"""Questions about models: under which names weights are known, what they stand on and went into."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, select

from evoreg.provenance.ledger import search_tables, tables
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.queries import find_claims, find_edges
from evoreg.provenance.ledger.question_values import MergeLine, ModelLine, ModelPage, SearchLine
from evoreg.provenance.ledger.questions import PAGE, shares_of
from evoreg.provenance.ledger.stored import restored, storable
from evoreg.provenance.ledger.tallies import tallies
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.lineage import Edge


def models(
    ledger: Ledger, before: int | None = None, limit: int = PAGE, name: str = ""
) -> tuple[ModelLine, ...]:
    """Return registered models.

    Args:
        ledger: An open ledger.
        before: Only those before this entry; nothing means from the last on.
        limit: At most so many.
        name: Only those whose name has this in it, in capitals or not.

    Returns:
        The newest first; every registration, also of the same weights.
    """
    of = tables.models.c
    conditions = [] if before is None else [of.seq < before]
    if name:
        conditions.append(of.name.icontains(storable(name), autoescape=True))
    with ledger.store.reading() as connection:
        return _model_lines(connection, limit, *conditions)


def model(ledger: Ledger, identity: Digest, limit: int = PAGE) -> ModelPage:
    """Return all that the ledger knows of some exact weights.

    Args:
        ledger: An open ledger.
        identity: `Model.identity`.
        limit: At most so many of each kind.

    Returns:
        A page; its lists are empty if the ledger does not know these weights.
    """
    claimed, told = tables.claims.c, tables.edges.c
    inside, files, written = tables.contributions.c, tables.model_files.c, tables.outputs.c
    with ledger.store.reading() as connection:
        registered = _model_lines(connection, limit, tables.models.c.identity == identity)
        mine = select(files.digest).where(
            files.seq.in_([line.seq for line in registered]),
            files.depth == 0,
            files.role == "weights",
        )
        made = select(written.seq).where(written.digest.in_(mine), written.role == "weights")
        used = select(inside.seq).where(inside.identity == identity)
        sources = search_tables.search_sources.c
        searched = select(sources.seq).where(sources.identity == identity)
        return ModelPage(
            registrations=registered,
            claims=find_claims(connection, claimed.identity == identity)[-limit:],
            parents=find_edges(connection, told.identity == identity)[-limit:],
            children=_children(connection, identity, limit),
            makers=merge_lines(connection, limit, tables.candidates.c.seq.in_(made)),
            merges=merge_lines(connection, limit, tables.candidates.c.seq.in_(used)),
            searches=search_lines(connection, limit, search_tables.searches.c.seq.in_(searched)),
        )


def merges(ledger: Ledger, before: int | None = None, limit: int = PAGE) -> tuple[MergeLine, ...]:
    """Return merged candidates.

    Args:
        ledger: An open ledger.
        before: Only those before this entry; nothing means from the last on.
        limit: At most so many.

    Returns:
        The newest first; every recording, also of the same candidate.
    """
    conditions = [] if before is None else [tables.candidates.c.seq < before]
    with ledger.store.reading() as connection:
        return merge_lines(connection, limit, *conditions)


def merge_lines(
    connection: Connection, limit: int, *conditions: ColumnElement[bool]
) -> tuple[MergeLine, ...]:
    """Return merged candidates with their shares.

    Args:
        connection: A connection to the ledger.
        limit: At most so many.
        conditions: Conditions on the table `candidates`.

    Returns:
        The newest first.
    """
    of = tables.candidates.c
    query = select(of.seq, of.id, of.method, of.seed).where(*conditions)
    rows = connection.execute(query.order_by(of.seq.desc()).limit(limit)).all()
    inside = shares_of(connection, [row.seq for row in rows])
    return tuple(
        MergeLine(row.seq, row.id, restored(row.method), row.seed, inside.get(row.seq, ()))
        for row in rows
    )


def search_lines(
    connection: Connection, limit: int, *conditions: ColumnElement[bool]
) -> tuple[SearchLine, ...]:
    """Return searches with what they amount to.

    Args:
        connection: A connection to the ledger.
        limit: At most so many.
        conditions: Conditions on the table `searches`.

    Returns:
        The newest first.
    """
    of = search_tables.searches.c
    query = select(of.seq, of.id, of.name, of.run, of.intent, of.outbound).where(*conditions)
    rows = connection.execute(query.order_by(of.seq.desc()).limit(limit)).all()
    numbers = tallies(connection, [row.id for row in rows])
    return tuple(
        SearchLine(
            seq=row.seq,
            id=row.id,
            name=restored(row.name),
            run=row.run,
            intent=row.intent,
            outbound=None if row.outbound is None else restored(row.outbound),
            tally=numbers[row.id],
        )
        for row in rows
    )


def _model_lines(
    connection: Connection, limit: int, *conditions: ColumnElement[bool]
) -> tuple[ModelLine, ...]:
    of = tables.models.c
    query = select(tables.models).where(*conditions).order_by(of.seq.desc()).limit(limit)
    rows = connection.execute(query).all()
    licenses = _licenses(connection, sorted({row.identity for row in rows}))
    return tuple(
        ModelLine(
            seq=row.seq,
            name=restored(row.name),
            revision=None if row.revision is None else restored(row.revision),
            identity=row.identity,
            location=restored(row.location),
            licenses=licenses.get(row.identity, ()),
        )
        for row in rows
    )


def _licenses(connection: Connection, identities: Sequence[str]) -> dict[str, tuple[str, ...]]:
    of = tables.claims.c
    query = select(of.identity, of.expression).where(of.identity.in_(identities)).distinct()
    found: dict[str, list[str]] = {}
    for identity, expression in connection.execute(query.where(of.expression != "")):
        found.setdefault(identity, []).append(restored(expression))
    return {identity: tuple(sorted(expressions)) for identity, expressions in found.items()}


def _children(connection: Connection, identity: Digest, limit: int) -> tuple[Edge, ...]:
    of = tables.edges.c
    newest = select(of.seq).where(of.parent_identity == identity).order_by(of.seq.desc())
    seqs = list(connection.scalars(newest.limit(limit)))
    return find_edges(connection, of.seq.in_(seqs))[::-1]
