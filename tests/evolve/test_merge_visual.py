"""Vision-language models: alone, with each other, and with plain models of the same decoder."""

from typing import Any

import pytest
import torch

from evoreg.provenance.records.errors import Code, EvoregError, MergeError
from tests.evolve.merging import Bench, normal, recipe, row, same
from tests.evolve.visual import HEAD, LAYOUTS, eyes, moved, plain, seeing, text

EVERY = pytest.mark.parametrize("layout", LAYOUTS)


def refused(bench: Bench, request: Any, kind: type[EvoregError] = MergeError) -> EvoregError:
    with pytest.raises(kind) as caught:
        bench.plan(request)
    return caught.value


def mixed(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: 0.25 * left[name] + 0.75 * right[name] for name in left}


# Alone and with each other


@EVERY
def test_groups_and_places_are_told_apart_by_part(layout: str, bench: Bench) -> None:
    for seed, name in ((0, "a"), (40, "b")):
        seeing(bench, name, layout, seed)
    plan = bench.plan(recipe("slerp", [{"model": "b"}], "a", {"t": [0, 1]}))
    found = {o.name: (o.parameters["t"], o.group) for o in plan.outputs}
    for name in text(0):
        place, group = found[LAYOUTS[layout][0](name)]
        if ".layers." in name:
            layer = int(name.split(".")[2])
            kind = "attention" if "self_attn" in name else "mlp"
            assert (place, group) == (layer / 2, f"layer {layer} {kind}")
        else:
            kinds = {"model.embed_tokens.weight": "embeddings", HEAD: "head"}
            assert (place, group) == (0.0, kinds.get(name, "norm"))
    others = {group.split()[0] for name, (_, group) in found.items() if name in eyes(layout, 0)}
    assert others == {"vision_tower", "multi_modal_projector"}
    places = {t for t, group in found.values() if group.startswith("vision_tower layer")}
    assert places == ({1.0} if layout == "first llava" else {0.0, 1.0})


def test_the_sections_of_the_configuration_follow_their_tensors(bench: Bench) -> None:
    tensors = moved("llava", {k: v.to(torch.bfloat16) for k, v in text(0).items()})
    seen = {name: value.to(torch.float16) for name, value in eyes("llava", 0).items()}
    config = {
        "dtype": "x",
        "text_config": {"dtype": "x", "vocab_size": 7},
        "vision_config": {"dtype": "x", "torch_dtype": "x"},
        "audio_config": {"dtype": "x"},
    }
    bench.model("a", {**tensors, **seen}, config)
    result = bench.merge(recipe("passthrough", [row("a")]))
    assert result.config == {
        "dtype": "bfloat16",
        "text_config": {"dtype": "bfloat16", "vocab_size": 6},
        "vision_config": {"dtype": "float16", "torch_dtype": "float16"},
        "audio_config": {"dtype": "bfloat16"},
    }


@pytest.mark.parametrize("layout", ["llava", "later"])
@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True), (True, True)])
def test_tied_heads_under_a_prefix(layout: str, first: bool, second: bool, bench: Bench) -> None:
    for seed, name, tied in ((0, "a", first), (40, "b", second)):
        seeing(bench, name, layout, seed, tied=tied)
    result = bench.merge(recipe("linear", [row("a", weight=1), row("b", weight=1)]))
    head = LAYOUTS[layout][0](HEAD)
    tied = first and second
    assert (head in result.tensors) is not tied
    assert result.config["text_config"]["tie_word_embeddings"] is tied
    if not tied:
        embedding = LAYOUTS[layout][0]("model.embed_tokens.weight")
        lender = "a" if first else "b"
        assert result.merged.census.partial == (f"{head}: {lender} lent its tied {embedding}",)


def test_an_outer_flag_that_only_holds_a_default_does_not_untie(bench: Bench) -> None:
    """transformers writes false outside and true inside for some models."""
    for seed, name, tied in ((0, "a", True), (40, "b", False)):
        tensors = {**moved("llava", text(seed, tied=tied)), **eyes("llava", seed)}
        inner = {"tie_word_embeddings": tied}
        bench.model(name, tensors, {"tie_word_embeddings": False, "text_config": inner})
    result = bench.merge(recipe("linear", [row("a", weight=1), row("b", weight=1)]))
    assert "language_model.lm_head.weight" in result.tensors


# With a plain model


