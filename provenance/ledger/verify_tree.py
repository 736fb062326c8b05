"""Checking the books: the Merkle tree and the head row, against what the entries make."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from evoreg.provenance.ledger import tables
from evoreg.provenance.ledger.values import Head
from evoreg.provenance.ledger.verify_range import BLOCK, Part
from evoreg.provenance.proofs.merkle import HEIGHT, Frontier, Node
from evoreg.provenance.records.errors import Code, Problem

_REBUILD = "run evoreg ledger rebuild"


def tree_of(parts: Sequence[Part]) -> tuple[Frontier, list[Node]]:
    """Return the tree over all entries.

    Args:
        parts: What the check of all ranges found, in order.

    Returns:
        Its frontier, and the nodes that the ledger keeps.
    """
    blocks = [bytes.fromhex(block) for part in parts for block in part.blocks]
    low = [Node(HEIGHT, place, block) for place, block in enumerate(blocks)]
    upper = Frontier()
    high = [Node(node.level + HEIGHT, node.position, node.hash) for node in upper.extend(blocks)]
    whole = Frontier(len(blocks) * BLOCK, upper.roots)
    whole.extend(bytes.fromhex(leaf) for part in parts for leaf in part.leaves)
    return whole, [*low, *high]


def node_problems(connection: Connection, nodes: Sequence[Node]) -> list[Problem]:
    """Compare the kept nodes of the tree.

    Args:
        connection: A connection to the ledger.
        nodes: What the entries make.

    Returns:
        At most one problem, which names the first node that differs.
    """
    kept = tables.tree_nodes
    query = select(kept.c.level, kept.c.position, kept.c.hash)
    actual = {(row.level, row.position): row.hash for row in connection.execute(query)}
    wanted = {(node.level, node.position): node.hash.hex() for node in nodes}
    different = {at for at in {*wanted, *actual} if wanted.get(at) != actual.get(at)}
    if not different:
        return []
    # Keys of a damaged table may be of any type.
    level, position = min(different, key=lambda at: (str(type(at[0])), at[0], str(at[1]), at[1]))
    first = f"first level {level} position {position}"
    if isinstance(level, int) and isinstance(position, int) and 0 <= level < 64:
        first += f" (entries {(position << level) + 1} to {(position + 1) << level})"
    what = f"differs from the entries: {len(different)} in all, {first}"
    return [Problem(Code.LEDGER_BROKEN, what, "table tree_nodes", _REBUILD)]


def head_problems(connection: Connection, last: Head, frontier: Frontier | None) -> list[Problem]:
    """Compare the head row.

    Args:
        connection: A connection to the ledger.
        last: The last entry.
        frontier: What the entries make; nothing if their numbers have gaps.

    Returns:
        At most one problem.
    """
    head = tables.head.c
    found = [
        tuple(row) for row in connection.execute(select(head.id, head.seq, head.hash, head.tree))
    ]
    if [row[:3] for row in found] == [(1, last.seq, last.hash)]:
        if frontier is None or found[0][3] == str(frontier):
            return []
        what = "the Merkle tree in the head row is not that of the entries"
        return [Problem(Code.LEDGER_BROKEN, what, "head", _REBUILD)]
    said = ", ".join(str(row[1]) for row in found) or "nothing"
    what = f"the head row says {said}, but the last entry is {last.seq}"
    if [row[1] for row in found] == [last.seq]:
        field = "number" if found[0][0] != 1 else "hash"
        what = f"the head row has another hash than the last entry, {last.seq}"
        if field == "number":
            what = f"the head row has the number {found[0][0]}, not 1"
    hint = "if no entry is missing, set the head row to the last entry; else restore a backup"
    return [Problem(Code.LEDGER_BROKEN, what, "head", hint)]
