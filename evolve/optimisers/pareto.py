"""Fronts: which of several candidates no other one beats, and the one in the middle."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
"""One row for each candidate, one column for each objective; more is better."""


def front_of(scores: Scores) -> tuple[int, ...]:
    """Return the rows that no other row beats.

    Args:
        scores: Finite numbers.

    Returns:
        Places in their order. A row is beaten if another one is nowhere worse and somewhere
        better; equal rows do not beat each other.
    """
    kept = []
    for place, row in enumerate(scores):
        nowhere_worse = (scores >= row).all(axis=1)
        somewhere_better = (scores > row).any(axis=1)
        if not (nowhere_worse & somewhere_better).any():
            kept.append(place)
    return tuple(kept)


def knee_of(scores: Scores) -> int:
    """Return the row in the middle of a front.

    Args:
        scores: The rows of a front, at least one.

    Returns:
        The place of the row closest to the ideal point, the best of each objective, when every
        objective is stretched to run from 0 to 1 over the front; of equals the first. An objective
        in which all rows are equal does not count.
    """
    best, worst = scores.max(axis=0), scores.min(axis=0)
    width = np.where(best > worst, best / 2 - worst / 2, 1.0)
    lost = (best / 2 - scores / 2) / width
    return int(np.argmin(np.round((lost**2).sum(axis=1), 12)))


def matrix_of(rows: Sequence[Sequence[float]]) -> Scores:
    """Return rows of objectives as an array."""
    return np.asarray(rows, np.float64)
