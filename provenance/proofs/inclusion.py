"""Proof files that an entry is in a ledger (https://c2sp.org/tlog-proof), to be checked without it.

The file carries the entry itself, the hashes beside its way up to the root of the Merkle tree (RFC
6962 section 2.1.1), and a checkpoint with that root.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from evoreg.provenance.proofs.checkpoint import (
    SignedCheckpoint,
    false_proof,
    origin_for,
    read_checkpoint,
    read_hash,
)
from evoreg.provenance.proofs.keys import VerifierKey
from evoreg.provenance.proofs.merkle import Nodes, leaf_hash, node_hash, range_root, split
from evoreg.provenance.proofs.note import from_base64, to_base64, unreadable
from evoreg.provenance.records.canonical import from_canonical
from evoreg.provenance.records.entry import Entry, entry_hash
from evoreg.provenance.records.errors import InputError

FORM = "c2sp.org/tlog-proof@v1"
"""First line of the file."""

LONGEST_PROOF = 1 << 26
"""Characters of the longest proof file that is read."""

MOST_HASHES = 63
"""Hashes of the longest path that is read."""

_INDEX = re.compile(r"0|[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """What a proof file says; nothing of it is checked yet."""

    entry: Entry
    """The entry that is said to be in the ledger."""
    index: int
    """Its place among the leaves, from 0."""
    path: tuple[bytes, ...]
    """The hashes beside its way, from the leaf up, 32 bytes each."""
    checkpoint_text: str
    """The checkpoint as its own file would have it."""


def inclusion_path(index: int, size: int, nodes: Nodes) -> tuple[bytes, ...]:
    """Return the hashes beside the way from a leaf to the root.

    Args:
        index: The leaf, from 0 and below `size`.
        size: Leaves of the tree.
        nodes: Gives the complete subtrees.

    Returns:
        Hashes of 32 bytes, from the leaf up.
    """
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            path.append(range_root(middle, end, nodes))
            end = middle
        else:
            path.append(range_root(start, middle, nodes))
            start = middle
    return tuple(reversed(path))


def verify_inclusion(
    leaf: bytes, index: int, size: int, root: bytes, path: Sequence[bytes]
) -> bool:
    """Return whether a leaf is in a tree.

    Args:
        leaf: Its hash, as `merkle.leaf_hash` gives it.
        index: Its place, from 0.
        size: Leaves of the tree.
        root: Root of the tree.
        path: What `inclusion_path` returned.

    Returns:
        True if the path leads from this leaf, at this place, to this root.
    """
    if not 0 <= index < size:
        return False
    turns = _turns(index, size)
    if len(turns) != len(path):
        return False
    here = leaf
    for right, beside in zip(turns, path, strict=True):
        here = node_hash(beside, here) if right else node_hash(here, beside)
    return here == root


def write_inclusion(entry: Entry, path: Sequence[bytes], checkpoint_text: str) -> str:
    """Return the content of a proof file.

    Args:
        entry: The entry.
        path: What `inclusion_path` returned for it.
        checkpoint_text: The checkpoint as its own file has it.

    Returns:
        A text that `read_inclusion` reads.
    """
    extra = to_base64(entry.canonical())
    lines = [FORM, f"extra {extra}", f"index {entry.seq - 1}", *map(to_base64, path)]
    return "\n".join(lines) + "\n\n" + checkpoint_text


def read_inclusion(text: str) -> InclusionProof:
    """Read a proof file.

    Args:
        text: Its content.

    Returns:
        What it says.

    Raises:
        InputError: It is no such file, or carries no entry (INPUT_UNREADABLE).
    """
    if len(text) > LONGEST_PROOF:
        raise unreadable(f"a proof of {len(text)} characters is too long")
    head, blank, checkpoint_text = text.partition("\n\n")
    lines = head.split("\n")
    if not blank or len(lines) < 3 or lines[0] != FORM or len(lines) > 3 + MOST_HASHES:
        raise unreadable(f"this is no proof of inclusion: {FORM}, extra, index, hashes, checkpoint")
    extra, index = (_named(line, name) for line, name in zip(lines[1:], _NAMES, strict=False))
    if not _INDEX.fullmatch(index):
        raise unreadable(f"{index!r:.80} is no index")
    try:
        entry = Entry.from_canonical(from_base64(extra))
    except InputError as error:
        raise unreadable(f"the proof carries no entry: {error.problems[0].what}") from error
    return InclusionProof(entry, int(index), tuple(map(read_hash, lines[3:])), checkpoint_text)


def check_inclusion(proof: InclusionProof, keys: Sequence[VerifierKey] = ()) -> SignedCheckpoint:
    """Check that the entry of a proof is in the ledger of its checkpoint.

    Args:
        proof: What the file says.
        keys: Who may have signed the checkpoint; without any, signatures are not looked at.

    Returns:
        The checkpoint. Without keys it proves only that entry and checkpoint belong together:
        compare it with one that came another way.

    Raises:
        InputError: The checkpoint is none (INPUT_UNREADABLE).
        VerificationError: The entry does not have its hash or is not canonical, is not in the
            tree, or none of the keys signed the checkpoint (PROOF_FALSE).
    """
    read = read_checkpoint(proof.checkpoint_text, keys)
    entry, checkpoint = proof.entry, read.checkpoint
    where = f"entry {entry.seq}"
    _check_entry(entry, where)
    if proof.index != entry.seq - 1:
        raise false_proof(f"the proof is for leaf {proof.index}, not for this entry", where)
    leaf = leaf_hash(entry.hash)
    if not verify_inclusion(leaf, proof.index, checkpoint.size, checkpoint.root, proof.path):
        what = f"the entry is not in the ledger of this checkpoint of {checkpoint.size} entries"
        raise false_proof(what, where)
    if entry.seq == 1 and checkpoint.origin != origin_for(entry.hash):
        raise false_proof("the checkpoint is that of another ledger", where)
    return read


_NAMES = ("extra", "index")


def _named(line: str, name: str) -> str:
    found, _, value = line.partition(" ")
    if found != name:
        raise unreadable(f"the proof has no line that begins with {name!r} where it belongs")
    return value


def _check_entry(entry: Entry, where: str) -> None:
    if entry.hash != entry_hash(entry.seq, entry.prev, entry.kind, entry.body):
        raise false_proof("the entry does not have the hash that it says", where)
    try:
        body = from_canonical(entry.body.encode())
    except InputError as error:
        raise false_proof(f"its body is not canonical: {error.problems[0].what}", where) from error
    if not isinstance(body, dict) or not isinstance(body.get("record"), dict):
        raise false_proof("its body holds no record", where)


def _turns(index: int, size: int) -> list[bool]:
    """Return, from the leaf up, whether the way comes from the right."""
    turns: list[bool] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split(end - start)
        turns.append(index >= middle)
        start, end = (middle, end) if index >= middle else (start, middle)
    return turns[::-1]
