"""Modules: parts of models that are merged by lists of their own."""

from typing import Any

import pytest
import torch

from evoreg.evolve.planning.parts import PART_NAMES, labels, owners, parts_among
from evoreg.provenance.records.errors import Code, EvoregError, MergeError, RecipeError
from tests.evolve.merging import Bench, normal, recipe, row, same
from tests.evolve.visual import LAYOUTS, eyes, moved, plain, seeing, text

EVERY = pytest.mark.parametrize("layout", LAYOUTS)


def modules(method: str, base: str | None = None, **parts: Any) -> dict[str, Any]:
    """Return a recipe with modules; a list stands for `models`."""
    own = {
        name: {"models": part} if isinstance(part, list) else part for name, part in parts.items()
    }
    found: dict[str, Any] = {"merge_method": method, "modules": own}
    return found | ({"base_model": base} if base else {})


def span(model: str, first: int, end: int, **parameters: Any) -> dict[str, Any]:
    return {"model": model, "layer_range": [first, end], "parameters": parameters}


def refused(bench: Bench, request: Any, kind: type[EvoregError] = RecipeError) -> EvoregError:
    with pytest.raises(kind) as caught:
        bench.plan(request)
    return caught.value


@pytest.fixture
def pair(bench: Bench) -> Bench:
    """A bench with the models v and w, which see, and p, which does not."""
    seeing(bench, "v", "llava", 0)
    seeing(bench, "w", "llava", 40)
    plain(bench, "p", 80)
    return bench


# Parts by name


@EVERY
def test_each_part_is_merged_by_its_own_list(layout: str, bench: Bench) -> None:
    for seed, name in ((0, "v"), (40, "w")):
        seeing(bench, name, layout, seed)
    request = modules(
        "linear",
        text_decoder=[row("v", weight=0.25), row("w", weight=0.75)],
        vision_tower=[row("w", weight=1)],
        multi_modal_projector=[row("v", weight=1)],
    )
    result = bench.merge(request)
    left, right = moved(layout, text(0)), moved(layout, text(40))
    for name in left:
        torch.testing.assert_close(result.tensors[name], 0.25 * left[name] + 0.75 * right[name])
    tower = [n for n, part in labels(list(result.tensors)).items() if part == "vision_tower"]
    for name, tensor in eyes(layout, 0).items():
        wanted = eyes(layout, 40)[name] if name in tower else tensor
        assert result.tensors[name].equal(wanted), name
    assert tower
    assert result.config["model_type"] == "eyes"


def test_prefixes_as_they_stand_in_the_files_are_modules_too(pair: Bench) -> None:
    by_part = modules(
        "linear",
        text_decoder=[row("v", weight=1)],
        vision_tower=[row("w", weight=1)],
        multi_modal_projector=[row("w", weight=1)],
    )
    by_prefix = {
        "merge_method": "linear",
        "modules": {
            "language_model.model.layers": {"models": [row("v", weight=1)]},
            "language_model": {"models": [row("v", weight=1)]},
            "vision_tower.vision_model.encoder.layers": {"models": [row("w", weight=1)]},
            "default": {"models": [row("w", weight=1)]},
        },
    }
    assert same(pair.merge(by_part).tensors, pair.merge(by_prefix).tensors)


def test_default_is_the_whole_of_a_plain_model(llamas: Bench) -> None:
    lines = [row("a", weight=0.6), row("b", weight=0.4)]
    whole = llamas.merge(recipe("linear", lines))
    part = llamas.merge(modules("linear", default=lines))
    assert same(whole.tensors, part.tensors)
    assert whole.config == part.config
    piece = {"sources": [span("a", 0, 2, weight=1)]}
    other = {"sources": [span("b", 1, 4, weight=1)]}
    stacked = llamas.merge({"merge_method": "linear", "slices": [piece, other]})
    part = llamas.merge(modules("linear", default={"slices": [piece, other]}))
    assert same(stacked.tensors, part.tensors)
    assert part.config["num_hidden_layers"] == 5 == stacked.config["num_hidden_layers"]


def test_a_plain_model_is_merged_into_the_text_decoder_alone(pair: Bench) -> None:
    """The modules of EvoVLM-JP, written out."""
    request = modules(
        "task_arithmetic",
        "p",
        text_decoder=[row("v", weight=0.5), row("w", weight=0.5)],
        vision_tower=[row("v", weight=1)],
        multi_modal_projector=[row("w", weight=1)],
    )
    result = pair.merge(request)
    expected = moved("llava", {n: 0.5 * text(0)[n] + 0.5 * text(40)[n] for n in text(0)})
    for name, tensor in expected.items():
        torch.testing.assert_close(result.tensors[name], tensor, atol=1e-6, rtol=1e-5)
    tower = "vision_tower.vision_model.post_layernorm.weight"
    projector = "multi_modal_projector.linear_1.weight"
    assert result.tensors[tower].equal(eyes("llava", 0)[tower])
    assert result.tensors[projector].equal(eyes("llava", 40)[projector])
    assert result.config["model_type"] == "eyes"


