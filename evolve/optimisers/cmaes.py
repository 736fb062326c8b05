"""CMA-ES: a normal distribution that moves and bends towards what scored well.

The numbers are pycma's (Hansen, arXiv 1604.00772); here they are told ranks instead of fitness,
which is all that they use, so that neither the scale of a metric nor a failure upsets them.
"""

import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from evoreg.evolve.optimisers.box import Vector
from evoreg.evolve.optimisers.optimiser import Asked, Told
from evoreg.evolve.optimisers.strategy import Brief
from evoreg.evolve.optimisers.streams import derived, digest
from evoreg.evolve.spaces.space import Genome
from evoreg.provenance.records.canonical import Json

FEWEST = 2
"""Dimensions of the library's mathematics; a single gene gets a second one that nobody reads."""
DIAGONAL = 2
"""The library knows either none or at least two diagonal iterations."""
MOST_SUGGESTED = 0.5
"""Part of a generation that may be suggested; the distribution learns little from those."""


class CmaEs:
    """CMA-ES within a box of fractions, and sep-CMA-ES, whose distribution does not turn."""

    def __init__(self, brief: Brief, *, separable: bool) -> None:
        self._box = brief.box
        self._population = brief.population
        self._precision = brief.options.number("precision")
        self._random = np.random.RandomState(derived(brief.seed, "cma-es"))
        self._library = _strategy(brief, self._normal, separable=separable)
        self._drawn: list[Vector] = []

    @property
    def room(self) -> int:
        """Half a generation."""
        return int(self._population * MOST_SUGGESTED)

    def draw(self, suggested: Sequence[Genome]) -> tuple[Asked, ...]:
        """Sample the distribution, after what was suggested."""
        self._library.inject([self._inner(genome) for genome in suggested], force=True)
        self._drawn = list(self._library.ask())
        sampled = [self._genome(vector) for vector in self._drawn[len(suggested) :]]
        return tuple(Asked(genome) for genome in (*suggested, *sampled))

    def learn(self, told: Sequence[Told]) -> None:
        """Move the distribution by the ranks of the generation."""
        with warnings.catch_warnings():
            # Suggestions of a generation that failed as a whole are never told of, and need not be.
            warnings.simplefilter("ignore", _library().evolution_strategy.InjectionWarning)
            self._library.tell(self._drawn, ranks(told))
        # When a diagonal distribution becomes a full one, the library makes a new sampler and
        # forgets whose random numbers it was to use.
        self._library.sm.randn = self._normal

    @property
    def returned(self) -> Genome:
        """The mean of the distribution."""
        # Not `result`: that asks the library's stopping rules too, which read files.
        library = self._library
        repair = library.boundary_handler.repair
        return self._genome(library.gp.pheno(library.mean[:], into_bounds=repair))

    @property
    def front(self) -> tuple[Genome, ...]:
        """The mean alone."""
        return (self.returned,)

    @property
    def finished(self) -> str:
        """Whether the distribution has shrunk to a point; no plateau ends a search."""
        widest = float(np.max(self._library.stds[: self._box.size]))
        if not widest >= self._precision:
            return f"the step size fell below {self._precision:g} of every gene's range"
        return ""

    def state(self) -> Mapping[str, Json]:
        """Return step size, mean, and a digest of the rest."""
        library = self._library
        covariance = getattr(library.sm, "C", library.sm.variances)
        paths = (library.pc, library.pc2, getattr(library.adapt_sigma, "ps", None))
        everything = (library.mean, library.sigma, library.sigma_vec.scaling, covariance, *paths)
        return {
            "sigma": float(library.sigma),
            "mean": list(self.returned),
            "covariance": digest(covariance, library.sigma_vec.scaling),
            "digest": digest(*everything, self._random),
        }

    def _normal(self, *shape: int) -> Vector:
        return self._random.standard_normal(shape)

    def _genome(self, vector: Vector) -> Genome:
        return self._box.genome(np.asarray(vector[: self._box.size], np.float64))

    def _inner(self, genome: Genome) -> Any:  # noqa: ANN401 - a vector of the library's inner space
        point = _padded(self._box.fractions(genome))
        return self._library.gp.geno(point, from_bounds=self._library.boundary_handler.inverse)


def ranks(told: Sequence[Told]) -> list[float]:
    """Return the ranks of a generation, 0 for the best.

    Args:
        told: A generation, with one objective.

    Returns:
        One rank for each, no two the same: a sort that is not stable has nothing to decide. Equals
        are ranked in their order; failures come after all others, in their order too.
    """

    def before(place: int) -> tuple[bool, float]:
        objectives = told[place].objectives
        return objectives is None, -(objectives or (0.0,))[0]

    order = sorted(range(len(told)), key=before)
    return [float(order.index(place)) for place in range(len(told))]


def usual_population(genes: int) -> int:
    """Return the number of candidates of a generation that CMA-ES usually takes."""
    return 4 + int(3 * np.log(genes))


def _padded(fractions: Vector) -> Vector:
    return np.pad(fractions, (0, max(0, FEWEST - len(fractions))), constant_values=0.5)


def _strategy(brief: Brief, normal: object, *, separable: bool) -> Any:  # noqa: ANN401 - untyped
    """Return the library's strategy with everything set that would otherwise be left to chance."""
    library = _library()
    iterations = 0 if separable else brief.options.count("diagonal_iterations")
    start = _padded(brief.box.fractions(brief.box.start))
    options = {
        "bounds": [0.0, 1.0],
        "popsize": brief.population,
        "CMA_diagonal": True if separable else max(iterations, DIAGONAL) if iterations else 0,
        "CMA_active": brief.options.flag("active"),
        "CMA_active_injected": 0,
        # From 300 genes on it would take another rule, which reads NumPy's global generator and
        # cannot draw a generation twice.
        "AdaptSigma": library.sigma_adaptation.CMAAdaptSigmaCSA,
        "randn": normal,
        "seed": np.nan,  # do not seed the global generator
        "verbose": -9,  # nothing is printed and no file is written
        "signals_filename": "",  # nor read: one in the working folder would change the settings
        # Scores come in steps: a plateau is no reason to end.
        "tolflatfitness": 1000,
        "tolstagnation": 10**9,
        "tolx": 0,
        "tolfun": -1,
        "tolfunhist": -1,
        "tolxstagnation": False,
    }
    return library.CMAEvolutionStrategy(start, brief.sigma, options)


@cache
def _library() -> Any:  # noqa: ANN401 - cma declares no types
    """Return the library, loaded when it is needed: it warns where matplotlib is missing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import cma
    return cma
