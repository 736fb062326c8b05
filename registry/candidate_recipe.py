"""A candidate's recipe as a file: the YAML that `evoreg merge` makes the same candidate of."""

import shlex
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from evoreg.evolve.recipes.stream import read_stream
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Code, RecipeError
from evoreg.provenance.records.evaluation import NamedRecipe
from evoreg.provenance.records.recipe import (
    Module,
    Recipe,
    Setting,
    Settings,
    Slice,
    Source,
    TokenizerSettings,
    TokenRow,
)
from evoreg.registry.merging.references import renamed, without_paths

_HIDDEN = ("Cc", "Cf", "Co", "Cn", "Zl", "Zp")


@dataclass(frozen=True)
class Export:
    """What is written into a file."""

    candidate: Digest
    """`Candidate.id` that a merge of it will have."""
    recipe: Recipe
    """The recipe."""
    earlier: tuple[NamedRecipe, ...]
    """Recipes that it stands on, in order."""
    seed: int
    """The seed to merge with."""
    search: str
    """Name of the search that it comes from; empty for a merge without one."""
    engine: str
    """Who made it, such as ``evoreg 0.1.0, rules 1``."""


def located(export: Export, places: Mapping[str, str]) -> Export:
    """Return an export whose models are named by where they lie.

    Args:
        export: What is written.
        places: Another reference for some of the references.

    Returns:
        The same candidate: folders outside the working folder are recorded by their last name
        alone, and a reference is only replaced if it would be recorded as it was.
    """
    named = {item.name for item in export.earlier}
    recipes = (export.recipe, *(item.recipe for item in export.earlier))
    known = dict.fromkeys(ref for recipe in recipes for ref in recipe.references)
    names = {ref: ref if ref in named else places.get(ref, ref) for ref in known}
    recorded = without_paths(tuple(names.values()))
    if any(recorded[names[ref]] != without_paths(tuple(known))[ref] for ref in known):
        return export
    return Export(
        export.candidate,
        renamed(export.recipe, names),
        tuple(
            item.model_copy(update={"recipe": renamed(item.recipe, names)})
            for item in export.earlier
        ),
        export.seed,
        export.search,
        export.engine,
    )


def known_places(ledger: Ledger, identities: Mapping[str, Digest], here: Path) -> dict[str, str]:
    """Return where the models of a recipe lie that are not where their references say.

    Args:
        ledger: Knows the folders in which models were registered.
        identities: The weights of each reference.
        here: Where relative references start.

    Returns:
        The folder of each reference that begins with ``./`` and is not there, if the ledger knows
        a folder of these weights that is there.
    """
    found: dict[str, str] = {}
    for reference, identity in identities.items():
        if reference.startswith("./") and not (here / reference).exists():
            places = (item.location for item in ledger.models_with(identity))
            there = [place for place in places if place and Path(place).is_dir()]
            if there:
                found[reference] = there[-1]
    return found


def recipe_text(export: Export, file: str = "RECIPE.yml") -> str:
    """Return the content of a recipe file.

    Args:
        export: What to write.
        file: What the file is called, for the command in its head.

    Returns:
        YAML in mergekit's grammar, one document for each recipe, with a comment above.

    Raises:
        RecipeError: Reading the YAML would not give the same recipe: it was recorded by another
            version of evoreg, or is larger than recipe files may be.
    """
    text = "".join((*(f"# {line}\n" for line in _head(export, file)), recipe_yaml(export)))
    read = read_stream(text, file)
    wanted = [*(item.recipe for item in export.earlier), export.recipe]
    if [stage.read.recipe for stage in read.stages] != wanted:
        what = "this recipe cannot be written as YAML that reads the same"
        hint = "report it as an error of evoreg; `evoreg candidate show ID --json` has the recipe"
        raise RecipeError(Code.RECIPE_UNSUPPORTED, what, where=export.candidate, hint=hint)
    return text


