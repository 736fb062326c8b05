"""References as they are recorded: without telling where somebody's disk is mounted."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath

from evoreg.provenance.records.recipe import Recipe, Slice, Source


def without_paths(references: Sequence[str]) -> dict[str, str]:
    """Return the recorded form of each reference.

    Args:
        references: As written in a recipe.

    Returns:
        The reference itself, or ``./FOLDER`` where an absolute path was written; a number is added
        where two would be called the same.
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
    return f"./{path.name}" if path.is_absolute() and path.name else part


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
