"""The order of a search's entries, kept when they are written.

Two processes may carry on the same search by mistake. Both would close the same generation with
the same candidates; whoever comes second is refused here, under the lock of the head row.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, func, select

from evoreg.provenance.ledger.search_tables import evaluations, generations, results, searches
from evoreg.provenance.records.digest import Digest, short
from evoreg.provenance.records.entry import Entry
from evoreg.provenance.records.errors import Code, InputError

_KINDS = ("search", "evaluation", "generation", "result")
_RACE = "another process carries it on: let it finish, or begin a new run"
_CALLER = "append the search first, then whole generations from 0 on, then the result"


def check_order(connection: Connection, added: Iterable[Entry]) -> None:
    """Refuse entries of searches that do not follow what is on record.

    Args:
        connection: A connection inside the transaction that wrote entries and index tables.
        added: The new entries, in order.

    Raises:
        InputError: LEDGER_ORDER; the transaction must not be kept.
    """
    first = next((entry.seq for entry in added if entry.kind in _KINDS), None)
    if first is not None:
        _check_searches(connection, first)
        _check_evaluations(connection, first)
        _check_generations(connection, first)
        _check_results(connection, first)


def _check_searches(connection: Connection, first: int) -> None:
    new = select(searches.c.id).where(searches.c.seq >= first)
    query = select(searches.c.id).where(searches.c.id.in_(new)).group_by(searches.c.id)
    for search in connection.scalars(query.having(func.count() > 1)):
        raise _refused("this search is on record already", search, _RACE)


def _check_evaluations(connection: Connection, first: int) -> None:
    new = select(evaluations.c.search).where(evaluations.c.seq >= first).distinct()
    for search in connection.scalars(new):
        _check_open(connection, search, first)


def _check_open(connection: Connection, search: Digest, first: int) -> None:
    begun = select(searches.c.seq).where(searches.c.id == search)
    if connection.scalar(begun) is None:
        raise _refused("the search itself is not on record", search, _CALLER)
    ended = select(results.c.seq).where(results.c.search == search, results.c.seq < first)
    if connection.scalar(ended) is not None:
        raise _refused("the result of this search is on record already", search, _RACE)


def _check_generations(connection: Connection, first: int) -> None:
    query = select(generations).where(generations.c.seq >= first).order_by(generations.c.seq)
    for row in connection.execute(query).all():
        _check_open(connection, row.search, first)
        mine = generations.c.search == row.search
        before = select(func.count()).where(mine, generations.c.seq < row.seq)
        expected = connection.scalar(before) or 0
        if row.number < expected:
            what = f"generation {row.number} of this search is on record already"
            raise _refused(what, row.search, _RACE)
        if row.number > expected:
            what = f"generation {row.number} is closed, but {expected} comes next"
            raise _refused(what, row.search, _CALLER)
        found = _places(connection, row.search, (row.stage, row.number), (first, row.seq))
        if found != list(range(row.evaluations)):
            what = f"generation {row.number} is closed without its {row.evaluations} candidates"
            raise _refused(what, row.search, "append them together with its end, by place")


def _places(
    connection: Connection, search: Digest, at: tuple[int, int], between: tuple[int, int]
) -> list[int]:
    columns = evaluations.c
    query = select(columns.place).where(
        columns.search == search,
        columns.stage == at[0],
        columns.generation == at[1],
        columns.seq >= between[0],
        columns.seq < between[1],
    )
    return list(connection.scalars(query.order_by(columns.seq)))


def _check_results(connection: Connection, first: int) -> None:
    query = select(results.c.search, results.c.seq).where(results.c.seq >= first)
    for row in connection.execute(query.order_by(results.c.seq)).all():
        _check_open(connection, row.search, row.seq)


def _refused(what: str, search: Digest, hint: str) -> InputError:
    return InputError(Code.LEDGER_ORDER, what, where=f"search {short(search)}", hint=hint)
