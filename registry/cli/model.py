"""``evoreg model``: register models and record what is known about their licences."""

import os
from pathlib import Path
from typing import Annotated

import typer

from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import Code, UsageError
from evoreg.registry.cli import options
from evoreg.registry.cli.refresh import refresh as refresh_command
from evoreg.registry.cli.screen import Screen, print_table, problem_json, styled

app = typer.Typer(
    help="Models: register them, look at them, say what is known about licences and parents.",
    no_args_is_help=True,
)
app.command("refresh")(refresh_command)

_Reference = Annotated[
    str, typer.Argument(help="Folder, or org/name[@revision], perhaps with +adapter.")
]
_Wanted = Annotated[
    str, typer.Argument(help="Name of a registered model, name@revision, or sha256:...")
]
_Evidence = Annotated[
    str, typer.Option("--evidence", help="Address (https://...) or file that shows it.")
]
_Note = Annotated[str, typer.Option("--note", help="Anything worth knowing.")]
_By = Annotated[str | None, typer.Option("--by", help="Who says so (default: you).")]


@app.command()
def add(
    reference: _Reference, offline: options.Offline = False, as_json: options.AsJson = False
) -> None:
    """Register a model at its exact state.

    Recorded are its files with their digests, its card, the words of its licence files, and what
    card, recipe and adapter settings in its folder say about its parents.
    """
    from evoreg.provenance.ledger.opening import open_ledger
    from evoreg.registry.models.catalogue import add_model
    from evoreg.registry.models.hashing import DigestCache
    from evoreg.registry.models.resolve import resolve
    from evoreg.registry.releasing.carry import check_grown
    from evoreg.registry.settings import now, settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=offline)
    cache = DigestCache(settings.project / "digests.sqlite")
    found = resolve(
        reference, base_folder=Path.cwd(), hasher=cache.digest, offline=settings.offline
    )
    with open_ledger(settings.ledger, actor=settings.actor, clock=now) as ledger:
        check_grown(ledger, settings)
        done = add_model(ledger, found)
    problems = (*found.problems, *done.problems)
    for problem in problems:
        screen.warning(problem)
    if as_json:
        content: dict[str, Json] = {
            "added": done.added,
            "edges": [edge.to_json() for edge in done.edges],
            "texts": [text.digest for text in done.texts],
            "entry": done.entry.seq,
            "identity": done.entry.model.identity,
            "model": done.entry.model.to_json(),
            "warnings": [problem_json(problem) for problem in problems],
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
    from evoreg.registry.cli.models import model_lines, papers
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
            "edges": [edge.to_json() for edge in shown.edges],
            "texts": [dict(row) for row in papers(shown)],
        }
        screen.document("evoreg/model-show/1", content)
        return
    for line in model_lines(shown):
        screen.data.print(line)


@app.command()
def claim(
    wanted: _Wanted,
    evidence: _Evidence,
    license_: Annotated[
        str,
        typer.Option(
            "--license", help="Hub id, licence key, or SPDX expression.", show_default=False
        ),
    ] = "",
    rider: Annotated[
        list[str] | None,
        typer.Option(
            "--rider",
            metavar="KIND[=VALUE]",
            help="Term beside the licence: name-prefix=WORDS, display=WORDS, hosting-forbidden, "
            "commercial-forbidden or sharing-forbidden; may be given again.",
        ),
    ] = None,
    note: _Note = "",
    by: _By = None,
    as_json: options.AsJson = False,
) -> None:
    """Record what is known about a licence, and terms that bind beside it.

    It needs evidence, and is never removed: a later claim can only answer it.
    """
    from evoreg.registry.books import existing_ledger
    from evoreg.registry.cli.models import check_expression
    from evoreg.registry.models.catalogue import find_model
    from evoreg.registry.models.statements import Statement, claim_license
    from evoreg.registry.releasing.carry import check_grown
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    _check_evidence(evidence, "a claim")
    riders = tuple(rider or ())
    if not license_.strip() and not riders:
        hint = "give --license, --rider, or both"
        raise UsageError(Code.USAGE, "the claim says nothing", where="--license", hint=hint)
    with existing_ledger(settings) as ledger:
        check_grown(ledger, settings)
        who, at = ledger.signature()
        who = who if by is None else by
        statement = Statement(license_, who, at, evidence, note, riders)
        made = claim_license(ledger, find_model(ledger, wanted), statement, check_expression)
    if as_json:
        screen.document("evoreg/model-claim/1", {"claim": made.to_json()})
        return
    told = [f"is under {made.expression}"] if made.expression else []
    told += [f"has the rider {item.kind}" for item in made.riders]
    screen.data.print(styled(f"{screen.signs['ok']} recorded: {made.model} {' and '.join(told)}"))


@app.command()
def parent(
    child: _Wanted,
    parent_: Annotated[
        str,
        typer.Argument(
            metavar="PARENT", help="Name of a registered model, org/name[@commit], or a dataset."
        ),
    ],
    relation: Annotated[
        str,
        typer.Option(
            "--relation",
            metavar="finetune|merge|adapter|quantized|distilled|synthetic_data|dataset",
            help="How the parent reached the child.",
        ),
    ],
    evidence: _Evidence,
    note: _Note = "",
    by: _By = None,
    as_json: options.AsJson = False,
) -> None:
    """Record what a model was made from.

    It needs evidence, and is never removed. The terms of a parent reach its children.
    """
    from evoreg.registry.books import existing_ledger
    from evoreg.registry.models.catalogue import find_model
    from evoreg.registry.models.statements import Statement, state_parent
    from evoreg.registry.releasing.carry import check_grown
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    _check_evidence(evidence, "a parent")
    with existing_ledger(settings) as ledger:
        check_grown(ledger, settings)
        who, at = ledger.signature()
        statement = Statement("", who if by is None else by, at, evidence, note)
        model = find_model(ledger, child)
        made = state_parent(ledger, model, (parent_, relation), statement)
    if as_json:
        screen.document("evoreg/model-parent/1", {"edge": made.to_json()})
        return
    screen.data.print(
        styled(f"{screen.signs['ok']} recorded: {made.parent} is a parent of {made.child}")
    )


def _check_evidence(text: str, what: str) -> None:
    if not text.strip():
        hint = "an address (https://...), or a file that you keep"
        raise UsageError(Code.USAGE, f"{what} needs evidence", where="--evidence", hint=hint)
