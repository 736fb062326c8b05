"""A tree as RFC 6962 defines it, word by word, to compare with."""

import hashlib
from collections.abc import Sequence

from evoreg.provenance.proofs.merkle import Nodes


def leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def power_below(count: int) -> int:
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = power_below(len(leaves))
    return hashlib.sha256(b"\x01" + tree_hash(leaves[:k]) + tree_hash(leaves[k:])).digest()


def audit_path(place: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = power_below(len(leaves))
    if place < k:
        return [*audit_path(place, leaves[:k]), tree_hash(leaves[k:])]
    return [*audit_path(place - k, leaves[k:]), tree_hash(leaves[:k])]


def growth(old: int, leaves: Sequence[bytes], known: bool = True) -> list[bytes]:
    if old == len(leaves):
        return [] if known else [tree_hash(leaves)]
    k = power_below(len(leaves))
    if old <= k:
        return [*growth(old, leaves[:k], known), tree_hash(leaves[k:])]
    return [*growth(old - k, leaves[k:], False), tree_hash(leaves[:k])]


def nodes_of(leaves: Sequence[bytes]) -> Nodes:
    """The complete subtrees of some leaves; asking for another one fails."""

    def node(level: int, position: int) -> bytes:
        start, end = position << level, (position + 1) << level
        assert end <= len(leaves)
        return tree_hash(leaves[start:end])

    return node
