"""Carrying out the recipes of a file one after the other, but none that was carried out before.

Each earlier result is a candidate of its own: recorded in the ledger, with its papers, in a folder
that appears whole or not at all. A run that was killed goes on with the first recipe that has no
whole result. The names of these folders, and the files in them, depend on nothing but the recipe
and the weights, so that the last result does not depend on how the work was divided.
"""

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from evoreg.evolve.execution.run import Progress
from evoreg.evolve.planning.plan import Plan
from evoreg.provenance.records.errors import Code, MergeError, OutputError, Problem
from evoreg.registry.merging.course import Course, Result, seed_of, title_of
from evoreg.registry.merging.made import Job, Made, Step
from evoreg.registry.merging.make import check_left_out, make
from evoreg.registry.merging.prepare import Prepared, plan_of
from evoreg.registry.merging.shelf import Kept, Shelf
from evoreg.registry.merging.survey import Leg, Survey, identity_of
from evoreg.registry.settings import Settings

SHARD_SIZE = 5 * 10**9
"""Bytes of tensors in one file of an intermediate result, whatever the user wants for the last one:
masks and ids depend on the digests of these files."""


class Watch(Protocol):
    """Is told how the work goes."""

    def kept(self, number: int, step: Step) -> None:
        """Be told that a result was there already."""

    def merging(self, number: int, name: str, plan: Plan) -> AbstractContextManager[Progress]:
        """Be told that a merge begins; return what is told about its tensors."""

    def finished(self, number: int, step: Step) -> None:
        """Be told that an intermediate result was made."""

    def note(self, problem: Problem) -> None:
        """Be told of something odd that does not stop the work."""


@dataclass(frozen=True)
class Errand:
    """What all merges of a file share."""

    course: Course
    """Recipes, models and decisions."""
    job: Job
    """Where the last result goes, and how everything is made."""
    seed: int | None
    """Seed, if the user gave one."""
    shelf: Shelf
    """Where intermediate results are kept."""
    settings: Settings
    """Where the ledger is."""
    watch: Watch
    """Is told how the work goes."""


def make_all(errand: Errand, seen: Survey) -> Made:
    """Carry out all recipes of a file that were not carried out before.

    Args:
        errand: What to do.
        seen: What is there already.

    Returns:
        The last result, with all steps that led to it.

    Raises:
        RefusedError: Policy forbids it.
        ReviewError: Evidence or a licence text is missing.
        MergeError: Weights cannot be merged.
        InputError: A model changed meanwhile, or the ledger cannot be reached.
        OutputError: A place is taken or the disk is full. Finished intermediate results stay.
    """
    results: dict[str, Result] = {}
    steps: list[Step] = []
    errand.shelf.tidy()
    for number, leg in enumerate(seen.legs[:-1], 1):
        kept, repeated = _stage(errand, leg, results, number)
        results[leg.stage.name] = kept.result
        steps.append(Step(leg.stage.name, kept.candidate.id, kept.entry, kept.folder, repeated))
        tell = errand.watch.kept if repeated else errand.watch.finished
        tell(number, steps[-1])
    prepared, plan = _ready(errand, seen.final, results, final=True)
    with errand.watch.merging(len(seen.legs), "", plan) as progress:
        made = make(prepared, plan, errand.job, errand.settings, progress)
    return replace(made, stages=tuple(steps))


def discard(made: Made) -> None:
    """Remove the intermediate results of a finished merge.

    Args:
        made: The merge.
    """
    for step in made.stages:
        shutil.rmtree(step.folder, ignore_errors=True)


def _ready(
    errand: Errand, leg: Leg, results: dict[str, Result], *, final: bool
) -> tuple[Prepared, Plan]:
    """Return models and plan, anew if they stood on the shadow of a result."""
    if leg.real:
        return leg.prepared, leg.plan
    prepared = errand.course.prepared(leg.stage, results)
    return prepared, plan_of(prepared, seed_of(errand.seed, leg.stage, final=final))


def _stage(errand: Errand, leg: Leg, results: dict[str, Result], number: int) -> tuple[Kept, bool]:
    """Return an intermediate result, and whether it was there already."""
    if leg.kept is not None:
        check_left_out(leg.prepared, leg.kept.candidate.contributions)
        return leg.kept, True
    name, shelf = leg.stage.name, errand.shelf
    prepared, plan = _ready(errand, leg, results, final=False)
    candidate = identity_of(prepared, plan, shelf.rules)
    place = shelf.place(name, prepared, candidate)
    found = shelf.find(prepared, name, candidate)
    if isinstance(found, Kept):
        check_left_out(prepared, found.candidate.contributions)
        return found, True
    if isinstance(found, Problem):
        errand.watch.note(replace(found, hint=f"it was moved to {shelf.set_aside(place)}"))
    job = replace(
        errand.job, out=place, name=title_of(errand.job.name, name), shard_size=SHARD_SIZE
    )
    with errand.watch.merging(number, name, plan) as progress, _told_of(name):
        try:
            make(prepared, plan, job, errand.settings, progress)
        except OutputError as error:
            if error.code is not Code.OUTPUT_EXISTS:
                raise
            # Another process may have been faster; then its result is as good as ours.
    made = shelf.find(prepared, name, candidate)
    if not isinstance(made, Kept):
        raise OutputError(
            Code.OUTPUT_EXISTS,
            f"the intermediate result {name!r} was changed as soon as it was made",
            where=str(place),
            hint="see that nothing else writes into the folder, and merge again",
        )
    return made, False


@contextmanager
def _told_of(name: str) -> Iterator[None]:
    """Say in errors of a merge which recipe they are about."""
    try:
        yield
    except MergeError as error:
        raise MergeError.of(
            [replace(item, where=f"{name}: {item.where}") for item in error.problems]
        ) from error
