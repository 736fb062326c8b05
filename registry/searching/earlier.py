"""Searches that were recorded before: the one to go on with, and those to learn from."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from evoreg.evolve.search.warm import Known, warm_genomes
from evoreg.evolve.spaces.space import Space
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.search_values import RecordedSearch
from evoreg.provenance.records.digest import short
from evoreg.provenance.records.errors import Code, UsageError
from evoreg.provenance.records.search import Search
from evoreg.registry.merging.output import output_error
from evoreg.registry.searching.record import differences, same_search
from evoreg.registry.searching.stages import Begun
from evoreg.registry.settings import Settings

Manner = Literal["new", "resume", "again", "either"]
"""How a search is begun: it must be new, go on, or run once more; or go on if it was begun."""

_LISTED = 5
_SEARCHED = ("sampled", "injected")
"""What was scored on the train split; a warm start from other scores would learn the test split."""


@dataclass(frozen=True)
class Begin:
    """The record under which a search runs."""

    search: Search
    """The record."""
    recorded: RecordedSearch | None
    """Its entry; nothing if it is still to be written."""


def begin(ledger: Ledger, mine: Search, manner: Manner) -> Begin:
    """Decide whether a search begins or goes on.

    Args:
        ledger: An open ledger.
        mine: The search as it would be recorded now, as a first run.
        manner: How the user wants to begin.

    Returns:
        The record to search under; for a search that had ended its newest run.

    Raises:
        UsageError: It was begun and not ended, and nobody said what to do (SEARCH_BEGUN); or it
            shall go on and was never begun (SEARCH_UNKNOWN): unfinished searches are told, with
            what is different.
    """
    called = [item for item in ledger.search(mine.name) if item.search.name == mine.name]
    runs = sorted(
        (item for item in called if same_search(item.search, mine)),
        key=lambda item: item.search.run,
    )
    if not runs:
        if manner == "resume":
            raise _unknown(ledger, mine)
        return Begin(mine, None)
    newest = runs[-1]
    if manner == "again":
        number = newest.search.run + 1
        return Begin(mine.model_copy(update={"run": number}), None)
    ended = ledger.result(newest.search.id) is not None
    if not ended and manner == "new":
        raise UsageError(
            Code.SEARCH_BEGUN,
            f"this search was begun at {newest.at} and did not come to its end",
            where=f"search {mine.name} ({short(newest.search.id)})",
            hint="go on with --resume, or begin a new run with --again",
        )
    return Begin(newest.search, newest)


def warm_start(ledger: Ledger, mine: Search, space: Space) -> Begun:
    """Return where a search should begin by what earlier ones found.

    Args:
        ledger: An open ledger.
        mine: The search.
        space: Its first space.

    Returns:
        The middle of the best tenth of all candidates that were scored before over the same models
        at the same tasks, and the very best to be tried again; nothing if there are none.
    """
    known = [
        Known(dict(zip(names, evaluation.genome, strict=True)), sum(map(float, evaluation.fitness)))
        for search, names in _like(ledger, mine)
        for recorded in ledger.evaluations(search.id, stage=0)
        if (evaluation := recorded.evaluation).origin in _SEARCHED
        and evaluation.fitness
        and len(evaluation.genome) == len(names)
    ]
    found = warm_genomes(space.genes, known)
    return Begun(found.start, found.injected) if found.known else Begun()


def _like(ledger: Ledger, mine: Search) -> Iterator[tuple[Search, tuple[str, ...]]]:
    """Yield the searches over the same weights and tasks, with the names of their genes."""
    weights = {item.identity for item in mine.ingredients}
    for item in ledger.searches():
        other = item.search
        same = {ingredient.identity for ingredient in other.ingredients} == weights
        if same and other.tasks == mine.tasks and other.genes:
            yield other, tuple(gene.name for gene in other.genes)


def _unknown(ledger: Ledger, mine: Search) -> UsageError:
    waiting = [item for item in ledger.searches() if ledger.result(item.search.id) is None]
    near = [item for item in waiting if item.search.name == mine.name] or waiting
    told = "; ".join(_described(item, mine) for item in near[-_LISTED:])
    hint = (
        f"unfinished here: {told}" if told else "no search is unfinished here; leave --resume out"
    )
    what = "no search on record is the same as this one"
    return UsageError(Code.SEARCH_UNKNOWN, what, where=f"search {mine.name}", hint=hint)


def _described(item: RecordedSearch, mine: Search) -> str:
    different = differences(item.search, mine)
    told = ", ".join(different[:_LISTED]) + (", ..." if len(different) > _LISTED else "")
    return f"{item.search.name} of {item.at} ({short(item.search.id)}), different in {told}"


@contextmanager
def alone(settings: Settings, search: Search) -> Iterator[None]:
    """Hold a search, so that no other process of this machine writes generations of it.

    Args:
        settings: Where the project folder is.
        search: The search.

    Yields:
        Nothing; the search is let go afterwards, also when the process is killed.

    Raises:
        UsageError: Another process is at it.
        OutputError: The project folder cannot be written.
    """
    folder = settings.project / "searches"
    path = folder / f"{search.id.removeprefix('sha256:')[:32]}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise output_error(error, folder) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(
                Code.SEARCH_BEGUN,
                "another process is carrying this search out",
                where=f"search {search.name} ({short(search.id)})",
                hint="wait for it, or stop it and go on with --resume",
            ) from error
        yield
    finally:
        os.close(handle)
