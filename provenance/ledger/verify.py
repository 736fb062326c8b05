"""Checking the books: every hash, the order, the head, the bodies, the triggers, the indexes.

The ledger by itself shows every change but two: a tail that was cut off with the head set back,
and a history that was hashed anew from some entry on. Both show against an anchor: a `Head` that
was kept where the person who changed the books could not reach it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Connection, Table, or_, select, type_coerce
from sqlalchemy.types import NullType

from evoreg.provenance.ledger import tables
from evoreg.provenance.ledger.audit import Walk
from evoreg.provenance.ledger.chain import COLUMNS, PAGE, EntryRow
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.projection import Row, rows_of
from evoreg.provenance.ledger.triggers import trigger_problems
from evoreg.provenance.ledger.values import Head
from evoreg.provenance.records.errors import Code, Problem


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """What a check of the books found."""

    entries: int
    """Rows that were read."""
    head: Head
    """The last entry; keep it elsewhere as the anchor of the next check."""
    problems: tuple[Problem, ...]
    """All that is wrong: entries in their order, head, index tables, triggers. Empty is good."""


def verify(ledger: Ledger, anchor: Head | None = None) -> VerificationReport:
    """Check the whole ledger in one state; writers may go on meanwhile.

    Args:
        ledger: An open ledger.
        anchor: A head that was noted earlier and kept elsewhere.

    Returns:
        What was found. Each problem has the code LEDGER_BROKEN and names its entry or table.

    Raises:
        InputError: The database cannot be reached.
        VerificationError: The database is too damaged to be read at all.
    """
    walk = Walk(anchor or Head())
    differing: dict[str, list[int]] = {table.name: [] for table in tables.PROJECTIONS}
    query = select(*COLUMNS).order_by(tables.entries.c.seq, tables.entries.c.hash)
    with ledger.store.reading() as connection:
        rows = connection.execute(query.execution_options(yield_per=PAGE))
        for page in rows.partitions():
            _check_page(connection, walk, page, differing)
        walk.finish()
        _compare_beyond(connection, walk.last.seq, differing)
        problems = (
            *walk.problems,
            *_head_problems(connection, walk.last),
            *_index_problems(differing),
            *trigger_problems(connection),
        )
    return VerificationReport(walk.count, walk.last, problems)


def _check_page(
    connection: Connection, walk: Walk, page: Sequence[EntryRow], differing: dict[str, list[int]]
) -> None:
    after = walk.last.seq
    expected: dict[str, dict[int, list[Row]]] = {table.name: {} for table in tables.PROJECTIONS}
    readable: set[int] = set()
    for row in page:
        body = walk.step(row)
        if body is not None:
            readable.add(row.seq)
            for table, content in rows_of(row.seq, body):
                expected[table.name].setdefault(row.seq, []).append(content)
    unreadable = {row.seq for row in page} - readable
    for table in tables.PROJECTIONS:
        actual = _rows_between(connection, table, after, walk.last.seq)
        wanted = expected[table.name]
        different = {seq for seq in {*wanted, *actual} if wanted.get(seq) != actual.get(seq)}
        differing[table.name] += sorted(different - unreadable)


def _rows_between(
    connection: Connection, table: Table, after: int, last: int
) -> dict[int, list[Row]]:
    query = select(*map(_plain, table.c)).where(table.c.seq > after, table.c.seq <= last)
    found: dict[int, list[Row]] = {}
    for row in connection.execute(query.order_by(*table.primary_key)).mappings():
        found.setdefault(row["seq"], []).append(dict(row))
    return found


# `Any`: columns of every type go through here.
def _plain(column: ColumnElement[Any]) -> ColumnElement[Any]:
    # A truth value is read as stored: in a damaged SQLite file it may be anything.
    if not isinstance(column.type, Boolean):
        return column
    return type_coerce(column, NullType()).label(column.name)


def _compare_beyond(connection: Connection, last: int, differing: dict[str, list[int]]) -> None:
    for table in tables.PROJECTIONS:
        beyond = select(table.c.seq).where(or_(table.c.seq < 1, table.c.seq > last)).distinct()
        differing[table.name] += connection.execute(beyond.order_by(table.c.seq)).scalars()


def _head_problems(connection: Connection, last: Head) -> list[Problem]:
    query = select(tables.head.c.seq, tables.head.c.hash)
    found = [Head(row.seq, row.hash) for row in connection.execute(query)]
    if found == [last]:
        return []
    said = ", ".join(str(head.seq) for head in found) or "nothing"
    what = f"the head row says {said}, but the last entry is {last.seq}"
    if len(found) == 1 and found[0].seq == last.seq:
        what = f"the head row has another hash than the last entry, {last.seq}"
    hint = "if no entry is missing, set the head row to the last entry; else restore a backup"
    return [Problem(Code.LEDGER_BROKEN, what, "head", hint)]


def _index_problems(differing: dict[str, list[int]]) -> list[Problem]:
    return [
        Problem(
            Code.LEDGER_BROKEN,
            f"differs from the entries: {len(found)} in all, first entry {found[0]}",
            f"table {name}",
            "run evoreg ledger rebuild",
        )
        for name, found in differing.items()
        if found
    ]
