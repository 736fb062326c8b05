"""M2N2: an archive in which models compete for items and look for partners that complete them.

"Competition and Attraction Improve Model Fusion" (arXiv 2508.16204). An item is a resource that all
who solve it share, so that a model which solves what few others do is kept, and parents are chosen
by what one solves and the other does not. Children are spherical interpolations of whole parameter
vectors that turn round at a split point.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evoreg.evolve.optimisers.box import Vector
from evoreg.evolve.optimisers.breeding import Pool, split_slerp
from evoreg.evolve.optimisers.optimiser import Asked, Told
from evoreg.evolve.optimisers.strategy import Brief
from evoreg.evolve.optimisers.streams import digest, generator
from evoreg.evolve.spaces.space import Genome
from evoreg.provenance.records.canonical import Json


@dataclass(frozen=True)
class Individual:
    """A merge that was scored."""

    genome: Genome
    """Its coefficients."""
    fitness: float
    """Fitness over all items."""
    items: tuple[float, ...]
    """Fitness of each item."""


class M2n2:
    """The archive and its children."""

    def __init__(self, brief: Brief) -> None:
        self._pool = Pool(brief, "m2n2")
        self._size = brief.population
        self._children = brief.options.count("children")
        self._alpha = brief.options.number("alpha")
        self._matchmaking = brief.options.flag("matchmaking")
        self._mutation = brief.options.number("mutation")
        self._gram = self._pool.gram(brief.options.word("vectors"))
        self._ranks = self._pool.ranks
        self._random = generator(brief.seed, "m2n2")
        self._first = True
        self._archive: list[Individual] = []
        self._best: Individual | None = None

    @property
    def room(self) -> int:
        """As many as there are children in a generation."""
        return self._children

    def draw(self, suggested: Sequence[Genome]) -> tuple[Asked, ...]:
        """Return the sources alone at first, then children of the archive."""
        if self._first:
            self._first = False
            return tuple(map(Asked, (*self._pool.seeds, *suggested)))
        children = [self._child() for _ in range(self._children - len(suggested))]
        return (*map(Asked, suggested), *children)

    def learn(self, told: Sequence[Told]) -> None:
        """Let each take the place of the weakest, one after the other."""
        for each in told:
            if each.objectives is not None:
                self._enter(Individual(each.genome, each.objectives[0], each.items))

    @property
    def returned(self) -> Genome:
        """The best over all items; before there is one, the plain average."""
        return self._best.genome if self._best else self._pool.uniform

    @property
    def front(self) -> tuple[Genome, ...]:
        """The archive, best first."""
        order = sorted(self._archive, key=lambda each: -each.fitness)
        return tuple(dict.fromkeys(each.genome for each in order)) or (self.returned,)

    @property
    def finished(self) -> str:
        """Nothing: it never ends by itself."""
        return ""

    def state(self) -> Mapping[str, Json]:
        """Return size and best fitness of the archive, and a digest of it all."""
        kept = [(each.genome, each.fitness, each.items) for each in self._archive]
        return {
            "archive": len(self._archive),
            "best": self._best.fitness if self._best else None,
            "solved": int((self._scores() > 0).any(axis=0).sum()) if self._archive else 0,
            "digest": digest(kept, self.returned, self._random, self._first),
        }

    def _scores(self) -> Vector:
        return np.asarray([each.items for each in self._archive], np.float64)

    def _enter(self, child: Individual) -> None:
        if self._best is None or child.fitness > self._best.fitness:
            self._best = child
        self._archive.append(child)
        if len(self._archive) > self._size:
            # The first of equals goes, as in the paper's program; the child is the last.
            del self._archive[int(np.argmin(niche_fitness(self._scores(), self._alpha)))]

    def _child(self) -> Asked:
        if len(self._archive) < 2:
            return Asked(self._pool.average(self._random))
        pair = tuple(self._archive[place].genome for place in self._parents())
        tables = self._pool.table(pair[0]), self._pool.table(pair[1])
        split = int(self._random.integers(len(self._ranks)))
        before = [rank < split for rank in self._ranks]
        child = split_slerp(tables, self._gram, before, float(self._random.random()))
        if self._mutation:
            child = child + self._random.normal(0.0, self._mutation, child.shape)
        return Asked(self._pool.genome(child), pair)

    def _parents(self) -> tuple[int, int]:
        """Return the places of two individuals."""
        scores = self._scores()
        fitness = niche_fitness(scores, self._alpha)
        first = _chosen(self._random, fitness, None)
        if self._matchmaking:
            fitness = attraction(scores, first, self._alpha)
        return first, _chosen(self._random, fitness, first)


def niche_fitness(scores: Vector, alpha: float) -> Vector:
    """Return what each individual gets of the items, each of which all who solve it share.

    Args:
        scores: One row for each individual, one column for each item. Columns with a negative
            number are raised until their smallest is zero: what is shared cannot be negative.
        alpha: How much is shared; 0 nothing (an ordinary genetic algorithm), 1 everything.

    Returns:
        f_i = sum_j s_ij / (sum_k s_kj)^alpha, one for each individual.
    """
    fitness: Vector = (_raised(scores) / _shared(scores, alpha)).sum(axis=1)
    return fitness


def attraction(scores: Vector, first: int, alpha: float) -> Vector:
    """Return how much each individual has that the first one lacks.

    Args:
        scores: As for `niche_fitness`.
        first: Place of the first parent.
        alpha: As for `niche_fitness`.

    Returns:
        g_k = sum_j max(0, s_kj - s_1j) / (sum_i s_ij)^alpha; 0 for the first itself.
    """
    parts = _raised(scores) / _shared(scores, alpha)
    gained: Vector = np.maximum(0.0, parts - parts[first]).sum(axis=1)
    return gained


def _raised(scores: Vector) -> Vector:
    raised: Vector = scores - np.minimum(scores.min(axis=0), 0.0)
    return raised


def _shared(scores: Vector, alpha: float) -> Vector:
    total = _raised(scores).sum(axis=0) ** alpha
    return np.where(total > 0, total, 1.0)


def _chosen(random: np.random.Generator, weights: Vector, apart: int | None) -> int:
    """Return a place drawn in proportion to the weights, or evenly if there are none.

    Args:
        random: Where the draw comes from.
        weights: None negative.
        apart: A place that is not drawn.
    """
    weights = weights.copy()
    if apart is not None:
        weights[apart] = 0.0
    if not weights.sum() > 0:
        weights = np.ones_like(weights)
        if apart is not None:
            weights[apart] = 0.0
    return int(random.choice(len(weights), p=weights / weights.sum()))
