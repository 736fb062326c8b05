"""Reading the front matter of a model card: hostile YAML from strangers, copied and not believed.

The front matter stands at the top of README.md between two lines ``---``. What it says is taken
only if its form leaves no doubt: a card with a key written twice could say two licences to two
readers, so the whole card then counts as empty and the problem is told.
"""

import codecs
import re
from collections.abc import Hashable, Iterator
from typing import Any, TypeAlias

import yaml

from evoreg.provenance.records.errors import Code, Problem
from evoreg.provenance.records.model import Card

LARGEST = 1 << 20
"""Most bytes of a card that are read."""
_DEEPEST = 32
_LONGEST_VALUE = 2000
_MOST_VALUES = 1000
_LINE_END = re.compile(rb"\r\n|\r|\n")

# Without libyaml the slower reader does the same.
_Base: TypeAlias = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # type: ignore[valid-type]


class _Refused(ValueError):
    """The front matter cannot be taken as it is."""


class _Loader(_Base):  # type: ignore[misc]  # which of the two is known only when it runs
    """The safe loader, refusing a key that is written twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return the mapping; `Any` because YAML may hold anything."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise _Refused(f"the key {key.value[:80]!r} is written twice")
                seen.add(key.value)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return mapping


def read_card(data: bytes, where: str = "README.md") -> tuple[Card, tuple[Problem, ...]]:
    """Read the front matter of a model card.

    Args:
        data: The card; only the first `LARGEST` bytes are looked at.
        where: What to call the card in a problem.

    Returns:
        What it says, and what was wrong with it. A card without front matter says nothing and has
        no problem; broken front matter says nothing and has one.
    """
    try:
        text = _front_matter(data[:LARGEST])
        values = _load(text) if text is not None else {}
    except (_Refused, yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        what = f"the front matter cannot be read, so the card counts as empty: {_line(error)}"
        return Card(), (Problem(Code.INPUT_CARD, what, where, "correct the YAML of the card"),)
    return _card(values, where)


def _line(error: Exception) -> str:
    problem = getattr(error, "problem", None) or str(error) or type(error).__name__
    mark = getattr(error, "problem_mark", None)
    place = f" (line {mark.line + 2})" if mark is not None else ""
    shown = "".join(sign if sign.isprintable() else "?" for sign in str(problem)[:200])
    return f"{shown}{place}"


def _front_matter(data: bytes) -> str | None:
    lines = _LINE_END.split(data.removeprefix(codecs.BOM_UTF8).lstrip())
    if lines[0].rstrip() != b"---":
        return None
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == b"---":
            return b"\n".join(lines[1:number]).decode()
    raise _Refused(f"no line --- ends it within the first {LARGEST} bytes")


def _load(text: str) -> dict[Any, Any]:
    _check_shape(text)
    # _Loader is a safe loader: it builds nothing but plain values.
    value = yaml.load(text, Loader=_Loader)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _Refused("it is not a mapping of keys to values")
    return value


def _check_shape(text: str) -> None:
    """Refuse what grows when it is unfolded: aliases, deep nesting, further documents."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=_Base):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _Refused("anchors and aliases (& and *) are not accepted")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        documents += isinstance(event, yaml.DocumentStartEvent)
        if depth > _DEEPEST or documents > 1:
            raise _Refused(f"it is nested deeper than {_DEEPEST}, or holds several documents")


def _card(values: dict[Any, Any], where: str) -> tuple[Card, tuple[Problem, ...]]:
    strange: list[str] = []

    def texts(*keys: str) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for key in keys:
            value = values.get(key)
            items = value if isinstance(value, list) else [] if value is None else [value]
            good = [text for item in items[:_MOST_VALUES] if (text := _text(item)) is not None]
            strange.extend([key] if len(good) != len(items) else [])
            found.update(dict.fromkeys(good))
        return tuple(found)

    def text(key: str) -> str | None:
        value = _text(values.get(key))
        strange.extend([key] if value is None and values.get(key) is not None else [])
        return value

    card = Card(
        license=texts("license"),
        license_name=text("license_name"),
        license_link=text("license_link"),
        base_model=texts("base_model"),
        base_model_relation=text("base_model_relation"),
        authors=texts("author", "authors"),
    )
    return card, tuple(_strangers(strange, where))


def _strangers(keys: list[str], where: str) -> Iterator[Problem]:
    for key in keys:
        what = f"{key} holds something other than short text, which was left out"
        yield Problem(Code.INPUT_CARD, what, where, f"write {key} as text or as a list of texts")


def _text(value: object) -> str | None:
    """Return a value if it is text that can be kept and shown, else nothing."""
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_VALUE:
        return None
    return value.strip() if value.strip().isprintable() else None
