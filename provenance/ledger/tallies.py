"""Counting what searches tried, without counting a million candidates one by one."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, ColumnElement, Connection, Double, Select, cast, func, select

from evoreg.provenance.ledger import search_tables
from evoreg.provenance.ledger.search_values import Tally
from evoreg.provenance.records.candidate import Fraction
from evoreg.provenance.records.digest import Digest

_EVALUATIONS = search_tables.evaluations.c


def standing(
    connection: Connection, search: Digest, fitness: Fraction, generation: int | None
) -> tuple[int, int]:
    """Return where a first objective stands among those of a search.

    Args:
        connection: A connection to the ledger.
        search: `Search.id`.
        fitness: The first objective.
        generation: Only among those of this generation; nothing means all.

    Returns:
        Its place, from 1, and how many there are.
    """
    if generation is None:
        return _standing_of_all(connection, search, float(fitness))
    of = _EVALUATIONS
    # Along the index of generations: it knows no fitness, but few candidates are left there.
    value = of.fitness_value + 0.0
    here = (of.search == search, of.generation == generation, value.is_not(None))
    better = select(func.count()).where(*here, value > float(fitness))
    every = select(func.count()).where(*here)
    return (connection.scalar(better) or 0) + 1, connection.scalar(every) or 0


def _standing_of_all(connection: Connection, search: Digest, fitness: float) -> tuple[int, int]:
    # Count the smaller part, as far as the mean of the generations tells which that is.
    ends, value = search_tables.generations.c, _EVALUATIONS.fitness_value
    found = tally(connection, search)
    every = found.evaluations - found.failed
    middle = select(func.avg(cast(ends.mean, Double))).where(ends.search == search)
    good = fitness >= (connection.scalar(middle) or 0.0)
    count = select(func.count()).where(_EVALUATIONS.search == search, value.is_not(None))
    some = connection.scalar(count.where(value > fitness if good else value <= fitness)) or 0
    return (some if good else max(0, every - some)) + 1, every


def tally(connection: Connection, search: Digest) -> Tally:
    """Return what a search amounts to.

    Args:
        connection: A connection to the ledger.
        search: `Search.id`.

    Returns:
        The numbers.
    """
    return tallies(connection, [search])[search]


def tallies(connection: Connection, searches: Sequence[Digest]) -> dict[Digest, Tally]:
    """Return what some searches amount to.

    Complete generations are taken from their ends, so that nobody counts a million candidates.

    Args:
        connection: A connection to the ledger.
        searches: `Search.id` of each, a page of them.

    Returns:
        The numbers of each; of a search that is not on record they are all zero.
    """
    ends, done = search_tables.generations.c, search_tables.results.c
    sums = (_sum(ends.evaluations), _sum(ends.failed), func.count(), func.max(ends.seq))
    closed = select(ends.search, *sums).where(ends.search.in_(searches)).group_by(ends.search)
    found = {search: counts for search, *counts in connection.execute(closed)}
    ended = set(connection.scalars(select(done.search).where(done.search.in_(searches))))
    told = {}
    for search in searches:
        tried, failed, generations, last = found.get(search, (0, 0, 0, 0))
        more, lost, best = connection.execute(_behind(search, last)).one()
        told[search] = Tally(tried + more, failed + lost, generations, best, search in ended)
    return told


def _behind(search: Digest, last: int) -> Select[int, int, str | None]:
    """What the search tried behind the end of its last generation, and the best of all."""
    of = _EVALUATIONS
    rest = select(func.count(), func.count(of.failure)).where(of.search == search, of.seq > last)
    highest = select(func.max(of.fitness_value)).where(
        of.search == search, of.fitness_value.is_not(None)
    )
    best = select(of.fitness).where(
        of.search == search, of.fitness_value == highest.correlate(None).scalar_subquery()
    )
    first = best.order_by(of.seq).limit(1).correlate(None).scalar_subquery()
    return rest.add_columns(first)


def _sum(column: ColumnElement[int]) -> ColumnElement[int]:
    # PostgreSQL would give a decimal number.
    return cast(func.sum(column), BigInteger)
