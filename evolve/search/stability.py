"""Whether the winner holds what its score promises: the numbers, and the doubts in words."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from evoreg.evolve.methods.magprune import magprune
from evoreg.evolve.methods.sparsify import random
from evoreg.evolve.methods.table import METHODS
from evoreg.evolve.methods.task_vectors import TaskVectors
from evoreg.evolve.search.bootstrap import SAMPLES, Bootstrap
from evoreg.evolve.search.exam import values
from evoreg.evolve.tasks.task import Task
from evoreg.provenance.records.candidate import Fraction, fraction
from evoreg.provenance.records.evaluation import Evaluation, TaskScore
from evoreg.provenance.records.result import Drift, Interval, Spread

VARIED_SEEDS = 3
"""Other seeds that a winner with random masks is merged with."""


def draws_masks(method: str) -> bool:
    """Return whether a merge method draws random masks, so that the merge seed matters."""
    row = METHODS.get(method)
    return isinstance(row, TaskVectors) and row.sparsifier in (random, magprune)


def other_seeds(merge_seed: int) -> tuple[int, ...]:
    """Return the seeds that a winner with random masks is merged with for comparison.

    Args:
        merge_seed: The seed of the search.

    Returns:
        `VARIED_SEEDS` different seeds, in [0, 2**53).
    """
    return tuple(derived("merge seed", merge_seed, place) % 2**53 for place in range(VARIED_SEEDS))


def derived(*key: object) -> int:
    """Return a number of 128 bits that a key decides."""
    text = "\0".join(("evoreg/stability/1", *map(str, key)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")


@dataclass(frozen=True)
class Census:
    """What was found in the winner's weights."""

    finite: bool
    """Whether every number is finite."""
    tensors: int
    """Tensors looked at."""
    parameters: int
    """Numbers looked at."""
    drifts: tuple[Drift, ...] = ()
    """Distance to each source; empty if it was not measured."""


@dataclass(frozen=True)
class Evidence:
    """Everything that was found out about the winner on the test split."""

    tasks: tuple[Task, ...]
    """All tasks."""
    winner: Evaluation
    """On the test split."""
    baselines: tuple[Evaluation, ...]
    """On the test split; some may have failed."""
    variants: tuple[Evaluation, ...]
    """The winner under other seeds and prompts."""
    census: Census
    """The winner's weights."""
    tried: int
    """Candidates that the search evaluated."""
    asked: int
    """Different items of the train split that candidates were asked."""
    seed: int
    """Seed of the search."""

    @cached_property
    def bootstraps(self) -> Mapping[str, Bootstrap]:
        """The draws, by task."""
        return {
            task.name: Bootstrap(
                task.total, task.groups("test"), derived("bootstrap", self.seed, task.name)
            )
            for task in self.tasks
        }

    @cached_property
    def intervals(self) -> tuple[Interval, ...]:
        """The winner against each baseline that did not fail, task after task."""
        return tuple(
            self._interval(task, other)
            for other in self.baselines
            if other.failure is None
            for task in self.tasks
        )

    def _interval(self, task: Task, other: Evaluation) -> Interval:
        found = self.bootstraps[task.name].difference(
            values(score_of(self.winner, task)), values(score_of(other, task))
        )
        return Interval(
            against=other.label,
            task=task.name,
            difference=fraction(found.mean),
            low=fraction(found.low),
            high=fraction(found.high),
            samples=SAMPLES,
        )

    @property
    def spreads(self) -> tuple[Spread, ...]:
        """The winner under other seeds and prompts, as far as it could be scored."""
        return tuple(
            Spread(kind=_kind(item), label=item.label, task=score.task, value=score.value)
            for item in self.variants
            if item.failure is None
            for score in item.scores
        )

    @property
    def truncated(self) -> Fraction:
        """Part of the winner's replies that were cut off, over all tasks."""
        return fraction(cut(self.winner.scores))


def _kind(variant: Evaluation) -> Literal["seed", "prompt"]:
    return "seed" if variant.label.startswith("seed ") else "prompt"


def score_of(evaluation: Evaluation, task: Task) -> TaskScore:
    """Return the score of a candidate at a task that it was asked."""
    return next(score for score in evaluation.scores if score.task == task.name)


def cut(scores: Sequence[TaskScore]) -> float:
    """Return the part of replies that the generation budget cut off, in [0, 1]."""
    items = sum(len(score.items) for score in scores)
    return sum(score.truncated for score in scores) / items if items else 0.0
