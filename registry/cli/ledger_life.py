"""``evoreg ledger``, the commands of its life: carry it on, thin it, see what left."""

import os
from base64 import b64encode
from pathlib import Path
from typing import Annotated

import typer

from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import Code, UsageError
from evoreg.registry.cli import options
from evoreg.registry.cli.carried_file import reading, writing
from evoreg.registry.cli.screen import Screen, plain

app = typer.Typer()

_Address = Annotated[
    str,
    typer.Argument(
        metavar="URL",
        help="sqlite:///path/to/ledger.db or postgresql://user@host/database.",
        show_default=False,
    ),
]


@app.command()
def export(
    file: Annotated[str, typer.Argument(metavar="FILE", help="File to write; - for stdout.")] = "-",
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file if there is one.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Write all entries into a file, to be kept as a backup or imported elsewhere.

    One entry a line (JSON Lines). Every hash is recomputed on the way.
    """
    from evoreg.provenance.ledger.transfer import export_entries
    from evoreg.registry.books import existing_ledger
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    if as_json and file == "-":
        what = "stdout cannot take both the entries and a JSON document"
        raise UsageError(Code.USAGE, what, hint="name a file, or leave out --json")
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    with existing_ledger(settings) as ledger, writing(file, force=force) as stream:
        done = export_entries(ledger, stream)
    told = _told(done.head.seq, done.head.hash, done.root)
    if as_json:
        screen.document("evoreg/ledger-export/1", {"file": file, **told})
        return
    out = screen.talk if file == "-" else screen.data
    where = "stdout" if file == "-" else plain(file)
    out.print(f"{screen.signs['ok']} {where}: {done.head.seq} entries, root {told['root']}")


@app.command("import")
def import_(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="What evoreg ledger export wrote; - for stdin.", show_default=False
        ),
    ],
    into: Annotated[
        str | None,
        typer.Option("--into", metavar="URL", help="Address of the ledger (default: this one)."),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Read a file of entries into an empty ledger, or go on with one that it begins with.

    Every line is checked. All of them are kept, or none.
    """
    from evoreg.provenance.ledger.opening import open_ledger
    from evoreg.provenance.ledger.transfer import import_entries
    from evoreg.registry.settings import now, settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    url = settings.ledger if into is None else into
    with (
        reading(file) as stream,
        open_ledger(url, actor=settings.actor, clock=now) as ledger,
    ):
        done = import_entries(ledger, stream)
        name = ledger.store.name
    told = _told(done.head.seq, done.head.hash, done.root)
    _arrived(screen, "evoreg/ledger-import/1", name, {"added": done.added, **told})


@app.command()
def copy(url: _Address, as_json: options.AsJson = False) -> None:
    """Carry all entries into another ledger: from a file to a server, or back.

    The other one is empty, or has the first of these entries already. Numbers, bytes and hashes
    stay as they are.
    """
    from evoreg.provenance.ledger.opening import open_ledger
    from evoreg.provenance.ledger.transfer import copy_entries
    from evoreg.registry.books import existing_ledger
    from evoreg.registry.settings import now, settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    with (
        existing_ledger(settings) as source,
        open_ledger(url, actor=settings.actor, clock=now) as target,
    ):
        done = copy_entries(source, target)
        name = target.store.name
    told = _told(done.head.seq, done.head.hash, done.root)
    _arrived(screen, "evoreg/ledger-copy/1", name, {"added": done.added, **told})


@app.command()
def prune(
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Why, for the record.")],
    item_scores: Annotated[
        bool, typer.Option("--item-scores", help="The scores of single items.")
    ] = False,
    search: Annotated[
        str | None,
        typer.Option(
            "--search", metavar="NAME", help="Only of this search: name, or digits of its id."
        ),
    ] = None,
    through: Annotated[
        int | None,
        typer.Option(
            "--through", metavar="N", min=1, help="Up to this entry (default: the newest)."
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Keep rows of the tables no longer, and say so in an entry.

    The entries themselves stay, and with them what the rows said.
    """
    from evoreg.registry.books import existing_ledger
    from evoreg.registry.pruning import prune_item_scores
    from evoreg.registry.releasing.carry import check_grown
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    if not item_scores:
        raise UsageError(Code.USAGE, "nothing is named to be pruned", hint="give --item-scores")
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    with existing_ledger(settings) as ledger:
        check_grown(ledger, settings)
        done = prune_item_scores(ledger, search, through, why)
    if as_json:
        screen.document("evoreg/ledger-prune/1", {"entry": done.entry, **done.pruning.to_json()})
        return
    words = f"item scores up to entry {done.pruning.through} are not kept any more"
    screen.data.print(f"{screen.signs['ok']} {words}: entry {done.entry} says so")


@app.command()
def publications(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Newest ones.")] = 20,
    pending: Annotated[
        bool, typer.Option("--pending", help="Only those whose end is not known.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """List what was sent where, and what became of it.

    A publication is prepared before anything leaves this machine. Afterwards it is confirmed, or
    abandoned if nothing arrived.
    """
    from evoreg.provenance.ledger import publications as courses
    from evoreg.registry.books import existing_ledger
    from evoreg.registry.cli.published import course_line, course_row
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    with existing_ledger(settings) as ledger:
        found = courses.pending(ledger) if pending else courses.publications(ledger, limit=limit)
    rows = [course_row(item) for item in (found[-limit:] if pending else reversed(found))]
    if as_json:
        screen.document("evoreg/ledger-publications/1", {"publications": rows})
        return
    for row in rows:
        screen.data.print(course_line(row))


def _told(size: int, digest: str, root: bytes) -> dict[str, Json]:
    return {"entries": size, "head": digest, "root": b64encode(root).decode()}


def _arrived(screen: Screen, schema: str, name: str, told: dict[str, Json]) -> None:
    if screen.json:
        screen.document(schema, {"ledger": name, **told})
        return
    words = f"{told['added']} entries added, {told['entries']} in all, root {told['root']}"
    screen.data.print(f"{screen.signs['ok']} {plain(name)}: {words}")
