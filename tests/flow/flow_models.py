"""Tiny models of every family, with random weights that are large enough to matter."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from evoreg.evolve.planning.plan import SourceModel
from tests.evolve.merging import source

DEMO = Path(__file__).parents[2] / "registry" / "demo" / "models"

_SIZES = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "vocab_size": 64, "max_position_embeddings": 64,
    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip
_RMS = {**_SIZES, "rms_norm_eps": 1e-9}
_LN = {**_SIZES, "layer_norm_eps": 1e-9}

_EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 16}

CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "cohere": _LN,
    "gemma": _RMS,
    "gpt2": {
        "n_embd": 32, "n_layer": 3, "n_head": 4, "vocab_size": 64, "n_positions": 64,
        "layer_norm_epsilon": 1e-9, "bos_token_id": 1, "eos_token_id": 2,
    },
    "gpt_neox": {**_LN, "use_parallel_residual": False},
    "granite": {**_RMS, "residual_multiplier": 0.7, "embedding_multiplier": 2.0},
    "llama": {**_RMS, "attention_bias": True, "mlp_bias": True},
    "mistral": _RMS,
    "mixtral": {**_RMS, **_EXPERTS, "num_local_experts": 4},
    "olmo": _SIZES,
    "phi": _LN,
    "phi3": _RMS,
    "qwen2": {**_RMS, "use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1},
    "qwen3": _RMS,
    "qwen3_moe": {**_RMS, **_EXPERTS, "num_experts": 4, "mlp_only_layers": []},
    "stablelm": {**_LN, "use_parallel_residual": True},
    "starcoder2": {**_SIZES, "norm_epsilon": 1e-9, "use_bias": True},
}  # fmt: skip
"""One configuration for each family whose scaled paths are plain."""

OTHERS: Mapping[str, Mapping[str, Any]] = {
    "gemma2": {**_RMS, "sliding_window": 4, "query_pre_attn_scalar": 8},
    "olmo2": _RMS,
}
"""Networks with norms behind attention and MLP."""


def write_model(kind: str, folder: Path, seed: int, **changes: Any) -> SourceModel:
    """Write a model and return it as the engine takes it; its reference is the folder's name."""
    settings = {**CONFIGS, **OTHERS}[kind]
    config = AutoConfig.for_model(kind, **{**settings, **changes})
    model = AutoModelForCausalLM.from_config(config)
    fill(model, seed)
    model.save_pretrained(folder)
    return source(folder.name, folder)


def fill(model: Any, seed: int) -> None:
    """Give a model weights that say something, biases and norms included."""
    generator = torch.Generator().manual_seed(seed)
    table = model.get_input_embeddings().weight
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter is table:
            parameter.data = 3.0 * noise
        elif parameter.dim() > 1:
            parameter.data = 0.3 * noise
        else:
            parameter.data = parameter.data + 0.2 * noise


def demo_sources() -> dict[str, SourceModel]:
    """Return the trained models that evoreg ships."""
    names = ("pocket-base", "pocket-math", "pocket-ja")
    return {name: source(name, DEMO / name) for name in names}


def tokens(seed: int = 0, rows: int = 2, columns: int = 9, words: int = 60) -> torch.Tensor:
    """Return random token ids, none of them special."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(3, words, (rows, columns), generator=generator)


def logits(model: Any, ids: torch.Tensor) -> torch.Tensor:
    """Return what a model says, shape (rows, columns, words)."""
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=ids).logits.float()
    return found


def apart(left: torch.Tensor, right: torch.Tensor) -> float:
    """Return the largest difference, relative to the largest number."""
    return float((left - right).abs().max() / right.abs().max())
