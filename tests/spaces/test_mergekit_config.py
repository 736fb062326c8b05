"""Config files of mergekit-evolve, of the shapes that its documentation shows."""

from typing import Any

import pytest
import yaml

from evoreg.evolve.searchfile.form import ParameterSpace
from evoreg.evolve.searchfile.read import ReadSearch, read_search
from evoreg.evolve.spaces.table import parameter_space
from evoreg.provenance.records.errors import Code, RecipeError
from tests.spaces.spacing import POCKETS, hold, read_models

SOURCES = read_models(POCKETS, "pocket-base", "pocket-math", "pocket-ja")
MODELS = ["pocket-math", "pocket-ja"]

# The general shape: every optional key written out, a comment behind some.
EVERYTHING = """\
genome:
    models:
       - pocket-math
       - pocket-ja
    merge_method: dare_ties
    base_model: pocket-base
    tokenizer_source: null # optional
    layer_granularity: 2

    # optional:
    normalize: false
    allow_negative_weights: false
    smooth: false
    filters:
      - self_attn
      - mlp
tasks:
  - name: my_sums
    weight: 1.0 # optional
    metric: "exact_match,strict"
  - name: my_words
limit: 50
num_fewshot: 3
shuffle: true
apply_chat_template: false
"""
# A base with an architecture of its own, and one group for all layers.
ARCHITECTURE = """\
genome:
    models: [pocket-math, pocket-ja]
    merge_method: dare_ties
    base_model:
        model: pocket-base
        override_architecture: LlamaModel
    layer_granularity: 0
    normalize: false
tasks:
  - name: my_sums
    metric: "acc,none"
"""
# The least that may be written; tasks as bare names.
LEAST = """\
genome:
  models: [pocket-math, pocket-ja]
  merge_method: linear
tasks:
- my_sums
- my_words
"""


def read(text: str, file: str = "evo.yml") -> ReadSearch:
    return read_search(text, file)


def genome(**keys: Any) -> str:
    plain = {"models": MODELS, "merge_method": "ties", "base_model": "pocket-base", **keys}
    return yaml.safe_dump({"genome": plain, "tasks": ["my_sums"]})


def genes_of(text: str) -> dict[str, tuple[float, float, float]]:
    space = read(text).form.space
    assert isinstance(space, ParameterSpace)
    return {name: (reach.low, reach.high, reach.start) for name, reach in space.genes.items()}


def test_the_general_shape_is_read_with_all_that_it_says() -> None:
    found = read(EVERYTHING)
    form = found.form
    assert found.foreign
    assert form.name == "evo"
    assert form.models == tuple(MODELS)
    assert (form.method, form.base_model) == ("dare_ties", "pocket-base")
    assert form.merge.dtype == "bfloat16"
    assert form.merge.tokenizer_source is None
    assert isinstance(form.space, ParameterSpace)
    assert form.space.granularity == 2
    assert form.space.components == ("self_attn", "mlp")
    assert form.space.parameters == {"normalize": False}
    assert [(task.kind, task.task, task.metric) for task in form.tasks] == [
        ("lm-eval", "my_sums", "exact_match,strict"),
        ("lm-eval", "my_words", "acc,none"),
    ]
    assert {(task.fewshot, task.chat, task.weight) for task in form.tasks} == {(3, False, 1.0)}
    assert (form.economy.items, form.economy.rotate) == (50, True)
    assert form.budget.model_dump(exclude_none=True) == {"candidates": 100}
    assert form.optimiser.kind == "cma-es"
    assert form.optimiser.sigma == pytest.approx(1 / 6)
    assert form.optimiser.population == 0  # the usual one: 4 + floor(3 ln n)
    assert found.places["space.granularity"] == "evo.yml:8:24"


@pytest.mark.parametrize("text", [EVERYTHING, ARCHITECTURE, LEAST])
def test_every_shape_gives_a_space_whose_recipes_can_be_planned(text: str) -> None:
    form = read(text).form
    space = parameter_space(form, SOURCES)
    hold(space, tuple(gene.start for gene in space.genes), SOURCES)
    hold(space, tuple((gene.low + gene.high) / 3 + 0.01 for gene in space.genes), SOURCES)


def test_the_number_of_genes_is_theirs_where_layers_are_not_told_apart() -> None:
    # groups x models x (filters + 1) x parameters
    filters = ["self_attn", "mlp"]
    for text, count in (
        (ARCHITECTURE, 1 * 2 * 1 * 2),
        (LEAST, 1 * 2 * 1 * 1),
        (genome(filters=filters), 1 * 2 * 3 * 2),
        (genome(merge_method="task_arithmetic", filters=filters), 1 * 2 * 3 * 1),
    ):
        assert len(parameter_space(read(text).form, SOURCES).genes) == count


@pytest.mark.parametrize(
    ("keys", "normalize", "weight"),
    [
        ({}, True, (0, 1, 0.5)),
        ({"merge_method": "linear", "base_model": None}, True, (0, 1, 0.5)),
        ({"merge_method": "task_arithmetic"}, False, (0, 1.5, 0.5)),
        ({"normalize": False}, False, (0, 1.5, 0.5)),
        ({"normalize": False, "allow_negative_weights": True}, False, (-1.5, 1.5, 0.5)),
        ({"models": [*MODELS, "c", "d"]}, True, (0, 1, 0.25)),
    ],
)
def test_normalising_and_ranges(
    keys: dict[str, Any], normalize: bool, weight: tuple[float, ...]
) -> None:
    text = genome(**keys)
    space = read(text).form.space
    assert isinstance(space, ParameterSpace)
    assert space.parameters == {"normalize": normalize}
    assert genes_of(text)["weight"] == weight


