"""What a lineage asks of the ledger, told without loading it: a check must start quickly."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from evoreg.provenance.ledger.values import RecordedCandidate, RegisteredModel
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.license import LicenseClaim
from evoreg.provenance.records.lineage import EdgeOrigin, Relation
from evoreg.provenance.records.text import HeldText


class Row(Protocol):
    """A registration of a model, without its body."""

    @property
    def seq(self) -> int:
        """Number of its entry."""

    @property
    def name(self) -> str:
        """`Model.name`."""

    @property
    def revision(self) -> str | None:
        """`Model.revision`."""

    @property
    def identity(self) -> Digest:
        """`Model.identity`."""


class Told(Protocol):
    """What an edge says."""

    @property
    def parent(self) -> str:
        """Name of the parent."""

    @property
    def revision(self) -> str | None:
        """Its commit."""

    @property
    def parent_identity(self) -> Digest | None:
        """Identity of its weights."""

    @property
    def relation(self) -> Relation:
        """How it reached the child."""

    @property
    def origin(self) -> EdgeOrigin:
        """Who says so."""


class Book(Protocol):
    """Where everything stands; as `LineageBook` of the ledger."""

    @property
    def by_name(self) -> Mapping[str, Sequence[Row]]:
        """Registrations under each name, the oldest first."""

    @property
    def by_identity(self) -> Mapping[Digest, Sequence[Row]]:
        """Registrations of the same weights, the oldest first."""

    @property
    def edges(self) -> Mapping[Digest, Sequence[Told]]:
        """Edges from each child."""

    @property
    def claims(self) -> Mapping[Digest, Sequence[int]]:
        """Numbers of the claims about each identity."""

    @property
    def makers(self) -> Mapping[Digest, Sequence[int]]:
        """Numbers of the candidates that wrote a weight file."""

    @property
    def inside(self) -> Mapping[int, Sequence[Digest]]:
        """What has a share above zero in each of these candidates."""

    def made_from(self, weights: Iterable[Digest]) -> Sequence[Digest]:
        """Return what was merged into some weight files."""


@dataclass(frozen=True)
class NoBook:
    """The book where there is no ledger."""

    by_name: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    """Nothing."""
    by_identity: Mapping[Digest, Sequence[Row]] = field(default_factory=dict)
    """Nothing."""
    edges: Mapping[Digest, Sequence[Told]] = field(default_factory=dict)
    """Nothing."""
    claims: Mapping[Digest, Sequence[int]] = field(default_factory=dict)
    """Nothing."""
    makers: Mapping[Digest, Sequence[int]] = field(default_factory=dict)
    """Nothing."""
    inside: Mapping[int, Sequence[Digest]] = field(default_factory=dict)
    """Nothing."""

    def made_from(self, weights: Iterable[Digest]) -> Sequence[Digest]:  # noqa: ARG002
        """Return nothing."""
        return ()


class Memory(Protocol):
    """The ledger, as far as a lineage needs it."""

    def lineage(self) -> Book:
        """Return where everything stands."""

    def models_at(self, seqs: Iterable[int]) -> Mapping[int, RegisteredModel]:
        """Return some registrations by number."""

    def claims_at(self, seqs: Iterable[int]) -> Mapping[int, LicenseClaim]:
        """Return some claims by number."""

    def texts(self, digests: Iterable[Digest]) -> Mapping[Digest, HeldText]:
        """Return those texts that are held."""

    def makers_of(self, digest: Digest) -> Sequence[RecordedCandidate]:
        """Return the candidates that wrote a file."""

    def models_with(self, identity: Digest) -> Sequence[RegisteredModel]:
        """Return the registrations of some weights."""
