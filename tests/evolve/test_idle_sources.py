"""Sources that a plan leaves out for certain: the measurement agrees, for every method."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evoreg.evolve.planning.idle import idle_sources, may_have_idle
from evoreg.evolve.recipes.contracts import CONTRACTS
from evoreg.provenance.records.errors import EvoregError
from tests.evolve.merging import Bench, Recipe, normal, recipe, row
from tests.evolve.method_recipes import FORMS, Form, name_of
from tests.evolve.visual import plain, seeing

NUMBERS = (0, 0.0, -0.0, "0", 1, 0.5, -1, 1e-9, 2e-7, 1e-30, [0, 0], [0, 1], [0, 0.5, 0])
LAYERS = {"num_hidden_layers": 3, "model_type": "llama", "architectures": ["LlamaForCausalLM"]}


def tensors(seed: int) -> dict[str, torch.Tensor]:
    found = {f"model.layers.{n}.mlp.up_proj.weight": normal(seed + n, 3, 4) for n in range(3)}
    return found | {"model.norm.weight": normal(seed + 9, 4)}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Six models: one of zeros, one that equals another, one parallel to it."""
    bench = Bench(tmp_path_factory.mktemp("models"))
    for number, name in enumerate("abcd"):
        bench.model(name, tensors(100 * number), LAYERS)
    bench.model("zero", {k: torch.zeros_like(v) for k, v in tensors(0).items()}, LAYERS)
    bench.model("like-a", {k: 2 * v for k, v in tensors(0).items()}, LAYERS)
    return bench


def given_values(draw: st.DrawFn, form: Form, count: int) -> dict[str, Any]:
    number = st.sampled_from(NUMBERS)
    values: dict[str, Any] = {}
    for parameter in form.contract.parameters:
        if parameter.name in ("weight", "scale"):
            lists = st.lists(number, min_size=count, max_size=count)
            values[parameter.name] = tuple(draw(lists))
        elif parameter.name == "t":
            values["t"] = draw(number)
        elif parameter.kind == "bool":
            values[parameter.name] = draw(st.booleans())
    if form.contract.parameter("density") is not None:
        values["density"] = draw(st.sampled_from((1.0, 0.5)))
    return values


@st.composite
def recipes(draw: st.DrawFn, form: Form) -> Recipe:
    count = form.count(draw(st.integers(1, 3)))
    names = draw(st.permutations(["a", "b", "c", "zero", "like-a"]))[:count]
    return form.recipe(names, "d", **given_values(draw, form, count))


@pytest.mark.parametrize("form", FORMS, ids=name_of)
def test_what_is_left_out_is_measured_so(form: Form, shelf: Bench) -> None:
    """The idle ones are among those of which nothing is in the result; most are found."""

    @settings(max_examples=12, suppress_health_check=list(HealthCheck), deadline=None)
    @given(recipes(form))
    def law(chosen: Recipe) -> None:
        text = json.dumps(chosen)
        try:
            plan = shelf.plan(text)
            idle = idle_sources(plan)
            result = shelf.merge(text)
        except EvoregError:  # a recipe that is refused holds no source
            return
        unused = {c.reference for c in result.merged.contributions if not c.used}
        assert idle <= unused
        assert not idle or may_have_idle(plan.recipe)

    law()


ZERO: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "linear": ({"weight": 0}, {}),
    "slerp": ({}, {"t": 0}),
    "nuslerp": ({"weight": 0}, {}),
    "multislerp": ({"weight": 0}, {}),
    "nearswap": ({}, {"t": 0}),
    **{
        name: ({"weight": 0}, {})
        for name in CONTRACTS
        if name.startswith(("task", "ties", "dare", "bread", "della"))
    },
}


@pytest.mark.parametrize("method", sorted(CONTRACTS))
def test_each_method_says_whether_zero_leaves_out(shelf: Bench, method: str) -> None:
    """A source that every setting sets to zero is idle, in the methods that promise it."""
    contract = CONTRACTS[method]
    assert (contract.zeros is not None) == (method in {*ZERO, "passthrough"})
    if method not in ZERO:
        return
    own, shared = ZERO[method]
    two = contract.base == "required" and contract.most == 2
    others = [] if two else [row("a", weight=0.5)]
    idle = row("c", **own)
    base = None if contract.base == "ignored" else "d"
    lines = [row("d"), *others, idle] if method == "slerp" else [*others, idle]
    plan = shelf.plan(recipe(method, lines, base, shared))
    assert idle_sources(plan) == {"c"}
    assert may_have_idle(plan.recipe)


