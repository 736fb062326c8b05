"""What a search space is: genes, and a recipe for every choice of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from evoreg.provenance.records.recipe import Recipe

Genome: TypeAlias = tuple[float, ...]
"""One value for each gene, within its range."""


@dataclass(frozen=True, slots=True)
class Gene:
    """One number that a search varies."""

    name: str
    """What it sets; unique in its space."""
    low: float
    """Smallest value."""
    high: float
    """Largest value, more than `low`."""
    start: float
    """Where the search begins, from `low` to `high`."""


class Space(Protocol):
    """A search space. Its values are immutable, and equal inputs give equal recipes."""

    @property
    def genes(self) -> tuple[Gene, ...]:
        """The genes, at least one."""
        ...

    @property
    def baselines(self) -> Mapping[str, Recipe]:
        """What every candidate is compared with, by label.

        In this order: each model by its reference, ``base`` if there is one besides, ``uniform``.
        """
        ...

    def recipe(self, genome: Genome) -> Recipe:
        """Return the recipe of a genome.

        Args:
            genome: A value for each gene; values outside a range are cut to it.

        Returns:
            A recipe for `evoreg.evolve.planning.build.make_plan`.

        Raises:
            MergeError: No model can be made of it, for example a path without layers; such a
                candidate has failed.
        """
        ...
