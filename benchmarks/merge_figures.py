"""What the measured runs add up to: medians, ratios, and whether each target is met."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import isnan
from statistics import median

from rich import box
from rich.table import Table

from benchmarks.measuring import Cost

__all__ = ["Agreement", "Result", "Target", "cost_table", "target_table", "targets_of"]

_CPU = {"linear": 0.20, "slerp": 0.10, "ties": 0.12, "dare_ties": 0.20, "passthrough": 0.30}
_WALL, _PRIVATE, _MEGABYTES, _LIMIT = 1.0, 0.15, 400.0, 2.0
_LIMITS = {"limit": "cat + cp + sha256sum", "limit, fast hash": "cat + cp + Python's sha256"}
_NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Agreement:
    """How two results differ."""

    names: bool
    """True if both have the same tensors, shapes and dtypes."""
    largest: float
    """Largest difference of two numbers."""
    differing: float
    """Part of the numbers that differ at all, from 0 to 1."""

    def __str__(self) -> str:
        if not self.names:
            return "tensors differ"
        return f"{self.differing:.3%} of the numbers, by at most {self.largest:.2g}"


@dataclass
class Result:
    """All runs of one merge."""

    method: str
    first: Cost
    """The run of evoreg that had to hash the sources."""
    runs: dict[str, list[Cost]]
    """Further runs by contender: `evoreg`, and perhaps `mergekit` and limits."""
    agreement: Agreement | None = None

    def middle(self, who: str, figure: str) -> float | None:
        """Return the median of a figure, None if it could not be measured.

        Args:
            who: The contender.
            figure: Name of a field of `Cost`.
        """
        figures = [float(getattr(cost, figure)) for cost in self.runs.get(who, ())]
        return median(figures) if figures and not any(map(isnan, figures)) else None

    def ratio(self, figure: str, against: str = "mergekit") -> float | None:
        """Return evoreg's median as a multiple of another contender's."""
        own, other = self.middle("evoreg", figure), self.middle(against, figure)
        return own / other if own is not None and other else None


@dataclass(frozen=True, slots=True)
class Target:
    """One target and what was measured."""

    method: str
    what: str
    most: float
    measured: float | None
    is_met: bool = field(init=False)

    def __post_init__(self) -> None:
        met = self.measured is not None and self.measured <= self.most
        object.__setattr__(self, "is_met", met)


def targets_of(result: Result) -> Iterator[Target]:
    """Yield each target of a merge."""
    name = result.method
    if name in _CPU:
        yield Target(name, "processor time / mergekit's", _CPU[name], result.ratio("cpu"))
    yield Target(name, "wall / mergekit's", _WALL, result.ratio("wall"))
    yield Target(name, "private memory / mergekit's", _PRIVATE, result.ratio("private"))
    yield Target(name, "private memory, MB", _MEGABYTES, result.middle("evoreg", "private"))
    for limit, what in _LIMITS.items():
        if limit in result.runs:
            yield Target(name, f"wall / {what}", _LIMIT, result.ratio("wall", limit))


def target_table(results: Sequence[Result], *, markdown: bool) -> Table:
    """Return a table of all targets, met and missed.

    Args:
        results: The merges.
        markdown: True for a table in Markdown.
    """
    table = Table(box=box.MARKDOWN if markdown else box.SIMPLE)
    table.add_column("merge")
    table.add_column("target")
    for head in ("at most", "measured"):
        table.add_column(head, justify="right")
    table.add_column("")
    for target in (each for result in results for each in targets_of(result)):
        said = "not measured" if target.measured is None else "met" if target.is_met else "MISSED"
        most, measured = _short(target.most), _short(target.measured)
        table.add_row(target.method, target.what, most, measured, said)
    return table


def _short(number: float | None) -> str:
    if number is None:
        return _NOTHING
    return f"{number:.0f}" if number >= 100 else f"{number:.2f}"


_COLUMNS: tuple[tuple[str, Callable[[Result, str], float | None]], ...] = (
    ("wall s", lambda result, who: result.middle(who, "wall")),
    ("CPU s", lambda result, who: result.middle(who, "cpu")),
    ("private MB", lambda result, who: result.middle(who, "private")),
    ("resident MB", lambda result, who: result.middle(who, "resident")),
)


def cost_table(results: Sequence[Result], *, markdown: bool) -> Table:
    """Return a table of medians, with evoreg's as multiples of the other's where there are two.

    Args:
        results: The merges.
        markdown: True for a table in Markdown.
    """
    table = Table(box=box.MARKDOWN if markdown else box.SIMPLE)
    for head in ("merge", "program"):
        table.add_column(head)
    for head in (*(name for name, _ in _COLUMNS), "wall ratio", "CPU ratio", "private ratio"):
        table.add_column(head, justify="right")
    for result in results:
        for row in _rows(result):
            table.add_row(*row)
    return table


def _rows(result: Result) -> Iterator[tuple[str, ...]]:
    """Yield a row for each contender; ratios are evoreg's divided by that row's."""
    for who in result.runs:
        figures = tuple(_plain(middle(result, who)) for _, middle in _COLUMNS)
        ratios = ("", "", "")
        if who != "evoreg":
            ratios = (
                _short(result.ratio("wall", who)),
                _short(result.ratio("cpu", who)),
                _short(result.ratio("private", who)) if who == "mergekit" else "",
            )
        yield (result.method, who, *figures, *ratios)
    first = result.first
    costs = (first.wall, first.cpu, first.private, first.resident)
    yield (result.method, "evoreg, first run", *map(_plain, costs), "", "", "")


def _plain(number: float | None) -> str:
    if number is None or isnan(number):
        return _NOTHING
    return f"{number:.0f}" if number >= 100 else f"{number:.1f}"
