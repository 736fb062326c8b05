"""One search on the screen, from the first model to the merged winner."""

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import typer

from evoreg.evolve.execution.run import RULES
from evoreg.evolve.planning.plan import Plan
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.digest import short
from evoreg.provenance.records.errors import (
    Code,
    OutputError,
    Problem,
    RefusedError,
    ReviewError,
)
from evoreg.registry.cli.evolve_json import (
    SCHEMA,
    finished_json,
    gate_json,
    outbound_json,
    plan_json,
)
from evoreg.registry.cli.evolve_text import (
    show_left_out,
    show_outbound,
    show_plan,
    show_reaches,
    show_result,
    warn_of_runtime,
)
from evoreg.registry.cli.evolve_watch import Watching
from evoreg.registry.cli.gate import show_checked, show_disclaimer
from evoreg.registry.cli.merging import refused, show_summary
from evoreg.registry.cli.screen import Screen, styled
from evoreg.registry.cli.steps import Steps, show_stages
from evoreg.registry.merging.device import check_device
from evoreg.registry.merging.made import Job, Made, refuse, refuse_without
from evoreg.registry.merging.output import check_place
from evoreg.registry.merging.shelf import shelf_of
from evoreg.registry.merging.stages import SHARD_SIZE, Errand, make_all
from evoreg.registry.merging.survey import survey
from evoreg.registry.models.resolve import ResolvedModel
from evoreg.registry.searching.conduct import conduct, papers_missing
from evoreg.registry.searching.earlier import Manner
from evoreg.registry.searching.finished import Finished, front_of, tested
from evoreg.registry.searching.gate import Gate, find, gate
from evoreg.registry.searching.outbound import Reach, reaches
from evoreg.registry.searching.setup import Conduct, Draft, draft
from evoreg.registry.searching.wanted import Wanted
from evoreg.registry.searching.winner import (
    check_made,
    check_planned,
    question_about,
    winner_course,
    winner_text,
)
from evoreg.registry.settings import Settings, evoreg_version


@dataclass(frozen=True)
class Trip:
    """A search, where its winner goes, and how it is carried out."""

    wanted: Wanted
    """What is searched."""
    out: Path
    """Folder of the winner."""
    manner: Manner = "new"
    """Whether it must be new, goes on, or runs once more."""
    device: str = "cpu"
    """Where models run."""
    threads: int | None = None
    """Threads; nothing lets torch choose."""
    allow_code: bool = False
    """Whether code that the search file names may be run."""
    dry_run: bool = False
    """Whether nothing shall be searched."""
    per_outbound: bool = False
    """Whether each outbound licence gets a search of its own."""


def evolve_as_asked(screen: Screen, trip: Trip, settings: Settings) -> None:
    """Carry out whatever was asked for: a search, a plan of it, or one for each licence.

    Args:
        screen: Where to print.
        trip: What is searched, and how.
        settings: Ledger and caches.

    Raises:
        typer.Exit: Policy stopped it; its reasons were shown.
        EvoregError: Anything else that stops the search.
    """
    if trip.per_outbound:
        _each(screen, trip, settings)
    elif trip.dry_run:
        found = _permitted(screen, trip, settings)
        _pass(screen, trip, found)
        _plan(screen, trip, found, settings)
    else:
        evolve_on(screen, trip, settings)


def evolve_on(screen: Screen, trip: Trip, settings: Settings) -> Finished:
    """Carry out one search and show it; as JSON if the screen is for that.

    Args:
        screen: Where to print.
        trip: What is searched, and how.
        settings: Ledger and caches.

    Returns:
        The search, its winner and the merge.

    Raises:
        typer.Exit: Policy stopped it; its reasons were shown.
        EvoregError: Anything else that stops the search.
    """
    trip = replace(trip, device=check_device(trip.device))
    found = _permitted(screen, trip, settings)
    _pass(screen, trip, found)
    finished = _one(screen, trip, found, settings)
    if screen.json:
        screen.document(SCHEMA, finished_json(finished))
    return finished


def _permitted(screen: Screen, trip: Trip, settings: Settings) -> Gate:
    """Find the models and ask policy which may enter, once the place of the result is free."""
    if trip.manner != "resume" and not trip.dry_run:
        check_place(trip.out)
    head = f"evoreg {evoreg_version()} {screen.signs['dot']} {trip.wanted.file}"
    screen.talk.print(styled(head, "dim"))
    found = gate(find(trip.wanted, settings, _Found(screen), papers_only=trip.dry_run))
    show_left_out(screen, found)
    return found


