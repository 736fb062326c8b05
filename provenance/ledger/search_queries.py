"""The queries behind the questions about searches."""

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    literal,
    select,
    union,
    union_all,
)

from evoreg.provenance.ledger import search_tables, tables
from evoreg.provenance.ledger.body import Body
from evoreg.provenance.ledger.course import Step
from evoreg.provenance.ledger.queries import bodies_of, find_bodies
from evoreg.provenance.ledger.search_values import (
    EvaluationRow,
    RecordedEvaluation,
    RecordedGeneration,
    RecordedResult,
    RecordedSearch,
    ScoreRow,
    Wanted,
)
from evoreg.provenance.ledger.stillness import uncollected
from evoreg.provenance.ledger.stored import restored
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.evaluation import Evaluation, Generation
from evoreg.provenance.records.result import SearchResult
from evoreg.provenance.records.search import Search

_BEGINNING = re.compile(r"(?:sha256:)?([0-9a-f]{1,64})")
_BEHIND_DIGITS = "g"
_FEW = 1000
"""Rows that are named one by one, once an index has told which they are."""
_EVALUATIONS = search_tables.evaluations.c
NOT_SAMPLED = _EVALUATIONS.origin != literal("sampled", literal_execute=True)
"""The condition of the index ``evaluations_others``, without a parameter, so that it is used."""
_Recorded = TypeVar("_Recorded")


def begins(column: ColumnElement[str], text: str) -> ColumnElement[bool] | None:
    """Return the condition that a digest begins so.

    Args:
        column: A column of digests.
        text: First digits, with or without ``sha256:``.

    Returns:
        A condition that an index can answer; nothing if the text is no beginning of a digest.
    """
    found = _BEGINNING.fullmatch(text)
    if found is None:
        return None
    first = f"sha256:{found[1]}"
    return (column >= first) & (column < first + _BEHIND_DIGITS)


def numbers(search: Digest, wanted: Wanted) -> Select[int]:
    """Return the query for the numbers of some evaluations of a search.

    Args:
        search: `Search.id`.
        wanted: Which, and in which order.

    Returns:
        A query over one column.
    """
    if wanted.order == "fitness" and wanted.failed is None and wanted.limit is not None:
        return _some_of_both(search, wanted)
    query = select(_EVALUATIONS.seq).where(*_conditions(search, wanted))
    value = _EVALUATIONS.fitness_value
    match wanted.order, wanted.failed:
        case "fitness", False:  # the order of an index
            query = query.order_by(value.desc(), _EVALUATIONS.seq)
        case "fitness", _:
            query = query.order_by(value.is_(None), value.desc(), _EVALUATIONS.seq)
        case _ if wanted.generation is not None:  # likewise
            query = query.order_by(_EVALUATIONS.place, _EVALUATIONS.seq)
        case _:
            query = query.order_by(_EVALUATIONS.seq)
    return query.limit(wanted.limit)


def _some_of_both(search: Digest, wanted: Wanted) -> Select[int]:
    # An index gives the first of those that have a fitness, and the first of those that have none;
    # only so many need be put in order.
    value = _EVALUATIONS.fitness_value
    mine = select(_EVALUATIONS.seq).where(*_conditions(search, wanted)).limit(wanted.limit)
    scored = mine.where(value.is_not(None)).order_by(value.desc(), _EVALUATIONS.seq).subquery()
    others = mine.where(value.is_(None)).order_by(_EVALUATIONS.seq).subquery()
    both = union_all(select(scored.c.seq), select(others.c.seq))
    query = select(_EVALUATIONS.seq).where(_EVALUATIONS.seq.in_(both))
    query = query.order_by(value.is_(None), value.desc(), _EVALUATIONS.seq)
    return query.limit(wanted.limit)


