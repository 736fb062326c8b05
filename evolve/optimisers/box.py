"""The box that genomes live in: ranges of genes, seen as fractions from 0 to 1.

Optimisers work on fractions, so that one step size means the same for a weight from 0 to 1.5 and
for a density from 0.1 to 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from evoreg.evolve.spaces.space import Gene, Genome

Vector = NDArray[np.float64]
"""Numbers, one for each gene."""


@dataclass(frozen=True)
class Box:
    """Ranges of genes."""

    low: Genome
    """Smallest values."""
    high: Genome
    """Largest values."""
    start: Genome
    """Where the search begins."""

    @classmethod
    def of(cls, genes: Sequence[Gene]) -> Self:
        """Return the box of some genes.

        Args:
            genes: At least one.

        Returns:
            Their ranges, in the same order.

        Raises:
            ValueError: No genes, or a range that is empty, endless or without its start.
        """
        for gene in genes:
            inside = gene.low <= gene.start <= gene.high
            if not inside or not 0 < gene.high - gene.low < np.inf:
                raise ValueError(f"{gene.name}: no range with a start within it")
        if not genes:
            raise ValueError("a search needs at least one gene")
        return cls(
            tuple(float(gene.low) for gene in genes),
            tuple(float(gene.high) for gene in genes),
            tuple(float(gene.start) for gene in genes),
        )

    @property
    def size(self) -> int:
        """Number of genes."""
        return len(self.low)

    @cached_property
    def _ends(self) -> tuple[Vector, Vector]:
        return np.asarray(self.low, np.float64), np.asarray(self.high, np.float64)

    def genome(self, fractions: Vector) -> Genome:
        """Return the genome at some fractions of the ranges, cut to them."""
        low, high = self._ends
        return self.cut(low * (1 - fractions) + high * fractions)

    def fractions(self, genome: Sequence[float]) -> Vector:
        """Return where a genome lies within the ranges, from 0 to 1."""
        low, high = self._ends
        inside = np.clip(np.asarray(genome, np.float64), low, high)
        return np.clip((inside - low) / (high - low), 0.0, 1.0)

    def cut(self, values: Sequence[float] | Vector) -> Genome:
        """Return values cut to the ranges.

        Args:
            values: One for each gene.

        Returns:
            A genome.

        Raises:
            ValueError: Another number of values, or some that are not finite.
        """
        array = np.asarray(values, np.float64)
        if array.shape != (self.size,) or not np.isfinite(array).all():
            raise ValueError(f"a genome has {self.size} finite numbers")
        return tuple(np.clip(array, *self._ends).tolist())
