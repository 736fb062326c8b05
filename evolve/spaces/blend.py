"""The value of a parameter for one tensor, out of the genes."""

from dataclasses import dataclass

from evoreg.evolve.spaces.space import Gene, Genome


@dataclass(frozen=True, slots=True)
class Blend:
    """A point on the line between two genes, or a gene itself."""

    gene: int
    """Place of the first gene."""
    other: int
    """Place of the second; the same if there is none."""
    part: float
    """How far from the first to the second, from 0 to less than 1."""
    shift: tuple[float, float] | None = None
    """Value of a coarser space, and what the genes gave where this one began: the difference from
    the second is added to the first, so that the start gives the coarser value bit for bit."""

    def value(self, genome: Genome, genes: tuple[Gene, ...]) -> float:
        """Return the value, within the range of the genes."""
        first, second = genome[self.gene], genome[self.other]
        found = first + self.part * (second - first) if self.part else first
        if self.shift is not None:
            coarse, start = self.shift
            found = coarse + (found - start)
        gene = genes[self.gene]
        return min(max(found, gene.low), gene.high)


def cut(genome: Genome, genes: tuple[Gene, ...]) -> Genome:
    """Return a genome with each value within the range of its gene.

    Args:
        genome: One value for each gene.
        genes: The genes.

    Returns:
        The values that a recipe is made of.

    Raises:
        ValueError: Another number of values, or one that is not a number.
    """
    if len(genome) != len(genes):
        raise ValueError(f"{len(genome)} values for {len(genes)} genes")
    if any(value != value for value in genome):
        raise ValueError("a gene is not a number")
    pairs = zip(genome, genes, strict=True)
    return tuple(min(max(float(value), gene.low), gene.high) for value, gene in pairs)
