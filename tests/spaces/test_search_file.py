"""Reading search files: good ones, and every way to be told what is wrong."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.evolve.searchfile.form import (
    HybridSpace,
    LayerSpace,
    ParameterSpace,
    SearchForm,
    TensorSpace,
)
from evoreg.evolve.searchfile.read import ReadSearch, read_search
from evoreg.evolve.spaces.table import parameter_space
from evoreg.provenance.records.errors import Code, RecipeError
from tests.spaces.spacing import POCKETS, read_models

LEAST = """\
name: sums
models: [math, ja]
base_model: base
tasks: [{name: sums, data: {path: sums.jsonl}}]
budget: {candidates: 200}
"""


def read(text: str) -> ReadSearch:
    return read_search(text, "search.yml")


def told(text: str) -> list[str]:
    """Return what is wrong with a file, as ``line:column what (hint)``."""
    with pytest.raises(RecipeError) as caught:
        read(text)
    return [
        f"{problem.where.removeprefix('search.yml:')} {problem.what} ({problem.hint})"
        for problem in caught.value.problems
    ]


def changed(old: str, new: str) -> str:
    assert old in LEAST
    return LEAST.replace(old, new)


def test_a_file_of_one_line_has_good_defaults() -> None:
    text = (
        "{name: sums, models: [pocket-math, pocket-ja], method: linear, "
        "tasks: [{name: sums, data: {path: sums.jsonl}}], budget: {candidates: 200}}"
    )
    found = read(text)
    assert found.warnings == ()
    form = found.form
    assert form.optimiser.kind == "cma-es"
    assert form.optimiser.sigma == pytest.approx(1 / 6)
    assert form.tasks[0].metric == "exact_match"
    assert form.economy.finalists == 3
    space = parameter_space(form, read_models(POCKETS, "pocket-math", "pocket-ja"))
    assert [(gene.low, gene.high, gene.start) for gene in space.genes] == [(0, 1.5, 0.5)] * 2
    recipe = space.recipe(tuple(gene.start for gene in space.genes))
    assert dict(recipe.parameters)["normalize"][0].value is False


def test_the_usual_method_is_task_arithmetic() -> None:
    form = read(LEAST).form
    assert form.method == "task_arithmetic"
    assert isinstance(form.space, ParameterSpace)
    assert told(changed("base_model: base\n", "")) == [
        "1:1 task_arithmetic, the usual method, needs a base_model (add base_model: REFERENCE)"
    ]


def test_places_are_those_of_the_file() -> None:
    places = read(LEAST).places
    assert places["models.1"] == "search.yml:2:16"
    assert places["tasks.0.data.path"] == "search.yml:4:35"
    assert places["budget.candidates"] == "search.yml:5:22"
    assert "seed" not in places


def test_the_form_can_be_recorded_and_read_again() -> None:
    form = read(LEAST).form
    plain = form.model_dump(mode="json")
    assert SearchForm.model_validate(plain) == form


@pytest.mark.parametrize(
    ("space", "kind"),
    [
        ("{kind: tensors, low: -1, high: 1}", TensorSpace),
        ("{kind: layers, repeats: 2, scaling: none}", LayerSpace),
        ("{kind: hybrid, generations: 4, parameters: {knots: 3}, partner: ja}", HybridSpace),
        ("{granularity: 2}", ParameterSpace),
        ("{kind: parameters, knots: 3, components: [mlp, q_proj]}", ParameterSpace),
    ],
)
def test_the_kind_of_a_space_decides_its_keys(space: str, kind: type) -> None:
    assert isinstance(read(f"{LEAST}space: {space}\n").form.space, kind)


def test_numbers_may_be_written_with_exponents_and_without_points() -> None:
    form = read(f"{LEAST}space: {{genes: {{weight: {{low: 0, high: 2e0, start: 1e-1}}}}}}").form
    assert isinstance(form.space, ParameterSpace)
    assert form.space.genes["weight"].model_dump() == {"low": 0.0, "high": 2.0, "start": 0.1}


@pytest.mark.parametrize(
    ("reach", "wanted"),
    [("{}", (0, 1.5, 0.5)), ("{high: 3}", (0, 3, 0.5)), ("{low: 0.7}", (0.7, 1.5, 0.7)),
     ("{low: -1, high: 0, start: -0.5}", (-1, 0, -0.5)), ("{high: 0.25}", (0, 0.25, 0.25))],
)  # fmt: skip
def test_what_a_range_leaves_out_is_usual(reach: str, wanted: tuple[float, ...]) -> None:
    form = read(f"{LEAST}space: {{genes: {{weight: {reach}}}}}").form
    assert isinstance(form.space, ParameterSpace)
    assert tuple(form.space.genes["weight"].model_dump().values()) == wanted


@pytest.mark.parametrize(
    ("kind", "more", "metric"),
    [("choice", "data: {path: x.csv}", "accuracy"),
     ("perplexity", "data: {hub: o/n}", "perplexity"),
     ("python", "function: 'tasks.py:score'", "value"), ("lm-eval", "task: mine", "acc,none")],
)  # fmt: skip
def test_the_usual_metric_is_that_of_the_kind(kind: str, more: str, metric: str) -> None:
    text = changed("data: {path: sums.jsonl}", f"kind: {kind}, {more}")
    assert read(text).form.tasks[0].metric == metric


def test_models_may_be_written_as_mappings() -> None:
    text = changed("[math, ja]", "[{model: math, lora: adapters/x}, {model: {path: ja}}]")
    assert read(text).form.models == ("math+adapters/x", "ja")


def test_optimisers_that_compare_generations_do_not_rotate() -> None:
    text = changed("tasks: [", "tasks: [{name: b, data: {path: b.csv}}, ")
    form = read(f"{text}optimiser: {{kind: nsga2}}\neconomy: {{items: 50}}").form
    assert form.economy.rotate is False
    assert read(f"{LEAST}economy: {{items: 50}}").form.economy.rotate is True


REFUSED: list[tuple[str, list[str]]] = [
    (LEAST.replace("budget", "budgt"), [
        "1:1 budget is missing (add it)",
        "5:1 unknown key 'budgt' (did you mean 'budget'?)",
    ]),
    (changed("{candidates: 200}", "{}"), [
        "5:9 the budget has no limit (give one of generations, candidates, items, minutes)",
    ]),
    (changed("200", "0"), ["5:22 budget.candidates is 0, not at least 1 (give at least 1)"]),
    (changed("200", "true"), [
        "5:22 budget.candidates is not a whole number: True (write a whole number)",
    ]),
    (changed("200", "'many'"), [
        "5:22 budget.candidates is not a whole number: 'many' (write a whole number)",
    ]),
    (changed("candidates: 200", "minutes: .inf"), [
        "5:19 budget.minutes is not finite (give a finite number)",
    ]),
    (changed("name: sums\n", "name: 2024\n"), [
        "1:7 name is not a text: 2024 (write a text: put it in quotes)",
    ]),
    (changed("name: sums\n", "name: ' '\n"), [
        "1:7 ' ' is not a plain name (1 to 80 letters, digits, blanks, dots, - or _, "
        "a letter or digit at each end)",
    ]),
    (changed("[math, ja]", "[]"), ["2:9 models is empty (give at least 1)"]),
    (changed("[math, ja]", "[math, math]"), ["2:16 'math' stands twice (name it once)"]),
    (changed("[math, ja]", "[base]"), [
        "2:9 task_arithmetic takes at least 2 models, the base counted, not 1 "
        "(change the list of models)",
    ]),
    (f"{LEAST}method: tie\n", ["6:9 unknown merge method 'tie' (did you mean 'ties'?)"]),
    (f"{LEAST}method: slerp\n", [
        "2:9 slerp takes exactly 2 models, the base counted, not 3 (change the list of models)",
    ]),
    (f"{LEAST}method: model_stock\n", [
        "1:1 model_stock has no parameter with a usual range (choose another method)",
    ]),
    (f"{LEAST}method: ramplus_tl\n", [
        "1:1 ramplus_tl has no parameter with a usual range "
        "(write space: {genes: {r: {low: ..., high: ..., start: ...}}})",
    ]),
    (f"{LEAST}space: {{kind: layer}}\n", [
        "6:15 unknown kind 'layer' of space (did you mean 'layers'?)",
    ]),
    (f"{LEAST}space: {{repeats: 3}}\n", [
        "6:9 unknown key 'repeats' in space (known here: kind, granularity, knots, smooth, "
        "components, genes, parameters, refine)",
    ]),
    (f"{LEAST}space: {{granularity: 2, knots: 3}}\n", [
        "6:32 granularity makes groups and knots make lines: they exclude each other "
        "(keep one; smooth: true makes lines of granularity)",
    ]),
    (f"{LEAST}space: {{knots: 1, components: [mlp, mlp]}}\n", [
        "6:16 one knot makes no line (give at least 2, or 0)",
        "6:31 'mlp' stands twice (name it once)",
    ]),
    (f"{LEAST}space: {{genes: {{weight: {{low: 1, high: 1, start: 1}}}}}}\n", [
        "6:25 space.genes.weight: low 1 is not below high 1 (correct the value)",
    ]),
    (f"{LEAST}space: {{genes: {{weight: {{low: 0, high: 1, start: 2}}}}}}\n", [
        "6:25 space.genes.weight: start 2 is not from 0 to 1 (correct the value)",
    ]),
    (f"{LEAST}method: ties\nspace: {{genes: {{wieght: {{}}}}}}\n", [
        "7:25 space.genes.wieght.high is missing (add it)",
        "7:25 space.genes.wieght.low is missing (add it)",
        "7:25 space.genes.wieght.start is missing (add it)",
    ]),
    (f"{LEAST}method: ties\nspace: {{genes: {{denstiy: {{low: 0, high: 1, start: 1}}}}}}\n", [
        "7:26 ties reads no parameter 'denstiy' (did you mean 'density'?)",
    ]),
    (f"{LEAST}method: ties\nspace: {{genes: {{density: {{low: -1}}}}, "
     "parameters: {density: 1}}\n", [
        "7:26 density of ties goes from 0 to 1 (correct low and high)",
        "7:60 density is both a gene and a parameter that stays as it is (keep one of the two)",
    ]),
    (f"{LEAST}space: {{genes: {{density: {{}}}}}}\n", [
        "6:26 density of task_arithmetic cannot be varied: this method keeps every element "
        "(put it under parameters)",
    ]),
    (f"{LEAST}space: {{parameters: {{normalize: perhaps}}}}\n", [
        "6:33 normalize: 'perhaps' is neither true nor false (correct the value)",
    ]),
    (f"{LEAST}space: {{genes: {{lambda: {{}}}}}}\n", [
        "6:8 task_arithmetic needs weight, which is neither varied nor given "
        "(name it under genes or parameters of space)",
    ]),
    (f"{LEAST}method: della\n"
     "space: {genes: {weight: {}, density: {low: 0.5, high: 1}}}\n", [
        "7:16 not every candidate could be merged: density 1 and epsilon 0.15 give probabilities "
        "from 0.85 to 1.15, which must lie between 0 and 1 (narrow the ranges)",
    ]),
    (f"{LEAST}method: ties\nspace: {{kind: tensors, low: 1, high: 1}}\n", [
        "6:9 single tensors have no weights in ties (take linear or task_arithmetic as method)",
        "7:8 low 1 is not below high 1 (correct the range)",
    ]),
    (f"{LEAST.replace('[math, ja]', '[math]')}space: {{kind: layers}}\n", [
        "2:9 a space of the kind layers needs at least two models "
        "(add one, or search over parameters)",
    ]),
    (f"{LEAST}space: {{kind: hybrid, generations: 2, partner: jaa}}\n", [
        "6:48 the partner 'jaa' is none of the models (did you mean 'ja'?)",
    ]),
    (f"{LEAST}optimiser: {{kind: nsga2}}\n", [
        "6:19 nsga2 needs several tasks: it looks for the best exchange of one objective for "
        "another, and one task gives one (add a task, or take cma-es)",
    ]),
    (f"{LEAST}optimiser: {{kind: m2n2}}\neconomy: {{racing: true, rotate: true, items: 5}}\n", [
        "6:19 m2n2 breeds whole tensors, and the space is of the kind parameters "
        "(write space: {kind: tensors})",
        "7:19 m2n2 needs all items of every candidate (write racing: false)",
        "7:33 m2n2 compares candidates of different generations: they need the same items "
        "(write rotate: false)",
    ]),
    (f"{LEAST}optimiser: {{kind: cmaes, sigma: 0}}\n", [
        "6:19 optimiser.kind cannot be 'cmaes' (did you mean 'cma-es'?)",
        "6:33 optimiser.sigma is 0, not more than 0.0 (give more than 0.0)",
    ]),
    (f"{LEAST}merge: {{dtype: bf16}}\n", [
        "6:16 merge.dtype 'bf16' is not a floating-point type (did you mean 'bfloat16'?)",
    ]),
    (f"{LEAST}seed: -1\n", ["6:7 seed is -1, not at least 0 (give at least 0)"]),
    (changed("}}]", "}, metric: rouge}]"), [
        "4:56 generate has no metric 'rouge' (did you mean 'rouge_l'?)",
    ]),
    (changed("}}]", "}, metric: regex}]"), [
        "4:9 the metric regex needs a pattern (add pattern: EXPRESSION)",
    ]),
    (changed("}}]", "}, pattern: '('}]"), [
        "4:57 the pattern is no regular expression: missing ), unterminated subpattern at "
        "position 0 (correct it)",
    ]),
    (changed("}}]", "}, weight: -1, language: jpn}]"), [
        "4:56 the weight -1 is negative (write maximise: false where less is better)",
        "4:70 'jpn' is no ISO 639-1 code (write two small letters, such as ja)",
    ]),
    (changed("}}]", "}, weight: 0}]"), ["4:8 no task has a weight (give one a weight above 0)"]),
    (changed("}}]", "}}, {name: sums, data: {path: x.csv}}]"), [
        "4:56 two tasks are called 'sums' (give each its own name)",
    ]),
    (changed("data: {path: sums.jsonl}", "kind: python"), [
        "4:9 a task of the kind python needs a function "
        "(add function: module:function or file.py:function)",
    ]),
    (changed("data: {path: sums.jsonl}", "kind: python, function: score"), [
        "4:46 'score' names no function (write module:function or file.py:function)",
    ]),
    (changed("}}]", "}, kind: lm-eval}]"), [
        "4:9 a task of the kind lm-eval needs task (name one of the harness)",
        "4:35 lm-eval has its own data (leave it out)",
    ]),
    (changed("{path: sums.jsonl}", "{}"), [
        "4:28 the task has no data (write data: {path: FILE}, data: {train: FILE, test: FILE} "
        "or data: {hub: org/name})",
    ]),
    (changed("{path: sums.jsonl}", "{path: a, hub: o/n, fractions: [0.5, 0.4, 0.2]}"), [
        "4:28 data has both files and a data set of the Hub (keep one of the two)",
        "4:59 the fractions of the splits add up to 1.1 (let them add up to 1)",
    ]),
    (changed("[math, ja]", '[math, "ja\\e[31m", "\\u202Eja"]'), [
        "2:9 '\\u202eja' holds signs that cannot be seen (write a folder or org/name[@revision])",
        "2:9 'ja\\x1b[31m' holds signs that cannot be seen "
        "(write a folder or org/name[@revision])",
    ]),
    (f"{LEAST}space: {{genes: {{weight: {{low: -1e308, high: 1e308}}}}}}\n", [
        "6:31 space.genes.weight.low is -1e+308, not at least -1000000.0 "
        "(give at least -1000000.0)",
        "6:45 space.genes.weight.high is 1e+308, not at most 1000000.0 (give at most 1000000.0)",
    ]),
    (f"{LEAST}space: {{kind: layers, repeats: 1000000000, hidden: 1000000000}}\n", [
        "6:32 space.repeats is 1000000000, not at most 100 (give at most 100)",
        "6:52 space.hidden is 1000000000, not at most 1000 (give at most 1000)",
    ]),
    (f"{LEAST}optimiser: {{population: 9007199254740991}}\n", [
        "6:25 optimiser.population is 9007199254740991, not at most 100000 (give at most 100000)",
    ]),
    (f"{LEAST}optimiser: {{sigma: 1_e-1}}\nseed: 1__0e1\n", [
        "6:20 optimiser.sigma is not a number: '1_e-1' (write a number)",
        "7:7 seed is not a whole number: '1__0e1' (write a whole number)",
    ]),
    (f"{LEAST}optimiser: {{options: {{a: [1], b: {{c: d}}}}}}\n", [
        "6:26 optimiser.options.a is no single value "
        "(write true, false, a finite number or a text)",
        "6:34 optimiser.options.b is no single value "
        "(write true, false, a finite number or a text)",
    ]),
    (f"{LEAST}space: {{parameters: {{lambda: .nan}}}}\n", [
        "6:30 space.parameters.lambda is no single value "
        "(write true, false, a finite number or a text)",
    ]),
    (changed("sums.jsonl", "sums.jsonl, fractions: [0.1, 0.2, 0.3, 0.4]"), [
        "4:58 tasks.0.data.fractions has 4 values, not 3 (give 3)",
    ]),
    (f"{LEAST}space: {{kind: hybrid, generations: 2, layers: {{scale: {{low: 0, high: 1, "
     "start: 0.5}}}\n", [
        "6:55 scales begin at 0; they are positive (let low be above 0)",
    ]),
    (f"{LEAST}space: {{kind: tensors, low: 0.5}}\noptimiser: {{kind: m2n2}}\n", [
        "6:8 m2n2 begins with each model alone, whose weights are 0 and 1 "
        "(let low be at most 0 and high at least 1)",
    ]),
    (f"{LEAST}space: {{kind: tensors}}\noptimiser: {{kind: cycleqd}}\nmethod: linear\n"
     .replace("}}]", "}}, {name: b, data: {path: b.csv}}]", 1), [
        "8:9 cycleqd adds parts of what a model learnt, which linear cannot tell from the model "
        "(take task_arithmetic and a base_model)",
    ]),
    (changed("{path: sums.jsonl}", "{test: t.csv}"), [
        "4:28 there is no train split to search with (add train: FILE)",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), REFUSED)
def test_what_is_wrong_is_told_with_its_place(text: str, wanted: list[str]) -> None:
    assert told(text) == wanted


WARNED: list[tuple[str, str]] = [
    (f"{LEAST}method: linear\n", "3:13 linear has no base"),
    (f"{LEAST}space: {{smooth: true}}\n", "6:17 smooth changes nothing without granularity"),
    (f"{LEAST}space: {{parameters: {{int8_mask: true}}}}\n", "6:33 int8_mask changes nothing"),
    (f"{LEAST}method: ties\nspace: {{kind: layers}}\n", "6:9 paths through layers have no merge"),
    (f"{LEAST}space: {{kind: tensors}}\noptimiser: {{kind: cma-es}}\n", "7:19 cma-es learns"),
    (f"{LEAST}optimiser: {{kind: random, sigma: 0.2}}\n", "6:34 sigma changes nothing for random"),
    (f"{LEAST}optimiser: {{kind: random}}\neconomy: {{average: 0.5}}\n", "7:20 average changes no"),
    (
        changed("candidates: 200", "generations: 9") + "space: {kind: hybrid, generations: 9}\n",
        "5:23 the last stage begins after 9 generations, and the budget has but 9",
    ),
    (
        changed("candidates: 200", "generations: 5")
        + "space: {refine: [{knots: 2, generations: 3}, {granularity: 1, generations: 2}]}\n",
        "5:23 the last stage begins after 5 generations, and the budget has but 5",
    ),
    (f"{LEAST}space: {{kind: layers, hidden: 9}}\n", "6:31 hidden changes nothing with scaling: m"),
    (f"{LEAST}space: {{kind: layers}}\nmerge: {{tokenizer_source: ja}}\n", "7:27 a path has the"),
    (
        f"{LEAST}space: {{kind: hybrid, generations: 1, layers: {{scaling: none, scale: "
        "{low: 1, high: 2, start: 1}}}\n",
        "6:70 scale changes nothing with scaling: none",
    ),
    (changed("}}]", "}, choices: a}]"), "4:57 choices changes nothing in a task of the kind gen"),
    (changed("}}]", "}, system: Hello}]"), "4:56 system changes nothing without chat: true"),
    (changed("jsonl}", "jsonl, config: x}"), "4:55 config changes nothing without hub"),
]


@pytest.mark.parametrize(("text", "wanted"), WARNED)
def test_what_has_no_effect_is_warned_about(text: str, wanted: str) -> None:
    (warning,) = read(text).warnings
    assert f"{warning.where} {warning.what}".startswith(f"search.yml:{wanted}")


@pytest.mark.parametrize(
    ("text", "code"),
    [("", Code.RECIPE_SYNTAX), ("[]", Code.RECIPE_SYNTAX), ("a: [", Code.RECIPE_SYNTAX),
     ("a: 1\n---\nb: 2\n", Code.RECIPE_UNSUPPORTED), ("a: 1\na: 2\n", Code.RECIPE_SYNTAX),
     ("a: &x [1]\nb: *x\nc: !!python/object:os.system x", Code.RECIPE_SYNTAX),
     (f"name: {'x' * 2**18}", Code.RECIPE_SYNTAX)],
)  # fmt: skip
def test_what_is_no_search_file_is_refused(text: str, code: Code) -> None:
    with pytest.raises(RecipeError) as caught:
        read(text)
    assert caught.value.code == code


PIECES: Any = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from([
                "name", "models", "method", "space", "tasks", "budget", "genes", "kind", "data",
                "weight", "low", "high", "optimiser", "genome", "merge_method", "filters",
                "parameters", "refine", "economy", "candidates", "fractions", "path", "x",
            ]), inner, max_size=4),
    ), max_leaves=25,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["name", "models", "method", "base_model", "space", "tasks",
                                        "budget", "optimiser", "economy", "merge", "genome"]),
                       PIECES, min_size=1))  # fmt: skip
def test_whatever_stands_in_a_file_the_only_error_is_that_of_recipes(data: dict[str, Any]) -> None:
    added = {key: value for key, value in data.items() if f"\n{key}:" not in f"\n{LEAST}"}
    text = LEAST + "\n".join(f"{key}: {json.dumps(value)}" for key, value in added.items())
    for each in (json.dumps(data), text):
        with contextlib.suppress(RecipeError):
            assert read(each).form.models


def test_method_and_metric_are_told_with_the_rest() -> None:
    text = changed("budget: {candidates: 200}", "budget: {candidates: none}\nmethod: linaer")
    found = told(text.replace("path: sums.jsonl}", "path: sums.jsonl}, metric: numbr"))
    assert [line.split(" ", 1)[1] for line in found] == [
        "generate has no metric 'numbr' (did you mean 'number'?)",
        "budget.candidates is not a whole number: 'none' (write a whole number)",
        "unknown merge method 'linaer' (did you mean 'linear'?)",
    ]


@pytest.mark.parametrize(
    "models",
    ["models: [{model: a}, {model: b}]", "slices: [{sources: [{model: a, layer_range: [0, 1]}]}]"],
)
def test_a_merge_recipe_is_told_to_be_one(models: str) -> None:
    (line,) = told(f"merge_method: linear\n{models}\ndtype: float32\n")
    assert line == (
        "1:1 this is a merge recipe, not a search file "
        "(run evoreg merge with it; a search file has name, models, tasks and budget)"
    )


def test_a_mapping_or_a_list_in_place_of_a_text_is_called_so() -> None:
    assert (
        "name is not a text: it is a list (write a text: put it in quotes)"
        in told(changed("name: sums\n", "name: [sums]\n"))[0]
    )
    assert (
        "models.0 is not a text: it is a mapping" in told(changed("[math, ja]", "[{a: 1}, ja]"))[0]
    )
