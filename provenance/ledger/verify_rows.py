"""Checking the books: the rows of the index tables against those that the entries leave."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache

from sqlalchemy import Connection, Dialect, Select, Table, bindparam, or_, select, type_coerce
from sqlalchemy.types import NullType

from evoreg.provenance.ledger import search_tables, tables
from evoreg.provenance.ledger.body import Body
from evoreg.provenance.ledger.projection import rows_of
from evoreg.provenance.ledger.retention import Pruned
from evoreg.provenance.ledger.search_projection import Cells
from evoreg.provenance.records.evaluation import Evaluation


class Comparison:
    """Index tables held against entries, some entries at a time."""

    def __init__(self, connection: Connection, pruned: Pruned) -> None:
        """Take a connection to the ledger, and which item scores must be gone."""
        self._connection = connection
        self._pruned = pruned
        self._wanted: dict[Table, list[Cells]] = {}
        self._unreadable: set[int] = set()
        self.differing: dict[str, list[int]] = {}
        """Name of a table to the entries from which its rows differ, in order."""
        self._forget()

    def add(self, seq: int, body: Body | None) -> None:
        """Take an entry.

        Args:
            seq: Its number.
            body: What it says; nothing if that cannot be read, then its rows are not looked at.
        """
        if body is None:
            self._unreadable.add(seq)
            return
        record = body.record
        gone = type(record) is Evaluation and self._pruned.covers(seq, record.search)
        for table, row in rows_of(seq, record, body.location):
            if not (gone and table is search_tables.item_scores):
                self._wanted[table].append(row)

    def compare(self, after: int, last: int) -> None:
        """Compare the rows of the entries that were added since the last time.

        Args:
            after: Number of the entry before the first of them.
            last: Number of the last of them.
        """
        for table, wanted in self._wanted.items():
            actual = rows_between(self._connection, table, after, last)
            if wanted != actual:
                found = _different(wanted, actual) - self._unreadable
                if found:
                    self.differing.setdefault(table.name, []).extend(sorted(found))
        self._forget()

    def _forget(self) -> None:
        self._wanted = {table: [] for table in tables.PROJECTIONS}
        self._unreadable = set()


def _different(wanted: Sequence[Cells], actual: Sequence[Cells]) -> set[int]:
    one, other = _by_entry(wanted), _by_entry(actual)
    return {seq for seq in {*one, *other} if one.get(seq) != other.get(seq)}


def _by_entry(rows: Sequence[Cells]) -> dict[int, list[Cells]]:
    found: dict[int, list[Cells]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)  # type: ignore[arg-type]  # a number
    return found


def rows_between(connection: Connection, table: Table, after: int, last: int) -> list[Cells]:
    """Return rows of an index table as the driver of the database gives them.

    Args:
        connection: A connection to the ledger.
        table: The table.
        after: Number of the entry before the first one wanted.
        last: Number of the last one wanted.

    Returns:
        The rows in the order of their keys. In a damaged file any cell may be anything.
    """
    driver = connection.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        with suppress(sqlite3.DatabaseError), _plain_text(driver):
            return driver.execute(_spelt(table, connection.dialect), (after, last)).fetchall()
        # Some text is not UTF-8, which the connection's own slower way can read too; or the table
        # cannot be read at all, which that way says as the store expects it.
    result = connection.execute(_between(table), {"after": after, "last": last})
    return [tuple(row) for row in result]


@contextmanager
def _plain_text(driver: sqlite3.Connection) -> Iterator[None]:
    own, driver.text_factory = driver.text_factory, str
    try:
        yield
    finally:
        driver.text_factory = own


@cache
def _spelt(table: Table, dialect: Dialect) -> str:
    return str(_between(table).compile(dialect=dialect))


@cache
def _between(table: Table) -> Select[*tuple[object, ...]]:
    cells = (type_coerce(column, NullType()).label(column.name) for column in table.c)
    inside = (table.c.seq > bindparam("after"), table.c.seq <= bindparam("last"))
    return select(*cells).where(*inside).order_by(*table.primary_key)


def rows_beyond(connection: Connection, last: int) -> dict[str, list[int]]:
    """Return the rows of index tables that belong to no entry.

    Args:
        connection: A connection to the ledger.
        last: Number of the last entry.

    Returns:
        Name of a table to the numbers of entries that they name, in order.
    """
    found: dict[str, list[int]] = {}
    for table in tables.PROJECTIONS:
        beyond = select(table.c.seq).where(or_(table.c.seq < 1, table.c.seq > last)).distinct()
        numbers = list(connection.execute(beyond.order_by(table.c.seq)).scalars())
        if numbers:
            found[table.name] = numbers
    return found
