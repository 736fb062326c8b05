"""Running a search from its baselines to its result, or on from where it was interrupted."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from evoreg.evolve.optimisers.optimiser import Asked, Told
from evoreg.evolve.optimisers.table import OPTIMISERS
from evoreg.evolve.search.checks import refuse_unfit
from evoreg.evolve.search.course import Course
from evoreg.evolve.search.economy import exams, whole_train
from evoreg.evolve.search.entrant import Entrant, baselines, from_genome, suggested
from evoreg.evolve.search.finish import Leg, finish
from evoreg.evolve.search.fitness import by_item
from evoreg.evolve.search.observer import Observer, Past
from evoreg.evolve.search.room import refuse_long
from evoreg.evolve.search.setup import Setup, Stage
from evoreg.evolve.search.trial import Trial
from evoreg.evolve.spaces.space import Genome
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.evaluation import Evaluation
from evoreg.provenance.records.result import SearchResult

_NOTHING = Past()

_RECENT = 3
"""Generations over which the gain of a stage is taken."""

_DISTRIBUTIONS = frozenset({"cma-es", "sep-cma-es"})
"""Optimisers that return the mean of a distribution; only such means can be averaged."""


def run_search(
    setup: Setup, observer: Observer, past: Past = _NOTHING, *, clock: Callable[[], float]
) -> SearchResult:
    """Search, choose a winner and say whether to believe it.

    Generation 0 are the baselines of the first stage, on all items of the train split. Behind the
    searched generations stand two more: the finalists on the validation split; then the winner,
    the baselines and variants of the winner on the test split.

    Args:
        setup: The search. Hosts of all its stages must stay open until this returns; closing them
            is the caller's.
        observer: Who is told of everything.
        past: What is on record of the same search.
        clock: Seconds that only go up, such as `time.monotonic`; nothing that is recorded depends
            on it, unless the budget names minutes.

    Returns:
        The result; that of the past, without any work, if the search had ended.

    Raises:
        UsageError: The parts of the search do not go together.
        VerificationError: The search does not repeat its past.
        EvaluationError: No baseline, or no finalist, could be scored.
    """
    if past.result is not None:
        return past.result
    refuse_unfit(setup)
    several = OPTIMISERS[setup.form.optimiser.kind].several
    course = Course(setup, observer, past, several=several, clock=clock)
    result = finish(course, _explore(course))
    observer.ended(result)
    return result


def _explore(course: Course) -> list[Leg]:
    stage = course.setup.stages.first()
    everything = whole_train(course.setup.tasks, course.setup.search.seed)
    rivals = baselines(course.setup, stage)
    course.run(Trial(stage.number, rivals, (everything,) * len(rivals)))
    refuse_long(course.setup.tasks, rivals)
    legs: list[Leg] = []
    following: Stage | None = stage
    while following is not None:
        stage = following
        legs.append(_Walk(course, stage).to_the_end())
        following = None
        if not course.spent():
            following = course.setup.stages.following(stage, legs[-1].returned)
    return legs


class _Walk:
    """One stage: generation after generation until it ends or the budget is spent."""

    def __init__(self, course: Course, stage: Stage) -> None:
        self._course = course
        self._stage = stage
        self._trail: list[Genome] = []
        self._means: list[float] = []
        self._made: dict[Genome, Digest] = {}

    def to_the_end(self) -> Leg:
        optimiser = self._stage.optimiser
        if self._stage.injected:
            optimiser.inject(self._stage.injected)
        while self._goes_on() and not optimiser.finished:
            asked = optimiser.ask()
            if not asked:
                break
            self._generation(asked)
        kind = self._course.setup.form.optimiser.kind
        label = "mean" if kind in _DISTRIBUTIONS else "returned"
        return Leg(self._stage, self._returned(), label)

    def _goes_on(self) -> bool:
        if self._course.spent():
            return False
        length = self._stage.generations
        done = len(self._trail)
        if length is None or done == 0 or done % length:
            return True
        return self._stage.gain > 0 and self._gain() >= self._stage.gain

    def _gain(self) -> float:
        """Return the gain of a generation, averaged over the last three."""
        recent = self._means[-1 - _RECENT :]
        return (recent[-1] - recent[0]) / (len(recent) - 1) if len(recent) > 1 else 0.0

    def _generation(self, asked: Sequence[Asked]) -> None:
        course, stage = self._course, self._stage
        form = course.setup.form
        tasks = course.setup.tasks
        exam = exams(
            tasks,
            form.economy,
            seed=course.setup.search.seed,
            stage=stage.number,
            generation=len(course.closed),
        )
        soft = any(task.soft > 0 for task in tasks)
        entrants = tuple(self._entrant(one) for one in asked)
        trial = Trial(
            stage=stage.number,
            entrants=entrants,
            exams=(exam,) * len(entrants),
            probe=0 if soft else form.economy.collapse,
            racing=form.economy.racing,
        )
        evaluations = course.run(trial, lambda found: self._tell(asked, found))
        for item in evaluations:
            self._made[item.genome] = item.candidate
        self._trail.append(stage.optimiser.returned)
        mean = course.closed[-1].generation.mean
        if mean:
            self._means.append(math.fsum(map(float, mean)))

    def _entrant(self, asked: Asked) -> Entrant:
        made = from_genome(
            self._course.setup, self._stage, asked.genome, suggested(self._stage, asked)
        )
        bred = (tuple(map(float, genome)) for genome in asked.parents)
        parents = tuple(self._made[genome] for genome in bred if genome in self._made)
        return replace(made, parents=parents)

    def _tell(
        self, asked: Sequence[Asked], evaluations: Sequence[Evaluation]
    ) -> Mapping[str, Json]:
        told = [self._told(one, item) for one, item in zip(asked, evaluations, strict=True)]
        self._stage.optimiser.tell(told)
        return self._stage.optimiser.state()

    def _told(self, asked: Asked, item: Evaluation) -> Told:
        if not item.fitness:
            return Told(asked.genome, None)
        items = by_item(self._course.setup.tasks, item.scores)
        return Told(asked.genome, tuple(map(float, item.fitness)), items)

    def _returned(self) -> Genome:
        form = self._course.setup.form
        count = math.ceil(form.economy.average * len(self._trail))
        if count < 2 or form.optimiser.kind not in _DISTRIBUTIONS:
            return self._stage.optimiser.returned
        recent = self._trail[-count:]
        return tuple(math.fsum(column) / count for column in zip(*recent, strict=True))
