"""References as they are recorded: without telling where somebody's disk is mounted."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePath

import yaml

from evoreg.evolve.recipes.marked import PARSER
from evoreg.evolve.recipes.written import as_text
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.recipe import Module, Recipe, Slice, Source, TokenizerSettings

_REFERENCES = ("model", "base_model", "tokenizer_source", "source")
"""Keys whose values name models."""


def without_paths(references: Sequence[str]) -> dict[str, str]:
    """Return the recorded form of each reference.

    Args:
        references: As written in a recipe.

    Returns:
        The reference itself, or ``./FOLDER`` where a path leads out of the working folder
        (absolute, ``~``, ``..``); a number is added where two would be called the same.
    """
    names: dict[str, str] = {}
    for reference in references:
        wanted = "+".join(_short(part) for part in reference.split("+"))
        name, number = wanted, 2
        while name in names.values() or (name != reference and name in references):
            name, number = f"{wanted}-{number}", number + 1
        names[reference] = name
    return names


def _short(part: str) -> str:
    path = PurePath(part)
    tells = path.is_absolute() or part.startswith("~") or ".." in path.parts
    name = path.name if path.name not in ("", "..") else "model"
    return f"./{name}" if tells else part


def renamed(recipe: Recipe, names: Mapping[str, str]) -> Recipe:
    """Return a recipe with its references replaced.

    Args:
        recipe: Any recipe.
        names: The new reference for each of `recipe.references`.

    Returns:
        The same recipe under other names.
    """

    def source(line: Source) -> Source:
        return line.model_copy(update={"model": names[line.model]})

    def base(reference: str | None) -> str | None:
        return None if reference is None else names[reference]

    def piece(part: Slice) -> Slice:
        changed = {
            "sources": tuple(source(line) for line in part.sources),
            "base_model": base(part.base_model),
        }
        return part.model_copy(update=changed)

    def lists(part: Recipe | Module) -> dict[str, object]:
        return {
            "models": tuple(source(line) for line in part.models),
            "slices": tuple(piece(inner) for inner in part.slices),
        }

    tokenizer = recipe.tokenizer_source
    return recipe.model_copy(
        update={
            **lists(recipe),
            "modules": tuple(part.model_copy(update=lists(part)) for part in recipe.modules),
            "base_model": base(recipe.base_model),
            "tokenizer_source": names.get(tokenizer, tokenizer) if tokenizer else None,
            "tokenizer": _tokenizer(recipe.tokenizer, names),
        }
    )


def _tokenizer(
    settings: TokenizerSettings | None, names: Mapping[str, str]
) -> TokenizerSettings | None:
    if settings is None:
        return None
    rows = tuple(
        row if row.model is None else row.model_copy(update={"model": names[row.model]})
        for row in settings.tokens
    )
    source = names.get(settings.source, settings.source)
    return settings.model_copy(update={"source": source, "tokens": rows})


def in_order(recipe: Recipe) -> Recipe:
    """Return a recipe whose lists of models are sorted, for methods where their order is nothing.

    Args:
        recipe: Any recipe.

    Returns:
        The same recipe; two that differ in the order of models alone become equal.
    """

    def lines(found: Sequence[Source]) -> tuple[Source, ...]:
        return tuple(sorted(found, key=lambda line: line.canonical()))

    def pieces(found: Sequence[Slice]) -> tuple[Slice, ...]:
        return tuple(p.model_copy(update={"sources": lines(p.sources)}) for p in found)

    def module(found: Module) -> Module:
        inner = {"models": lines(found.models), "slices": pieces(found.slices)}
        return found.model_copy(update=inner)

    changed = {
        "models": lines(recipe.models),
        "slices": pieces(recipe.slices),
        "modules": tuple(module(found) for found in recipe.modules),
    }
    return recipe.model_copy(update=changed)


def published(text: str, names: Mapping[str, str], documents: Collection[int] | None = None) -> str:
    """Return the YAML of a recipe as it may be published.

    Args:
        text: The recipe as the user wrote it, perhaps with others in one file.
        names: The recorded form of each reference.
        documents: Numbers of the documents that are wanted, from 0; nothing means all.

    Returns:
        The same text if all is wanted and no reference changed; else the recipe written anew,
        without comments.
    """
    if documents is None and all(name == reference for reference, name in names.items()):
        return text
    remark = "# Paths of the original recipe were shortened to the names of the folders.\n"
    if documents is not None:
        remark = "# From a file of several recipes; written anew.\n"
    loaded = yaml.load_all(text, Loader=PARSER)
    wanted = [
        _replaced(document, names)
        for number, document in enumerate(loaded)
        if document is not None and (documents is None or number in documents)
    ]
    return remark + str(yaml.safe_dump_all(wanted, sort_keys=False, allow_unicode=True))


def _named(value: Json, names: Mapping[str, str]) -> Json:
    """Return a reference renamed; one that is written as a mapping becomes a text."""
    text = as_text(value)
    return names[text] if text is not None and text in names else _replaced(value, names)


def _replaced(value: Json, names: Mapping[str, str]) -> Json:
    if isinstance(value, dict):
        return {
            key: _named(item, names) if key in _REFERENCES else _replaced(item, names)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_replaced(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value
