"""YAML with positions: plain values that know the line and column they came from.

The text is untrusted: size, depth and number of values are limited, aliases cannot explode, keys
must be unique texts, and only the plain YAML 1.1 types of mergekit's files are understood.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from evoreg.provenance.records.errors import Code, Problem, RecipeError
from evoreg.provenance.records.recipe import Scalar

LARGEST = 2**20
"""Bytes that a recipe may have."""
_DEEPEST = 20
_MOST = 20_000
_LONGEST_NUMBER = 100
_TEXTS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:null")
# What PyYAML raises for hostile scalars, besides its own errors.
_FAULTS = (yaml.YAMLError, ValueError, LookupError, AttributeError, ArithmeticError, TypeError)


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file."""

    file: str
    """Name of the file as the user gave it."""
    line: int
    """From 1."""
    column: int
    """From 1."""

    def __str__(self) -> str:
        """Return ``file:line:column``."""
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A single value; nothing if the YAML says null."""

    mark: Mark
    value: Scalar | None


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    mark: Mark
    items: tuple["Marked", ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping with unique keys, in the order of the file."""

    mark: Mark
    pairs: dict[str, "Marked"]
    keys: dict[str, Mark]


Marked: TypeAlias = Leaf | Items | Table


@dataclass
class _Reader:
    """Turns composed YAML nodes into marked values."""

    file: str
    loader: yaml.SafeLoader
    count: int = 0
    problems: list[Problem] = field(default_factory=list)

    def fail(self, what: str, node: yaml.Node, hint: str = "") -> RecipeError:
        return RecipeError(Code.RECIPE_SYNTAX, what, where=str(self.mark(node)), hint=hint)

    def mark(self, node: yaml.Node) -> Mark:
        return Mark(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def read(self, node: yaml.Node, depth: int) -> Marked:
        self.count += 1
        if depth > _DEEPEST or self.count > _MOST:
            raise self.fail("the recipe is nested too deeply or has too many values", node)
        if isinstance(node, yaml.MappingNode):
            return self.table(node, depth)
        if isinstance(node, yaml.SequenceNode):
            items = tuple(self.read(item, depth + 1) for item in node.value)
            return Items(self.mark(node), items)
        return self.leaf(node)

    def table(self, node: yaml.MappingNode, depth: int) -> Table:
        pairs: dict[str, Marked] = {}
        keys: dict[str, Mark] = {}
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise self.fail("merge keys (<<) are not read", key, "write the keys out")
            name = key.value
            if not isinstance(key, yaml.ScalarNode) or not isinstance(name, str):
                raise self.fail("a key must be a text", key)
            if name in pairs:
                raise self.fail(f"the key {name!r:.60} is given twice", key, "keep one of the two")
            pairs[name], keys[name] = self.read(value, depth + 1), self.mark(key)
        return Table(self.mark(node), pairs, keys)

    def leaf(self, node: yaml.Node) -> Leaf:
        if node.tag not in _TEXTS and len(str(node.value)) > _LONGEST_NUMBER:
            raise self.fail("this number is too long", node, "put it in quotes if it is a text")
        try:
            value = self.loader.construct_object(node)
        except _FAULTS as error:
            raise self.fail(f"not a plain value: {error}", node) from error
        if isinstance(value, str) and any("\ud800" <= sign <= "\udfff" for sign in value):
            raise self.fail("this text holds half a character", node)
        if value is not None and not isinstance(value, bool | int | float | str):
            raise self.fail(f"not a plain value: {type(value).__name__}", node, "put it in quotes")
        if isinstance(value, int) and abs(value) >= 2**53:
            raise self.fail("this number is too large", node)
        return Leaf(self.mark(node), value)


def load_marked(text: str, file: str) -> Table:
    """Read the mapping that a YAML text holds.

    Args:
        text: YAML 1.1, one document.
        file: Name for messages.

    Returns:
        The mapping with the place of each value.

    Raises:
        RecipeError: Not YAML, not one document, not a mapping, too large, a key given twice.
    """
    if len(text.encode("utf-8", "replace")) > LARGEST:
        raise RecipeError(Code.RECIPE_SYNTAX, "the recipe is larger than 1 MiB", where=file)
    loader = yaml.SafeLoader("")
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise RecipeError(
                Code.RECIPE_SYNTAX,
                "a recipe is a YAML mapping with merge_method and models or slices",
                where=file,
            )
        value = _Reader(file, loader).read(node, 0)
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, file) from error
    except (*_FAULTS, RecursionError) as error:
        raise RecipeError(Code.RECIPE_SYNTAX, f"not YAML: {error}", where=file) from error
    finally:
        loader.dispose()
    return value if isinstance(value, Table) else Table(value.mark, {}, {})


def _syntax(error: yaml.MarkedYAMLError, file: str) -> RecipeError:
    mark = error.problem_mark or error.context_mark
    where = str(Mark(file, mark.line + 1, mark.column + 1)) if mark else file
    what = f"not valid YAML: {error.problem or error.context}"
    if "but found another document" in str(error):
        return RecipeError(
            Code.RECIPE_UNSUPPORTED,
            "the file holds several recipes",
            where=where,
            hint="keep one document a file and merge them one after the other",
        )
    return RecipeError(Code.RECIPE_SYNTAX, what, where=where, hint="check the indentation there")
