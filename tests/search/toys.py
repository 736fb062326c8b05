"""Small real parts for searches: models that are points, merges that are sums, tasks with rules.

A toy model is a point in the plane of its genes. Merging adds points; an item is answered rightly
if the point is near enough to the optimum for how hard the item is. Nothing is mocked: the parts
follow the same protocols as the ones that hold transformers models.
"""

import hashlib
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from evoreg.evolve.optimisers.optimiser import Optimiser
from evoreg.evolve.optimisers.table import OPTIMISERS, make_optimiser
from evoreg.evolve.resident.host import Applied
from evoreg.evolve.search.observer import Closed, Past, Timed
from evoreg.evolve.search.setup import Setup, Stage
from evoreg.evolve.searchfile.form import SearchForm
from evoreg.evolve.spaces.space import Gene, Genome
from evoreg.evolve.tasks.task import Answer, Player
from evoreg.provenance.records.candidate import Contribution, Engine, candidate_id, fraction
from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.errors import Code, EvaluationError, MergeError
from evoreg.provenance.records.evaluation import Evaluation, Generation, NamedRecipe
from evoreg.provenance.records.recipe import Ingredient, Recipe, Setting, Source
from evoreg.provenance.records.result import Drift, SearchResult
from evoreg.provenance.records.search import GeneRecord, Search, Split, SplitRecord, TaskRecord

ENGINE = Engine(version="0.1.0", rules=1)
MODELS = ("red", "green")
INGREDIENTS = tuple(
    Ingredient(reference=name, name=name, revision=None, identity=digest_of(name.encode()))
    for name in (*MODELS, "grey")
)


def merged(weights: Sequence[float], method: str = "task_arithmetic") -> Recipe:
    """Return the recipe that adds the toy models with weights."""
    return Recipe(
        method=method,
        models=tuple(
            Source(model=name, parameters=(("weight", (Setting(value=weight),)),))
            for name, weight in zip(MODELS, weights, strict=True)
        ),
        base_model="grey",
    )


def alone(name: str) -> Recipe:
    return Recipe(method="passthrough", models=(Source(model=name),))


@dataclass(frozen=True)
class ToySpace:
    """Weights of two models; `finer` gives each weight in two halves."""

    method: str = "task_arithmetic"
    finer: bool = False
    steps: float = 0.0
    """If set, weights are rounded to whole steps: many genomes make the same."""
    refuses: Callable[[Genome], bool] = lambda genome: False

    @property
    def genes(self) -> tuple[Gene, ...]:
        halves = ("a", "b") if self.finer else ("point",)
        names = [f"{name} {half}" for name in MODELS for half in halves]
        return tuple(Gene(name, 0.0, 1.5, 0.5) for name in names)

    @property
    def baselines(self) -> Mapping[str, Recipe]:
        return {
            "red": alone("red"),
            "green": alone("green"),
            "base": alone("grey"),
            "uniform": merged((0.5, 0.5)),
        }

    def recipe(self, genome: Genome) -> Recipe:
        if self.refuses(genome):
            raise MergeError(Code.RECIPE_LAYERS, "the path has no layers", hint="none")
        point = [min(1.5, max(0.0, value)) for value in genome]
        if self.finer:
            point = [(point[0] + point[1]) / 2, (point[2] + point[3]) / 2]
        if self.steps:
            point = [round(value / self.steps) * self.steps for value in point]
        return merged(point, self.method)


Fault = Callable[[tuple[float, ...]], Exception | None]
"""What goes wrong with a point."""


@dataclass
class ToyHost:
    """Holds a point. `fault` makes some merges fail; `calls` counts them."""

    fault: Fault = lambda point: None
    calls: int = 0
    point: tuple[float, ...] = ()
    seed: int = 7

    @property
    def model(self) -> object:
        return self.point

    @property
    def tokenizer(self) -> object:
        return None

    @property
    def device(self) -> str:
        return "cpu"

    def apply(self, recipe: Recipe, seed: int | None = None) -> Applied:
        self.calls += 1
        self.point = ()
        used = self.seed if seed is None else seed
        point = _point(recipe, used)
        error = self.fault(point)
        if error is not None:
            raise error
        self.point = point
        chosen = [
            item for name in recipe.references for item in INGREDIENTS if item.reference == name
        ]
        return Applied(
            candidate=candidate_id(recipe, tuple(chosen), used, ENGINE),
            contributions=tuple(
                Contribution(
                    reference=source.model,
                    nominal=fraction(1.0),
                    effective=fraction(1.0 / len(recipe.models)),
                    alignment=fraction(0.5),
                    used=True,
                )
                for source in recipe.models
            ),
            recomputed=1,
            tensors=1,
        )

    def tensors(self) -> Iterator[tuple[str, torch.Tensor]]:
        yield "point", torch.tensor(self.point)

    def close(self) -> None:
        self.point = ()


