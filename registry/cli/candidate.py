"""``evoreg candidate``: what searches tried and merges made, and how to make it again."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import Code, OutputError
from evoreg.registry.cli import options
from evoreg.registry.cli.report_file import write_report
from evoreg.registry.cli.screen import Screen, print_table, styled

app = typer.Typer(
    help="Candidates: what searches tried and merges made, with recipe, scores and shares.",
    no_args_is_help=True,
)

_Search = Annotated[
    str | None,
    typer.Argument(
        help="Name of a search, or the first digits of its id (default: the newest).",
        show_default=False,
    ),
]
_Id = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="Id of a candidate, or its first digits, with or without sha256:.",
        show_default=False,
    ),
]


class Sort(StrEnum):
    """How candidates are sorted."""

    FITNESS = "fitness"
    GENERATION = "generation"


@app.command()
def searches(as_json: options.AsJson = False) -> None:
    """List the searches: id, time, candidates, best fitness, whether they came to an end."""
    from evoreg.registry.books import existing_ledger
    from evoreg.registry.cli.candidate_json import search_row
    from evoreg.registry.cli.candidate_text import searches_table
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    with existing_ledger(settings) as ledger:
        found = [(item, ledger.tally(item.search.id)) for item in ledger.searches()]
    if as_json:
        rows: list[Json] = [search_row(*item) for item in found]
        screen.document("evoreg/candidate-searches/1", {"searches": rows})
        return
    if not found:
        screen.talk.print("no search is recorded here")
        return
    print_table(screen.data, searches_table(found))


@app.command("list")
def list_(
    search: _Search = None,
    sort: Annotated[
        Sort, typer.Option("--sort", help="The best first, or as they were tried.")
    ] = Sort.FITNESS,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=0, help="At most so many; 0 shows all.")
    ] = 20,
    failed: Annotated[bool, typer.Option("--failed", help="Only those that failed.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """List what a search tried: generation, origin, fitness, scores, id."""
    from evoreg.provenance.ledger.search_values import Wanted
    from evoreg.registry.books import existing_ledger
    from evoreg.registry.candidate_standing import listed
    from evoreg.registry.candidates import find_search
    from evoreg.registry.cli.candidate_json import candidate_row, search_row
    from evoreg.registry.cli.candidate_text import candidates_table, list_notes
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    tried = failed or sort is Sort.GENERATION
    order: Literal["course", "fitness"] = "course" if tried else "fitness"
    wanted = Wanted(failed=True if failed else None, order=order, limit=limit or None)
    with existing_ledger(settings) as ledger:
        found, same = find_search(ledger, search)
        rows, winner = listed(ledger, found.search.id, wanted)
        tally = ledger.tally(found.search.id)
    if as_json:
        content: dict[str, Json] = {
            "search": search_row(found, tally),
            "candidates": [candidate_row(row, winner) for row in rows],
        }
        screen.document("evoreg/candidate-list/1", content)
        return
    for note in list_notes(found, same, named=search is not None):
        screen.talk.print(note)
    print_table(screen.data, candidates_table(rows, winner))
    whole = tally.failed if failed else tally.evaluations
    if len(rows) < whole:
        screen.talk.print(f"{len(rows)} of {whole}; --limit 0 shows all")


@app.command()
def show(candidate: _Id, as_json: options.AsJson = False) -> None:
    """Show what is known about a candidate.

    Genome, recipe, parents, scores with their standard errors, shares, time, failure, seeds and
    versions; for candidates that were merged also what was written.
    """
    from evoreg.registry.books import existing_ledger
    from evoreg.registry.candidates import find_candidate
    from evoreg.registry.cli.candidate_json import found_json
    from evoreg.registry.cli.candidate_text import found_lines
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    with existing_ledger(settings) as ledger:
        found = find_candidate(ledger, candidate)
    if as_json:
        screen.document("evoreg/candidate-show/1", found_json(found))
        return
    for line in found_lines(found, screen.signs):
        screen.data.print(line)


@app.command()
def export(
    candidate: _Id,
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE.yml", help="File to write; - for stdout.", show_default=False
        ),
    ],
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file if there is one.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Write the recipe of a candidate, to be merged by evoreg merge.

    A merge of the file with the seed in its head gives the same candidate.
    """
    from evoreg.registry.books import existing_ledger
    from evoreg.registry.candidate_recipe import recipe_text
    from evoreg.registry.candidates import export_of, find_candidate
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=True)
    with existing_ledger(settings) as ledger:
        made = export_of(ledger, find_candidate(ledger, candidate), Path.cwd())
    text = recipe_text(made, "RECIPE.yml" if recipe == "-" else recipe)
    if recipe != "-":
        _check_free(Path(recipe), force=force)
        _write(Path(recipe), text)
    if as_json:
        content: dict[str, Json] = {
            "candidate": made.candidate,
            "seed": made.seed,
            "file": None if recipe == "-" else recipe,
            "recipe": text,
        }
        screen.document("evoreg/candidate-export/1", content)
    elif recipe == "-":
        sys.stdout.write(text)
    else:
        line = f"{screen.signs['ok']} {recipe}: evoreg merge {recipe} OUT --seed {made.seed}"
        screen.data.print(styled(line))


def _check_free(path: Path, *, force: bool) -> None:
    if path.is_dir() or (not force and (path.exists() or path.is_symlink())):
        hint = "name another file" if path.is_dir() else "name another file, or give --force"
        what = "this is a folder" if path.is_dir() else "this file is there already"
        raise OutputError(Code.OUTPUT_EXISTS, what, where=str(path), hint=hint)


def _write(path: Path, text: str) -> None:
    try:
        write_report(path, text)
    except OutputError as error:
        what = error.problems[0].what.replace("the report", "the recipe")
        hint = "name a file in a folder that is there and may be written"
        raise OutputError(error.code, what, where=str(path), hint=hint) from error
