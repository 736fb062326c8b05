"""A model with an adapter on it: the numbers of PEFT and of the definition, and nothing beside."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from tokenizers import Tokenizer, models

from evoreg.evolve.checkpoints.tensors import TensorInfo
from evoreg.evolve.execution.adapted import adapted
from evoreg.evolve.execution.run import Options
from evoreg.evolve.methods.values import Flat
from evoreg.evolve.planning.adapters import Change
from tests.evolve.adapting import GOLDEN, Stand, factors, on, write_adapter
from tests.evolve.merging import normal, recipe, row, same

CASES = {
    "plain": "llama",
    "patterns": "llama",
    "tables": "llama",
    "whole": "llama",
    "lora_only": "llama",
    "offsets": "llama",
    "lengths": "llama",
    "tied_table": "tied",
    "turned": "gpt2",
    "kernels": "conv",
    "kernel_lengths": "conv",
}
LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 6}


def only(model: str) -> dict[str, Any]:
    """A recipe whose result is one model as it is."""
    return recipe("passthrough", [row(model)])


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


@pytest.fixture
def small(stand: Stand) -> Stand:
    """Two models of one square layer, a layer of another size, and an embedding."""
    for number, name in enumerate("ab"):
        tensors = {
            "model.embed_tokens.weight": normal(number, 6, 4),
            "model.layers.0.q.weight": normal(number + 2, 4, 4),
            "model.layers.0.up.weight": normal(number + 4, 7, 4),
            "model.layers.0.up.bias": normal(number + 6, 7),
            "lm_head.weight": normal(number + 8, 6, 4),
        }
        stand.model(name, tensors, LLAMA)
    return stand


# The same numbers as PEFT


@pytest.mark.parametrize(("name", "below"), CASES.items())
def test_a_model_with_an_adapter_is_what_peft_makes_of_it(
    name: str, below: str, stand: Stand
) -> None:
    (stand.root / "models").symlink_to(GOLDEN / "models")
    (stand.root / "adapter").symlink_to(GOLDEN / name)
    before = load_file(GOLDEN / "models" / below / "model.safetensors")
    expected = load_file(GOLDEN / name / "expected.safetensors")
    found = stand.merge(only(f"models/{below}+adapter")).tensors
    assert found.keys() == before.keys() | expected.keys()
    for key, value in found.items():
        if key in expected:
            assert (value - expected[key]).abs().max() < 1e-6, key
            assert key not in before or not value.equal(before[key]), key
        else:
            assert value.equal(before[key]), key


# The definition


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 4),
    st.booleans(),
    st.floats(-3, 3, width=32),
    st.data(),
)
def test_any_block_holds_w_and_the_scaled_product(
    out: int, inner: int, rank: int, turned: bool, scale: float, data: st.DataObject
) -> None:
    shape = (inner, out) if turned else (out, inner)
    w, a, b = normal(1, *shape), normal(2, rank, inner), normal(3, out, rank)
    tensors = {"w": w, "a": a, "b": b}
    infos = {k: TensorInfo(k, "F32", tuple(v.shape), Path("x")) for k, v in tensors.items()}
    change = Change(infos["w"], infos["a"], infos["b"], scale, turned)
    values = adapted(change, lambda info: tensors[info.name])
    product = b.double() @ a.double()
    dense = (w.double() + scale * (product.T if turned else product)).reshape(-1)
    start = data.draw(st.integers(0, w.numel()))
    stop = data.draw(st.integers(start, w.numel()))
    found = values.block(slice(start, stop))
    assert found.dtype == torch.float32
    assert found.shape == (stop - start,)
    assert torch.allclose(found.double(), dense[start:stop], rtol=1e-6, atol=1e-6)


def test_a_block_is_the_same_however_much_is_asked_for_at_once() -> None:
    rows, columns = 130, 1111  # 117 rows are made at a time, then 13
    tensors = {"w": normal(1, rows, columns), "a": normal(2, 3, columns), "b": normal(3, rows, 3)}
    infos = {k: TensorInfo(k, "F32", tuple(v.shape), Path("x")) for k, v in tensors.items()}
    change = Change(infos["w"], infos["a"], infos["b"], 0.7)
    values = adapted(change, lambda info: tensors[info.name])
    whole = values.block(slice(0, rows * columns))
    for step in (1000, 2**16, 2**16 + 7):
        for start in range(0, rows * columns, step):
            block = slice(start, min(start + step, rows * columns))
            assert values.block(block).equal(whole[block])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_narrow_numbers_are_rounded_once(dtype: torch.dtype, stand: Stand) -> None:
    w = normal(1, 4, 4).to(dtype)
    a, b = normal(2, 2, 4).to(dtype), normal(3, 4, 2).to(dtype)
    stand.model("m", {"q.weight": w})
    write_adapter(stand.root / "l", {"q.lora_A.weight": a, "q.lora_B.weight": b})
    exact = (w.double() + 2 * (b.double() @ a.double())).to(dtype)
    error = (stand.merge(only("m+l")).only.double() - exact.double()).abs()
    # A number that lies between two narrow ones may fall to the other side after float32.
    assert (error > 0).sum() <= (0 if dtype in (torch.bfloat16, torch.float16) else 16)
    assert error.max() < (1e-14 if dtype == torch.float64 else 1e-6)


@pytest.mark.parametrize("root", [False, True])
def test_patterns_choose_rank_and_scale(root: bool, small: Stand) -> None:
    tensors = {
        **factors(20, "model.layers.0.q", 4, 4, rank=3),
        **factors(30, "model.layers.0.up", 7, 4, rank=2),
    }
    write_adapter(
        small.root / "l",
        tensors,
        use_rslora=root,
        rank_pattern={"q": 3},
        alpha_pattern={r"layers\.0\.(q|k)": 7, "model.layers.0.q": 100, "p": 100},
    )
    found = small.merge(only("a+l")).tensors
    before = load_file(small.root / "a" / "model.safetensors")
    for module, rank, alpha in (("q", 3, 7), ("up", 2, 4)):
        name = f"model.layers.0.{module}"
        product = tensors[f"{name}.lora_B.weight"] @ tensors[f"{name}.lora_A.weight"]
        scale = alpha / (math.sqrt(rank) if root else rank)
        wanted = before[f"{name}.weight"] + scale * product
        assert torch.allclose(found[f"{name}.weight"], wanted, rtol=0, atol=1e-5)


def test_what_the_adapter_does_not_touch_keeps_its_bits(small: Stand) -> None:
    write_adapter(small.root / "l", factors(20, "model.layers.0.q", 4, 4))
    before = load_file(small.root / "a" / "model.safetensors")
    found = small.merge(only("a+l")).tensors
    changed = found.pop("model.layers.0.q.weight")
    assert not changed.equal(before.pop("model.layers.0.q.weight"))
    assert same(found, before)


def test_an_adapter_name_inside_the_tensor_names_is_left_out(small: Stand) -> None:
    plain = factors(20, "model.layers.0.q", 4, 4)
    write_adapter(small.root / "l", plain)
    named = {k.replace(".weight", ".default.weight"): v for k, v in plain.items()}
    write_adapter(small.root / "n", named)
    assert same(small.merge(only("a+l")).tensors, small.merge(only("a+n")).tensors)


@pytest.mark.parametrize("form", ["modules_to_save.default.", "modules_to_save.", ""])
def test_a_tensor_that_the_adapter_brings_replaces_the_models(form: str, small: Stand) -> None:
    head = normal(50, 6, 4)
    write_adapter(small.root / "l", {f"lm_head.{form}weight": head}, modules_to_save=["lm_head"])
    assert small.merge(only("a+l")).tensors["lm_head.weight"].equal(head)


def test_a_square_weight_is_turned_only_in_models_that_keep_weights_so(stand: Stand) -> None:
    tensors = factors(1, "h.0.c", 4, 4)
    product = 2 * tensors["h.0.c.lora_B.weight"] @ tensors["h.0.c.lora_A.weight"]
    for name, config in (("gpt", {"model_type": "gpt2"}), ("llama", {"model_type": "llama"})):
        stand.model(name, {"h.0.c.weight": torch.zeros(4, 4)}, config)
    stand.model("raw", {"h.0.c.weight": torch.zeros(4, 4)})
    write_adapter(stand.root / "yes", tensors, fan_in_fan_out=True)
    write_adapter(stand.root / "no", tensors, fan_in_fan_out=False)
    straight, turned = product, product.T
    for model, adapter, wanted in (
        ("gpt", "yes", turned),
        ("gpt", "no", turned),
        ("llama", "yes", straight),
        ("llama", "no", straight),
        ("raw", "yes", turned),
        ("raw", "no", straight),
    ):
        found = stand.merge(only(f"{model}+{adapter}")).only
        assert torch.allclose(found, wanted, atol=1e-6), (model, adapter)


# Merging


def test_half_of_an_adapter(small: Stand) -> None:
    tensors = factors(20, "model.layers.0.up", 7, 4)
    write_adapter(small.root / "l", tensors)
    found = small.merge(recipe("linear", [row("a", weight=0.5), row("a+l", weight=0.5)]))
    before = load_file(small.root / "a" / "model.safetensors")
    name = "model.layers.0.up"
    product = tensors[f"{name}.lora_B.weight"] @ tensors[f"{name}.lora_A.weight"]
    wanted = before[f"{name}.weight"].double() + 0.5 * 2 * product.double()
    assert torch.allclose(found.tensors[f"{name}.weight"].double(), wanted, atol=1e-6)
    rest = {k: v for k, v in found.tensors.items() if k != f"{name}.weight"}
    assert all(torch.equal(value, before[key]) for key, value in rest.items())


def test_products_are_merged_and_not_factors(small: Stand) -> None:
    """The mean of two adapters has no cross terms, whatever their ranks."""
    one = factors(20, "model.layers.0.q", 4, 4, rank=2)
    two = factors(30, "model.layers.0.q", 4, 4, rank=3)
    write_adapter(small.root / "one", one)
    write_adapter(small.root / "two", two, r=3, lora_alpha=3)
    lines = [row("a+one", weight=1), row("a+two", weight=1)]
    found = small.merge(recipe("task_arithmetic", lines, base="a")).tensors
    name = "model.layers.0.q"
    parts = [
        scale * found_in[f"{name}.lora_B.weight"] @ found_in[f"{name}.lora_A.weight"]
        for scale, found_in in ((2, one), (1, two))
    ]
    before = load_file(small.root / "a" / "model.safetensors")[f"{name}.weight"]
    assert torch.allclose(found[f"{name}.weight"], before + parts[0] + parts[1], atol=1e-5)


def test_shares_are_those_of_the_finished_model(small: Stand) -> None:
    """Merging a+l is merging the folder that a+l makes."""
    write_adapter(small.root / "l", factors(20, "model.layers.0.up", 7, 4))
    full = small.merge(only("a+l"))
    full.folder.rename(small.root / "full")
    lines = [row("a", weight=0.2), row("b", weight=0.3)]
    one = small.merge(recipe("linear", [*lines, row("a+l", weight=0.5)]))
    two = small.merge(recipe("linear", [*lines, row("full", weight=0.5)]))
    assert all(torch.allclose(v, two.tensors[k], atol=1e-6) for k, v in one.tensors.items())
    for name, other in (("a", "a"), ("b", "b"), ("a+l", "full")):
        assert one.effective(name) == pytest.approx(two.effective(other), abs=1e-6)


@pytest.mark.parametrize("method", ["dare_ties", "ties"])
def test_the_same_bytes_for_every_number_of_threads(method: str, stand: Stand) -> None:
    names = [f"model.layers.{n}.up.weight" for n in range(3)]
    for number, name in enumerate("ab"):
        stand.model(name, {key: normal(number, 300, 1111) for key in names})
    tensors: dict[str, torch.Tensor] = {}
    for number, name in enumerate(names):
        tensors |= factors(30 + number, name.removesuffix(".weight"), 300, 1111)
    write_adapter(stand.root / "l", tensors)
    lines = [row("a+l", weight=0.6, density=0.4), row("b", weight=0.4, density=0.4)]
    wanted = recipe(method, lines, base="a")
    results = [
        stand.merge(wanted, seed=7, options=Options(threads=n, shard_size=size)).tensors
        for n, size in ((1, 10**9), (2, 10**9), (4, 2 * 10**6))
    ]
    assert same(results[0], results[1])
    assert same(results[0], results[2])


def test_masks_tell_a_model_from_the_same_with_an_adapter(small: Stand) -> None:
    write_adapter(small.root / "l", factors(20, "model.layers.0.up", 7, 4))
    write_adapter(small.root / "m", factors(20, "model.layers.0.up", 7, 4), lora_alpha=5)
    plain, one, other = (small.source(name).identity for name in ("a", "a+l", "a+m"))
    assert len({plain, one, other}) == 3
    (small.root / "l" / "adapter_config.json").write_text(
        json.dumps({"r": 2, "lora_alpha": 4.0, "peft_type": "LORA", "inference_mode": True})
    )
    assert small.source("a+l").identity == one


# Tied heads


def tied(stand: Stand, name: str) -> torch.Tensor:
    table = normal(5, 6, 4)
    tensors = {"model.embed_tokens.weight": table, "model.layers.0.q.weight": normal(6, 4, 4)}
    stand.model(name, tensors, LLAMA | {"tie_word_embeddings": True})
    return table


def embedding() -> dict[str, torch.Tensor]:
    return {
        "model.embed_tokens.lora_embedding_A": normal(1, 2, 6),
        "model.embed_tokens.lora_embedding_B": normal(2, 4, 2),
    }


def test_a_tied_head_changes_with_the_embedding(stand: Stand) -> None:
    """Beside an untied model, the tied one lends its embedding with the adapter on it."""
    table = tied(stand, "tied")
    tensors = {"model.embed_tokens.weight": normal(7, 6, 4), "lm_head.weight": normal(8, 6, 4)}
    tensors["model.layers.0.q.weight"] = normal(9, 4, 4)
    stand.model("untied", tensors, LLAMA | {"tie_word_embeddings": False})
    write_adapter(stand.root / "l", embedding())
    parts = embedding()
    product = (
        2
        * (
            parts["model.embed_tokens.lora_embedding_B"]
            @ parts["model.embed_tokens.lora_embedding_A"]
        ).T
    )
    lines = [row("tied+l", weight=0.5), row("untied", weight=0.5)]
    found = stand.merge(recipe("linear", lines)).tensors
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        wanted = 0.5 * (table + product) + 0.5 * tensors[name]
        assert torch.allclose(found[name], wanted, atol=1e-6), name
    alone = stand.merge(only("tied+l"))
    assert "lm_head.weight" not in alone.tensors
    assert alone.config["tie_word_embeddings"] is True
    assert torch.allclose(alone.tensors["model.embed_tokens.weight"], table + product, atol=1e-6)
    assert "the head is tied to it" in stand.source("tied+l").adapter.notes[0]  # type: ignore[union-attr]


@pytest.mark.parametrize("whole", [False, True])
def test_an_adapter_on_a_tied_head_sets_it_apart(whole: bool, stand: Stand) -> None:
    table = tied(stand, "tied")
    head = factors(3, "lm_head", 6, 4)
    wanted = table + 2 * head["lm_head.lora_B.weight"] @ head["lm_head.lora_A.weight"]
    tensors = {"lm_head.weight": wanted} if whole else head
    write_adapter(stand.root / "l", {**tensors, **embedding()})
    result = stand.merge(only("tied+l"))
    assert torch.allclose(result.tensors["lm_head.weight"], wanted, atol=1e-6)
    assert not torch.allclose(result.tensors["model.embed_tokens.weight"], table)
    assert result.config["tie_word_embeddings"] is False
    half = stand.merge(recipe("linear", [row("tied+l", weight=0.5), row("tied", weight=0.5)]))
    assert torch.allclose(half.tensors["lm_head.weight"], (wanted + table) / 2, atol=1e-6)
    assert half.config["tie_word_embeddings"] is False


# Vocabularies


def test_an_embedding_with_an_adapter_is_reordered_like_any_other(stand: Stand) -> None:
    """Merging a+l over two vocabularies is merging the folder that a+l makes."""
    rows = {"a": ["u", "x", "y", "z"], "b": ["u", "z", "new", "x", "y"]}
    for number, (name, tokens) in enumerate(rows.items()):
        words = Tokenizer(models.WordLevel({token: at for at, token in enumerate(tokens)}, "u"))
        tensors = {
            "model.embed_tokens.weight": normal(number, len(tokens), 8),
            "lm_head.weight": normal(number + 5, len(tokens), 8),
        }
        config = LLAMA | {"vocab_size": len(tokens), "tie_word_embeddings": False}
        stand.model(name, tensors, config, {"tokenizer.json": words.to_str().encode()})
    parts = {
        "model.embed_tokens.lora_embedding_A": normal(1, 2, 4),
        "model.embed_tokens.lora_embedding_B": normal(2, 8, 2),
        **factors(3, "lm_head", 4, 8),
    }
    write_adapter(stand.root / "l", parts)
    stand.merge(only("a+l")).folder.rename(stand.root / "full")
    words_of = (stand.root / "a" / "tokenizer.json").read_bytes()
    (stand.root / "full" / "tokenizer.json").write_bytes(words_of)
    found, wanted = (
        stand.merge(
            recipe("linear", [row(one, weight=1), row("b", weight=1)], tokenizer_source="union")
        )
        for one in ("a+l", "full")
    )
    assert found.tensors["lm_head.weight"].shape == (5, 8)
    for name, value in wanted.tensors.items():
        assert torch.allclose(found.tensors[name], value, rtol=0, atol=1e-6), name
    assert found.effective("a+l") == pytest.approx(wanted.effective("full"), abs=1e-6)


# Names


@pytest.mark.parametrize(
    ("model", "adapter"),
    [
        ("language_model.model.layers.0.q", "model.language_model.layers.0.q"),
        ("language_model.model.layers.0.q", "model.layers.0.q"),
        ("model.layers.0.q", "model.language_model.layers.0.q"),
        ("layers.0.q", "model.layers.0.q"),
        ("language_model.lm_head", "lm_head"),
        ("visual.blocks.0.q", "model.visual.blocks.0.q"),
    ],
)
def test_names_under_another_prefix_are_found_and_told(
    model: str, adapter: str, stand: Stand
) -> None:
    # A tower with layers of the same names must not be mistaken for the language model.
    tower = "vision_tower.vision_model.encoder.layers.0.q.weight"
    stand.model("m", {f"{model}.weight": torch.zeros(4, 4), tower: torch.zeros(4, 4)})
    tensors = factors(1, adapter, 4, 4)
    write_adapter(stand.root / "l", tensors)
    found = stand.merge(only("m+l")).tensors
    product = 2 * tensors[f"{adapter}.lora_B.weight"] @ tensors[f"{adapter}.lora_A.weight"]
    assert torch.allclose(found[f"{model}.weight"], product, atol=1e-6)
    assert not found[tower].any()
    built = on("m+l", stand.root / "m", stand.root / "l").adapter
    assert built is not None
    (note,) = built.notes
    assert "1 tensor of the adapter stands for" in note


def test_a_prefix_is_not_needed(small: Stand) -> None:
    write_adapter(small.root / "l", factors(1, "model.layers.0.q", 4, 4))
    write_adapter(small.root / "bare", factors(1, "model.layers.0.q", 4, 4), prefix="")
    assert same(small.merge(only("a+l")).tensors, small.merge(only("a+bare")).tensors)


def test_layers_keep_their_adapters_when_they_are_stacked(stand: Stand) -> None:
    tensors = {f"model.layers.{n}.q.weight": torch.zeros(4, 4) for n in range(2)}
    stand.model("m", tensors, LLAMA | {"num_hidden_layers": 2})
    parts = {**factors(1, "model.layers.0.q", 4, 4), **factors(5, "model.layers.1.q", 4, 4)}
    write_adapter(stand.root / "l", parts)
    pieces = [{"sources": [{"model": "m+l", "layer_range": [n, n + 1]}]} for n in (1, 0, 1)]
    found = stand.merge({"merge_method": "passthrough", "slices": pieces}).tensors
    for place, layer in enumerate((1, 0, 1)):
        name = f"model.layers.{layer}.q"
        product = 2 * parts[f"{name}.lora_B.weight"] @ parts[f"{name}.lora_A.weight"]
        assert torch.allclose(found[f"model.layers.{place}.q.weight"], product, atol=1e-6)


def test_a_whole_tensor_of_the_adapter_is_given_out_as_it_lies(tmp_path: Path) -> None:
    info = TensorInfo("w", "BF16", (2, 2), tmp_path)
    values = adapted(Change(info), lambda _info: normal(1, 2, 2).to(torch.bfloat16))
    assert isinstance(values, Flat)
    assert values.numbers.dtype == torch.bfloat16
