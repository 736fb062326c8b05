"""An exam: some items of a task for a candidate, and the score that its answers come to."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from evoreg.evolve.tasks.task import Answer, Player, Task
from evoreg.provenance.records.candidate import fraction
from evoreg.provenance.records.canonical import to_canonical
from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.errors import Code, EvaluationError
from evoreg.provenance.records.evaluation import MILLION, TaskScore
from evoreg.provenance.records.search import Split

_LARGEST = 2**53 // MILLION
"""Item scores beyond have no exact number of millionths in a record."""


@dataclass(frozen=True)
class Exam:
    """Some items of a task."""

    task: Task
    """The task."""
    split: Split
    """Which data."""
    places: tuple[int, ...]
    """Places of the items in `Task.ids`, in the order in which they are asked."""
    soft: bool = False
    """Whether the smooth score is taken too."""
    variant: int = 0
    """Which prompt."""

    @cached_property
    def asked(self) -> Digest:
        """Digest of the ids of the items, in order."""
        ids = self.task.ids(self.split)
        return digest_of(to_canonical([ids[place] for place in self.places]))

    def part(self, start: int, stop: int | None = None) -> "Exam":
        """Return the items from one place in the order up to another."""
        return replace(self, places=self.places[start:stop])

    def answers(self, player: Player, *, small: bool = False) -> tuple[Answer, ...]:
        """Let a model answer.

        Args:
            player: The model.
            small: Whether memory is short: half a batch of items is asked at a time.

        Returns:
            An answer for each item.

        Raises:
            EvaluationError: The model cannot be asked, or a number is not finite.
        """
        step = max(1, self._batch // 2) if small else len(self.places)
        parts = [self.places[at : at + step] for at in range(0, len(self.places), step)]
        given = [answer for places in parts for answer in self._given(player, places)]
        if len(given) != len(self.places):
            raise _wrong(self.task, f"gave {len(given)} answers to {len(self.places)} items")
        return tuple(given)

    def _given(self, player: Player, places: tuple[int, ...]) -> Sequence[Answer]:
        return self.task.answers(player, self.split, places, soft=self.soft, variant=self.variant)

    @property
    def _batch(self) -> int:
        """Items that are asked at a time, as far as the task tells."""
        told = self.task.record.settings.get("batch")
        return min(told, len(self.places)) if isinstance(told, int) else len(self.places)


def marked(exam: Exam, answers: Sequence[Answer]) -> TaskScore:
    """Return the score of some answers.

    Args:
        exam: What was asked.
        answers: An answer for each item.

    Returns:
        The score; its value is computed from the items as they are recorded, in millionths.

    Raises:
        EvaluationError: A number that is not finite, or too large to be recorded.
    """
    softs = [answer.soft for answer in answers if exam.soft and answer.soft is not None]
    return _score(
        exam,
        items=tuple(_millionths(exam.task, answer.value) for answer in answers),
        softs=tuple(_millionths(exam.task, soft) for soft in softs),
        counts=(
            sum(answer.tokens for answer in answers),
            sum(answer.truncated for answer in answers),
            sum(answer.foreign for answer in answers),
        ),
    )


def joined(exam: Exam, parts: Sequence[TaskScore]) -> TaskScore:
    """Return the score of an exam from those of its parts, in order.

    Args:
        exam: The whole exam.
        parts: Scores of parts that make up the whole.

    Returns:
        The same as if all had been asked at once.
    """
    return _score(
        exam,
        items=_chained(part.items for part in parts),
        softs=_chained(part.softs for part in parts),
        counts=(
            sum(part.tokens for part in parts),
            sum(part.truncated for part in parts),
            sum(part.foreign for part in parts),
        ),
    )


def head(exam: Exam, whole: TaskScore) -> TaskScore:
    """Return the score of the first items of an exam from that of all.

    Args:
        exam: The first items.
        whole: A score of these items and more behind them.

    Returns:
        A score for comparing: tokens and cut replies are not known by item, so they are 0.
    """
    count = len(exam.places)
    return _score(exam, items=whole.items[:count], softs=whole.softs[:count], counts=(0, 0, 0))


def _score(
    exam: Exam,
    *,
    items: tuple[int, ...],
    softs: tuple[int, ...],
    counts: tuple[int, int, int],
) -> TaskScore:
    whole = bool(softs) and len(softs) == len(items)
    return TaskScore(
        task=exam.task.name,
        split=exam.split,
        value=fraction(_total(exam.task, items)),
        soft=fraction(sum(softs) / len(softs) / MILLION) if whole else None,
        items=items,
        softs=softs if whole else (),
        asked=exam.asked,
        tokens=counts[0],
        truncated=counts[1],
        foreign=counts[2],
    )


def values(score: TaskScore) -> tuple[float, ...]:
    """Return the metric of each item, as recorded."""
    return tuple(item / MILLION for item in score.items)


def _total(task: Task, items: Sequence[int]) -> float:
    if not items:
        raise _wrong(task, "has no items to be asked")
    try:
        total = task.total([item / MILLION for item in items])
    except OverflowError:
        total = math.inf
    if not math.isfinite(total):
        raise _wrong(task, "has a score that is not finite")
    return total


def _millionths(task: Task, value: float) -> int:
    if not math.isfinite(value):
        raise _wrong(task, "has an answer whose score is not finite")
    if abs(value) >= _LARGEST:
        raise _wrong(task, f"has an answer whose score is too large to be recorded: {value:.3g}")
    return round(value * MILLION)


def _chained(parts: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(item for part in parts for item in part)


def _wrong(task: Task, what: str) -> EvaluationError:
    return EvaluationError(
        Code.EVALUATION_FAILED,
        f"task {task.name} {what}",
        where=task.name,
        hint="look at the model's answers to this task",
    )
