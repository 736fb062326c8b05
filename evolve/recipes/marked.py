"""Recipes as YAML with positions: what `provenance.records.marked` reads, and what messages say."""

from evoreg.provenance.records.errors import Code, RecipeError
from evoreg.provenance.records.marked import (
    PARSER,
    Grammar,
    Items,
    Leaf,
    Mark,
    Marked,
    Table,
    load,
)

__all__ = (
    "LARGEST",
    "MOST_DOCUMENTS",
    "PARSER",
    "Items",
    "Leaf",
    "Mark",
    "Marked",
    "Table",
    "load_marked",
    "load_stream",
)

LARGEST = 2**18
"""Bytes that a recipe may have; 256 KiB."""
MOST_DOCUMENTS = 100
"""Recipes that a file may hold."""

_RECIPE = Grammar(
    word="recipe",
    plural="recipes",
    shape="a recipe is a YAML mapping with merge_method and models or slices",
    error=RecipeError,
    syntax=Code.RECIPE_SYNTAX,
    several=Code.RECIPE_UNSUPPORTED,
    again="keep one document a file and merge them one after the other",
    largest=LARGEST,
)


def load_marked(text: str, file: str) -> Table:
    """Read the mapping that a YAML text holds.

    Args:
        text: YAML 1.1, one document.
        file: Name for messages.

    Returns:
        The mapping with the place of each value.

    Raises:
        RecipeError: Not YAML, not one document, not a mapping, too large or too deep, a key given
            twice, a value that is not plain.
    """
    return next(iter(load(text, file, _RECIPE).values()))


def load_stream(text: str, file: str) -> dict[int, Table]:
    """Read the mappings that a YAML text holds, one in each document.

    Args:
        text: YAML 1.1, at most `MOST_DOCUMENTS` documents. The limits on size, depth and number of
            values are for all of them together.
        file: Name for messages.

    Returns:
        At least one mapping by the number of its document, from 0; empty documents are left out.

    Raises:
        RecipeError: As `load_marked`, or too many documents.
    """
    return load(text, file, _RECIPE, most=MOST_DOCUMENTS)
