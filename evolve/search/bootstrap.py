"""Paired bootstrap: how sure the difference of two models on the same items is.

Items, or whole groups of items that belong together, are drawn with replacement as often as there
are; both models are scored on the same draw. The middle 95 % of the differences of 10,000 draws
are the interval (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

SAMPLES = 10_000
"""Draws."""

_TAIL = 0.025
"""Part of the draws below the interval, and above it."""

_CELLS = 2**20
"""Numbers that are drawn at a time."""

Total: TypeAlias = Callable[[Sequence[float]], float]
"""The metric over several items."""

_Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Difference:
    """A paired difference."""

    mean: float
    """The metric of the one less that of the other, over all items."""
    low: float
    """Lower end of the 95 % interval."""
    high: float
    """Upper end."""

    @property
    def certain(self) -> bool:
        """Whether the interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Bootstrap:
    """Draws of the items of a task, the same for all models that are compared."""

    total: Total
    """The metric over several items."""
    groups: Sequence[str]
    """Group of each item; groups are drawn whole."""
    seed: int
    """Decides the draws, in [0, 2**128)."""
    samples: int = SAMPLES
    """Number of draws, at least 1."""

    def difference(self, ours: Sequence[float], theirs: Sequence[float]) -> Difference:
        """Compare two models.

        Args:
            ours: Metric of each item of the one model.
            theirs: Of the other, in the same order.

        Returns:
            Difference and interval; all three are 0 for equal models, and change their sign, low
            becoming high, if the models change places.

        Raises:
            ValueError: Not as many numbers as there are items, or none.
        """
        draws = self._totals(ours) - self._totals(theirs)
        low, high = _middle(draws)
        return Difference(self.total(list(ours)) - self.total(list(theirs)), low, high)

    def standard_error(self, values: Sequence[float]) -> float:
        """Return the standard deviation of the metric of one model over the draws."""
        return float(np.std(self._totals(values)))

    def _totals(self, values: Sequence[float]) -> _Floats:
        if len(values) != len(self.groups) or not values:
            raise ValueError(f"{len(values)} scores for {len(self.groups)} items")
        key = tuple(values)
        if key not in self._known:
            self._known[key] = self._drawn(values)
        return self._known[key]

    @cached_property
    def _known(self) -> dict[tuple[float, ...], _Floats]:
        """What was computed: the winner is compared with everybody on the same draws."""
        return {}

    def _drawn(self, values: Sequence[float]) -> _Floats:
        members = _members(self.groups)
        numbers = np.asarray(values, dtype=np.float64)
        if self._of_the_mean(values):
            return self._of_means(numbers, members)
        drawn = (numbers[_chosen(row, members)].tolist() for row in self._rows(len(members)))
        return np.asarray([self.total(items) for items in drawn])

    def _of_the_mean(self, values: Sequence[float]) -> bool:
        """Return whether the metric needs no more than the mean of the items; nearly all do."""
        mean = math.fsum(values) / len(values)
        return math.isclose(
            self.total(list(values)), self.total([mean]), rel_tol=1e-9, abs_tol=1e-12
        )

    def _of_means(self, numbers: _Floats, members: Sequence[npt.NDArray[np.int64]]) -> _Floats:
        sums = np.asarray([numbers[places].sum() for places in members])
        counts = np.asarray([len(places) for places in members], dtype=np.float64)
        means = [
            sums[rows].sum(axis=1) / counts[rows].sum(axis=1) for rows in self._blocks(len(members))
        ]
        # Few means differ where items are right or wrong.
        different, back = np.unique(np.concatenate(means), return_inverse=True)
        return np.asarray([self.total([mean]) for mean in different.tolist()])[back]

    def _rows(self, groups: int) -> Iterator[npt.NDArray[np.int64]]:
        for block in self._blocks(groups):
            yield from block

    def _blocks(self, groups: int) -> Iterator[npt.NDArray[np.int64]]:
        generator = np.random.Generator(np.random.Philox(key=self.seed))
        step = max(1, _CELLS // groups)
        for start in range(0, self.samples, step):
            count = min(step, self.samples - start)
            yield generator.integers(0, groups, size=(count, groups))


def _members(groups: Sequence[str]) -> list[npt.NDArray[np.int64]]:
    places: dict[str, list[int]] = {}
    for place, group in enumerate(groups):
        places.setdefault(group, []).append(place)
    return [np.asarray(found, dtype=np.int64) for found in places.values()]


def _chosen(
    row: npt.NDArray[np.int64], members: Sequence[npt.NDArray[np.int64]]
) -> npt.NDArray[np.int64]:
    return np.concatenate([members[group] for group in row.tolist()])


def _middle(draws: _Floats) -> tuple[float, float]:
    """Return the ends of the middle 95 %, mirrored exactly if all signs change."""
    ordered = np.sort(draws)
    cut = math.floor(_TAIL * len(ordered))
    return float(ordered[cut]), float(ordered[-1 - cut])