def test_density_begins_at_one_and_in_the_middle_if_they_begin_at_random() -> None:
    assert genes_of(genome())["density"] == (0, 1, 1)
    assert "density" not in genes_of(genome(merge_method="task_arithmetic"))
    text = f"{genome()}random_init: true\n"
    assert genes_of(text)["density"] == (0, 1, 0.5)
    assert any("random_init" in warning.what for warning in read(text).warnings)


def test_smooth_has_as_many_knots_as_there_would_be_groups() -> None:
    space = parameter_space(read(genome(smooth=True, layer_granularity=2)).form, SOURCES)
    assert [gene.name for gene in space.genes][:3] == [
        "pocket-math weight knot 1 of 2",
        "pocket-math weight knot 2 of 2",
        "pocket-math weight outside the layers",
    ]


def test_slerp_of_two_models_has_its_place_as_gene() -> None:
    for base in (None, "pocket-math", "pocket-ja"):
        form = read(genome(merge_method="slerp", base_model=base, layer_granularity=2)).form
        assert (form.base_model, form.models) == ("pocket-math", tuple(MODELS))
        space = parameter_space(form, SOURCES)
        assert [gene.name for gene in space.genes][:2] == ["t layers 0-1", "t layers 2-3"]
        hold(space, tuple(0.1 * place for place in range(len(space.genes))), SOURCES)


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ({"models": [*MODELS, "c"], "base_model": None}, "slerp takes two models here"),
        ({"base_model": "pocket-base"}, "the base of slerp is none of its two models"),
        ({"base_model": None, "filters": ["mlp"]}, "slerp and filters exclude each other"),
        ({"base_model": None, "smooth": True}, "slerp and smooth exclude each other"),
    ],
)
def test_other_slerps_are_refused(keys: dict[str, Any], wanted: str) -> None:
    with pytest.raises(RecipeError, match=wanted) as caught:
        read(genome(merge_method="slerp", **keys))
    assert caught.value.code == Code.RECIPE_UNSUPPORTED
    assert all(problem.hint for problem in caught.value.problems)


def test_less_is_better_where_the_weight_is_negative() -> None:
    text = """\
genome: {models: [a, b], merge_method: linear}
tasks:
- {name: my_text, metric: "word_perplexity,none", weight: -0.5}
- {name: my_sums, weight: 2}
"""
    form = read(text).form
    assert [(task.weight, task.maximise) for task in form.tasks] == [(0.5, False), (2.0, True)]


def test_one_task_with_two_metrics_gives_two_names() -> None:
    text = """\
genome: {models: [a, b], merge_method: linear}
tasks: [{name: my_sums}, {name: my_sums, metric: "acc_norm,none"}]
"""
    names = [task.name for task in read(text).form.tasks]
    assert names == ["my_sums acc,none", "my_sums acc_norm,none"]


def warnings_of(text: str) -> str:
    return "\n".join(map(str, read(text).warnings))


ALWAYS = ("not the best candidate observed", "first step is a sixth", "training split")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (LEAST, ()),
        (EVERYTHING, ("embeddings, head and final norm have genes of their own",
                      "mlp is the component of that name", "other items are drawn for each")),
        (genome(models=["pocket-base", *MODELS]), ("the base has no genes",)),
        (genome(smooth=True), ("smooth changes nothing without layer_granularity",)),
        (genome(merge_method="slerp", base_model=None), ("slerp has one gene t",)),
        (f"{genome()}limit: 20\n", ("the 20 items are drawn by the seed",)),
        (f"{genome()}num_fewshot: 2\n", ("examples stand in one message",)),
        (f"{genome()}num_fewshot: 0\n", ("names a number of examples",)),
        (LEAST.replace("my_sums", "gsm8k"), ("gsm8k is a public benchmark",)),
        (LEAST.replace("my_sums", "gsm8k_train"), ()),
    ],
)  # fmt: skip
def test_what_is_done_in_another_way_is_told(text: str, wanted: tuple[str, ...]) -> None:
    found = read(text).warnings
    told = "\n".join(map(str, found))
    assert all(words in told for words in (*ALWAYS, *wanted)), told
    assert len(found) == len(ALWAYS) + len(wanted)
    assert {warning.code for warning in found} == {Code.RECIPE_UNSUPPORTED}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (genome(merge_method="della"), "genome.merge_method cannot be 'della'"),
        (genome(layer_granularty=2), "unknown key 'layer_granularty' in genome"),
        (genome(base_model=None), "ties needs a base_model"),
        (genome(models=[]), "genome.models is empty"),
        ("genome: 3\ntasks: [a]\n", "genome is not a mapping"),
        ("genome: {models: [a, b], merge_method: linear}\n", "tasks is missing"),
        (f"{genome()}limit: -1\n", "limit is -1, not at least 0"),
        (f"{genome()}budget: {{generations: 3}}\n", "unknown key 'budget'"),
    ],
)
def test_what_is_wrong_is_told(text: str, wanted: str) -> None:
    with pytest.raises(RecipeError, match=wanted):
        read(text)


@pytest.mark.parametrize(
    ("file", "name"),
    [("my search (2).yml", "my-search-2"), ("-.yml", "mergekit-evolve"), ("a/b.c.yml", "b-c")],
)
def test_the_name_is_that_of_the_file(file: str, name: str) -> None:
    assert read(LEAST, file).form.name == name
