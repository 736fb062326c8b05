"""The space of whole tensors: one weight for each tensor of each model."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.evolve.planning.build import make_plan
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.resident.geometry import geometry
from evoreg.evolve.spaces.table import tensor_space
from evoreg.evolve.spaces.tensors import WeightSpace
from evoreg.provenance.records.errors import RecipeError, UsageError
from tests.spaces.spacing import POCKETS, form, layered, model, read_models, resolved, written

SOURCES = read_models(POCKETS, "pocket-base", "pocket-math", "pocket-ja")
LINEAR = form(method="linear", base_model=None, space={"kind": "tensors"})
VECTORS = form(method="task_arithmetic", space={"kind": "tensors", "low": 0, "high": 1})
SPACES = [tensor_space(LINEAR, SOURCES), tensor_space(VECTORS, SOURCES)]


def hold(space: WeightSpace, genome: tuple[float, ...], sources: dict[str, SourceModel]) -> None:
    recipe = space.recipe(genome)
    assert written(recipe) == recipe
    found = resolved(make_plan(recipe, sources, 0))
    rows = iter(genome)
    for site in space.sites:
        for name in space.models:
            assert found["weight", name, site.name] == next(rows)
    assert {value for key, value in found.items() if key[0] == "normalize"} == {False}


@settings(max_examples=10, deadline=None)
@given(st.data(), st.sampled_from(SPACES))
def test_every_tensor_gets_its_gene(data: st.DataObject, space: WeightSpace) -> None:
    low, high = space.genes[0].low, space.genes[0].high
    values = st.one_of(st.sampled_from([low, high]), st.floats(low, high))
    size = len(space.genes)
    hold(space, tuple(data.draw(st.lists(values, min_size=size, max_size=size))), SOURCES)


def test_genes_are_ordered_by_tensor_then_by_model() -> None:
    for space in SPACES:
        found = geometry({name: SOURCES[name] for name in space.models})
        assert [site.name for site in space.sites] == list(found.tensors)
        names = [f"{model} weight {name}" for name in found.tensors for model in found.sources]
        assert [gene.name for gene in space.genes] == names
    assert {(g.low, g.high, g.start) for g in SPACES[0].genes} == {(-2.0, 2.0, 0.5)}
    assert {(g.low, g.high, g.start) for g in SPACES[1].genes} == {(0.0, 1.0, 0.5)}


def test_a_parent_is_written_in_a_few_words() -> None:
    space = SPACES[0]
    genome = tuple(float(place % 2 == 0) for place in range(len(space.genes)))
    lines = space.recipe(genome).models
    assert [len(dict(line.parameters)["weight"]) for line in lines] == [1, 1]
    hold(space, genome, SOURCES)


def test_whole_layers_that_share_a_weight_are_named_together(tmp_path: Path) -> None:
    for name in ("x", "y"):
        model(tmp_path / name, layered(12, "self_attn.q_proj", "mlp.up_proj", "norm"))
    sources = read_models(tmp_path, "x", "y")
    made = form(models=("x", "y"), method="linear", base_model=None, space={"kind": "tensors"})
    space = tensor_space(made, sources)
    early = [float((site.layer or 0) < 6) for site in space.sites]
    genome = tuple(value for one in early for value in (one, 1 - one))
    hold(space, genome, sources)
    lines = space.recipe(genome).models
    assert [len(dict(line.parameters)["weight"]) for line in lines] == [7, 7]


def test_names_that_are_parts_of_other_names(tmp_path: Path) -> None:
    shape = dict.fromkeys(["w", "a.w", "b.a.w", "b.a.w.w", "a.w.1.w", "c"], (2,))
    for name in ("x", "y"):
        model(tmp_path / name, shape)
    sources = read_models(tmp_path, "x", "y")
    made = form(models=("x", "y"), method="linear", base_model=None, space={"kind": "tensors"})
    space = tensor_space(made, sources)
    assert len(space.genes) == 12
    for step in range(5):
        hold(space, tuple(place * (step + 1) % 5 / 4 for place in range(12)), sources)


def test_a_name_within_common_ones_among_many_weights(tmp_path: Path) -> None:
    common = ("a.w", "b.w")
    shape = dict.fromkeys(["w", *common, *(f"t{number}" for number in range(40))], (2,))
    for name in ("x", "y"):
        model(tmp_path / name, shape)
    sources = read_models(tmp_path, "x", "y")
    made = form(models=("x", "y"), method="linear", base_model=None, space={"kind": "tensors"})
    space = tensor_space(made, sources)
    weights = [0.25 if s.name in common else n / 64 for n, s in enumerate(space.sites, 20)]
    hold(space, tuple(value for weight in weights for value in (weight, -weight)), sources)


@pytest.mark.parametrize("name", ["gpt2", "whisper", "qwen2-tied"])
def test_tensors_of_other_families(
    family: Callable[[str], dict[str, SourceModel]], name: str
) -> None:
    sources = family(name)
    made = form(models=("a", "b"), base_model="base", space={"kind": "tensors"})
    space = tensor_space(made, sources)
    hold(space, tuple(place / len(space.genes) for place in range(len(space.genes))), sources)


def test_baselines_are_those_of_the_method() -> None:
    assert list(SPACES[0].baselines) == ["pocket-math", "pocket-ja", "uniform"]
    assert list(SPACES[1].baselines) == ["pocket-math", "pocket-ja", "base", "uniform"]
    found = resolved(make_plan(SPACES[0].baselines["uniform"], SOURCES, 0))
    assert {value for key, value in found.items() if key[0] == "weight"} == {0.5}


def test_other_methods_and_kinds_are_refused() -> None:
    with pytest.raises(RecipeError, match="dare_ties has no weights for single tensors"):
        tensor_space(form(method="dare_ties", space={"kind": "tensors"}), SOURCES)
    with pytest.raises(UsageError, match="kind parameters, not tensors"):
        tensor_space(form(), SOURCES)
