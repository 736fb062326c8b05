"""The turns of asking and telling, the same for every optimiser."""

import math
from collections.abc import Mapping, Sequence

from evoreg.evolve.optimisers.box import Box
from evoreg.evolve.optimisers.optimiser import Asked, Told
from evoreg.evolve.optimisers.strategy import Strategy
from evoreg.evolve.optimisers.streams import digest
from evoreg.evolve.spaces.space import Genome
from evoreg.provenance.records.canonical import Json


class Turns:
    """An optimiser made of a strategy.

    It holds a generation until it is told of, checks what it is told, and keeps suggestions until
    there is room for them. A generation that failed as a whole is not learned from; since drawing
    moved the strategy's random numbers on, the next one is another.
    """

    def __init__(self, strategy: Strategy, box: Box, objectives: int, *, items: bool) -> None:
        self._strategy = strategy
        self._box = box
        self._objectives = objectives
        self._items = items
        self._asked: tuple[Asked, ...] = ()
        self._suggested: tuple[Genome, ...] = ()
        self._generation = 0
        self._known: Mapping[str, Json] = {}
        self._length = 0

    def ask(self) -> tuple[Asked, ...]:
        """Return the next generation; the same again until `tell` is called."""
        if not self._asked:
            self._known = self._state()
            room = self._strategy.room
            now, self._suggested = self._suggested[:room], self._suggested[room:]
            self._asked = self._strategy.draw(now)
        return self._asked

    def tell(self, told: Sequence[Told]) -> None:
        """Learn how good the generation was, as `Optimiser.tell`."""
        asked = self.ask()
        if [each.genome for each in told] != [each.genome for each in asked]:
            raise ValueError("told of other candidates than those asked for")
        length = self._checked(told)
        if any(each.objectives is not None for each in told):
            self._strategy.learn(told)
            self._length = length
        self._generation += 1
        self._asked = ()

    def inject(self, genomes: Sequence[Genome]) -> None:
        """Suggest genomes for the next generation that has room; they are cut to the ranges.

        Args:
            genomes: As many finite numbers each as there are genes.

        Raises:
            ValueError: Something else.
        """
        self._suggested += tuple(self._box.cut(genome) for genome in genomes)

    @property
    def returned(self) -> Genome:
        """What the optimiser stands for now."""
        return self._strategy.returned

    @property
    def front(self) -> tuple[Genome, ...]:
        """The genomes that no other one beats in every objective, or the elites of an archive."""
        return self._strategy.front

    @property
    def finished(self) -> str:
        """Why it has nothing more to ask; empty while it goes on."""
        return self._strategy.finished

    def state(self) -> Mapping[str, Json]:
        """Return what it knew before the generation that it asks for now was drawn."""
        return dict(self._known) if self._asked else self._state()

    def _state(self) -> Mapping[str, Json]:
        waiting: dict[str, Json] = {"waiting": digest(self._suggested)} if self._suggested else {}
        return {"generation": self._generation, **waiting, **self._strategy.state()}

    def _checked(self, told: Sequence[Told]) -> int:
        """Return the number of items of the generation; raise if a number is odd."""
        length = self._length
        for each in told:
            if each.objectives is None:
                continue
            if len(each.objectives) != self._objectives:
                raise ValueError(f"a candidate is told by {self._objectives} objectives")
            if not all(map(math.isfinite, (*each.objectives, *each.items))):
                raise ValueError("a candidate that did not fail has finite numbers")
            if self._items:
                length = length or len(each.items)
                if len(each.items) != length or not length:
                    raise ValueError("every candidate is told by the same items, at least one")
        return length
