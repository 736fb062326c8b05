"""References as they are recorded: without telling where somebody's disk is mounted."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath

import yaml

from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.recipe import Recipe, Slice, Source


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

    tokenizer = recipe.tokenizer_source
    return recipe.model_copy(
        update={
            "models": tuple(source(line) for line in recipe.models),
            "slices": tuple(piece(part) for part in recipe.slices),
            "base_model": base(recipe.base_model),
            "tokenizer_source": names.get(tokenizer, tokenizer) if tokenizer else None,
        }
    )


def published(text: str, names: Mapping[str, str]) -> str:
    """Return the YAML of a recipe as it may be published.

    Args:
        text: The recipe as the user wrote it.
        names: The recorded form of each reference.

    Returns:
        The same text if no reference changed; else the recipe written anew, without comments.
    """
    if all(name == reference for reference, name in names.items()):
        return text
    remark = "# Paths of the original recipe were shortened to the names of the folders.\n"
    changed = _replaced(yaml.safe_load(text), names)
    return remark + str(yaml.safe_dump(changed, sort_keys=False, allow_unicode=True))


def _replaced(value: Json, names: Mapping[str, str]) -> Json:
    if isinstance(value, dict):
        return {key: _replaced(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value