# Slices inside modules


def test_each_part_may_be_stacked_and_counted(pair: Bench) -> None:
    request = modules(
        "passthrough",
        text_decoder={"slices": [{"sources": [span("v", 0, 2)]}, {"sources": [span("w", 0, 3)]}]},
        vision_tower={"slices": [{"sources": [span("w", 1, 2)]}]},
        multi_modal_projector=[{"model": "v"}],
    )
    result = pair.merge(request)
    assert result.config["text_config"]["num_hidden_layers"] == 5
    assert result.config["vision_config"]["num_hidden_layers"] == 1
    left, right = text(0), text(40)
    names = [f"model.layers.{n}.mlp.up_proj.weight" for n in range(5)]
    expected = [left[names[0]], left[names[1]], *(right[name] for name in names[:3])]
    for name, tensor in zip(names, expected, strict=True):
        assert result.tensors[f"language_model.{name}"].equal(tensor)
    layer = "vision_tower.vision_model.encoder.layers.{}.mlp.fc1.weight"
    assert result.tensors[layer.format(0)].equal(eyes("llava", 40)[layer.format(1)])
    assert layer.format(1) not in result.tensors
    # Outside the layers: the first slice before, the last after.
    assert result.tensors["language_model.model.embed_tokens.weight"].equal(
        left["model.embed_tokens.weight"]
    )
    assert result.tensors["language_model.lm_head.weight"].equal(right["lm_head.weight"])
    post = "vision_tower.vision_model.post_layernorm.weight"
    assert result.tensors[post].equal(eyes("llava", 40)[post])


def test_slices_of_a_plain_model_count_its_own_layers(pair: Bench) -> None:
    piece = {"sources": [span("v", 1, 3, weight=1), span("p", 0, 2, weight=1)]}
    keep = [row("v", weight=1)]
    request = modules(
        "linear", text_decoder={"slices": [piece]}, vision_tower=keep, multi_modal_projector=keep
    )
    result = pair.merge(request)
    name = "model.layers.{}.mlp.up_proj.weight"
    got = result.tensors[f"language_model.{name.format(1)}"]
    torch.testing.assert_close(got, (text(0)[name.format(2)] + text(80)[name.format(1)]) / 2)
    piece["sources"][1] = span("p", 2, 4, weight=1)
    error = refused(pair, request)
    assert [(p.code, p.what, p.where) for p in error.problems] == [
        (
            Code.RECIPE_LAYERS,
            "layer_range [2, 4] reaches beyond the 3 layers of p",
            "modules.text_decoder",
        )
    ]


def test_slices_at_the_top_of_a_model_with_several_stacks_are_refused(pair: Bench) -> None:
    request = {"merge_method": "passthrough", "slices": [{"sources": [span("v", 0, 1)]}]}
    error = refused(pair, request, MergeError)
    (problem,) = error.problems
    assert problem.code == Code.MERGE_ARCHITECTURE
    assert problem.what == (
        "v has several stacks of layers: language_model.model.layers, "
        "vision_tower.vision_model.encoder.layers"
    )
    assert problem.hint == (
        "write modules:, each with its own slices or models: "
        "text_decoder, vision_tower, multi_modal_projector"
    )


# Encoders and decoders

T5: dict[str, tuple[int, ...]] = {
    "shared.weight": (6, 4),
    **{f"encoder.block.{n}.layer.0.SelfAttention.q.weight": (4, 4) for n in range(2)},
    "encoder.final_layer_norm.weight": (4,),
    **{f"decoder.block.{n}.layer.1.EncDecAttention.q.weight": (4, 4) for n in range(3)},
    "decoder.final_layer_norm.weight": (4,),
    "lm_head.weight": (6, 4),
}
WHISPER: dict[str, tuple[int, ...]] = {
    "model.encoder.conv1.weight": (4, 3, 2),
    "model.encoder.embed_positions.weight": (5, 4),
    **{f"model.encoder.layers.{n}.fc1.weight": (4, 4) for n in range(2)},
    "model.encoder.layer_norm.weight": (4,),
    "model.decoder.embed_tokens.weight": (6, 4),
    "model.decoder.embed_positions.weight": (5, 4),
    **{f"model.decoder.layers.{n}.fc1.weight": (4, 4) for n in range(3)},
    "model.decoder.layer_norm.weight": (4,),
}


def of(shapes: dict[str, tuple[int, ...]], seed: int) -> dict[str, torch.Tensor]:
    return {name: normal(seed + n, *shape) for n, (name, shape) in enumerate(shapes.items())}


