"""Reading modules, references in mapping form, layer ranges, and what lenient reading forgives."""

import json
from typing import Any

import pytest

from evoreg.evolve.planning.build import make_plan
from evoreg.evolve.recipes.contracts import CONTRACTS
from evoreg.evolve.recipes.read import placed, read_recipe
from evoreg.evolve.recipes.written import as_text
from evoreg.provenance.records.errors import Code, Problem, RecipeError
from evoreg.provenance.records.recipe import Module, Setting, Slice, Source
from tests.evolve.merging import Bench, recipe, row, same, source

MODULES = """\
merge_method: ties
base_model: org/base
modules:
  text_decoder:
    models:
      - model: org/a
        parameters: {weight: 1}
    parameters: {density: 0.5}
  vision_tower:
    slices:
      - sources:
          - {model: org/a, layer_range: [0, 2], parameters: {weight: 1}}
          - {model: org/base, layer_range: [0, 2]}
"""


def problems(text: str, *, lenient: bool = False) -> tuple[Problem, ...]:
    with pytest.raises(RecipeError) as caught:
        read_recipe(text, "r.yml", lenient=lenient)
    return caught.value.problems


def changed(old: str, new: str, text: str = MODULES) -> str:
    assert old in text
    return text.replace(old, new, 1)


# Modules


def test_modules_are_read_in_their_order() -> None:
    read = read_recipe(MODULES, "r.yml")
    weight = (("weight", (Setting(value=1),)),)
    line = Source(model="org/a", layer_range=(0, 2), parameters=weight)
    assert read.warnings == ()
    assert read.recipe.modules == (
        Module(
            name="text_decoder",
            models=(Source(model="org/a", parameters=weight),),
            parameters=(("density", (Setting(value=0.5),)),),
        ),
        Module(
            name="vision_tower",
            slices=(Slice(sources=(line, Source(model="org/base", layer_range=(0, 2)))),),
        ),
    )
    assert read.recipe.references == ("org/base", "org/a")
    assert (read.recipe.models, read.recipe.slices) == ((), ())


@pytest.mark.parametrize(
    ("old", "new", "code", "place", "told"),
    [
        ("modules:\n", "moduls:\n", Code.RECIPE_UNKNOWN_KEY, "r.yml:3:1", "did you mean 'modules'"),
        ("    models:\n", "    modells:\n", Code.RECIPE_UNKNOWN_KEY, "r.yml:5:5", "'models'"),
        ("    parameters: {d", "    base_model: x\n    parameters: {d", Code.RECIPE_UNKNOWN_KEY,
         "r.yml:8:5", "base_model stands at the top of the recipe or in a slice"),
        ("density", "desnity", Code.RECIPE_UNKNOWN_KEY, "r.yml:8:18", "did you mean 'density'?"),
        ("density: 0.5", "density: 2", Code.RECIPE_PARAMETER, "r.yml:8:27", "above 1"),
        ("{weight: 1}", "{lambda: 1}", Code.RECIPE_PARAMETER, "r.yml:7:22", "not read inside"),
        ("    parameters: {d", "    slices: [{sources: [{model: a, layer_range: [0, 1]}]}]\n"
         "    parameters: {d", Code.RECIPE_STRUCTURE, "r.yml:5:5", "models and slices are given"),
        ("    slices:\n", "    slicse:\n", Code.RECIPE_STRUCTURE, "r.yml:10:5", "neither models"),
        ("modules:\n", "models: [{model: org/a, parameters: {weight: 1}}]\nmodules:\n",
         Code.RECIPE_STRUCTURE, "r.yml:1:1", "models and modules are given together"),
        ("[0, 2], p", "[0, 3], p", Code.RECIPE_LAYERS, "r.yml:6:16", "[2, 3]"),
        ("org/base, layer", "org/c, layer", Code.RECIPE_STRUCTURE, "r.yml:6:16",
         "'org/base' is not among the sources of this slice"),
        ("model: org/a\n", "model: org/base\n", Code.RECIPE_STRUCTURE, "r.yml:1:1", "at least 2"),
    ],
)  # fmt: skip
def test_what_is_wrong_inside_a_module_is_placed(
    old: str, new: str, code: Code, place: str, told: str
) -> None:
    found = [p for p in problems(changed(old, new)) if p.code == code and p.where == place]
    assert any(told in f"{p.what} {p.hint}" for p in found)


