"""Checking the books: every hash, the order, the head, the bodies, the triggers, the indexes.

The ledger by itself shows every change but two: a tail that was cut off with the head and its tree
set back, and a history that was hashed anew from some entry on. Both show against an anchor or a
checkpoint: a `Head` or `Checkpoint` that was kept where the person who changed the books could not
reach it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from evoreg.provenance.ledger.audit import broken_entry
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.tables import PROJECTIONS, REVISIONS, VERSION_TABLE
from evoreg.provenance.ledger.tree import against
from evoreg.provenance.ledger.triggers import trigger_problems
from evoreg.provenance.ledger.values import Head
from evoreg.provenance.ledger.verify_range import Part
from evoreg.provenance.ledger.verify_rows import rows_beyond
from evoreg.provenance.ledger.verify_share import check_all, seams
from evoreg.provenance.ledger.verify_tree import head_problems, node_problems, tree_of
from evoreg.provenance.proofs.checkpoint import Checkpoint
from evoreg.provenance.proofs.merkle import EMPTY_ROOT
from evoreg.provenance.records.errors import Code, Problem, VerificationError


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """What a check of the books found."""

    entries: int
    """Rows that were read."""
    head: Head
    """The last entry; keep it elsewhere as the anchor of the next check."""
    root: bytes
    """Root of the Merkle tree over the entries, 32 bytes, as a checkpoint of them says it; that of
    the empty tree if their numbers have gaps."""
    problems: tuple[Problem, ...]
    """All that is wrong: entries in their order, head and tree, index tables, triggers,
    checkpoints. Empty is good."""


def verify(
    ledger: Ledger,
    anchor: Head | None = None,
    checkpoints: Sequence[Checkpoint] = (),
    workers: int | None = None,
) -> VerificationReport:
    """Check the whole ledger in one state; writers may go on meanwhile.

    Args:
        ledger: An open ledger.
        anchor: A head that was noted earlier and kept elsewhere.
        checkpoints: Checkpoints that were made earlier and kept elsewhere.
        workers: How many processes share the work, from 1; nothing means one for each processor
            if the ledger is large, otherwise only this one.

    Returns:
        What was found. Each problem has the code LEDGER_BROKEN and names its entry or table.

    Raises:
        InputError: The database cannot be reached.
        VerificationError: The database is too damaged to be read at all.
    """
    noted = anchor or Head()
    with ledger.store.reading() as connection:
        parts = check_all(connection, ledger.store.address, noted, workers)
        last = next((part.last for part in reversed(parts)), Head())
        root, found = _tree_problems(connection, parts, last)
        problems = (
            *(problem for part in parts for problem in part.problems),
            *seams(parts),
            *_cut(last, noted),
            *found,
            *_index_problems(connection, parts, last),
            *trigger_problems(connection),
            *_version_problems(connection),
            *_against(connection, checkpoints),
        )
    return VerificationReport(sum(part.count for part in parts), last, root, problems)


def _cut(last: Head, anchor: Head) -> Iterator[Problem]:
    if last.seq < anchor.seq:
        what = f"the tail was cut off: the anchor is at {anchor.seq}"
        yield broken_entry(what, f"entry {last.seq}")


def _tree_problems(
    connection: Connection, parts: Sequence[Part], last: Head
) -> tuple[bytes, list[Problem]]:
    if not all(part.gapless for part in parts):
        return EMPTY_ROOT, head_problems(connection, last, None)
    frontier, nodes = tree_of(parts)
    found = head_problems(connection, last, frontier)
    return frontier.root(), [*found, *node_problems(connection, nodes)]


def _index_problems(connection: Connection, parts: Sequence[Part], last: Head) -> Iterator[Problem]:
    beyond = rows_beyond(connection, last.seq)
    for name in (table.name for table in PROJECTIONS):
        inside = [seq for part in parts for seq in part.differing.get(name, ())]
        found = [*inside, *beyond.get(name, ())]
        if found:
            what = f"differs from the entries: {len(found)} in all, first entry {found[0]}"
            hint = "run evoreg ledger rebuild"
            yield Problem(Code.LEDGER_BROKEN, what, f"table {name}", hint)


def _version_problems(connection: Connection) -> Iterator[Problem]:
    query = text(f"SELECT version_num FROM {VERSION_TABLE}")
    found = [str(version) for version in connection.execute(query).scalars()]
    if found != [REVISIONS[-1]]:
        said = ", ".join(found) or "nothing"
        what = f"says {said}, but the tables have version {REVISIONS[-1]}"
        hint = f"if nothing else is wrong, write {REVISIONS[-1]} there; else restore a backup"
        yield Problem(Code.LEDGER_BROKEN, what, f"table {VERSION_TABLE}", hint)


def _against(connection: Connection, checkpoints: Sequence[Checkpoint]) -> list[Problem]:
    try:
        return against(connection, checkpoints)
    except VerificationError as error:
        return list(error.problems)
