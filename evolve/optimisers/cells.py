"""Cells: archives that keep the best at one task for every way of doing the others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evoreg.evolve.optimisers.box import Vector
from evoreg.evolve.spaces.space import Genome

Cell = tuple[int, ...]
"""Bin in each of the other tasks."""


@dataclass(frozen=True)
class Elite:
    """The best of a cell."""

    genome: Genome
    """Its coefficients."""
    scores: tuple[float, ...]
    """Score at each task."""


@dataclass(frozen=True)
class Grid:
    """Bins of equal width for each task."""

    low: tuple[float, ...]
    """Where the first bins begin."""
    high: tuple[float, ...]
    """Where the last bins end."""
    bins: int
    """How many there are for a task."""

    @classmethod
    def around(cls, scores: Sequence[Sequence[float]], bins: int, headroom: float) -> "Grid":
        """Return a grid for what can be expected.

        Args:
            scores: Scores of the first candidates, at least one, one column for each task.
            bins: Bins for a task.
            headroom: How far the last bin reaches, as a multiple of the best score.

        Returns:
            For each task bins from zero (or the worst score, if that is less) to the best score
            times the headroom; as far above it, if it is not positive.
        """
        table = np.asarray(scores, np.float64)
        best, worst = table.max(axis=0), table.min(axis=0)
        low = np.minimum(worst, 0.0)
        high = best + (headroom - 1) * np.abs(best)
        high = np.where(high > low, high, low + 1.0)
        return cls(tuple(low.tolist()), tuple(high.tolist()), bins)

    def cell(self, scores: Sequence[float], quality: int) -> Cell:
        """Return the cell of some scores in the archive of one task.

        Args:
            scores: Score at each task.
            quality: The task that is not part of the cell.

        Returns:
            For each other task the number of bin edges below the score, less one, from 0 to the
            last bin.
        """
        return tuple(self._bin(score, task) for task, score in enumerate(scores) if task != quality)

    def _bin(self, score: float, task: int) -> int:
        edges = np.linspace(self.low[task], self.high[task], self.bins + 1)
        below = int((edges < score).sum()) - 1
        return min(max(below, 0), self.bins - 1)


class Archive:
    """The elites of one quality."""

    def __init__(self, quality: int, grid: Grid) -> None:
        self._quality = quality
        self._grid = grid
        self._elites: dict[Cell, Elite] = {}

    def enter(self, elite: Elite) -> bool:
        """Take an elite in if its cell is empty or it is better; return whether it was taken."""
        cell = self._grid.cell(elite.scores, self._quality)
        held = self._elites.get(cell)
        if held is not None and held.scores[self._quality] >= elite.scores[self._quality]:
            return False
        self._elites[cell] = elite
        return True

    @property
    def elites(self) -> tuple[Elite, ...]:
        """The elites in the order of their cells."""
        return tuple(self._elites[cell] for cell in sorted(self._elites))

    @property
    def best(self) -> Elite:
        """The elite with the best quality; of equals the best at all tasks together.

        Scores come in steps, so that equals are common; of those the first cell counts.
        """
        return max(self.elites, key=lambda each: (each.scores[self._quality], sum(each.scores)))

    def chances(self, floor: float, span: float) -> Vector:
        """Return how likely each elite is to become a parent.

        Args:
            floor: Weight of the worst.
            span: How much more the best has.

        Returns:
            Numbers that add up to one, in the order of `elites`: in proportion to the product of
            quality and bins, each stretched to run from `floor` to `floor + span`.
        """
        cells = np.asarray(sorted(self._elites), np.float64)
        quality = np.asarray([elite.scores[self._quality] for elite in self.elites], np.float64)
        columns = np.column_stack([quality, cells])
        weights = np.prod([stretched(column, floor, span) for column in columns.T], axis=0)
        return np.asarray(weights / weights.sum(), np.float64)


def stretched(values: Vector, floor: float, span: float) -> Vector:
    """Return values stretched to run from `floor` to `floor + span`; ones if they are all equal."""
    width = values.max() - values.min()
    if not width > 0:
        return np.ones_like(values)
    return np.asarray(floor + (values - values.min()) * span / width, np.float64)
