"""The rows that entries of searches leave in the index tables.

A search may have a million candidates: rows are made without detours, in the order of the columns.
"""

from collections.abc import Iterable, Iterator

import orjson
from sqlalchemy import Table

from evoreg.provenance.ledger import search_tables as tables
from evoreg.provenance.ledger.stored import storable, storable_or_none
from evoreg.provenance.records.candidate import Contribution, Fraction
from evoreg.provenance.records.evaluation import Evaluation, Generation
from evoreg.provenance.records.record import Record
from evoreg.provenance.records.result import SearchResult
from evoreg.provenance.records.search import Search

Cells = tuple[object, ...]
"""A row: its cells in the order of the table's columns."""


def searching_rows(seq: int, record: Record) -> Iterable[tuple[Table, Cells]]:
    """Return the rows that the entry of a search, evaluation, generation or result leaves.

    Args:
        seq: Number of the entry.
        record: What it says.

    Returns:
        Tables and rows, in the order of the record; nothing for other records.
    """
    match record:
        case Evaluation() as evaluation:
            return _evaluation(seq, evaluation)
        case Generation() as end:
            told = (end.search, end.stage, end.number, end.evaluations, end.failed)
            best, mean = _first(end.best), _first(end.mean)
            return [(tables.generations, (seq, *told, best, mean, end.items))]
        case Search() as search:
            return _search(seq, search)
        case SearchResult() as result:
            label = storable(result.label)
            return [(tables.results, (seq, result.search, result.winner, label))]
    return []


def _search(seq: int, search: Search) -> Iterator[tuple[Table, Cells]]:
    seeds = (search.run, search.seed, search.merge_seed)
    what = (search.intent, search.decision, storable_or_none(search.outbound))
    yield tables.searches, (seq, search.id, storable(search.name), *seeds, *what)
    for position, source in enumerate(search.ingredients):
        told = (storable(source.reference), storable(source.name))
        revision = storable_or_none(source.revision)
        yield tables.search_sources, (seq, position, *told, revision, source.identity)


def _evaluation(seq: int, found: Evaluation) -> list[tuple[Table, Cells]]:
    fitness = _first(found.fitness)
    failure = None if found.failure is None else storable(found.failure.code)
    number = None if fitness is None else float(fitness)
    at = (found.stage, found.generation, found.place, found.origin, storable(found.label))
    told = (found.candidate, failure, fitness, number)
    rows: list[tuple[Table, Cells]] = [
        (tables.evaluations, (seq, found.search, *at, *told)),
    ]
    for position, score in enumerate(found.scores):
        task = (storable(score.task), score.split, score.value, len(score.items))
        rows.append((tables.evaluation_scores, (seq, position, *task)))
        items = (_list(score.items), _list(score.softs))
        rows.append((tables.item_scores, (seq, position, *items)))
    for position, share in enumerate(found.contributions):
        rows.append((tables.evaluation_shares, (seq, position, *share_cells(share))))
    return rows


def share_cells(share: Contribution) -> Cells:
    """Return reference, the three shares and whether it was used.

    Args:
        share: The part of a source.

    Returns:
        Five cells.
    """
    numbers = (share.nominal, share.effective, share.alignment)
    return (storable(share.reference), *numbers, share.used)


def _list(numbers: tuple[int, ...]) -> str:
    try:
        return orjson.dumps(numbers).decode()
    except TypeError:  # beyond 64 bits, which only an entry from elsewhere can hold
        return f"[{','.join(map(str, numbers))}]"


def _first(numbers: tuple[Fraction, ...]) -> Fraction | None:
    return numbers[0] if numbers else None
