"""config.json and the small files of the result are true to its tensors."""

import json
from typing import Any

import pytest
import torch

from evoreg.provenance.records.errors import Code, EvoregError, MergeError
from tests.evolve.merging import Bench, Recipe, normal, recipe, row

EMBED, HEAD, NORM = "model.embed_tokens.weight", "lm_head.weight", "model.norm.weight"


def layered(count: int, *, head: bool = True, seed: int = 0) -> dict[str, torch.Tensor]:
    """Return the tensors of a model of some layers; tensor values tell layer and seed."""
    tensors = {EMBED: normal(seed, 6, 2), NORM: normal(seed + 1, 2)}
    if head:
        tensors[HEAD] = normal(seed + 2, 6, 2)
    for layer in range(count):
        tensors[f"model.layers.{layer}.mlp.w"] = torch.full((2, 2), 100.0 * seed + layer)
    return tensors


def stack(*pieces: tuple[str, int, int]) -> Recipe:
    rows = [{"sources": [{"model": m, "layer_range": [i, j]}]} for m, i, j in pieces]
    return {"merge_method": "passthrough", "slices": rows}


# Layers


def test_stacking_counts_the_layers_and_takes_their_kinds_along(bench: Bench) -> None:
    kinds = {"a": ["full", "sliding", "full", "sliding"], "b": ["x0", "x1", "x2", "x3"]}
    for place, name in enumerate("ab"):
        config = {"num_hidden_layers": 4, "layer_types": kinds[name], "model_type": "tiny"}
        bench.model(name, layered(4, seed=place), config)
    result = bench.merge(stack(("a", 0, 2), ("b", 1, 4), ("a", 3, 4)))
    assert result.config["num_hidden_layers"] == 6
    assert result.config["layer_types"] == ["full", "sliding", "x1", "x2", "x3", "sliding"]
    values = [float(result.tensors[f"model.layers.{n}.mlp.w"][0, 0]) for n in range(6)]
    assert values == [0.0, 1.0, 101.0, 102.0, 103.0, 3.0]
    assert len(result.tensors) == 9


def test_what_is_before_the_layers_is_the_first_slices_and_what_is_after_the_lasts(
    bench: Bench,
) -> None:
    for place, name in enumerate("ab"):
        bench.model(name, layered(2, seed=place), {"num_hidden_layers": 2})
    first, last = layered(2, seed=0), layered(2, seed=1)
    result = bench.merge(stack(("a", 0, 1), ("b", 1, 2)))
    assert result.tensors[EMBED].equal(first[EMBED])
    assert result.tensors[NORM].equal(last[NORM])
    assert result.tensors[HEAD].equal(last[HEAD])
    # An empty last slice is a known way to choose the head alone.
    result = bench.merge(stack(("a", 0, 2), ("b", 2, 2)))
    assert result.tensors[HEAD].equal(last[HEAD])
    assert result.config["num_hidden_layers"] == 2


def test_the_last_slice_may_have_more_sources_than_the_first(bench: Bench) -> None:
    for place, name in enumerate("ab"):
        bench.model(name, layered(2, seed=place), {"num_hidden_layers": 2})
    sources = [
        {"model": name, "layer_range": [1, 2], "parameters": {"weight": 0.5}} for name in "ab"
    ]
    one = {"model": "a", "layer_range": [0, 1], "parameters": {"weight": 1}}
    request = {"merge_method": "linear", "slices": [{"sources": [one]}, {"sources": sources}]}
    got = bench.merge(request).tensors[HEAD]
    torch.testing.assert_close(got, (layered(2)[HEAD] + layered(2, seed=1)[HEAD]) / 2)


def test_a_nested_configuration_is_updated_inside(bench: Bench) -> None:
    inner = {"num_hidden_layers": 3, "dtype": "bfloat16", "vocab_size": 6}
    bench.model("a", layered(3), {"model_type": "vlm", "text_config": inner})
    result = bench.merge({**stack(("a", 0, 3), ("a", 1, 3)), "out_dtype": "float16"})
    assert result.config == {
        "model_type": "vlm",
        "dtype": "float16",
        "text_config": {"num_hidden_layers": 5, "dtype": "float16", "vocab_size": 6},
    }