@pytest.mark.parametrize(
    ("shapes", "config", "expected"),
    [
        (T5, {"num_layers": 2}, {"num_layers": 1, "num_decoder_layers": 4}),
        (
            T5,
            {"num_layers": 2, "num_decoder_layers": 3},
            {"num_layers": 1, "num_decoder_layers": 4},
        ),
        (
            WHISPER,
            {"encoder_layers": 2, "decoder_layers": 3, "num_hidden_layers": 2},
            {"encoder_layers": 1, "decoder_layers": 4, "num_hidden_layers": 1},
        ),
    ],
)
def test_encoder_and_decoder_are_stacked_apart(
    shapes: dict[str, tuple[int, ...]],
    config: dict[str, Any],
    expected: dict[str, Any],
    bench: Bench,
) -> None:
    for seed, name in ((0, "a"), (40, "b")):
        bench.model(name, of(shapes, seed), config)
    request = modules(
        "passthrough",
        encoder={"slices": [{"sources": [span("b", 1, 2)]}]},
        decoder={"slices": [{"sources": [span("a", 0, 3)]}, {"sources": [span("b", 2, 3)]}]},
    )
    if shapes is T5:
        request["modules"]["shared"] = {"models": [{"model": "a"}]}
    result = bench.merge(request)
    assert {key: result.config[key] for key in expected} == expected
    counted = [name for name in result.tensors if "block." in name or "layers." in name]
    assert len(counted) == 5
    groups = {output.group for output in result.plan.outputs}
    assert {g for g in groups if "encoder layer" in g} == {
        f"encoder layer 0 {'attention' if shapes is T5 else 'mlp'}"
    }
    assert len({g for g in groups if "decoder layer" in g}) == 4


def test_the_decoder_keeps_its_layers_where_it_only_followed_the_encoder(bench: Bench) -> None:
    bench.model("a", of({k: v for k, v in T5.items() if "decoder.block.2" not in k}, 0),
                {"num_layers": 2})  # fmt: skip
    request = modules(
        "passthrough",
        encoder={"slices": [{"sources": [span("a", 0, 1)]}]},
        decoder=[{"model": "a"}],
        shared=[{"model": "a"}],
    )
    config = bench.merge(request).config
    assert (config["num_layers"], config["num_decoder_layers"]) == (1, 2)


def test_the_shared_embedding_and_the_head_of_t5_are_one_module(bench: Bench) -> None:
    for seed, name in ((0, "a"), (40, "b")):
        bench.model(name, of(T5, seed), {"num_layers": 2, "num_decoder_layers": 3})
    request = modules(
        "linear",
        encoder=[row("a", weight=1)],
        decoder=[row("a", weight=1)],
        shared=[row("b", weight=1)],
    )
    result = bench.merge(request)
    assert result.tensors["shared.weight"].equal(of(T5, 40)["shared.weight"])
    assert result.tensors["lm_head.weight"].equal(of(T5, 40)["lm_head.weight"])


# Parameters


def test_line_before_slice_before_module_before_recipe(pair: Bench) -> None:
    def setting(value: float, chosen: str | None = None) -> dict[str, Any]:
        return {"value": value} | ({"filter": chosen} if chosen else {})

    request = {
        "merge_method": "linear",
        "parameters": {"weight": setting(4)},
        "modules": {
            "text_decoder": {
                "slices": [
                    {
                        "sources": [span("v", 0, 3, weight=setting(1, "layers.0"))],
                        "parameters": {"weight": setting(2, "layers.1")},
                    }
                ],
                "parameters": {"weight": setting(3, "layers")},
            },
            "default": {"models": [{"model": "v"}]},
        },
    }
    plan = pair.plan(request)
    found = {o.name: o.inputs[0].parameters["weight"] for o in plan.outputs}
    layer = "language_model.model.layers.{}.mlp.up_proj.weight"
    assert [found[layer.format(n)] for n in range(3)] == [1.0, 2.0, 3.0]
    assert found["language_model.model.norm.weight"] == 4.0
    assert found["vision_tower.vision_model.post_layernorm.weight"] == 4.0


# Refusals


