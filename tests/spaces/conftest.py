"""Models for the tests of search spaces."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from evoreg.evolve.planning.plan import SourceModel
from tests.spaces.spacing import POCKETS, read_models

_SMALL = {"vocab_size": 32, "hidden_size": 8, "intermediate_size": 16, "num_attention_heads": 2}
_WHISPER = {
    "vocab_size": 32, "d_model": 8, "encoder_layers": 3, "decoder_layers": 2,
    "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 16,
    "decoder_ffn_dim": 16, "num_mel_bins": 4, "max_source_positions": 8,
    "max_target_positions": 8, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
    "decoder_start_token_id": 1, "suppress_tokens": None, "begin_suppress_tokens": None,
}  # fmt: skip
FAMILIES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "mistral": (
        "MistralConfig", "MistralForCausalLM",
        {**_SMALL, "num_hidden_layers": 4, "num_key_value_heads": 1},
    ),
    "qwen2-tied": (
        "Qwen2Config", "Qwen2ForCausalLM",
        {**_SMALL, "num_hidden_layers": 3, "num_key_value_heads": 1, "tie_word_embeddings": True},
    ),
    "gpt2": (
        "GPT2Config", "GPT2LMHeadModel",
        {"vocab_size": 32, "n_embd": 8, "n_layer": 3, "n_head": 2, "n_positions": 16},
    ),
    "gpt-neox": ("GPTNeoXConfig", "GPTNeoXForCausalLM", {**_SMALL, "num_hidden_layers": 3}),
    "whisper": ("WhisperConfig", "WhisperForConditionalGeneration", _WHISPER),
}  # fmt: skip


@pytest.fixture(scope="session")
def pockets() -> dict[str, SourceModel]:
    """The pocket models."""
    return read_models(POCKETS, "pocket-base", "pocket-math", "pocket-ja")


@pytest.fixture(scope="session")
def family(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], dict[str, SourceModel]]:
    """Makes three models of one family: base, a and b."""
    import transformers

    made: dict[str, dict[str, SourceModel]] = {}

    def make(name: str) -> dict[str, SourceModel]:
        if name not in made:
            root: Path = tmp_path_factory.mktemp(name)
            config, architecture, settings = FAMILIES[name]
            for seed, reference in enumerate(("base", "a", "b")):
                torch.manual_seed(seed)
                kind = getattr(transformers, architecture)
                kind(getattr(transformers, config)(**settings)).save_pretrained(root / reference)
            made[name] = read_models(root, "base", "a", "b")
        return made[name]

    return make
