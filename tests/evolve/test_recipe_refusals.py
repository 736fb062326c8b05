"""Every refusal of the recipe reader: its code, its place and what it suggests."""

import pytest

from evoreg.evolve.recipes.contracts import CONTRACTS
from evoreg.evolve.recipes.read import read_recipe
from evoreg.provenance.records.errors import Code, Problem, RecipeError

GOOD = """\
merge_method: ties
base_model: org/base
models:
  - model: org/a
    parameters:
      weight: 0.5
  - model: org/b
    parameters: {weight: 0.5}
parameters:
  density: 0.5
"""
SLICES = """\
merge_method: passthrough
slices:
  - sources:
      - model: org/a
        layer_range: [0, 2]
"""


def problems(text: str, *, lenient: bool = False) -> tuple[Problem, ...]:
    with pytest.raises(RecipeError) as caught:
        read_recipe(text, "r.yml", lenient=lenient)
    return caught.value.problems


def only(text: str, *, lenient: bool = False) -> Problem:
    (problem,) = problems(text, lenient=lenient)
    return problem


def changed(old: str, new: str, text: str = GOOD) -> str:
    assert old in text
    return text.replace(old, new, 1)


def slices(*spans: str, method: str = "passthrough", rest: str = "") -> str:
    """Return a recipe of one slice with a source for each range."""
    sources = ", ".join(
        f"{{model: m{number}, layer_range: {span}}}" for number, span in enumerate(spans)
    )
    return f"merge_method: {method}\nslices: [{{sources: [{sources}]}}]\n{rest}"


def test_what_the_cases_start_from_is_accepted() -> None:
    assert read_recipe(GOOD, "r.yml").warnings == ()
    assert read_recipe(SLICES, "r.yml").warnings == ()


# Keys and parameters


@pytest.mark.parametrize(
    ("old", "new", "place", "hint"),
    [
        ("base_model", "base_modle", "r.yml:2:1", "did you mean 'base_model'?"),
        ("models:", "modells:", "r.yml:3:1", "did you mean 'models'?"),
        ("    parameters:\n", "    paramters:\n", "r.yml:5:5", "did you mean 'parameters'?"),
        ("weight: 0.5\n", "weigth: 0.5\n", "r.yml:6:7", "did you mean 'weight'?"),
        ("density:", "desnity:", "r.yml:10:3", "did you mean 'density'?"),
        ("density: 0.5", "lamda: 0.5", "r.yml:10:3", "did you mean 'lambda'?"),
        ("density: 0.5", "xyz: 0.5", "r.yml:10:3", "known here: weight, density, normalize"),
        ("density: 0.5", "t: 0.5", "r.yml:10:3", "known here:"),
        ("density: 0.5", "density: {valeu: 1, value: 1}", "r.yml:10:13", "did you mean 'value'?"),
        (
            "parameters:\n  d",
            "tokenizer_sorce: a\nparameters:\n  d",
            "r.yml:9:1",
            "tokenizer_source",
        ),
    ],
)
def test_a_misspelt_key_is_refused_with_a_suggestion(
    old: str, new: str, place: str, hint: str
) -> None:
    found = [p for p in problems(changed(old, new)) if p.code == Code.RECIPE_UNKNOWN_KEY]
    assert [p.where for p in found] == [place]
    assert hint in found[0].hint
    assert new.split(":")[0].strip(" {")[:3] in found[0].what or "valeu" in found[0].what


@pytest.mark.parametrize(
    ("old", "new", "place", "hint"),
    [
        ("    parameters:\n", "    weight: 1\n    parameters:\n", "r.yml:5:5",
         "write it under parameters: {weight: ...}"),
        ("parameters:\n  d", "density: 1\nparameters:\n  d", "r.yml:9:1",
         "write it under parameters: {density: ...}"),
        ("    parameters:\n", "    layer_range: [0, 1]\n    parameters:\n", "r.yml:5:5",
         "layer_range stands in a source of a slice"),
        ("    parameters:\n", "    base_model: x\n    parameters:\n", "r.yml:5:5",
         "base_model stands at the top of the recipe or in a slice"),
        ("base_model: org/base\n", "base_model: org/base\nsources: []\n", "r.yml:3:1",
         "sources stands in a slice"),
    ],
)  # fmt: skip
def test_a_misplaced_key_is_told_where_it_belongs(
    old: str, new: str, place: str, hint: str
) -> None:
    problem = only(changed(old, new))
    assert (problem.code, problem.where, problem.hint) == (Code.RECIPE_UNKNOWN_KEY, place, hint)
    assert problem in read_recipe(changed(old, new), "r.yml", lenient=True).warnings


