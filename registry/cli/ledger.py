"""``evoreg ledger``: look at the books and prove that nobody changed them."""

import os
from pathlib import Path
from typing import Annotated

import typer

from evoreg.registry.cli import options
from evoreg.registry.cli.exits import UNVERIFIED
from evoreg.registry.cli.screen import Screen, problem_json

app = typer.Typer(help="The ledger: what was registered, decided and made.", no_args_is_help=True)

_Anchor = Annotated[
    str | None,
    typer.Option(
        "--anchor", help="NUMBER:HASH of an entry noted earlier; shows a cut or rewritten history."
    ),
]


@app.command()
def verify(anchor: _Anchor = None, as_json: options.AsJson = False) -> None:
    """Prove that nobody changed the books.

    Every hash is recomputed, and the tables are compared with the entries.
    """
    from evoreg.provenance.ledger.verify import verify as verify_ledger
    from evoreg.registry.books import existing_ledger, head_from
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    kept = None if anchor is None else head_from(anchor)
    with existing_ledger(settings, strict=False) as ledger:
        report = verify_ledger(ledger, anchor=kept)
    code = UNVERIFIED if report.problems else 0
    if as_json:
        screen.raw(
            {
                "schema": "evoreg/ledger-verify/1",
                "ok": not report.problems,
                "exit_code": code,
                "entries": report.entries,
                "head": report.head.hash,
                "errors": [problem_json(problem) for problem in report.problems],
            }
        )
        raise typer.Exit(code)
    for problem in report.problems:
        screen.problem(problem, "error", "bold red")
    sign, word = ("no", "broken") if report.problems else ("ok", "whole")
    screen.data.print(f"{screen.signs[sign]} the ledger is {word}: {report.entries} entries")
    screen.data.print(f"  anchor {report.head.seq}:{report.head.hash}")
    raise typer.Exit(code)


@app.command()
def log(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Newest entries.")] = 20,
    as_json: options.AsJson = False,
) -> None:
    """Show the newest entries."""
    from evoreg.registry.books import existing_ledger, newest, summary
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    with existing_ledger(settings) as ledger:
        entries = newest(ledger, limit)
    if as_json:
        screen.document("evoreg/ledger-log/1", {"entries": [entry.to_json() for entry in entries]})
        return
    for entry in entries:
        screen.data.print(screen_line(entry.seq, entry.kind, summary(entry)))


def screen_line(number: int, kind: str, text: str) -> str:
    """Return one line of the log."""
    from evoreg.registry.cli.screen import plain

    return f"{number:>6}  {kind:<10} {plain(text)}"


@app.command()
def rebuild(as_json: options.AsJson = False) -> None:
    """Make the tables anew from the entries.

    The entries stay as they are.
    """
    from evoreg.provenance.ledger.rebuild import rebuild as rebuild_ledger
    from evoreg.provenance.ledger.verify import verify as verify_ledger
    from evoreg.provenance.records.errors import VerificationError
    from evoreg.registry.books import existing_ledger
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    with existing_ledger(settings) as ledger:
        count = rebuild_ledger(ledger)
        report = verify_ledger(ledger)
    if report.problems:  # the tables now agree with entries that somebody changed
        raise VerificationError.of(report.problems)
    if as_json:
        screen.document("evoreg/ledger-rebuild/1", {"entries": count})
        return
    screen.data.print(f"{screen.signs['ok']} rebuilt from {count} entries")
