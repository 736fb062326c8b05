"""The command `evoreg`: its parts, and the one place where errors become exit codes."""

import atexit
import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from itertools import pairwise
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType
from typing import Annotated, NoReturn, TextIO

import typer
from typer.exceptions import TyperException

from evoreg.provenance.records.errors import Code, EvoregError, PrintError, UsageError
from evoreg.registry.cli import (
    candidate,
    check,
    demo,
    evolve,
    ledger,
    ledger_life,
    ledger_proofs,
    merge,
    model,
    policy,
    release,
)
from evoreg.registry.cli.exits import BUG, INTERRUPTED, OK, PIPE, USAGE
from evoreg.registry.cli.screen import Screen, outlets, silence
from evoreg.registry.settings import evoreg_version

app = typer.Typer(
    name="evoreg",
    help="Merge models, credit their authors, and keep to their licences.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("check")(check.check)
app.command("merge")(merge.merge)
app.command("evolve")(evolve.evolve)
app.add_typer(candidate.app, name="candidate")
app.add_typer(model.app, name="model")
ledger.app.add_typer(ledger_life.app)
ledger.app.add_typer(ledger_proofs.app)
app.add_typer(ledger.app, name="ledger")
app.add_typer(policy.app, name="policy")
app.add_typer(release.app, name="release")


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"evoreg {evoreg_version()}\n")
        raise typer.Exit


@app.callback()
def _top(
    _wanted: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Merge models, credit their authors, and keep to their licences."""


def run() -> None:
    """Run the command line and exit with the code of `evoreg.registry.cli.exits`."""
    # Importing torch makes a million objects that live on; looking through them for rubbish again
    # and again would cost half a second.
    gc.set_threshold(100_000, 50, 100)
    _open_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # what the terminal cannot show is spelt out
            stream.reconfigure(errors="backslashreplace")
    code = answer(sys.argv[1:])
    _leave(code)


def _leave(code: int) -> NoReturn:
    """Exit without taking every object apart, which would take a quarter of a second and more."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # `answer` has told what could not be printed
            stream.flush()
    os._exit(code)


def _open_closed() -> None:
    """Give the process the streams that it was started without (``>&-``); they lead nowhere."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # no file of the work may get this number
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")  # until the process ends


def answer(arguments: list[str]) -> int:
    """Carry out one command.

    Args:
        arguments: What was typed after ``evoreg``.

    Returns:
        The exit code.
    """
    with outlets():
        try:
            return _answer(arguments)
        except (BrokenPipeError, SystemExit):  # while an error was told
            return _reader_gone()


def _answer(arguments: list[str]) -> int:
    screen = Screen.open(as_json=_wants_json(arguments))
    with _interrupts() as pressed:
        try:
            code = app(arguments, standalone_mode=False)
            sys.stdout.flush()
        except (KeyboardInterrupt, typer.Abort):
            return _interrupted(screen)
        except BrokenPipeError:
            return _reader_gone()
        except SystemExit as error:  # so Rich and Typer tell that the reader is gone
            return _reader_gone() if error.code == 1 else OK
        except Exception as error:
            return _interrupted(screen) if pressed else _failure(screen, error)
    if code == INTERRUPTED:  # Typer met Ctrl-C first
        return _interrupted(screen)
    return code if isinstance(code, int) else OK


def _wants_json(arguments: list[str]) -> bool:
    """Tell whether errors are wanted as JSON, whatever else is wrong with the arguments."""
    pairs = pairwise(arguments)
    return (
        "--json" in arguments
        or "--format=json" in arguments
        or any(pair == ("--format", "json") for pair in pairs)
    )


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Note each Ctrl-C: torch may lose the exception and fail with another one instead."""
    pressed: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        signal.default_int_handler(number, frame)

    before = signal.getsignal(signal.SIGINT)
    # Whoever set another handler, or ignores the signal, meant it; threads may not set any.
    ours = before is signal.default_int_handler and current_thread() is main_thread()
    if ours:
        signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        if ours:
            signal.signal(signal.SIGINT, before)


def _failure(screen: Screen, error: Exception) -> int:
    if isinstance(error, PrintError):  # no document can be printed either
        return Screen.open(as_json=False).error(error)
    if isinstance(error, EvoregError):
        return screen.error(error)
    if isinstance(error, TyperException):
        return _misuse(screen, error.format_message())
    return _bug(screen, error)


def _interrupted(screen: Screen) -> int:
    screen.talk.print("\ninterrupted; no half-made result was left")
    if screen.json:
        with suppress(PrintError):
            screen.failure(INTERRUPTED, ())
    return INTERRUPTED


def _reader_gone() -> int:
    silence(sys.stdout)
    return PIPE


def _misuse(screen: Screen, text: str) -> int:
    """Tell what is wrong with the arguments; without any, the text is the help of the command."""
    if not text.startswith("Usage:"):
        hint = "evoreg COMMAND --help shows what is possible"
        return screen.error(UsageError(Code.USAGE, text, hint=hint))
    screen.talk.print(text)
    return USAGE


def _bug(screen: Screen, error: Exception) -> int:
    """Tell an error that nobody expected; the traceback is shown on request only."""
    if os.environ.get("EVOREG_DEBUG"):
        raise error
    what = f"unexpected {type(error).__name__}: {error}"
    hint = "this is a bug in evoreg: please report it with the output of EVOREG_DEBUG=1"
    return screen.error(EvoregError(Code.BUG, what, hint=hint), code=BUG)
