"""What a user sees: results on stdout, talk on stderr, one JSON document instead if asked for.

Everything that comes from a model, a card or a recipe is printed as plain text: no markup is
read in it and no control or bidirectional character reaches the terminal.
"""

import json
import os
import sys
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TextIO, cast

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import Code, EvoregError, PrintError, Problem
from evoreg.registry.cli.exits import exit_code

_LONGEST = 2000
_SIGNS = {"ok": "✓", "no": "✗", "under": "└─", "dot": "·", "to": "→", "bar": "│", "about": "±"}
_PLAIN_SIGNS = {
    "ok": "ok",
    "no": "x",
    "under": "`-",
    "dot": "-",
    "to": "->",
    "bar": "|",
    "about": "+-",
}


def plain(text: str) -> str:
    """Return foreign text without anything that a terminal would obey.

    Args:
        text: Any text.

    Returns:
        At most 2000 characters; control, format and surrogate characters become ``?``, line
        ends and tabs become blanks.
    """
    shown = text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
    return "".join(_safe(sign) for sign in shown)


def _safe(sign: str) -> str:
    if sign in "\n\t\r":
        return " "
    return "?" if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Cn") else sign


def styled(text: str, style: str = "") -> Text:
    """Return foreign text as a printable piece with a style.

    Args:
        text: Any text.
        style: A style of rich.

    Returns:
        The plain text; markup in it is not read.
    """
    return Text(plain(text), style=style)


class _Outlet:
    """A stream that tells its failures apart from those of the work."""

    def __init__(self, stream: TextIO, *, needed: bool) -> None:
        self._stream = stream
        self._needed = needed
        self._failure: PrintError | None = None

    def write(self, text: str) -> int:
        with self._told():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._told():
            self._stream.flush()

    def __getattr__(self, name: str) -> object:  # `isatty` and `encoding` above all
        found: object = getattr(self._stream, name)
        return found

    @contextmanager
    def _told(self) -> Iterator[None]:
        if self._failure:  # again: a library may have swallowed the first one
            raise self._failure
        try:
            yield
        except BrokenPipeError:  # the reader had enough, which is no failure
            raise
        except OSError as error:
            silence(self._stream)
            if self._needed:
                what = f"the output cannot be written: {error.strerror or error}"
                hint = "what the command did before stands; print to a place with room"
                self._failure = PrintError(
                    Code.OUTPUT_UNWRITABLE, what, where="standard output", hint=hint
                )
                raise self._failure from error


@contextmanager
def outlets() -> Iterator[None]:
    """Raise a `PrintError` where stdout takes nothing; go on without words if stderr does not."""
    data = cast(TextIO, _Outlet(sys.stdout, needed=True))
    talk = cast(TextIO, _Outlet(sys.stderr, needed=False))
    with redirect_stdout(data), redirect_stderr(talk):
        yield


def silence(stream: TextIO) -> None:
    """Send the rest of a stream nowhere, so that Python does not complain once more at exit.

    Args:
        stream: A stream of this process.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


@dataclass(frozen=True)
class Screen:
    """Where a command prints."""

    data: Console
    """stdout."""
    talk: Console
    """stderr."""
    json: bool
    """True if exactly one JSON document goes to stdout and nothing else."""

    @classmethod
    def open(cls, *, as_json: bool) -> "Screen":
        """Return a screen for this process."""
        return cls(
            Console(file=sys.stdout, highlight=False, soft_wrap=True, emoji=False, markup=False),
            Console(
                stderr=True,
                highlight=False,
                soft_wrap=True,
                emoji=False,
                markup=False,
                quiet=as_json,
            ),
            as_json,
        )

    @property
    def signs(self) -> Mapping[str, str]:
        """The signs that the terminal can show."""
        try:
            "".join(_SIGNS.values()).encode(self.talk.encoding or "ascii")
        except (UnicodeEncodeError, LookupError):
            return _PLAIN_SIGNS
        return _SIGNS

    def document(self, schema: str, content: Mapping[str, Json]) -> None:
        """Print the one JSON document of a command that worked.

        Args:
            schema: Name and version of its form.
            content: The rest of it.
        """
        self.raw({"schema": schema, "ok": True, "exit_code": 0, **content})

    def raw(self, value: Mapping[str, Json]) -> None:
        """Print a JSON document."""
        self.data.file.write(json.dumps(value, indent=2, ensure_ascii=True) + "\n")
        self.data.file.flush()

    def error(self, error: EvoregError, *, code: int | None = None) -> int:
        """Tell an error.

        Args:
            error: What went wrong.
            code: The exit code, if it is not that of the table.

        Returns:
            The exit code.
        """
        code = exit_code(error) if code is None else code
        if self.json:
            try:
                self.failure(code, error.problems)
            except PrintError as lost:  # then at least a person is told
                told = Screen.open(as_json=False)
                told.error(error)
                told.error(lost)
            return code
        for problem in error.problems:
            self.problem(problem, "error", "bold red")
        return code

    def failure(self, code: int, problems: Sequence[Problem]) -> None:
        """Print the one JSON document of a command that failed.

        Args:
            code: The exit code.
            problems: What is wrong; nothing if the user stopped the command.
        """
        errors = [problem_json(problem) for problem in problems]
        schema = "evoreg/error/1"
        self.raw({"schema": schema, "ok": False, "exit_code": code, "errors": [*errors]})

    def problem(self, problem: Problem, kind: str, style: str) -> None:
        """Tell one problem: code and sentence, place, advice."""
        head = Text.assemble((f"{kind}[{problem.code}]", style), ": ")
        self.talk.print(head.append(styled(problem.what, "bold")))
        if problem.where:
            self.talk.print(Text("  --> ", style="blue").append(styled(problem.where)))
        if problem.hint:
            self.talk.print(Text("  = fix: ", style="cyan").append(styled(problem.hint)))

    def warning(self, problem: Problem) -> None:
        """Tell something that does not stop the command."""
        self.problem(problem, "warning", "bold yellow")


def print_table(console: Console, table: Table) -> None:
    """Print a table without cutting what must be whole, even if it is wider than the terminal.

    Args:
        console: Where to print.
        table: Columns with ``no_wrap`` are kept whole.
    """
    wide = console.options.update(max_width=_LONGEST)
    for column in table.columns:
        if column.no_wrap:
            cells = (column.header, *column.cells)
            column.min_width = max(Measurement.get(console, wide, cell).maximum for cell in cells)
    least = Measurement.get(console, wide, table).minimum
    console.print(table, width=max(console.width, least), crop=False)


def problem_json(problem: Problem) -> dict[str, Json]:
    """Return a problem as JSON."""
    return {
        "code": str(problem.code),
        "what": problem.what,
        "where": problem.where,
        "hint": problem.hint,
    }
