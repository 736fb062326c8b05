"""Predicates in CEL: compiled, looked at before they are used, and evaluated over plain values.

CEL has no loops but those over lists, and of these an expression may have two, so that every
expression ends soon. Whatever the library does not like becomes one kind of error.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

MOST_LOOPS = 2
"""Comprehensions that one expression may have."""
NAMES = ("source", "intent", "context", "result")
"""What an expression can look at."""

_LOOP = re.compile(r"\b(?:all|exists|exists_one|existsOne|map|filter|transform\w+|bind)\b")
_BOUND = re.compile(r"\.\s*\w+\s*\(\s*(\w+)\s*,")
_AT = re.compile(r"<input>:(\d+):(\d+): (?:Syntax error: )?(.*)")


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with an expression or a message of a rule."""

    what: str
    """One sentence."""
    line: int = 1
    """Line within the expression, from 1."""
    column: int = 1
    """Column within that line, from 1."""
    hint: str = ""
    """What to do."""


class Program(Protocol):
    """A compiled expression."""

    def execute(self, context: dict[str, object]) -> object:
        """Return the value of the expression."""

    def variables(self) -> list[str]:
        """Return the names that occur in it."""


class FaultyError(Exception):
    """An expression cannot be compiled or evaluated."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.what)
        self.flaw = flaw


def holds(text: str, values: Mapping[str, object]) -> bool:
    """Evaluate an expression.

    Args:
        text: The expression.
        values: Plain values of every name in `NAMES`.

    Returns:
        What it gives.

    Raises:
        FaultyError: It does not compile, cannot be evaluated, or gives neither true nor false. The
            flaw has a hint if the expression itself is wrong, and none if the data do not fit.
    """
    program = compiled(text)
    try:
        found = program.execute(dict(values))
    except KeyError as error:
        name = str(error.args[0]) if error.args else ""
        what, hint = f"there is no {name!r:.60}", closest(name, _keys(values))
        raise FaultyError(Flaw(what, *_position(text, name, field=True), hint)) from error
    except BaseException as error:  # a panic of the library is no Exception
        raise _failure(error, text) from error
    if not isinstance(found, bool):
        what = f"it gives {type(found).__name__}, and not true or false"
        hint = "write a comparison; what may be null is compared with null first"
        raise FaultyError(Flaw(what, hint=hint if found is not None else ""))
    return found


def _failure(error: BaseException, text: str) -> FaultyError:
    if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
        raise error
    what = (str(error).splitlines() or [type(error).__name__])[0].split(". ")[0].rstrip(".")
    if what.startswith("No such overload"):
        what = "a value is null, or of another kind than what it is compared with"
    strange = re.match(r"Undefined variable or function: '(\w+)'", what)
    if strange is None:
        return FaultyError(Flaw(what))
    what = f"there is no function {strange[1]!r:.60}"
    return FaultyError(Flaw(what, *_position(text, strange[1]), "see docs/policy.md"))


@cache
def compiled(text: str) -> Program:
    """Compile an expression.

    Args:
        text: The expression.

    Returns:
        The program.

    Raises:
        FaultyError: It is no CEL, names what does not exist, or has too many loops.
    """
    if len(_LOOP.findall(text)) > MOST_LOOPS:
        what = f"an expression has at most {MOST_LOOPS} of all, exists, exists_one, map, filter"
        raise FaultyError(Flaw(what, hint="divide it among several rules"))
    program = _parsed(text)
    known = (*NAMES, *_BOUND.findall(text))
    for name in program.variables():
        if name not in known:
            line, column = _position(text, name)
            what = f"there is no {name!r:.60} in a rule"
            raise FaultyError(Flaw(what, line, column, closest(name, NAMES)))
    return program


def _parsed(text: str) -> Program:
    try:
        from cel import compile as parse  # 0.2 s, and few houses have rules
    except ImportError as error:
        hint = "install the package common-expression-language"
        raise FaultyError(Flaw("rules need a library that is missing", hint=hint)) from error
    try:
        program: Program = parse(text)
    except BaseException as error:
        raise _syntax(error, text) from error
    return program


def _syntax(error: BaseException, text: str) -> FaultyError:
    match = _AT.search(str(error))
    if match is None:
        return _failure(error, text)
    what = match[3].split(" expecting ")[0]
    return FaultyError(Flaw(f"not CEL: {what}", int(match[1]), int(match[2])))


def _position(text: str, name: str, *, field: bool = False) -> tuple[int, int]:
    """Return line and column of the first use of a name in an expression."""
    before = r"(?<=\.)" if field else r"(?<![\w.\"'])"
    match = re.search(rf"{before}{re.escape(name)}\b", text)
    start = match.start() if match else 0
    return text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)


def closest(word: str, words: Sequence[str]) -> str:
    """Return a did-you-mean hint.

    Args:
        word: What was written.
        words: What could have been meant.

    Returns:
        A hint; if nothing is near, the first twelve words.
    """
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    more = ", and more" if len(words) > 12 else ""
    return f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(words[:12])}{more}"


def _keys(values: Mapping[str, object]) -> list[str]:
    """Return all keys of nested tables, each once."""
    found: dict[str, None] = {}
    for name, value in values.items():
        found[name] = None
        if isinstance(value, dict):
            found |= dict.fromkeys(_keys(value))
    return list(found)