@EVERY
@pytest.mark.parametrize("order", ["vp", "pv"])
def test_a_plain_model_meets_the_language_model_of_one_with_eyes(
    layout: str, order: str, bench: Bench
) -> None:
    seeing(bench, "v", layout, 0)
    plain(bench, "p", 40)
    weights = {"v": 0.25, "p": 0.75}
    result = bench.merge(recipe("linear", [row(n, weight=weights[n]) for n in order]))
    wanted = moved(layout, mixed(text(0), text(40)))
    got = result.tensors
    assert set(got) == {*wanted, *eyes(layout, 0)}
    for name, tensor in wanted.items():
        torch.testing.assert_close(got[name], tensor)
    seen = {name: got[name] for name in eyes(layout, 0)}
    assert same(seen, eyes(layout, 0))
    assert result.config["model_type"] == "eyes"
    names = {path.name for path in result.folder.iterdir()}
    assert "preprocessor_config.json" in names
    assert (result.folder / "generation_config.json").read_bytes() == b'{"eyes": 1}'
    told = [f"{name}: copied from v, which alone has it" for name in sorted(seen)]
    assert list(result.merged.census.partial) == told
    groups = {g.group: g.effective for g in result.share("v").groups}
    assert {value for name, value in groups.items() if name.startswith("vision_tower")} == {
        "1.000000000"
    }


@EVERY
@pytest.mark.parametrize("method", ["task_arithmetic", "ties", "dare_ties"])
@pytest.mark.parametrize("base", ["v", "p", "q"])
def test_task_vectors_of_a_plain_model_go_into_one_with_eyes(
    layout: str, method: str, base: str, bench: Bench
) -> None:
    """The recipe of EvoVLM-JP: a plain base, a model that sees, a model that speaks better."""
    seeing(bench, "v", layout, 0)
    plain(bench, "p", 40)
    plain(bench, "q", 80)
    lines = [row(n, weight=1) for n in "vpq" if n != base]
    result = bench.merge(recipe(method, lines, base, {"density": 1, "normalize": False}))
    assert result.config["model_type"] == "eyes"
    got = result.tensors
    seen = {name: got[name] for name in eyes(layout, 0)}
    assert same(seen, eyes(layout, 0))
    if method == "task_arithmetic":
        found = {"v": text(0), "p": text(40), "q": text(80)}
        sums = {
            name: sum((found[n][name] for n in "vpq" if n != base), -found[base][name])
            for name in text(0)
        }
        for name, tensor in moved(layout, sums).items():
            torch.testing.assert_close(got[name], tensor)
    groups = {g.group for g in result.share("v").groups}
    assert any(g.startswith("vision_tower") for g in groups) is (base != "v")
    assert result.share("v").used
    if base == "v":
        assert result.effective("v") == 0.0


def test_the_bits_of_a_base_that_alone_sees_are_kept(bench: Bench) -> None:
    tensors = {**moved("llava", text(0)), **eyes("llava", 0)}
    tensors["multi_modal_projector.linear_1.weight"] = torch.full((4, 4), -0.0)
    bench.model("v", tensors, {})
    plain(bench, "p", 40)
    result = bench.merge(recipe("task_arithmetic", [row("p", weight=1)], "v"))
    kept = result.tensors["multi_modal_projector.linear_1.weight"]
    assert kept.view(torch.int32).eq(-(2**31)).all()
    # Another type means other bits, but no share either.
    request = recipe("task_arithmetic", [row("p", weight=1)], "v", out_dtype="bfloat16")
    result = bench.merge(request)
    assert result.tensors["vision_tower.vision_model.post_layernorm.weight"].dtype == torch.bfloat16
    assert result.effective("v") == 0.0


def test_what_several_see_is_merged_among_them(bench: Bench) -> None:
    for seed, name in ((0, "v"), (40, "w")):
        seeing(bench, name, "llava", seed)
    plain(bench, "p", 80)
    lines = [row("v", weight=0.2), row("p", weight=0.2), row("w", weight=0.6)]
    for normalize in (True, False):
        result = bench.merge(recipe("linear", lines, None, {"normalize": normalize}))
        for name, tensor in mixed(eyes("llava", 0), eyes("llava", 40)).items():
            torch.testing.assert_close(result.tensors[name], tensor)
        assert len(result.merged.census.partial) == len(eyes("llava", 0))
        assert result.merged.census.partial[0].endswith(": merged among v, w")


def test_what_several_see_needs_one_of_them_as_base(bench: Bench) -> None:
    for seed, name in ((0, "v"), (40, "w")):
        seeing(bench, name, "llava", seed)
    plain(bench, "p", 80)
    lines = [row("v", weight=1), row("w", weight=1)]
    error = refused(bench, recipe("ties", lines, "p"))
    assert [(p.code, p.what) for p in error.problems] == [
        (Code.MERGE_MISSING_TENSOR, f"ties cannot merge {part}, which only v, w have")
        for part in ("multi_modal_projector", "vision_tower")
    ]
    assert "base_model" in error.problems[0].hint
    result = bench.merge(recipe("task_arithmetic", [row("v", weight=1), row("p", weight=1)], "w"))
    for name, tensor in eyes("llava", 0).items():
        torch.testing.assert_close(result.tensors[name], tensor)


