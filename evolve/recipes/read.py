"""Reading mergekit's YAML into a `Recipe`: strict, with every problem collected and placed.

An unknown key is an error with a suggestion, since a misspelt parameter that is ignored gives
another model than the one asked for. Lenient reading turns such errors into warnings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from evoreg.evolve.recipes.contracts import Contract
from evoreg.evolve.recipes.form import Form
from evoreg.evolve.recipes.idle import warn_idle
from evoreg.evolve.recipes.marked import Leaf, Mark, Table, load_marked
from evoreg.evolve.recipes.rules import check_structure
from evoreg.evolve.recipes.tokenizer import chat_template, tokenizer_settings
from evoreg.provenance.records.errors import Code, Problem, RecipeError
from evoreg.provenance.records.recipe import Module, Recipe, Scalar, Slice, Source

TOP = (
    "merge_method", "models", "slices", "base_model", "parameters", "dtype", "out_dtype",
    "tokenizer_source", "tokenizer", "chat_template", "name", "modules",
)  # fmt: skip
"""Keys of a recipe."""
MODULE = ("models", "slices", "parameters")
"""Keys of a module."""
MODEL = ("model", "parameters")
"""Keys of a line of `models`."""
SOURCE = ("model", "layer_range", "parameters")
"""Keys of a line of `sources`."""
SLICE = ("sources", "base_model", "parameters", "residual_weight")
"""Keys of a slice."""


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
    lenient: bool = False
    """Whether it was read leniently; planning is then lenient too."""
    marks: Mapping[str, Mark] = field(default_factory=dict)
    """Where ``slices``, ``modules`` and each ``modules.NAME`` stand."""


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
    return read_table(load_marked(text, file), text, file, lenient=lenient)


def read_table(root: Table, text: str, file: str, *, lenient: bool) -> ReadRecipe:
    """Read a recipe whose YAML was parsed.

    Args:
        root: The mapping.
        text: The whole text that it stands in.
        file: Name for messages.
        lenient: As for `read_recipe`.

    Returns:
        The recipe, its places and warnings.

    Raises:
        RecipeError: With every problem that was found.
    """
    form = Form(root, lenient=lenient)
    top = form.root
    form.known_keys(top, TOP)
    contract = form.method(top)
    recipe = _recipe(form, top, contract)
    if contract is not None and not form.problems:
        check_structure(form, recipe, contract)
        warn_idle(form, recipe, contract)
    if form.problems:
        raise RecipeError.of(form.problems)
    return ReadRecipe(
        recipe, text, file, dict(form.places), tuple(form.warnings), lenient, form.marks
    )


def _recipe(form: Form, top: Table, contract: Contract | None) -> Recipe:
    name = contract.name if contract else ""
    form.marks.update({key: top.keys[key] for key in ("slices", "modules") if key in top.keys})
    models, slices = _lists(form, top, contract)
    modules = _modules(form, top, contract)
    given = [
        key for key, rows in (("models", models), ("slices", slices), ("modules", modules)) if rows
    ]
    _exactly_one(form, given, top, ("models", "slices", "modules"))
    return Recipe(
        method=name,
        models=models,
        slices=slices,
        modules=modules,
        base_model=form.reference(top, "base_model"),
        parameters=form.settings(top, contract, within="recipe"),
        dtype=form.dtype(top, "dtype"),
        out_dtype=form.dtype(top, "out_dtype"),
        tokenizer_source=form.reference(top, "tokenizer_source", words=("union", "base")),
        tokenizer=tokenizer_settings(form, top),
        chat_template=chat_template(form, top),
    )


def _lists(
    form: Form, table: Table, contract: Contract | None
) -> tuple[tuple[Source, ...], tuple[Slice, ...]]:
    models = tuple(_model(form, item, contract) for item in form.rows(table, "models", MODEL))
    slices = tuple(_slice(form, item, contract) for item in form.rows(table, "slices", SLICE))
    return models, slices


def _exactly_one(form: Form, given: Sequence[str], table: Table, known: Sequence[str]) -> None:
    if len(given) == 1:
        return
    wanted = f"{', '.join(known[:-1])} {'and' if given else 'nor'} {known[-1]}"
    what = f"{' and '.join(given)} are given together" if given else f"neither {wanted} are given"
    form.report(Code.RECIPE_STRUCTURE, what, table.mark, f"give exactly one of {', '.join(known)}")


def _modules(form: Form, top: Table, contract: Contract | None) -> tuple[Module, ...]:
    value = top.pairs.get("modules")
    if value is None or (isinstance(value, Leaf) and value.value is None):
        return ()
    if not isinstance(value, Table):
        hint = "write modules: {NAME: {models: [...]}}"
        form.report(Code.RECIPE_VALUE, "modules is a mapping", value.mark, hint)
        return ()
    found = []
    for name, item in value.pairs.items():
        form.marks[f"modules.{name}"] = value.keys[name]
        if isinstance(item, Table):
            found.append(_module(form, name, item, contract))
        else:
            what = f"the module {name!r:.60} is a mapping"
            form.report(Code.RECIPE_VALUE, what, item.mark, f"keys: {', '.join(MODULE)}")
    return tuple(found)


def _module(form: Form, name: str, row: Table, contract: Contract | None) -> Module:
    form.known_keys(row, MODULE)
    models, slices = _lists(form, row, contract)
    given = [key for key, rows in (("models", models), ("slices", slices)) if rows]
    _exactly_one(form, given, row, ("models", "slices"))
    parameters = form.settings(row, contract, within="module")
    return Module(name=name, models=models, slices=slices, parameters=parameters)


def _model(form: Form, row: Table, contract: Contract | None) -> Source:
    reference = form.reference(row, "model", required=True) or ""
    return Source(model=reference, parameters=form.settings(row, contract, within="model"))


def _slice(form: Form, row: Table, contract: Contract | None) -> Slice:
    sources = tuple(_source(form, item, contract) for item in form.rows(row, "sources", SOURCE))
    if not sources:
        form.report(Code.RECIPE_STRUCTURE, "the slice has no sources", row.mark, "name a model")
        sources = (Source(model="?"),)
    if "residual_weight" in row.pairs:
        what = "residual_weight never had an effect, in mergekit neither"
        form.warn(Code.RECIPE_PARAMETER, what, row.keys["residual_weight"], "leave it out")
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
    match [_whole(number) for number in numbers or ()]:
        case [int(first), int(end)] if 0 <= first <= end:
            return first, end
    shown = f" [{', '.join(str(n) for n in numbers)}]" if numbers is not None else ""
    form.report(
        Code.RECIPE_LAYERS,
        f"layer_range{shown} is not a range of layers",
        value.mark,
        "write two numbers with 0 <= first <= end; end is not included",
    )
    return None


def _whole(value: Scalar) -> int | None:
    """Return a whole number, which may be written as 4, 4.0 or "4"; nothing for all else."""
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None
    if isinstance(value, bool) or value != value // 1 or abs(value) >= 2**31:
        return None
    return int(value)


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


def placed(read: ReadRecipe, problem: Problem) -> Problem:
    """Return a problem that was found after reading, with its place in the recipe.

    Args:
        read: The recipe.
        problem: Its `where` is a key of `ReadRecipe.marks`, a tensor, a model, or empty.

    Returns:
        The problem at ``file:line:column``, or in the file.
    """
    mark = read.marks.get(problem.where)
    if mark is not None:
        return replace(problem, where=str(mark))
    return replace(problem, where=f"{read.file}: {problem.where}" if problem.where else read.file)
