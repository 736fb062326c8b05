"""``evoreg model refresh``: look again at registered models, and tell whose terms changed."""

import os
from pathlib import Path
from typing import Annotated

import typer

from evoreg.provenance.records.canonical import Json
from evoreg.registry.cli import options
from evoreg.registry.cli.exits import OK
from evoreg.registry.cli.screen import Screen


def refresh(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Names of registered models (default: all)."),
    ] = None,
    offline: options.Offline = False,
    as_json: options.AsJson = False,
) -> None:
    """Look again at registered models, and record what changed.

    Compared are licence, licence texts, parents, weights and commit with the newest registration of
    each name: at the default branch of the Hub, or in the folder. Nothing is ever removed.

    Exit code 0: nothing that matters changed; 5: a model could not be looked at; 8: a licence
    changed or vanished, or the Hub does not show a model any more: a person must look.
    """
    from evoreg.registry.books import existing_ledger
    from evoreg.registry.cli.refreshed import exit_code, lines, row
    from evoreg.registry.models.hashing import DigestCache
    from evoreg.registry.models.refresh import Lookout, Refreshed
    from evoreg.registry.models.refresh import refresh as look_again
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=offline)
    lookout = Lookout(DigestCache(settings.project / "digests.sqlite").digest, settings.offline)
    seen: list[Refreshed] = []
    with existing_ledger(settings) as ledger:
        for item in look_again(ledger, names or (), lookout):
            seen.append(item)
            for line in () if as_json else lines(screen, item):
                screen.data.print(line)
    code = exit_code(seen)
    if as_json:
        rows: list[Json] = [row(item) for item in seen]
        content: dict[str, Json] = {"ok": code == OK, "exit_code": code, "models": rows}
        screen.raw({"schema": "evoreg/model-refresh/1", **content})
    raise typer.Exit(code)
