"""``evoreg release``: check a model and its papers, wherever they came from."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from evoreg.registry.cli import options
from evoreg.registry.cli.screen import Screen

app = typer.Typer(help="Releases: a model with its papers and its proofs.", no_args_is_help=True)

_Folder = Annotated[
    Path, typer.Argument(help="Folder of the release, or a copy of it.", show_default=False)
]
_Keys = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        metavar="VKEY|FILE",
        help="Public key of whoever keeps the ledger, or a file with keys; one of them must have "
        "signed the checkpoint.",
    ),
]
_Since = Annotated[
    list[Path] | None,
    typer.Option(
        "--since",
        metavar="CHECKPOINT",
        help="A checkpoint of the same ledger that was kept elsewhere, earlier or later.",
    ),
]
_Growth = Annotated[
    list[Path] | None,
    typer.Option(
        "--growth",
        metavar="FILE",
        help="What `evoreg ledger prove-growth` wrote, to compare checkpoints of different sizes.",
    ),
]
_LedgerPlace = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        metavar="URL|FILE",
        help="The ledger that the release came from, if it is at hand; it is only read.",
    ),
]


@app.command()
def verify(
    folder: _Folder,
    key: _Keys = None,
    since: _Since = None,
    growth: _Growth = None,
    ledger: _LedgerPlace = None,
    as_json: options.AsJson = False,
) -> None:
    """Check a release with nothing but its folder.

    Every byte of the model and of its papers must be what the entries say that the folder carries,
    and these must be proven to be in the ledger of its checkpoint. A key, an earlier checkpoint or
    the ledger itself tell also whose ledger that is and that it was not rewritten.

    Exit code 0: the release holds; 4: it does not; 5: the folder or its proofs are missing, or
    something to compare with is.
    """
    from evoreg.registry.cli.release_text import tell
    from evoreg.registry.releasing.asked import asked_ledger, asked_trust
    from evoreg.registry.releasing.verify import verify_release
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    held = asked_trust(key or (), since or (), growth or ())
    with asked_ledger(ledger, settings) as check:
        report = verify_release(folder, replace(held, ledger=check))
    raise typer.Exit(tell(screen, report, folder))
