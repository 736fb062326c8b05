"""Makes the checkpoints that are merged: three models with the shapes of a small Llama, bfloat16.

At full size they have the 201 tensors and 1,100,048,384 parameters of TinyLlama: 22 layers, hidden
2048, intermediate 5632, 32 heads that share 4 key and value heads, vocabulary 32000, untied head.
A smaller model keeps the number of layers and all proportions. The base is drawn from a normal
distribution, and so are the changes of the two children: a tenth of the size of the weights, so
that bfloat16 makes few of them zero or equal.
"""

import json
import math
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from evoreg.registry.demo import models_folder

__all__ = ["NAMES", "make_models", "parameter_count", "shapes", "weights_of", "width_for"]

NAMES = ("base", "a", "b")
"""The models; `a` and `b` are children of `base`."""

_LAYERS, _HEADS, _SHARED_HEADS = 22, 32, 4
_FULL_WIDTH, _FULL_VOCABULARY = 2048, 32000
_STEP = 64  # each head has an even width
_SPREAD = {"weight": 0.02, "change": 0.002}
_NORM_SPREAD = {"weight": 0.05, "change": 0.005}
_SEED = 20
_CARD = """---
license: apache-2.0
author: evoreg contributors
library_name: transformers
tags:
- synthetic
---

# benchmark-{name}

Random numbers in the shape of a language model, to measure how fast merging is.
Made by evoreg's benchmark; licence: apache-2.0.
"""


def width_for(millions: int) -> int:
    """Return the hidden size, a multiple of 64, of a model with about so many million parameters.

    Args:
        millions: 1100 is the full size, and the largest.
    """
    share = min(millions / (parameter_count(_FULL_WIDTH) / 10**6), 1.0)
    return max(round(math.sqrt(share) * _FULL_WIDTH / _STEP), 1) * _STEP


def shapes(width: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor, ordered by name."""
    vocabulary = width * _FULL_VOCABULARY // _FULL_WIDTH
    inner, narrow = width * 11 // 4, width * _SHARED_HEADS // _HEADS
    layer: dict[str, tuple[int, ...]] = {
        "input_layernorm": (width,),
        "mlp.down_proj": (width, inner),
        "mlp.gate_proj": (inner, width),
        "mlp.up_proj": (inner, width),
        "post_attention_layernorm": (width,),
        "self_attn.k_proj": (narrow, width),
        "self_attn.o_proj": (width, width),
        "self_attn.q_proj": (width, width),
        "self_attn.v_proj": (narrow, width),
    }
    found: dict[str, tuple[int, ...]] = {
        f"model.layers.{at}.{name}.weight": shape
        for at in range(_LAYERS)
        for name, shape in layer.items()
    }
    found["model.embed_tokens.weight"] = found["lm_head.weight"] = (vocabulary, width)
    found["model.norm.weight"] = (width,)
    return {name: found[name] for name in sorted(found)}


def parameter_count(width: int) -> int:
    """Return the number of parameters of a model."""
    return sum(math.prod(shape) for shape in shapes(width).values())


def weights_of(folder: Path, name: str) -> Path:
    """Return the weight file of a model."""
    return folder / name / "model.safetensors"


def make_models(folder: Path, width: int) -> None:
    """Make the models, each in a folder of its own; nothing is done if they are there.

    Args:
        folder: Where; made whole or not at all.
        width: The hidden size.
    """
    if folder.exists():
        return
    draft = folder.with_name(f"{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    for name in NAMES:
        _write_papers(draft / name, name, width)
    with ExitStack() as stack:
        files = [stack.enter_context(weights_of(draft, name).open("wb")) for name in NAMES]
        for file in files:
            file.write(_header(width))
        for tensors in _drawn(width):
            for file, tensor in zip(files, tensors, strict=True):
                _append(file, tensor)
    draft.rename(folder)


def _write_papers(folder: Path, name: str, width: int) -> None:
    folder.mkdir(parents=True)
    demo = models_folder() / "pocket-base"
    for file in ("tokenizer.json", "tokenizer_config.json", "generation_config.json", "LICENSE"):
        shutil.copy(demo / file, folder / file)
    config = json.loads((demo / "config.json").read_text("utf-8")) | {
        "head_dim": width // _HEADS,
        "hidden_size": width,
        "intermediate_size": width * 11 // 4,
        "num_attention_heads": _HEADS,
        "num_hidden_layers": _LAYERS,
        "num_key_value_heads": _SHARED_HEADS,
        "vocab_size": shapes(width)["lm_head.weight"][0],
    }
    folder.joinpath("config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    folder.joinpath("README.md").write_text(_CARD.format(name=name), "utf-8")


def _header(width: int) -> bytes:
    """Return the head of a safetensors file: its length in eight bytes, then JSON."""
    facts: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes(width).items():
        start, end = end, end + 2 * math.prod(shape)
        facts[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(facts).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _drawn(width: int) -> Iterator[tuple[Tensor, ...]]:
    """Yield each tensor of all models; the same numbers each time."""
    source = torch.Generator().manual_seed(_SEED)
    for shape in shapes(width).values():
        is_norm = len(shape) == 1
        spread = _NORM_SPREAD if is_norm else _SPREAD
        draw = torch.empty(shape).normal_(float(is_norm), spread["weight"], generator=source)
        base = draw.bfloat16()
        yield (
            base,
            *(
                draw.normal_(0.0, spread["change"], generator=source).add_(base).bfloat16()
                for _ in NAMES[1:]
            ),
        )


def _append(file: BinaryIO, tensor: Tensor) -> None:
    tensor.view(torch.uint8).numpy().tofile(file)
