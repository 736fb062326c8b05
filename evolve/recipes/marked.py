"""YAML with positions: plain values that know the line and column they came from.

The text is untrusted: size, depth and number of values are limited before anything is built from
it, aliases cannot explode, keys must be unique texts, and only the plain YAML 1.1 types of
mergekit's files are understood.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from evoreg.provenance.records.errors import Code, Problem, RecipeError
from evoreg.provenance.records.recipe import Scalar

LARGEST = 2**18
"""Bytes that a recipe may have; 256 KiB."""
PARSER: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = (
    yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
)
"""What reads the text; libyaml where there is one, since it is ten times as fast."""
MOST_DOCUMENTS = 100
"""Recipes that a file may hold."""
_DEEPEST = 20
_MOST = 10_000
_MOST_DIRECTIVES = 20
_LIMITS = f"a recipe has at most {_MOST} keys and values, in at most {_DEEPEST} levels"
_LONGEST_NUMBER = 100
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_NULL = "tag:yaml.org,2002:null"
_TEXTS = ("tag:yaml.org,2002:str", _NULL)
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
    loader: yaml.SafeLoader | yaml.CSafeLoader
    count: int = 0
    problems: list[Problem] = field(default_factory=list)

    def fail(self, what: str, node: yaml.Node, hint: str = "") -> RecipeError:
        return RecipeError(Code.RECIPE_SYNTAX, what, where=str(self.mark(node)), hint=hint)

    def mark(self, node: yaml.Node) -> Mark:
        return _mark(self.file, node)

    def read(self, node: yaml.Node, depth: int) -> Marked:
        self.count += 1
        if depth > _DEEPEST or self.count > _MOST:
            raise _too_much(self.mark(node))
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
        if node.tag in _NUMBERS and ":" in str(node.value):
            what = f"{node.value!r:.40} would be a number to base 60"
            raise self.fail(what, node, "write the number out, or put a text in quotes")
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
        RecipeError: Not YAML, not one document, not a mapping, too large or too deep, a key given
            twice, a value that is not plain.
    """
    return next(iter(_load(text, file, most=1).values()))


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
    return _load(text, file, most=MOST_DOCUMENTS)


def _load(text: str, file: str, *, most: int) -> dict[int, Table]:
    if len(text.encode("utf-8", "replace")) > LARGEST:
        what = f"the recipe is larger than {LARGEST // 1024} KiB"
        raise RecipeError(Code.RECIPE_SYNTAX, what, where=file)
    try:
        _measure(text, file, most)
        return _compose(text, file)
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, file) from error
    except _FAULTS as error:
        raise RecipeError(Code.RECIPE_SYNTAX, f"not YAML: {error}", where=file) from error


def _measure(text: str, file: str, most: int) -> None:
    """Refuse a text with too many values, levels or documents, having built nothing of it."""
    # libyaml compares each directive with all before it, and gives no event until the last.
    directives = [n for n, line in enumerate(text.splitlines(), 1) if line.startswith("%")]
    if len(directives) > _MOST_DIRECTIVES:
        where = str(Mark(file, directives[_MOST_DIRECTIVES], 1))
        hint = "leave the lines that start with % out"
        raise RecipeError(Code.RECIPE_SYNTAX, "too many directives", where=where, hint=hint)
    count = depth = documents = 0
    for event in yaml.parse(text, Loader=PARSER):
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.NodeEvent):
            count += 1
            if count > _MOST or depth > _DEEPEST:
                raise _too_much(_mark(file, event))
            depth += isinstance(event, yaml.CollectionStartEvent)
        if documents > most:
            raise _too_many(_mark(file, event), most)


def _compose(text: str, file: str) -> dict[int, Table]:
    loader = PARSER(text)
    reader = _Reader(file, loader)
    found: dict[int, Table] = {}
    number = 0
    try:
        while loader.check_node():
            node = loader.get_node()
            value = reader.read(node, 0) if isinstance(node, yaml.MappingNode) else None
            if isinstance(value, Table):
                found[number] = value
            elif node is not None and node.tag != _NULL:
                raise _no_mapping(str(reader.mark(node)) if number else file)
            number += 1
    finally:
        loader.dispose()
    if not found:
        raise _no_mapping(file)
    return found


def _no_mapping(where: str) -> RecipeError:
    what = "a recipe is a YAML mapping with merge_method and models or slices"
    return RecipeError(Code.RECIPE_SYNTAX, what, where=where)


def _too_many(mark: Mark, most: int) -> RecipeError:
    if most > 1:
        what, hint = f"the file holds more than {most} recipes", "divide them among several files"
        return RecipeError(Code.RECIPE_SYNTAX, what, where=str(mark), hint=hint)
    hint = "keep one document a file and merge them one after the other"
    what = "the file holds several recipes"
    return RecipeError(Code.RECIPE_UNSUPPORTED, what, where=str(mark), hint=hint)


def _mark(file: str, item: yaml.Node | yaml.Event) -> Mark:
    start = item.start_mark
    return Mark(file, start.line + 1, start.column + 1) if start else Mark(file, 1, 1)


def _too_much(mark: Mark) -> RecipeError:
    what = "the recipe is nested too deeply or has too many values"
    return RecipeError(Code.RECIPE_SYNTAX, what, where=str(mark), hint=_LIMITS)


def _syntax(error: yaml.MarkedYAMLError, file: str) -> RecipeError:
    mark = error.problem_mark or error.context_mark
    where = str(Mark(file, mark.line + 1, mark.column + 1)) if mark else file
    what = f"not valid YAML: {error.problem or error.context}"
    return RecipeError(Code.RECIPE_SYNTAX, what, where=where, hint="check the indentation there")
