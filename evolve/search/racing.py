"""Racing: a third of the items decides which half of a generation is asked the rest.

Who is stopped is told below all who went on, so that scores of different items are never ranked
against each other; among themselves those who were stopped keep their order.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from evoreg.evolve.search.entrant import Entrant, Outcome
from evoreg.evolve.search.exam import Exam, head, joined
from evoreg.evolve.search.scoring import Scorer
from evoreg.provenance.records.evaluation import TaskScore

_STEP = 1e-6
"""How far the best of those who were stopped is told below the last of those who went on."""


@dataclass(frozen=True)
class Raced:
    """What came of a race."""

    outcomes: tuple[Outcome, ...]
    """What came of each entrant."""
    stopped: Mapping[int, float]
    """Places of those who were stopped, and their fitness by the first items."""


@dataclass(frozen=True)
class Race:
    """Scores some entrants, the worse half of them on a third of the items only."""

    scorer: Scorer
    """Who scores."""
    exams: tuple[Exam, ...]
    """What is asked."""
    probe: int
    """As in `Scorer.outcome`."""
    worth: Callable[[Sequence[TaskScore]], float]
    """Fitness of some scores, more is better."""

    def run(self, entrants: Sequence[Entrant]) -> Raced:
        """Let some entrants race.

        Args:
            entrants: The entrants.

        Returns:
            All outcomes. Who ties with the last one that goes on goes on too; whose score at all
            items is known already keeps it, but is ranked by the first items like all others.
        """
        begun = [self._begin(entrant) for entrant in entrants]
        early = {
            place: self.worth([head(*pair) for pair in zip(self.firsts, found.scores, strict=True)])
            for place, found in enumerate(begun)
            if found.failure is None
        }
        stopped = _worse_half(early)
        outcomes = [
            self._finish(entrant, found) if place in early and place not in stopped else found
            for place, (entrant, found) in enumerate(zip(entrants, begun, strict=True))
        ]
        return Raced(tuple(outcomes), stopped)

    @property
    def firsts(self) -> tuple[Exam, ...]:
        """The third that everybody is asked, rounded up."""
        return tuple(exam.part(0, -(-len(exam.places) // 3)) for exam in self.exams)

    def _begin(self, entrant: Entrant) -> Outcome:
        if all(self.scorer.known(entrant, exam) is not None for exam in self.exams):
            return self.scorer.outcome(entrant, self.exams)
        return self.scorer.outcome(entrant, self.firsts, self.probe)

    def _finish(self, entrant: Entrant, begun: Outcome) -> Outcome:
        counts = [len(score.items) for score in begun.scores]
        rests = [exam.part(count) for exam, count in zip(self.exams, counts, strict=True)]
        asked = [rest for rest in rests if rest.places]
        if not asked:
            return begun
        ended = self.scorer.outcome(entrant, asked)
        together = replace(
            ended,
            apply_seconds=begun.apply_seconds + ended.apply_seconds,
            score_seconds=begun.score_seconds + ended.score_seconds,
            spent=begun.spent + ended.spent,
        )
        if ended.failure is not None:
            return together
        more = iter(ended.scores)
        scores = [
            joined(exam, [first, next(more)]) if rest.places else first
            for exam, first, rest in zip(self.exams, begun.scores, rests, strict=True)
        ]
        return replace(together, scores=tuple(scores))


def _worse_half(early: Mapping[int, float]) -> dict[int, float]:
    if not early:
        return {}
    bar = sorted(early.values(), reverse=True)[(len(early) - 1) // 2]
    return {place: value for place, value in early.items() if value < bar}


def below(stopped: Mapping[int, float], full: Sequence[float]) -> dict[int, float]:
    """Return what those who were stopped are told.

    Args:
        stopped: Their fitness by the first items.
        full: Fitness of those who went on and did not fail.

    Returns:
        The same numbers, all lowered by as much as it takes to be below every number of `full`.
    """
    if not stopped or not full:
        return dict(stopped)
    shift = min(0.0, min(full) - max(stopped.values()) - _STEP)
    return {place: value + shift for place, value in stopped.items()}
