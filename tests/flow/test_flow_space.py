"""The data-flow space: genes, paths, scales and recipes."""

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.evolve.flow.families import FAMILIES
from evoreg.evolve.flow.path import Hop, factors, path_of, path_recipe
from evoreg.evolve.flow.scaling import Network
from evoreg.evolve.flow.space import PathSpace, layer_space
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.searchfile.form import GeneRange, LayerSpace, MergeForm
from evoreg.provenance.records.errors import MergeError, RecipeError
from tests.flow.flow_models import demo_sources, write_model
from tests.spaces.spacing import written

MODELS = ("pocket-math", "pocket-ja")
OWN = [("pocket-math", layer) for layer in range(4)]


def space(**form: object) -> PathSpace:
    found = layer_space(LayerSpace.model_validate(form), demo_sources(), MODELS, "pocket-base")
    assert isinstance(found, PathSpace)
    return found


def starts(space: PathSpace) -> tuple[float, ...]:
    return tuple(gene.start for gene in space.genes)


def places(path: tuple[Hop, ...]) -> list[tuple[str, int]]:
    return [(hop.model, hop.layer) for hop in path]


@pytest.mark.parametrize(
    ("form", "count"),
    [
        ({"scaling": "none"}, 24),
        ({"scaling": "matrix"}, 24 + 64),
        ({"scaling": "network", "hidden": 4}, 24 + 21),
        ({"scaling": "none", "repeats": 1}, 8),
    ],
)
def test_slots_and_scales_are_genes(form: dict[str, object], count: int) -> None:
    found = space(**form)
    assert len(found.genes) == count
    assert len({gene.name for gene in found.genes}) == count
    assert all(gene.low <= gene.start <= gene.high for gene in found.genes)


def test_more_than_two_models_make_one_pool() -> None:
    three = ("pocket-math", "pocket-ja", "pocket-base")
    found = layer_space(LayerSpace(scaling="none"), demo_sources(), three, None)
    assert len(found.genes) == 36
    assert list(found.baselines) == [*three, "uniform"]


@pytest.mark.parametrize("scaling", ["none", "matrix", "network"])
def test_the_search_begins_at_the_first_model(scaling: str) -> None:
    found = space(scaling=scaling)
    assert found.path(starts(found)) == tuple(Hop(*place) for place in OWN)
    recipe = found.recipe(starts(found))
    assert [line.layer_range for line in recipe.lines] == [(0, 4)]
    assert recipe.parameters == recipe.slices[0].parameters == ()


def test_only_the_inner_layers_of_the_first_model_start_on() -> None:
    on = [gene.name for gene in space().genes[:24] if gene.start > 0]
    assert on == [f"use pocket-math layer {layer} in repeat 1" for layer in (1, 2)]
    step = 2 / 6  # the usual first step: a sixth of the range
    starts = {gene.start for gene in space().genes[:24]}
    assert sorted(starts) == pytest.approx([-step, 2 * step])


def test_a_slot_is_used_above_zero_and_the_ends_stand_fast() -> None:
    found = space(scaling="none", repeats=2)
    genome = [-1.0] * 16
    assert places(found.path(tuple(genome))) == [("pocket-math", 0), ("pocket-math", 3)]
    genome[5], genome[6], genome[8 + 5] = 1e-9, 0.0, 5.0
    assert places(found.path(tuple(genome))) == [
        ("pocket-math", 0), ("pocket-ja", 1), ("pocket-ja", 1), ("pocket-math", 3)
    ]  # fmt: skip


def test_a_pair_of_layers_has_its_own_scale_and_others_do_not_matter() -> None:
    found = space(repeats=1)
    genome = [-1.0] * 8 + [0.4] * 64
    genome[5] = 1.0
    genome[8 + 0 * 8 + 5] = 1.25
    genome[8 + 5 * 8 + 3] = 0.8
    path = found.path(tuple(genome))
    assert [hop.scale for hop in path] == [1.0, 1.25, 0.8]
    genome[8 + 3 * 8 + 5] = 1.4
    assert found.path(tuple(genome)) == path
    genome[8 + 5 * 8 + 3] = 99.0
    assert found.path(tuple(genome))[2].scale == 1.5  # cut to the range


def test_a_network_sees_both_layers_and_the_slot() -> None:
    found = space(scaling="network", hidden=1, repeats=2)
    weights = (0.3, -0.2, 0.7, 0.1, 1.5, 0.05)
    genome = [-1.0] * 16 + [*weights]
    genome[6] = genome[8 + 1] = 1.0
    network = Network(8, 1, found.form.scale)
    hops = [(0, 6, 7 / 17), (6, 1, 10 / 17), (1, 3, 1.0)]  # before, layer, slot of 16 and the ends
    wanted = [1.0, *(network.scale(weights, *hop) for hop in hops)]
    assert [hop.scale for hop in found.path(tuple(genome))] == wanted


