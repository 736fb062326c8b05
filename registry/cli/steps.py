"""How the recipes of a file look on the screen: their order, then each merge as it runs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

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
from evoreg.provenance.records.errors import Problem
from evoreg.registry.cli.screen import Screen, print_table, styled
from evoreg.registry.merging.made import Step
from evoreg.registry.merging.survey import Leg, Survey

_QUIET_SECONDS = 10.0


def show_stages(screen: Screen, seen: Survey) -> None:
    """Print what was forgiven, and the recipes of a file in the order of carrying them out.

    Args:
        screen: Where to print.
        seen: The recipes; a single one is not listed.
    """
    for warning in seen.warnings:
        screen.warning(warning)
    if len(seen.legs) == 1:
        return
    table = Table.grid(padding=(0, 2))
    for _ in range(5):
        table.add_column(no_wrap=True)
    for number, leg in enumerate(seen.legs, 1):
        table.add_row(
            f"  {number}",
            styled(leg.stage.name or "(the result)"),
            styled(leg.plan.contract.title, "dim"),
            styled(f"{leg.plan.size:,} bytes", "dim"),
            styled(f"uses {', '.join(leg.stage.uses)}" if leg.stage.uses else "", "dim"),
        )
    screen.talk.print(Text("Recipes", style="bold"))
    print_table(screen.talk, table)


def stages_json(seen: Survey) -> list[Json]:
    """Return the intermediate results that are needed, as JSON; the last recipe is not one."""
    return [_leg_json(leg) for leg in seen.legs[:-1]]


def _leg_json(leg: Leg) -> dict[str, Json]:
    return {
        "name": leg.stage.name,
        "method": leg.plan.recipe.method,
        "uses": list(leg.stage.uses),
        "tensors": len(leg.plan.outputs),
        "bytes": leg.plan.size,
    }


def step_json(step: Step) -> dict[str, Json]:
    """Return an intermediate result as JSON."""
    return {
        "name": step.name,
        "candidate": step.candidate,
        "entry": step.entry,
        "folder": str(step.folder),
        "kept": step.kept,
    }


class Steps:
    """Shows the merges of a recipe file while they run."""

    def __init__(self, screen: Screen, count: int) -> None:
        self._screen, self._count = screen, count

    def kept(self, number: int, step: Step) -> None:
        """Tell that a result was there already."""
        self._tell(number, step, "made before, used again")

    def finished(self, number: int, step: Step) -> None:
        """Tell that an intermediate result was made."""
        self._tell(number, step, "made")

    def note(self, problem: Problem) -> None:
        """Tell something odd that does not stop the work."""
        self._screen.warning(problem)

    def _tell(self, number: int, step: Step, word: str) -> None:
        to = self._screen.signs["to"]
        line = f"  {number} of {self._count} {step.name}: {word}, entry {step.entry} {to} "
        self._screen.talk.print(styled(line + str(step.folder), "dim"))

    @contextmanager
    def merging(self, number: int, name: str, plan: Plan) -> Iterator["Told"]:
        """Show one merge: a bar over the bytes on a terminal, a line now and then elsewhere.

        Args:
            number: Which of the merges it is, from 1.
            name: Name of its recipe.
            plan: What is done.

        Yields:
            What is told about each tensor.
        """
        self._screen.talk.print(self._headline(number, name, plan))
        if not self._screen.talk.is_terminal:
            yield _Lines(self._screen, plan)
            return
        columns = (
            TextColumn("  "),
            BarColumn(bar_width=40),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        with Progress(*columns, console=self._screen.talk, transient=False) as bar:
            yield _Bar(bar, plan)

    def _headline(self, number: int, name: str, plan: Plan) -> Text:
        facts = [plan.contract.title]
        if plan.contract.random:
            facts.append(f"seed {plan.seed}")
        facts += [f"{plan.elements:,} parameters", f"{plan.size:,} bytes"]
        head = Text("Merge", style="bold")
        if self._count > 1:
            head.append(f" {number} of {self._count}")
            head.append_text(styled(f" {name}" if name else ""))
        return head.append("  " + "  ".join(facts), style="not bold")


class Told:
    """Is told about each tensor that was written."""

    def __call__(self, output: OutputTensor) -> None:
        """Be told."""


class _Bar(Told):
    def __init__(self, bar: Progress, plan: Plan) -> None:
        self._bar, self._task = bar, bar.add_task("merge", total=plan.size)

    def __call__(self, output: OutputTensor) -> None:
        self._bar.update(self._task, advance=output.size)


class _Lines(Told):
    """Progress for logs: one line every ten seconds."""

    def __init__(self, screen: Screen, plan: Plan) -> None:
        self._screen, self._total = screen, len(plan.outputs)
        self._done, self._last = 0, time.monotonic()

    def __call__(self, _output: OutputTensor) -> None:
        self._done += 1
        if time.monotonic() - self._last >= _QUIET_SECONDS:
            self._last = time.monotonic()
            self._screen.talk.print(f"  {self._done}/{self._total} tensors")
