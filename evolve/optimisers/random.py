"""Random search: candidates that are spread over the box and learn nothing from each other.

It is what a search has to beat, and it needs no settings.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from evoreg.evolve.optimisers.optimiser import Asked, Told
from evoreg.evolve.optimisers.strategy import Brief
from evoreg.evolve.optimisers.streams import digest, generator
from evoreg.evolve.spaces.space import Genome
from evoreg.provenance.records.canonical import Json


class RandomSearch:
    """Uniform points, or a Latin hypercube for each generation."""

    def __init__(self, brief: Brief) -> None:
        self._box = brief.box
        self._population = brief.population
        self._latin = brief.options.word("design") == "latin"
        self._random = generator(brief.seed, "random")
        self._first = True
        self._means: dict[Genome, tuple[Fraction, int]] = {}

    @property
    def room(self) -> int:
        """A whole generation."""
        return self._population

    def draw(self, suggested: Sequence[Genome]) -> tuple[Asked, ...]:
        """Return what was suggested and random genomes; the first of all is where spaces begin."""
        shape = (self._population, self._box.size)
        points = self._random.random(shape)
        if self._latin:
            cells = self._random.permuted([range(shape[0])] * shape[1], axis=1).T
            points = (cells + points) / shape[0]
        start = (self._box.start,) if self._first else ()
        self._first = False
        drawn = (self._box.genome(point) for point in points)
        return tuple(map(Asked, (*suggested, *start, *drawn)))[: self._population]

    def learn(self, told: Sequence[Told]) -> None:
        """Remember the mean fitness of every genome."""
        for each in told:
            if each.objectives is not None:
                total, count = self._means.get(each.genome, (Fraction(0), 0))
                self._means[each.genome] = (total + Fraction(each.objectives[0]), count + 1)

    @property
    def returned(self) -> Genome:
        """The genome with the best mean fitness; of equals the one that came first."""
        if not self._means:
            return self._box.start
        return max(self._means, key=lambda genome: self._means[genome][0] / self._means[genome][1])

    @property
    def front(self) -> tuple[Genome, ...]:
        """What it returns alone."""
        return (self.returned,)

    @property
    def finished(self) -> str:
        """Nothing: it never ends by itself."""
        return ""

    def state(self) -> Mapping[str, Json]:
        """Return the best genome, how many were seen, and a digest of the random numbers."""
        return {
            "seen": len(self._means),
            "best": list(self.returned),
            "digest": digest(self._random),
        }
