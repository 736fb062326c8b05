"""What a score is worth: the numbers that an optimiser is told, computed from recorded scores."""

import math
from collections.abc import Mapping, Sequence

from evoreg.evolve.tasks.task import Task
from evoreg.provenance.records.candidate import Fraction, fraction
from evoreg.provenance.records.evaluation import MILLION, TaskScore


def gain(task: Task, score: TaskScore, *, soft: bool = True) -> float:
    """Return what a score adds to the fitness.

    Args:
        task: The task.
        score: A score at it.
        soft: Whether the smooth score counts.

    Returns:
        weight * (+-value + share * soft); more is better, also where less of the metric is.
    """
    smooth = task.soft * float(score.soft) if soft and score.soft is not None else 0.0
    return task.weight * (_signed(task, float(score.value)) + smooth)


def fitness(
    tasks: Sequence[Task], scores: Sequence[TaskScore], *, several: bool, soft: bool = True
) -> tuple[Fraction, ...]:
    """Return the objectives of a candidate.

    Args:
        tasks: All tasks.
        scores: Scores at these tasks, in any order.
        several: Whether each task is an objective of its own; otherwise they are added up.
        soft: Whether smooth scores count.

    Returns:
        One number for each objective, rounded to nine decimals; empty if a task has no score.
    """
    by_name: Mapping[str, TaskScore] = {score.task: score for score in scores}
    if any(task.name not in by_name for task in tasks):
        return ()
    gains = [gain(task, by_name[task.name], soft=soft) for task in tasks]
    return tuple(fraction(value) for value in (gains if several else [math.fsum(gains)]))


def total(objectives: Sequence[Fraction]) -> float:
    """Return the sum of the objectives: the weights of the tasks are in them already."""
    return math.fsum(map(float, objectives))


def by_item(tasks: Sequence[Task], scores: Sequence[TaskScore]) -> tuple[float, ...]:
    """Return the fitness of each item, task after task in the order of `tasks`.

    Args:
        tasks: All tasks.
        scores: Scores at these tasks.

    Returns:
        weight * (+-value + share * soft) of each item asked.
    """
    by_name = {score.task: score for score in scores}
    return tuple(
        worth
        for task in tasks
        if task.name in by_name
        for worth in _items(task, by_name[task.name])
    )


def _items(task: Task, score: TaskScore) -> list[float]:
    softs = score.softs or (0,) * len(score.items)
    return [
        task.weight * (_signed(task, item / MILLION) + task.soft * soft / MILLION)
        for item, soft in zip(score.items, softs, strict=True)
    ]


def _signed(task: Task, value: float) -> float:
    return value if task.maximise else -value
