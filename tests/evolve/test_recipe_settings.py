"""Which value a parameter has for which tensor: blocks, filters, gradients, types, places."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from evoreg.evolve.planning.plan import OutputTensor
from evoreg.evolve.recipes.contracts import CONTRACTS, Parameter
from evoreg.evolve.recipes.read import read_recipe
from evoreg.evolve.recipes.settings import at, convert, find
from evoreg.provenance.records.errors import Code, RecipeError
from evoreg.provenance.records.recipe import Scalar, Setting
from tests.evolve.merging import Bench, Recipe, recipe, row

NUMBER = Parameter("x", "shared", "float")
TRUTH = Parameter("x", "shared", "bool")


# One value


@pytest.mark.parametrize(
    ("value", "number"),
    [("1e-5", 1e-5), (1, 1.0), (True, 1.0), (False, 0.0), (" .5 ", 0.5), ("-2E3", -2000.0)],
)
def test_numbers_may_come_as_text(value: Scalar, number: float) -> None:
    got = convert(value, NUMBER)
    assert isinstance(got, float)
    assert got == number


@pytest.mark.parametrize("value", ["nan", "inf", float("nan"), float("-inf"), "x", "", "1e999"])
def test_what_is_no_finite_number_is_refused(value: Scalar) -> None:
    with pytest.raises(ValueError, match="not"):
        convert(value, NUMBER)


@pytest.mark.parametrize("text", ["true", "T", "Yes", "y", "ON", "1", 1, True])
def test_truth(text: Scalar) -> None:
    assert convert(text, TRUTH) is True


@pytest.mark.parametrize("text", ["false", "F", "No", "n", "off", "0", 0, False])
def test_falsehood(text: Scalar) -> None:
    assert convert(text, TRUTH) is False


@pytest.mark.parametrize("text", ["2", 2, 0.5, "", "maybe"])
def test_neither_is_refused(text: Scalar) -> None:
    with pytest.raises(ValueError, match="neither true nor false"):
        convert(text, TRUTH)


@pytest.mark.parametrize(("value", "word"), [(-0.01, "below"), (1.5, "above")])
def test_the_range_is_kept(value: float, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        convert(value, Parameter("x", "shared", "float", low=0.0, high=1.0))


# Gradients


@pytest.mark.parametrize(
    ("values", "position", "expected"),
    [
        (("1e-5", "1e-3"), 0.5, 0.000505),
        ((2, 4), 0.5, 3.0),
        ((0, 1), 0.0, 0.0),
        ((0, 1), 1.0, 1.0),
        ((0, 0.5, 0.3, 0.7, 1), 0.25, 0.5),
        ((0, 0.5, 0.3, 0.7, 1), 1 / 3, 0.5 + (4 / 3 - 1) * (0.3 - 0.5)),
        ((0, 10, 40), 0.75, 25.0),
        ((7,), 0.4, 7.0),
        ((1, 0), 0.999999, 0.000001),
    ],
)
def test_a_gradient_is_read_between_its_values(
    values: tuple[Scalar, ...], position: float, expected: float
) -> None:
    assert at(Setting(value=values), position, NUMBER) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("values", "position", "expected"),
    [
        ((0, 1), 0.5, False),
        ((0, 1), 1.0, True),
        (("no", "yes", "no"), 0.5, True),
        ((1,), 0.3, True),
    ],
)
def test_truth_values_are_not_mixed(
    values: tuple[Scalar, ...], position: float, expected: bool
) -> None:
    assert at(Setting(value=values), position, TRUTH) is expected


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8), st.floats(0, 1))
def test_a_gradient_stays_between_its_ends(values: list[float], position: float) -> None:
    got = float(at(Setting(value=tuple(values)), position, NUMBER))
    assert min(values) - 1e-6 <= got <= max(values) + 1e-6
    constant = at(Setting(value=tuple(values[:1] * 3)), position, NUMBER)
    assert constant == pytest.approx(values[0])


# Filters and blocks


def block(*rows: tuple[float, str | None]) -> Any:
    return (("x", tuple(Setting(value=value, filter=chosen) for value, chosen in rows)),)


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [("layers.0.self_attn.q", 1.0), ("layers.0.mlp.up", 2.0), ("norm", 3.0), ("MLP", 3.0)],
)
def test_the_first_filter_that_is_part_of_the_name_wins(tensor: str, expected: float) -> None:
    rows = block((1.0, "self_attn"), (2.0, "mlp"), (3.0, "*"), (4.0, "norm"))
    found = find([rows], "x", tensor)
    assert found is not None
    assert found.value == expected


def test_a_block_without_a_match_falls_through_to_the_next() -> None:
    first, second = block((1.0, "mlp")), block((2.0, "norm"), (3.0, None))
    assert find([first, second], "x", "a.mlp.b") == Setting(value=1.0, filter="mlp")
    assert find([first, second], "x", "final_norm") == Setting(value=2.0, filter="norm")
    assert find([first, (), second], "x", "head") == Setting(value=3.0)
    assert find([first], "x", "head") is None
    assert find([first], "y", "a.mlp.b") is None


# In a plan


def outputs(bench: Bench, request: Recipe) -> dict[str, OutputTensor]:
    return {output.name: output for output in bench.plan(request).outputs}


@pytest.fixture
def deep(bench: Bench) -> Bench:
    """A bench with models a and b of five layers."""
    names = ["model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"]
    names += [
        f"model.layers.{n}.{part}.weight" for n in range(5) for part in ("self_attn.q", "mlp.up")
    ]
    for model in "ab":
        bench.model(model, {name: torch.ones(2) for name in names}, {"num_hidden_layers": 5})
    return bench


def test_model_before_slice_before_recipe_before_default(deep: Bench) -> None:
    source = {"model": "a", "layer_range": [0, 5]}
    own = {"weight": {"value": 1, "filter": "mlp"}, "density": 0.1}
    request = {
        "merge_method": "ties",
        "base_model": "b",
        "slices": [
            {
                "sources": [{**source, "parameters": own}, {**source, "model": "b"}],
                "parameters": {"weight": {"value": 2, "filter": "self_attn"}, "lambda": 5},
            }
        ],
        "parameters": {"weight": 3, "lambda": 6, "density": 0.7, "normalize": False},
    }
    found = outputs(deep, request)

    def weight(name: str) -> float | bool:
        output = found[name]
        return output.inputs[output.parts[0]].parameters["weight"]

    assert weight("model.layers.1.mlp.up.weight") == 1.0
    assert weight("model.layers.1.self_attn.q.weight") == 2.0
    assert weight("model.norm.weight") == 3.0
    for output in found.values():
        assert output.inputs[output.parts[0]].parameters["density"] == 0.1
        assert output.parameters == {
            "normalize": False, "rescale": False, "lambda": 5.0, "int8_mask": False,
        }  # fmt: skip


def test_a_parameter_that_no_setting_reaches_is_told_with_model_and_tensor(deep: Bench) -> None:
    lines = [row("a", weight={"value": 1, "filter": "mlp"}), row("b", weight=1)]
    with pytest.raises(RecipeError) as caught:
        deep.plan(recipe("linear", lines))
    assert {p.code for p in caught.value.problems} == {Code.RECIPE_PARAMETER}
    assert len(caught.value.problems) == 8  # all tensors but the five of the mlp
    assert caught.value.problems[0].where == "lm_head.weight"
    assert caught.value.problems[0].what == "linear needs a value for weight of a"


def test_the_base_needs_no_weight(deep: Bench) -> None:
    request = recipe("task_arithmetic", [{"model": "b"}, row("a", weight=1)], "b")
    assert all(not o.inputs[o.base or 0].parameters for o in outputs(deep, request).values())


def places(bench: Bench, request: Recipe) -> dict[str, float]:
    """Return t of each tensor, read off a gradient from 0 to 1."""
    return {name: float(o.parameters["t"]) for name, o in outputs(bench, request).items()}


def test_the_place_of_a_layer_in_a_model(deep: Bench) -> None:
    found = places(deep, recipe("slerp", [{"model": "b"}], "a", {"t": [0, 1]}))
    for layer in range(5):
        assert found[f"model.layers.{layer}.mlp.up.weight"] == layer / 4
    for name in ("model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"):
        assert found[name] == 0.0


def test_the_place_of_a_layer_in_a_slice(deep: Bench) -> None:
    def piece(first: int, end: int) -> Recipe:
        sources = [{"model": model, "layer_range": [first, end]} for model in "ab"]
        return {"sources": sources}

    request = {
        "merge_method": "slerp",
        "base_model": "a",
        "slices": [piece(0, 3), piece(4, 5), piece(1, 3)],
        "parameters": {"t": [0, 1]},
    }
    found = places(deep, request)
    by_layer = [found[f"model.layers.{n}.self_attn.q.weight"] for n in range(6)]
    assert by_layer == [0.0, 0.5, 1.0, 1.0, 0.0, 1.0]  # a slice of one layer is at 1
    assert found["model.norm.weight"] == found["model.embed_tokens.weight"] == 0.0


def test_own_parameters_see_the_input_name_and_shared_ones_the_output_name(deep: Bench) -> None:
    piece = [{"model": "b", "layer_range": [3, 4]}, {"model": "a", "layer_range": [4, 5]}]
    first = [{"model": "b", "layer_range": [0, 1]}, {"model": "a", "layer_range": [0, 1]}]
    request = {
        "merge_method": "task_arithmetic",
        "base_model": "b",
        "slices": [{"sources": first}, {"sources": piece}],
        "parameters": {
            "weight": [{"filter": "layers.4", "value": 4}, {"value": 0}],
            "lambda": [{"filter": "layers.1", "value": 9}, {"value": 1}],
        },
    }
    found = outputs(deep, request)["model.layers.1.mlp.up.weight"]
    assert [i.tensor.layer for i in found.inputs] == [3, 4]
    assert found.inputs[1].parameters["weight"] == 4.0
    assert found.parameters["lambda"] == 9.0


def test_a_slice_may_have_its_own_base(deep: Bench) -> None:
    def piece(base: str | None) -> dict[str, Any]:
        sources = [{"model": model, "layer_range": [0, 1]} for model in "ab"]
        return {"sources": sources} | ({"base_model": base} if base else {})

    request = {
        "merge_method": "task_arithmetic",
        "base_model": "a",
        "slices": [piece("b"), piece(None), piece("b")],
        "parameters": {"weight": 1},
    }
    found = outputs(deep, request)
    bases = {name: o.inputs[o.base or 0].source.reference for name, o in found.items()}
    assert [bases[f"model.layers.{n}.mlp.up.weight"] for n in range(3)] == ["b", "a", "b"]
    assert bases["model.embed_tokens.weight"] == bases["lm_head.weight"] == "b"


def test_a_setting_for_the_head_reaches_a_tied_stand_in(bench: Bench) -> None:
    """A filter names what the tensor is in the result, whichever tensor a model lends for it."""
    embedding, head = "model.embed_tokens.weight", "lm_head.weight"
    bench.model("tied", {embedding: torch.ones(3, 2)}, {"tie_word_embeddings": True})
    both = {embedding: torch.ones(3, 2), head: torch.ones(3, 2)}
    bench.model("untied", both, {"tie_word_embeddings": False})
    weight = [{"filter": "lm_head", "value": 5}, {"value": 1}]
    found = outputs(bench, recipe("linear", [row("tied"), row("untied")], None, {"weight": weight}))
    assert [i.parameters["weight"] for i in found[head].inputs] == [5.0, 5.0]
    assert [i.parameters["weight"] for i in found[embedding].inputs] == [1.0, 1.0]


@pytest.mark.parametrize("weights", [(1, -1), (0, 0), (0.1, 0.2, -0.3)])
@pytest.mark.parametrize("method", ["linear", "task_arithmetic", "dare_linear"])
def test_weights_that_cancel_are_refused_before_any_tensor_is_read(
    method: str, weights: tuple[float, ...], bench: Bench
) -> None:
    for name in ("base", "m0", "m1", "m2"):
        bench.model(name, {"w": torch.ones(2)})
    lines = [row(f"m{i}", weight=weight) for i, weight in enumerate(weights)]
    base = "base" if CONTRACTS[method].base == "required" else None
    with pytest.raises(RecipeError) as caught:
        bench.plan(recipe(method, lines, base, {"normalize": True}))
    (problem,) = caught.value.problems
    assert problem.code == Code.RECIPE_ZERO_WEIGHTS
    assert "normalize: false" in problem.hint
    assert bench.plan(recipe(method, lines, base, {"normalize": False})).outputs


def test_weights_that_cancel_for_one_tensor_only_are_refused_too(deep: Bench) -> None:
    lines = [
        row("a", weight=1),
        row("b", weight=[{"filter": "layers.3.mlp", "value": -1}, {"value": 1}]),
    ]
    with pytest.raises(RecipeError) as caught:
        deep.plan(recipe("linear", lines))
    assert caught.value.code == Code.RECIPE_ZERO_WEIGHTS


def test_every_default_is_a_value_of_its_parameter() -> None:
    for contract in CONTRACTS.values():
        for parameter in contract.parameters:
            assert parameter.required == (parameter.default is None)
            if parameter.default is not None:
                assert convert(parameter.default, parameter) == parameter.default


def test_text_in_yaml_1_1_that_means_numbers_is_read_as_numbers(bench: Bench) -> None:
    bench.model("a", {"w": torch.full((2,), 2.0)})
    text = "merge_method: passthrough\nmodels: [{model: a, parameters: {scale: 1e-3}}]\n"
    assert read_recipe(text, "r").recipe.models[0].parameters[0][1][0].value == "1e-3"
    assert bench.merge(text).only.tolist() == pytest.approx([0.002, 0.002])
