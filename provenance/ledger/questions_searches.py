"""Questions about searches and what they tried, answered without reading a million candidates.

Lists are read a page at a time along an index: the next page begins behind the last candidate of
the one before. Pictures get a number of points that does not grow with the search.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import BigInteger, ColumnElement, Connection, Double, Select, cast, func, select

from evoreg.provenance.ledger import search_tables
from evoreg.provenance.ledger.chain import read_head
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.question_values import Dot, HistoryPoint, SearchLine
from evoreg.provenance.ledger.questions import PAGE
from evoreg.provenance.ledger.questions_models import search_lines
from evoreg.provenance.ledger.search_queries import NOT_SAMPLED, rows_at
from evoreg.provenance.ledger.search_values import EvaluationRow
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.evaluation import Origin

Order = Literal["oldest", "newest", "best", "worst"]
"""As candidates were recorded or the other way round; by the first objective, of equal ones the
older first, or exactly the other way round. Those that failed have no place in the latter two."""

_EVALUATIONS = search_tables.evaluations.c
_ENDS = search_tables.generations.c


def searches(
    ledger: Ledger, before: int | None = None, limit: int = PAGE
) -> tuple[SearchLine, ...]:
    """Return searches with what they amount to so far.

    Args:
        ledger: An open ledger.
        before: Only those before this entry; nothing means from the last on.
        limit: At most so many.

    Returns:
        The newest first.
    """
    conditions = [] if before is None else [search_tables.searches.c.seq < before]
    with ledger.store.reading() as connection:
        return search_lines(connection, limit, *conditions)


def history(ledger: Ledger, search: Digest, points: int = 200) -> tuple[HistoryPoint, ...]:
    """Return the course of a search, as many generations to a point as it takes.

    Args:
        ledger: An open ledger.
        search: `Search.id`.
        points: At most so many points, at least 1.

    Returns:
        The points from the first generation to the last; none is best by more than its best.
    """
    with ledger.store.reading() as connection:
        last = connection.scalar(select(func.max(_ENDS.number)).where(_ENDS.search == search))
        if last is None:
            return ()
        width = -(-(last + 1) // max(1, points))
        return tuple(HistoryPoint(*row) for row in connection.execute(_buckets(search, width)))


def dots(ledger: Ledger, search: Digest, limit: int = 2000) -> tuple[Dot, ...]:
    """Return candidates of a search for a picture: whole generations, spread evenly.

    Args:
        ledger: An open ledger.
        search: `Search.id`.
        limit: About so many at most; one whole generation at least.

    Returns:
        The candidates by generation and place.
    """
    sizes = select(func.max(_ENDS.number), func.max(_ENDS.evaluations))
    of = _EVALUATIONS
    with ledger.store.reading() as connection:
        last, size = connection.execute(sizes.where(_ENDS.search == search)).one()
        if last is None:
            return ()
        many = max(1, limit // max(1, size))
        width = -(-(last + 1) // many)
        wanted = list(range(0, last + 1, width))
        query = select(of.seq, of.generation, of.place, of.fitness_value)
        query = query.where(of.search == search, of.generation.in_(wanted))
        rows = connection.execute(query.order_by(of.generation, of.place, of.seq))
        return tuple(Dot(*row) for row in rows)


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of the list of a search is wanted."""

    order: Order = "oldest"
    """In which order."""
    generation: int | None = None
    """Only candidates of this generation."""
    failed: bool | None = None
    """True for failures only, False for all others; by fitness there are no failures."""
    after: int | None = None
    """Number of the entry of the last candidate on the page before; nothing for the first page."""
    limit: int = PAGE
    """At most so many."""


def candidates(
    ledger: Ledger, search: Digest, part: Part | None = None
) -> tuple[EvaluationRow, ...]:
    """Return a page of what a search tried.

    Args:
        ledger: An open ledger.
        search: `Search.id`.
        part: Which; nothing means the oldest.

    Returns:
        The candidates in the order asked for; less than `Part.limit` if there are no more.
    """
    part = part or Part()
    of = _EVALUATIONS
    mine = [of.search == search]
    with ledger.store.reading() as connection:
        if part.generation is not None:
            seqs = _in_generation(connection, [*mine, of.generation == part.generation], part)
        elif part.order in ("best", "worst"):
            # Failures have no fitness, and an index finds what has none.
            seqs = [] if part.failed else _by_fitness(connection, mine, part)
        else:
            empty = [of.fitness_value.is_(None), of.failure.is_not(None)]
            mine += {True: empty, False: [of.failure.is_(None)], None: []}[part.failed]
            seqs = _by_course(connection, mine, part, _bounds(connection, search))
        return rows_at(connection, seqs)


