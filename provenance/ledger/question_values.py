"""What the ledger answers to questions about all of it: small frozen values, never rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from evoreg.provenance.ledger.search_values import EvaluationRow, Tally
from evoreg.provenance.ledger.values import Head, Written
from evoreg.provenance.records.candidate import Fraction
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.entry import EntryKind
from evoreg.provenance.records.license import LicenseClaim
from evoreg.provenance.records.lineage import Edge
from evoreg.provenance.records.search import Split


@dataclass(frozen=True, slots=True)
class Overview:
    """How much the ledger holds."""

    head: Head
    """How far it reaches."""
    entries: Mapping[EntryKind, int]
    """Number of entries of each kind, in the order of the kinds; 0 included."""
    failed: int
    """How many of the scored candidates failed, in complete generations."""
    pending: int
    """Publications of which nobody knows yet how they ended."""


@dataclass(frozen=True, slots=True)
class Line(Written):
    """An entry in a list."""

    kind: EntryKind
    """What it tells."""
    hash: Digest
    """Its hash."""
    about: str
    """What it is about, in a few words that somebody else may have written."""


@dataclass(frozen=True, slots=True)
class ModelLine:
    """A registration in a list."""

    seq: int
    """Number of its entry."""
    name: str
    """`Model.name`."""
    revision: str | None
    """`Model.revision`."""
    identity: Digest
    """`Model.identity`."""
    location: str
    """Where it lay."""
    licenses: tuple[str, ...]
    """Expressions of all claims about these weights, each once, sorted; empty ones left out."""


@dataclass(frozen=True, slots=True)
class ShareLine:
    """The part of a source."""

    reference: str
    """As the recipe calls it."""
    identity: Digest | None
    """Its weights, if the entry names them."""
    nominal: Fraction
    """As in `Contribution`."""
    effective: Fraction
    """As in `Contribution`."""
    alignment: Fraction
    """As in `Contribution`."""
    used: bool
    """As in `Contribution`."""


@dataclass(frozen=True, slots=True)
class MergeLine:
    """A merged candidate in a list."""

    seq: int
    """Number of its entry."""
    id: Digest
    """`Candidate.id`."""
    method: str
    """The method of its recipe."""
    seed: int
    """Its seed."""
    shares: tuple[ShareLine, ...]
    """Who is inside, in the order of the recipe."""


@dataclass(frozen=True, slots=True)
class SearchLine:
    """A search in a list."""

    seq: int
    """Number of its entry."""
    id: Digest
    """`Search.id`."""
    name: str
    """Its name."""
    run: int
    """Number of the run."""
    intent: str
    """What the result is for."""
    outbound: str | None
    """Licence that the result will have to carry."""
    tally: Tally
    """What it amounts to."""


@dataclass(frozen=True, slots=True)
class ModelPage:
    """All that the ledger knows of some exact weights. Lists that may be long have the newest."""

    registrations: tuple[ModelLine, ...]
    """Under which names they were registered, the newest first."""
    claims: tuple[LicenseClaim, ...]
    """What was claimed about their licence, the oldest first."""
    parents: tuple[Edge, ...]
    """What they were made from, the oldest first."""
    children: tuple[Edge, ...]
    """What was made from them, the newest first."""
    makers: tuple[MergeLine, ...]
    """Merges that wrote one of their weight files, the newest first."""
    merges: tuple[MergeLine, ...]
    """Merges that they went into, the newest first."""
    searches: tuple[SearchLine, ...]
    """Searches that they could take part in, the newest first."""


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """Some generations of a search that follow one another; the numbers are for drawing."""

    first: int
    """Number of the first."""
    last: int
    """Number of the last."""
    stage: int
    """Stage of the last."""
    evaluations: int
    """Candidates that they had."""
    failed: int
    """How many of them failed."""
    best: float | None
    """Best first objective; nothing if all failed."""
    mean: float | None
    """Mean first objective of those that did not fail."""
    items: int
    """Item evaluations that the search had spent by then."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A candidate in a picture."""

    seq: int
    """Number of its entry."""
    generation: int
    """As in `Evaluation`."""
    place: int
    """As in `Evaluation`."""
    fitness: float | None
    """First objective; nothing if it failed."""


@dataclass(frozen=True, slots=True)
class ItemScores:
    """How a candidate did at the items of a task."""

    task: str
    """Name of the task."""
    split: Split
    """Which data."""
    value: Fraction
    """The metric over all items."""
    count: int
    """How many items were asked."""
    items: tuple[int, ...] | None
    """The metric of each in millionths; nothing if they were pruned."""
    softs: tuple[int, ...] | None
    """The smooth score of each in millionths; nothing if they were pruned."""


@dataclass(frozen=True, slots=True)
class ScoredCandidate:
    """A candidate as a search scored it, from the index tables."""

    row: EvaluationRow
    """What the list of the search says."""
    scores: tuple[ItemScores, ...]
    """Its scores with items, in the order of the record."""
    shares: tuple[ShareLine, ...]
    """Who is inside."""


@dataclass(frozen=True, slots=True)
class CandidatePage:
    """All that the ledger knows of a candidate."""

    id: Digest
    """`Candidate.id`."""
    scored: tuple[ScoredCandidate, ...]
    """Every scoring, in whatever search, the oldest first."""
    merged: tuple[MergeLine, ...]
    """Every time that it was merged, the newest first."""
    won: tuple[Digest, ...]
    """`Search.id` of the searches that it won, the oldest first."""
    releases: tuple[int, ...]
    """Numbers of its releases, the oldest first."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The same thing of two candidates; a side that has none of it is empty."""

    name: str
    """Task and split, or source."""
    first: Fraction | None
    """Of the one."""
    second: Fraction | None
    """Of the other."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two candidates side by side, each as it was scored last."""

    first: CandidatePage
    """The one."""
    second: CandidatePage
    """The other."""
    scores: tuple[Pair, ...]
    """Metrics by ``TASK SPLIT``, sorted."""
    shares: tuple[Pair, ...]
    """Effective shares by source, sorted."""


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """A decision in a list."""

    seq: int
    """Number of its entry."""
    digest: Digest
    """`Decision.record_digest()`."""
    intent: str
    """What it is about."""
    verdict: str
    """What it says."""
    releases: int
    """How many releases it permitted."""


@dataclass(frozen=True, slots=True)
class ReleaseLine:
    """A release in a list."""

    seq: int
    """Number of its entry."""
    digest: Digest
    """`Release.record_digest()`."""
    name: str
    """Name of the result."""
    intent: str
    """What it may be used for."""
    license: str
    """SPDX expression of the result."""
    candidate: Digest
    """`Candidate.id`."""
    decision: Digest
    """Digest of the decision that permits it."""
    verdict: str | None
    """What that decision says; nothing if it is not on record."""
    shares: tuple[ShareLine, ...]
    """Who is inside."""
    published: tuple[str, ...]
    """Places where it is, by confirmed publications, sorted."""


@dataclass(frozen=True, slots=True)
class ContributorLine:
    """Some exact weights and what they gave to all releases."""

    identity: Digest
    """`Model.identity`."""
    name: str
    """Name under which it was registered last, or else as a recipe calls it."""
    releases: int
    """Releases in which they have a share above zero."""
    share: Decimal
    """Sum of their effective shares over all releases, exactly."""
