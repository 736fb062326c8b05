"""Which items a generation is asked: the same for all its candidates, others for the next one.

The items are drawn by a keyed hash of seed, stage, generation and task, so that a search that is
resumed asks the same ones again, whatever was computed before.
"""

import hashlib
from collections.abc import Sequence

from evoreg.evolve.search.exam import Exam
from evoreg.evolve.searchfile.form import EconomyForm
from evoreg.evolve.tasks.task import Task
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.search import Split


def shuffled(ids: Sequence[Digest], *key: object) -> tuple[int, ...]:
    """Return the places of some items in an order that a key decides.

    Args:
        ids: Ids of the items.
        key: What decides; equal keys give equal orders. The order of `ids` does not matter.

    Returns:
        Every place once.
    """
    prefix = "\0".join(("evoreg/items/1", *map(str, key), ""))
    hashes = [hashlib.sha256(f"{prefix}{name}".encode()).digest() for name in ids]
    return tuple(sorted(range(len(ids)), key=lambda place: (hashes[place], place)))


def drawn(ids: Sequence[Digest], count: int, draw: int, *key: object) -> tuple[int, ...]:
    """Return the items of one draw out of a sequence of draws without replacement.

    Args:
        ids: Ids of all items.
        count: Items of a draw; 0, or more than there are, takes all.
        draw: Number of the draw, from 0.
        key: What decides the order.

    Returns:
        Places of `count` items. Draws do not overlap until fewer than `count` items are left;
        then all are shuffled again.
    """
    if not 0 < count < len(ids):
        return shuffled(ids, *key, 0)
    rounds = len(ids) // count
    start = draw % rounds * count
    return shuffled(ids, *key, draw // rounds)[start : start + count]


def exams(
    tasks: Sequence[Task], economy: EconomyForm, *, seed: int, stage: int, generation: int
) -> tuple[Exam, ...]:
    """Return what the candidates of a generation are asked.

    Args:
        tasks: The tasks.
        economy: How many items, and whether they change.
        seed: Seed of the search.
        stage: Number of the stage.
        generation: Number of the generation, from 1.

    Returns:
        An exam of the train split for each task. Without rotation, and where all items are
        asked, every generation gets the same exam.
    """
    return tuple(_exam(task, economy, (seed, stage, generation)) for task in tasks)


def _exam(task: Task, economy: EconomyForm, when: tuple[int, int, int]) -> Exam:
    seed, stage, generation = when
    ids = task.ids("train")
    if not economy.rotate or not 0 < economy.items < len(ids):
        stage, generation = 0, 1
    places = drawn(ids, economy.items, generation - 1, seed, stage, task.name)
    return Exam(task, "train", places, soft=task.soft > 0)


def whole_train(tasks: Sequence[Task], seed: int) -> tuple[Exam, ...]:
    """Return exams of all items of the train split, in the order in which `exams` asks all."""
    return exams(tasks, EconomyForm(items=0), seed=seed, stage=0, generation=1)


def whole(tasks: Sequence[Task], split: Split) -> tuple[Exam, ...]:
    """Return exams of all items of a split in their own order, without smooth scores."""
    return tuple(Exam(task, split, tuple(range(len(task.ids(split))))) for task in tasks)
