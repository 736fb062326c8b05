"""The Merkle tree of a ledger: its checkpoints, proofs from it, and checkpoints held against it.

A proof reads a few hundred rows, however long the ledger is. What is read is believed: `verify`
checks that the kept nodes are those of the entries.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from evoreg.provenance.ledger import tables
from evoreg.provenance.ledger.chain import COLUMNS, read_entries, read_frontier, read_head
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.proofs.checkpoint import Checkpoint, origin_for
from evoreg.provenance.proofs.consistency import consistency_path
from evoreg.provenance.proofs.inclusion import inclusion_path
from evoreg.provenance.proofs.merkle import HEIGHT, leaf_hash, node_hash, range_root
from evoreg.provenance.records.entry import Entry, entry_hash
from evoreg.provenance.records.errors import Code, InputError, Problem, VerificationError

_PREFIX = "sha256:"


@dataclass(frozen=True, slots=True)
class Included:
    """An entry and the hashes that show it to be in the ledger."""

    entry: Entry
    """The entry."""
    path: tuple[bytes, ...]
    """The hashes beside its way to the root, from the leaf up, 32 bytes each."""


def origin_of(ledger: Ledger) -> str:
    """Return the origin of a ledger: the first line of its checkpoints.

    Args:
        ledger: An open ledger.

    Returns:
        A name that exports, imports and copies of it share.

    Raises:
        InputError: The ledger is empty and has none yet (INPUT_MISSING).
    """
    with ledger.store.reading() as connection:
        return _origin(connection)


def checkpoint_of(ledger: Ledger, size: int | None = None) -> Checkpoint:
    """Return a checkpoint of a ledger.

    Args:
        ledger: An open ledger.
        size: How many of its first entries are meant; nothing means all.

    Returns:
        The checkpoint.

    Raises:
        InputError: The ledger is empty, or has not so many entries (INPUT_MISSING).
        VerificationError: The tree is damaged (LEDGER_BROKEN).
    """
    with ledger.store.reading() as connection:
        frontier = read_frontier(connection)
        origin = _origin(connection)
        wanted = frontier.size if size is None else size
        _check_size(wanted, frontier.size)
        root = range_root(0, wanted, _Tree(connection).node)
        if wanted == frontier.size and root != frontier.root():
            raise _broken("its root in the head row is not that of its entries")
        return Checkpoint(origin, wanted, root)


def inclusion_of(ledger: Ledger, seq: int, size: int) -> Included:
    """Return an entry with its proof.

    Args:
        ledger: An open ledger.
        seq: Number of the entry, from 1.
        size: Size of the checkpoint that it is proved against, at least `seq`.

    Returns:
        What `proofs.inclusion.write_inclusion` writes.

    Raises:
        InputError: There is no such entry, or there are not so many (INPUT_MISSING).
        VerificationError: The tree is damaged (LEDGER_BROKEN).
    """
    with ledger.store.reading() as connection:
        _check_size(size, read_head(connection).seq)
        _check_size(seq, size)
        found = read_entries(connection, select(*COLUMNS).where(tables.entries.c.seq == seq))
        if not found:
            raise _broken(f"entry {seq} is missing")
        entry = found[0]
        if entry_hash(entry.seq, entry.prev, entry.kind, entry.body) != entry.hash:
            raise _broken(f"entry {seq} was changed: its hash does not fit its content")
        return Included(entry, inclusion_path(seq - 1, size, _Tree(connection).node))


def consistency_of(ledger: Ledger, old: int, new: int) -> tuple[bytes, ...]:
    """Return the proof that a ledger only grew.

    Args:
        ledger: An open ledger.
        old: Size of the earlier checkpoint, from 0 to `new`.
        new: Size of the later checkpoint.

    Returns:
        What `proofs.consistency.write_growth` writes.

    Raises:
        InputError: There are not so many entries (INPUT_MISSING).
        VerificationError: The tree is damaged (LEDGER_BROKEN).
    """
    with ledger.store.reading() as connection:
        _check_size(new, read_head(connection).seq)
        if old:
            _check_size(old, new)
        return consistency_path(old, new, _Tree(connection).node)


def against(connection: Connection, checkpoints: Sequence[Checkpoint]) -> list[Problem]:
    """Hold earlier checkpoints against a ledger.

    Args:
        connection: A connection to the ledger, inside a transaction.
        checkpoints: What was kept elsewhere, in any order.

    Returns:
        All that is wrong, with the code LEDGER_BROKEN: first checkpoints that contradict one
        another, then those that the ledger contradicts, the smallest first. Empty is good.

    Raises:
        InputError: The database cannot be reached.
    """
    wanted = sorted(set(checkpoints), key=lambda one: (one.size, one.origin, one.root))
    found = _contradictions(wanted)
    if not wanted:
        return found
    last = select(tables.entries.c.seq).order_by(tables.entries.c.seq.desc()).limit(1)
    size = connection.execute(last).scalar() or 0
    first = _first(connection)
    tree = _Tree(connection)
    for checkpoint in wanted:
        where = f"checkpoint of {checkpoint.size} entries"
        if first is not None and checkpoint.origin != origin_for(first):
            what = f"it is of another ledger: {checkpoint.origin}, here is {origin_for(first)}"
            found.append(Problem(Code.LEDGER_BROKEN, what, where, _OTHER_HINT))
            continue
        what = _difference(checkpoint, size, tree)
        if what:
            found.append(Problem(Code.LEDGER_BROKEN, what, where, _AGAINST_HINT))
    return found


_AGAINST_HINT = "find out who changed the ledger; restore a backup that agrees with the checkpoint"

_OTHER_HINT = (
    "restore the ledger that was swapped; if you began a new one, move away what was kept of the "
    "old one"
)


def _contradictions(checkpoints: Sequence[Checkpoint]) -> list[Problem]:
    roots: dict[tuple[str, int], set[bytes]] = {}
    for one in checkpoints:
        roots.setdefault((one.origin, one.size), set()).add(one.root)
    return [
        Problem(
            Code.LEDGER_BROKEN,
            f"{len(found)} checkpoints of one size have different roots: two histories were shown",
            f"checkpoint of {size} entries",
            "ask whoever made them which one is right; one of the histories was made up",
        )
        for (_, size), found in roots.items()
        if len(found) > 1
    ]


def _difference(checkpoint: Checkpoint, size: int, tree: "_Tree") -> str:
    if checkpoint.size > size:
        return (
            f"the ledger ends at entry {size}: the tail was cut off, or an older backup was "
            "restored"
        )
    try:
        root = range_root(0, checkpoint.size, tree.node)
    except VerificationError as error:
        return f"the ledger cannot be compared with it: {error.problems[0].what}"
    if root != checkpoint.root:
        return f"history was rewritten: the first {checkpoint.size} entries have another root"
    return ""


class _Tree:
    """The complete subtrees of the ledger, as far as they are asked for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[int, int], bytes] = {}

    def node(self, level: int, position: int) -> bytes:
        """Return the root of a complete subtree; see `proofs.merkle.Nodes`."""
        found = self._known.get((level, position))
        if found is None:
            found = self._read(level, position)
            self._known[level, position] = found
        return found

    def _read(self, level: int, position: int) -> bytes:
        steps = level % HEIGHT
        start, end = position << steps, (position + 1) << steps
        hashes = self._rows(level - steps, start, end)
        if len(hashes) != end - start:
            raise _broken(f"of the subtree {position} of level {level} something is missing")
        while len(hashes) > 1:
            hashes = [node_hash(*pair) for pair in zip(hashes[::2], hashes[1::2], strict=True)]
        return hashes[0]

    def _rows(self, level: int, start: int, end: int) -> list[bytes]:
        if level == 0:
            seq = tables.entries.c.seq
            query = select(tables.entries.c.hash).where(seq > start, seq <= end).order_by(seq)
            found = self._connection.execute(query).scalars()
            return [leaf_hash(_PREFIX + _bytes(str(text), _PREFIX).hex()) for text in found]
        nodes = tables.tree_nodes.c
        query = select(nodes.hash).where(
            nodes.level == level, nodes.position >= start, nodes.position < end
        )
        found = self._connection.execute(query.order_by(nodes.position)).scalars()
        return [_bytes(str(text)) for text in found]


