"""Where a release carries what the ledger says about it: a checkpoint and the proofs under it."""

from typing import Final

from evoreg.provenance.records.entry import EntryKind

FOLDER: Final = "provenance/ledger"
"""The folder, relative to that of the release."""

CHECKPOINT: Final = f"{FOLDER}/checkpoint.txt"
"""How far the ledger reached when the release was recorded, signed if there is a key."""

PROVEN: Final[tuple[EntryKind, ...]] = ("candidate", "decision", "release")
"""Kinds of the entries whose proofs a release may carry."""

ALWAYS: Final[tuple[EntryKind, ...]] = ("candidate", "release")
"""Those of them that every release carries: the entry of a decision may hold private figures."""


def proof_path(kind: EntryKind) -> str:
    """Return where the proof of an entry lies.

    Args:
        kind: Kind of the entry.

    Returns:
        A POSIX path relative to the folder of the release.
    """
    return f"{FOLDER}/{kind}.tlog-proof"


CARRIED: Final = frozenset({CHECKPOINT, *map(proof_path, PROVEN)})
"""All files that a release may carry from the ledger; no entry names their digests."""