@pytest.mark.parametrize("value", ["[a]", "5", "text", "{text_decoder: [1]}", "{text_decoder: 5}"])
def test_modules_is_a_mapping_of_mappings(value: str) -> None:
    found = problems(f"merge_method: linear\nmodules: {value}\n")
    assert found[0].code == Code.RECIPE_VALUE
    assert found[0].where.startswith("r.yml:2:")


@pytest.mark.parametrize("empty", ["", "~", "{}"])
def test_empty_modules_count_as_absent(empty: str) -> None:
    text = f"merge_method: passthrough\nmodels: [{{model: a}}]\nmodules: {empty}\n"
    assert read_recipe(text, "r.yml").recipe.modules == ()


def test_a_stack_without_any_layer_is_refused_in_each_module() -> None:
    spans = changed("[0, 2], p", "[1, 1], p").replace("layer_range: [0, 2]", "layer_range: [1, 1]")
    (problem,) = problems(spans)
    assert (problem.code, problem.what) == (Code.RECIPE_LAYERS, "the slices hold no layer at all")


# References


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"model": "org/a"}, "org/a"),
        ({"model": "org/a@v1"}, "org/a@v1"),
        ({"model": {"path": "org/a"}}, "org/a"),
        ({"model": {"path": "org/a", "revision": "v1"}}, "org/a@v1"),
        ({"model": {"path": "org/a", "revision": None}, "lora": None}, "org/a"),
        ({"model": "./a b", "lora": "./l"}, "./a b+./l"),
        (
            {
                "model": {"path": "org/a", "revision": "v1"},
                "lora": {"path": "o/l", "revision": "x"},
            },
            "org/a@v1+o/l@x",
        ),
        ("org/a", "org/a"),
    ],
)
@pytest.mark.parametrize("where", ["model", "source", "base_model", "tokenizer_source"])
def test_a_reference_may_be_a_mapping_wherever_it_stands(value: Any, text: str, where: str) -> None:
    line = {"model": "m", "parameters": {"weight": 1}}
    request: dict[str, Any] = {"merge_method": "linear", "models": [line]}
    if where == "model":
        request["models"].append({**line, "model": value})
    elif where == "source":
        del request["models"]
        piece = {**line, "layer_range": [0, 1], "model": value}
        request["slices"] = [{"sources": [piece], "base_model": value}]
    else:
        request[where] = value
    read = read_recipe(json.dumps(request), "r.yml")
    assert text in read.recipe.references
    assert read.places[text].line == 1
    assert read.places[text].column > 1
    assert as_text(value) == text


def test_the_architecture_that_a_reference_names_changes_nothing_and_is_told() -> None:
    plain = "merge_method: passthrough\nmodels:\n  - model: {model: a}\n"
    odd = plain.replace("{model: a}", "{model: a, override_architecture: MistralForCausalLM}")
    read = read_recipe(odd, "r.yml")
    assert read.recipe == read_recipe(plain, "r.yml").recipe
    (warning,) = read.warnings
    assert (warning.code, warning.where) == (Code.RECIPE_REFERENCE, "r.yml:3:23")


@pytest.mark.parametrize(
    "value",
    ["{}", "{model: 5}", "{model: {}}", "{lora: a}", "{model: a, lora: 5}",
     "{model: {revision: a}}", "{path: a}", "{model: {path: a, revision: 5}}", "{model: ''}",
     "{model: [a]}", "{model: {model: a}}", "{model: {path: {path: a}}}"],
)  # fmt: skip
def test_a_mapping_that_names_no_model_is_refused(value: str) -> None:
    text = f"merge_method: passthrough\nmodels: [{{model: {value}}}]\n"
    found = problems(text)
    assert {p.code for p in found} <= {Code.RECIPE_REFERENCE, Code.RECIPE_UNKNOWN_KEY}
    assert found[-1].where.startswith("r.yml:2:18")


