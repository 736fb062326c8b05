"""Questions about the whole ledger, answered from the index tables: what a front page shows.

Questions about models are in `questions_models`, those about searches and candidates in
`questions_searches`. Each takes a fraction of a second however long the ledger is. Lists are read
a page at a time: the next page begins behind the last entry of the one before.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import get_args

from sqlalchemy import BigInteger, Connection, Select, Table, cast, func, select

from evoreg.provenance.ledger import search_tables, tables
from evoreg.provenance.ledger.body import read_body
from evoreg.provenance.ledger.chain import COLUMNS, read_entries, read_head
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.question_values import (
    ContributorLine,
    DecisionLine,
    Line,
    Overview,
    ReleaseLine,
    ShareLine,
)
from evoreg.provenance.ledger.stored import restored
from evoreg.provenance.ledger.titles import title_of
from evoreg.provenance.records.entry import EntryKind

PAGE = 50
"""Lines of a page, if nobody says otherwise."""

_COUNTED: Mapping[EntryKind, Table] = {
    "model": tables.models,
    "claim": tables.claims,
    "edge": tables.edges,
    "text": tables.texts,
    "decision": tables.decisions,
    "candidate": tables.candidates,
    "release": tables.releases,
    "search": search_tables.searches,
    "generation": search_tables.generations,
    "result": search_tables.results,
    "publication": tables.publications,
    "pruning": tables.prunings,
}
"""Tables with one row for each entry of a kind. Evaluations are the rest: they may be a million."""


def overview(ledger: Ledger) -> Overview:
    """Return how much the ledger holds.

    Args:
        ledger: An open ledger.

    Returns:
        Numbers, all of one moment.
    """
    counts = [select(func.count()).select_from(t).scalar_subquery() for t in _COUNTED.values()]
    ends, steps = search_tables.generations.c, tables.publications
    failed = select(cast(func.coalesce(func.sum(ends.failed), 0), BigInteger)).scalar_subquery()
    later = steps.alias()
    settled = select(later.c.seq).where(later.c.prepared == steps.c.seq).exists()
    open_ = select(func.count()).where(steps.c.state == "prepared", ~settled).scalar_subquery()
    with ledger.store.reading() as connection:
        head = read_head(connection)
        *found, lost, pending = connection.execute(select(*counts, failed, open_)).one()
    known = dict(zip(_COUNTED, found, strict=True))
    known["evaluation"] = head.seq - sum(found)
    kinds: tuple[EntryKind, ...] = get_args(EntryKind)
    return Overview(head, {kind: known[kind] for kind in kinds}, lost, pending)


def newest(
    ledger: Ledger, kind: EntryKind | None = None, before: int | None = None, limit: int = PAGE
) -> tuple[Line, ...]:
    """Return the last entries.

    Args:
        ledger: An open ledger.
        kind: Only entries of this kind.
        before: Only entries before this one; nothing means from the last on.
        limit: At most so many.

    Returns:
        The newest first.

    Raises:
        InputError: A body cannot be read.
    """
    of = tables.entries.c
    query = select(*COLUMNS).order_by(of.seq.desc()).limit(limit)
    query = query if kind is None else query.where(of.kind == kind)
    query = query if before is None else query.where(of.seq < before)
    with ledger.store.reading() as connection:
        found = read_entries(connection, query)
    bodies = [(entry, read_body(entry.kind, entry.body)) for entry in found]
    return tuple(
        Line(entry.seq, body.at, body.by, entry.kind, entry.hash, title_of(body.record))
        for entry, body in bodies
    )


def decisions(
    ledger: Ledger, before: int | None = None, limit: int = PAGE, verdict: str | None = None
) -> tuple[DecisionLine, ...]:
    """Return decisions.

    Args:
        ledger: An open ledger.
        before: Only those before this entry; nothing means from the last on.
        limit: At most so many.
        verdict: Only those that say so.

    Returns:
        The newest first.
    """
    of = tables.decisions.c
    released = select(func.count()).where(tables.releases.c.decision == of.digest)
    query = select(of.seq, of.digest, of.intent, of.verdict, released.scalar_subquery())
    query = query.order_by(of.seq.desc()).limit(limit)
    query = query if before is None else query.where(of.seq < before)
    query = query if verdict is None else query.where(of.verdict == verdict)
    with ledger.store.reading() as connection:
        return tuple(DecisionLine(*row) for row in connection.execute(query))


def releases(
    ledger: Ledger, before: int | None = None, limit: int = PAGE
) -> tuple[ReleaseLine, ...]:
    """Return releases with the shares of their sources.

    Args:
        ledger: An open ledger.
        before: Only those before this entry; nothing means from the last on.
        limit: At most so many.

    Returns:
        The newest first. If a merge was repeated, its first recording counts.
    """
    of = tables.releases.c
    first = select(func.min(tables.candidates.c.seq)).where(tables.candidates.c.id == of.candidate)
    says = select(tables.decisions.c.verdict).where(tables.decisions.c.digest == of.decision)
    says = says.order_by(tables.decisions.c.seq).limit(1)
    query = select(
        tables.releases,
        says.scalar_subquery().label("verdict"),
        first.scalar_subquery().label("made"),
    )
    query = query.order_by(of.seq.desc()).limit(limit)
    query = query if before is None else query.where(of.seq < before)
    with ledger.store.reading() as connection:
        rows = connection.execute(query).all()
        inside = shares_of(connection, [row.made for row in rows if row.made is not None])
        places = _places(connection, [row.digest for row in rows])
    return tuple(
        ReleaseLine(
            seq=row.seq,
            digest=row.digest,
            name=restored(row.name),
            intent=row.intent,
            license=restored(row.license),
            candidate=row.candidate,
            decision=row.decision,
            verdict=row.verdict,
            shares=inside.get(row.made, ()),
            published=places.get(row.digest, ()),
        )
        for row in rows
    )


def contributors(ledger: Ledger, limit: int = PAGE, skip: int = 0) -> tuple[ContributorLine, ...]:
    """Return whose weights are in the releases, and how much of each they gave.

    Args:
        ledger: An open ledger.
        limit: At most so many.
        skip: Leave out so many at the beginning.

    Returns:
        The largest sum of shares first, of equal ones by identity. A release counts once, also if
        its merge was repeated.
    """
    with ledger.store.reading() as connection:
        rows = connection.execute(_sums().limit(limit).offset(skip)).all()
        names = _last_names(connection, [row.identity for row in rows])
    return tuple(
        ContributorLine(
            identity=row.identity,
            name=restored(names.get(row.identity, row.reference)),
            releases=row.releases,
            share=Decimal(row.billionths).scaleb(-9),
        )
        for row in rows
    )


def shares_of(connection: Connection, seqs: Sequence[int]) -> dict[int, tuple[ShareLine, ...]]:
    """Return the shares in some merged candidates.

    Args:
        connection: A connection to the ledger.
        seqs: Numbers of their entries, a page of them.

    Returns:
        Number to shares, in the order of the recipe.
    """
    of = tables.contributions.c
    query = select(tables.contributions).where(of.seq.in_(seqs)).order_by(of.seq, of.position)
    found: dict[int, list[ShareLine]] = {}
    for row in connection.execute(query):
        numbers = (row.nominal, row.effective, row.alignment)
        line = ShareLine(restored(row.reference), row.identity, *numbers, row.used)
        found.setdefault(row.seq, []).append(line)
    return {seq: tuple(lines) for seq, lines in found.items()}


def _places(connection: Connection, digests: Sequence[str]) -> dict[str, tuple[str, ...]]:
    of = tables.publications.c
    query = select(of.release, of.target).where(of.release.in_(digests), of.state == "confirmed")
    found: dict[str, set[str]] = {}
    for release, target in connection.execute(query):
        found.setdefault(release, set()).add(restored(target))
    return {release: tuple(sorted(targets)) for release, targets in found.items()}


def _sums() -> Select[str, str, int, int]:
    # Nine decimals as text: without the point they are whole billionths, which add up exactly.
    of, made = tables.contributions.c, tables.candidates.c
    wanted = select(tables.releases.c.candidate)
    first = select(made.id, func.min(made.seq).label("seq")).where(made.id.in_(wanted))
    merges = first.group_by(made.id).subquery()
    parts = cast(func.replace(of.effective, ".", ""), BigInteger)
    each = (
        select(merges.c.id, of.identity, func.min(of.reference).label("reference"))
        .add_columns(func.sum(parts).label("part"))
        .join(merges, merges.c.seq == of.seq)
        .where(of.identity.is_not(None))
        .group_by(merges.c.id, of.identity)
        .subquery()
    )
    total = cast(func.sum(each.c.part), BigInteger)
    query = select(
        each.c.identity,
        func.min(each.c.reference).label("reference"),
        func.count().label("releases"),
        total.label("billionths"),
    )
    query = query.join(tables.releases, tables.releases.c.candidate == each.c.id)
    query = query.where(each.c.part > 0).group_by(each.c.identity)
    return query.order_by(total.desc(), each.c.identity)


def _last_names(connection: Connection, identities: Sequence[str]) -> dict[str, str]:
    of = tables.models.c
    query = select(of.identity, of.name).where(of.identity.in_(identities)).order_by(of.seq)
    return {row.identity: row.name for row in connection.execute(query)}
