"""A release: a model with its papers, for one intent, under one decision."""

from evoreg.provenance.records.decision import Intent
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.model import File
from evoreg.provenance.records.record import Record


class Release(Record):
    """A candidate together with the papers that its sources are owed."""

    candidate: Digest
    """`Candidate.id`."""
    decision: Digest
    """Digest of the decision that permits it."""
    intent: Intent
    """What it may be used for."""
    name: str
    """Name of the result."""
    license: str
    """SPDX expression of the result."""
    papers: tuple[File, ...]
    """Card, notices and licence texts, sorted by path."""
