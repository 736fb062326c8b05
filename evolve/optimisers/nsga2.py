"""NSGA-II: a population that spreads along the front of several objectives.

The algorithm is pymoo's (Deb et al. 2002), driven generation by generation. A candidate that failed
is infeasible to it: any other one is preferred, however bad.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evoreg.evolve.optimisers.optimiser import Asked, Told
from evoreg.evolve.optimisers.pareto import Scores, front_of, knee_of, matrix_of
from evoreg.evolve.optimisers.strategy import Brief
from evoreg.evolve.optimisers.streams import derived, digest
from evoreg.evolve.spaces.space import Genome
from evoreg.provenance.records.canonical import Json


class Nsga2:
    """NSGA-II over fractions of the ranges."""

    def __init__(self, brief: Brief) -> None:
        self._box = brief.box
        self._population = brief.population
        self._library = _algorithm(brief)
        self._drawn: Any = None
        self._first = True

    @property
    def room(self) -> int:
        """Half a generation."""
        return self._population // 2

    def draw(self, suggested: Sequence[Genome]) -> tuple[Asked, ...]:
        """Breed a generation; suggestions take the place of its first children."""
        start = (self._box.start,) if self._first else ()
        self._first = False
        placed = (*suggested, *start)
        self._drawn = self._bred()
        for child, genome in zip(self._drawn, placed, strict=False):
            child.X = self._box.fractions(genome)
            child.set("genome", genome)
        for child in self._drawn[len(placed) :]:
            child.set("genome", self._box.genome(child.X))
        return tuple(Asked(child.get("genome")) for child in self._drawn)

    def learn(self, told: Sequence[Told]) -> None:
        """Keep the better half of parents and children."""
        worked = matrix_of([each.objectives for each in told if each.objectives is not None])
        worst = tuple(worked.min(axis=0).tolist())
        losses = -matrix_of([each.objectives or worst for each in told])
        failed = np.asarray([[float(each.objectives is None)] for each in told])
        self._drawn.set("F", losses, "G", failed, "H", np.empty((len(told), 0)))
        for each in self._drawn:
            each.evaluated.update(("F", "G", "H"))
        self._library.tell(infills=self._drawn)

    @property
    def returned(self) -> Genome:
        """The middle of the front: closest to the best of every objective."""
        genomes, scores = self._kept()
        return genomes[knee_of(scores)] if genomes else self._box.start

    @property
    def front(self) -> tuple[Genome, ...]:
        """What no other one of the population beats, best in the first objective first."""
        return self._kept()[0] or (self._box.start,)

    @property
    def finished(self) -> str:
        """Nothing: it never ends by itself."""
        return ""

    def state(self) -> Mapping[str, Json]:
        """Return the size of the front and a digest of population and random numbers."""
        population = self._library.pop
        known = [] if population is None else [population.get(key) for key in ("X", "F", "CV")]
        return {
            "front": len(self._kept()[0]),
            "returned": list(self.returned),
            "digest": digest(*known, self._library.random_state, self._first),
        }

    def _bred(self) -> Any:  # noqa: ANN401 - a population of pymoo's
        """Return a whole generation; random ones stand in where parents bring forth only equals."""
        bred = self._library.ask()
        self._library.termination.force_termination = False  # set if there was no child at all
        missing = self._population - (0 if bred is None else len(bred))
        if not missing:
            return bred
        points = self._library.random_state.random((missing, self._box.size))
        extra = type(self._library.pop).new(X=points)
        return extra if bred is None else type(bred).merge(bred, extra)

    def _kept(self) -> tuple[tuple[Genome, ...], Scores]:
        """Return the front of the population without repetitions, sorted, and its scores."""
        found: dict[Genome, tuple[float, ...]] = {}
        for each in self._library.pop if self._library.pop is not None else ():
            if each.feas:
                found[each.get("genome")] = tuple((-each.F).tolist())
        if not found:
            return (), np.empty((0, 0))
        order = sorted(found, key=lambda genome: (found[genome], genome), reverse=True)
        scores = matrix_of([found[genome] for genome in order])
        places = front_of(scores)
        return tuple(order[place] for place in places), scores[list(places)]


def _algorithm(brief: Brief) -> Any:  # noqa: ANN401 - pymoo declares no types
    """Return pymoo's algorithm; pymoo is loaded when it is needed, since that takes a second."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.problem import Problem
    from pymoo.core.termination import NoTermination
    from pymoo.operators.crossover.sbx import SBX
    from pymoo.operators.mutation.pm import PM

    number = brief.options.number
    problem = Problem(n_var=brief.box.size, n_obj=brief.objectives, n_ieq_constr=1, xl=0.0, xu=1.0)
    algorithm = NSGA2(
        pop_size=brief.population,
        crossover=SBX(prob=number("crossover_probability"), eta=number("crossover_eta")),
        mutation=PM(prob=number("mutation_probability"), eta=number("mutation_eta")),
        seed=derived(brief.seed, "nsga2"),
    )
    algorithm.setup(problem, termination=NoTermination())
    return algorithm
