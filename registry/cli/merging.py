"""One merge on the screen, from the first model to the summary; `merge` and `demo` share it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.table import Table
from rich.text import Text

from evoreg.evolve.planning.plan import Plan
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.digest import short
from evoreg.provenance.records.errors import Code, EvoregError, RefusedError
from evoreg.provenance.records.recipe import ADAPTER_OF, Ingredient
from evoreg.registry.cli.exits import exit_code
from evoreg.registry.cli.gate import show_course
from evoreg.registry.cli.screen import Screen, plain, print_table, styled
from evoreg.registry.cli.steps import Steps, show_stages, step_json
from evoreg.registry.merging.asking import ask, recorded
from evoreg.registry.merging.course import Course
from evoreg.registry.merging.device import check_device
from evoreg.registry.merging.made import RECORD, Job, Made, refuse, refuse_without
from evoreg.registry.merging.output import check_place, check_room
from evoreg.registry.merging.prepare import Question
from evoreg.registry.merging.shelf import Shelf, shelf_of
from evoreg.registry.merging.survey import survey
from evoreg.registry.models.resolve import ResolvedModel
from evoreg.registry.settings import Settings, evoreg_version


@dataclass(frozen=True, slots=True)
class Wish:
    """Where the result goes and how it is made."""

    out: Path
    """Folder of the result."""
    name: str
    """Name of the result."""
    seed: int | None = None
    """Seed, if the user gave one."""
    threads: int = 1
    """Worker threads."""
    shard_size: int = 5 * 10**9
    """Bytes of tensors in one file."""
    device: str = "cpu"
    """Where numbers are computed."""
    intermediate: Path | None = None
    """Folder of intermediate results; nothing means the one in the project folder."""
    discard: bool = False
    """Whether intermediate results are removed at the end."""


def merge_on(screen: Screen, question: Question, wish: Wish, settings: Settings) -> Made:
    """Carry out the merge of a recipe file and show it.

    Args:
        screen: Where to print.
        question: Recipe file and intent.
        wish: Where and how.
        settings: Ledger and caches.

    Returns:
        What was made.

    Raises:
        RefusedError: After the refusal was shown.
        ReviewError: After the open questions were shown.
        EvoregError: Anything else that stops the merge.
    """
    started = time.monotonic()
    check_place(wish.out)
    wish = replace(wish, device=check_device(wish.device))
    screen.talk.print(
        styled(f"evoreg {evoreg_version()} {screen.signs['dot']} {question.recipe}", "dim")
    )
    course = recorded(ask(question, settings, lambda model: _found(screen, model)))
    show_course(screen, course, wish.name, question.today)
    for decision in (course.whole.decision, *course.decisions.values()):
        refuse(decision)
    made, plan = _carried_out(screen, course, wish, settings)
    show_summary(screen, plan, made, time.monotonic() - started)
    return made


def _carried_out(
    screen: Screen, course: Course, wish: Wish, settings: Settings
) -> tuple[Made, Plan]:
    """Merge whatever is not there yet; nothing is written before all is planned and has room."""
    seen = survey(course, wish.name, wish.seed, _shelf(wish, settings) if course.several else None)
    refuse_without(seen.missing)
    show_stages(screen, seen)
    from evoreg.registry.merging.stages import Errand, discard, make_all

    shelf = _shelf(wish, settings)
    if course.several:
        check_room([(shelf.folder / "any", seen.room), (wish.out, seen.final.plan.size)])
    job = Job(wish.out, wish.name, wish.threads, wish.shard_size, wish.device)
    steps = Steps(screen, len(seen.legs))
    made = make_all(Errand(course, job, wish.seed, shelf, settings, steps), seen)
    if wish.discard:
        discard(made)
    return made, seen.final.plan


def _shelf(wish: Wish, settings: Settings) -> Shelf:
    from evoreg.evolve.execution.run import RULES

    return shelf_of(wish.intermediate, settings, RULES)


def _found(screen: Screen, model: ResolvedModel) -> None:
    size = sum(file.size for file in model.model.weights)
    screen.talk.print(
        styled(f"  found {model.model.label}  {size:,} bytes  {short(model.model.identity)}", "dim")
    )


def show_summary(screen: Screen, plan: Plan, made: Made, seconds: float) -> None:
    """Print who is inside the result and where it lies.

    Args:
        screen: Where to print; one JSON document if it is asked for.
        plan: What was done.
        made: What was made.
        seconds: How long it took.
    """
    if screen.json:
        screen.document("evoreg/merge/1", made_json(made))
        return
    licences = {source.identity: source.expression for source in made.decision.sources}
    identities = {item.reference: item.identity for item in made.candidate.ingredients}
    names = _names(made.candidate.ingredients)
    table = Table(box=None, padding=(0, 2), pad_edge=False, header_style="bold")
    table.add_column("Contribution", no_wrap=True)
    for title in ("share", "aligned", "recipe"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("licence", no_wrap=True)
    for item in made.candidate.contributions:
        base = item.reference in plan.bases
        otherwise = "as its own sources" if item.used else "not in the result"
        table.add_row(
            styled(f"  {names[item.reference]}"),
            "base" if base else _percent(item.effective),
            "" if base else _percent(item.alignment),
            "" if base else _percent(item.nominal),
            styled(licences.get(identities[item.reference], otherwise)),
        )
    print_table(screen.data, table)
    known = "known already" if made.repeated else "recorded"
    screen.data.print()
    screen.data.print(
        Text.assemble((screen.signs["ok"], "bold green"), f" merged in {seconds:.1f} s ")
        .append(screen.signs["to"] + " ")
        .append_text(styled(str(made.out), "bold"))
    )
    screen.data.print(f"  candidate  {made.candidate.id}")
    screen.data.print(f"  ledger     entry {made.entry.seq} ({known})")
    screen.data.print(styled(f"  papers     {', '.join(_top(made))}"))
    for step in made.stages:
        screen.data.print(styled(f"  {step.name:<10} {step.candidate}, entry {step.entry}"))


def _names(ingredients: Sequence[Ingredient]) -> dict[str, str]:
    """Return what each source is called: a model with an adapter by the names of both."""
    plain = {item.reference: item.name for item in ingredients}
    return {
        reference: f"{name}+{plain[ADAPTER_OF + reference]}"
        if ADAPTER_OF + reference in plain
        else name
        for reference, name in plain.items()
    }


def _top(made: Made) -> list[str]:
    return [*dict.fromkeys(file.path.split("/")[0] for file in made.papers), RECORD]


def _percent(value: str) -> str:
    return f"{100 * float(value):.1f} %"


def made_json(made: Made) -> dict[str, Json]:
    """Return a finished merge as JSON."""
    return {
        "out": str(made.out),
        "candidate": made.candidate.id,
        "entry": made.entry.seq,
        "repeated": made.repeated,
        "seed": made.candidate.seed,
        "license": made.decision.outbound,
        "verdict": str(made.decision.verdict),
        "contributions": [item.to_json() for item in made.candidate.contributions],
        "outputs": [file.to_json() for file in made.candidate.outputs],
        "papers": [file.path for file in made.papers],
        "stages": [step_json(step) for step in made.stages],
    }


def refused(screen: Screen, error: EvoregError, out: Path) -> int:
    """Close a merge that policy stopped.

    Args:
        screen: Where to print.
        error: The refusal; the reasons of its decision were shown already.
        out: The folder that was not made.

    Returns:
        The exit code.
    """
    if screen.json:
        return screen.error(error)
    for problem in error.problems:
        if problem.code is Code.PAPER_MISSING:
            screen.problem(problem, "review", "bold yellow")
    word = "Refused" if isinstance(error, RefusedError) else "Needs review"
    count = len(error.problems)
    text = f"{word}: {count} reason{'s' if count != 1 else ''}. {plain(str(out))} was not written."
    screen.talk.print(Text(f"{screen.signs['no']} {text}", style="bold red"))
    return exit_code(error)
