"""What a search needs: its record, its tasks, and the stages that it goes through."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from evoreg.evolve.optimisers.optimiser import Optimiser
from evoreg.evolve.resident.host import Host
from evoreg.evolve.searchfile.form import SearchForm
from evoreg.evolve.spaces.space import Genome, Space
from evoreg.evolve.tasks.task import Task
from evoreg.provenance.records.evaluation import NamedRecipe
from evoreg.provenance.records.result import Drift
from evoreg.provenance.records.search import Search


@dataclass(frozen=True)
class Stage:
    """One space that is searched, with what it takes."""

    number: int
    """Counts from 0."""
    space: Space
    """Where to search."""
    host: Host
    """What holds the candidates."""
    optimiser: Optimiser
    """What chooses them, not yet asked."""
    generations: int | None = None
    """After how many generations the next stage begins; nothing: when the budget is spent."""
    gain: float = 0.0
    """See `Refinement.gain`."""
    earlier: tuple[NamedRecipe, ...] = ()
    """Recipes that this stage's recipes stand on."""
    injected: tuple[Genome, ...] = ()
    """Genomes that the search suggests to the optimiser before it asks for the first time."""


class Stages(Protocol):
    """Makes the stages of a search, one after the other."""

    def first(self) -> Stage:
        """Return the first stage."""
        ...

    def following(self, stage: Stage, returned: Genome) -> Stage | None:
        """Return the stage after one that ended, begun at what it returned.

        Nothing if it was the last. The same stage and genome give the same next stage.
        """
        ...


@dataclass(frozen=True)
class Setup:
    """A search, ready to run."""

    form: SearchForm
    """The search file."""
    search: Search
    """Its record."""
    tasks: tuple[Task, ...]
    """What is measured, at least one."""
    stages: Stages
    """What is searched."""
    drifts: Callable[[Host], tuple[Drift, ...]] | None = None
    """Measures how far the weights of a host are from each source; nothing: not measured."""
