"""Reading the front matter of a model card: hostile YAML from strangers, copied and not believed.

The front matter stands at the top of README.md between two lines ``---``. What it says is taken
only if its form leaves no doubt: a card with a key written twice could say two licences to two
readers, so its licence then counts as unreadable and the problem is told. What it says about the
licence is taken whole or not at all: a list of licences without the one that cannot be read would
permit more than the card does, and so would a card that counts as silent beside a licence text.
"""

import codecs
import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import yaml

from evoreg.provenance.records.errors import Code, Problem
from evoreg.provenance.records.model import Card

LARGEST = 1 << 20
"""Most bytes of a card that are read."""
LONGEST_PROMPT = 1 << 16
"""Most characters of a gate's text that are kept."""
UNREADABLE = "(unreadable)"
"""Stands for a licence, or a parent, that a card states in a way that cannot be read: no licence
that is known, so it contradicts whatever else is found, and no model that anybody will find."""
_DEEPEST = 32
_LONGEST_VALUE = 2000
_MOST_VALUES = 1000
_LINE_END = re.compile(rb"\r\n|\r|\n")
# YAML 1.1 ends a line at these, YAML 1.2 does not: two readers would see two cards.
_ODD_LINE_ENDS = re.compile("[\x85\u2028\u2029]")
_MERGE = "tag:yaml.org,2002:merge"
_LICENSE_KEYS = ("license", "license_name", "license_link")
_MISSPELT = re.compile(r"(licen[sc]es?)([ _-]?(?:name|link))?")
_STRANGE = "holds something other than short text"
_LEFT_OUT = "which was left out"
_UNSEEN = "so a parent counts as unknown"
_DOUBT = "so the licence of the card counts as unreadable"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, b"-\0-\0-\0", b"\0-\0-\0-")

# Without libyaml the slower reader does the same.
_Base: TypeAlias = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # type: ignore[valid-type]


class _Refused(ValueError):
    """The front matter cannot be taken as it is."""


