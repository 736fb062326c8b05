"""What comes out of the ledger about searches: small frozen values, never database rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from evoreg.provenance.ledger.values import Written
from evoreg.provenance.records.candidate import Fraction
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.evaluation import Evaluation, Generation, Origin
from evoreg.provenance.records.result import SearchResult
from evoreg.provenance.records.search import Search, Split


@dataclass(frozen=True, slots=True)
class RecordedSearch(Written):
    """A search of the ledger."""

    search: Search
    """The record."""
    extra: Mapping[str, Json]
    """Further fields of its entry."""


@dataclass(frozen=True, slots=True)
class RecordedEvaluation(Written):
    """A candidate as a search of the ledger scored it."""

    evaluation: Evaluation
    """The record."""
    apply_seconds: float | None
    """Time to compute the weights; nothing if nobody said."""
    score_seconds: float | None
    """Time to answer the items; nothing if nobody said."""


@dataclass(frozen=True, slots=True)
class RecordedGeneration(Written):
    """The end of a generation."""

    generation: Generation
    """The record."""


@dataclass(frozen=True, slots=True)
class RecordedResult(Written):
    """What came out of a search of the ledger."""

    result: SearchResult
    """The record."""


@dataclass(frozen=True, slots=True)
class ClosedGeneration:
    """A generation that is complete."""

    generation: RecordedGeneration
    """Its end."""
    evaluations: tuple[RecordedEvaluation, ...]
    """All its candidates, by place."""


@dataclass(frozen=True, slots=True)
class PastSearch:
    """How far a search has come."""

    closed: tuple[ClosedGeneration, ...]
    """Its complete generations, from 0 without gaps; nothing of one that was cut short."""
    result: RecordedResult | None
    """What came out, if it came to an end."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which evaluations of a search are wanted, and in which order."""

    stage: int | None = None
    """Only those of this stage."""
    generation: int | None = None
    """Only those of this generation."""
    origin: Origin | None = None
    """Only those that came from there."""
    failed: bool | None = None
    """True for failures only, False for all others."""
    order: Literal["course", "fitness"] = "course"
    """As they were recorded; or the best first, by the first objective, failures last."""
    limit: int | None = None
    """At most so many."""


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """A score in a list."""

    task: str
    """Name of the task."""
    split: Split
    """Which data."""
    value: Fraction
    """The metric."""
    items: int
    """How many items were asked."""


@dataclass(frozen=True, slots=True)
class EvaluationRow:
    """An evaluation in a list: what the index tables say, without genome, recipe and items."""

    seq: int
    """Number of its entry."""
    search: Digest
    """`Search.id`."""
    stage: int
    """As in `Evaluation`."""
    generation: int
    """As in `Evaluation`."""
    place: int
    """As in `Evaluation`."""
    origin: Origin
    """As in `Evaluation`."""
    label: str
    """As in `Evaluation`."""
    candidate: Digest
    """As in `Evaluation`."""
    failure: str | None
    """Code of the failure; nothing if it did not fail."""
    fitness: Fraction | None
    """The first objective; nothing if it failed."""
    scores: tuple[ScoreRow, ...]
    """Its scores, in the order of the record."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What a search amounts to so far."""

    evaluations: int
    """Candidates scored, baselines, finalists and failures among them: those of complete
    generations, and those behind the last end."""
    failed: int
    """How many of them failed."""
    generations: int
    """Complete generations, that of the baselines among them."""
    best: Fraction | None
    """The best first objective of all; nothing if there is none."""
    ended: bool
    """Whether a result is recorded."""
