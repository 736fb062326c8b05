"""How a search looks before it begins and after it ended: plans, winners, and their rivals."""

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from evoreg.evolve.flow.runtime import needs_runtime
from evoreg.provenance.records.digest import short
from evoreg.provenance.records.errors import Code, Problem
from evoreg.provenance.records.evaluation import Evaluation, TaskScore
from evoreg.provenance.records.recipe import Recipe
from evoreg.provenance.records.result import Interval, Stability
from evoreg.registry.cli.evolve_watch import counted
from evoreg.registry.cli.report_text import STYLES
from evoreg.registry.cli.screen import Screen, plain, print_table, styled
from evoreg.registry.searching.estimate import Estimate, estimate
from evoreg.registry.searching.finished import Finished
from evoreg.registry.searching.gate import Gate, problem_of
from evoreg.registry.searching.outbound import Reach
from evoreg.registry.searching.setup import Draft

_GENES = 8
"""Genes that a plan lists."""


def show_left_out(screen: Screen, gate: Gate) -> None:
    """Print which models policy kept out of the search, and why."""
    for out in gate.out:
        screen.problem(problem_of(out), "left out", "bold red")


def show_plan(screen: Screen, draft: Draft, *, whole: bool) -> None:
    """Print what will be searched and what it will cost.

    Args:
        screen: Where to print.
        draft: The search.
        whole: Whether genes and costs are wanted too, as for a dry run.
    """
    cost, form = estimate(draft), draft.gate.form
    optimiser = form.optimiser.kind
    how = "" if form.space.kind == "layers" else f"{form.method}, "
    head = f"  {how}{form.space.kind}, {counted(cost.genes, 'gene')}; {optimiser}"
    screen.talk.print(Text("Search", style="bold").append(head, style="not bold"))
    for task in draft.tasks:
        splits = ", ".join(f"{s.split} {s.count:,}" for s in task.record.splits)
        dropped = sum(s.dropped for s in task.record.splits)
        note = f" ({dropped:,} repeated ones dropped)" if dropped else ""
        better = "more" if task.maximise else "less"
        line = f"  task {task.name}: {task.record.metric}, {better} is better; {splits}{note}"
        screen.talk.print(styled(line, "dim"))
    screen.talk.print(styled(f"  {_amount(cost)}", "dim"))
    if whole:
        _show_genes(screen, draft)
        _show_cost(screen, cost)


def _amount(cost: Estimate) -> str:
    items = f"{counted(cost.items_each, 'item')} for each candidate"
    if cost.generations is None:
        return f"population {cost.population}, {items}, until the time is over"
    return (
        f"{counted(cost.generations, 'generation')} of {cost.population}: {cost.candidates:,} "
        f"candidates, {items}, {cost.items:,} in all; besides {cost.overhead:,} items at most for "
        "baselines, finalists and test (variants of the winner not counted)"
    )


def _show_genes(screen: Screen, draft: Draft) -> None:
    genes = draft.space.genes
    for gene in genes[:_GENES]:
        line = f"  gene {gene.name}: {gene.low:g} to {gene.high:g}, begins at {gene.start:g}"
        screen.talk.print(styled(line, "dim"))
    if len(genes) > _GENES:
        screen.talk.print(styled(f"  and {len(genes) - _GENES:,} more genes", "dim"))


def _show_cost(screen: Screen, cost: Estimate) -> None:
    lines = [
        f"cost of a candidate, estimated from sizes: {cost.apply_bytes:,} bytes read and written "
        "at most to make its weights",
        f"at most {cost.tokens:,} tokens written, prompts not counted: "
        f"{cost.flop:.2g} operations (2 x {cost.parameters:,} parameters x tokens)",
    ]
    for line in lines:
        screen.talk.print(styled(f"  {line}", "dim"))


def show_result(screen: Screen, finished: Finished) -> None:
    """Print the winner beside its rivals on the test split, and whether to believe it.

    Args:
        screen: Where to print.
        finished: The search.
    """
    result = finished.conducted.result
    screen.data.print(Text("Test", style="bold"))
    print_table(screen.data, _rivals(finished))
    _show_stability(screen, result.stability)
    parent = finished.passed_by
    if parent is not None:
        told = f"a parent is better than the winner on the test split: {parent.label}"
        screen.data.print(Text("  ! ", style="bold red").append(styled(told)))
    tried = counted(result.stability.tried, "candidate")
    screen.data.print(f"  tried      {tried}; baselines, finalists and test not counted")
    items = counted(result.items, "item")
    screen.data.print(f"  asked      {items}, baselines, finalists and test among them")
    _show_front(screen, finished)
    knee = result.front and finished.gate.form.optimiser.kind == "nsga2"
    label = "knee of the front" if knee and result.label == "returned" else result.label
    screen.data.print(styled(f"  winner     {result.winner} ({label})"))
    screen.data.print(styled(f"  search     {finished.conducted.search.id}"))
    name = finished.conducted.search.name
    screen.data.print(styled(f"  more       evoreg candidate show {short(result.winner)}"))
    screen.data.print(styled(f"             evoreg candidate list {name!r}"))
    if finished.made is None:
        screen.data.print(styled(f"  merged     before; {finished.out} is as it was"))


