"""The items of a task: read, divided into splits, each item once and in an order of its own.

Which split an item is in depends on its own digest alone, or on that of its group, and the order
in a split is that of the ids. So a file may be sorted anew or grow without moving other items.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from evoreg.evolve.searchfile.form import DataForm
from evoreg.evolve.tasks.item import SPLITS, Item, ItemSplit
from evoreg.evolve.tasks.paths import inside, regular_file
from evoreg.evolve.tasks.rows import Row, hub_rows, read_rows
from evoreg.provenance.records.canonical import to_canonical
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.errors import Code, EvoregError, InputError, Problem
from evoreg.provenance.records.search import Split

Splits: TypeAlias = Mapping[Split, ItemSplit]
Rows: TypeAlias = Sequence[tuple[Row, str]]
Make: TypeAlias = Callable[[Row, str], Item]
"""Makes an item of a row and its place; raises InputError if the row does not fit."""

_TOLD = 20
"""Most rows that are told to be wrong."""
_WHOLE = 1 << 64


@dataclass(frozen=True, slots=True)
class Source:
    """Where the items of a task are."""

    form: DataForm
    """What the search file says."""
    folder: Path
    """The folder of the search file."""
    offline: bool
    """Whether the network may not be used."""


def read_splits(source: Source, task: str, make: Make) -> Splits:
    """Read the items of a task.

    Args:
        source: Where they are.
        task: Name of the task, for messages.
        make: What makes an item of a row.

    Returns:
        All three splits; those without data are empty.

    Raises:
        InputError: Files that are missing, unreadable or outside the folder, rows that do not fit
            (as many as `_TOLD` of them are told), fractions that sum to more than 1.
    """
    _check(source.form, task)
    named = _named(source.form)
    if named:
        rows = {split: _rows(source, name, task, split) for split, name in named.items()}
        items = {split: _made(each, make) for split, each in rows.items()}
    else:
        items = _divided(_made(_single(source, task), make), source.form)
    limit = source.form.limit
    return MappingProxyType({each: _split(items.get(each, ()), limit) for each in SPLITS})


def _named(form: DataForm) -> dict[Split, str]:
    names: tuple[tuple[Split, str | None], ...] = (
        ("train", form.train),
        ("validation", form.validation),
        ("test", form.test),
    )
    return {split: name for split, name in names if name is not None}


def _check(form: DataForm, task: str) -> None:
    where = f"task {task}"
    if form.hub is not None and (form.path is not None or _named(form)):
        raise _fault("data are either in files or on the Hub", where, "leave out the one or other")
    if sum(form.fractions) > 1 + 1e-9:
        raise _fault(
            f"the fractions sum to {sum(form.fractions):g}, more than 1", where, "such as 0.6"
        )


def _rows(source: Source, name: str, task: str, split: Split) -> Rows:
    """Return the rows of a file that is named for a split."""
    path = source.form.path
    try:
        folder = source.folder if path is None else inside(source.folder, path)
        file = regular_file(folder, name)
    except InputError as error:
        raise _of_task(error, task, split) from error
    return read_rows(file)


def _of_task(error: InputError, task: str, key: str) -> InputError:
    """Return an error about a file with the task and the key that name it."""
    named = f"task {task}, data.{key}"
    return InputError.of([replace(each, where=f"{named}: {each.where}") for each in error.problems])


def _single(source: Source, task: str) -> Rows:
    form = source.form
    if form.hub is not None:
        return hub_rows(form.hub, form.config, form.split, source.offline)
    if form.path is None:
        raise _fault("there are no data", f"task {task}", "name a path, or train and test")
    try:
        file = regular_file(source.folder, form.path)
    except InputError as error:
        raise _of_task(error, task, "path") from error
    return read_rows(file)


def _made(rows: Rows, make: Make) -> list[Item]:
    items: list[Item] = []
    problems: list[Problem] = []
    for row, where in rows:
        try:
            items.append(make(row, where))
        except EvoregError as error:
            problems += (replace(each, where=each.where or where) for each in error.problems)
    if problems:
        raise InputError.of(_first(problems))
    return items


def _first(problems: Sequence[Problem]) -> Sequence[Problem]:
    left = len(problems) - _TOLD
    if left <= 0:
        return problems
    more = Problem(Code.DATA_ITEM, f"and {left} more rows", hint="correct the first ones first")
    return (*problems[:_TOLD], more)


def _divided(items: Sequence[Item], form: DataForm) -> dict[Split, list[Item]]:
    divided: dict[Split, list[Item]] = {split: [] for split in SPLITS}
    for item in items:
        split = split_of(item.id if item.group is None else item.group, form.fractions)
        if split is not None:
            divided[split].append(item)
    return divided


def split_of(key: str, fractions: Sequence[float]) -> Split | None:
    """Return the split that an item is in; it depends on nothing but the arguments.

    Args:
        key: The item's group, or its id.
        fractions: Parts of train, validation and test.

    Returns:
        The split; nothing for what the fractions leave over.
    """
    digest = digest_of(to_canonical(["split", key]))
    at = int(digest.removeprefix("sha256:")[:16], 16)
    # Rounded to 9 decimals, because 0.6 + 0.2 + 0.2 is a little more than 1.
    borders = (round(round(border, 9) * _WHOLE) for border in accumulate(fractions))
    return next((each for each, end in zip(SPLITS, borders, strict=True) if at < end), None)


def _split(items: Sequence[Item], limit: int) -> ItemSplit:
    """Return the items once each, in the order of their ids, and no more than the limit."""
    # Of items that say the same the first one counts, whatever fields it has besides.
    by_id: dict[str, Item] = {}
    for item in items:
        by_id.setdefault(item.id, item)
    ids = tuple(sorted(by_id)[: limit or None])
    return ItemSplit(ids, tuple(by_id[each] for each in ids), len(items) - len(by_id))


def _fault(what: str, where: str, hint: str) -> InputError:
    return InputError(Code.DATA_SPLIT, what, where=where, hint=hint)