class _Found:
    """Tells of each model that was found."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def __call__(self, model: ResolvedModel) -> None:
        size = sum(file.size for file in model.model.weights)
        line = f"  found {model.model.label}  {size:,} bytes  {short(model.model.identity)}"
        self._screen.talk.print(styled(line, "dim"))


def _pass(screen: Screen, trip: Trip, found: Gate) -> None:
    """Show the gate, and stop unless it is passed."""
    checked = found.checked()
    show_checked(screen, checked)
    show_disclaimer(screen, [checked], trip.wanted.question.today)
    try:
        refuse(found.decision)
    except (RefusedError, ReviewError) as error:
        raise typer.Exit(refused(screen, error, trip.out)) from error


def _plan(screen: Screen, trip: Trip, found: Gate, settings: Settings) -> None:
    """Show what would be searched."""
    absent = [m.model.label for m in found.inside.values() if not m.complete]
    if absent:
        what = f"the weights of {', '.join(absent)} are not here: genes and cost are not known"
        hint = "evoreg evolve without --dry-run fetches them"
        screen.warning(Problem(Code.INPUT_MISSING, what, hint=hint))
        if screen.json:
            told: dict[str, Json] = {"dry_run": True, "absent": [*absent]}
            screen.document(SCHEMA, {**told, "gate": gate_json(found)})
        return
    decision = found.recorded(found.inquiry()).record_digest()
    drafted = draft(found, decision, settings, _conduct(trip))
    show_plan(screen, drafted, whole=True)
    for problem in papers_missing(drafted, _title(trip), settings):
        screen.warning(problem)
    if screen.json:
        screen.document(SCHEMA, {"dry_run": True, **plan_json(drafted)})


def _one(screen: Screen, trip: Trip, found: Gate, settings: Settings) -> Finished:
    """Search, and merge the winner."""
    inquiry = found.inquiry()
    drafted = draft(found, found.recorded(inquiry).record_digest(), settings, _conduct(trip))
    try:
        refuse_without(papers_missing(drafted, _title(trip), settings))
    except ReviewError as error:
        raise typer.Exit(refused(screen, error, trip.out)) from error
    watch = Watching(screen, found.form.budget, lambda: _begin(screen, trip, drafted))
    with watch.way_on():
        with watch:
            conducted = conduct(drafted, inquiry, settings, trip.manner, watch)
        ended = time.monotonic()
        finished = Finished(found, conducted, tested(conducted, settings), trip.out)
        finished = replace(finished, front=front_of(conducted, settings))
        if _free(trip.out):
            made, plan = _merged(screen, trip, finished, settings)
            finished = replace(finished, made=made, plan=plan)
    warn_of_runtime(screen, finished.conducted.result.recipe, trip.out)
    if not screen.json:
        show_result(screen, finished)
        if finished.made is not None and finished.plan is not None:
            show_summary(screen, finished.plan, finished.made, time.monotonic() - ended)
    return finished


def _begin(screen: Screen, trip: Trip, drafted: Draft) -> None:
    """Show what will be searched, if the winner can be put down."""
    show_plan(screen, drafted, whole=False)
    check_place(trip.out)


def _merged(
    screen: Screen, trip: Trip, finished: Finished, settings: Settings
) -> tuple[Made, Plan]:
    """Merge the winner as every merge is made, and make sure that it is the one that was scored."""
    conducted = finished.conducted
    result, name = conducted.result, _title(trip)
    text = winner_text(conducted.search, result)
    course = winner_course(question_about(finished.gate, text, name), settings)
    shelf = shelf_of(None, settings, RULES)
    seen = survey(course, name, result.merge_seed, shelf if course.several else None)
    refuse_without(seen.missing)
    check_planned(seen, result.winner)
    show_stages(screen, seen)
    job = Job(trip.out, name, trip.threads or 1, SHARD_SIZE, trip.device)
    steps = Steps(screen, len(seen.legs))
    made = make_all(Errand(course, job, result.merge_seed, shelf, settings, steps), seen)
    check_made(made, result.winner)
    return made, seen.final.plan


def _each(screen: Screen, trip: Trip, settings: Settings) -> None:
    """Search once for each outbound licence."""
    trip = replace(trip, device=check_device(trip.device))
    ways = reaches(_permitted(screen, trip, settings))
    show_reaches(screen, ways)
    if trip.dry_run:
        if screen.json:
            rows: list[Json] = [{"license": w.outbound, **gate_json(w.gate)} for w in ways]
            screen.document(SCHEMA, {"dry_run": True, "outbound": rows})
        return
    done: list[tuple[Reach, Finished]] = []
    for way in ways:
        screen.talk.print()
        own = _own(trip, way)
        narrow = way.gate.called(own.wanted)
        _pass(screen, own, narrow)
        done.append((way, _one(screen, own, narrow, settings)))
    if screen.json:
        screen.document(SCHEMA, outbound_json(done))
    else:
        show_outbound(screen, done)


def _own(trip: Trip, way: Reach) -> Trip:
    """Return the search for one outbound licence: its own name, its own folder."""
    wanted, out = trip.wanted, trip.out / way.folder
    name = f"{wanted.form.name}-{way.folder}"
    title = f"{_title(trip)}-{way.folder}"
    form = wanted.form.model_copy(update={"name": name})
    question = replace(wanted.question, name=title)
    manner: Manner = "either" if trip.manner == "resume" else trip.manner
    return replace(
        trip, wanted=replace(wanted, form=form, question=question), out=out, manner=manner
    )


def _conduct(trip: Trip) -> Conduct:
    if trip.threads is not None:
        torch.set_num_threads(trip.threads)
    return Conduct(trip.device, torch.get_num_threads(), trip.allow_code)


def _title(trip: Trip) -> str:
    return trip.wanted.question.name or trip.wanted.form.name


def _free(out: Path) -> bool:
    with suppress(OutputError):
        check_place(out)
        return True
    return False
