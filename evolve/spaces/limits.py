"""Whether the recipes of a space can be written, since recipe files have limits.

A search whose result nobody can write down is better refused before it begins.
"""

from collections.abc import Iterator, Sequence

from evoreg.evolve.recipes.marked import LARGEST
from evoreg.evolve.spaces.space import Gene, Genome
from evoreg.provenance.records.errors import Code, RecipeError
from evoreg.provenance.records.recipe import Recipe, Setting

MOST_VALUES = 10_000
"""Keys and values that a recipe file may hold."""
_BESIDES = 200
_KEYS = 5
_LINE = 60
_NUMBER = 36


def apart(genes: Sequence[Gene]) -> Genome:
    """Return a genome without two equal values: it gives the longest recipe of a space."""
    return tuple(
        gene.low + (gene.high - gene.low) * (place + 1) / (len(genes) + 2)
        for place, gene in enumerate(genes)
    )


def check_writable(recipe: Recipe) -> None:
    """Refuse a recipe that is too long for a file.

    Args:
        recipe: The longest recipe of a space.

    Raises:
        RecipeError: It has more values or bytes than a recipe file may have.
    """
    settings = list(_settings(recipe))
    numbers = [len(item.value) if isinstance(item.value, tuple) else 0 for item in settings]
    values = _BESIDES + sum(numbers) + _KEYS * len(settings)
    filters = sum(len((item.filter or "").encode("utf-8", "replace")) for item in settings)
    size = _LINE * (_BESIDES + len(settings)) + _NUMBER * sum(numbers) + filters
    if values > MOST_VALUES or size > LARGEST:
        what = (
            f"a recipe of this space would have up to {values} values in {size // 1024} KiB; "
            f"a recipe file holds {MOST_VALUES} in {LARGEST // 1024} KiB"
        )
        hint = "take fewer models, larger groups of layers, or fewer components"
        raise RecipeError(Code.RECIPE_UNSUPPORTED, what, where="space", hint=hint)


def _settings(recipe: Recipe) -> Iterator[Setting]:
    for block in (recipe.parameters, *(line.parameters for line in recipe.lines)):
        for _, settings in block:
            yield from settings