def test_a_method_that_counts_its_models_must_still_be_satisfied(bench: Bench) -> None:
    for seed, name in ((0, "v"), (40, "w")):
        seeing(bench, name, "llava", seed)
    plain(bench, "p", 80)
    error = refused(bench, recipe("model_stock", [{"model": "w"}, {"model": "p"}], "v"))
    assert "model_stock cannot merge" in error.problems[0].what
    result = bench.merge(recipe("slerp", [{"model": "p"}], "v", {"t": 0.5}))
    assert same({n: result.tensors[n] for n in eyes("llava", 0)}, eyes("llava", 0))


@pytest.mark.parametrize("layout", ["llava", "later", "qwen"])
@pytest.mark.parametrize(("sees", "speaks"), [(True, False), (False, True), (True, True)])
def test_tied_heads_of_plain_models_and_of_those_with_eyes(
    layout: str, sees: bool, speaks: bool, bench: Bench
) -> None:
    seeing(bench, "v", layout, 0, tied=sees)
    plain(bench, "p", 40, tied=speaks)
    result = bench.merge(recipe("linear", [row("v", weight=0.25), row("p", weight=0.75)]))
    head = LAYOUTS[layout][0](HEAD)
    assert (head in result.tensors) is not (sees and speaks)
    assert result.config["text_config"]["tie_word_embeddings"] is (sees and speaks)
    if head in result.tensors:
        left = text(0, tied=sees).get(HEAD, text(0)["model.embed_tokens.weight"])
        right = text(40, tied=speaks).get(HEAD, text(40)["model.embed_tokens.weight"])
        torch.testing.assert_close(result.tensors[head], 0.25 * left + 0.75 * right)


def test_settings_of_a_plain_model_see_its_own_names(bench: Bench) -> None:
    seeing(bench, "v", "llava", 0)
    plain(bench, "p", 40)
    weight = [{"filter": "language_model", "value": 3}, {"value": 1}]
    lines = [row("v", weight=weight), row("p", weight=weight)]
    plan = bench.plan(recipe("linear", lines))
    found = {o.name: [i.parameters.get("weight") for i in o.inputs] for o in plan.outputs}
    assert found["language_model.model.norm.weight"] == [3.0, 1.0]


# What does not fit


def test_a_plain_model_of_another_decoder_is_refused_at_once(bench: Bench) -> None:
    seeing(bench, "v", "llava", 0)
    bench.model("p", {**text(40), "model.layers.0.self_attn.q_norm.weight": torch.ones(4)}, {})
    error = refused(bench, recipe("linear", [row("v", weight=1), row("p", weight=1)]))
    (problem,) = error.problems
    assert problem.code == Code.MERGE_ARCHITECTURE
    assert problem.what == ("p has not the tensors of the language model of v under any one prefix")


def test_a_language_tensor_that_the_plain_model_lacks_is_still_missing(bench: Bench) -> None:
    seeing(bench, "v", "llava", 0)
    short = {name: t for name, t in text(40).items() if ".layers.2." not in name}
    bench.model("p", short, {})
    error = refused(bench, recipe("linear", [row("v", weight=1), row("p", weight=1)]))
    assert {p.code for p in error.problems} == {Code.MERGE_MISSING_TENSOR}
    assert [p.what for p in error.problems] == [
        f"the tensor language_model.model.layers.2.{kind}.weight is missing in p"
        for kind in ("mlp.up_proj", "self_attn.q_proj")
    ]


def test_eyes_of_two_kinds_do_not_meet(bench: Bench) -> None:
    seeing(bench, "v", "qwen", 0)
    seeing(bench, "w", "first llava", 40)
    error = refused(bench, recipe("linear", [row("v", weight=1), row("w", weight=1)]))
    assert {p.code for p in error.problems} == {Code.MERGE_MISSING_TENSOR}
    assert len(error.problems) == len(eyes("qwen", 0)) + len(eyes("first llava", 0))


def test_a_tensor_more_is_no_eye(bench: Bench) -> None:
    """Only what a model sees or hears with may be lacking."""
    plain(bench, "p", 0)
    bench.model("q", {**text(40), "mtp.layers.0.w.weight": normal(1, 4)}, {})
    error = refused(bench, recipe("linear", [row("p", weight=1), row("q", weight=1)]))
    assert error.problems[0].what == "the tensor mtp.layers.0.w.weight is missing in p"


def test_a_base_that_gives_no_weights_does_not_rename_anything(bench: Bench) -> None:
    seeing(bench, "v", "llava", 0)
    for seed, name in ((0, "p"), (40, "q")):
        plain(bench, name, seed)
    result = bench.merge(recipe("linear", [row("p", weight=1), row("q", weight=1)], "v"))
    assert set(result.tensors) == set(text(0))
