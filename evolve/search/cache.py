"""Scores that are known already: a recipe that was asked the same items is not asked again."""

from collections.abc import Sequence
from typing import TypeAlias

from evoreg.evolve.search.entrant import Entrant, Outcome, made_key
from evoreg.evolve.search.exam import Exam
from evoreg.evolve.tasks.task import Task
from evoreg.provenance.records.candidate import Contribution
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.evaluation import Evaluation, TaskScore
from evoreg.provenance.records.search import Split

_Key: TypeAlias = tuple[Digest, Digest, Split, Digest]
"""What was made, the task, the split, and the items asked. Smooth scores are taken on the train
split or not at all, so that the split says whether they are there."""


class Cache:
    """Remembers scores by what decides them. It holds only what is on record.

    So a search that is resumed knows the same as one that ran through.
    """

    def __init__(self, tasks: Sequence[Task], seed: int, *, on: bool) -> None:
        """Begin with nothing.

        Args:
            tasks: All tasks.
            seed: The seed with which candidates are merged.
            on: Whether anything is remembered at all.
        """
        self._tasks = {task.name: task.record.record_digest() for task in tasks}
        self._seed = seed
        self._on = on
        self._scores: dict[_Key, TaskScore] = {}
        self._made: dict[Digest, tuple[Digest, tuple[Contribution, ...]]] = {}

    def learn(self, evaluation: Evaluation) -> None:
        """Remember a candidate, unless it failed or is a variant (other seed or prompt)."""
        if not self._on or evaluation.failure is not None or evaluation.origin == "variant":
            return
        made = made_key(evaluation.recipe, evaluation.earlier, self._seed)
        self._made[made] = (evaluation.candidate, evaluation.contributions)
        for score in evaluation.scores:
            self._scores[(made, self._tasks[score.task], score.split, score.asked)] = score

    def made(self, entrant: Entrant) -> Outcome | None:
        """Return id and shares of what an entrant makes, without scores; nothing if unknown."""
        known = self._made.get(entrant.key)
        return Outcome(candidate=known[0], contributions=known[1]) if known is not None else None

    def score(self, entrant: Entrant, exam: Exam) -> TaskScore | None:
        """Return the score of an entrant at an exam; nothing if it is not known."""
        if exam.variant:
            return None
        task = self._tasks[exam.task.name]
        return self._scores.get((entrant.key, task, exam.split, exam.asked))
