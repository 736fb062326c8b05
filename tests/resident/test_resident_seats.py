"""Every tensor of a result finds its place in a model, whatever its architecture calls it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.resident.parameters import ParameterHost
from evoreg.provenance.records.errors import Code, MergeError
from evoreg.registry.demo import models_folder
from tests.evolve.merging import source
from tests.resident.candidates import MODELS, compare, holds, read, written

Opener = Callable[..., ParameterHost]
_SMALL = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "vocab_size": 64, "max_position_embeddings": 32,
}  # fmt: skip
CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", _SMALL),
    "llama-tied": ("LlamaConfig", {**_SMALL, "tie_word_embeddings": True}),
    "qwen2-tied": ("Qwen2Config", {**_SMALL, "tie_word_embeddings": True}),
    "llama-wide": ("LlamaConfig", {**_SMALL, "hidden_size": 96, "vocab_size": 22_001}),
    "gpt2": ("GPT2Config", {"n_embd": 32, "n_layer": 2, "n_head": 2, "vocab_size": 64}),
    "gemma2": ("Gemma2Config", {**_SMALL, "head_dim": 16}),
    "mixtral": ("MixtralConfig", {**_SMALL, "num_local_experts": 3, "num_experts_per_tok": 2}),
    "qwen3-moe": (
        "Qwen3MoeConfig",
        {**_SMALL, "num_experts": 3, "num_experts_per_tok": 2, "moe_intermediate_size": 24},
    ),
}


def make(folder: Path, kind: str, seed: int) -> SourceModel:
    """Write a model of random numbers."""
    name, settings = CONFIGS[kind]
    torch.manual_seed(seed)
    config = getattr(transformers, name)(**settings)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0.0, 0.2)
    model.save_pretrained(folder)
    return source(folder.name, folder)


@pytest.fixture
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, SourceModel]:
    return {name: make(tmp_path / name, request.param, n) for n, name in enumerate(("x", "y"))}


def blend(x: float, y: float, **more: Any) -> dict[str, Any]:
    lines = [
        {"model": name, "parameters": {"weight": w}} for name, w in zip("xy", (x, y), strict=True)
    ]
    return {"merge_method": "linear", "models": lines, **more}


@pytest.mark.parametrize("pair", [name for name in CONFIGS if "wide" not in name], indirect=True)
def test_the_model_is_that_of_the_merged_folder(
    pair: dict[str, SourceModel], opened: Opener, tmp_path: Path
) -> None:
    host = opened(pair)
    tokens = torch.arange(12)[None]
    for number, weights in enumerate([(0.5, 0.5), (0.25, 0.75)]):
        made = read(blend(*weights))
        applied = host.apply(made)
        assert applied.recomputed == applied.tensors
        written(made, pair, tmp_path / str(number), seed=7)
        assert holds(host, tmp_path / str(number))
        loaded = AutoModelForCausalLM.from_pretrained(tmp_path / str(number), dtype=torch.float32)
        with torch.inference_mode():
            assert torch.equal(host.model(tokens).logits, loaded(tokens).logits)


@pytest.mark.parametrize("pair", ["llama-wide"], indirect=True)
def test_tensors_of_many_blocks_have_the_bits_of_a_merge(
    pair: dict[str, SourceModel], opened: Opener, tmp_path: Path
) -> None:
    host = opened({**pair, "base": make(tmp_path / "base", "llama-wide", 9)}, threads=2)
    models = {**pair, "base": source("base", tmp_path / "base")}
    for number, method in enumerate(("task_arithmetic", "ties", "dare_ties", "della", "ties")):
        lines = [
            {"model": name, "parameters": {"weight": 0.4 + number / 10, "density": 0.5}}
            for name in "xy"
        ]
        made = {"merge_method": method, "base_model": "base", "models": lines}
        if method == "task_arithmetic":
            made["models"] = [{"model": n, "parameters": {"weight": 0.4}} for n in "xy"]
        host.apply(read(made))
        written(read(made), models, tmp_path / f"out-{number}", seed=7)
        assert holds(host, tmp_path / f"out-{number}"), method


@pytest.mark.parametrize("pair", ["mixtral"], indirect=True)
def test_after_a_failure_joined_tensors_reach_the_model_too(
    pair: dict[str, SourceModel], opened: Opener
) -> None:
    host, fresh = opened(pair), opened(pair)
    tokens = torch.arange(12)[None]
    good, other = read(blend(0.5, 0.5)), read(blend(0.25, 0.75))
    host.apply(good)
    # The experts come first; what lies outside the layers fails.
    steep = [{"filter": "norm", "value": 1e39}, {"value": 0.25}]
    lines = [
        {"model": "x", "parameters": {"weight": steep}},
        {"model": "y", "parameters": {"weight": 0.75}},
    ]
    with pytest.raises(MergeError):
        host.apply(read({**blend(0, 0), "models": lines, "parameters": {"normalize": False}}))
    host.apply(other)
    fresh.apply(other)
    with torch.inference_mode():
        assert torch.equal(host.model(tokens).logits, fresh.model(tokens).logits)


@pytest.mark.parametrize("pair", ["llama-tied"], indirect=True)
def test_a_tied_head_is_the_embedding(pair: dict[str, SourceModel], opened: Opener) -> None:
    host = opened(pair)
    applied = host.apply(read(blend(0.5, 0.5)))
    model = host.model
    assert model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()
    assert "lm_head.weight" not in dict(host.tensors())
    assert applied.tensors == len(dict(host.tensors()))


@pytest.mark.parametrize("pair", ["llama"], indirect=True)
def test_a_tensor_without_a_place_and_a_parameter_without_numbers_are_told(
    pair: dict[str, SourceModel], opened: Opener, tmp_path: Path
) -> None:
    for name in pair:
        file = tmp_path / name / "model.safetensors"
        tensors = load_file(file)
        tensors["model.extra.weight"] = tensors.pop("model.norm.weight")
        save_file(tensors, file, metadata={"format": "pt"})
    odd = {name: source(name, tmp_path / name) for name in pair}
    host = opened(odd)
    with pytest.raises(MergeError) as caught:
        host.apply(read(blend(0.5, 0.5)))
    assert caught.value.code == Code.MERGE_ARCHITECTURE
    told = [problem.what for problem in caught.value.problems]
    assert told == [
        "the model has no parameter for model.extra.weight",
        "no tensor of the result fills the parameter model.norm.weight",
    ]


@pytest.mark.parametrize("pair", ["llama"], indirect=True)
def test_what_no_model_reads_is_written_all_the_same(
    pair: dict[str, SourceModel], opened: Opener, tmp_path: Path
) -> None:
    for name in pair:
        file = tmp_path / name / "model.safetensors"
        tensors = load_file(file)
        tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.rand(8)
        save_file(tensors, file, metadata={"format": "pt"})
    odd = {name: source(name, tmp_path / name) for name in pair}
    host = opened(odd)
    host.apply(read(blend(0.5, 0.5)))
    written(read(blend(0.5, 0.5)), odd, tmp_path / "out", seed=7)
    assert holds(host, tmp_path / "out")


@pytest.mark.parametrize("pair", ["llama"], indirect=True)
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model_type": "unheard-of"}, "unheard-of"),
        ({"model_type": "unheard-of", "auto_map": {"AutoConfig": "x.Y"}}, "is never run"),
        ({"num_attention_heads": "many"}, "llama"),
        ({"num_hidden_layers": 1}, "the model has no parameter for model.layers.1."),
        ({"vocab_size": 63}, "its parameter"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(
    change: dict[str, Any],
    told: str,
    pair: dict[str, SourceModel],
    opened: Opener,
    tmp_path: Path,
) -> None:
    for name in pair:
        file = tmp_path / name / "config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    odd = {name: source(name, tmp_path / name) for name in pair}
    if "vocab_size" in change:
        # A merge corrects the number of rows, so the folder is right and nothing is refused.
        opened(odd).apply(read(blend(0.5, 0.5)))
        return
    with pytest.raises(MergeError, match=told):
        opened(odd).apply(read(blend(0.5, 0.5)))


@pytest.mark.parametrize("pair", ["llama"], indirect=True)
def test_a_model_of_another_configuration_uses_the_same_parameters(
    pair: dict[str, SourceModel], opened: Opener, tmp_path: Path
) -> None:
    file = tmp_path / "y" / "config.json"
    config = json.loads(file.read_text())
    config["rope_parameters"] = {"rope_type": "default", "rope_theta": 50.0}
    file.write_text(json.dumps(config))
    odd = {name: source(name, tmp_path / name) for name in pair}
    host = opened(odd)
    tokens = torch.arange(12)[None]
    models = set()
    for name in ("x", "y", "x"):
        host.apply(read({"merge_method": "passthrough", "models": [{"model": name}]}))
        loaded = AutoModelForCausalLM.from_pretrained(tmp_path / name, dtype=torch.float32)
        with torch.inference_mode():
            assert torch.equal(host.model(tokens).logits, loaded(tokens).logits)
        models.add((id(host.model), host.model.model.norm.weight.data_ptr()))
    assert len(models) == 2
    assert len({place for _, place in models}) == 1


def test_a_union_of_vocabularies_is_the_hosts(opened: Opener, tmp_path: Path) -> None:
    models = {}
    for name in MODELS[:2]:
        folder = tmp_path / name
        folder.mkdir()
        for file in (models_folder() / name).iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        models[name] = folder
    path = models["pocket-ja"] / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    vocabulary = tokenizer["model"]["vocab"]
    last = max(vocabulary, key=lambda token: vocabulary[token])
    vocabulary["zweiundvierzig"] = vocabulary.pop(last)
    path.write_text(json.dumps(tokenizer))
    found = {name: source(name, folder) for name, folder in models.items()}
    lines = [{"model": name, "parameters": {"weight": 0.5}} for name in found]
    made = read({"merge_method": "linear", "models": lines, "tokenizer_source": "union"})
    host = opened(found)
    applied = host.apply(made)
    merged = written(made, found, tmp_path / "out", seed=7)
    assert holds(host, tmp_path / "out")
    assert applied.tensors == 39
    compare(applied.contributions, merged.contributions)
    assert host.model.config.vocab_size == 97
    assert host.tokenizer.convert_tokens_to_ids("zweiundvierzig") == 96
    assert host.apply(made).recomputed == 0
    with pytest.raises(MergeError, match="other tensors than the first one") as caught:
        host.apply(read({"merge_method": "linear", "models": lines}))
    assert caught.value.code == Code.MERGE_SHAPE
    host.apply(made)
    assert holds(host, tmp_path / "out")
