"""``evoreg demo``: the main job on the models that ship with evoreg."""

import os
from pathlib import Path
from typing import Annotated

import typer

from evoreg.registry.cli import options
from evoreg.registry.cli.screen import Screen

_Folder = Annotated[Path, typer.Argument(help="Folder for the ledger and the merged model.")]


def demo(folder: _Folder = Path("evoreg-demo"), as_json: options.AsJson = False) -> None:
    """Register three sources, refuse one merge, make another, evaluate it, show who is inside."""
    from evoreg.registry.cli.showcase import showcase
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    folder.mkdir(parents=True, exist_ok=True)
    settings = settings_from(os.environ, folder.absolute(), offline=True)
    showcase(screen, folder, settings)
