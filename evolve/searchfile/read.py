"""Reading a search file: strict, with every problem collected and placed.

A file of mergekit-evolve, known by its key ``genome``, is read as it is; what evoreg does in
another way is told as a warning.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from evoreg.evolve.searchfile.desk import Desk
from evoreg.evolve.searchfile.form import SearchForm
from evoreg.evolve.searchfile.genes import complete
from evoreg.evolve.searchfile.mergekit import from_mergekit
from evoreg.evolve.searchfile.rules import check_form, check_names
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import Code, Problem, RecipeError
from evoreg.provenance.records.marked import Grammar, Items, Table, load

LARGEST = 2**18
"""Bytes that a search file may have; 256 KiB."""

_SEARCH = Grammar(
    word="search file",
    plural="searches",
    shape="a search file is a YAML mapping with name, models, tasks and budget",
    error=RecipeError,
    syntax=Code.RECIPE_SYNTAX,
    several=Code.RECIPE_UNSUPPORTED,
    again="keep one search a file",
    largest=LARGEST,
)


@dataclass(frozen=True)
class ReadSearch:
    """A search file as it was read."""

    form: SearchForm
    """What it says, defaults included."""
    places: Mapping[str, str]
    """``file:line:column`` by path in the form, such as ``tasks.0.metric``; paths of what the file
    does not say are absent."""
    warnings: tuple[Problem, ...]
    """What has no effect, or another one than in mergekit-evolve."""
    text: str
    """The YAML as it was."""
    file: str
    """Name of the file, for messages."""
    foreign: bool = False
    """Whether it is a file of mergekit-evolve."""


def read_search(text: str, file: str) -> ReadSearch:
    """Read a search file.

    Args:
        text: YAML; a search file of evoreg or a config of mergekit-evolve.
        file: Name for messages.

    Returns:
        The form, its places and warnings.

    Raises:
        RecipeError: With every problem that was found.
    """
    (root,) = load(text, file, _SEARCH).values()
    desk = Desk(file)
    foreign = "genome" in root.pairs
    if not foreign:
        _check_recipe(root)
    data = from_mergekit(root, desk) if foreign else _own(root, desk)
    form = desk.form(data, SearchForm)
    if form is None:
        check_names(data, desk)
    else:
        check_form(form, desk)
    if form is None or desk.problems:
        raise RecipeError.of(sorted(set(desk.problems), key=_order))
    places = {path: str(mark) for path, mark in desk.places.items() if path}
    warnings = sorted(set(desk.warnings), key=_order)
    return ReadSearch(form, places, tuple(warnings), text, file, foreign)


def _check_recipe(root: Table) -> None:
    """Raise an error if this is a merge recipe, which has another command."""
    if "merge_method" not in root.pairs or "tasks" in root.pairs:
        return
    models = root.pairs.get("models")
    entries = isinstance(models, Items) and any(isinstance(each, Table) for each in models.items)
    if entries or not {"slices", "modules"}.isdisjoint(root.pairs):
        raise RecipeError(
            Code.RECIPE_STRUCTURE,
            "this is a merge recipe, not a search file",
            where=str(root.keys["merge_method"]),
            hint="run evoreg merge with it; a search file has name, models, tasks and budget",
        )


def _own(root: Table, desk: Desk) -> dict[str, Json]:
    data = desk.table(root, SearchForm)
    complete(data)
    return data


def _order(problem: Problem) -> tuple[str, list[int], str]:
    """Sort problems by their places in the file."""
    words = problem.where.rsplit(":", 2)
    numbers = [int(word) for word in words[1:] if word.isdigit()]
    return words[0], numbers, problem.what
