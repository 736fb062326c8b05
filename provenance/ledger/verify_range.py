"""Checking the books: a range of entries, with the rows that they leave and their part of the tree.

Ranges are checked by themselves, so that several processes can share the work.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from evoreg.provenance.ledger import tables
from evoreg.provenance.ledger.audit import Walk
from evoreg.provenance.ledger.chain import COLUMNS, EntryRow
from evoreg.provenance.ledger.retention import read_pruned
from evoreg.provenance.ledger.stillness import uncollected
from evoreg.provenance.ledger.values import Head
from evoreg.provenance.ledger.verify_rows import Comparison
from evoreg.provenance.proofs.merkle import HEIGHT, Frontier, leaf_hash
from evoreg.provenance.records.errors import Problem

BLOCK = 1 << HEIGHT
"""Entries under a lowest kept node of the tree; ranges begin behind a multiple of it."""

_PAGE = 512


@dataclass(frozen=True, slots=True)
class Span:
    """A range of entries."""

    after: int
    """Number of the entry before the first; a multiple of `BLOCK`."""
    through: int | None
    """Number of the last entry; nothing means all rows that there are, whatever their number."""


@dataclass(slots=True)
class Part:
    """What the check of a range found."""

    before: Head
    """The entry before the range, as it was found."""
    last: Head
    """The last entry of the range, or `before` if there is none."""
    count: int
    """Rows that were read."""
    gapless: bool
    """Whether each had the number that comes next; only then the tree means something."""
    blocks: list[str]
    """Roots of the complete subtrees with `BLOCK` leaves, in hexadecimal."""
    leaves: list[str]
    """Hashes of the leaves behind them."""
    differing: dict[str, list[int]]
    """As in `Comparison`."""
    problems: list[Problem]
    """What is wrong with entries, in their order."""


@dataclass(slots=True)
class _Subtrees:
    blocks: list[str] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)

    def add(self, digest: str) -> None:
        self.leaves.append(leaf_hash(digest))
        if len(self.leaves) == BLOCK:
            block = Frontier()
            block.extend(self.leaves)
            self.blocks.append(block.root().hex())
            self.leaves.clear()


def check_span(connection: Connection, span: Span, anchor: Head) -> Part:
    """Check the entries of a range and their rows in the index tables.

    Args:
        connection: A connection to the ledger, inside a reading transaction.
        span: Which entries.
        anchor: A head that was noted earlier.

    Returns:
        What was found.
    """
    before, prev = _row_before(connection, span.after)
    walk = Walk(anchor, before, prev)
    rows = Comparison(connection, read_pruned(connection))
    tree = _Subtrees()
    with uncollected():
        for page in _pages(connection, span):
            _check_page(walk, rows, tree, page)
    rest = [leaf.hex() for leaf in tree.leaves]
    told = (walk.count, walk.gapless, tree.blocks, rest)
    return Part(before, walk.last, *told, rows.differing, walk.problems)


def _check_page(walk: Walk, rows: Comparison, tree: _Subtrees, page: Sequence[EntryRow]) -> None:
    after = walk.last.seq
    before = len(walk.problems)
    for row in page:
        rows.add(row.seq, walk.step(row))
        if walk.gapless and (len(walk.problems) == before or _is_digest(row.hash)):
            tree.add(row.hash)
        else:
            walk.gapless = False
    rows.compare(after, walk.last.seq)


def _is_digest(value: object) -> bool:
    try:
        return isinstance(value, str) and len(bytes.fromhex(value[7:])) == 32
    except ValueError:
        return False


def _row_before(connection: Connection, after: int) -> tuple[Head, str]:
    seq = tables.entries.c.seq
    query = select(*COLUMNS).where(seq <= after).order_by(seq.desc()).limit(1)
    row = connection.execute(query).one_or_none() if after else None
    return (Head(), "") if row is None else (Head(row.seq, row.hash), row.prev)


def _pages(connection: Connection, span: Span) -> Iterator[Sequence[EntryRow]]:
    query = select(*COLUMNS).order_by(tables.entries.c.seq, tables.entries.c.hash)
    if span.through is not None:
        seq = tables.entries.c.seq
        query = query.where(seq > span.after, seq <= span.through)
    rows = connection.execute(query.execution_options(yield_per=_PAGE))
    yield from rows.partitions()
