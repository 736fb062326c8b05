"""Proof files that a ledger has only grown since an earlier checkpoint, to be checked without it.

The file is the request that asks a witness to sign (https://c2sp.org/tlog-witness): the earlier
size, the hashes of RFC 6962 section 2.1.2, and the later checkpoint.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from evoreg.provenance.proofs.checkpoint import (
    Checkpoint,
    SignedCheckpoint,
    false_proof,
    read_checkpoint,
    read_hash,
)
from evoreg.provenance.proofs.inclusion import LONGEST_PROOF, MOST_HASHES
from evoreg.provenance.proofs.keys import VerifierKey
from evoreg.provenance.proofs.merkle import EMPTY_ROOT, Nodes, node_hash, range_root, split
from evoreg.provenance.proofs.note import to_base64, unreadable

_OLD = re.compile(r"old (0|[1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True)
class GrowthProof:
    """What a proof file says; nothing of it is checked yet."""

    old: int
    """Size of the earlier checkpoint, in entries."""
    path: tuple[bytes, ...]
    """Hashes of 32 bytes."""
    checkpoint_text: str
    """The later checkpoint as its own file would have it."""


def consistency_path(old: int, new: int, nodes: Nodes) -> tuple[bytes, ...]:
    """Return the hashes that show how a tree grew.

    Args:
        old: Leaves of the earlier tree, from 0 to `new`.
        new: Leaves of the later tree.
        nodes: Gives the complete subtrees.

    Returns:
        Hashes of 32 bytes; none if the earlier tree is empty or the same.
    """
    if old in (0, new):
        return ()
    path: list[bytes] = []
    start, end = 0, new
    while end != old:
        middle = start + split(end - start)
        if old <= middle:
            path.append(range_root(middle, end, nodes))
            end = middle
        else:
            path.append(range_root(start, middle, nodes))
            start = middle
    if start:  # else it is the root of the earlier tree, which the reader has
        path.append(range_root(start, end, nodes))
    return tuple(reversed(path))


def verify_consistency(
    sizes: tuple[int, int], roots: tuple[bytes, bytes], path: Sequence[bytes]
) -> bool:
    """Return whether a tree began as another one.

    Args:
        sizes: Leaves of the earlier and of the later tree.
        roots: Their roots.
        path: What `consistency_path` returned.

    Returns:
        True if the first leaves of the later tree are those of the earlier one.
    """
    old, new = sizes
    if not 0 <= old <= new:
        return False
    if old in (0, new):
        return not path and roots[0] == (roots[1] if old == new else EMPTY_ROOT)
    return _both_roots(_steps(old, new), path, roots[0]) == roots


def write_growth(old: int, path: Sequence[bytes], checkpoint_text: str) -> str:
    """Return the content of a proof file.

    Args:
        old: Size of the earlier checkpoint.
        path: What `consistency_path` returned.
        checkpoint_text: The later checkpoint as its own file has it.

    Returns:
        A text that `read_growth` reads.
    """
    return "\n".join([f"old {old}", *map(to_base64, path)]) + "\n\n" + checkpoint_text


def read_growth(text: str) -> GrowthProof:
    """Read a proof file.

    Args:
        text: Its content.

    Returns:
        What it says.

    Raises:
        InputError: It is no such file (INPUT_UNREADABLE).
    """
    if len(text) > LONGEST_PROOF:
        raise unreadable(f"a proof of {len(text)} characters is too long")
    head, blank, checkpoint_text = text.partition("\n\n")
    first, *hashes = head.split("\n")
    old = _OLD.fullmatch(first)
    if not blank or old is None or len(hashes) > MOST_HASHES:
        raise unreadable("this is no proof of growth: old and a number, hashes, a checkpoint")
    return GrowthProof(int(old[1]), tuple(map(read_hash, hashes)), checkpoint_text)


def check_growth(
    proof: GrowthProof, earlier: Checkpoint, keys: Sequence[VerifierKey] = ()
) -> SignedCheckpoint:
    """Check that a ledger has only grown.

    Args:
        proof: What the file says.
        earlier: A checkpoint that was kept.
        keys: Who may have signed the later checkpoint; without any, signatures are not looked at.

    Returns:
        The later checkpoint.

    Raises:
        InputError: The later checkpoint is none (INPUT_UNREADABLE).
        VerificationError: The proof is for another earlier checkpoint, the history was rewritten,
            or none of the keys signed (PROOF_FALSE).
    """
    read = read_checkpoint(proof.checkpoint_text, keys)
    later = read.checkpoint
    if earlier.origin != later.origin:
        raise false_proof("the two checkpoints are of different ledgers", later.origin)
    if proof.old != earlier.size:
        what = f"the proof begins at {proof.old} entries, the earlier checkpoint has {earlier.size}"
        raise false_proof(what, later.origin, "ask for a proof from that checkpoint on")
    sizes, roots = (earlier.size, later.size), (earlier.root, later.root)
    if not verify_consistency(sizes, roots, proof.path):
        what = f"{later.size} entries do not continue the {earlier.size} of the earlier checkpoint"
        raise false_proof(f"history was rewritten, or the proof is wrong: {what}", later.origin)
    return read


def _steps(old: int, new: int) -> tuple[list[bool], bool]:
    """Return the way of `consistency_path`: from below, whether it keeps to the right.

    Also whether it begins at the root of the earlier tree.
    """
    turns: list[bool] = []
    start, end = 0, new
    while end != old:
        middle = start + split(end - start)
        turns.append(old > middle)
        start, end = (middle, end) if old > middle else (start, middle)
    return turns[::-1], start == 0


def _both_roots(
    steps: tuple[list[bool], bool], path: Sequence[bytes], known: bytes
) -> tuple[bytes, bytes] | None:
    turns, whole = steps
    if len(path) != len(turns) + (not whole):
        return None
    old = new = known if whole else path[0]
    for right, beside in zip(turns, path if whole else path[1:], strict=True):
        new = node_hash(beside, new) if right else node_hash(new, beside)
        old = node_hash(beside, old) if right else old
    return old, new
