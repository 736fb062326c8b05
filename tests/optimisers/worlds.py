"""Worlds to try optimisers in: genes, what a genome is worth, and real weights to merge."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evoreg.evolve.optimisers.optimiser import Asked, Optimiser, Told
from evoreg.evolve.optimisers.table import OPTIMISERS, make_optimiser
from evoreg.evolve.searchfile.form import OptimiserForm
from evoreg.evolve.spaces.space import Gene, Genome
from evoreg.provenance.records.recipe import Scalar

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Weights:
    """Models of several tensors: what a geometry is computed from."""

    values: tuple[tuple[Vector, ...], ...]
    """By tensor, then by source."""
    base: tuple[Vector, ...]
    """By tensor."""
    tensors: tuple[str, ...]
    sources: tuple[str, ...]

    @property
    def gram(self) -> Vector:
        return np.asarray([products(np.asarray(row)) for row in self.values])

    @property
    def deltas(self) -> Vector:
        pairs = zip(self.values, self.base, strict=True)
        return np.asarray([products(np.asarray(row) - base) for row, base in pairs])

    def merged(self, genome: Genome) -> Vector:
        """Return sum_i c_i x_i, tensor after tensor, as one vector."""
        table = np.asarray(genome).reshape(len(self.tensors), len(self.sources))
        return np.concatenate(
            [row @ np.asarray(each) for row, each in zip(table, self.values, strict=True)]
        )


def products(rows: Vector) -> Vector:
    return np.asarray(rows @ rows.T)


def weights(tensors: int = 5, sources: int = 3, seed: int = 1) -> Weights:
    random = np.random.default_rng(seed)
    sizes = [int(size) for size in random.integers(3, 40, tensors)]
    base = tuple(random.normal(size=size) for size in sizes)
    values = tuple(
        tuple(each + 0.4 * random.normal(size=len(each)) for _ in range(sources)) for each in base
    )
    names = tuple(f"layers.{place}.{'norm' if place == 1 else 'mlp'}" for place in range(tensors))
    return Weights(values, base, names, tuple("abcdefgh"[:sources]))


def box_genes(count: int) -> tuple[Gene, ...]:
    """Ranges of different widths and places."""
    return tuple(Gene(f"g{n}", -1.0 - n / 8, 2.0 + n / 4, 1.5) for n in range(count))


def tensor_genes(world: Weights, low: float = -2.0, high: float = 2.0) -> tuple[Gene, ...]:
    return tuple(
        Gene(f"{source} weight {tensor}", low, high, 1 / len(world.sources))
        for tensor in world.tensors
        for source in world.sources
    )


def sphere(genome: Genome, target: float = 0.3) -> float:
    return -sum((value - target) ** 2 for value in genome) / len(genome)


@dataclass(frozen=True)
class World:
    """An optimiser's task."""

    kind: str
    genes: tuple[Gene, ...]
    score: Callable[[Genome], tuple[float, ...]]
    items: Callable[[Genome], tuple[float, ...]] = field(default=lambda genome: ())
    weights: Weights | None = None
    objectives: int = 1

    def make(
        self, options: Mapping[str, Scalar] | None = None, *, seed: int = 7, population: int = 0
    ) -> Optimiser:
        form = OptimiserForm.model_validate(
            {"kind": self.kind, "population": population, "options": dict(options or {})}
        )
        return make_optimiser(
            form, self.genes, seed, geometry=self.weights, objectives=self.objectives
        )

    def told(self, asked: tuple[Asked, ...], failed: tuple[int, ...] = ()) -> tuple[Told, ...]:
        """Score a generation; some places fail."""
        return tuple(
            Told(each.genome, None)
            if place in failed
            else Told(each.genome, self.score(each.genome), self.items(each.genome))
            for place, each in enumerate(asked)
        )

    def failed(self, asked: tuple[Asked, ...]) -> tuple[Told, ...]:
        return self.told(asked, tuple(range(len(asked))))

    def run(self, optimiser: Optimiser, generations: int) -> list[tuple[Asked, ...]]:
        """Let it search; return what it asked."""
        asked = []
        for _ in range(generations):
            asked.append(optimiser.ask())
            optimiser.tell(self.told(asked[-1]))
        return asked


def distances(genome: Genome) -> tuple[float, ...]:
    """Score of an item for each gene, from 0 to 1."""
    return tuple(1 / (1 + (value - 0.3) ** 2) for value in genome)


def world_of(kind: str) -> World:
    """A world that suits the row of the table."""
    row = OPTIMISERS[kind]
    model = weights() if row.geometry else None
    genes = tensor_genes(model) if model else box_genes(4)
    if row.several:
        return World(
            kind, genes, lambda g: (sphere(g, 0.2), sphere(g, 0.8)), weights=model, objectives=2
        )
    items = distances if row.items else (lambda genome: ())
    return World(kind, genes, lambda g: (sphere(g),), items, model)


def inside(world: World, genome: Genome) -> bool:
    return len(genome) == len(world.genes) and all(
        gene.low <= value <= gene.high for gene, value in zip(world.genes, genome, strict=True)
    )
