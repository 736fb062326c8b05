"""How a running search looks: a line for each generation, and on a terminal a moving one below."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import typer
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from evoreg.evolve.search.observer import Closed, Past, Timed
from evoreg.evolve.search.progress import Progress, searched
from evoreg.evolve.searchfile.form import BudgetForm
from evoreg.provenance.records.digest import short
from evoreg.provenance.records.errors import EvoregError
from evoreg.provenance.records.evaluation import Evaluation, Generation
from evoreg.provenance.records.result import SearchResult
from evoreg.provenance.records.search import Search
from evoreg.registry.cli.screen import Screen, plain, styled
from evoreg.registry.searching.stages import Begun


class Watching:
    """Shows a search while it runs; an `evoreg.registry.searching.conduct.Watch`."""

    def __init__(
        self, screen: Screen, budget: BudgetForm, ready: Callable[[], None] = lambda: None
    ) -> None:
        """Watch a search.

        Args:
            screen: Where to print.
            budget: When the search ends.
            ready: Called before anything is scored, unless the search had ended before; raises if
                the winner could not be put down.
        """
        self._screen, self._budget, self._ready = screen, budget, ready
        self._booked = False
        self._progress = Progress()
        self._stage = 0
        self._bars: Bars | None = None

    def __enter__(self) -> Self:
        """Begin to show."""
        talk = self._screen.talk
        if talk.is_terminal and not self._screen.json:
            columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
            self._bars = Bars(*columns, console=talk, transient=True)
            self._bars.add_task("baselines", total=None)
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the moving line."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def begins(self, search: Search, past: Past, begun: Begun) -> None:
        """Tell which search it is, and how far it came before."""
        run = f", run {search.run + 1}" if search.run else ""
        known = f"search {short(search.id)}{run}"
        if past.result is not None:
            self._say(
                f"{known} came to its end before: it looked at its test split, so its budget is "
                "not extended; --again begins a new run"
            )
            return
        self._ready()
        if past.closed:
            recorded = counted(len(past.closed), "recorded generation")
            self._say(f"{known} goes on behind {recorded}, the baselines among them")
            if spent(past.closed, self._budget):
                self._say("its budget is spent already; --budget with larger numbers gives more")
        else:
            self._say(known)
        if begun.injected:
            self._say(f"begins at what earlier searches found; {len(begun.injected)} tried again")

    def booked(self) -> None:
        """Remember that the search can go on."""
        self._booked = True

    @contextmanager
    def way_on(self) -> Iterator[None]:
        """Tell how to go on with a search that was interrupted, in whatever way that shows."""
        try:
            yield
        except (EvoregError, typer.Exit):
            raise
        except BaseException:  # torch may fail with another exception than that of Ctrl-C
            told = "stopped; nothing is recorded yet: run the same command again"
            if self._booked:
                told = (
                    "stopped; what is complete is recorded: the same command with --resume goes on"
                )
            self._screen.talk.print(f"\n{told}")
            raise

    def evaluated(self, timed: Timed) -> None:
        """Show that a candidate was scored."""
        self._progress = self._progress.evaluated(timed)
        self._move()

    def closed(self, generation: Generation, evaluations: Sequence[Timed]) -> None:
        """Show a generation that is on record."""
        told = [timed.evaluation for timed in evaluations]
        self._progress = self._progress.closed(generation, told)
        self._show(generation, told, "")

    def replayed(self, closed: Closed) -> None:
        """Show a generation that was on record."""
        self._progress = self._progress.replay(closed)
        self._show(closed.generation, closed.evaluations, " (recorded before)")

    def ended(self, result: SearchResult) -> None:
        """Show that the search is over; the result is shown by others."""

    def _show(self, generation: Generation, told: Sequence[Evaluation], note: str) -> None:
        if generation.stage != self._stage:
            self._stage = generation.stage
            genes = max((len(item.genome) for item in told), default=0)
            self._say(f"stage {self._stage + 1}: {counted(genes, 'gene')}")
        if any(searched(item) for item in told):
            facts = self._facts(generation, told)
            self._say(f"generation {generation.number}  {facts}{note}")
        else:
            self._say(_outside(generation, told) + note)
            if generation.number == 0 and len(generation.best) == 1:
                self._line_to_pass()
        self._move()

    def _line_to_pass(self) -> None:
        """Tell the line that merges have to pass; generations are asked other items."""
        now = self._progress
        parent = now.parents[1] if now.parents is not None else None
        facts = [_number("best parent", parent), _number("uniform", now.uniform)]
        told = "  ".join(fact for fact in facts if fact)
        if told:
            self._say(f"to pass, on all of train  {told}")

    def _facts(self, generation: Generation, told: Sequence[Evaluation]) -> str:
        """Return what a generation came to on its own items."""
        now = self._progress
        facts = [_numbers("best", generation.best), _numbers("mean", generation.mean)]
        asked = max((sum(len(s.items) for s in item.scores) for item in told), default=0)
        facts.append(f"on {counted(asked, 'item')}")
        facts.append(f"items so far {now.items:,}")
        if generation.failed:
            facts.append(f"{generation.failed} failed")
        left = now.left(self._budget)
        if left is not None and left > 0:
            facts.append(f"left {_clock(left)}")
        return "  ".join(fact for fact in facts if fact)

    def _move(self) -> None:
        if self._bars is None:
            return
        now = self._progress
        word = "choosing and testing the winner" if now.final else f"generation {now.generation}"
        best = f", best so far {now.best:.4f}" if now.best is not None else ""
        told = f"{word}: {now.here} scored{best}"
        self._bars.update(self._bars.task_ids[0], description=told)

    def _say(self, text: str) -> None:
        self._screen.talk.print(styled(f"  {text}", "dim"))


def _outside(generation: Generation, told: Sequence[Evaluation]) -> str:
    """Return what baselines, finalists or the last test came to."""
    words = {"baseline": "baselines (all of train)", "finalist": "finalists (validation)"}
    word = words.get(told[0].origin, "test")
    if generation.number > 0 and any(item.origin == "baseline" for item in told):
        word = "test"
    parts = [
        _numbers(plain(item.label), item.fitness) if item.fitness else f"{plain(item.label)} failed"
        for item in told
        if item.label
    ]
    return f"{word}  " + "  ".join(parts)


def spent(past: Sequence[Closed], budget: BudgetForm) -> bool:
    """Tell whether recorded generations have used a budget up.

    Args:
        past: Complete generations.
        budget: When the search ends; minutes are those of a run, and never spent before it.

    Returns:
        Whether one of its other limits is reached.
    """
    progress = Progress()
    for closed in past:
        progress = progress.replay(closed)
    done = progress.done
    limits = (
        (budget.generations, done.generations),
        (budget.candidates, done.candidates),
        (budget.items, done.items),
    )
    return any(limit is not None and reached >= limit for limit, reached in limits)


def counted(number: int, word: str) -> str:
    """Return a number with its noun, such as ``1 gene`` or ``2 genes``."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def _numbers(word: str, values: Sequence[str]) -> str:
    """Return a number for each objective."""
    told = " / ".join(f"{float(value):.4f}" for value in values)
    return f"{word} {told}" if told else ""


def _number(word: str, value: float | None) -> str:
    return "" if value is None else f"{word} {value:.4f}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
