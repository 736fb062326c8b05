"""The chain: reading entries in order, the head row, and adding entries under its lock."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import Connection, Row, Select, bindparam, select, update

from evoreg.provenance.ledger import tables
from evoreg.provenance.ledger.body import read_back, write_body
from evoreg.provenance.ledger.bulk import insert_rows
from evoreg.provenance.ledger.order import check_order
from evoreg.provenance.ledger.projection import write_projections
from evoreg.provenance.ledger.retention import apply_prunings
from evoreg.provenance.ledger.triggers import trigger_problems
from evoreg.provenance.ledger.values import Head, NewEntry
from evoreg.provenance.proofs.merkle import Frontier, leaf_hash
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.entry import Entry, EntryKind, entry_hash
from evoreg.provenance.records.errors import Code, VerificationError
from evoreg.provenance.records.record import Record

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


# Made once: to put a statement together takes longer than to carry it out.
_HEAD = select(tables.head.c.seq, tables.head.c.hash, tables.head.c.tree).where(
    tables.head.c.id == 1
)
_LOCKED_HEAD = _HEAD.with_for_update()
_LAST = select(*COLUMNS).order_by(tables.entries.c.seq.desc()).limit(1)
_MOVE = (
    update(tables.head)
    .where(tables.head.c.id == 1)
    .values(seq=bindparam("last"), hash=bindparam("digest"), tree=bindparam("roots"))
)


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
    seq, digest, _ = _head_row(connection, lock=lock)
    return Head(seq, digest)


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


@dataclass(frozen=True, slots=True)
class Told:
    """An entry that is to be written."""

    kind: EntryKind
    """What it tells."""
    body: str
    """Canonical JSON text."""
    record: Record
    """The record in it."""
    location: str
    """The ``location`` beside the record, or an empty text."""


def told_as(new: NewEntry, at: str, by: str) -> Told:
    """Return a fact as it will be written; the index tables will hold what its text says.

    Args:
        new: What to write.
        at: When, as it shall stand there.
        by: Who.

    Returns:
        An entry that is to be written.

    Raises:
        InputError: The record does not belong to its kind, is not valid or has no canonical form.
    """
    body = write_body(new, at, by)
    read = read_back(new, body)
    return Told(new.kind, body, read.record, read.location)


def append_told(connection: Connection, told: Sequence[Told]) -> tuple[Entry, ...]:
    """Add entries behind the last one, with their rows in the index tables.

    Args:
        connection: A connection inside a writing transaction.
        told: What to write, at least one.

    Returns:
        The new entries.

    Raises:
        VerificationError: Head row, last entry or triggers are not as they should be.
        InputError: The entries of a search do not follow what is on record (LEDGER_ORDER).
    """
    head, frontier = _checked_head(connection)
    added = _chained(head, told)
    insert_rows(
        connection, tables.entries, [(e.seq, e.prev, e.kind, e.body, e.hash) for e in added]
    )
    numbered = zip(added, told, strict=True)
    write_projections(connection, ((e.seq, new.record, new.location) for e, new in numbered))
    if any(new.kind == "pruning" for new in told):
        apply_prunings(connection, after=head.seq)
    check_order(connection, [(e.seq, new.record) for e, new in zip(added, told, strict=True)])
    grow_tree(connection, frontier, [entry.hash for entry in added])
    last = {"last": added[-1].seq, "digest": added[-1].hash, "roots": str(frontier)}
    connection.execute(_MOVE, last)
    return added


def grow_tree(connection: Connection, frontier: Frontier, hashes: Iterable[Digest]) -> None:
    """Add leaves to the Merkle tree, and the nodes that they complete to their table.

    Args:
        connection: A connection inside a writing transaction.
        frontier: The tree so far; it grows.
        hashes: Hashes of the next entries.
    """
    nodes = frontier.extend(map(leaf_hash, hashes))
    rows = [(node.level, node.position, node.hash.hex()) for node in nodes]
    if rows:
        insert_rows(connection, tables.tree_nodes, rows)


def _checked_head(connection: Connection) -> tuple[Head, Frontier]:
    seq, digest, roots = _head_row(connection, lock=True)
    head = Head(seq, digest)
    found = [Head(entry.seq, entry.hash) for entry in read_entries(connection, _LAST)]
    if (found or [Head()]) != [head]:
        raise _broken(f"the head row says {head.seq}, the last entry is another", "head")
    problems = trigger_problems(connection)
    if problems:
        raise VerificationError.of(problems)
    return head, Frontier.parse(seq, roots)


def read_frontier(connection: Connection) -> Frontier:
    """Return the Merkle tree's frontier as the head row has it.

    Args:
        connection: A connection to the ledger.

    Returns:
        The frontier.

    Raises:
        VerificationError: The row is missing, or its frontier is none.
    """
    seq, _, roots = _head_row(connection, lock=False)
    return Frontier.parse(seq, roots)


def _head_row(connection: Connection, *, lock: bool) -> tuple[int, Digest, str]:
    row = connection.execute(_LOCKED_HEAD if lock else _HEAD).one_or_none()
    if row is None:
        raise _broken("the head row is missing", "head")
    return row.seq, row.hash, row.tree


def _chained(head: Head, told: Sequence[Told]) -> tuple[Entry, ...]:
    added: list[Entry] = []
    prev = head.hash
    for seq, new in enumerate(told, start=head.seq + 1):
        digest = entry_hash(seq, prev, new.kind, new.body)
        # Right as it is: checking it again would keep other writers waiting.
        fields = {"seq": seq, "prev": prev, "kind": new.kind, "body": new.body, "hash": digest}
        added.append(Entry.model_construct(None, **fields))
        prev = digest
    return tuple(added)


def _broken(what: str, where: str) -> VerificationError:
    hint = "run evoreg ledger verify; restore a backup that agrees with an anchor"
    return VerificationError(Code.LEDGER_BROKEN, what, where=where, hint=hint)
