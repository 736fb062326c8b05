"""Breeding of merges: individuals are tables of coefficients, one for each tensor of each source.

A merge of merges is again a merge of the sources, so an individual never needs weights of its own:
everything that is bred stays a recipe that anybody can carry out.
"""

import re
from collections.abc import Sequence

import numpy as np

from evoreg.evolve.optimisers.box import Box, Vector
from evoreg.evolve.optimisers.strategy import Brief
from evoreg.evolve.spaces.space import Genome
from evoreg.provenance.records.errors import Code, RecipeError

STRAIGHT = 1e-6
"""Sine of an angle below which vectors count as parallel, as in M2N2's own program."""


class Pool:
    """The sources to breed from."""

    def __init__(self, brief: Brief, optimiser: str) -> None:
        """Check that the genes are those of whole tensors.

        Raises:
            RecipeError: They are not, or there is nothing to breed from.
        """
        self._geometry = brief.geometry
        self.box: Box = brief.box
        """Ranges of the coefficients."""
        self.count: int = len(brief.geometry.sources) if brief.geometry else 0
        """Number of sources."""
        words = [_tensor(name) for name in brief.names]
        self.tensors: tuple[str, ...] = tuple(words[:: max(self.count, 1)])
        """Names of the tensors, which end the names of their genes."""
        if self.count < 2 or words != [name for name in self.tensors for _ in range(self.count)]:
            raise RecipeError(
                Code.RECIPE_STRUCTURE,
                f"{optimiser} needs one gene for each tensor of at least two models",
                where="space",
                hint="say space: {kind: tensors}",
            )
        if max(self.box.low) > 0 or min(self.box.high) < 1:
            raise RecipeError(
                Code.RECIPE_PARAMETER,
                f"{optimiser} begins with each model alone, whose weights are 0 and 1",
                where="space",
                hint="let low be at most 0 and high at least 1",
            )

    @property
    def ranks(self) -> tuple[int, ...]:
        """The place of each tensor in the order of the layers: by name, numbers by value."""
        order = sorted(range(len(self.tensors)), key=lambda place: _natural(self.tensors[place]))
        return tuple(order.index(place) for place in range(len(order)))

    def gram(self, vectors: str) -> Vector:
        """Return inner products of the sources, of shape (tensors, sources, sources).

        Args:
            vectors: ``models``, ``differences`` from the base, or ``auto``: differences if the
                models were measured against a base.

        Returns:
            Zeros for tensors that could not be measured since they differ in shape: angles and
            lengths are then those of the rest.
        """
        found = np.zeros((len(self.tensors), self.count, self.count))
        if self._geometry is None:  # refused above
            return found
        whole, changed = self._geometry.gram, self._geometry.deltas
        models = vectors == "models" or (vectors == "auto" and np.array_equal(whole, changed))
        measured = {name: place for place, name in enumerate(self._geometry.tensors)}
        for row, name in enumerate(self.tensors):
            if name in measured:
                found[row] = (whole if models else changed)[measured[name]]
        return found

    def table(self, genome: Genome) -> Vector:
        """Return the coefficients of a genome, of shape (tensors, sources)."""
        return np.asarray(genome, np.float64).reshape(len(self.tensors), self.count)

    def genome(self, table: Vector) -> Genome:
        """Return the genome of coefficients, cut to the ranges."""
        return self.box.cut(table.reshape(-1))

    @property
    def seeds(self) -> tuple[Genome, ...]:
        """The sources alone: coefficient one for one of them, else zero."""
        shape = (len(self.tensors), self.count)
        alone = (np.broadcast_to(row, shape) for row in np.eye(self.count))
        return tuple(map(self.genome, alone))

    @property
    def uniform(self) -> Genome:
        """The plain average of the sources."""
        return self.genome(np.full((len(self.tensors), self.count), 1 / self.count))

    def average(self, random: np.random.Generator) -> Genome:
        """Return a random average of the sources, the same for all tensors.

        It stands in where there are no two individuals to breed from.
        """
        weights = random.dirichlet(np.ones(self.count))
        return self.genome(np.broadcast_to(weights, (len(self.tensors), self.count)))


def slerp_weights(cosine: float, weight: float) -> tuple[float, float]:
    """Return the coefficients of two vectors in their spherical interpolation.

    Args:
        cosine: Cosine of the angle between the whole vectors.
        weight: 0 gives the first, 1 the second.

    Returns:
        Two numbers; for (almost) parallel vectors those of the straight line.
    """
    angle = float(np.arccos(np.clip(cosine, -1.0, 1.0)))
    sine = float(np.sin(angle))
    if sine <= STRAIGHT:
        return 1 - weight, weight
    return float(np.sin((1 - weight) * angle)) / sine, float(np.sin(weight * angle)) / sine


def cosine_of(first: Vector, second: Vector, gram: Vector) -> float:
    """Return the cosine of the angle between two merges as whole parameter vectors.

    Args:
        first: Coefficients of one, of shape (tensors, sources).
        second: Coefficients of the other.
        gram: Inner products of the sources, of shape (tensors, sources, sources).

    Returns:
        A number from -1 to 1, exact but for rounding; 1 if one of them is zero.
    """
    inner = [
        float(np.einsum("ts,tsr,tr->", left, gram, right))
        for left, right in ((first, second), (first, first), (second, second))
    ]
    length = float(np.sqrt(max(inner[1], 0.0)) * np.sqrt(max(inner[2], 0.0)))
    return float(np.clip(inner[0] / length, -1.0, 1.0)) if length > 0 else 1.0


def split_slerp(
    pair: tuple[Vector, Vector], gram: Vector, before: Sequence[bool], weight: float
) -> Vector:
    """Return the child of two merges, interpolated one way before a split, the other way behind.

    Args:
        pair: Coefficients of the parents, of shape (tensors, sources).
        gram: Inner products of the sources, of shape (tensors, sources, sources).
        before: For each tensor whether it stands before the split.
        weight: Weight of the second parent before the split, 1 - weight behind it; 0 to 1.

    Returns:
        Coefficients of the child.
    """
    first, second = pair
    cosine = cosine_of(first, second, gram)
    ways = slerp_weights(cosine, 1 - weight), slerp_weights(cosine, weight)
    parts = np.asarray([ways[each] for each in before], np.float64)
    child: Vector = parts[:, :1] * first + parts[:, 1:] * second
    return child


def _tensor(gene: str) -> str:
    """Return the tensor that a gene's name ends with; names of tensors may hold blanks."""
    _, found, name = gene.rpartition(" weight ")
    return name if found else gene.rpartition(" ")[2]


def _natural(name: str) -> list[tuple[int, str]]:
    """Return what sorts names with numbers by their value."""
    return [
        (int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)
    ]
