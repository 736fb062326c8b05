"""Who watches a search: the books and the screen, told of everything as it happens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from evoreg.provenance.records.evaluation import Evaluation, Generation
from evoreg.provenance.records.result import SearchResult


@dataclass(frozen=True, slots=True)
class Timed:
    """An evaluation and what it took; times are kept beside records, never in them."""

    evaluation: Evaluation
    """The candidate and its scores."""
    apply_seconds: float
    """Time to compute the weights."""
    score_seconds: float
    """Time to answer the items."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A generation that is complete."""

    generation: Generation
    """Its record."""
    evaluations: tuple[Evaluation, ...]
    """All its candidates, by place."""


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a search that was begun before."""

    closed: tuple[Closed, ...] = ()
    """Its complete generations, in order; nothing of a generation that was cut short."""
    result: SearchResult | None = None
    """What came out, if it came to an end."""


class Observer(Protocol):
    """Watches a search. An exception of an observer ends the search."""

    def evaluated(self, timed: Timed) -> None:
        """A candidate was scored; nothing is final before its generation is closed."""
        ...

    def closed(self, generation: Generation, evaluations: Sequence[Timed]) -> None:
        """A generation is complete.

        When this returns it must be on record: it will not be told again, and a search that is
        interrupted later goes on behind it.
        """
        ...

    def replayed(self, closed: Closed) -> None:
        """A generation of the past was gone through again; it is on record already."""
        ...

    def ended(self, result: SearchResult) -> None:
        """The search came to its end; must be on record when this returns."""
        ...