def test_a_misspelt_key_of_a_reference_is_told() -> None:
    text = "merge_method: passthrough\nmodels: [{model: {model: a, loar: b}}]\n"
    problem = problems(text)[0]
    assert (problem.code, problem.where) == (Code.RECIPE_UNKNOWN_KEY, "r.yml:2:29")
    assert "did you mean 'lora'?" in problem.hint
    assert read_recipe(text, "r.yml", lenient=True).recipe.models[0].model == "a"


# Layer ranges


@pytest.mark.parametrize("span", ["[0, 2]", "['0', '2']", "[0.0, 2.0]", '[0, "2"]', "[0x0, 0b10]"])
def test_whole_numbers_may_be_spelt_as_mergekit_reads_them(span: str) -> None:
    text = (
        f"merge_method: passthrough\nslices: [{{sources: [{{model: a, layer_range: {span}}}]}}]\n"
    )
    assert read_recipe(text, "r.yml").recipe.slices[0].sources[0].layer_range == (0, 2)


@pytest.mark.parametrize(
    "span", ["['-1', 2]", "['+1', 2]", "[1e10, 1e11]", "[true, 2]", "['1_0', 20]", "['²', 3]"]
)
def test_other_spellings_of_layers_are_refused(span: str) -> None:
    text = (
        f"merge_method: passthrough\nslices: [{{sources: [{{model: a, layer_range: {span}}}]}}]\n"
    )
    assert problems(text)[0].code == Code.RECIPE_LAYERS


def test_what_is_found_after_reading_gets_its_place_in_the_recipe() -> None:
    read = read_recipe(MODULES, "r.yml")
    told = {
        "modules": "r.yml:3:1",
        "modules.text_decoder": "r.yml:4:3",
        "modules.vision_tower": "r.yml:9:3",
        "lm_head.weight": "r.yml: lm_head.weight",
        "slices": "r.yml: slices",
        "": "r.yml",
    }
    for where, place in told.items():
        problem = Problem(Code.RECIPE_STRUCTURE, "what", where, "hint")
        assert placed(read, problem) == Problem(Code.RECIPE_STRUCTURE, "what", place, "hint")
    sliced = "merge_method: passthrough\nslices: [{sources: [{model: a, layer_range: [0, 1]}]}]\n"
    assert str(read_recipe(sliced, "r.yml").marks["slices"]) == "r.yml:2:1"


# What lenient reading forgives


def test_the_base_of_a_slice_is_told_if_no_one_reads_it() -> None:
    text = (
        "merge_method: linear\nslices:\n  - base_model: b\n    sources:\n"
        "      - {model: a, layer_range: [0, 1], parameters: {weight: 1}}\n"
    )
    (problem,) = problems(text)
    assert (problem.code, problem.where) == (Code.RECIPE_STRUCTURE, "r.yml:3:17")
    assert problem.what == "linear has no base, and 'b' is not among the sources of this slice"
    assert read_recipe(text, "r.yml", lenient=True).warnings == (problem,)
    assert read_recipe(text.replace("base_model: b", "base_model: a"), "r.yml").warnings == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    models:\n", "    colour: red\n    models:\n"),
        ("density: 0.5", "density: 0.5, desnity: 1"),
        ("{weight: 1}", "{weight: 1, lambda: 2}"),
        ("{weight: 1}", "{weight: 1, t: 2}"),
    ],
)
def test_forgiven_problems_of_modules_become_warnings(old: str, new: str) -> None:
    text = changed(old, new)
    read = read_recipe(text, "r.yml", lenient=True)
    assert read.lenient
    assert read.warnings == problems(text)
    assert read.recipe == read_recipe(MODULES, "r.yml").recipe


def stack(*spans: tuple[str, int, int]) -> dict[str, Any]:
    rows = [{"sources": [{"model": m, "layer_range": [i, j]}]} for m, i, j in spans]
    return {"merge_method": "passthrough", "slices": rows}


def planned(bench: Bench, request: dict[str, Any], *, lenient: bool) -> Any:
    read = read_recipe(json.dumps(request), "r.yml", lenient=lenient).recipe
    models = {name: source(name, bench.models / name) for name in read.references}
    return make_plan(read, models, 0, lenient=lenient)


