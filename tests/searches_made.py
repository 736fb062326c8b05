"""Searches that nobody ran, but which look as if somebody had: for tests of the books and screens.

`made_search` tells the records of a whole search in their order. Weights, fitness, scores, shares
and ids belong together as in a real one: recipes hold the genomes, ids are those that a merge of
the recipe will have, shares follow the weights, and the best fitness rises from generation to
generation. Equal arguments make equal records.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.records.candidate import (
    Contribution,
    Engine,
    Fraction,
    GroupShare,
    candidate_id,
    fraction,
)
from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.evaluation import (
    MILLION,
    Evaluation,
    Failure,
    Generation,
    NamedRecipe,
    Origin,
    TaskScore,
)
from evoreg.provenance.records.recipe import Ingredient, Recipe, Setting, Source
from evoreg.provenance.records.result import Drift, Interval, SearchResult, Spread, Stability
from evoreg.provenance.records.search import (
    Excluded,
    GeneRecord,
    Search,
    Split,
    SplitRecord,
    TaskRecord,
)

FAILURE = Failure(code="EVO-M003", what="layer 1 of the result is not finite")
"""What failed candidates of made searches say."""


@dataclass(frozen=True)
class Closing:
    """A generation with its candidates."""

    generation: Generation
    evaluations: tuple[Evaluation, ...]

    def news(self) -> list[NewEntry]:
        """Return what an observer would append when the generation is closed."""
        times = ({"apply_seconds": 0.25, "score_seconds": 1.5 + e.place} for e in self.evaluations)
        told = [NewEntry("evaluation", *pair) for pair in zip(self.evaluations, times, strict=True)]
        return [*told, NewEntry("generation", self.generation)]


@dataclass(frozen=True)
class MadeSearch:
    """A search with all that it tried."""

    search: Search
    closed: tuple[Closing, ...]
    result: SearchResult

    @property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """All evaluations in order."""
        return tuple(item for closing in self.closed for item in closing.evaluations)

    def batches(self, *, ended: bool = True) -> Iterator[list[NewEntry]]:
        """Yield what is appended in one transaction each, without the result if not `ended`."""
        yield [NewEntry("search", self.search)]
        for closing in self.closed:
            yield closing.news()
        if ended:
            yield [NewEntry("result", self.result)]


@dataclass(frozen=True)
class Shape:
    """How large a made search is."""

    generations: int = 3
    """Besides that of the baselines."""
    population: int = 6
    """Candidates in each."""
    failures: int = 1
    """How many of them fail."""
    layers: int = 4
    """Groups of layers, each with a gene for each model."""
    items: int = 10
    """Items of each task."""
    tasks: tuple[str, ...] = ("maths", "japanese")
    """Names of the tasks."""
    hybrid: bool = False
    """Whether the last generation is a second stage that stands on a recipe of the first."""


def made_search(
    name: str = "miniature",
    models: Sequence[str] = ("org/maths", "org/japanese"),
    *,
    run: int = 0,
    seed: int = 0,
    shape: Shape | None = None,
) -> MadeSearch:
    """Make up a search over some models and the base ``org/base``.

    Args:
        name: Its name.
        models: References of the models.
        run: Number of the run.
        seed: Other numbers come from another seed.
        shape: How large it is.

    Returns:
        All its records.
    """
    return _Maker(name, tuple(models), run, seed, shape or Shape()).whole()


class _Maker:
    """Makes one search up."""

    def __init__(
        self, name: str, models: tuple[str, ...], run: int, seed: int, shape: Shape
    ) -> None:
        self.models, self.shape = models, shape
        self.dice = random.Random(seed)
        self.search = _search(name, models, run, seed, shape)
        self.spent = 0

    def whole(self) -> MadeSearch:
        numbers = range(1, self.shape.generations + 1)
        closed = [self.closing(0, self.baselines())]
        closed += [self.closing(number, self.generation(number)) for number in numbers]
        scored = [e for c in closed for e in c.evaluations if e.fitness]
        winner = max(scored, key=lambda item: float(item.fitness[0]))
        return MadeSearch(self.search, tuple(closed), self.result(winner, len(scored)))

    def baselines(self) -> list[Evaluation]:
        alone = [
            (model, Recipe(method="passthrough", models=(Source(model=model),)))
            for model in (*self.models, "org/base")
        ]
        equal = [1 / len(self.models)] * (len(self.models) * self.shape.layers)
        told = [*alone, ("uniform", self.recipe(equal))]
        return [
            self.evaluation((0, place), recipe, (), ("baseline", label))
            for place, (label, recipe) in enumerate(told)
        ]

    def generation(self, number: int) -> list[Evaluation]:
        middle = 0.2 + 0.6 * number / (self.shape.generations + 1)
        found = []
        for place in range(self.shape.population):
            genome = [round(self.dice.gauss(middle, 0.05), 6) for _ in self.search.genes]
            origin: tuple[Origin, str] = ("sampled", "")
            made = self.evaluation((number, place), self.recipe(genome), genome, origin)
            fails = self.shape.population - place <= self.shape.failures
            found.append(_failed(made) if fails else made)
        return found

    def recipe(self, genome: Sequence[float]) -> Recipe:
        """Task arithmetic whose weights are the genes, one for each model and group of layers."""
        rows = []
        for number, model in enumerate(self.models):
            first = number * self.shape.layers
            weights = genome[first : first + self.shape.layers]
            settings = tuple(
                Setting(value=weight, filter=f"layers.{layer}.")
                for layer, weight in enumerate(weights)
            )
            parameters = (("weight", (*settings, Setting(value=weights[0]))),)
            rows.append(Source(model=model, parameters=parameters))
        return Recipe(
            method="task_arithmetic", models=tuple(rows), base_model="org/base", dtype="float32"
        )

    def evaluation(
        self,
        at: tuple[int, int],
        recipe: Recipe,
        genome: Sequence[float],
        origin: tuple[Origin, str],
    ) -> Evaluation:
        number, place = at
        second = self.shape.hybrid and number == self.shape.generations
        earlier = (NamedRecipe(name="first stage", recipe=recipe),) if second else ()
        if second:
            lines = (Source(model="first stage"),)
            recipe = Recipe(method="passthrough", models=lines, dtype="float32")
        known = {item.reference: item for item in self.search.ingredients}
        used = tuple(known.get(r) or _made_before(r, earlier) for r in recipe.references)
        luck = 0.1 + 0.8 * number / (self.shape.generations + 1)
        scores = tuple(self.score(task, "train", luck) for task in self.shape.tasks)
        return Evaluation(
            search=self.search.id,
            stage=int(second),
            generation=number,
            place=place,
            origin=origin[0],
            label=origin[1],
            genome=tuple(genome),
            recipe=recipe,
            earlier=earlier,
            candidate=candidate_id(recipe, used, self.search.merge_seed, self.search.engine),
            scores=scores,
            fitness=(fraction(sum(float(score.value) for score in scores) / len(scores)),),
            contributions=self.shares(recipe if not earlier else earlier[0].recipe),
        )

    def score(self, task: str, split: Split, luck: float) -> TaskScore:
        items = tuple(MILLION * (self.dice.random() < luck) for _ in range(self.shape.items))
        self.spent += len(items)
        return TaskScore(
            task=task,
            split=split,
            value=fraction(sum(items) / MILLION / len(items)),
            soft=fraction(luck - 2),
            items=items,
            softs=tuple(-self.dice.randrange(3 * MILLION) for _ in items),
            asked=digest_of(f"{task} {split} {len(items)}".encode()),
            tokens=17 * len(items),
            truncated=1,
            foreign=0,
        )

    def shares(self, recipe: Recipe) -> tuple[Contribution, ...]:
        whole = {
            line.model: sum(abs(float(_number(s))) for _, found in line.parameters for s in found)
            for line in recipe.models
        }
        total = sum(whole.values()) or 1.0
        parts = {model: fraction(part / total) for model, part in whole.items()}
        return tuple(
            Contribution(
                reference=model,
                nominal=part,
                effective=part,
                alignment=part,
                used=True,
                groups=tuple(
                    GroupShare(group=f"layer {layer} attention", effective=part, alignment=part)
                    for layer in range(self.shape.layers)
                ),
            )
            for model, part in parts.items()
        )

    def closing(self, number: int, evaluations: list[Evaluation]) -> Closing:
        fitness = [float(item.fitness[0]) for item in evaluations if item.fitness]
        best: tuple[Fraction, ...] = (fraction(max(fitness)),) if fitness else ()
        mean: tuple[Fraction, ...] = (fraction(sum(fitness) / len(fitness)),) if fitness else ()
        end = Generation(
            search=self.search.id,
            stage=evaluations[0].stage if evaluations else 0,
            number=number,
            evaluations=len(evaluations),
            failed=len(evaluations) - len(fitness),
            best=best,
            mean=mean,
            items=self.spent,
            state={"sigma": 0.16, "mean": [0.5, 1.0], "asked": self.spent},
        )
        return Closing(end, tuple(evaluations))

    def result(self, winner: Evaluation, tried: int) -> SearchResult:
        return SearchResult(
            search=self.search.id,
            winner=winner.candidate,
            label="mean",
            recipe=winner.recipe,
            earlier=winner.earlier,
            merge_seed=self.search.merge_seed,
            validation=tuple(self.score(task, "validation", 0.7) for task in self.shape.tasks),
            test=tuple(self.score(task, "test", 0.7) for task in self.shape.tasks),
            stability=_stability(self.models, self.shape.tasks, tried),
            items=self.spent,
        )


def _search(name: str, models: Sequence[str], run: int, seed: int, shape: Shape) -> Search:
    genes = (
        GeneRecord(name=f"{model} weight layers.{layer}.", low=-0.5, high=1.5, start=0.5)
        for model in models
        for layer in range(shape.layers)
    )
    return Search(
        name=name,
        run=run,
        settings={"name": name, "models": list(models), "budget": {"generations": 3}},
        ingredients=tuple(
            Ingredient(reference=m, name=m, revision=None, identity=_identity(m))
            for m in (*models, "org/base")
        ),
        excluded=(
            Excluded(reference="org/closed", identity=_identity("closed"), reasons=("no licence",)),
        ),
        genes=tuple(genes),
        tasks=tuple(_task(task, shape.items) for task in shape.tasks),
        seed=seed,
        merge_seed=seed + 1,
        intent="research",
        decision=digest_of(b"decision"),
        outbound="Apache-2.0",
        engine=Engine(version="0.1.0", rules=1),
        versions={"cma": "4.0.0", "device": "cpu", "torch": "2.9.1"},
    )


def _task(name: str, items: int) -> TaskRecord:
    splits: tuple[Split, ...] = ("train", "validation", "test")
    return TaskRecord(
        name=name,
        kind="generate",
        metric="exact_match",
        maximise=True,
        weight="1.000000000",
        splits=tuple(
            SplitRecord(split=split, count=items, digest=digest_of(f"{name} {split}".encode()))
            for split in splits
        ),
        template=digest_of(b"{{ prompt }}"),
        settings={"max_new_tokens": 64},
    )


def _stability(models: Sequence[str], tasks: Sequence[str], tried: int) -> Stability:
    low, middle, high = "0.050000000", "0.150000000", "0.250000000"
    return Stability(
        finite=True,
        tensors=39,
        parameters=500_000,
        drifts=tuple(
            Drift(reference=m, relative=middle, largest="model.norm.weight") for m in models
        ),
        spreads=tuple(Spread(kind="prompt", label="1", task=t, value=high) for t in tasks),
        intervals=tuple(
            Interval(against=m, task=t, difference=middle, low=low, high=high, samples=1000)
            for m in (*models, "org/base", "uniform")
            for t in tasks
        ),
        tried=tried,
        truncated=low,
    )


def _made_before(reference: str, earlier: Sequence[NamedRecipe]) -> Ingredient:
    """The result of an earlier recipe, as the ingredient of a later one."""
    recipe = next(item.recipe for item in earlier if item.name == reference)
    identity = recipe.record_digest()
    return Ingredient(reference=reference, name=reference, revision=None, identity=identity)


def _failed(made: Evaluation) -> Evaluation:
    none: dict[str, object] = {"scores": (), "fitness": (), "contributions": ()}
    return made.model_copy(update={**none, "failure": FAILURE})


def _number(setting: Setting) -> float:
    value = setting.value
    return float(value[0] if isinstance(value, tuple) else value)


def _identity(model: str) -> Digest:
    return digest_of(f"weights of {model}".encode())
