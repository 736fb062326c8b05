"""The Merkle tree over the entries of a ledger, as RFC 6962 section 2.1 defines it.

A leaf is the hash of an entry (its 32 bytes). The leaf hash is SHA-256 of a zero byte and the leaf,
the hash of a node is SHA-256 of a one byte and its two children. All hashes are 32 bytes.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Self

from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Code, VerificationError

HEIGHT = 8
"""Levels between two kept nodes: roots of subtrees with 2**8, 2**16, ... leaves are kept."""

EMPTY_ROOT = hashlib.sha256(b"").digest()
"""Root of the tree without leaves."""


def leaf_hash(entry: Digest) -> bytes:
    """Return the hash of a leaf.

    Args:
        entry: Hash of an entry.

    Returns:
        32 bytes.
    """
    return hashlib.sha256(b"\0" + bytes.fromhex(entry[7:])).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node.

    Args:
        left: Hash of its left child, 32 bytes.
        right: Hash of its right child, 32 bytes.

    Returns:
        32 bytes.
    """
    return hashlib.sha256(b"\1" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Node:
    """The root of a complete subtree."""

    level: int
    """Base-2 logarithm of how many leaves it has."""
    position: int
    """Its place among the subtrees of its level, from 0."""
    hash: bytes
    """32 bytes."""


@dataclass(slots=True)
class Frontier:
    """The complete subtrees that a tree of some size consists of, the largest first."""

    size: int = 0
    """Number of leaves."""
    roots: list[bytes] = field(default_factory=list)
    """Their roots: one for each 1 in the binary form of `size`."""

    @classmethod
    def parse(cls, size: int, text: str) -> Self:
        """Read a frontier as `str` writes it.

        Args:
            size: Number of leaves.
            text: The size, a colon, and 64 lower-case hexadecimal digits for each root, the largest
                subtree first; nothing for an empty tree.

        Returns:
            The frontier.

        Raises:
            VerificationError: The text is no frontier of this size.
        """
        count = size.bit_count()
        digits = text.rpartition(":")[2]
        try:
            data = bytes.fromhex(digits)
        except ValueError:
            data = b""
        found = cls(size, [data[32 * i : 32 * i + 32] for i in range(count)])
        # The size tells a tree that did not grow with the entries: a program older than the tree
        # that was still running wrote them.
        if str(found) != text or len(data) != 32 * count:
            raise VerificationError(
                Code.LEDGER_BROKEN,
                f"the frontier of the Merkle tree is not that of {size} entries",
                where="head",
                hint="run evoreg ledger verify; evoreg ledger rebuild makes it anew",
            )
        return found

    def __str__(self) -> str:
        """Return the size and the roots in hexadecimal, the largest subtree first."""
        return f"{self.size}:{b''.join(self.roots).hex()}" if self.size else ""

    def add(self, leaf: bytes) -> list[Node]:
        """Add a leaf.

        Args:
            leaf: `leaf_hash` of the next entry.

        Returns:
            The nodes that are kept: complete now, with a level that is a multiple of `HEIGHT`.
        """
        kept: list[Node] = []
        level, rest, here = 0, self.size, leaf
        while rest & 1:
            here = node_hash(self.roots.pop(), here)
            level, rest = level + 1, rest >> 1
            if level % HEIGHT == 0:
                kept.append(Node(level, rest, here))
        self.roots.append(here)
        self.size += 1
        return kept

    def extend(self, leaves: Iterable[bytes]) -> list[Node]:
        """Add several leaves; like `add`."""
        return [node for leaf in leaves for node in self.add(leaf)]

    def root(self) -> bytes:
        """Return the root of the whole tree, 32 bytes."""
        if not self.roots:
            return EMPTY_ROOT
        *left, here = self.roots
        for other in reversed(left):
            here = node_hash(other, here)
        return here


Nodes = Callable[[int, int], bytes]
"""Gives the root of a complete subtree by its level and position, as `Node` counts them."""


def split(count: int) -> int:
    """Return how many leaves are on the left below a node.

    Args:
        count: Leaves below the node, at least 2.

    Returns:
        The largest power of two below `count`.
    """
    return 1 << (count - 1).bit_length() - 1


def range_root(start: int, end: int, nodes: Nodes) -> bytes:
    """Return the root over some leaves that are below one node of the tree.

    Args:
        start: First leaf, from 0; a multiple of the power of two next above their number.
        end: Leaf after the last one.
        nodes: Gives the complete subtrees.

    Returns:
        32 bytes; `EMPTY_ROOT` for no leaves.
    """
    roots: list[bytes] = []
    at = start
    while at < end:
        level = (end - at).bit_length() - 1
        roots.append(nodes(level, at >> level))
        at += 1 << level
    return Frontier(end - start, roots).root()
