"""How far a search is, for people who watch it: a value that each event turns into the next."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from evoreg.evolve.search.fitness import total
from evoreg.evolve.search.observer import Closed, Timed
from evoreg.evolve.searchfile.form import BudgetForm
from evoreg.provenance.records.evaluation import Evaluation, Generation


@dataclass(frozen=True, slots=True)
class Done:
    """Amounts that a budget counts."""

    generations: int = 0
    """Searched generations that are complete."""
    candidates: int = 0
    """Candidates that were searched."""
    items: int = 0
    """Items that they were asked, as far as generations are complete."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a search is. Fitness is the sum of the objectives, more is better."""

    stage: int = 0
    """Number of the stage."""
    generation: int = 0
    """Number of the generation that is being scored, 0 for the baselines."""
    here: int = 0
    """Candidates of this generation that were scored."""
    failed: int = 0
    """Searched candidates that failed."""
    done: Done = Done()
    """What the budget counts."""
    replayed: Done = Done()
    """What of it came from the record."""
    best: float | None = None
    """Best fitness of a searched candidate so far; on other items than `mean`, if they rotate."""
    mean: float | None = None
    """Mean fitness of the last complete searched generation."""
    baselines: tuple[tuple[str, float], ...] = ()
    """Label and fitness of each baseline that could be scored."""
    items: int = 0
    """Items spent, baselines and final ones included, as far as generations are complete."""
    seconds: float = 0.0
    """Time that candidates of this run took, baselines and final ones not counted."""
    final: bool = False
    """Whether the search is over and the winner is being chosen and tested."""

    @property
    def parents(self) -> tuple[str, float] | None:
        """Label and fitness of the best parent or base: the line that a merge has to pass."""
        scored = [pair for pair in self.baselines if pair[0] != "uniform"]
        return max(scored, key=lambda pair: pair[1]) if scored else None

    @property
    def uniform(self) -> float | None:
        """Fitness of the uniform merge."""
        return next((value for label, value in self.baselines if label == "uniform"), None)

    def evaluated(self, timed: Timed) -> "Progress":
        """Return the progress after a candidate was scored."""
        after = self._counted(timed.evaluation)
        if not searched(timed.evaluation):
            return after
        took = timed.apply_seconds + timed.score_seconds
        return replace(after, seconds=after.seconds + took)

    def closed(self, generation: Generation, evaluations: Sequence[Evaluation]) -> "Progress":
        """Return the progress after a generation was complete."""
        after = replace(self, generation=generation.number + 1, here=0, items=generation.items)
        if not any(searched(item) for item in evaluations):
            return after
        done = replace(
            self.done,
            generations=self.done.generations + 1,
            items=self.done.items + generation.items - self.items,
        )
        mean = total(generation.mean) if generation.mean else None
        return replace(after, done=done, mean=mean)

    def replay(self, closed: Closed) -> "Progress":
        """Return the progress after a generation was read from the record."""
        after = self
        for item in closed.evaluations:
            after = after._counted(item)
        after = after.closed(closed.generation, closed.evaluations)
        return replace(after, replayed=after.done)

    def left(self, budget: BudgetForm) -> float | None:
        """Return how long the search will go on, the final choice not counted.

        Args:
            budget: When the search ends.

        Returns:
            Seconds, from what candidates took so far; nothing before the first one.
        """
        parts = list(self._parts(budget))
        if self.final:
            return 0.0
        if not parts or max(parts) <= 0 or self.seconds <= 0:
            return None
        part = min(1.0, max(parts))
        return self.seconds * (1 - part) / part

    def _parts(self, budget: BudgetForm) -> Iterator[float]:
        """Yield for each limit the part that this run has done of what it had to do."""
        was, now = self.replayed, self.done
        for limit, begun, reached in (
            (budget.generations, was.generations, now.generations),
            (budget.candidates, was.candidates, now.candidates),
            (budget.items, was.items, now.items),
        ):
            if limit is not None:
                yield (reached - begun) / (limit - begun) if limit > begun else 1.0
        if budget.minutes is not None:
            yield self.seconds / (60 * budget.minutes)

    def _counted(self, item: Evaluation) -> "Progress":
        after = replace(self, stage=item.stage, generation=item.generation, here=self.here + 1)
        fitness = total(item.fitness) if item.fitness else None
        if searched(item):
            best = [value for value in (self.best, fitness) if value is not None]
            return replace(
                after,
                failed=self.failed + (item.failure is not None),
                done=replace(self.done, candidates=self.done.candidates + 1),
                best=max(best, default=None),
            )
        if item.generation > 0:
            return replace(after, final=True)
        known = () if fitness is None else ((item.label, fitness),)
        return replace(after, baselines=(*self.baselines, *known))


def searched(evaluation: Evaluation) -> bool:
    """Return whether a candidate was searched, not a baseline or a part of the final choice."""
    return evaluation.origin in ("sampled", "injected")
