"""A warm start: what earlier searches over the same models and tasks found, for a new one.

Nothing is believed because it once scored best: the new search begins at the mean of the best
tenth (as warm-started CMA-ES does, Nomura et al., AAAI 2021) and tries the very best again.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evoreg.evolve.spaces.space import Gene, Genome

BEST = 0.1
"""Part of the earlier candidates that decides where the search begins."""

INJECTED = 3
"""How many of them are tried again."""


@dataclass(frozen=True)
class Known:
    """A candidate of an earlier search."""

    genes: Mapping[str, float]
    """Its genome, by name of the gene."""
    fitness: float
    """How good it was; candidates that failed are not handed in."""


@dataclass(frozen=True)
class Warm:
    """Where to begin."""

    start: Genome
    """Where each gene starts; the genes' own starts if nothing fits."""
    injected: tuple[Genome, ...]
    """Genomes to suggest to the optimiser, the best first."""
    known: int
    """Earlier candidates that fit the space."""


def warm_genomes(genes: Sequence[Gene], earlier: Sequence[Known], count: int = INJECTED) -> Warm:
    """Return what earlier candidates teach about where to begin.

    Args:
        genes: The genes of the new search.
        earlier: Candidates of earlier searches over the same models and tasks, in any order.
            One that has a gene which the new space lacks does not fit; a gene that it lacks
            itself takes its start.
        count: How many to suggest at most.

    Returns:
        A start and genomes within the ranges; the same for the same candidates in another order.
    """
    fits = [(item.fitness, _genome(genes, item)) for item in earlier if _fits(genes, item)]
    ranked = sorted(fits, key=lambda pair: (-pair[0], pair[1]))
    if not ranked:
        return Warm(tuple(gene.start for gene in genes), (), 0)
    best = [genome for _, genome in ranked[: math.ceil(BEST * len(ranked))]]
    start = tuple(math.fsum(column) / len(best) for column in zip(*best, strict=True))
    # A mean of equal numbers may miss them by a rounding; it never leaves the range.
    inside = tuple(min(gene.high, max(gene.low, x)) for gene, x in zip(genes, start, strict=True))
    return Warm(inside, tuple(_different(genome for _, genome in ranked))[:count], len(ranked))


def started(genes: Sequence[Gene], start: Genome) -> tuple[Gene, ...]:
    """Return genes that begin elsewhere."""
    return tuple(
        Gene(gene.name, gene.low, gene.high, value)
        for gene, value in zip(genes, start, strict=True)
    )


def _fits(genes: Sequence[Gene], item: Known) -> bool:
    names = {gene.name for gene in genes}
    numbers = all(math.isfinite(value) for value in (*item.genes.values(), item.fitness))
    return numbers and bool(item.genes) and names.issuperset(item.genes)


def _genome(genes: Sequence[Gene], item: Known) -> Genome:
    return tuple(
        min(gene.high, max(gene.low, item.genes.get(gene.name, gene.start))) for gene in genes
    )


def _different(genomes: Iterator[Genome]) -> Iterator[Genome]:
    return iter(dict.fromkeys(genomes))
