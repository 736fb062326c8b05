"""Whether the splits of the tasks are disjoint, so that a score says something about new items."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from evoreg.evolve.tasks.item import SPLITS
from evoreg.evolve.tasks.itemised import ItemisedTask
from evoreg.evolve.tasks.task import Task
from evoreg.provenance.records.digest import Digest, short
from evoreg.provenance.records.errors import Code, Problem
from evoreg.provenance.records.search import Split

_FIX = "take them out of one of the files"
_SHOWN = 60
"""Most signs of a question that are told."""


def check_splits(tasks: Sequence[Task], needed: Sequence[Split] = SPLITS) -> tuple[Problem, ...]:
    """Look for what makes the scores of tasks worthless.

    Args:
        tasks: All tasks of a search.
        needed: Splits that must have items.

    Returns:
        Every problem: empty splits; items that are in two splits, of one task or of two; questions
        that stand in two splits of a task with different answers; groups that are in two splits.
        Nothing if all is well.
    """
    return (
        *(problem for task in tasks for problem in _empty(task, needed)),
        *(problem for task in tasks for problem in _within(task)),
        *_between(tasks),
    )


def _empty(task: Task, needed: Sequence[Split]) -> Iterator[Problem]:
    for split in needed:
        if not task.ids(split):
            what, hint = (
                f"the split {split} has no items",
                "name a file for it, or give it a fraction",
            )
            file = getattr(task.form.data, split) if isinstance(task, ItemisedTask) else None
            if file is not None:
                what, hint = f"{what}: the file {file!r:.90} is empty", "put items into the file"
            yield Problem(Code.DATA_SPLIT, what, f"task {task.name}", hint)


def _within(task: Task) -> Iterator[Problem]:
    for first, second in combinations(SPLITS, 2):
        ids = _common(task.ids(first), task.ids(second))
        if ids:
            yield _problem(
                len(ids), "items", (first, second), task.name, _example(task, second, ids)
            )
        questions = _answered_otherwise(task, first, second)
        if questions:
            what = "questions, with other answers,"
            example = _example(task, second, questions)
            yield _problem(len(questions), what, (first, second), task.name, example)
        groups = sorted(_groups(task, first, ids) & _groups(task, second, ids))
        if groups:
            named = repr(groups[0][:80])
            yield _problem(len(groups), "groups", (first, second), task.name, named)


def _example(task: Task, split: Split, ids: Sequence[str]) -> str:
    """Return one of some items as a user knows it: its question, and where it stands."""
    if isinstance(task, ItemisedTask):
        known = task.splits[split]
        item = known.items[known.ids.index(ids[0])]
        text = item.prompt or item.answer
        told = f"{text[:_SHOWN]}..." if len(text) > _SHOWN else text
        return f"{told!r} ({item.where})"
    return short(ids[0])


def _common(one: Sequence[str], other: Sequence[str]) -> list[str]:
    return sorted(set(one) & set(other))


def _answered_otherwise(task: Task, first: Split, second: Split) -> list[str]:
    """Return ids of items whose question is in the other split too, with another answer."""
    if not isinstance(task, ItemisedTask):
        return []
    one, other = _by_question(task, first), _by_question(task, second)
    return sorted(id for prompt, id in other.items() if one.get(prompt, id) != id)


def _by_question(task: ItemisedTask, split: Split) -> Mapping[str, str]:
    pairs = zip(task.prompts(split), task.ids(split), strict=True)
    return {prompt: id for prompt, id in pairs if prompt is not None}


def _groups(task: Task, split: Split, told: Sequence[str]) -> set[str]:
    """Return the groups of a split, less those of items that are told already."""
    pairs = zip(task.groups(split), task.ids(split), strict=True)
    known = set(told)
    return {group for group, id in pairs if id not in known}


def _between(tasks: Sequence[Task]) -> Iterator[Problem]:
    for one, other in combinations(tasks, 2):
        for first in SPLITS:
            for second in SPLITS:
                ids = _shared(one, first, other, second) if first != second else []
                if ids:
                    yield Problem(
                        Code.DATA_OVERLAP,
                        f"{len(ids)} items of {second} are in {first} of task {one.name} too, "
                        f"such as {_example(other, second, ids)}",
                        f"task {other.name}",
                        "divide the data of both tasks in the same way: by files of their own, "
                        "or by the same group",
                    )


def _shared(one: Task, first: Split, other: Task, second: Split) -> list[Digest]:
    """Return the ids of the other task's items that are the one's, or stand in the same row."""
    ids = set(_common(one.ids(first), other.ids(second)))
    if isinstance(one, ItemisedTask) and isinstance(other, ItemisedTask):
        known = set(one.rows(first))
        pairs = zip(other.rows(second), other.ids(second), strict=True)
        ids |= {id for row, id in pairs if row in known}
    return sorted(ids)


def _problem(
    count: int, what: str, splits: tuple[Split, Split], task: str, example: str
) -> Problem:
    first, second = splits
    told = f"{count} {what} of {second} are in {first} too, such as {example}"
    return Problem(Code.DATA_OVERLAP, told, f"task {task}", _FIX)
