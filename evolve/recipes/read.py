"""Reading mergekit's YAML into a `Recipe`: strict, with every problem collected and placed.

An unknown key is an error with a suggestion, since a misspelt parameter that is ignored gives
another model than the one asked for. Lenient reading turns such errors into warnings.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from evoreg.evolve.recipes.contracts import Contract
from evoreg.evolve.recipes.form import Form
from evoreg.evolve.recipes.marked import Mark, Table, load_marked
from evoreg.evolve.recipes.rules import check_structure
from evoreg.provenance.records.errors import Code, Problem, RecipeError
from evoreg.provenance.records.recipe import Recipe, Slice, Source

_TOP = (
    "merge_method", "models", "slices", "base_model", "parameters", "dtype", "out_dtype",
    "tokenizer_source", "name",
)  # fmt: skip
_LATER = ("modules", "tokenizer", "chat_template")
_MODEL = ("model", "parameters")
_SOURCE = ("model", "layer_range", "parameters")
_SLICE = ("sources", "base_model", "parameters")


@dataclass(frozen=True)
class ReadRecipe:
    """A recipe as read from a file."""

    recipe: Recipe
    """The recipe in normal form."""
    text: str
    """The YAML as it was."""
    file: str
    """Name of the file, for messages."""
    places: Mapping[str, Mark]
    """Where each model reference stands first."""
    warnings: tuple[Problem, ...]
    """What was accepted but has no effect, or was forgiven by lenient reading."""


def read_recipe(text: str, file: str, *, lenient: bool = False) -> ReadRecipe:
    """Read a recipe.

    Args:
        text: YAML in mergekit's grammar.
        file: Name for messages.
        lenient: Warn about unknown keys and unread parameters instead of refusing them.

    Returns:
        The recipe, its places and warnings.

    Raises:
        RecipeError: With every problem that was found.
    """
    form = Form(load_marked(text, file), lenient=lenient)
    top = form.root
    form.known_keys(top, _TOP, later=_LATER)
    contract = form.method(top)
    recipe = _recipe(form, top, contract)
    if contract is not None and not form.problems:
        check_structure(form, recipe, contract)
    if form.problems:
        raise RecipeError.of(form.problems)
    return ReadRecipe(recipe, text, file, dict(form.places), tuple(form.warnings))


def _recipe(form: Form, top: Table, contract: Contract | None) -> Recipe:
    name = contract.name if contract else ""
    models = tuple(_model(form, item, contract) for item in form.rows(top, "models", _MODEL))
    slices = tuple(_slice(form, item, contract) for item in form.rows(top, "slices", _SLICE))
    if bool(models) == bool(slices):
        what = (
            "both models and slices are given" if models else "neither models nor slices are given"
        )
        form.report(Code.RECIPE_STRUCTURE, what, top.mark, "give exactly one of the two")
    return Recipe(
        method=name,
        models=models,
        slices=slices,
        base_model=form.reference(top, "base_model"),
        parameters=form.settings(top, contract, within="recipe"),
        dtype=form.dtype(top, "dtype"),
        out_dtype=form.dtype(top, "out_dtype"),
        tokenizer_source=form.reference(top, "tokenizer_source", words=("union", "base")),
    )


def _model(form: Form, row: Table, contract: Contract | None) -> Source:
    reference = form.reference(row, "model", required=True) or ""
    return Source(model=reference, parameters=form.settings(row, contract, within="model"))


def _slice(form: Form, row: Table, contract: Contract | None) -> Slice:
    sources = tuple(_source(form, item, contract) for item in form.rows(row, "sources", _SOURCE))
    if not sources:
        form.report(Code.RECIPE_STRUCTURE, "the slice has no sources", row.mark, "name a model")
        sources = (Source(model="?"),)
    return Slice(
        sources=sources,
        base_model=form.reference(row, "base_model"),
        parameters=form.settings(row, contract, within="slice"),
    )


def _source(form: Form, row: Table, contract: Contract | None) -> Source:
    return Source(
        model=form.reference(row, "model", required=True) or "",
        layer_range=_layers(form, row),
        parameters=form.settings(row, contract, within="model"),
    )


def _layers(form: Form, row: Table) -> tuple[int, int] | None:
    value = row.pairs.get("layer_range")
    if value is None:
        form.report(
            Code.RECIPE_LAYERS,
            "a source inside slices needs a layer_range",
            row.mark,
            "write layer_range: [first, end], where end is not included",
        )
        return None
    numbers = form.plain_list(value)
    match numbers:
        case [int(first), int(end)] if 0 <= first <= end and not _truth(first, end):
            return first, end
    shown = f" [{', '.join(str(n) for n in numbers)}]" if numbers is not None else ""
    form.report(
        Code.RECIPE_LAYERS,
        f"layer_range{shown} is not a range of layers",
        value.mark,
        "write two numbers with 0 <= first <= end; end is not included",
    )
    return None


def _truth(*values: object) -> bool:
    return any(isinstance(value, bool) for value in values)


def place_of(read: ReadRecipe, reference: str) -> str:
    """Return where a reference stands in the recipe, as ``file:line:column``.

    Args:
        read: The recipe.
        reference: A model reference.

    Returns:
        The place, or the file alone if the reference does not stand in it.
    """
    mark = read.places.get(reference)
    return str(mark) if mark else read.file
