"""Keeping the books of a search: everything is in the ledger before the search goes on.

The search and its models are written first. A generation is one transaction: all its evaluations
and its end. Killed between two of them, nothing is lost but the generation that was being scored.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evoreg.evolve.search.observer import Closed, Observer, Past, Timed
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.evaluation import Evaluation, Generation
from evoreg.provenance.records.result import SearchResult
from evoreg.provenance.records.search import Search
from evoreg.registry.merging.course import Inquiry
from evoreg.registry.merging.make import new_models, new_texts
from evoreg.registry.searching.gate import Gate
from evoreg.registry.searching.stages import Begun


@dataclass
class Books:
    """Writes a search into the ledger; an `Observer`."""

    ledger: Ledger
    """Where it is written."""
    seconds: float = 0.0
    """Time that was spent on writing so far."""
    _fitness: dict[str, float] = field(default_factory=dict)

    def begin(self, search: Search, gate: Gate, inquiry: Inquiry, begun: Begun) -> None:
        """Write down what will be searched, in one transaction.

        Args:
            search: The record.
            gate: The models and the decision about them.
            inquiry: What the decision was made from.
            begun: Where the first stage begins.
        """
        decision = gate.recorded(inquiry)
        news = new_models(self.ledger, gate.field.models.values())
        if not self.ledger.decision(decision.record_digest()):
            news += new_texts(self.ledger, inquiry.texts)
            news.append(NewEntry("decision", decision, {"inquiry": dict(inquiry.value)}))
        news.append(NewEntry("search", search, beside(gate, begun)))
        self._append(news)

    def evaluated(self, timed: Timed) -> None:
        """Be told of a candidate; it is written with its generation."""

    def closed(self, generation: Generation, evaluations: Sequence[Timed]) -> None:
        """Write a generation: all of it or nothing."""
        self._learn([timed.evaluation for timed in evaluations])
        news = [
            NewEntry(
                "evaluation",
                timed.evaluation,
                {
                    "apply_seconds": round(timed.apply_seconds, 6),
                    "score_seconds": round(timed.score_seconds, 6),
                },
            )
            for timed in evaluations
        ]
        self._append([*news, NewEntry("generation", generation)])

    def replayed(self, closed: Closed) -> None:
        """Be told of a generation that is written already."""
        self._learn(closed.evaluations)

    def ended(self, result: SearchResult) -> None:
        """Write the result."""
        self._append([NewEntry("result", result)])

    def best_parent(self, models: Sequence[str]) -> str:
        """Return which of some models did best as a baseline; of equal ones the first."""
        return max(models, key=lambda model: self._fitness.get(model, float("-inf")))

    def _learn(self, evaluations: Sequence[Evaluation]) -> None:
        for item in evaluations:
            if item.origin == "baseline" and item.generation == 0 and item.fitness:
                self._fitness[item.label] = sum(map(float, item.fitness))

    def _append(self, news: Sequence[NewEntry]) -> None:
        began = time.monotonic()
        self.ledger.append(news)
        self.seconds += time.monotonic() - began


@dataclass(frozen=True)
class Both:
    """Tells two observers of a search; the first one before the second."""

    books: Observer
    """Told first: what the second one shows is on record."""
    screen: Observer
    """Told then."""

    def evaluated(self, timed: Timed) -> None:
        """Tell of a candidate."""
        self.books.evaluated(timed)
        self.screen.evaluated(timed)

    def closed(self, generation: Generation, evaluations: Sequence[Timed]) -> None:
        """Tell of a generation."""
        self.books.closed(generation, evaluations)
        self.screen.closed(generation, evaluations)

    def replayed(self, closed: Closed) -> None:
        """Tell of a generation of the past."""
        self.books.replayed(closed)
        self.screen.replayed(closed)

    def ended(self, result: SearchResult) -> None:
        """Tell of the result."""
        self.books.ended(result)
        self.screen.ended(result)


def beside(gate: Gate, begun: Begun) -> Mapping[str, Json]:
    """Return what is written beside the record of a search: its budget, and where it began."""
    budget: dict[str, Json] = gate.form.budget.model_dump(mode="json", exclude_none=True)
    warm: dict[str, Json] = {
        "start": list(begun.start),
        "injected": [list(genome) for genome in begun.injected],
    }
    return {"budget": budget, **({"warm": warm} if begun != Begun() else {})}


def begun_from(extra: Mapping[str, Json]) -> Begun:
    """Return where a recorded search began.

    Args:
        extra: What is written beside its record.

    Returns:
        The same as `beside` was given.
    """
    warm = extra.get("warm")
    if not isinstance(warm, dict):
        return Begun()
    injected = warm.get("injected")
    rows = injected if isinstance(injected, list) else []
    return Begun(_genome(warm.get("start")), tuple(map(_genome, rows)))


def _genome(value: Json) -> tuple[float, ...]:
    numbers = value if isinstance(value, list) else []
    return tuple(float(x) for x in numbers if isinstance(x, int | float))


def past_of(ledger: Ledger, search: Digest) -> Past:
    """Return what the ledger knows of a search.

    Args:
        ledger: An open ledger.
        search: `Search.id`.

    Returns:
        Its complete generations, and the result if it came to an end.

    Raises:
        VerificationError: The entries do not follow one another.
    """
    found = ledger.past(search)
    closed = tuple(
        Closed(
            item.generation.generation,
            tuple(recorded.evaluation for recorded in item.evaluations),
        )
        for item in found.closed
    )
    return Past(closed, found.result.result if found.result is not None else None)