def test_a_scaled_path_is_written_as_factors() -> None:
    path = (Hop("a", 0), Hop("a", 1, 2.0), Hop("a", 2), Hop("b", 2, 0.25))
    recipe = path_recipe(path, FAMILIES["llama"])
    assert [line.layer_range for line in recipe.lines] == [(0, 1), (1, 3), (2, 3)]
    told = [
        [(name, [(s.filter, s.value) for s in settings]) for name, settings in piece.parameters]
        for piece in recipe.slices
    ]
    assert told == [
        [],
        [("scale", [("o_proj", 0.5), ("down_proj", 0.5)])],
        [("scale", [("o_proj", 2.0), ("down_proj", 2.0)])],
    ]
    assert path_of(recipe) == tuple(Hop(hop.model, hop.layer) for hop in path)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 5), st.floats(0.4, 1.5)),
        min_size=1,
        max_size=30,
    )
)
def test_a_recipe_keeps_the_path(layers: list[tuple[str, int, float]]) -> None:
    path = tuple(Hop(*layer) for layer in layers)
    assert path_of(path_recipe(path, None)) == path
    plain = path_recipe(path, FAMILIES["llama"])
    assert places(path_of(plain)) == places(path)
    spans = [line.layer_range or (0, 0) for line in plain.lines]
    told = [
        piece.parameters[0][1][0].value if piece.parameters else 1.0
        for piece, (first, end) in zip(plain.slices, spans, strict=True)
        for _ in range(first, end)
    ]
    assert tuple(told) == factors(path)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-9, 9), min_size=21, max_size=21), st.floats(0, 1))
def test_the_network_stays_in_its_range(genes: list[float], time: float) -> None:
    network = Network(8, 4, GeneRange(low=0.4, high=1.5, start=1.0))
    found = {network.scale(genes, i, j, time) for i in range(8) for j in range(8)}
    assert all(0.4 <= scale <= 1.5 for scale in found)
    assert network.scale([0.0] * 21, 3, 5, time) == 1.0


def test_the_network_tells_pairs_and_slots_apart() -> None:
    network = Network(8, 1, GeneRange(low=0.5, high=2.0, start=1.0))
    genes = (0.3, -0.2, 0.1, 0.0, 1.0, 0.0)
    # Layer 7 after layer 0 in the last slot: inputs -1, 1, 1.
    inner = math.tanh(-0.3 - 0.2 + 0.1)
    assert network.scale(genes, 0, 7, 1.0) == pytest.approx(1 + 0.5 * math.tanh(inner))
    inner = math.tanh(0.3 + 0.2 - 0.1)
    assert network.scale(genes, 7, 0, 0.0) == pytest.approx(1 + 1.0 * math.tanh(inner))


def test_a_path_beyond_the_limit_has_failed() -> None:
    found = space(scaling="none", limit=5)
    assert len(found.path(starts(found))) == 4
    with pytest.raises(MergeError, match="the path has 26 layers; the limit is 5"):
        found.recipe((1.0,) * 24)


def test_scales_that_multiply_to_nothing_are_a_failure() -> None:
    path = [Hop("a", 0, 0.4)] * 1000
    with pytest.raises(MergeError, match="the scales of a path of 1000 layers multiply to"):
        path_recipe(path, FAMILIES["llama"])
    with pytest.raises(MergeError, match="the path has no layers"):
        path_recipe((), None)


def test_types_and_chat_template_go_into_the_recipe() -> None:
    merge = MergeForm(dtype="float32", out_dtype="bfloat16", chat_template="chatml")
    found = layer_space(LayerSpace(), demo_sources(), MODELS, None, merge=merge)
    recipe = found.recipe(tuple(gene.start for gene in found.genes))
    assert (recipe.dtype, recipe.out_dtype) == ("float32", "bfloat16")
    assert (recipe.chat_template, recipe.tokenizer_source) == ("chatml", None)
    for baseline in found.baselines.values():  # they are asked as the candidates are
        assert (baseline.out_dtype, baseline.chat_template) == ("bfloat16", "chatml")


@pytest.mark.parametrize(
    ("kind", "reference", "most"),
    [("llama", "m", 408), ("phi", "y" * 300, 320), (None, "m", 515)],
)
def test_a_path_that_no_recipe_file_holds_has_failed(
    kind: str | None, reference: str, most: int
) -> None:
    family = None if kind is None else FAMILIES[kind]
    path = [Hop(reference, layer % 4, 1 + (layer + 1) / 1e6) for layer in range(most + 200)]
    recipe = path_recipe(path[:most], family)
    assert written(recipe) == recipe
    with pytest.raises(MergeError, match="has too many values for a recipe file"):
        path_recipe(path, family)


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"limit": 3}, "at most 3 layers are allowed"),
        ({"scale": {"low": -1.0, "high": 1.0, "start": 0.5}}, "scales are positive"),
    ],
)
def test_a_space_that_cannot_be_meant_is_refused(form: dict[str, object], told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        space(**form)


def test_layers_of_another_size_do_not_meet(tmp_path: Path) -> None:
    sources: dict[str, SourceModel] = {
        "a": write_model("llama", tmp_path / "a", 1),
        "b": write_model("llama", tmp_path / "b", 2, intermediate_size=56),
        "one": write_model("llama", tmp_path / "one", 3, num_hidden_layers=1),
        "deep": write_model("llama", tmp_path / "deep", 4, num_hidden_layers=5),
    }
    with pytest.raises(MergeError, match="models of one architecture and size") as caught:
        layer_space(LayerSpace(), sources, ("a", "b"), None)
    assert len(caught.value.problems) == 3  # every layer is told
    with pytest.raises(RecipeError, match="one has a single layer"):
        layer_space(LayerSpace(), sources, ("one", "a"), None)
    deep = layer_space(LayerSpace(scaling="none", repeats=1), sources, ("a", "deep", "one"), None)
    assert len(deep.genes) == 9
    assert list(deep.baselines) == ["a", "deep", "one"]  # nothing to average