def _show_front(screen: Screen, finished: Finished) -> None:
    """Print the front of several objectives, with its scores in the search."""
    for number, item in enumerate(finished.front):
        scores = ", ".join(f"{plain(s.task)} {_score(s.value)} {s.split}" for s in item.scores)
        head = "" if number else "front"
        screen.data.print(styled(f"  {head:<9}  {short(item.candidate)}  {scores}"))


def warn_of_runtime(screen: Screen, recipe: Recipe, out: Path) -> None:
    """Warn of a winner that transformers alone would run otherwise than it was scored.

    Args:
        screen: Where to print.
        recipe: The winner.
        out: Its folder; its recipe there tells the scales.
    """
    if needs_runtime(recipe):
        what = "this network scales the inputs of its layers, which plain weights cannot hold"
        hint = "load it with evoreg.evolve.flow.runtime.load_flow; or search with scaling: none"
        screen.warning(Problem(Code.MERGE_ARCHITECTURE, what, str(out), hint))


def _rivals(finished: Finished) -> Table:
    result = finished.conducted.result
    names = [score.task for score in result.test]
    table = Table(box=None, padding=(0, 2), pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    for name in names:
        table.add_column(styled(name), justify="right", no_wrap=True)
        table.add_column("winner's lead (95 %)", justify="right", no_wrap=True)
    own = {score.task: score.value for score in result.test}
    cells = [cell for name in names for cell in (_score(own[name]), "")]
    table.add_row(Text("  winner", style="bold"), *cells)
    for rival in finished.rivals:
        table.add_row(styled(f"  {rival.label}"), *_against(rival, names, finished))
    return table


def _against(rival: Evaluation, names: Sequence[str], finished: Finished) -> list[str]:
    stability = finished.conducted.result.stability
    more = {task.name: task.maximise for task in finished.conducted.search.tasks}
    scores = {score.task: score.value for score in rival.scores}
    leads = {item.task: item for item in stability.intervals if item.against == rival.label}
    cells: list[str] = []
    for name in names:
        cells.append(_score(scores[name]) if name in scores and not rival.failure else "failed")
        cells.append(lead(leads[name], maximise=more[name]) if name in leads else "")
    return cells


def _score(value: str) -> str:
    return f"{float(value):.4f}"


def lead(item: Interval, *, maximise: bool) -> str:
    """Return by how much the winner is ahead, with its interval.

    Args:
        item: The difference of the metric, as it is recorded.
        maximise: Whether more of the metric is better.

    Returns:
        Text; positive where the winner is better, also of a metric to be minimised.
    """
    ends = [float(item.difference), float(item.low), float(item.high)]
    if not maximise:
        ends = [0.0 - ends[0], 0.0 - ends[2], 0.0 - ends[1]]
    return f"{ends[0]:+.4f} [{ends[1]:+.4f}, {ends[2]:+.4f}]"


def _show_stability(screen: Screen, found: Stability) -> None:
    finite = "all finite" if found.finite else "NOT all finite"
    numbers = f"{found.parameters:,} numbers in {found.tensors:,} tensors, {finite}"
    lines = [f"weights    {numbers}"]
    lines += [
        f"drift      {100 * float(item.relative):.1f} % from {item.reference}, "
        f"most in {item.largest}"
        for item in found.drifts
    ]
    lines += [
        f"variant    {item.kind} {item.label}: {item.task} {_score(item.value)}"
        for item in found.spreads
    ]
    if float(found.truncated) > 0:
        lines.append(f"cut off    {100 * float(found.truncated):.1f} % of the replies")
    for line in lines:
        screen.data.print(styled(f"  {line}"))
    for warning in found.warnings:
        screen.data.print(Text("  ! ", style="yellow").append(styled(warning)))


def show_reaches(screen: Screen, found: Sequence[Reach]) -> None:
    """Print which sources reach which outbound licence."""
    screen.talk.print(Text("Licences that a result can have", style="bold"))
    for reach in found:
        verdict = reach.gate.decision.verdict
        names = ", ".join(reach.gate.form.models)
        line = Text("  ").append(str(verdict), style=STYLES[verdict])
        screen.talk.print(line.append_text(styled(f"  {reach.outbound}: {names}")))


def show_outbound(screen: Screen, found: Sequence[tuple[Reach, Finished]]) -> None:
    """Print the best score under each outbound licence."""
    table = Table(box=None, padding=(0, 2), pad_edge=False, header_style="bold")
    names = [task.name for _, finished in found[:1] for task in finished.conducted.search.tasks]
    test = f"test: {plain(', '.join(names))}"
    titles = ("Licence of the result", "sources", "validation", test, "best parent", "winner")
    for title in (*titles, "folder"):
        table.add_column(styled(title), no_wrap=True)
    for reach, finished in found:
        result = finished.conducted.result
        table.add_row(
            styled(f"  {reach.outbound}"),
            styled(", ".join(_last(name) for name in reach.gate.form.models)),
            _values(result.validation),
            _values(result.test),
            _values(() if finished.best_parent is None else finished.best_parent.scores),
            short(result.winner),
            styled(str(finished.out)),
        )
    screen.data.print()
    print_table(screen.data, table)


def _values(scores: Sequence[TaskScore]) -> Text:
    return styled(", ".join(_score(s.value) for s in scores))


def _last(name: str) -> str:
    return name.rstrip("/").rsplit("/", 1)[-1]