def test_a_configuration_without_a_place_for_the_layers_stops_stacking(bench: Bench) -> None:
    bench.model("a", layered(2), {"model_type": "odd"})
    with pytest.raises(MergeError) as caught:
        bench.merge(stack(("a", 0, 1)))
    assert caught.value.code == Code.MERGE_ARCHITECTURE
    assert caught.value.problems[0].where == "odd"


def test_whole_models_keep_the_donors_number_of_layers(bench: Bench) -> None:
    bench.model("a", layered(2), {"num_hidden_layers": 2, "other": [1, {"x": None}]})
    result = bench.merge(recipe("passthrough", [row("a")]))
    assert result.config == {"num_hidden_layers": 2, "other": [1, {"x": None}], "dtype": "float32"}


# The donor


def test_the_donor_is_the_base_or_else_the_first_model(bench: Bench) -> None:
    for name in ("a", "b", "base"):
        files = {"generation_config.json": f'{{"of": "{name}"}}'.encode()}
        bench.model(name, {"w": torch.ones(2)}, {"of": name}, files)
    lines = [row("b", weight=1), row("a", weight=1)]
    for base, expected in ((None, "b"), ("base", "base"), ("a", "a")):
        result = bench.merge(recipe("linear", lines, base))
        assert result.config["of"] == expected
        told = json.loads((result.folder / "generation_config.json").read_text())
        assert told == {"of": expected}


def test_the_donors_configuration_is_not_changed(bench: Bench) -> None:
    config: dict[str, Any] = {"dtype": "float32", "text_config": {"dtype": "float32"}}
    bench.model("a", {"w": torch.ones(2)}, config)
    bench.merge(recipe("passthrough", [row("a")], out_dtype="float16"))
    assert json.loads((bench.root / "a" / "config.json").read_text()) == config


def test_small_files_go_along_bit_by_bit_and_nothing_else_does(bench: Bench) -> None:
    files = {
        "tokenizer.json": b"{ }\n",
        "tokenizer_config.json": b"{}",
        "tokenizer.model": b"\x00\x01\xff",
        "special_tokens_map.json": b"{}",
        "merges.txt": b"a b\n",
        "vocab.json": b"{}",
        "chat_template.jinja": b"{{ x }}\r\n",
        "generation_config.json": b"{}",
    }
    others = {"README.md": b"# no", "modeling_evil.py": b"import os", "pytorch_model.bin": b"x"}
    bench.model("a", {"w": torch.ones(2)}, {}, {**files, **others})
    result = bench.merge(recipe("passthrough", [row("a")]))
    found = {path.name: path.read_bytes() for path in result.folder.iterdir()}
    del found["model.safetensors"]
    assert found == files


@pytest.mark.parametrize(
    "text",
    [
        '{"x": "\\ud800"}',
        '{"x": ' + "[" * 600 + "]" * 600 + "}",
        '{"x": NaN}',
        '{"x": Infinity}',
        '{"x": 1e999}',
        '{"tie_word_embeddings": "yes", "vocab_size": "many", "dtype": 5, "text_config": 7}',
        '{"num_hidden_layers": null, "layer_types": 5, "model_type": ["a"]}',
    ],
)
def test_an_odd_configuration_is_refused_or_written_whole(text: str, bench: Bench) -> None:
    """Infinity is no JSON, but transformers writes it (Mamba's time_step_limit) and reads it."""
    bench.model("a", layered(2))
    (bench.root / "a" / "config.json").write_text(text)
    for request in (recipe("passthrough", [row("a")]), stack(("a", 0, 2))):
        try:
            result = bench.merge(request)
        except EvoregError:
            continue
        assert set(json.loads(text)) <= set(result.config)
        assert str(result.config.get("x")) == str(json.loads(text).get("x"))


# Tied heads

TIED, UNTIED = {"tie_word_embeddings": True}, {"tie_word_embeddings": False}