def others(
    ledger: Ledger, search: Digest, origin: Origin, after: int = 0, limit: int = PAGE
) -> tuple[EvaluationRow, ...]:
    """Return the baselines of a search, its finalists, their variants, or what was injected.

    Args:
        ledger: An open ledger.
        search: `Search.id`.
        origin: Where they came from; of ``sampled`` ones there is `candidates`.
        after: Number of the entry of the last one on the page before.
        limit: At most so many.

    Returns:
        The candidates as they were recorded.
    """
    of = _EVALUATIONS
    # The planner of SQLite must not walk along the numbers through all that was sampled.
    query = select(of.seq).where(of.search == search, of.origin == origin, of.seq + 0 > after)
    query = query if origin == "sampled" else query.where(NOT_SAMPLED)
    with ledger.store.reading() as connection:
        return rows_at(connection, list(connection.scalars(query.order_by(of.seq).limit(limit))))


# `Any`: numbers, whole ones and others.
def _buckets(search: Digest, width: int) -> Select[*tuple[Any, ...]]:
    good = _ENDS.evaluations - _ENDS.failed
    # The best and the mean of a generation in which all failed are empty, and weigh nothing.
    mean = func.sum(cast(_ENDS.mean, Double) * good)
    weight = func.nullif(func.sum(good), 0)
    query = select(
        func.min(_ENDS.number),
        func.max(_ENDS.number),
        func.max(_ENDS.stage),
        cast(func.sum(_ENDS.evaluations), BigInteger),
        cast(func.sum(_ENDS.failed), BigInteger),
        func.max(cast(_ENDS.best, Double)),
        mean / weight,
        func.max(_ENDS["items"]),
    )
    return (
        query.where(_ENDS.search == search)
        .group_by(_ENDS.number // width)
        .order_by(func.min(_ENDS.number))
    )


def _in_generation(
    connection: Connection, conditions: Sequence[ColumnElement[bool]], part: Part
) -> list[int]:
    of = _EVALUATIONS
    query = select(of.seq, of.fitness_value, of.failure).where(*conditions).order_by(of.place)
    rows = [
        row
        for row in connection.execute(query)
        if part.failed is None or (row.failure is not None) is part.failed
    ]
    rows.sort(key=lambda row: row.seq)
    if part.order in ("best", "worst"):
        rows = [row for row in rows if row.fitness_value is not None]
        rows.sort(key=lambda row: -row.fitness_value)
    if part.order in ("newest", "worst"):
        rows.reverse()
    seqs = [row.seq for row in rows]
    first = 0 if part.after is None else len(seqs)
    if part.after in seqs:
        first = seqs.index(part.after) + 1
    return seqs[first : first + part.limit]


def _bounds(connection: Connection, search: Digest) -> tuple[int, int]:
    # From tables that are small; the planner of PostgreSQL would look for them along all numbers.
    begun, ended = search_tables.searches.c, search_tables.results.c
    first = connection.scalar(select(begun.seq).where(begun.id == search))
    last = connection.scalar(select(ended.seq).where(ended.search == search))
    return first or 0, last or read_head(connection).seq


def _by_course(
    connection: Connection,
    conditions: Sequence[ColumnElement[bool]],
    part: Part,
    bounds: tuple[int, int],
) -> list[int]:
    # A planner may walk along all numbers instead of those of the search: it begins near by then.
    seq, (first, last) = _EVALUATIONS.seq, bounds
    query = select(seq).where(*conditions).limit(part.limit)
    if part.order == "oldest":
        begin = first - 1 if part.after is None else part.after
        return list(connection.scalars(query.where(seq > begin).order_by(seq)))
    begin = last + 1 if part.after is None else part.after
    return list(connection.scalars(query.where(seq < begin).order_by(seq.desc())))


def _by_fitness(
    connection: Connection, conditions: Sequence[ColumnElement[bool]], part: Part
) -> list[int]:
    of, forward = _EVALUATIONS, part.order == "best"
    value, seq = of.fitness_value, of.seq
    # Fitness from good to bad and numbers upwards, or both the other way round.
    fitness, number = (value.desc(), seq) if forward else (value, seq.desc())
    mine = select(seq).where(*conditions, value.is_not(None))
    found: list[int] = []
    if part.after is not None:
        last = connection.scalar(select(value).where(seq == part.after))
        if last is None:
            return []
        equal = mine.where(value == last, seq > part.after if forward else seq < part.after)
        found += connection.scalars(equal.order_by(number).limit(part.limit))
        mine = mine.where(value < last if forward else value > last)
    # Thousands may share a fitness: only so many of the last one wanted are put in order.
    left = part.limit - len(found)
    lowest = mine.with_only_columns(value).order_by(fitness).limit(1).offset(max(0, left - 1))
    cut = connection.scalar(lowest) if left > 0 else None
    if cut is None:
        return [*found, *connection.scalars(mine.order_by(fitness, number).limit(left))]
    better = mine.where(value > cut if forward else value < cut).order_by(fitness, number)
    found += connection.scalars(better)
    equal = mine.where(value == cut).order_by(number).limit(part.limit - len(found))
    return [*found, *connection.scalars(equal)]
