"""``evoreg demo``: the main job on the models that ship with evoreg."""

import os
from pathlib import Path
from typing import Annotated

import typer

from evoreg.registry.cli import options
from evoreg.registry.cli.screen import Screen

_Folder = Annotated[Path, typer.Argument(help="Folder for the ledger and the merged model.")]


def demo(folder: _Folder = Path("evoreg-demo"), as_json: options.AsJson = False) -> None:
    """See the main job on models that come along.

    Register three sources, refuse one merge, make another, evaluate it, show who is inside.
    """
    from evoreg.registry.cli.showcase import showcase
    from evoreg.registry.merging.output import translated
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    with translated(folder):
        folder.mkdir(parents=True, exist_ok=True)
    # A demo has no business in the books that somebody keeps.
    environment = {key: value for key, value in os.environ.items() if key != "EVOREG_LEDGER"}
    settings = settings_from(environment, folder.absolute(), offline=True)
    showcase(screen, folder, settings)