def recipe_yaml(export: Export) -> str:
    """Return the recipes of an export as YAML, several documents if there are several."""
    last = recipe_fields(export.recipe)
    documents = [{"name": item.name, **recipe_fields(item.recipe)} for item in export.earlier]
    text = _dumped((*documents, last), readable=True)
    shows = all(sign == "\n" or unicodedata.category(sign) not in _HIDDEN for sign in text)
    return text if shows else _dumped((*documents, last), readable=False)


def recipe_fields(recipe: Recipe) -> dict[str, Json]:
    """Return a recipe in the shape of mergekit's YAML.

    Args:
        recipe: Any recipe.

    Returns:
        What `evoreg.evolve.recipes.read` makes the same recipe of.
    """
    fields: dict[str, Json] = {
        "merge_method": recipe.method,
        "base_model": recipe.base_model,
        **_lists(recipe),
        "modules": {part.name: _module(part) for part in recipe.modules},
        "parameters": _parameters(recipe.parameters),
        "dtype": recipe.dtype,
        "out_dtype": recipe.out_dtype,
        "tokenizer_source": recipe.tokenizer_source,
        "tokenizer": None if recipe.tokenizer is None else _tokenizer(recipe.tokenizer),
        "chat_template": recipe.chat_template,
    }
    return _said(fields)


def _head(export: Export, file: str) -> Iterator[str]:
    if export.search:
        yield f"search     {_line(export.search)}"
    yield f"candidate  {export.candidate}"
    yield f"seed       {export.seed}"
    yield f"made by    {_line(export.engine)}"
    yield f"to merge   evoreg merge {shlex.quote(_line(file))} OUT --seed {export.seed}"


def _line(text: str) -> str:
    """Return foreign text that stays within its comment."""
    return "".join("?" if unicodedata.category(s) in (*_HIDDEN, "Cs") else s for s in text)


def _dumped(documents: Sequence[Mapping[str, Json]], *, readable: bool) -> str:
    shown = yaml.safe_dump_all(
        documents,
        sort_keys=False,
        allow_unicode=readable,
        width=100,
        explicit_start=len(documents) > 1,
    )
    return str(shown)


def _said(fields: Mapping[str, Json]) -> dict[str, Json]:
    """Leave out what says nothing."""
    return {key: value for key, value in fields.items() if value not in (None, {}, [])}


def _lists(part: Recipe | Module) -> dict[str, Json]:
    return {
        "models": [_source(line) for line in part.models],
        "slices": [_slice(piece) for piece in part.slices],
    }


def _module(part: Module) -> Json:
    return _said({**_lists(part), "parameters": _parameters(part.parameters)})


def _slice(piece: Slice) -> Json:
    return _said(
        {
            "sources": [_source(line) for line in piece.sources],
            "base_model": piece.base_model,
            "parameters": _parameters(piece.parameters),
        }
    )


def _source(line: Source) -> Json:
    return _said(
        {
            "model": line.model,
            "layer_range": None if line.layer_range is None else list(line.layer_range),
            "parameters": _parameters(line.parameters),
        }
    )


def _parameters(settings: Settings) -> dict[str, Json]:
    return {name: _choices(found) for name, found in settings}


def _choices(found: Sequence[Setting]) -> Json:
    if len(found) == 1 and found[0].filter is None:
        return _value(found[0])
    rows = ({"filter": item.filter, "value": _value(item)} for item in found)
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


def _value(setting: Setting) -> Json:
    value = setting.value
    return list(value) if isinstance(value, tuple) else value


def _tokenizer(wanted: TokenizerSettings) -> Json:
    rows: dict[str, Json] = {row.token: _token(row) for row in wanted.tokens}
    fields = {"tokens": rows, "pad_to_multiple_of": wanted.pad_to_multiple_of}
    return {"source": wanted.source, **_said(fields)}


def _token(row: TokenRow) -> Json:
    source: Json = None
    if row.kind == "model":
        source = row.model
    elif row.kind == "zero":
        source = {"kind": "zero"}
    elif row.kind == "token":
        other = {"token": row.text, "token_id": row.token_id}
        source = {"kind": "model_token", "model": row.model, **_said(other)}
    return _said({"source": source, "force": row.force or None})
