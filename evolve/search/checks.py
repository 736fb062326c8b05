"""What must be right before a search begins: settings that go together, and data in every split."""

from collections.abc import Iterator

from evoreg.evolve.optimisers.table import OPTIMISERS
from evoreg.evolve.search.setup import Setup
from evoreg.evolve.tasks.task import Task
from evoreg.provenance.records.errors import Code, Problem, UsageError
from evoreg.provenance.records.search import Split

_NEEDED: tuple[tuple[Split, str], ...] = (
    ("train", "candidates are scored on this split"),
    ("validation", "the winner is chosen by this split"),
    ("test", "the winner is compared with its parents on this split"),
)


def refuse_unfit(setup: Setup) -> None:
    """Check that the parts of a search go together.

    Args:
        setup: The search.

    Raises:
        UsageError: With everything that is wrong.
    """
    problems = [*_of_tasks(setup), *_of_settings(setup)]
    if problems:
        raise UsageError.of(problems)


def _of_tasks(setup: Setup) -> Iterator[Problem]:
    names = [task.name for task in setup.tasks]
    if not names:
        yield _problem("there is no task", setup.form.name, "name at least one task")
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield _problem("two tasks have this name", f"task {name}", "give each its own name")
    for task in setup.tasks:
        yield from _of_splits(task)


def _of_splits(task: Task) -> Iterator[Problem]:
    for split, reason in _NEEDED:
        if not task.ids(split):
            yield Problem(
                Code.DATA_SPLIT,
                f"the split {split} has no items",
                f"task {task.name}",
                f"{reason}: give it at least one item",
            )


def _of_settings(setup: Setup) -> Iterator[Problem]:
    form = setup.form
    row = OPTIMISERS.get(form.optimiser.kind)
    if not form.budget.model_dump(exclude_none=True):
        yield _problem("the budget ends nothing", "budget", "say generations, candidates or items")
    if row is None:
        known = ", ".join(OPTIMISERS)
        yield _problem(
            f"there is no optimiser {form.optimiser.kind}", "optimiser", f"one of {known}"
        )
        return
    rotates = form.economy.rotate and any(
        0 < form.economy.items < len(task.ids("train")) for task in setup.tasks
    )
    if row.fixed_items and rotates:
        yield _problem(
            f"{row.name} compares candidates of different generations, which must be asked the "
            "same items",
            "economy.rotate",
            "say rotate: false, or items: 0",
        )
    if form.economy.racing and (row.fixed_items or row.several):
        yield _problem(
            f"{row.name} must see all items of all candidates",
            "economy.racing",
            "say racing: false",
        )


def _problem(what: str, where: str, hint: str) -> Problem:
    return Problem(Code.SEARCH_SETUP, what, where, hint)