def test_tensors_that_no_module_claims_are_told_and_never_dropped(pair: Bench) -> None:
    error = refused(pair, modules("linear", text_decoder=[row("v", weight=1)]))
    assert [(p.code, p.where) for p in error.problems] == [(Code.RECIPE_STRUCTURE, "modules")] * 2
    assert error.problems[0].what.startswith("no module claims multi_modal_projector (1 tensors")
    assert error.problems[1].what.startswith("no module claims vision_tower (4 tensors, such as ")
    assert error.problems[0].hint == (
        "add under modules: multi_modal_projector, vision_tower; or default for all that is left"
    )


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("text_decodr", "did you mean 'text_decoder'?"),
        ("vision_towr", "did you mean 'vision_tower'?"),
        ("languge_model", "did you mean 'language_model'?"),
        ("xyz", "parts of these models: text_decoder, vision_tower, multi_modal_projector, lang"),
        ("", "parts of these models"),
    ],
)
def test_an_unknown_module_is_told_with_a_suggestion(name: str, hint: str, pair: Bench) -> None:
    lines = [row("v", weight=1)]
    parts = {name: {"models": lines}, "default": {"models": lines}}
    error = refused(pair, {"merge_method": "linear", "modules": parts})
    (problem,) = error.problems
    assert (problem.code, problem.where) == (Code.RECIPE_STRUCTURE, f"modules.{name}")
    assert problem.what == f"the models have no module {name!r}"
    assert hint in problem.hint


def test_two_modules_of_one_prefix_are_refused(pair: Bench) -> None:
    lines = [row("v", weight=1)]
    request = {
        "merge_method": "linear",
        "modules": {
            "text_decoder": {"models": lines},
            "language_model": {"models": lines},
            "default": {"models": lines},
        },
    }
    error = refused(pair, request)
    assert error.problems[0].what.startswith("language_model and text_decoder both claim language_")


def test_a_module_without_any_tensor_left_is_refused(pair: Bench) -> None:
    lines = [row("v", weight=1)]
    request = {
        "merge_method": "linear",
        "modules": {
            name: {"models": lines}
            for name in ("text_decoder", "vision_tower", "multi_modal_projector", "default")
        },
    }
    error = refused(pair, request)
    assert [p.what for p in error.problems] == [
        "the module 'default' has no tensor left: longer prefixes claim them all"
    ]


def test_what_a_source_of_a_module_lacks_is_still_missing(bench: Bench) -> None:
    seeing(bench, "v", "llava", 0)
    seeing(bench, "w", "llava", 40)
    odd = {**moved("llava", text(0)), **eyes("llava", 0), "vision_tower.extra.weight": normal(1, 2)}
    bench.model("x", odd, {})
    lines = [row("v", weight=1), row("x", weight=1)]
    request = modules("linear", text_decoder=lines, default=lines)
    error = refused(bench, request, MergeError)
    assert [p.what for p in error.problems] == [
        "the tensor vision_tower.extra.weight is missing in v"
    ]


# The laws of sharing out


def test_every_tensor_has_exactly_one_owner_whatever_the_order() -> None:
    for shape in LAYOUTS:
        names = [*moved(shape, text(0)), *eyes(shape, 0)]
        parts = parts_among(names)
        first, second = owners(parts, names), owners(parts[::-1], names[::-1])
        assert first.problems == second.problems == ()
        assert dict(first.modules) == dict(second.modules)
        assert set(first.modules) == set(names)
        assert set(first.modules.values()) == set(parts)
        assert dict(owners(["default"], names).modules) == dict.fromkeys(names, "default")


@pytest.mark.parametrize(
    ("text", "vision", "projector"),
    [
        ("language_model.model.layers.0", "vision_tower.vision_model.encoder.layers.0",
         "multi_modal_projector.linear_1"),
        ("model.language_model.layers.0", "model.visual.blocks.0", "model.visual.merger.norm"),
        ("model.layers.0", "visual.blocks.0", "visual.merger.mlp.0"),
        ("model.layers.0", "model.vision_tower.encoder.layers.0", "model.mm_projector.0"),
        ("transformer.h.0", "transformer.visual.transformer.resblocks.0", "resampler.kv_proj"),
        ("model.text_model.layers.0", "model.vision_model.encoder.layers.0",
         "model.connector.modality_projection"),
        ("language_model.model.layers.0", "vision_model.encoder.layers.0", "mlp1.0"),
        ("llm.model.layers.0", "vpm.encoder.layers.0", "resampler.proj"),
        ("language.model.layers.0", "vision.blocks.0", "projector.layers"),
    ],
)  # fmt: skip
def test_the_usual_layouts_fall_into_the_same_parts(text: str, vision: str, projector: str) -> None:
    names = [f"{name}.weight" for name in (text, vision, projector)]
    parts = ["text_decoder", "vision_tower", "multi_modal_projector"]
    assert dict(owners(parts, names).modules) == dict(zip(names, parts, strict=True))


def test_the_names_of_mergekit_are_known() -> None:
    assert {
        "text_decoder", "vision_tower", "multi_modal_projector", "encoder", "decoder", "shared",
        "default",
    } <= set(PART_NAMES)  # fmt: skip
    names = ["vision_model.model.layers.0.w", "language_model.model.layers.0.w"]
    assert owners(["vision_model", "text_decoder"], names).problems == ()
    later = ["model.vision_tower.layers.0.w", "model.language_model.layers.0.w"]
    assert owners(["vision_model", "text_decoder"], later).problems == ()
