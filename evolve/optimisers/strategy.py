"""What an optimiser is inside: it draws a generation and learns from one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from evoreg.evolve.optimisers.box import Box
from evoreg.evolve.optimisers.geometry import Geometry
from evoreg.evolve.optimisers.optimiser import Asked, Told
from evoreg.evolve.optimisers.settings import Settings
from evoreg.evolve.spaces.space import Genome
from evoreg.provenance.records.canonical import Json


@dataclass(frozen=True)
class Brief:
    """What a strategy is made from."""

    box: Box
    """Where to search."""
    seed: int
    """Seed of the search."""
    population: int
    """Candidates of a generation."""
    sigma: float
    """First step size, as a fraction of each gene's range."""
    options: Settings
    """Its options."""
    names: tuple[str, ...] = ()
    """Names of the genes."""
    objectives: int = 1
    """How many numbers a candidate is told by."""
    geometry: Geometry | None = None
    """Lengths and angles of the sources."""


class Strategy(Protocol):
    """Chooses candidates; `evoreg.evolve.optimisers.turns.Turns` sees to the order of calls."""

    @property
    def room(self) -> int:
        """How many suggested genomes the next generation can take."""
        ...

    def draw(self, suggested: Sequence[Genome]) -> tuple[Asked, ...]:
        """Return a generation.

        Args:
            suggested: Genomes that must be among it, at most `room`, within the box.

        Returns:
            At least one candidate. Another call without learning in between draws others.
        """
        ...

    def learn(self, told: Sequence[Told]) -> None:
        """Learn from the generation that was drawn last.

        Args:
            told: In the same order; one at least did not fail, and every number is finite.
        """
        ...

    @property
    def returned(self) -> Genome:
        """As `Optimiser.returned`."""
        ...

    @property
    def front(self) -> tuple[Genome, ...]:
        """As `Optimiser.front`."""
        ...

    @property
    def finished(self) -> str:
        """As `Optimiser.finished`."""
        ...

    def state(self) -> Mapping[str, Json]:
        """As `Optimiser.state`."""
        ...