def test_ranges_are_cut_short_if_that_is_forgiven(llamas: Bench) -> None:
    wide = stack(("a", 1, 9), ("b", 3, 5))
    with pytest.raises(RecipeError) as caught:
        planned(llamas, wide, lenient=False)
    plan = planned(llamas, wide, lenient=True)
    assert plan.warnings == caught.value.problems
    assert [p.what for p in plan.warnings] == [
        "layer_range [1, 9] reaches beyond the 4 layers of a",
        "layer_range [3, 5] reaches beyond the 4 layers of b",
    ]
    narrow = planned(llamas, stack(("a", 1, 4), ("b", 3, 4)), lenient=False)
    assert plan.recipe == narrow.recipe
    assert [o.name for o in plan.outputs] == [o.name for o in narrow.outputs]
    assert plan.config["num_hidden_layers"] == 4


def test_sources_of_a_slice_are_cut_short_alike(llamas: Bench) -> None:
    lines = [
        {"model": "a", "layer_range": [0, 3], "parameters": {"weight": 1}},
        {"model": "b", "layer_range": [2, 5], "parameters": {"weight": 1}},
    ]
    request = {"merge_method": "linear", "slices": [{"sources": lines}]}
    for form in (
        request,
        {"merge_method": "linear", "modules": {"default": {"slices": [{"sources": lines}]}}},
    ):
        plan = planned(llamas, form, lenient=True)
        spans = [s.layer_range for piece in plan.recipe.stacks for s in piece.sources]
        assert spans == [(0, 2), (2, 4)]
        assert len(plan.warnings) == 1


@pytest.mark.parametrize("span", [(4, 9), (7, 9)])
def test_a_range_of_which_nothing_is_left_is_refused(span: tuple[int, int], llamas: Bench) -> None:
    with pytest.raises(RecipeError) as caught:
        planned(llamas, stack(("a", *span)), lenient=True)
    assert caught.value.problems[0].what == "the slices hold no layer at all"
    plan = planned(llamas, stack(("a", *span), ("a", 0, 1)), lenient=True)
    assert plan.config["num_hidden_layers"] == 1


# Precedence, once more against the recipe


def test_an_empty_list_of_settings_leaves_the_word_to_the_next_block(llamas: Bench) -> None:
    lines = [row("a", weight=[]), row("b", weight=[{"filter": "nothing", "value": 7}])]
    plan = llamas.plan(recipe("linear", lines, None, {"weight": 3}))
    assert {i.parameters["weight"] for o in plan.outputs for i in o.inputs} == {3.0}


def test_whole_numbers_and_truth_values_have_gradients(llamas: Bench) -> None:
    lines = [{"model": "a"}, {"model": "b"}]
    assert {p.name for p in CONTRACTS["karcher"].parameters} == {"max_iter", "tol"}
    plan = llamas.plan(recipe("karcher", lines, None, {"max_iter": [2, 8], "tol": ["1e-5"]}))
    found = {o.name: o.parameters["max_iter"] for o in plan.outputs}
    name = "model.layers.{}.mlp.up_proj.weight"
    assert [found[name.format(n)] for n in range(4)] == [2.0, 4.0, 6.0, 8.0]
    lines = [row("a", weight=1), row("b", weight=1)]
    plan = llamas.plan(recipe("linear", lines, None, {"normalize": ["no", "on"]}))
    found = {o.name: o.parameters["normalize"] for o in plan.outputs}
    assert [found[name.format(n)] for n in range(4)] == [False, False, False, True]
    assert found["lm_head.weight"] is False


def test_the_same_merge_however_it_is_written(llamas: Bench) -> None:
    lines = [row("a", weight=0.6), row("b", weight=0.4)]
    mapped = [{**line, "model": {"model": {"path": line["model"]}}} for line in lines]
    first, second = (llamas.merge(recipe("linear", item)) for item in (lines, mapped))
    assert same(first.tensors, second.tensors)
    assert first.plan.recipe.canonical() == second.plan.recipe.canonical()
