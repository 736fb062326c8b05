"""The space over parameters: what its genes are, and that every tensor gets what they say."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.evolve.checkpoints.tensors import layer_of
from evoreg.evolve.planning.build import make_plan
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.recipes.contracts import CONTRACTS
from evoreg.evolve.spaces.parameters import MethodSpace
from evoreg.evolve.spaces.table import parameter_space
from evoreg.provenance.records.errors import EvoregError, RecipeError, UsageError
from tests.spaces.conftest import FAMILIES
from tests.spaces.spacing import POCKETS, form, hold, layered, model, read_models, resolved

ALL = ("attention", "mlp", "norms", "embeddings", "head")
FINENESS: list[dict[str, Any]] = [
    {},
    {"components": ("mlp", "attention")},
    {"granularity": 2},
    {"granularity": 3},
    {"granularity": 1, "components": ALL},
    {"granularity": 2, "smooth": True, "components": ("norms",)},
    {"knots": 2},
    {"knots": 3, "components": ("mlp",)},
    {"knots": 99},
]
BASELESS = ("linear", "karcher")
SEARCHED = (
    "linear", "task_arithmetic", "ties", "dare_linear", "dare_ties", "breadcrumbs",
    "breadcrumbs_ties", "della", "della_linear", "multislerp", "nuslerp", "sce",
)  # fmt: skip

SOURCES = read_models(POCKETS, "pocket-base", "pocket-math", "pocket-ja")
SPACES: dict[tuple[str, int], MethodSpace] = {}


def space_of(method: str, place: int) -> MethodSpace:
    if (method, place) not in SPACES:
        base = None if method in BASELESS else "pocket-base"
        made = form(method=method, base_model=base, space=FINENESS[place])
        SPACES[method, place] = parameter_space(made, SOURCES)
    return SPACES[method, place]


def genomes(space: MethodSpace) -> st.SearchStrategy[tuple[float, ...]]:
    # Weights that are always normalised must not all be zero.
    least = 0.01 if space.form.method in ("multislerp", "nuslerp") else 0.0
    return st.tuples(*(st.floats(max(gene.low, least), gene.high) for gene in space.genes))


@settings(max_examples=50, deadline=None)
@given(st.data(), st.sampled_from(SEARCHED), st.integers(0, len(FINENESS) - 1))
def test_every_tensor_gets_what_the_space_says(
    data: st.DataObject, method: str, place: int
) -> None:
    space = space_of(method, place)
    genome = data.draw(genomes(space))
    found = hold(space, genome, SOURCES)
    varied = {track.parameter for track in space.tracks}
    told = {key for key in found if key[0] in varied}
    assert told == set(space.values(genome))


def test_a_gene_reaches_the_tensors_that_its_name_tells(pockets: dict[str, SourceModel]) -> None:
    made = form(space={"granularity": 2, "components": ALL})
    space = parameter_space(made, pockets)
    genome = tuple(place / 100 for place in range(len(space.genes)))
    genes = dict(zip((gene.name for gene in space.genes), genome, strict=True))
    for (name, reference, tensor), value in hold(space, genome, pockets).items():
        if name != "weight":
            continue
        layer = layer_of(tensor)
        part = (
            "norms" if "norm" in tensor
            else "attention" if "self_attn" in tensor
            else "mlp" if "mlp" in tensor
            else "head" if "lm_head" in tensor
            else "embeddings"
        )  # fmt: skip
        group = f" layers {layer // 2 * 2}-{layer // 2 * 2 + 1}" if layer is not None else ""
        outside = " outside the layers" if part == "norms" and layer is None else ""
        assert value == genes[f"{reference} weight{group}{outside} {part}"]


def test_names_of_genes_are_unique_and_name_the_model() -> None:
    for place in range(len(FINENESS)):
        for method in ("linear", "dare_ties", "sce"):
            genes = space_of(method, place).genes
            names = [gene.name for gene in genes]
            assert len(set(names)) == len(names)
            assert all(gene.low <= gene.start <= gene.high for gene in genes)
            assert all(gene.low < gene.high for gene in genes)
    assert [gene.name for gene in space_of("dare_ties", 2).genes][:4] == [
        "pocket-math weight layers 0-1",
        "pocket-math weight layers 2-3",
        "pocket-math weight outside the layers",
        "pocket-math density layers 0-1",
    ]
    assert [gene.name for gene in space_of("sce", 0).genes] == ["select_topk"]


def test_models_of_one_name_are_told_by_their_whole_references(tmp_path: Path) -> None:
    names = layered(2, "mlp.up_proj")
    for folder in ("x/same", "y/same"):
        model(tmp_path / folder, names)
    sources = read_models(tmp_path, "x/same", "y/same")
    made = form(models=("x/same", "y/same"), base_model=None, method="linear")
    space = parameter_space(made, sources)
    assert [gene.name for gene in space.genes] == ["x/same weight", "y/same weight"]


@pytest.mark.parametrize(
    ("method", "wanted"),
    [
        ("linear", {"weight": (0, 1.5, 0.5)}),
        ("task_arithmetic", {"weight": (0, 1.5, 0.5)}),
        ("ties", {"weight": (0, 1.5, 0.5), "density": (0.1, 1, 1)}),
        ("dare_ties", {"weight": (0, 1.5, 0.5), "density": (0.1, 1, 0.5)}),
        ("della", {"weight": (0, 1.5, 0.5), "density": (0.2, 0.8, 0.5)}),
        ("sce", {"select_topk": (0, 1, 1)}),
    ],
)
def test_usual_ranges(method: str, wanted: dict[str, tuple[float, ...]]) -> None:
    space = space_of(method, 0)
    found = {
        track.parameter: space.genes[next(iter(track.rules.values())).gene]
        for track in space.tracks
    }
    ends = {name: (gene.low, gene.high, gene.start) for name, gene in found.items()}
    assert ends == {name: pytest.approx(reach) for name, reach in wanted.items()}


@pytest.mark.parametrize("method", [n for n in SEARCHED if CONTRACTS[n].parameter("normalize")])
def test_weights_are_not_normalised_unless_the_file_says_so(method: str) -> None:
    plain = space_of(method, 0)
    values = {key[0]: value for key, value in hold(plain, starts(plain), SOURCES).items()}
    assert values["normalize"] is False
    base = None if method == "linear" else "pocket-base"
    said = form(method=method, base_model=base, space={"parameters": {"normalize": True}})
    space = parameter_space(said, SOURCES)
    values = {key[0]: value for key, value in hold(space, starts(space), SOURCES).items()}
    assert values["normalize"] is True


def starts(space: MethodSpace) -> tuple[float, ...]:
    return tuple(gene.start for gene in space.genes)


def test_slerp_has_one_place_whether_or_not_the_base_is_listed(
    pockets: dict[str, SourceModel],
) -> None:
    for models in (("pocket-math",), ("pocket-base", "pocket-math")):
        space = parameter_space(form(method="slerp", models=models), pockets)
        assert [(g.name, g.low, g.high, g.start) for g in space.genes] == [("t", 0, 1, 0.5)]
        assert set(hold(space, (0.25,), pockets).values()) == {0.25}


def test_the_base_among_the_models_has_no_genes(pockets: dict[str, SourceModel]) -> None:
    space = parameter_space(form(models=("pocket-base", "pocket-math")), pockets)
    assert [gene.name for gene in space.genes] == ["pocket-math weight"]
    assert list(space.baselines) == ["pocket-base", "pocket-math", "uniform"]
    hold(space, (1.2,), pockets)


def test_values_beyond_a_range_are_cut(pockets: dict[str, SourceModel]) -> None:
    space = parameter_space(form(), pockets)
    assert space.recipe((-3.0, 99.0)) == space.recipe((0.0, 1.5))
    with pytest.raises(ValueError, match="3 values for 2 genes"):
        space.recipe((0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="not a number"):
        space.recipe((0.0, float("nan")))


def test_ranges_and_fixed_parameters_of_the_file_are_kept(pockets: dict[str, SourceModel]) -> None:
    made = form(
        method="dare_ties",
        space={
            "genes": {"lambda": {"low": 0.5, "high": 2, "start": 1}},
            "parameters": {"weight": 0.7, "density": "0.5", "rescale": False},
        },
    )
    space = parameter_space(made, pockets)
    assert [gene.name for gene in space.genes] == ["lambda"]
    found = hold(space, (1.75,), pockets)
    assert {value for key, value in found.items() if key[0] == "weight"} == {0.7}
    assert {value for key, value in found.items() if key[0] == "density"} == {0.5}
    assert {value for key, value in found.items() if key[0] == "lambda"} == {1.75}


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("fineness", [FINENESS[4], FINENESS[3], FINENESS[6], FINENESS[7]])
def test_other_families(
    family: Callable[[str], dict[str, SourceModel]], name: str, fineness: dict[str, Any]
) -> None:
    sources = family(name)
    made = form(models=("a", "b"), base_model="base", method="ties", space=fineness)
    space = parameter_space(made, sources)
    count = len(space.genes)
    hold(space, tuple(0.1 + 0.9 * place / count for place in range(count)), sources)


def test_stacks_of_layers_have_genes_of_their_own(
    family: Callable[[str], dict[str, SourceModel]],
) -> None:
    sources = family("whisper")
    made = form(models=("a", "b"), base_model=None, method="linear", space={"granularity": 2})
    names = [gene.name for gene in parameter_space(made, sources).genes][:4]
    assert names == [
        "a weight decoder layers 0-1",
        "a weight encoder layers 0-1",
        "a weight encoder layer 2",
        "a weight outside the layers",
    ]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("gpt2", {"attention": "transformer.h.0.attn.c_attn.weight",
                  "mlp": "transformer.h.0.mlp.c_fc.weight",
                  "norms": "transformer.ln_f.bias", "embeddings": "transformer.wpe.weight"}),
        ("gpt-neox", {"attention": "gpt_neox.layers.1.attention.dense.weight",
                      "mlp": "gpt_neox.layers.1.mlp.dense_h_to_4h.weight",
                      "norms": "gpt_neox.layers.1.post_attention_layernorm.weight",
                      "embeddings": "gpt_neox.embed_in.weight", "head": "embed_out.weight"}),
        ("whisper", {"attention": "model.decoder.layers.0.encoder_attn.q_proj.weight",
                     "mlp": "model.encoder.layers.0.fc1.weight",
                     "norms": "model.encoder.layers.0.self_attn_layer_norm.weight",
                     "embeddings": "model.decoder.embed_positions.weight"}),
        ("qwen2-tied", {"norms": "model.layers.0.input_layernorm.weight",
                        "embeddings": "model.embed_tokens.weight"}),
    ],
)  # fmt: skip
def test_components_of_other_families(
    family: Callable[[str], dict[str, SourceModel]], name: str, wanted: dict[str, str]
) -> None:
    sources = family(name)
    made = form(models=("a", "b"), base_model="base", space={"components": ALL})
    space = parameter_space(made, sources)
    genome = tuple(place / 64 for place in range(len(space.genes)))
    values = space.values(genome)
    genes = dict(zip((gene.name for gene in space.genes), genome, strict=True))
    for component, tensor in wanted.items():
        assert values["weight", "a", tensor] == genes[f"a weight {component}"]


@pytest.mark.parametrize("layers", [1, 2, 23, 24, 36, 50])
def test_depths_at_which_gradients_are_read_with_rounding(tmp_path: Path, layers: int) -> None:
    for name in ("a", "b"):
        model(tmp_path / name, layered(layers, "self_attn.q_proj", "mlp.up_proj"))
    sources = read_models(tmp_path, "a", "b")
    for fineness in (
        {"granularity": 1}, {"granularity": 4, "components": ("mlp",)}, {"knots": 3}
    ):  # fmt: skip
        made = form(models=("a", "b"), base_model=None, method="linear", space=fineness)
        space = parameter_space(made, sources)
        hold(space, tuple(1 / (3 + place) for place in range(len(space.genes))), sources)


@pytest.mark.parametrize("fineness", FINENESS)
@pytest.mark.parametrize("method", ["linear", "task_arithmetic"])
def test_a_language_model_beside_one_with_eyes(
    tmp_path: Path, fineness: dict[str, Any], method: str
) -> None:
    # The plain model has other names for the same tensors, and no vision tower.
    plain = layered(4, "self_attn.q_proj", "mlp.up_proj", "input_layernorm")
    eyes = {
        f"vision_tower.encoder.layers.{layer}.{name}.weight": (2,)
        for layer in range(3)
        for name in ("self_attn.q_proj", "mlp.fc1", "layer_norm1")
    }
    model(tmp_path / "plain", plain)
    for name in ("seeing", "base"):
        model(tmp_path / name, {**eyes, **{f"language_model.{k}": v for k, v in plain.items()}})
    sources = read_models(tmp_path, "plain", "seeing", "base")
    base = "base" if method == "task_arithmetic" else None
    models = ("seeing", "plain") if base else ("seeing", "plain", "base")
    made = form(models=models, base_model=base, method=method, space=fineness)
    space = parameter_space(made, sources)
    hold(space, tuple(1 / (2 + place) for place in range(len(space.genes))), sources)
    values = space.values(tuple(gene.start for gene in space.genes))
    seen = {name for _, reference, name in values if reference == "plain"}
    assert seen == {f"language_model.{name}" for name in plain}


def test_a_component_that_nothing_is_of_is_refused(pockets: dict[str, SourceModel]) -> None:
    with pytest.raises(RecipeError, match="no tensor is left for the component 'q_porj'"):
        parameter_space(form(space={"components": ("q_porj",)}), pockets)
    with pytest.raises(RecipeError, match="put it first"):
        parameter_space(form(space={"components": ("self_attn", "q_proj")}), pockets)
    parameter_space(form(space={"components": ("q_proj", "self_attn")}), pockets)


def test_what_cannot_be_searched_is_refused(pockets: dict[str, SourceModel]) -> None:
    with pytest.raises(RecipeError, match="model_stock has no parameter with a usual range"):
        parameter_space(form(method="model_stock"), pockets)
    with pytest.raises(RecipeError, match="no model is at hand for pocket-fr"):
        parameter_space(form(models=("pocket-math", "pocket-fr")), pockets)
    with pytest.raises(RecipeError, match="unknown merge method 'tie'"):
        parameter_space(form(method="tie"), pockets)
    reach = {"low": 0, "high": 1, "start": 0}
    with pytest.raises(RecipeError, match="ties has no epsilon that can be varied"):
        parameter_space(form(method="ties", space={"genes": {"epsilon": reach}}), pockets)
    near = form(method="nearswap", models=("pocket-ja",))
    with pytest.raises(RecipeError, match="needs a value for t"):
        parameter_space(near, pockets)
    with pytest.raises(UsageError, match="kind tensors, not parameters"):
        parameter_space(form(space={"kind": "tensors"}), pockets)


def test_models_that_do_not_meet_are_refused_at_once(
    pockets: dict[str, SourceModel], tmp_path: Path
) -> None:
    model(tmp_path / "odd", layered(2, "mlp.up_proj"))
    sources = {**pockets, **read_models(tmp_path, "odd")}
    with pytest.raises(EvoregError, match="missing in odd"):
        parameter_space(form(models=("pocket-math", "odd")), sources)


def test_baselines_are_the_models_alone_the_base_and_the_plain_average(
    pockets: dict[str, SourceModel],
) -> None:
    made = form(merge={"dtype": "bfloat16"}, method="dare_ties")
    found = parameter_space(made, pockets).baselines
    assert list(found) == ["pocket-math", "pocket-ja", "base", "uniform"]
    for label, reference in (("pocket-math", "pocket-math"), ("base", "pocket-base")):
        plan = make_plan(found[label], pockets, 0)
        assert [source.reference for source in plan.sources] == [reference]
        assert {output.method for output in plan.outputs} == {"passthrough"}
        assert {output.dtype for output in plan.outputs} == {"BF16"}
    values = resolved(make_plan(found["uniform"], pockets, 0))
    assert {v for key, v in values.items() if key[0] == "weight"} == {0.5}
    assert {v for key, v in values.items() if key[0] == "density"} == {1.0}
    assert {v for key, v in values.items() if key[0] == "normalize"} == {False}


def test_parents_of_a_common_vocabulary_are_read_in_it(pockets: dict[str, SourceModel]) -> None:
    made = form(merge={"tokenizer_source": "union"})
    found = parameter_space(made, pockets).baselines
    plans = {label: make_plan(recipe, pockets, 0) for label, recipe in found.items()}
    shapes = [{item.name: item.shape for item in plan.outputs} for plan in plans.values()]
    assert all(shape == shapes[0] for shape in shapes)
    for label, own in (("pocket-math", "pocket-math"), ("base", "pocket-base")):
        weights = {
            name: value
            for (key, name, _), value in resolved(plans[label]).items()
            if key == "weight"
        }
        assert weights == {
            name: float(name == own) for name in ("pocket-math", "pocket-ja", "pocket-base")
        }


@pytest.mark.parametrize("method", [*SEARCHED, "slerp"])
def test_every_uniform_merge_can_be_planned(pockets: dict[str, SourceModel], method: str) -> None:
    base = None if method in BASELESS else "pocket-base"
    models = ("pocket-math",) if method == "slerp" else ("pocket-math", "pocket-ja")
    space = parameter_space(form(method=method, base_model=base, models=models), pockets)
    values = resolved(make_plan(space.baselines["uniform"], pockets, 0))
    wanted = {"slerp": "t", "sce": "select_topk"}.get(method, "weight")
    half = {"sce": {1.0}}.get(method, {0.5})
    assert {value for key, value in values.items() if key[0] == wanted} == half
