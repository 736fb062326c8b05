"""Models with adapters on them in memory: the numbers and the name of the merge."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evoreg.evolve.planning.build import make_plan
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.resident.parameters import ParameterHost
from evoreg.provenance.records.candidate import candidate_id
from evoreg.provenance.records.recipe import ADAPTER_OF, Ingredient, Recipe
from tests.evolve.adapting import factors, on, write_adapter
from tests.resident.candidates import BASE, ENGINE, holds, read, written

Opener = Callable[..., ParameterHost]
ADAPTED = f"{BASE}+lora"


@pytest.fixture
def models(sources: dict[str, SourceModel], tmp_path: Path) -> dict[str, SourceModel]:
    """The base with and without an adapter, and another model."""
    module = "model.layers.1.mlp.up_proj"
    adapter = write_adapter(tmp_path / "lora", factors(1, module, 288, 96))
    folder = sources[BASE].checkpoint.folder
    return {**sources, ADAPTED: on(ADAPTED, folder, adapter)}


def blend(weight: float) -> Recipe:
    """Return a task arithmetic with the adapter as a model."""
    lines = [
        {"model": ADAPTED, "parameters": {"weight": weight}},
        {"model": "pocket-math", "parameters": {"weight": 0.5}},
    ]
    head = {"merge_method": "task_arithmetic", "base_model": BASE, "dtype": "bfloat16"}
    return read({**head, "models": lines})


def ingredients(models: dict[str, SourceModel]) -> Iterator[Ingredient]:
    """Yield what a merge records: the model and its adapter apart."""
    for reference, model in models.items():
        yield Ingredient(reference=reference, name="m", revision=None, identity=model.identity)
    identity = f"sha256:{'5' * 64}"
    yield Ingredient(reference=ADAPTER_OF + ADAPTED, name="l", revision=None, identity=identity)


def test_the_numbers_are_those_of_a_merge(
    models: dict[str, SourceModel], opened: Opener, tmp_path: Path
) -> None:
    host = opened(models, threads=2)
    for number, weight in enumerate((0.5, 0.25, 0.5)):
        host.apply(blend(weight))
        written(blend(weight), models, tmp_path / str(number), seed=7)
        assert holds(host, tmp_path / str(number))


def test_the_id_names_the_adapter_too(models: dict[str, SourceModel], opened: Opener) -> None:
    host = opened(models)
    told = {item.reference: item for item in ingredients(models)}
    host.name_ingredients(list(told.values()))
    plan = make_plan(blend(0.5), {n: models[n] for n in blend(0.5).references}, 7)
    names = (*blend(0.5).references, ADAPTER_OF + ADAPTED)
    wanted = candidate_id(plan.recipe, tuple(told[name] for name in names), 7, ENGINE)
    assert host.apply(blend(0.5)).candidate == wanted
