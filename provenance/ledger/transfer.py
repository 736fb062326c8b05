"""Carrying a ledger elsewhere: into a file, out of a file, or straight into another database.

Entries keep their numbers, bytes and hashes, so anchors, checkpoints and proofs stay valid wherever
the ledger goes. What is read is checked before it is kept, and kept whole or not at all. How the
file looks is told in `transfer_lines`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

from sqlalchemy import Connection, select, update

from evoreg.provenance.ledger import tables
from evoreg.provenance.ledger.body import Body, read_body
from evoreg.provenance.ledger.bulk import insert_rows
from evoreg.provenance.ledger.chain import read_frontier, read_head
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.projection import write_projections
from evoreg.provenance.ledger.retention import apply_prunings
from evoreg.provenance.ledger.spelling import value_of
from evoreg.provenance.ledger.stillness import uncollected
from evoreg.provenance.ledger.transfer_lines import Lines, entry_line, first_line, last_line
from evoreg.provenance.ledger.triggers import trigger_problems
from evoreg.provenance.ledger.values import Head
from evoreg.provenance.proofs.merkle import Frontier, Node, leaf_hash
from evoreg.provenance.records.entry import Entry, entry_hash
from evoreg.provenance.records.errors import Code, InputError, VerificationError

_PAGE = 1024
_PAGE_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Carried:
    """What was carried."""

    head: Head
    """The last entry of the ledger at its new place."""
    root: bytes
    """Root of its Merkle tree, 32 bytes."""
    added: int
    """Entries that were not at the new place before."""


@dataclass(slots=True)
class _Chain:
    """The entries so far; the next one must follow them."""

    last: Head = field(default_factory=Head)
    frontier: Frontier = field(default_factory=Frontier)

    def follow(self, entry: Entry) -> list[Node]:
        """Take the next entry; return the nodes of the tree that it completes."""
        where = f"entry {entry.seq}"
        if entry.seq != self.last.seq + 1 or entry.prev != self.last.hash:
            raise _broken(f"it does not follow entry {self.last.seq}", where)
        if entry_hash(entry.seq, entry.prev, entry.kind, entry.body) != entry.hash:
            raise _broken("the hash does not fit the content: the entry was changed", where)
        self.last = Head(entry.seq, entry.hash)
        return self.frontier.add(leaf_hash(entry.hash))

    def agree(self, head: Head, frontier: Frontier) -> None:
        """Compare what was read with a head row."""
        if self.last != head or str(self.frontier) != str(frontier):
            raise _broken("entries, head row and Merkle tree do not agree", "head")

    def carried(self, added: int) -> Carried:
        return Carried(self.last, self.frontier.root(), added)


def export_entries(ledger: Ledger, stream: BinaryIO) -> Carried:
    """Write all entries that the ledger has now; others may go on writing to it meanwhile.

    Args:
        ledger: An open ledger; reading is enough.
        stream: Takes the bytes. What it got is worth nothing unless this returns.

    Returns:
        How far the file reaches.

    Raises:
        InputError: The database cannot be reached, or an entry is longer than a line may be.
        VerificationError: The books are broken: hashes, order, head row or tree do not agree.
        OSError: The stream takes no more.
    """
    chain = _Chain()
    head, frontier = _reach(ledger)
    stream.write(first_line(next(ledger.entries(limit=min(1, head.seq)), None)))
    for entry in ledger.entries(limit=head.seq):
        chain.follow(entry)
        stream.write(entry_line(entry))
    chain.agree(head, frontier)
    stream.write(last_line(chain.frontier))
    return chain.carried(head.seq)


def import_entries(ledger: Ledger, stream: BinaryIO) -> Carried:
    """Read a file that `export_entries` wrote into a ledger: all of it in one transaction, or none.

    The ledger is empty, or its entries are those that the file begins with. Other writers wait.

    Args:
        ledger: An open ledger that can be written.
        stream: Gives the bytes; it need not be able to seek.

    Returns:
        How far the ledger reaches afterwards.

    Raises:
        InputError: No such file (INPUT_UNREADABLE), one of a newer evoreg (LEDGER_VERSION), an
            entry that this evoreg cannot read, a ledger with other entries (LEDGER_OTHER), or the
            database cannot be written.
        VerificationError: The file was cut or changed, or the books of the ledger are broken.
        OSError: The stream cannot be read.
    """
    lines = Lines(stream)
    chain = _Chain()
    with ledger.store.writing() as connection:
        added = _take(connection, lines.entries(), chain)
        lines.finish(chain.frontier)
    return chain.carried(added)


def copy_entries(source: Ledger, target: Ledger) -> Carried:
    """Carry all entries of a ledger into another one, as an export and an import would.

    Args:
        source: An open ledger; reading is enough.
        target: An open ledger: empty, or with entries that are the beginning of the other's.

    Returns:
        How far the target reaches afterwards.

    Raises:
        InputError: A database cannot be used, or the target has other entries (LEDGER_OTHER).
        VerificationError: The books of one of them are broken; nothing was written.
    """
    head, frontier = _reach(source)
    chain = _Chain()
    with target.store.writing() as connection:
        added = _take(connection, source.entries(limit=head.seq), chain)
        chain.agree(head, frontier)
    return chain.carried(added)


def _take(connection: Connection, entries: Iterator[Entry], chain: _Chain) -> int:
    """Pass over the entries that are there, write the others, and return how many those are."""
    before = read_head(connection, lock=True)
    problems = trigger_problems(connection)
    if problems:
        raise VerificationError.of(problems)
    for page in _paged(islice(entries, before.seq)):
        _compare(connection, page)
        for entry in page:
            chain.follow(entry)
    if chain.last.seq < before.seq:
        what = f"the ledger reaches to entry {before.seq}, what comes in only to {chain.last.seq}"
        raise _other(what, "take a newer export; nothing was written")
    chain.agree(before, read_frontier(connection))
    for page in _paged(entries):
        _write(connection, page, chain)
    if chain.last != before:
        apply_prunings(connection)
        told = {"seq": chain.last.seq, "hash": chain.last.hash, "tree": str(chain.frontier)}
        connection.execute(update(tables.head).where(tables.head.c.id == 1).values(told))
    return chain.last.seq - before.seq


def _compare(connection: Connection, page: list[Entry]) -> None:
    columns = tables.entries.c
    held = select(columns.hash).where(columns.seq.between(page[0].seq, page[-1].seq))
    found = [*connection.scalars(held.order_by(columns.seq))]
    for entry, digest in zip(page, found, strict=False):
        if entry.hash != digest:
            what = f"the ledger has another entry {entry.seq}"
            raise _other(what, "give what comes in a database of its own; nothing was written")
    if len(found) != len(page):
        raise _broken("entries are missing below the head row", "table entries")


def _write(connection: Connection, page: list[Entry], chain: _Chain) -> None:
    with uncollected():
        nodes = [node for entry in page for node in chain.follow(entry)]
        bodies = [_content(entry) for entry in page]
        rows = [(e.seq, e.prev, e.kind, e.body, e.hash) for e in page]
        insert_rows(connection, tables.entries, rows)
        told = zip(page, bodies, strict=True)
        write_projections(connection, [(e.seq, b.record, b.location) for e, b in told])
        if nodes:
            kept = [(node.level, node.position, node.hash.hex()) for node in nodes]
            insert_rows(connection, tables.tree_nodes, kept)


def _content(entry: Entry) -> Body:
    where = f"entry {entry.seq}"
    try:
        value = value_of(entry.body)
        body = read_body(entry.kind, entry.body)
    except InputError as error:
        first = error.problems[0]
        raise InputError(first.code, first.what, where=where, hint=first.hint) from error
    except RecursionError as error:
        raise _broken("the body is nested too deeply", where) from error
    if not isinstance(value, dict) or value["record"] != body.record.to_json():
        raise _broken("the record leaves out fields that evoreg always writes", where)
    return body


def _paged(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Group entries, so that neither many nor long ones fill the memory."""
    page: list[Entry] = []
    size = 0
    for entry in entries:
        page.append(entry)
        size += len(entry.body)
        if len(page) == _PAGE or size >= _PAGE_BYTES:
            yield page
            page, size = [], 0
    if page:
        yield page


def _reach(ledger: Ledger) -> tuple[Head, Frontier]:
    with ledger.store.reading() as connection:
        return read_head(connection), read_frontier(connection)


def _broken(what: str, where: str) -> VerificationError:
    hint = "nothing was written; run evoreg ledger verify where it comes from"
    return VerificationError(Code.LEDGER_BROKEN, what, where=where, hint=hint)


def _other(what: str, hint: str) -> InputError:
    return InputError(Code.LEDGER_OTHER, what, hint=hint)
