"""The course of a search: generations one after the other, from the record or anew.

A search that was interrupted goes through its past again: what it would try must be what is on
record, and what it learns are the recorded numbers. Behind the last recorded generation it goes on
as if it had never stopped.
"""

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from evoreg.evolve.search.cache import Cache
from evoreg.evolve.search.observer import Closed, Observer, Past
from evoreg.evolve.search.progress import searched
from evoreg.evolve.search.replay import check_past, check_state
from evoreg.evolve.search.scoring import Scorer
from evoreg.evolve.search.setup import Setup
from evoreg.evolve.search.trial import Judge, Trial
from evoreg.provenance.records.candidate import Fraction, fraction
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Code, EvaluationError
from evoreg.provenance.records.evaluation import Evaluation, Generation

Learn = Callable[[Sequence[Evaluation]], Mapping[str, Json]]
"""Told the evaluations of a generation, returns the state of the optimiser."""

_IDLE = 20
"""Generations in a row that spend no item before a search that only items or minutes end gives
up: everything that is asked for is known or fails."""


class Course:
    """What has happened in a search so far, and the way to make more happen."""

    def __init__(
        self,
        setup: Setup,
        observer: Observer,
        past: Past,
        *,
        several: bool,
        clock: Callable[[], float],
    ) -> None:
        """Stand before the first generation.

        Args:
            setup: The search.
            observer: Who is told.
            past: What is on record.
            several: Whether each task is an objective of its own.
            clock: Seconds that only go up.
        """
        self.setup = setup
        self.identity: Digest = setup.search.id
        self.several = several
        self.closed: list[Closed] = []
        self._observer = observer
        self._pending = deque(past.closed)
        self._clock = clock
        self._began = clock()
        economy = setup.form.economy
        self._cache = Cache(setup.tasks, setup.search.merge_seed, on=economy.cache)
        scorer = Scorer(setup.search, self._cache, clock)
        self._judge = Judge(self.identity, setup.tasks, several, scorer, share=economy.cache)

    @property
    def items(self) -> int:
        """Items spent so far."""
        return self.closed[-1].generation.items if self.closed else 0

    @property
    def evaluations(self) -> list[Evaluation]:
        """All evaluations so far, in order."""
        return [item for closed in self.closed for item in closed.evaluations]

    @property
    def candidates(self) -> list[Evaluation]:
        """What was searched: no baselines, nothing of the final choice."""
        return [item for item in self.evaluations if searched(item)]

    def run(self, trial: Trial, learn: Learn | None = None) -> tuple[Evaluation, ...]:
        """Let the next generation happen.

        Args:
            trial: What it is put to.
            learn: What is told of it; nothing if nobody learns from it.

        Returns:
            Its evaluations.

        Raises:
            VerificationError: It is on record, but as another one.
        """
        number = len(self.closed)
        if self._pending:
            closed = self._again(trial, number, learn)
        else:
            closed = self._anew(trial, number, learn)
        for item in closed.evaluations:
            self._cache.learn(item)
        self.closed.append(closed)
        return closed.evaluations

    def spent(self) -> bool:
        """Return whether the search must end.

        Where the next generation is on record, the record decides: it either goes on there or has
        come to its final choice.
        """
        if self._pending:
            return not any(searched(item) for item in self._pending[0].evaluations)
        budget = self.setup.form.budget
        generations = {item.generation for item in self.candidates}
        minutes = (self._clock() - self._began) / 60
        return (
            len(generations) >= (budget.generations or math.inf)
            or len(self.candidates) >= (budget.candidates or math.inf)
            or self.items - self.closed[0].generation.items >= (budget.items or math.inf)
            or minutes >= (budget.minutes or math.inf)
            or self._idle(len(generations))
        )

    def _idle(self, generations: int) -> bool:
        budget = self.setup.form.budget
        if budget.generations or budget.candidates or generations <= _IDLE:
            return False
        return self.items == self.closed[-1 - _IDLE].generation.items

    def _again(self, trial: Trial, number: int, learn: Learn | None) -> Closed:
        closed = self._pending.popleft()
        check_past(self.setup.search, closed, trial, number)
        state = dict(learn(closed.evaluations)) if learn is not None else {}
        check_state(self.setup.search, closed, state)
        self._observer.replayed(closed)
        return closed

    def _anew(self, trial: Trial, number: int, learn: Learn | None) -> Closed:
        timed = []
        items = self.items
        for one, spent in self._judge.evaluations(trial, number):
            timed.append(one)
            items += spent
            self._observer.evaluated(one)
        evaluations = tuple(one.evaluation for one in timed)
        if number == 0:
            _refuse_hopeless(self.setup.form.name, evaluations)
        state = dict(learn(evaluations)) if learn is not None else {}
        generation = Generation(
            search=self.identity,
            stage=trial.stage,
            number=number,
            evaluations=len(evaluations),
            failed=sum(item.failure is not None for item in evaluations),
            best=_over(evaluations, max),
            mean=_over(evaluations, _mean),
            items=items,
            state=state,
        )
        self._observer.closed(generation, timed)
        return Closed(generation, evaluations)


def _over(
    evaluations: Sequence[Evaluation], pick: Callable[[Sequence[float]], float]
) -> tuple[Fraction, ...]:
    told = [item.fitness for item in evaluations if item.fitness]
    return tuple(
        fraction(pick([float(text) for text in column])) for column in zip(*told, strict=True)
    )


def _mean(numbers: Sequence[float]) -> float:
    return math.fsum(numbers) / len(numbers)


def _refuse_hopeless(name: str, baselines: Sequence[Evaluation]) -> None:
    failures = [item.failure for item in baselines if item.failure is not None]
    if failures and len(failures) == len(baselines):
        raise EvaluationError(
            Code.SEARCH_NO_RESULT,
            f"no baseline could be scored: {failures[0].what}",
            where=name,
            hint="try the task on one of the models alone",
        )
