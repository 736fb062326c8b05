"""Searches that nobody ran, which go on for as long as they are asked to: for benchmarks of books.

Each candidate has a recipe over three models, a score of eight items, shares, and about 1.7 kB of
canonical JSON. Equal arguments make equal records.
"""

import random
from collections.abc import Sequence

from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.records.candidate import Contribution, Engine, fraction
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.evaluation import Evaluation, Failure, Generation, TaskScore
from evoreg.provenance.records.model import File, Model
from evoreg.provenance.records.recipe import Ingredient, Recipe, Setting, Source
from evoreg.provenance.records.result import SearchResult, Stability
from evoreg.provenance.records.search import GeneRecord, Search, SplitRecord, TaskRecord

POPULATION = 250
"""Candidates in a generation, which is one transaction."""

MODELS = 60
"""Registered models."""

LAYERS = 6
"""Genes of a candidate."""

ENGINE = Engine(version="0.1.0", rules=1)
"""Who merges."""

_ITEMS = 8
_FAILURE = Failure(code="EVO-M003", what="layer 1 of the result is not finite")


def model(number: int) -> Model:
    """Return the model with some number."""
    name = f"org/model-{number}"
    weights = f"weights of {name}".encode()
    file = File(
        path="model.safetensors", size=len(weights), digest=digest_of(weights), role="weights"
    )
    return Model(name=name, origin="hub", revision=f"{number:040x}", files=(file,))


class MadeSearch:
    """A search that goes on for as long as it is asked to."""

    def __init__(self, name: str, first: int = 0) -> None:
        """Begin one over three models, of which the one with number `first` is the base."""
        self._models = [model((first + step) % MODELS) for step in range(3)]
        self._dice = random.Random(name)
        self._name = name
        self._number = 0
        self.search = _search(name, self._models)
        self.id = self.search.id
        self._best: Evaluation | None = None

    def begin(self) -> list[NewEntry]:
        """Return the entry that begins it."""
        return [NewEntry("search", self.search)]

    def generation(self, size: int = POPULATION) -> list[NewEntry]:
        """Return the next generation, as an observer would append it."""
        found = [self._evaluation(place) for place in range(size)]
        told = [NewEntry("evaluation", e, {"score_seconds": 1.5}) for e in found]
        end = self._end(found)
        self._number += 1
        return [*told, NewEntry("generation", end)]

    def result(self) -> list[NewEntry]:
        """Return the entry that ends it."""
        best = self._best
        if best is None:
            return []
        stability = Stability(
            finite=True,
            tensors=290,
            parameters=10**9,
            drifts=(),
            spreads=(),
            intervals=(),
            tried=self._number,
            truncated="0.000000000",
        )
        result = SearchResult(
            search=self.id,
            winner=best.candidate,
            label="best",
            recipe=best.recipe,
            merge_seed=0,
            validation=best.scores,
            test=best.scores,
            stability=stability,
            items=self._number,
        )
        return [NewEntry("result", result)]

    def _evaluation(self, place: int) -> Evaluation:
        dice = self._dice
        genome = tuple(dice.random() for _ in range(LAYERS))
        failed = dice.random() < 0.02
        items = tuple(1_000_000 * (dice.random() < 0.5) for _ in range(_ITEMS))
        value = sum(items) / _ITEMS / 1_000_000
        made = Evaluation(
            search=self.id,
            stage=0,
            generation=self._number,
            place=place,
            origin="sampled",
            genome=genome,
            recipe=recipe(self._models, genome),
            candidate=digest_of(f"{self._name} {self._number} {place}".encode()),
            scores=() if failed else (_score(value, items, self._number * _ITEMS),),
            fitness=() if failed else (fraction(value + dice.random() / 1000),),
            contributions=shares_of(self._models, genome),
            failure=_FAILURE if failed else None,
        )
        if made.fitness and (self._best is None or made.fitness > self._best.fitness):
            self._best = made
        return made

    def _end(self, found: Sequence[Evaluation]) -> Generation:
        scored = [float(e.fitness[0]) for e in found if e.fitness]
        return Generation(
            search=self.id,
            stage=0,
            number=self._number,
            evaluations=len(found),
            failed=len(found) - len(scored),
            best=(fraction(max(scored)),) if scored else (),
            mean=(fraction(sum(scored) / len(scored)),) if scored else (),
            items=(self._number + 1) * len(found) * _ITEMS,
            state={"mean": [self._dice.random() for _ in range(LAYERS)], "step": 0.3},
        )


def _search(name: str, models: Sequence[Model]) -> Search:
    split = SplitRecord(split="train", count=_ITEMS, digest=digest_of(b"items"))
    task = TaskRecord(
        name="maths",
        kind="generation",
        metric="number",
        maximise=True,
        weight="1.000000000",
        splits=(split,),
        template=digest_of(b"template"),
        settings={"budget": 256},
    )
    return Search(
        name=name,
        settings={"optimiser": "cma-es"},
        ingredients=ingredients(models),
        genes=tuple(
            GeneRecord(name=f"weight layers {n}", low=0.0, high=1.0, start=0.5)
            for n in range(LAYERS)
        ),
        tasks=(task,),
        seed=1,
        merge_seed=0,
        intent="commercial",
        decision=digest_of(b"decision"),
        outbound="Apache-2.0",
        engine=ENGINE,
        versions={"torch": "2.9.0"},
    )


def ingredients(models: Sequence[Model]) -> tuple[Ingredient, ...]:
    """Return the exact weights of some models."""
    return tuple(
        Ingredient(reference=m.name, name=m.name, revision=m.revision, identity=m.identity)
        for m in models
    )


def recipe(models: Sequence[Model], weights: Sequence[float]) -> Recipe:
    """Return a recipe with half of the weights for each of two models; the first is the base."""
    half = len(weights) // 2
    gradients = (tuple(weights[:half]), tuple(weights[half:]))
    return Recipe(
        method="task_arithmetic",
        base_model=models[0].name,
        models=tuple(
            Source(model=source.name, parameters=(("weight", (Setting(value=gradient),)),))
            for source, gradient in zip(models[1:], gradients, strict=True)
        ),
        parameters=(("normalize", (Setting(value=False),)),),
        dtype="bfloat16",
    )


def _score(value: float, items: tuple[int, ...], tokens: int) -> TaskScore:
    return TaskScore(
        task="maths",
        split="train",
        value=fraction(value),
        soft=fraction(value - 1),
        items=items,
        asked=digest_of(b"items"),
        tokens=tokens,
    )


def shares_of(models: Sequence[Model], weights: Sequence[float]) -> tuple[Contribution, ...]:
    """Return the shares that follow from the weights of a recipe."""
    half = len(weights) // 2
    parts = [0.0, sum(weights[:half]), sum(weights[half:])]
    return tuple(
        Contribution(
            reference=source.name,
            nominal=fraction(part / sum(parts)),
            effective=fraction(part / sum(parts)),
            alignment=fraction(part / sum(parts)),
            used=True,
        )
        for source, part in zip(models, parts, strict=True)
    )
