"""The trial of a generation: every entrant is scored once, and becomes an evaluation."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from evoreg.evolve.search.entrant import Entrant, Outcome, evaluation
from evoreg.evolve.search.exam import Exam
from evoreg.evolve.search.fitness import fitness, total
from evoreg.evolve.search.observer import Timed
from evoreg.evolve.search.racing import Race, below
from evoreg.evolve.search.scoring import Scorer
from evoreg.evolve.tasks.task import Task
from evoreg.provenance.records.candidate import Fraction, fraction
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.evaluation import Evaluation, TaskScore


@dataclass(frozen=True)
class Trial:
    """What one generation is put to."""

    stage: int
    """Number of the stage."""
    entrants: tuple[Entrant, ...]
    """Who takes part, by place."""
    exams: tuple[tuple[Exam, ...], ...]
    """What each of them is asked."""
    soft: bool = True
    """Whether smooth scores count in the fitness."""
    probe: int = 0
    """As in `Scorer.outcome`."""
    racing: bool = False
    """Whether they race; then all have the same exams and there is one objective."""


_Scored: TypeAlias = tuple[int, Outcome]


@dataclass(frozen=True)
class Judge:
    """Puts generations to the trial."""

    search: Digest
    """`Search.id`."""
    tasks: tuple[Task, ...]
    """All tasks."""
    several: bool
    """Whether each task is an objective of its own."""
    scorer: Scorer
    """Who scores."""
    share: bool
    """Whether entrants of one generation that make the same share one score."""

    def evaluations(self, trial: Trial, number: int) -> Iterator[tuple[Timed, int]]:
        """Yield the evaluations of a generation by place, each with the items that it spent.

        Args:
            trial: The generation.
            number: Its number.

        Yields:
            Each as soon as it is known; in a race all at the end.
        """
        stopped: Mapping[int, float] = {}
        outcomes: Iterator[_Scored] = self._one_by_one(trial)
        if trial.racing and trial.entrants:
            raced, stopped = self._race(trial)
            outcomes = iter(raced)
        for place, outcome in outcomes:
            record = evaluation(
                trial.entrants[place],
                outcome,
                search=self.search,
                stage=trial.stage,
                place=(number, place),
            )
            told = self._told(trial, record, stopped.get(place))
            done = record.model_copy(update={"fitness": told})
            yield Timed(done, outcome.apply_seconds, outcome.score_seconds), outcome.spent

    def _told(
        self, trial: Trial, record: Evaluation, lowered: float | None
    ) -> tuple[Fraction, ...]:
        if record.failure is not None:
            return ()
        if lowered is not None:
            return (fraction(lowered),)
        return fitness(self.tasks, record.scores, several=self.several, soft=trial.soft)

    def _one_by_one(self, trial: Trial) -> Iterator[_Scored]:
        done: dict[int, Outcome] = {}
        for place, first in enumerate(self._firsts(trial)):
            if first < place:
                yield place, _shared(done[first])
                continue
            done[place] = self.scorer.outcome(
                trial.entrants[place], trial.exams[place], trial.probe
            )
            yield place, done[place]

    def _race(self, trial: Trial) -> tuple[list[_Scored], dict[int, float]]:
        firsts = self._firsts(trial)
        own = [place for place, first in enumerate(firsts) if place == first]
        race = Race(self.scorer, trial.exams[0], trial.probe, self._worth)
        raced = race.run([trial.entrants[place] for place in own])
        outcomes = dict(zip(own, raced.outcomes, strict=True))
        full = [
            self._worth(found.scores)
            for place, found in enumerate(raced.outcomes)
            if found.failure is None and place not in raced.stopped
        ]
        lowered = {own[place]: value for place, value in below(raced.stopped, full).items()}
        scored = [
            (place, outcomes[first] if place == first else _shared(outcomes[first]))
            for place, first in enumerate(firsts)
        ]
        return scored, {
            place: lowered[first] for place, first in enumerate(firsts) if first in lowered
        }

    def _worth(self, scores: Sequence[TaskScore]) -> float:
        return total(fitness(self.tasks, scores, several=False))

    def _firsts(self, trial: Trial) -> list[int]:
        """Return for each place the first one that makes the same and is asked the same."""
        if not self.share:
            return list(range(len(trial.entrants)))
        seen: dict[tuple[object, ...], int] = {}
        found = []
        for place, (entrant, exams) in enumerate(zip(trial.entrants, trial.exams, strict=True)):
            asked = tuple((exam.task.name, exam.split, exam.asked, exam.variant) for exam in exams)
            # What no recipe could be made of has nothing to share.
            alone = place if entrant.failure is not None else -1
            found.append(seen.setdefault((entrant.key, asked, alone), place))
        return found


def _shared(outcome: Outcome) -> Outcome:
    return replace(outcome, apply_seconds=0.0, score_seconds=0.0, spent=0)