def _bytes(text: str, prefix: str = "") -> bytes:
    try:
        data = bytes.fromhex(text.removeprefix(prefix))
    except ValueError:
        data = b""
    if len(data) != 32 or prefix + data.hex() != text:
        raise _broken(f"{text!r:.80} is no hash")
    return data


def _origin(connection: Connection) -> str:
    first = _first(connection)
    if first is None:
        raise _too_far("the ledger has no entry yet")
    return origin_for(first)


def _first(connection: Connection) -> str | None:
    query = select(tables.entries.c.hash).where(tables.entries.c.seq == 1)
    found = connection.execute(query).scalar()
    return None if found is None else str(found)


def _check_size(wanted: int, size: int) -> None:
    if not 1 <= wanted <= size:
        raise _too_far(f"entry {wanted} was asked for, there are {size}")


def _too_far(what: str) -> InputError:
    hint = "`evoreg ledger log` shows the newest entries with their numbers"
    return InputError(Code.INPUT_MISSING, what, where="ledger", hint=hint)


def _broken(what: str) -> VerificationError:
    return VerificationError(
        Code.LEDGER_BROKEN,
        f"the Merkle tree of the ledger is damaged: {what}",
        where="tree",
        hint="run evoreg ledger verify; if only the tree is wrong, evoreg ledger rebuild mends it",
    )