class _Loader(_Base):  # type: ignore[misc]  # which of the two is known only when it runs
    """The safe loader, refusing a key that is written twice or merges in other keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return the mapping; `Any` because YAML may hold anything."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.tag == _MERGE:
                    raise _Refused("merge keys (<<) are not accepted")
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
        no problem. If front matter, or a part of what it says about the licence, cannot be read,
        its licence is `UNREADABLE`: a text beside it shall not hide that.
    """
    try:
        text = _front_matter(data[:LARGEST])
        values = _load(text) if text is not None else {}
    except (_Refused, yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        what = "the front matter cannot be read, and neither can the licence that it names"
        what = f"{what}: {_line(error)}"
        card = Card(license=(UNREADABLE,))
        return card, (Problem(Code.INPUT_CARD, what, where, "correct the YAML of the card"),)
    reader = _Reader(values, where)
    return reader.card(), tuple(reader.problems)


def _line(error: Exception) -> str:
    problem = getattr(error, "problem", None) or str(error) or type(error).__name__
    mark = getattr(error, "problem_mark", None)
    place = f" (line {mark.line + 2})" if mark is not None else ""
    shown = "".join(sign if sign.isprintable() else "?" for sign in str(problem)[:200])
    return f"{shown}{place}"


def _front_matter(data: bytes) -> str | None:
    if data.startswith(_UTF_16):
        raise _Refused("it is written in UTF-16, and a card is written in UTF-8")
    lines = _LINE_END.split(data.removeprefix(codecs.BOM_UTF8).lstrip())
    if lines[0].rstrip() != b"---":
        return None
    for number, line in enumerate(lines):
        # The Hub takes such a line for no border, and would read another card than we.
        if line != b"---" and line.rstrip() == b"---":
            raise _Refused("blanks follow a line ---")
        if number and line == b"---":
            return b"\n".join(lines[1:number]).decode()
    raise _Refused(f"no line --- ends it within the first {LARGEST} bytes")


def _load(text: str) -> dict[Any, Any]:
    if _ODD_LINE_ENDS.search(text):
        raise _Refused("it holds line ends that not every reader takes for such (such as U+2028)")
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


@dataclass
class _Reader:
    """Takes the values out of a front matter; `problems` grows on the way."""

    values: dict[Any, Any]
    where: str
    problems: list[Problem] = field(default_factory=list)

    def card(self) -> Card:
        """Return what the front matter says."""
        return Card(
            **self.license(),
            base_model=self.parents(),
            base_model_relation=self.text("base_model_relation"),
            authors=tuple(dict.fromkeys((*self.texts("author"), *self.texts("authors")))),
            datasets=self.texts("datasets"),
            new_version=self.text("new_version"),
            gated_prompt=self.prompt("extra_gated_prompt"),
            eu_disallowed=self.flag("extra_gated_eu_disallowed"),
        )

    def license(self) -> dict[str, Any]:
        """Return the fields about the licence; nothing of them if a part leaves a doubt.

        `Any`: they are handed on to `Card` by name.
        """
        before = len(self.problems)
        tags, name = self.texts("license", _DOUBT), self.text("license_name", _DOUBT)
        doubtful = len(self.problems) > before
        link = self.text("license_link")
        for key, meant in self.misspelt():
            said = self.values.get(meant)
            differs = said is not None and said != self.values[key]
            what = f"{key} contradicts {meant}, {_DOUBT}" if differs else f"{key} is not read"
            self.tell(what, f"write {meant} if that is meant")
            doubtful |= differs
        fields = ((UNREADABLE,), None, None) if doubtful else (tags, name, link)
        return dict(zip(_LICENSE_KEYS, fields, strict=True))

    def misspelt(self) -> Iterator[tuple[str, str]]:
        """Yield the keys that look like those of a licence, and which each of them looks like."""
        for key in self.values:
            found = _MISSPELT.fullmatch(key.strip().casefold()) if isinstance(key, str) else None
            if found and key not in _LICENSE_KEYS:
                rest = (found[2] or "").strip(" _-")
                yield key, f"license_{rest}" if rest else "license"

    def texts(self, key: str, then: str = _LEFT_OUT) -> tuple[str, ...]:
        """Return the texts of a value or a list, each once; what is none is told."""
        value = self.values.get(key)
        items = value if isinstance(value, list) else [] if _is_blank(value) else [value]
        good = [text for item in items[:_MOST_VALUES] if (text := _text(item)) is not None]
        if len(good) != len(items):
            self.tell(f"{key} {_STRANGE}, {then}", f"write {key} as a text or a list of texts")
        return tuple(dict.fromkeys(good))

    def parents(self) -> tuple[str, ...]:
        """Return the parents; what cannot be read is a parent all the same."""
        before = len(self.problems)
        names = self.texts("base_model", _UNSEEN)
        return names if len(self.problems) == before else (*names, UNREADABLE)

    def text(self, key: str, then: str = _LEFT_OUT) -> str | None:
        """Return a text; what is none is told."""
        value = self.values.get(key)
        if _is_blank(value):
            return None
        if _text(value) is None:
            self.tell(f"{key} {_STRANGE}, {then}", f"write {key} as a text")
        return _text(value)

    def prompt(self, key: str) -> str | None:
        """Return a long text, cut if it is too long; signs that cannot be shown are replaced."""
        value = self.values.get(key)
        if _is_blank(value):
            return None
        if not isinstance(value, str):
            self.tell(f"{key} holds something other than text, {_LEFT_OUT}", "write it as a text")
            return None
        text = "".join(_visible(sign) for sign in value.strip())
        if len(text) > LONGEST_PROMPT:
            hint = "read the rest in the card itself"
            self.tell(f"{key} is cut after {LONGEST_PROMPT} characters", hint)
        return text[:LONGEST_PROMPT]

    def flag(self, key: str) -> Literal[True] | None:
        """Return whether something is said; anything but true and false is told and counts."""
        value = self.values.get(key)
        if value is None or value is False:
            return None
        if value is not True:
            self.tell(f"{key} is neither true nor false, and counts as true", f"write {key}: true")
        return True

    def tell(self, what: str, hint: str) -> None:
        """Note a problem."""
        shown = "".join(sign if sign.isprintable() else "?" for sign in what)
        self.problems.append(Problem(Code.INPUT_CARD, shown, self.where, hint))


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _text(value: object) -> str | None:
    """Return a value if it is text that can be kept and shown, else nothing."""
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_VALUE:
        return None
    return value.strip() if value.strip().isprintable() else None


def _visible(sign: str) -> str:
    if sign == "\t":
        return " "
    return sign if sign == "\n" or sign.isprintable() else "\ufffd"
