"""YAML with positions: plain values that know the line and column they came from.

The text is untrusted: size, depth and number of values are limited before anything is built from
it, aliases cannot explode, keys must be unique texts, and only the plain YAML 1.1 types are
understood. What a kind of file is called, and which error tells about it, is said by a `Grammar`.
"""

from dataclasses import dataclass
from typing import TypeAlias

import yaml

from evoreg.provenance.records.errors import Code, EvoregError
from evoreg.provenance.records.recipe import Scalar

PARSER: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = (
    yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
)
"""What reads the text; libyaml where there is one, since it is ten times as fast."""
_DEEPEST = 20
_MOST = 10_000
_MOST_DIRECTIVES = 20
_LONGEST_NUMBER = 100
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_NULL = "tag:yaml.org,2002:null"
_WORDS = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")
_TEXTS = ("tag:yaml.org,2002:str", _NULL)
# What PyYAML raises for hostile scalars, besides its own errors.
_FAULTS = (yaml.YAMLError, ValueError, LookupError, AttributeError, ArithmeticError, TypeError)


@dataclass(frozen=True, slots=True)
class Grammar:
    """What messages say about one kind of file."""

    word: str
    """What a document of it is called: ``recipe``."""
    plural: str
    """What several of them are called: ``recipes``."""
    shape: str
    """What a document of it is, in one sentence."""
    error: type[EvoregError]
    """The class of all errors."""
    syntax: Code
    """The code of what is not YAML, or not plain."""
    several: Code
    """The code of a file with several documents where one is read."""
    again: str
    """What to do with several documents where one is read."""
    largest: int = 2**18
    """Bytes that a file may have."""
    words: bool = False
    """True if the booleans and days of YAML are taken as the texts that they are written as."""

    def fault(self, what: str, where: str, hint: str = "", code: Code | None = None) -> EvoregError:
        """Return the error about one fault, with the code of the syntax if none is given."""
        return self.error(code or self.syntax, what, where=where, hint=hint)


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
    grammar: Grammar
    loader: yaml.SafeLoader | yaml.CSafeLoader
    count: int = 0

    def fail(self, what: str, node: yaml.Node, hint: str = "") -> EvoregError:
        return self.grammar.fault(what, str(self.mark(node)), hint)

    def mark(self, node: yaml.Node) -> Mark:
        return _mark(self.file, node)

    def read(self, node: yaml.Node, depth: int) -> Marked:
        self.count += 1
        if depth > _DEEPEST or self.count > _MOST:
            raise _too_much(self.mark(node), self.grammar)
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
            value = self.value(node)
        except _FAULTS as error:
            raise self.fail(f"not a plain value: {error}", node) from error
        if isinstance(value, str) and any("\ud800" <= sign <= "\udfff" for sign in value):
            raise self.fail("this text holds half a character", node)
        if value is not None and not isinstance(value, bool | int | float | str):
            raise self.fail(f"not a plain value: {type(value).__name__}", node, "put it in quotes")
        if isinstance(value, int) and abs(value) >= 2**53:
            raise self.fail("this number is too large", node)
        return Leaf(self.mark(node), value)

    # What the loader makes of a node may be anything until `leaf` has looked at it.
    def value(self, node: yaml.Node) -> object:
        if self.grammar.words and node.tag in _WORDS and isinstance(node.value, str):
            return node.value
        made: object = self.loader.construct_object(node)
        return made


def load(text: str, file: str, grammar: Grammar, *, most: int = 1) -> dict[int, Table]:
    """Read the mappings that a YAML text holds, one in each document.

    Args:
        text: YAML 1.1. The limits on size, depth and number of values are for all documents
            together.
        file: Name for messages.
        grammar: What kind of file it is.
        most: Documents that it may hold.

    Returns:
        At least one mapping by the number of its document, from 0; empty documents are left out.

    Raises:
        EvoregError: Of the class that the grammar names: not YAML, too many documents, not a
            mapping, too large or too deep, a key given twice, a value that is not plain.
    """
    if len(text.encode("utf-8", "replace")) > grammar.largest:
        raise grammar.fault(
            f"the {grammar.word} is larger than {grammar.largest // 1024} KiB", file
        )
    try:
        _measure(text, file, grammar, most)
        return _compose(text, file, grammar)
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, file, grammar) from error
    except _FAULTS as error:
        raise grammar.fault(f"not YAML: {error}", file) from error


def _measure(text: str, file: str, grammar: Grammar, most: int) -> None:
    """Refuse a text with too many values, levels or documents, having built nothing of it."""
    # libyaml compares each directive with all before it, and gives no event until the last.
    directives = [n for n, line in enumerate(text.splitlines(), 1) if line.startswith("%")]
    if len(directives) > _MOST_DIRECTIVES:
        where = str(Mark(file, directives[_MOST_DIRECTIVES], 1))
        hint = "leave the lines that start with % out"
        raise grammar.fault("too many directives", where, hint)
    count = depth = documents = 0
    for event in yaml.parse(text, Loader=PARSER):
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.NodeEvent):
            count += 1
            if count > _MOST or depth > _DEEPEST:
                raise _too_much(_mark(file, event), grammar)
            depth += isinstance(event, yaml.CollectionStartEvent)
        if documents > most:
            raise _too_many(_mark(file, event), grammar, most)


def _compose(text: str, file: str, grammar: Grammar) -> dict[int, Table]:
    loader = PARSER(text)
    reader = _Reader(file, grammar, loader)
    found: dict[int, Table] = {}
    number = 0
    try:
        while loader.check_node():
            node = loader.get_node()
            value = reader.read(node, 0) if isinstance(node, yaml.MappingNode) else None
            if isinstance(value, Table):
                found[number] = value
            elif node is not None and node.tag != _NULL:
                where = str(reader.mark(node)) if number else file
                raise grammar.fault(grammar.shape, where)
            number += 1
    finally:
        loader.dispose()
    if not found:
        raise grammar.fault(grammar.shape, file)
    return found


def _too_many(mark: Mark, grammar: Grammar, most: int) -> EvoregError:
    if most > 1:
        what = f"the file holds more than {most} {grammar.plural}"
        return grammar.fault(what, str(mark), "divide them among several files")
    what = f"the file holds several {grammar.plural}"
    return grammar.fault(what, str(mark), grammar.again, grammar.several)


def _mark(file: str, item: yaml.Node | yaml.Event) -> Mark:
    start = item.start_mark
    return Mark(file, start.line + 1, start.column + 1) if start else Mark(file, 1, 1)


def _too_much(mark: Mark, grammar: Grammar) -> EvoregError:
    what = f"the {grammar.word} is nested too deeply or has too many values"
    hint = f"a {grammar.word} has at most {_MOST} keys and values, in at most {_DEEPEST} levels"
    return grammar.fault(what, str(mark), hint)


def _syntax(error: yaml.MarkedYAMLError, file: str, grammar: Grammar) -> EvoregError:
    mark = error.problem_mark or error.context_mark
    where = str(Mark(file, mark.line + 1, mark.column + 1)) if mark else file
    what = f"not valid YAML: {error.problem or error.context}"
    return grammar.fault(what, where, "check the indentation there")