def _conditions(search: Digest, wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions = [_EVALUATIONS.search == search]
    pairs = ((_EVALUATIONS.stage, wanted.stage), (_EVALUATIONS.generation, wanted.generation))
    conditions += [column == value for column, value in pairs if value is not None]
    if wanted.origin is not None:
        conditions.append(_EVALUATIONS.origin == wanted.origin)
        if wanted.origin != "sampled":
            conditions.append(NOT_SAMPLED)
    if wanted.failed is not None:
        empty = _EVALUATIONS.failure.is_(None)
        if wanted.order == "fitness" and not wanted.failed:
            empty = _EVALUATIONS.fitness_value.is_not(None)  # the index knows what failed by this
        conditions.append(~empty if wanted.failed else empty)
    return conditions


def find_searches(
    connection: Connection, *conditions: ColumnElement[bool]
) -> tuple[RecordedSearch, ...]:
    """Return searches.

    Args:
        connection: A connection to the ledger.
        conditions: Conditions on the table `searches`; none means all.

    Returns:
        The searches in the order of their recording.
    """
    query = select(search_tables.searches.c.seq).where(*conditions)
    return tuple(
        RecordedSearch(seq, body.at, body.by, body.record, body.extra)
        for seq, body in bodies_of(connection, tables.entries.c.seq.in_(query))
        if isinstance(body.record, Search)
    )


def find_evaluations(connection: Connection, query: Select[int]) -> tuple[RecordedEvaluation, ...]:
    """Return evaluations.

    Args:
        connection: A connection to the ledger.
        query: A query for the numbers of their entries.

    Returns:
        The evaluations in the order of the query.
    """
    return _found(connection, query, RecordedEvaluation)


def find_generations(connection: Connection, query: Select[int]) -> tuple[RecordedGeneration, ...]:
    """Return ends of generations, in the order of their recording; else as `find_evaluations`."""
    return _found(connection, query.order_by("seq"), RecordedGeneration)


def find_results(connection: Connection, query: Select[int]) -> tuple[RecordedResult, ...]:
    """Return results, in the order of their recording; else as `find_evaluations`."""
    return _found(connection, query.order_by("seq"), RecordedResult)


def course(connection: Connection, search: Digest) -> list[Step]:
    """Return all entries of a search behind the first.

    Args:
        connection: A connection to the ledger.
        search: `Search.id`.

    Returns:
        The entries in the order of their recording.
    """
    parts = (search_tables.evaluations, search_tables.generations, search_tables.results)
    found = (connection.scalars(select(t.c.seq).where(t.c.search == search)) for t in parts)
    seqs = [seq for part in found for seq in part]
    with uncollected():
        steps = (_step(seq, body) for seq, body in find_bodies(connection, seqs).items())
        return [step for step in steps if step is not None]


def evaluation_rows(
    connection: Connection, search: Digest, wanted: Wanted
) -> tuple[EvaluationRow, ...]:
    """Return a list of evaluations from the index tables alone.

    Args:
        connection: A connection to the ledger.
        search: `Search.id`.
        wanted: Which, and in which order.

    Returns:
        The rows in this order.
    """
    chosen = numbers(search, wanted)
    if wanted.limit is not None and wanted.limit <= _FEW:
        return rows_at(connection, list(connection.scalars(chosen)))
    return _rows(connection, chosen, _score_rows(connection, select(chosen.subquery().c.seq)))


def rows_at(connection: Connection, seqs: Sequence[int]) -> tuple[EvaluationRow, ...]:
    """Return some evaluations from the index tables alone.

    Args:
        connection: A connection to the ledger.
        seqs: Numbers of their entries, a page of them.

    Returns:
        The rows in this order.
    """
    chosen = select(_EVALUATIONS.seq).where(_EVALUATIONS.seq.in_(seqs))
    rows = {row.seq: row for row in _rows(connection, chosen, _score_rows(connection, seqs))}
    return tuple(rows[seq] for seq in seqs if seq in rows)


def _rows(
    connection: Connection, chosen: Select[int], scores: Mapping[int, tuple[ScoreRow, ...]]
) -> tuple[EvaluationRow, ...]:
    names = ("seq", "search", "stage", "generation", "place", "origin", "label", "candidate")
    columns = [_EVALUATIONS[name] for name in (*names, "failure", "fitness")]
    rows = connection.execute(chosen.with_only_columns(*columns, maintain_column_froms=True))
    return tuple(
        EvaluationRow(
            **{**row, "label": restored(row["label"])},
            scores=scores.get(row["seq"], ()),
        )
        for row in rows.mappings()
    )


def candidate_ids(connection: Connection, beginning: str, limit: int) -> tuple[Digest, ...]:
    """Return ids of scored or merged candidates.

    Args:
        connection: A connection to the ledger.
        beginning: First digits of the id.
        limit: At most so many.

    Returns:
        The ids, sorted, each once.
    """
    columns = (_EVALUATIONS.candidate, tables.candidates.c.id, search_tables.results.c.winner)
    queries = []
    for column in columns:
        condition = begins(column, beginning)
        if condition is None:
            return ()
        found = select(column.label("id")).where(condition).distinct().order_by(column).limit(limit)
        queries.append(select(found.subquery().c.id))
    return tuple(sorted(connection.scalars(union(*queries)))[:limit])


def _score_rows(
    connection: Connection, chosen: Select[int] | Sequence[int]
) -> Mapping[int, tuple[ScoreRow, ...]]:
    table = search_tables.evaluation_scores
    query = select(table).where(table.c.seq.in_(chosen)).order_by(*table.primary_key)
    found: dict[int, tuple[ScoreRow, ...]] = {}
    for row in connection.execute(query):
        score = ScoreRow(restored(row.task), row.split, row.value, row.items)
        found[row.seq] = (*found.get(row.seq, ()), score)
    return found


def _found(
    connection: Connection, query: Select[int], kind: type[_Recorded]
) -> tuple[_Recorded, ...]:
    seqs = list(connection.scalars(query))
    with uncollected():
        bodies = find_bodies(connection, seqs)
        steps = (_step(seq, bodies[seq]) for seq in seqs if seq in bodies)
        return tuple(step for step in steps if isinstance(step, kind))


def _step(seq: int, body: Body) -> Step | None:
    match body.record:
        case Evaluation() as evaluation:
            times = (_seconds(body.extra.get(f"{name}_seconds")) for name in ("apply", "score"))
            return RecordedEvaluation(seq, body.at, body.by, evaluation, *times)
        case Generation() as generation:
            return RecordedGeneration(seq, body.at, body.by, generation)
        case SearchResult() as result:
            return RecordedResult(seq, body.at, body.by, result)
    return None


def _seconds(value: Json) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and isinstance(value, int | float) else None