def _point(recipe: Recipe, seed: int) -> tuple[float, ...]:
    if recipe.method == "passthrough":
        return {"red": (1.0, 0.0), "green": (0.0, 1.0), "grey": (0.0, 0.0)}[recipe.models[0].model]
    weights = tuple(float(str(source.parameters[0][1][0].value)) for source in recipe.models)
    if recipe.method == "dare_ties":
        return tuple(w + 0.05 * _unit("mask", seed, place) for place, w in enumerate(weights))
    return weights


def _unit(*key: object) -> float:
    """Return a number in [0, 1) that a key decides."""
    text = "\0".join(map(str, key))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big") / 2**56


@dataclass(frozen=True)
class ToyTask:
    """Items that are answered rightly the nearer the point is to `best`."""

    name: str = "toy"
    best: tuple[float, float] = (0.9, 0.6)
    counts: tuple[int, int, int] = (24, 16, 20)
    weight: float = 1.0
    soft: float = 0.0
    maximise: bool = True
    variants: int = 0
    shift: float = 0.0
    """How much harder other prompts are."""
    together: int = 1
    """Items of a group."""
    fault: Fault = lambda point: None
    broken: Callable[[tuple[float, ...]], bool] = lambda point: False
    """Points whose replies are degenerate."""
    asked: list[int] = field(default_factory=list)
    """Number of items of each call."""

    @property
    def record(self) -> TaskRecord:
        return TaskRecord(
            name=self.name,
            kind="python",
            metric="value",
            maximise=self.maximise,
            weight=fraction(self.weight),
            splits=tuple(
                SplitRecord(split=split, count=count, digest=digest_of(f"{split}{count}".encode()))
                for split, count in self._splits()
            ),
            template=digest_of(b"template"),
            settings={"soft": self.soft, "batch": 4},
        )

    def _splits(self) -> tuple[tuple[Split, int], ...]:
        return (("train", self.counts[0]), ("validation", self.counts[1]), ("test", self.counts[2]))

    def ids(self, split: Split) -> tuple[Digest, ...]:
        count = dict(self._splits())[split]
        return tuple(digest_of(f"{self.name} {split} {place}".encode()) for place in range(count))

    def groups(self, split: Split) -> tuple[str, ...]:
        return tuple(str(place // self.together) for place in range(len(self.ids(split))))

    def answers(
        self, player: Player, split: Split, places: Sequence[int], *, soft: bool, variant: int = 0
    ) -> tuple[Answer, ...]:
        self.asked.append(len(places))
        error = self.fault(player.model)
        if error is not None:
            raise error
        return tuple(self._answer(player.model, split, place, soft, variant) for place in places)

    def _answer(
        self, point: tuple[float, ...], split: Split, place: int, soft: bool, variant: int
    ) -> Answer:
        away = (
            sum((a - b) ** 2 for a, b in zip(point, self.best, strict=True)) + self.shift * variant
        )
        hard = _unit(self.name, split, place // self.together)
        right = away < 0.7 * (1 - hard)
        broken = self.broken(point)
        value = float(right and not broken) if self.maximise else away + hard
        return Answer(
            value=value,
            soft=-away - hard if soft else None,
            tokens=3 + place % 3,
            truncated=away > 1,
            foreign=False,
            degenerate=broken,
        )

    def total(self, values: Sequence[float]) -> float:
        return sum(values) / len(values)


@dataclass
class ToyStages:
    """One stage, or two if `length` is given: the second with the finer space."""

    form: SearchForm
    host: ToyHost
    space: ToySpace = ToySpace()
    length: int | None = None
    gain: float = 0.0
    injected: tuple[Genome, ...] = ()

    def first(self) -> Stage:
        optimiser = self._optimiser(self.space, self.form.seed)
        return Stage(0, self.space, self.host, optimiser, self.length, self.gain, (), self.injected)

    def following(self, stage: Stage, returned: Genome) -> Stage | None:
        if self.length is None or stage.number == 1:
            return None
        finer = ToySpace(self.space.method, finer=True)
        earlier = (NamedRecipe(name="coarse", recipe=stage.space.recipe(returned)),)
        optimiser = self._optimiser(finer, self.form.seed + 1)
        start = tuple(value for value in returned for _ in range(2))
        return Stage(1, finer, self.host, optimiser, earlier=earlier, injected=(start,))

    def _optimiser(self, space: ToySpace, seed: int) -> Optimiser:
        row = OPTIMISERS[self.form.optimiser.kind]
        return make_optimiser(
            self.form.optimiser,
            space.genes,
            seed,
            geometry=GEOMETRY if row.geometry else None,
            objectives=len(self.form.tasks) if row.several else 1,
        )


@dataclass(frozen=True)
class ToyGeometry:
    """The toy models stand at right angles."""

    tensors: tuple[str, ...] = ("point",)
    sources: tuple[str, ...] = MODELS

    @property
    def gram(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return np.eye(2)[None]

    deltas = gram


GEOMETRY = ToyGeometry()


def a_form(tasks: int = 1, **changes: object) -> SearchForm:
    """Return a search file; `changes` replace its parts."""
    body: dict[str, object] = {
        "name": "toy",
        "models": list(MODELS),
        "base_model": "grey",
        "tasks": [{"name": f"toy{number or ''}"} for number in range(tasks)],
        "budget": {"generations": 4},
        "optimiser": {"kind": "cma-es", "population": 6},
        "economy": {"items": 8, "collapse": 2},
        "seed": 11,
    }
    return SearchForm.model_validate({**body, **changes})


def a_setup(
    form: SearchForm | None = None,
    tasks: Sequence[ToyTask] = (),
    host: ToyHost | None = None,
    **stages: object,
) -> Setup:
    """Return a search over toy models."""
    form = a_form() if form is None else form
    tasks = tuple(tasks) or (ToyTask(),)
    space = ToySpace()
    search = Search(
        name=form.name,
        settings=form.model_dump(mode="json"),
        ingredients=INGREDIENTS,
        genes=tuple(
            GeneRecord(name=gene.name, low=gene.low, high=gene.high, start=gene.start)
            for gene in space.genes
        ),
        tasks=tuple(task.record for task in tasks),
        seed=form.seed,
        merge_seed=7,
        intent="research",
        decision=None,
        outbound=None,
        engine=ENGINE,
        versions={"cma": "4.5.0"},
    )
    host = host or ToyHost()
    made = ToyStages(form, host, **stages)  # type: ignore[arg-type]
    return Setup(form, search, tasks, made, drifts=drifts)


def drifts(host: object) -> tuple[Drift, ...]:
    """Measure how far a toy host's point is from each model."""
    assert isinstance(host, ToyHost)
    at = {"red": (1.0, 0.0), "green": (0.0, 1.0)}
    return tuple(
        Drift(reference=name, relative=fraction(_far(host.point, point)), largest="point")
        for name, point in at.items()
    )


def _far(one: Sequence[float], other: Sequence[float]) -> float:
    return math.dist(one, other)


@dataclass
class Books:
    """An observer that keeps records as their canonical bytes."""

    generations: list[tuple[bytes, list[bytes]]] = field(default_factory=list)
    results: list[bytes] = field(default_factory=list)
    seen: list[Timed] = field(default_factory=list)
    replays: int = 0

    def evaluated(self, timed: Timed) -> None:
        self.seen.append(timed)

    def closed(self, generation: Generation, evaluations: Sequence[Timed]) -> None:
        bodies = [timed.evaluation.canonical() for timed in evaluations]
        self.generations.append((generation.canonical(), bodies))

    def replayed(self, closed: Closed) -> None:
        self.replays += 1

    def ended(self, result: SearchResult) -> None:
        self.results.append(result.canonical())

    def past(self, count: int | None = None) -> Past:
        """Return what a ledger would give back of the first generations."""
        return Past(
            tuple(
                Closed(
                    Generation.from_canonical(body),
                    tuple(Evaluation.from_canonical(item) for item in items),
                )
                for body, items in self.generations[:count]
            )
        )

    def evaluations(self) -> list[Evaluation]:
        return [item for closed in self.past().closed for item in closed.evaluations]


def ticking() -> Callable[[], float]:
    """Return a clock that goes on by a second each time it is read."""
    counter = itertools.count()
    return lambda: float(next(counter))


def not_scored(where: str = "toy") -> EvaluationError:
    return EvaluationError(Code.EVALUATION_FAILED, "the logits are not finite", where=where)
