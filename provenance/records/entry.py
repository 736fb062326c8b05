"""An entry: one line of the ledger, chained to the one before it by its hash."""

import hashlib
from typing import Annotated, Literal

from pydantic import Field

from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.record import Record

EntryKind = Literal[
    "model",
    "claim",
    "edge",
    "text",
    "decision",
    "candidate",
    "release",
    "search",
    "evaluation",
    "generation",
    "result",
    "publication",
    "pruning",
]
"""What a line tells: a registered model, a licence claim, an edge of the lineage, a held text, a
decision, a candidate, a release, a search with its evaluations, generations and result, a step of
a publication, or that index tables were pruned."""

GENESIS: Digest = "sha256:" + "0" * 64
"""The predecessor of the first entry."""


class Entry(Record):
    """One line of the ledger."""

    seq: Annotated[int, Field(ge=1)]
    """Position, from 1 without gaps."""
    prev: Digest
    """Hash of the entry before, `GENESIS` for the first."""
    kind: EntryKind
    """What it tells."""
    body: str
    """The canonical JSON text that was hashed: who, when, and the record."""
    hash: Digest
    """`entry_hash` of the four above."""


def entry_hash(seq: int, prev: Digest, kind: str, body: str) -> Digest:
    """Return the hash of an entry.

    Every field is preceded by its length, and the whole by the name of this form, so that no two
    different entries feed the same bytes to the hash.

    Args:
        seq: Position, from 1.
        prev: Hash of the entry before.
        kind: Kind of the entry.
        body: Canonical JSON text.

    Returns:
        SHA-256 of the domain-separated fields.
    """
    parts = [b"evoreg/entry/1"]
    for field in (str(seq), prev, kind, body):
        data = field.encode()
        parts += (len(data).to_bytes(8, "big"), data)
    return f"sha256:{hashlib.sha256(b''.join(parts)).hexdigest()}"
