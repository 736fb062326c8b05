"""CycleQD: one archive for each task, which take turns in deciding what quality is.

"Agent Skill Acquisition for Large Language Models via CycleQD" (arXiv 2410.14735), with every
individual a table of coefficients. The paper's mutation adds the singular directions of an expert's
changes, each to a random extent; here all directions of a tensor share one extent, since
coefficients can say no more, and whatever is found must remain a recipe.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from evoreg.evolve.optimisers.box import Vector
from evoreg.evolve.optimisers.breeding import Pool
from evoreg.evolve.optimisers.cells import Archive, Elite, Grid
from evoreg.evolve.optimisers.optimiser import Asked, Told
from evoreg.evolve.optimisers.strategy import Brief
from evoreg.evolve.optimisers.streams import digest, generator
from evoreg.evolve.spaces.space import Genome
from evoreg.provenance.records.canonical import Json

SMALL = 1e-6
"""A sum of weights below this is not divided by."""


class CycleQd:
    """The archives and their children."""

    def __init__(self, brief: Brief) -> None:
        self._pool = Pool(brief, "cycleqd")
        self._options = brief.options
        self._population = brief.population
        self._tasks = brief.objectives
        self._random = generator(brief.seed, "cycleqd")
        self._turn = 0
        self._first = True
        self._archives: tuple[Archive, ...] = ()
        self._alone: dict[int, tuple[float, ...]] = {}
        self._norms = np.asarray(["norm" in name for name in self._pool.tensors])

    @property
    def room(self) -> int:
        """A whole generation."""
        return self._population

    def draw(self, suggested: Sequence[Genome]) -> tuple[Asked, ...]:
        """Return the sources alone at first, then children of the next task's archive."""
        if self._first:
            self._first = False
            return tuple(map(Asked, (*self._pool.seeds, *suggested)))
        quality = self._turn % self._tasks
        self._turn += 1
        children = [self._child(quality) for _ in range(self._population - len(suggested))]
        return (*map(Asked, suggested), *children)

    def learn(self, told: Sequence[Told]) -> None:
        """Offer each to all archives."""
        worked = [Elite(each.genome, each.objectives) for each in told if each.objectives]
        if not self._archives:
            self._found(worked)
        for elite in worked:
            for archive in self._archives:
                archive.enter(elite)

    @property
    def returned(self) -> Genome:
        """The average of the best at each task, weighted by the softmax of their qualities."""
        if not self._archives:
            return self._pool.uniform
        best = [archive.best for archive in self._archives]
        quality = np.asarray([elite.scores[task] for task, elite in enumerate(best)], np.float64)
        weights = np.exp(quality - quality.max())
        tables = np.asarray([elite.genome for elite in best], np.float64)
        return self._pool.box.cut(weights @ tables / weights.sum())

    @property
    def front(self) -> tuple[Genome, ...]:
        """The elites of all archives, archive by archive."""
        elites = (elite.genome for archive in self._archives for elite in archive.elites)
        return tuple(dict.fromkeys(elites)) or (self.returned,)

    @property
    def finished(self) -> str:
        """Nothing: it never ends by itself."""
        return ""

    def state(self) -> Mapping[str, Json]:
        """Return how many cells are filled, the best qualities, and a digest of it all."""
        kept = [[(each.genome, each.scores) for each in one.elites] for one in self._archives]
        return {
            "cells": [len(archive.elites) for archive in self._archives],
            "best": [one.best.scores[task] for task, one in enumerate(self._archives)],
            "digest": digest(kept, self._random, self._turn, self._first),
        }

    def _found(self, worked: Sequence[Elite]) -> None:
        """Lay out the archives by the first candidates that could be scored."""
        alone = {genome: source for source, genome in enumerate(self._pool.seeds)}
        self._alone = {
            alone[elite.genome]: elite.scores for elite in worked if elite.genome in alone
        }
        bins, headroom = self._options.count("bins"), self._options.number("headroom")
        grid = Grid.around([elite.scores for elite in worked], bins, headroom)
        self._archives = tuple(Archive(task, grid) for task in range(self._tasks))

    def _child(self, quality: int) -> Asked:
        elites, chances = self._candidates(quality)
        if len(elites) < 2:
            return Asked(self._pool.average(self._random))
        known = {elite.genome for elite in elites}
        for _ in range(1 + self._options.count("retries")):
            places = self._random.choice(len(elites), size=2, replace=False, p=chances)
            pair = tuple(elites[int(place)].genome for place in places)
            genome = self._pool.genome(self._mutated(self._crossed(pair), quality))
            if genome not in known:
                break
        return Asked(genome, pair)

    def _candidates(self, quality: int) -> tuple[tuple[Elite, ...], Vector | None]:
        """Return who may become a parent, and the chances; nothing for equal ones."""
        own = self._archives[quality].elites if self._archives else ()
        if len(own) < 2:
            everyone = (elite for archive in self._archives for elite in archive.elites)
            return tuple({elite.genome: elite for elite in everyone}.values()), None
        if self._options.word("sampling") == "uniform":
            return own, None
        floor, span = self._options.number("floor"), self._options.number("span")
        return own, self._archives[quality].chances(floor, span)

    def _crossed(self, pair: Sequence[Genome]) -> Vector:
        """Return a weighted mean of the parents' coefficients, with weights close to one."""
        weights = self._random.normal(1.0, self._options.number("crossover_std"), len(pair))
        if abs(weights.sum()) < SMALL:
            weights = np.ones_like(weights)
        tables = [self._pool.table(genome) for genome in pair]
        return np.asarray(np.tensordot(weights / weights.sum(), tables, axes=1), np.float64)

    def _mutated(self, table: Vector, quality: int) -> Vector:
        """Return the coefficients with up to `mutation_rate` of the task's expert added.

        Every tensor has a number of its own; norms are left alone, as in the paper.
        """
        rate = self._options.number("mutation_rate")
        added = self._random.uniform(0.0, 1.0, len(table)) * rate
        grown = table.copy()
        grown[:, self._expert(quality)] += np.where(self._norms, 0.0, added)
        return grown

    def _expert(self, quality: int) -> int:
        """Return the source that did best alone at a task, of equals the first."""
        if not self._alone:
            return quality % self._pool.count
        return min(self._alone, key=lambda source: (-self._alone[source][quality], source))