@pytest.mark.parametrize("lenient", [False, True])
def test_residual_weight_is_accepted_and_told_to_have_no_effect(lenient: bool) -> None:
    read = read_recipe(SLICES + "    residual_weight: 0.5\n", "r.yml", lenient=lenient)
    (warning,) = read.warnings
    assert (warning.code, warning.where) == (Code.RECIPE_PARAMETER, "r.yml:6:5")
    assert "never had an effect" in warning.what
    assert read.recipe == read_recipe(SLICES, "r.yml").recipe


def test_all_problems_are_told_at_once() -> None:
    text = changed("weight: 0.5\n", "weigth: .nan\n").replace("density: 0.5", "density: 2")
    text = text.replace("base_model", "bsae_model") + "out_dtype: int64\n"
    assert {(p.code, p.where) for p in problems(text)} == {
        (Code.RECIPE_UNKNOWN_KEY, "r.yml:2:1"),
        (Code.RECIPE_UNKNOWN_KEY, "r.yml:6:7"),
        (Code.RECIPE_PARAMETER, "r.yml:10:12"),
        (Code.RECIPE_VALUE, "r.yml:11:12"),
    }


# Methods


@pytest.mark.parametrize(
    ("old", "code", "hint"),
    [
        ("tise", Code.RECIPE_METHOD, "did you mean 'ties'?"),
        ("dare-ties", Code.RECIPE_METHOD, "did you mean 'dare_ties'?"),
        ("core_space", Code.RECIPE_METHOD, "known here: arcee_fusion, breadcrumbs"),
        ("5", Code.RECIPE_METHOD, ""),
        ("~", Code.RECIPE_METHOD, ""),
        ("[ties]", Code.RECIPE_METHOD, ""),
    ],
)
def test_other_methods_are_refused_where_they_stand(old: str, code: Code, hint: str) -> None:
    problem = only(changed("ties", old))
    assert (problem.code, problem.where) == (code, "r.yml:1:15")
    assert hint in problem.hint


def test_a_missing_method_is_told() -> None:
    problem = only(changed("merge_method: ties\n", ""))
    assert (problem.code, problem.what) == (Code.RECIPE_METHOD, "merge_method is missing")


def test_all_twenty_methods_of_mergekit_are_known_by_name() -> None:
    assert len(CONTRACTS) == 20


# Values


@pytest.mark.parametrize(
    "value",
    [".nan", ".inf", "-.inf", "1e999", '"nan"', "many", "", "~", "{}", "[1, ~]", "[[1]]",
     "[.nan, 1]", "{filter: x}", "{value: ~}", "{value: []}", "{value: {value: 1}}", "2001-01-01",
     "{value: [1, {value: 2}]}", "[{value: 1}, ~]"],
)  # fmt: skip
def test_a_weight_that_is_no_number_is_refused(value: str) -> None:
    problem = problems(changed("weight: 0.5\n", f"weight: {value}\n"))[0]
    expected = Code.RECIPE_SYNTAX if value.startswith("2001") else Code.RECIPE_PARAMETER
    assert problem.code == expected
    assert problem.where.startswith("r.yml:6:")


@pytest.mark.parametrize(
    "value", ["true", "no", "[1, true]", "{value: on}", "[{filter: x, value: true}]"]
)
def test_a_truth_value_is_no_number(value: str) -> None:
    """mergekit would take it for 1 or 0."""
    problem = problems(changed("weight: 0.5\n", f"weight: {value}\n"))[0]
    assert problem.code == Code.RECIPE_PARAMETER
    assert problem.where.startswith("r.yml:6:")
    assert problem.what == f"weight: {'false' if value == 'no' else 'true'} is not a number"


@pytest.mark.parametrize(
    "value", ["-0.1", "1.01", "[0, 2]", "{value: -1, filter: x}", "yes please"]
)
def test_a_density_outside_its_range_is_refused(value: str) -> None:
    problem = only(changed("density: 0.5", f"density: {value}"))
    assert (problem.code, problem.where[:9]) == (Code.RECIPE_PARAMETER, "r.yml:10:")


@pytest.mark.parametrize("value", ["2", "maybe", "-1", "0.5"])
def test_a_truth_value_is_true_or_false(value: str) -> None:
    problem = only(changed("density: 0.5", f"normalize: {value}"))
    assert (problem.code, problem.where) == (Code.RECIPE_PARAMETER, "r.yml:10:14")
    assert "neither true nor false" in problem.what


