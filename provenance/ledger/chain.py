"""The chain: reading entries in order, the head row, and adding entries under its lock."""

from collections.abc import Iterator, Sequence

from pydantic import ValidationError
from sqlalchemy import Connection, Row, Select, insert, select, update

from evoreg.provenance.ledger import tables
from evoreg.provenance.ledger.order import check_order
from evoreg.provenance.ledger.projection import write_projections
from evoreg.provenance.ledger.triggers import trigger_problems
from evoreg.provenance.ledger.values import Head
from evoreg.provenance.records.entry import Entry, EntryKind, entry_hash
from evoreg.provenance.records.errors import Code, VerificationError

PAGE = 256
"""Entries that are read at a time."""

COLUMNS = (
    tables.entries.c.seq,
    tables.entries.c.prev,
    tables.entries.c.kind,
    tables.entries.c.body,
    tables.entries.c.hash,
)
"""The columns of an entry, in the order of `Entry`."""

EntryRow = Row[int, str, str, str, str]
"""A row with `COLUMNS`."""


def read_head(connection: Connection, *, lock: bool = False) -> Head:
    """Return the head row.

    Args:
        connection: A connection to the ledger.
        lock: Keep other writers waiting until the transaction ends.

    Returns:
        How far the ledger reaches.

    Raises:
        VerificationError: The row is missing.
    """
    query = select(tables.head.c.seq, tables.head.c.hash).where(tables.head.c.id == 1)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise _broken("the head row is missing", "head")
    return Head(row.seq, row.hash)


def read_entries(connection: Connection, query: Select[int, str, str, str, str]) -> list[Entry]:
    """Return the entries that a query over `COLUMNS` finds.

    Args:
        connection: A connection to the ledger.
        query: A query for `COLUMNS`.

    Returns:
        Entries in the order of the query.

    Raises:
        VerificationError: A row is no entry.
    """
    return [to_entry(row) for row in connection.execute(query)]


def page_after(
    connection: Connection, after: int, kind: EntryKind | None = None, limit: int = PAGE
) -> list[Entry]:
    """Return the entries that come next.

    Args:
        connection: A connection to the ledger.
        after: Number of the entry before the first one wanted.
        kind: Only entries of this kind.
        limit: At most so many.

    Returns:
        Entries, sorted by number.

    Raises:
        VerificationError: A row is no entry.
    """
    query = select(*COLUMNS).where(tables.entries.c.seq > after)
    if kind is not None:
        query = query.where(tables.entries.c.kind == kind)
    return read_entries(connection, query.order_by(tables.entries.c.seq).limit(limit))


def all_pages(connection: Connection) -> Iterator[list[Entry]]:
    """Read the whole ledger, a page at a time.

    Args:
        connection: A connection to the ledger.

    Yields:
        Lists of at most `PAGE` entries, sorted by number; none is empty.

    Raises:
        VerificationError: A row is no entry.
    """
    page = page_after(connection, 0)
    while page:
        yield page
        page = page_after(connection, page[-1].seq)


def to_entry(row: EntryRow) -> Entry:
    """Return a row as an entry.

    Args:
        row: A row with `COLUMNS`.

    Returns:
        The entry; whether its hash is right is a matter for `verify`.

    Raises:
        VerificationError: The row is no entry.
    """
    seq, prev, kind, body, digest = row
    where = f"entry {seq}"
    try:
        entry = Entry.model_validate(
            {"seq": seq, "prev": prev, "kind": kind, "body": body, "hash": digest}
        )
        entry.body.encode()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        what = f"the row is no entry: {first['loc'][0]}: {first['msg']}"
        raise _broken(what, where) from error
    except UnicodeEncodeError as error:
        raise _broken("the row is no entry: body: not valid UTF-8", where) from error
    return entry


def append_bodies(
    connection: Connection, bodies: Sequence[tuple[EntryKind, str]]
) -> tuple[Entry, ...]:
    """Add entries behind the last one, with their rows in the index tables.

    Args:
        connection: A connection inside a writing transaction.
        bodies: Kind and text of each new entry.

    Returns:
        The new entries.

    Raises:
        VerificationError: Head row, last entry or triggers are not as they should be.
        InputError: A body does not hold a record of its kind, or the entries of a search do not
            follow what is on record (LEDGER_ORDER).
    """
    added = _chained(_checked_head(connection), bodies)
    rows = [entry.model_dump(include=set(tables.entries.c.keys())) for entry in added]
    connection.execute(insert(tables.entries), rows)
    write_projections(connection, added)
    check_order(connection, added)
    last = {"seq": added[-1].seq, "hash": added[-1].hash}
    connection.execute(update(tables.head).where(tables.head.c.id == 1).values(last))
    return added


def _checked_head(connection: Connection) -> Head:
    head = read_head(connection, lock=True)
    query = select(*COLUMNS).order_by(tables.entries.c.seq.desc()).limit(1)
    found = [Head(entry.seq, entry.hash) for entry in read_entries(connection, query)]
    if (found or [Head()]) != [head]:
        raise _broken(f"the head row says {head.seq}, the last entry is another", "head")
    problems = trigger_problems(connection)
    if problems:
        raise VerificationError.of(problems)
    return head


def _chained(head: Head, bodies: Sequence[tuple[EntryKind, str]]) -> tuple[Entry, ...]:
    added: list[Entry] = []
    prev = head.hash
    for seq, (kind, body) in enumerate(bodies, start=head.seq + 1):
        digest = entry_hash(seq, prev, kind, body)
        added.append(Entry(seq=seq, prev=prev, kind=kind, body=body, hash=digest))
        prev = digest
    return tuple(added)


def _broken(what: str, where: str) -> VerificationError:
    hint = "run evoreg ledger verify; restore a backup that agrees with an anchor"
    return VerificationError(Code.LEDGER_BROKEN, what, where=where, hint=hint)
