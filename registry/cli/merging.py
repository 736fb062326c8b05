"""One merge on the screen, from the first model to the summary; `merge` and `demo` share it."""

import time
from dataclasses import dataclass
from pathlib import Path

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from evoreg.evolve.planning.plan import OutputTensor, Plan
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.digest import short
from evoreg.provenance.records.errors import Code, EvoregError, RefusedError
from evoreg.registry.cli.exits import exit_code
from evoreg.registry.cli.gate import show_decision, show_sources
from evoreg.registry.cli.screen import Screen, plain, print_table, styled
from evoreg.registry.merging.facts import papers_missing
from evoreg.registry.merging.made import RECORD, Job, Made, refuse, refuse_without
from evoreg.registry.merging.output import check_place
from evoreg.registry.merging.prepare import Prepared, Question, plan_of, prepare
from evoreg.registry.models.resolve import ResolvedModel
from evoreg.registry.settings import Settings, evoreg_version

_QUIET_SECONDS = 10.0


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


def merge_on(screen: Screen, question: Question, wish: Wish, settings: Settings) -> Made:
    """Carry out one merge and show it.

    Args:
        screen: Where to print.
        question: Recipe and intent.
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
    screen.talk.print(
        styled(f"evoreg {evoreg_version()} {screen.signs['dot']} {question.recipe}", "dim")
    )
    prepared = prepare(question, settings, lambda model: _found(screen, model))
    for warning in (*prepared.read.warnings, *prepared.problems):
        screen.warning(warning)
    show_sources(screen, prepared)
    show_decision(screen, prepared)
    refuse(prepared.decision)
    plan = plan_of(prepared, wish.seed)
    refuse_without(papers_missing(prepared, plan, wish.name))
    job = Job(wish.out, wish.name, wish.threads, wish.shard_size)
    made = _with_bar(screen, prepared, plan, job, settings)
    show_summary(screen, plan, made, time.monotonic() - started)
    return made


def _found(screen: Screen, model: ResolvedModel) -> None:
    size = sum(file.size for file in model.model.weights)
    screen.talk.print(
        styled(f"  found {model.model.label}  {size:,} bytes  {short(model.model.identity)}", "dim")
    )


def _with_bar(screen: Screen, prepared: Prepared, plan: Plan, job: Job, settings: Settings) -> Made:
    """Merge under a bar over the bytes on a terminal, with a line now and then elsewhere."""
    from evoreg.registry.merging.make import make

    screen.talk.print(_headline(plan))
    if not screen.talk.is_terminal:
        return make(prepared, plan, job, settings, _Lines(screen, plan))
    columns = (
        TextColumn("  "),
        BarColumn(bar_width=40),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=screen.talk, transient=False) as bar:
        task = bar.add_task("merge", total=plan.size)
        return make(
            prepared,
            plan,
            job,
            settings,
            lambda output: bar.update(task, advance=output.size),
        )


def _headline(plan: Plan) -> Text:
    facts = (
        [plan.contract.title, f"seed {plan.seed}"]
        if plan.contract.random
        else [plan.contract.title]
    )
    facts += [f"{plan.elements:,} parameters", f"{plan.size:,} bytes"]
    return Text.assemble(("Merge", "bold"), "  " + "  ".join(facts))


class _Lines:
    """Progress for logs: one line every ten seconds."""

    def __init__(self, screen: Screen, plan: Plan) -> None:
        self._screen, self._total = screen, len(plan.outputs)
        self._done, self._last = 0, time.monotonic()

    def __call__(self, _output: OutputTensor) -> None:
        self._done += 1
        if time.monotonic() - self._last >= _QUIET_SECONDS:
            self._last = time.monotonic()
            self._screen.talk.print(f"  {self._done}/{self._total} tensors")


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
    names = {item.reference: item.name for item in made.candidate.ingredients}
    table = Table(box=None, padding=(0, 2), pad_edge=False, header_style="bold")
    table.add_column("Contribution", no_wrap=True)
    for title in ("share", "aligned", "recipe"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("licence", no_wrap=True)
    for item in made.candidate.contributions:
        base = item.reference in plan.bases
        table.add_row(
            styled(f"  {names[item.reference]}"),
            "base" if base else _percent(item.effective),
            "" if base else _percent(item.alignment),
            "" if base else _percent(item.nominal),
            styled(licences.get(identities[item.reference], "")),
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
