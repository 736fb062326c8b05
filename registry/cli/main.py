"""The command `evoreg`: its parts, and the one place where errors become exit codes."""

import os
import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from evoreg.provenance.records.errors import Code, EvoregError, UsageError
from evoreg.registry.cli import check, demo, ledger, merge, model
from evoreg.registry.cli.exits import BUG, INTERRUPTED, PIPE, USAGE
from evoreg.registry.cli.screen import Screen
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
app.add_typer(model.app, name="model")
app.add_typer(ledger.app, name="ledger")


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
    sys.exit(answer(sys.argv[1:]))


def answer(arguments: list[str]) -> int:
    """Carry out one command.

    Args:
        arguments: What was typed after ``evoreg``.

    Returns:
        The exit code.
    """
    screen = Screen.open(as_json="--json" in arguments)
    try:
        code = app(arguments, standalone_mode=False)
        sys.stdout.flush()
    except EvoregError as error:
        return screen.error(error)
    except TyperException as error:
        text = error.format_message()
        return screen.error(_misuse(text)) if text else USAGE  # else its help was shown
    except (KeyboardInterrupt, typer.Abort):
        screen.talk.print("\ninterrupted; nothing was left behind")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader is gone; keep Python from complaining about it once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE
    except Exception as error:
        return _bug(screen, error)
    return code if isinstance(code, int) else 0


def _misuse(text: str) -> UsageError:
    return UsageError(Code.USAGE, text, hint="evoreg COMMAND --help shows what is possible")


def _bug(screen: Screen, error: Exception) -> int:
    """Tell an error that nobody expected; the traceback is shown on request only."""
    if os.environ.get("EVOREG_DEBUG"):
        raise error
    what = f"unexpected {type(error).__name__}: {error}"
    hint = "this is a bug in evoreg: please report it with the output of EVOREG_DEBUG=1"
    screen.error(EvoregError(Code.BUG, what, hint=hint))
    return BUG