@pytest.fixture
def pairs(bench: Bench) -> Bench:
    """A bench with tied models t1, t2 and untied ones u1, u2."""
    for place, name in enumerate(("t1", "t2", "u1", "u2")):
        tied = name.startswith("t")
        bench.model(name, layered(1, head=not tied, seed=place), TIED if tied else UNTIED)
    return bench


@pytest.mark.parametrize(
    ("first", "second", "tied"),
    [("t1", "t2", True), ("u1", "u2", False), ("t1", "u1", False), ("u1", "t1", False)],
)
def test_the_tie_flag_is_true_to_the_tensors_whoever_is_the_donor(
    first: str, second: str, tied: bool, pairs: Bench
) -> None:
    result = pairs.merge(recipe("linear", [row(first, weight=0.5), row(second, weight=0.5)]))
    assert result.config["tie_word_embeddings"] is tied
    assert (HEAD in result.tensors) is not tied


def test_a_tied_embedding_stands_in_for_the_head_and_is_told(pairs: Bench) -> None:
    result = pairs.merge(recipe("linear", [row("t1", weight=0.5), row("u1", weight=0.5)]))
    tied, untied = layered(1, seed=0), layered(1, seed=2)
    torch.testing.assert_close(result.tensors[HEAD], (tied[EMBED] + untied[HEAD]) / 2)
    torch.testing.assert_close(result.tensors[EMBED], (tied[EMBED] + untied[EMBED]) / 2)
    assert result.merged.census.partial == (f"{HEAD}: t1 lent its tied {EMBED}",)


def test_a_tied_base_stands_in_too(pairs: Bench) -> None:
    result = pairs.merge(recipe("task_arithmetic", [row("u1", weight=1)], "t1"))
    torch.testing.assert_close(result.tensors[HEAD], layered(1, seed=2)[HEAD])
    assert result.config["tie_word_embeddings"] is False


def test_an_untied_model_without_a_head_is_refused(bench: Bench) -> None:
    bench.model("a", layered(1), UNTIED)
    bench.model("b", layered(1, head=False), UNTIED)
    with pytest.raises(MergeError) as caught:
        bench.merge(recipe("linear", [row("a", weight=1), row("b", weight=1)]))
    assert caught.value.code == Code.MERGE_MISSING_TENSOR
    assert caught.value.problems[0].what == f"the tensor {HEAD} is missing in b"


def test_models_that_say_nothing_about_ties_are_left_alone(bench: Bench) -> None:
    bench.model("a", layered(1, head=False), {"model_type": "encoder"})
    result = bench.merge(recipe("passthrough", [row("a")]))
    assert "tie_word_embeddings" not in result.config


def test_a_tied_pair_with_written_heads_is_untied_in_the_result(bench: Bench) -> None:
    """Some writers store the head of a tied model too; merged apart, the two are no longer one."""
    for place, name in enumerate("ab"):
        tensors = layered(1, seed=place)
        bench.model(name, {**tensors, HEAD: tensors[EMBED]}, TIED)
    result = bench.merge(recipe("linear", [row("a", weight=0.5), row("b", weight=0.5)]))
    assert result.config["tie_word_embeddings"] is False
    assert result.tensors[HEAD].equal(result.tensors[EMBED])


# Types


def test_the_configuration_names_the_type_of_most_weights(bench: Bench) -> None:
    tensors = {"big": torch.ones(50, dtype=torch.bfloat16), "small": torch.ones(3)}
    bench.model("a", tensors, {"torch_dtype": "float16"})
    result = bench.merge(recipe("passthrough", [row("a")]))
    assert result.config == {"torch_dtype": "bfloat16"}
    assert {name: t.dtype for name, t in result.tensors.items()} == {
        "big": torch.bfloat16,
        "small": torch.float32,
    }


def test_both_spellings_of_the_type_are_kept_true(bench: Bench) -> None:
    config = {"dtype": "float32", "torch_dtype": "float32", "text_config": {"torch_dtype": "x"}}
    bench.model("a", {"w": torch.ones(2)}, config)
    result = bench.merge(recipe("passthrough", [row("a")], dtype="bfloat16"))
    assert result.config == {
        "dtype": "bfloat16",
        "torch_dtype": "bfloat16",
        "text_config": {"torch_dtype": "bfloat16"},
    }
