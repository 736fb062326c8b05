"""The order of entries that follow from others, kept when they are written.

Two processes may carry on the same search by mistake. Both would close the same generation with
the same candidates; whoever comes second is refused here, under the lock of the head row. So is
who publishes a release that is under way already, or settles what is settled.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from evoreg.provenance.ledger.publication_order import check_publications
from evoreg.provenance.ledger.search_tables import generations, results, searches
from evoreg.provenance.records.digest import Digest, short
from evoreg.provenance.records.errors import Code, InputError
from evoreg.provenance.records.evaluation import Evaluation, Generation
from evoreg.provenance.records.record import Record
from evoreg.provenance.records.result import SearchResult
from evoreg.provenance.records.search import Search

_RACE = "another process carries it on: let it finish, or begin a new run"
_CALLER = "append the search first, then whole generations from 0 on, then the result"


def check_order(connection: Connection, added: Sequence[tuple[int, Record]]) -> None:
    """Refuse entries of searches and publications that do not follow what is on record.

    Args:
        connection: A connection inside the transaction that wrote entries and index tables.
        added: Numbers and records of the new entries, in order.

    Raises:
        InputError: LEDGER_ORDER; the transaction must not be kept.
    """
    check_publications(connection, added)
    first = added[0][0] if added else 0
    closed: dict[tuple[Digest, int, int], list[int]] = {}
    called: set[Digest] = set()
    for seq, record in added:
        match record:
            case Search():
                _check_new(connection, record.id, seq)
            case Evaluation():
                called.add(record.search)
                at = (record.search, record.stage, record.generation)
                closed.setdefault(at, []).append(record.place)
            case Generation():
                _check_open(connection, record.search, first)
                places = closed.pop((record.search, record.stage, record.number), [])
                _check_generation(connection, seq, record, places)
            case SearchResult():
                _check_open(connection, record.search, seq)
    for search in sorted(called):
        _check_open(connection, search, first)


def _check_new(connection: Connection, search: Digest, seq: int) -> None:
    known = select(searches.c.seq).where(searches.c.id == search, searches.c.seq < seq)
    if connection.scalar(known.limit(1)) is not None:
        raise _refused("this search is on record already", search, _RACE)


def _check_open(connection: Connection, search: Digest, first: int) -> None:
    begun = select(searches.c.seq).where(searches.c.id == search)
    if connection.scalar(begun) is None:
        raise _refused("the search itself is not on record", search, _CALLER)
    ended = select(results.c.seq).where(results.c.search == search, results.c.seq < first)
    if connection.scalar(ended) is not None:
        raise _refused("the result of this search is on record already", search, _RACE)


def _check_generation(
    connection: Connection, seq: int, end: Generation, places: Sequence[int]
) -> None:
    mine = generations.c.search == end.search
    before = select(func.count()).where(mine, generations.c.seq < seq)
    expected = connection.scalar(before) or 0
    if end.number < expected:
        what = f"generation {end.number} of this search is on record already"
        raise _refused(what, end.search, _RACE)
    if end.number > expected:
        what = f"generation {end.number} is closed, but {expected} comes next"
        raise _refused(what, end.search, _CALLER)
    if [*places] != list(range(end.evaluations)):
        what = f"generation {end.number} is closed without its {end.evaluations} candidates"
        raise _refused(what, end.search, "append them together with its end, by place")


def _refused(what: str, search: Digest, hint: str) -> InputError:
    return InputError(Code.LEDGER_ORDER, what, where=f"search {short(search)}", hint=hint)
