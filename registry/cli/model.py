"""``evoreg model``: register models and record what is known about their licences."""

import os
from pathlib import Path
from typing import Annotated

import typer

from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import Code, UsageError
from evoreg.registry.cli import options
from evoreg.registry.cli.screen import Screen, print_table, problem_json, styled

app = typer.Typer(
    help="Models: register them, look at them, claim their licences.", no_args_is_help=True
)

_Reference = Annotated[
    str, typer.Argument(help="Folder, or org/name[@revision], perhaps with +adapter.")
]
_Wanted = Annotated[
    str, typer.Argument(help="Name of a registered model, name@revision, or sha256:...")
]


@app.command()
def add(
    reference: _Reference, offline: options.Offline = False, as_json: options.AsJson = False
) -> None:
    """Register a model at its exact state.

    Recorded are its files with their digests, its card and its licence files.
    """
    from evoreg.provenance.ledger.opening import open_ledger
    from evoreg.registry.models.catalogue import add_model
    from evoreg.registry.models.hashing import DigestCache
    from evoreg.registry.models.resolve import resolve
    from evoreg.registry.settings import now, settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=offline)
    cache = DigestCache(settings.project / "digests.sqlite")
    found = resolve(
        reference, base_folder=Path.cwd(), hasher=cache.digest, offline=settings.offline
    )
    with open_ledger(settings.ledger, actor=settings.actor, clock=now) as ledger:
        done = add_model(ledger, found)
    for problem in found.problems:
        screen.warning(problem)
    if as_json:
        content: dict[str, Json] = {
            "added": done.added,
            "entry": done.entry.seq,
            "identity": done.entry.model.identity,
            "model": done.entry.model.to_json(),
            "warnings": [problem_json(problem) for problem in found.problems],
        }
        screen.document("evoreg/model-add/1", content)
        return
    word = "registered" if done.added else "known already"
    screen.data.print(
        styled(f"{screen.signs['ok']} {found.model.label}: {word}, entry {done.entry.seq}")
    )


@app.command("list")
def list_(as_json: options.AsJson = False) -> None:
    """List the registered models."""
    from evoreg.registry.books import existing_ledger
    from evoreg.registry.cli.models import models_table
    from evoreg.registry.models.catalogue import list_models
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    with existing_ledger(settings) as ledger:
        entries = list_models(ledger)
    if as_json:
        rows = [
            {
                "entry": item.seq,
                "name": item.model.name,
                "revision": item.model.revision,
                "identity": item.model.identity,
                "license": list(item.model.card.license),
            }
            for item in entries
        ]
        screen.document("evoreg/model-list/1", {"models": rows})
        return
    print_table(screen.data, models_table(entries))


@app.command()
def show(wanted: _Wanted, as_json: options.AsJson = False) -> None:
    """Show what the ledger knows about a model."""
    from evoreg.registry.books import existing_ledger
    from evoreg.registry.cli.models import model_lines
    from evoreg.registry.models.catalogue import show_model
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    with existing_ledger(settings) as ledger:
        shown = show_model(ledger, wanted)
    if as_json:
        content: dict[str, Json] = {
            "entry": shown.entry.seq,
            "location": shown.entry.location,
            "identity": shown.entry.model.identity,
            "model": shown.entry.model.to_json(),
            "claims": [claim.to_json() for claim in shown.claims],
        }
        screen.document("evoreg/model-show/1", content)
        return
    for line in model_lines(shown):
        screen.data.print(line)


@app.command()
def claim(
    wanted: _Wanted,
    license_: Annotated[
        str, typer.Option("--license", help="Hub id, licence key, or SPDX expression.")
    ],
    evidence: Annotated[
        str, typer.Option("--evidence", help="Address (https://...) or file that shows it.")
    ],
    note: Annotated[str, typer.Option("--note", help="Anything worth knowing.")] = "",
    by: Annotated[str | None, typer.Option("--by", help="Who says so (default: you).")] = None,
    as_json: options.AsJson = False,
) -> None:
    """Record what is known about a licence.

    It needs evidence, and is never removed: a later claim can only answer it.
    """
    from evoreg.registry.books import existing_ledger
    from evoreg.registry.cli.models import check_expression
    from evoreg.registry.models.catalogue import Statement, claim_license, find_model
    from evoreg.registry.settings import now, settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    at = now().strftime("%Y-%m-%dT%H:%M:%SZ")
    if not evidence.strip():
        hint = "an address (https://...), or a file that you keep"
        raise UsageError(Code.USAGE, "a claim needs evidence", where="--evidence", hint=hint)
    statement = Statement(license_, by or settings.actor, at, evidence, note)
    with existing_ledger(settings) as ledger:
        model = find_model(ledger, wanted)
        made = claim_license(ledger, model, statement, check_expression)
    if as_json:
        screen.document("evoreg/model-claim/1", {"claim": made.to_json()})
        return
    screen.data.print(
        styled(f"{screen.signs['ok']} recorded: {made.model} is under {made.expression}")
    )