@pytest.mark.parametrize("key", ["dtype", "out_dtype"])
@pytest.mark.parametrize(
    "value", ["int64", "torch.int8", "fp16", "float8_e4m3fn", "5", "[float32]"]
)
def test_a_type_that_is_not_floating_point_is_refused(key: str, value: str) -> None:
    problem = only(GOOD + f"{key}: {value}\n")
    assert (problem.code, problem.where) == (Code.RECIPE_VALUE, f"r.yml:11:{len(key) + 3}")


@pytest.mark.parametrize("value", ['""', "5", "true", "[a]", "{path: a}", "1.5"])
def test_a_model_that_is_no_text_is_refused(value: str) -> None:
    problem = problems(changed("model: org/a", f"model: {value}"))[0]
    assert (problem.code, problem.where) == (Code.RECIPE_REFERENCE, "r.yml:4:12")


@pytest.mark.parametrize("text", ["models: {a: 1}", "models: a", "models: [a]", "models: [~]"])
def test_models_is_a_list_of_mappings(text: str) -> None:
    assert problems(f"merge_method: linear\n{text}\n")[0].code == Code.RECIPE_VALUE


def test_parameters_is_a_mapping() -> None:
    problem = only(changed("parameters: {weight: 0.5}", "parameters: [weight]"))
    assert (problem.code, problem.where) == (Code.RECIPE_VALUE, "r.yml:8:17")


@pytest.mark.parametrize("chosen", ["[self_attn]", "{a: b}"])
def test_a_filter_that_is_no_text_is_not_ignored(chosen: str) -> None:
    """Ignored, it would set the value for every tensor."""
    problem = only(changed("density: 0.5", f"density: {{value: 0.5, filter: {chosen}}}"))
    assert problem.code == Code.RECIPE_PARAMETER
    assert problem.where.startswith("r.yml:10:")


def test_a_list_does_not_mix_values_and_settings() -> None:
    """mergekit refuses it; read as a setting, the bare value would hide all that follow."""
    problem = only(changed("density: 0.5", "density: [0.9, {value: 0.5, filter: mlp}]"))
    assert (problem.code, problem.where[:9]) == (Code.RECIPE_PARAMETER, "r.yml:10:")


def test_a_shared_parameter_inside_a_model_is_not_ignored() -> None:
    problem = only(changed("parameters: {weight: 0.5}", "parameters: {weight: 0.5, lambda: 2}"))
    assert (problem.code, problem.where) == (Code.RECIPE_PARAMETER, "r.yml:8:31")
    assert "slice or of the recipe" in problem.hint


# Structure


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (GOOD + SLICES.split("\n", 1)[1], "models and slices are given together"),
        ("merge_method: linear\n", "neither models, slices nor modules"),
        ("merge_method: linear\nmodels: []\nslices: []\n", "neither models, slices nor modules"),
        (changed("- model: org/b", "- model: org/a"), "'org/a' stands twice"),
        (changed("base_model: org/base\n", ""), "ties needs a base_model"),
        ("merge_method: passthrough\nmodels: [{model: a}, {model: b}]\n", "exactly 1"),
        ("merge_method: slerp\nbase_model: a\nmodels: [{model: a}]\n", "exactly 2"),
        ("merge_method: slerp\nbase_model: a\nmodels: [{model: b}, {model: c}]\n", "exactly 2"),
        ("merge_method: slerp\nmodels: [{model: b}, {model: c}]\n", "slerp needs a base_model"),
        ("merge_method: ties\nbase_model: a\nmodels: [{model: a}]\n", "at least 2"),
        ("merge_method: linear\nslices: [{sources: []}]\n", "the slice has no sources"),
        ("merge_method: linear\nmodels: [{parameters: {weight: 1}}]\n", "model is missing"),
    ],
)
def test_a_structure_that_cannot_be_meant_is_refused(text: str, what: str) -> None:
    found = [p for p in problems(text) if p.code == Code.RECIPE_STRUCTURE]
    assert any(what in p.what for p in found)
    assert all(p.where.startswith("r.yml:") and p.hint for p in found)


def test_an_empty_list_of_slices_counts_as_absent() -> None:
    assert read_recipe(GOOD + "slices: []\n", "r.yml").recipe.slices == ()


