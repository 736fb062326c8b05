"""``evoreg ledger``: look at the books and prove that nobody changed them."""

import os
from pathlib import Path
from typing import Annotated

import typer

from evoreg.provenance.records.errors import Code, UsageError
from evoreg.registry.cli import options
from evoreg.registry.cli.exits import UNVERIFIED
from evoreg.registry.cli.ledger_proofs import Keys
from evoreg.registry.cli.screen import Screen, problem_json

app = typer.Typer(help="The ledger: what was registered, decided and made.", no_args_is_help=True)

_Anchor = Annotated[
    str | None,
    typer.Option(
        "--anchor", help="NUMBER:HASH of an entry noted earlier; shows a cut or rewritten history."
    ),
]


_Checkpoints = Annotated[
    list[Path] | None,
    typer.Option(
        "--checkpoint",
        metavar="FILE",
        help="A checkpoint noted earlier, or a proof with one; shows a cut or rewritten history. "
        "May be repeated; those under .evoreg/checkpoints are compared with in any case.",
        show_default=False,
    ),
]


@app.command()
def verify(
    anchor: _Anchor = None,
    checkpoint: _Checkpoints = None,
    key: Keys = None,
    as_json: options.AsJson = False,
) -> None:
    """Prove that nobody changed the books.

    Every hash is recomputed, the tables are compared with the entries, and the ledger with the
    checkpoints that were made of it earlier. The option --key is about those of --checkpoint.
    """
    from evoreg.provenance.ledger.verify import verify as verify_ledger
    from evoreg.provenance.proofs.note import to_base64
    from evoreg.registry.books import existing_ledger, head_from
    from evoreg.registry.checkpoints import kept
    from evoreg.registry.ledger_keys import verifier_keys
    from evoreg.registry.proof_files import checkpoint_in
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    if key and not checkpoint:
        what = "--key says who must have signed a checkpoint, but none is given"
        raise UsageError(Code.USAGE, what, hint="add --checkpoint FILE")
    keys = verifier_keys(key or ())
    given = [checkpoint_in(file, keys).checkpoint for file in checkpoint or ()]
    noted = None if anchor is None else head_from(anchor)
    own = kept(settings)
    compared = tuple(dict.fromkeys((*own.checkpoints, *given)))
    with existing_ledger(settings, strict=False) as ledger:
        report = verify_ledger(ledger, noted, compared)
    problems = (*report.problems, *own.problems)
    code = UNVERIFIED if problems else 0
    if as_json:
        screen.raw(
            {
                "schema": "evoreg/ledger-verify/1",
                "ok": not problems,
                "exit_code": code,
                "entries": report.entries,
                "head": report.head.hash,
                "root": to_base64(report.root),
                "checkpoints": len(compared),
                "errors": [problem_json(problem) for problem in problems],
            }
        )
        raise typer.Exit(code)
    for problem in problems:
        screen.problem(problem, "error", "bold red")
    sign, word = ("no", "broken") if problems else ("ok", "whole")
    screen.data.print(f"{screen.signs[sign]} the ledger is {word}: {report.entries} entries")
    screen.data.print(f"  anchor {report.head.seq}:{report.head.hash}")
    screen.data.print(f"  root   {to_base64(report.root)}")
    alone = "" if compared or problems else ": a cut tail or a rewritten history would not show"
    screen.data.print(f"  compared with {_counted(len(compared), 'checkpoint')}{alone}")
    raise typer.Exit(code)


def _counted(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


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
def decisions(as_json: options.AsJson = False) -> None:
    """List what was decided: entry, time, use, verdict, policy, name of the result, digest."""
    from evoreg.registry.books import existing_ledger
    from evoreg.registry.cli.replayed import decision_line, decision_row
    from evoreg.registry.replay import recorded_decisions
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    with existing_ledger(settings) as ledger:
        rows = [decision_row(item) for item in recorded_decisions(ledger)]
    if as_json:
        screen.document("evoreg/ledger-decisions/1", {"decisions": rows})
        return
    for row in rows:
        screen.data.print(decision_line(row))


@app.command()
def replay(
    decision: Annotated[
        str,
        typer.Argument(
            help="6 digits of its digest, the number of its entry, or a merged folder.",
            show_default=False,
        ),
    ],
    knowledge: Annotated[
        str,
        typer.Option(
            "--knowledge",
            metavar="WHICH",
            help="current: judge by what is known now, and show what that changes. recorded: "
            "refuse unless it is what was known then.",
        ),
    ] = "current",
    as_json: options.AsJson = False,
) -> None:
    """Make a recorded decision again, from what was written down beside it, and compare."""
    from evoreg.policies.knowledge.book import load
    from evoreg.registry.books import existing_ledger
    from evoreg.registry.cli.replayed import replay_json, replay_lines, strict_of
    from evoreg.registry.replay import find_decision, replay_decision
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    strict = strict_of(knowledge)
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    with existing_ledger(settings) as ledger:
        found = find_decision(ledger, decision)
        made = replay_decision(ledger, found, load(), strict=strict)
    code = 0 if made.holds else UNVERIFIED
    if as_json:
        screen.raw({"schema": "evoreg/ledger-replay/1", "exit_code": code, **replay_json(made)})
        raise typer.Exit(code)
    sign = screen.signs["ok" if made.holds else "no"]
    first, *others = replay_lines(made)
    screen.data.print(f"{sign} {first}")
    for line in others:
        screen.data.print(f"  {line}")
    raise typer.Exit(code)


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
