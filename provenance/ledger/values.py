"""What goes into the ledger and comes out of it: small frozen values, never database rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from evoreg.provenance.records.candidate import Candidate
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.decision import Decision
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.entry import GENESIS, EntryKind
from evoreg.provenance.records.model import Model
from evoreg.provenance.records.publication import Publication, PublicationState
from evoreg.provenance.records.record import Record
from evoreg.provenance.records.release import Release


@dataclass(frozen=True, slots=True)
class Head:
    """How far the ledger reaches; one kept elsewhere is an anchor for a later check."""

    seq: int = 0
    """Number of the last entry, 0 for an empty ledger."""
    hash: Digest = GENESIS
    """Hash of the last entry, `GENESIS` for an empty ledger."""


@dataclass(frozen=True, slots=True)
class NewEntry:
    """Something to write."""

    kind: EntryKind
    """What it tells."""
    record: Record
    """The fact: a record of the type that belongs to `kind`."""
    extra: Mapping[str, Json] = field(default_factory=dict)
    """Further fields of the body, such as the ``location`` of a model."""


@dataclass(frozen=True, slots=True)
class Written:
    """Where and when a fact was written."""

    seq: int
    """Number of its entry."""
    at: str
    """When: ISO 8601, UTC, to the second, ending in Z."""
    by: str
    """The actor that wrote it."""


@dataclass(frozen=True, slots=True)
class RegisteredModel(Written):
    """A model of the ledger."""

    model: Model
    """The record."""
    location: str
    """Folder or address where it lay when it was registered; empty if nobody said."""


@dataclass(frozen=True, slots=True)
class RecordedCandidate(Written):
    """A candidate of the ledger."""

    candidate: Candidate
    """The record."""


@dataclass(frozen=True, slots=True)
class RecordedDecision(Written):
    """A decision of the ledger."""

    decision: Decision
    """The record."""
    inquiry: Mapping[str, Json] | None = None
    """All that was asked and known, if it was recorded beside the decision."""


@dataclass(frozen=True, slots=True)
class RecordedRelease(Written):
    """A release of the ledger."""

    release: Release
    """The record."""


@dataclass(frozen=True, slots=True)
class RecordedStep(Written):
    """A step of a publication of the ledger."""

    publication: Publication
    """The record."""


@dataclass(frozen=True, slots=True)
class PublicationCourse:
    """A publication from its first step to its last."""

    prepared: RecordedStep
    """What was announced before anything left this machine."""
    settled: RecordedStep | None
    """How it ended; nothing as long as that is not known."""

    @property
    def state(self) -> PublicationState:
        """How far it has come."""
        return (self.settled or self.prepared).publication.state
