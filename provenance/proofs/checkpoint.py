"""Checkpoints: what a ledger was at some size, in three lines that anybody can keep and compare.

The lines are the origin of the ledger, its number of entries and the root of its Merkle tree
(https://c2sp.org/tlog-checkpoint); signatures may stand below them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from evoreg.provenance.proofs.keys import SigningKey, VerifierKey
from evoreg.provenance.proofs.note import Note, from_base64, to_base64, unreadable
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Code, VerificationError

_SIZE = re.compile(r"0|[1-9][0-9]{0,17}")
_ORIGIN = "evoreg.ledger/"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a ledger was when it had some number of entries."""

    origin: str
    """Which ledger; one line, never empty."""
    size: int
    """Number of its first entries that are meant."""
    root: bytes
    """Root of the Merkle tree over them, 32 bytes."""

    def text(self) -> str:
        """Return the three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint as it was read, and who is known to have signed it."""

    checkpoint: Checkpoint
    """The checkpoint."""
    note: Note
    """Its lines with all signatures, those of unknown keys too."""
    signers: tuple[str, ...]
    """Names of the given keys whose signatures hold; none if no key was given."""

    @property
    def signed(self) -> bool:
        """Whether there is any signature, known or not."""
        return bool(self.note.signatures)


def origin_for(first: Digest) -> str:
    """Return the origin of a ledger.

    Args:
        first: Hash of its first entry.

    Returns:
        A name that exports, imports and copies of the ledger share.
    """
    return _ORIGIN + first.removeprefix("sha256:")[:32]


def read_checkpoint(text: str, keys: Sequence[VerifierKey] = ()) -> SignedCheckpoint:
    """Read a checkpoint.

    Args:
        text: The content of its file.
        keys: Who may have signed it. Without any, signatures are not looked at.

    Returns:
        The checkpoint and whose signatures hold.

    Raises:
        InputError: It is no checkpoint (INPUT_UNREADABLE).
        VerificationError: None of the keys signed it, or a signature of one of them does not hold
            (PROOF_FALSE).
    """
    note = Note.parse(text)
    lines = note.text.split("\n")
    if len(lines) != 4 or not all(lines[:3]) or not _SIZE.fullmatch(lines[1]):
        raise unreadable("this is no checkpoint: origin, number of entries and root, a line each")
    checkpoint = Checkpoint(lines[0], int(lines[1]), read_hash(lines[2]))
    return SignedCheckpoint(checkpoint, note, _signers(note, keys))


def sign_checkpoint(checkpoint: Checkpoint, keys: Sequence[SigningKey] = ()) -> str:
    """Return the content of a checkpoint's file.

    Args:
        checkpoint: What to sign.
        keys: Who signs; with nobody the file has its three lines only.

    Returns:
        A text that `read_checkpoint` reads.
    """
    text = checkpoint.text()
    return str(Note(text, tuple(key.sign(text) for key in keys)))


def read_hash(text: str) -> bytes:
    """Read a hash of the tree.

    Args:
        text: 32 bytes in base64.

    Returns:
        The bytes.

    Raises:
        InputError: It is none (INPUT_UNREADABLE).
    """
    data = from_base64(text)
    if len(data) != 32:
        raise unreadable(f"{text!r:.80} is no hash of 32 bytes")
    return data


def false_proof(what: str, where: str = "", hint: str = "") -> VerificationError:
    """Return the error for a proof that does not hold.

    Args:
        what: One sentence.
        where: Which part is meant.
        hint: What to do; by default not to trust the file.
    """
    advice = hint or "trust neither file nor ledger until somebody can explain it"
    return VerificationError(Code.PROOF_FALSE, what, where=where, hint=advice)


def _signers(note: Note, keys: Sequence[VerifierKey]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for signature in note.signatures:
        for key in filter(lambda key: key.made(signature), keys):
            if not key.verifies(note.text, signature):
                raise false_proof(f"the signature of {key.name} does not hold", "checkpoint")
            found[key.name] = None
    if keys and not found:
        names = ", ".join(dict.fromkeys(key.name for key in keys))
        what = "is signed by others only" if note.signatures else "is not signed"
        hint = "give the public key of whoever made it, or ask for a signed one"
        raise false_proof(f"the checkpoint {what}, not by {names}", "checkpoint", hint)
    return tuple(found)