@pytest.mark.parametrize(
    "span",
    ["[0, -1]", "[-1, 2]", "[2, 1]", "[0]", "[0, 1, 2]", "[0.5, 1]", "['x', 1]", "[.nan, 1]",
     "[0, .inf]", "5", "~", "[]",
     "[0, ~]", "[false, 1]", "[0, yes]", "{a: 1}"],
)  # fmt: skip
def test_a_layer_range_is_two_numbers_in_order(span: str) -> None:
    problem = problems(changed("[0, 2]", span, SLICES))[0]
    assert (problem.code, problem.where) == (Code.RECIPE_LAYERS, "r.yml:5:22")
    assert "0 <= first <= end" in problem.hint


def test_a_source_needs_a_layer_range() -> None:
    problem = problems(changed("        layer_range: [0, 2]\n", "", SLICES))[0]
    assert (problem.code, problem.where) == (Code.RECIPE_LAYERS, "r.yml:4:9")


def test_sources_of_one_slice_have_one_length() -> None:
    problem = only(slices("[0, 2]", "[1, 4]", method="linear"))
    assert problem.code == Code.RECIPE_LAYERS
    assert "[2, 3]" in problem.what


def test_slices_without_any_layer_are_refused() -> None:
    assert only(slices("[4, 4]")).code == Code.RECIPE_LAYERS


def test_the_base_of_a_slice_is_one_of_its_sources() -> None:
    problem = only(slices("[0, 2]", "[0, 2]", method="task_arithmetic", rest="base_model: b\n"))
    assert problem.code == Code.RECIPE_STRUCTURE
    assert "'b' is not among the sources of this slice" in problem.what


def test_one_model_stands_once_in_a_slice() -> None:
    text = slices("[0, 2]", "[2, 4]", method="linear").replace("m1", "m0")
    assert "'m0' stands twice" in only(text).what


# Lenient reading


def test_lenient_reading_forgives_what_is_unknown_and_nothing_else() -> None:
    odd = changed("density: 0.5", "desnity: 0.5\n  t: 1") + "colour: red\n"
    codes = [p.code for p in problems(odd)]
    assert codes == [Code.RECIPE_UNKNOWN_KEY] * 3
    read = read_recipe(odd, "r.yml", lenient=True)
    assert sorted(read.warnings, key=str) == sorted(problems(odd), key=str)
    assert read.recipe == read_recipe(changed("parameters:\n  density: 0.5\n", ""), "r.yml").recipe


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ties", "tise"),
        ("ties", "core_space"),
        ("weight: 0.5\n", "weight: .nan\n"),
        ("density: 0.5", "density: 2"),
        ("density: 0.5", "density: {value: []}"),
        ("- model: org/b", "- model: org/a"),
        ("base_model: org/base\n", ""),
        ("model: org/a", "model: 5"),
        ("models:", "modells:"),
        ("parameters:\n  d", "dtype: int8\nparameters:\n  d"),
        ("models:", "slices: [{sources: [{model: x, layer_range: [0, -1]}]}]\nmodels:"),
        ("models:", "merge_method: ties\nmodels:"),
        ("models:", "<<: {a: 1}\nmodels:"),
    ],
)
def test_everything_else_is_refused_by_lenient_reading_too(old: str, new: str) -> None:
    text = changed(old, new)
    assert problems(text, lenient=True)
    assert {p.code for p in problems(text, lenient=True)} - {Code.RECIPE_UNKNOWN_KEY}


# Warnings


@pytest.mark.parametrize(
    ("method", "name"),
    [("ties", "int8_mask"), ("task_arithmetic", "density"), ("task_arithmetic", "rescale")],
)
def test_a_parameter_without_effect_is_accepted_with_a_warning(method: str, name: str) -> None:
    text = changed("ties", method)
    text = changed("density: 0.5", f"{name}: 1", text)
    (warning,) = read_recipe(text, "r.yml").warnings
    assert (warning.code, warning.where) == (Code.RECIPE_PARAMETER, "r.yml:10:3")
    assert f"{name!r} changes nothing in {method}" in warning.what


@pytest.mark.parametrize("method", ["linear", "passthrough"])
def test_a_base_that_is_not_merged_is_accepted_with_a_warning(method: str) -> None:
    text = f"merge_method: {method}\nbase_model: b\nmodels: [{{model: a}}]\n"
    (warning,) = read_recipe(text, "r.yml").warnings
    assert (warning.code, warning.where) == (Code.RECIPE_STRUCTURE, "r.yml:2:13")
    assert read_recipe(text.replace("model: a", "model: b"), "r.yml").warnings == ()
