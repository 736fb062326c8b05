"""Breeding with real models: what is asked for as coefficients is what slerp makes of weights."""

from collections.abc import Iterator

import pytest
import torch

from evoreg.evolve.execution.run import RULES
from evoreg.evolve.optimisers.optimiser import Told
from evoreg.evolve.optimisers.table import make_optimiser
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.resident.geometry import Geometry, geometry
from evoreg.evolve.resident.parameters import ParameterHost
from evoreg.evolve.searchfile.form import OptimiserForm, SearchForm
from evoreg.evolve.spaces.space import Genome, Space
from evoreg.evolve.spaces.table import tensor_space
from evoreg.provenance.records.candidate import Engine
from evoreg.registry.demo import models_folder
from tests.evolve.merging import source

MODELS = ("pocket-math", "pocket-ja")
BASE = "pocket-base"


@pytest.fixture(scope="module")
def sources() -> dict[str, SourceModel]:
    return {name: source(name, models_folder() / name) for name in (*MODELS, BASE)}


@pytest.fixture
def host(sources: dict[str, SourceModel]) -> Iterator[ParameterHost]:
    opened = ParameterHost.open(sources, 1, Engine(version="test", rules=RULES))
    yield opened
    opened.close()


def space_of(sources: dict[str, SourceModel], method: str) -> Space:
    """The space of whole tensors."""
    delta = method == "task_arithmetic"
    form = SearchForm.model_validate(
        {
            "name": "test",
            "models": MODELS,
            "method": method,
            "base_model": BASE if delta else None,
            "merge": {"dtype": "float32", "out_dtype": "float32"},
            "space": {"kind": "tensors"},
            "tasks": [{"name": "t"}],
            "budget": {"generations": 1},
        }
    )
    return tensor_space(form, sources)


def geometry_of(sources: dict[str, SourceModel], method: str) -> Geometry:
    if method == "linear":
        return geometry({name: sources[name] for name in MODELS})
    found = geometry(sources, BASE)
    return Geometry(found.tensors, MODELS, found.gram[:, :2, :2], found.deltas[:, :2, :2])


def vector(host: ParameterHost, space: Space, genome: Genome) -> torch.Tensor:
    """All weights of a merge."""
    host.apply(space.recipe(genome))
    return torch.cat([each.double().reshape(-1) for _, each in host.tensors()])


@pytest.mark.parametrize("method", ["linear", "task_arithmetic"])
def test_a_child_is_the_slerp_of_its_parents_weights(
    sources: dict[str, SourceModel], host: ParameterHost, method: str
) -> None:
    space = space_of(sources, method)
    measured = geometry_of(sources, method)
    optimiser = make_optimiser(OptimiserForm(kind="m2n2"), space.genes, 3, geometry=measured)
    parents = optimiser.ask()
    optimiser.tell([Told(each.genome, (0.5,), (0.0, 1.0)) for each in parents])
    child = optimiser.ask()[0]
    zero = vector(host, space, (0.0,) * len(space.genes))
    first, second, found = (
        vector(host, space, genome) - zero for genome in (*child.parents, child.genome)
    )
    angle = torch.arccos(first @ second / (first.norm() * second.norm()))
    # Both coefficients follow from one weight, or from its counterpart behind the split.
    basis = torch.stack([first, second])
    sizes = [each.numel() for _, each in host.tensors()]
    seen = set()
    for part, pair in zip(torch.split(found, sizes), torch.split(basis, sizes, dim=1), strict=True):
        one, other = torch.linalg.lstsq(pair.T, part).solution
        weight = torch.arcsin(other * torch.sin(angle)) / angle
        assert float(one) == pytest.approx(
            float(torch.sin((1 - weight) * angle) / torch.sin(angle)), abs=1e-4
        )
        seen.add(round(float(weight), 3))
    assert len(seen) in (1, 2)
    if len(seen) == 2:
        assert sum(seen) == pytest.approx(1.0, abs=2e-3)


def test_cycleqd_breeds_recipes(sources: dict[str, SourceModel], host: ParameterHost) -> None:
    space = space_of(sources, "task_arithmetic")
    measured = geometry_of(sources, "task_arithmetic")
    form = OptimiserForm(kind="cycleqd", options={"mutation_rate": 0.0, "crossover_std": 0.0})
    optimiser = make_optimiser(form, space.genes, 3, geometry=measured, objectives=2)
    seeds = optimiser.ask()
    optimiser.tell([Told(seeds[0].genome, (1.0, 0.0)), Told(seeds[1].genome, (0.0, 1.0))])
    ends = [vector(host, space, each.genome) for each in seeds]
    middle = vector(host, space, optimiser.ask()[0].genome)
    assert float((middle - (ends[0] + ends[1]) / 2).abs().max()) < 1e-6
    alone = dict(space.baselines)[MODELS[0]]
    host.apply(alone)
    whole = torch.cat([each.double().reshape(-1) for _, each in host.tensors()])
    assert float((whole - ends[0]).abs().max()) < 1e-6
