"""``evoreg ledger`` for people elsewhere: keys, checkpoints, proofs, and checking them."""

import os
import secrets
from pathlib import Path
from typing import Annotated

import typer

from evoreg.registry.cli import options
from evoreg.registry.cli.screen import Screen

app = typer.Typer()

_Out = Annotated[
    str, typer.Option("--out", metavar="FILE", help="File to write (default: stdout).")
]
_Force = Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")]
Keys = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        metavar="VKEY|FILE",
        help="Public key, or a file with one a line, of who must have signed; may be repeated, "
        "one signature is enough.",
    ),
]


@app.command()
def keygen(
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            help="Name of the key, such as example.org/books (default: the origin of the ledger).",
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Make the key that signs checkpoints.

    The secret key is .evoreg/ledger.key; give the public one, .evoreg/ledger.pub, to whoever shall
    check. A key that is there is never replaced.
    """
    from evoreg.registry.ledger_keys import make_key
    from evoreg.registry.proving import key_name
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    chosen = key_name(settings) if name is None else name
    file, public = make_key(settings, chosen, secrets.token_bytes(32))
    if as_json:
        told = {"name": public.name, "public": str(public), "file": str(file)}
        screen.document("evoreg/ledger-key/1", told)
        return
    screen.talk.print(f"{screen.signs['ok']} the secret key is in {file}: keep a copy, show nobody")
    screen.data.print(str(public))


@app.command()
def checkpoint(
    out: _Out = "-",
    size: Annotated[
        int | None,
        typer.Option("--size", min=1, metavar="N", help="Of the first N entries (default: all)."),
    ] = None,
    force: _Force = False,
    as_json: options.AsJson = False,
) -> None:
    """Write down what the ledger is now, in three lines, signed if there is a key.

    Keep it where nobody who may change the ledger can reach it. A copy is kept under
    .evoreg/checkpoints, and every later check of the ledger compares with that.
    """
    from evoreg.registry.books import existing_ledger
    from evoreg.registry.cli.proof_told import tell_made
    from evoreg.registry.proving import prove_state
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    with existing_ledger(settings) as ledger:
        proof = prove_state(settings, ledger, size)
    tell_made(screen, proof, "a checkpoint", out, force=force)


@app.command()
def prove(
    entry: Annotated[int, typer.Argument(min=1, help="Its number.", show_default=False)],
    out: _Out = "-",
    force: _Force = False,
    as_json: options.AsJson = False,
) -> None:
    """Prove that an entry is in the ledger, to somebody who does not have it.

    The file (.tlog-proof) holds the entry, its way to the root of all entries, and a checkpoint.
    """
    from evoreg.registry.books import existing_ledger
    from evoreg.registry.cli.proof_told import tell_made
    from evoreg.registry.proving import prove_entry
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    with existing_ledger(settings) as ledger:
        proof = prove_entry(settings, ledger, entry)
    tell_made(screen, proof, f"proof of entry {entry}", out, force=force)


@app.command("prove-growth")
def growth(
    old_checkpoint: Annotated[
        Path, typer.Argument(help="File with an earlier checkpoint.", show_default=False)
    ],
    out: _Out = "-",
    force: _Force = False,
    as_json: options.AsJson = False,
) -> None:
    """Prove that the ledger has only grown since an earlier checkpoint: nothing was rewritten."""
    from evoreg.registry.books import existing_ledger
    from evoreg.registry.cli.proof_told import tell_made
    from evoreg.registry.proving import earlier_checkpoint, prove_growth
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    earlier = earlier_checkpoint(old_checkpoint)
    with existing_ledger(settings) as ledger:
        proof = prove_growth(settings, ledger, earlier)
    tell_made(screen, proof, f"proof of growth since {earlier.size} entries", out, force=force)


@app.command()
def check(
    file: Annotated[
        Path,
        typer.Argument(
            help="A checkpoint, a proof of an entry, or a proof of growth.", show_default=False
        ),
    ],
    key: Keys = None,
    since: Annotated[
        Path | None,
        typer.Option("--since", metavar="FILE", help="Earlier checkpoint that it must continue."),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Check a checkpoint or a proof; no ledger is needed.

    Without --key no signature is checked: the file then only agrees with itself.
    """
    from evoreg.registry.cli.proof_told import tell_checked
    from evoreg.registry.ledger_keys import verifier_keys
    from evoreg.registry.proving import check_file, earlier_checkpoint

    screen = Screen.open(as_json=as_json)
    keys = verifier_keys(key or ())
    earlier = None if since is None else earlier_checkpoint(since)
    tell_checked(screen, file, check_file(file, keys, earlier))
