"""What an optimiser is: it is asked for a generation and told how good each candidate was.

It is a pure function of its settings, its seed and what it was told, so that a search that was
interrupted goes on by telling a new optimiser the same things again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from evoreg.evolve.spaces.space import Genome
from evoreg.provenance.records.canonical import Json


@dataclass(frozen=True, slots=True)
class Asked:
    """A candidate that an optimiser wants to have scored."""

    genome: Genome
    """The genes."""
    parents: tuple[Genome, ...] = ()
    """What it was bred from, if it was."""


@dataclass(frozen=True, slots=True)
class Told:
    """How good a candidate was."""

    genome: Genome
    """The genes, as they were asked for."""
    objectives: tuple[float, ...] | None
    """More is better; nothing if the candidate failed."""
    items: tuple[float, ...] = ()
    """Fitness of each item, in an order common to the generation; for optimisers that need it."""


class Optimiser(Protocol):
    """Chooses candidates."""

    def ask(self) -> tuple[Asked, ...]:
        """Return the next generation; the same again until `tell` is called."""
        ...

    def tell(self, told: Sequence[Told]) -> None:
        """Learn how good the generation was.

        Args:
            told: One for each candidate asked for, in the same order. Failed ones count as one rank
                worse than the worst; if all failed the generation teaches nothing.

        Raises:
            ValueError: Other candidates than those asked for, or numbers that are not finite.
        """
        ...

    def inject(self, genomes: Sequence[Genome]) -> None:
        """Suggest genomes for the next generation; an optimiser may ignore them."""
        ...

    @property
    def returned(self) -> Genome:
        """What it stands for now, never the luckiest observation alone.

        The mean of its distribution, or the best of its archive by all items.
        """
        ...

    @property
    def front(self) -> tuple[Genome, ...]:
        """The genomes that no other one beats in every objective, or the elites of an archive."""
        ...

    @property
    def finished(self) -> str:
        """Why it has nothing more to ask; empty while it goes on."""
        ...

    def state(self) -> Mapping[str, Json]:
        """Return what it knows: step size, mean, digests of larger things.

        Short enough to be recorded each generation. Two optimisers in the same state ask for the
        same.
        """
        ...
