"""Filling in a policy from marked YAML: keys and values, with every problem collected."""

import difflib
import re
from collections.abc import Sequence
from datetime import date
from unicodedata import bidirectional, category

from evoreg.policies.predicate import closest
from evoreg.policies.reading.keys import Key
from evoreg.policies.reading.places import is_place, place_hint
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import Code, PolicyError, Problem
from evoreg.provenance.records.marked import Items, Leaf, Mark, Marked, Table

MOST_PROBLEMS = 100
"""Problems of one file that are told."""
Plain = dict[str, Json]
"""A table of plain values; what was wrong is not in it."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TURNS = ("LRE", "LRO", "RLE", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
_SHORT = "{!r:.60}"
_LISTS = {"texts": "text", "choices": "choice", "places": "place"}


class Form:
    """Reads the tables of a policy and keeps what is wrong with them, and where all stands.

    `marks` has the place of each value by its path; `filled` the paths of tables that hold a key.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.splitlines()
        self.marks: dict[str, Mark] = {}
        self.filled: set[str] = set()
        self._problems: list[tuple[Mark, Problem]] = []

    def report(self, what: str, mark: Mark, hint: str = "") -> None:
        """Note a problem.

        Args:
            what: What is wrong.
            mark: Where.
            hint: What to do.

        Raises:
            PolicyError: There are so many that the file is no policy.
        """
        self._problems.append((mark, Problem(Code.POLICY_FILE, what, str(mark), hint)))
        if len(self._problems) > MOST_PROBLEMS:  # to look for what each might mean takes its time
            more = Problem(Code.POLICY_FILE, "there are more problems; these were found first")
            raise PolicyError.of([*self.problems[:MOST_PROBLEMS], more])

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems in the order of the file."""
        ordered = sorted(self._problems, key=lambda item: (item[0].line, item[0].column))
        return tuple(dict.fromkeys(problem for _, problem in ordered))

    def table(self, table: Table, keys: Sequence[Key], path: str) -> Plain:
        """Read a table.

        Args:
            table: As it stands in the file.
            keys: What it may hold.
            path: Where it is, for `marks`.

        Returns:
            Its values; without those that are wrong.
        """
        known = {key.name: key for key in keys}
        found: Plain = {}
        if table.pairs:
            self.filled.add(path)
        for name, value in table.pairs.items():
            if name not in known:
                hint = _key_hint(name, tuple(known))
                self.report(f"unknown key {_SHORT.format(name)}", table.keys[name], hint)
                continue
            place = f"{path}.{name}" if path else name
            self.marks[place] = value.mark
            read = self._value(value, known[name], place)
            if read is not None:
                found[name] = read
        for key in keys:
            if key.required and key.name not in table.pairs:
                self.report(f"{key.name} is missing", table.mark, key.meaning)
        return found

    def inside(self, path: str, line: int, column: int) -> Mark:
        """Return the place of a character of a text.

        Args:
            path: Where the text is.
            line: Line within the text, from 1.
            column: Column within that line, from 1.

        Returns:
            Its place in the file if the text stands there as it is; else the place of the text.
        """
        mark = self.marks[path]
        raw = self.lines[mark.line - 1][mark.column - 1 :] if mark.line <= len(self.lines) else ""
        if raw.startswith("|") and mark.line + line <= len(self.lines):
            first = self.lines[mark.line]
            return Mark(mark.file, mark.line + line, len(first) - len(first.lstrip(" ")) + column)
        quoted = raw[:1] in ("'", '"')
        if line > 1 or raw[:1] in (">", "&", "!", "*") or (quoted and raw[0] in raw[1:column]):
            return mark
        return Mark(mark.file, mark.line, mark.column + column - 1 + quoted)

    def _value(self, value: Marked, key: Key, path: str) -> Json:
        if isinstance(value, Leaf) and value.value is None:
            self.report(f"{key.name} has no value", value.mark, "write one, or leave the key out")
            return None
        if key.kind == "table":
            return self._table(value, key, path)
        if key.kind == "rows":
            return self._rows(value, key, path)
        if key.kind in _LISTS:
            return self._list(value, key, path)
        return self._single(value, key, key.kind)

    def _table(self, value: Marked, key: Key, path: str) -> Json:
        if isinstance(value, Table):
            return self.table(value, key.keys, path)
        names = ", ".join(item.name for item in key.keys)
        what = f"an entry of {key.name}" if key.kind == "rows" else key.name
        self.report(f"{what} is a mapping", value.mark, f"keys: {names}")
        return None

    def _rows(self, value: Marked, key: Key, path: str) -> Json:
        if not isinstance(value, Items):
            self.report(f"{key.name} is a list", value.mark, "start each entry with '- '")
            return None
        found: list[Json] = []
        for number, item in enumerate(value.items):
            self.marks[f"{path}[{number}]"] = item.mark
            # An empty table holds the place of one that is no table, so that numbers stay true.
            found.append(self._table(item, key, f"{path}[{number}]") or {})
        if not found and key.required:
            self.report(f"{key.name} is empty", value.mark, key.meaning)
        return found

    def _list(self, value: Marked, key: Key, path: str) -> Json:
        if not isinstance(value, Items):
            self.report(f"{key.name} is a list", value.mark, "write [one, another]")
            return None
        found: list[Json] = []
        for number, item in enumerate(value.items):
            self.marks[f"{path}[{number}]"] = item.mark
            read = self._single(item, key, _LISTS[key.kind])
            if read is not None and read in found:
                self.report(f"{_SHORT.format(read)} is listed twice", item.mark, "keep one")
            found.append(read)
        if not found and key.least:
            self.report(f"{key.name} is empty", value.mark, "name at least one")
        return found

    def _single(self, value: Marked, key: Key, kind: str) -> Json:
        plain = value.value if isinstance(value, Leaf) else None
        if kind == "whole":
            return self._whole(plain, key, value.mark)
        if not isinstance(plain, str):
            hint = "put it in quotes" if isinstance(plain, int | float) else key.meaning
            self.report(f"{key.name} takes a text", value.mark, hint)
            return None
        wrong = _wrong(plain, key, kind)
        if wrong is None:
            return plain
        self.report(wrong[0], value.mark, wrong[1])
        return None

    def _whole(self, plain: object, key: Key, mark: Mark) -> Json:
        if not isinstance(plain, int) or isinstance(plain, bool):
            hint = "write it in digits, without quotes, unit or exponent"
            self.report(f"{key.name} is a whole number", mark, hint)
            return None
        if plain < key.least or plain > key.most:
            hint = (
                f"from {key.least} to {key.most}" if key.least < key.most else f"write {key.most}"
            )
            self.report(f"{key.name} cannot be {plain}", mark, hint)
            return None
        return plain


def _wrong(text: str, key: Key, kind: str) -> tuple[str, str] | None:
    """Return what is wrong with a text, and a hint; nothing if it is good."""
    said = f"{key.name} cannot be {_SHORT.format(text)}"
    if kind == "choice":
        return None if text in key.values else (said, closest(text, key.values))
    if kind == "place":
        return None if is_place(text) else (f"there is no place {text!r:.60}", place_hint(text))
    if kind == "day":
        return None if _is_day(text) else (said, "write a day that there is: YYYY-MM-DD")
    if any(_hidden(sign) for sign in text):
        return f"{key.name} holds a character that cannot be seen", "leave it out"
    if not text.strip():
        return f"{key.name} is empty", key.meaning
    if key.most and len(text) > key.most:
        return f"{key.name} is too long", f"at most {key.most} characters"
    if key.pattern and not re.fullmatch(key.pattern, text):
        return said, f"write {key.form}"
    return None


def _hidden(sign: str) -> bool:
    """Tell whether a sign is a control character, or turns the direction of a text."""
    return sign not in "\n\t" and (category(sign) == "Cc" or bidirectional(sign) in _TURNS)


def _is_day(text: str) -> bool:
    try:
        return bool(_DAY.fullmatch(text) and date.fromisoformat(text))
    except ValueError:
        return False


def _key_hint(name: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name.replace("_", "-").lower(), known, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