def test_where_one_tensor_has_it_it_is_not_idle(shelf: Bench) -> None:
    weights = [{"filter": "norm", "value": 0.001}, {"value": 0}]
    plan = shelf.plan(recipe("linear", [row("a", weight=1), row("b", weight=weights)]))
    assert idle_sources(plan) == frozenset()
    plan = shelf.plan(recipe("linear", [row("a", weight=1), row("b", weight=[0, 0, 0.1])]))
    assert idle_sources(plan) == frozenset()


def test_whose_files_go_along_is_not_idle(shelf: Bench) -> None:
    """The first model and the base give config and tokenizer, whatever their weights."""
    plan = shelf.plan(recipe("linear", [row("a", weight=0), row("b", weight=1)]))
    assert idle_sources(plan) == frozenset()
    plan = shelf.plan(recipe("slerp", [row("a"), row("b")], "a", {"t": 1}))
    assert idle_sources(plan) == frozenset()


def test_whose_bits_are_copied_is_not_idle(shelf: Bench, tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for name in "ab":
        bench.model(name, {"w": normal(1, 4), "ids": torch.arange(4)})
    chosen = recipe("linear", [row("a", weight=1), row("b", weight=0)])
    assert idle_sources(bench.plan(chosen)) == frozenset()
    assert bench.merge(chosen).share("b").used


def test_what_one_model_alone_has_is_in_the_result(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    chosen = recipe(
        "linear",
        [row(plain(bench, "a", 1), weight=1), row(seeing(bench, "b", "qwen", 2), weight=0)],
    )
    assert idle_sources(bench.plan(chosen)) == frozenset()
    assert bench.merge(chosen).share("b").used


def test_a_model_of_two_slices_is_idle_only_if_both_are(shelf: Bench) -> None:
    def stack(second: float) -> Recipe:
        pieces = [
            {
                "sources": [
                    {"model": "a", "layer_range": [start, stop], "parameters": {"weight": 1}},
                    {"model": "b", "layer_range": [start, stop], "parameters": {"weight": weight}},
                ]
            }
            for start, stop, weight in ((0, 2, 0), (2, 3, second))
        ]
        return {"merge_method": "linear", "slices": pieces}

    assert idle_sources(shelf.plan(stack(0.5))) == frozenset()
    assert idle_sources(shelf.plan(stack(0))) == {"b"}


def test_templates_of_all_models_may_be_taken(shelf: Bench) -> None:
    lines = [row("a", weight=1), row("b", weight=0)]
    plan = shelf.plan(recipe("linear", lines))
    assert idle_sources(plan) == {"b"}
    auto = plan.recipe.model_copy(update={"chat_template": "auto"})
    assert not may_have_idle(auto)


def test_a_recipe_without_a_zero_needs_no_look(shelf: Bench) -> None:
    plan = shelf.plan(recipe("linear", [row("a", weight=0.5), row("b", weight=0.25)]))
    assert not may_have_idle(plan.recipe)
    assert not may_have_idle(shelf.plan(recipe("karcher", [row("a"), row("b")])).recipe)


@pytest.mark.parametrize("zero", [0, -0.0])
@pytest.mark.parametrize("method", ["passthrough", "linear"])
def test_not_even_the_signs_of_an_idle_source_are_in_the_result(
    method: str, zero: float, tmp_path: Path
) -> None:
    """Whatever the source holds, the bits of the result are the same."""
    written = []
    for seed in (1, 2):
        bench = Bench(tmp_path / str(seed))
        bench.model("a", tensors(100 * seed), LAYERS)
        bench.model("d", {k: torch.zeros_like(v) for k, v in tensors(0).items()}, LAYERS)
        if method == "passthrough":
            text = json.dumps(recipe("passthrough", [row("a", scale=zero)]))
        else:
            rows = [row("a", weight=zero), row("d", weight=1.0)]
            text = json.dumps(recipe("linear", rows, parameters={"normalize": False}))
        result = bench.merge(text)
        assert not result.share("a").used
        written.append({name: bits(value) for name, value in result.tensors.items()})
    assert written[0] == written[1]


def bits(value: torch.Tensor) -> list[int]:
    return [int(item) for item in value.contiguous().view(torch.int32).flatten()]
