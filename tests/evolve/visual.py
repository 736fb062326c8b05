"""Tiny vision-language models in the layouts that are found in the wild, and their language model.

`LAYOUTS` says under which names each part lies. Numbers depend on seed and tensor alone, so a
plain model and the language model of a vision model made from the same seed are equal.
"""

from typing import Any

import torch

from tests.evolve.merging import Bench, normal

LAYERS, EYES = 3, 2
TEXT = {
    "model.embed_tokens.weight": (6, 4),
    **{f"model.layers.{n}.self_attn.q_proj.weight": (4, 4) for n in range(LAYERS)},
    **{f"model.layers.{n}.mlp.up_proj.weight": (8, 4) for n in range(LAYERS)},
    "model.norm.weight": (4,),
    "lm_head.weight": (6, 4),
}
LLAVA_EYES = {
    "vision_tower.vision_model.embeddings.patch_embedding.weight": (4, 3, 2, 2),
    **{f"vision_tower.vision_model.encoder.layers.{n}.mlp.fc1.weight": (8, 4) for n in range(EYES)},
    "vision_tower.vision_model.post_layernorm.weight": (4,),
    "multi_modal_projector.linear_1.weight": (4, 4),
}
QWEN_EYES = {
    "visual.patch_embed.proj.weight": (4, 3, 2, 2),
    **{f"visual.blocks.{n}.attn.qkv.weight": (12, 4) for n in range(EYES)},
    "visual.merger.ln_q.weight": (4,),
    "visual.merger.mlp.0.weight": (4, 4),
    "visual.merger.mlp.2.weight": (4, 4),
}

HEAD = "lm_head.weight"


def llava(name: str) -> str:
    """Everything under one prefix, the head too."""
    return f"language_model.{name}"


def later(name: str) -> str:
    """The language model inside the model, the head outside."""
    return name if name == HEAD else name.replace("model.", "model.language_model.", 1)


def qwen(name: str) -> str:
    """The names of a plain language model."""
    return name


LAYOUTS = {
    "llava": (llava, LLAVA_EYES),
    "later": (later, {f"model.{name}": shape for name, shape in LLAVA_EYES.items()}),
    "qwen": (qwen, QWEN_EYES),
    "first llava": (
        qwen,
        {
            "model.vision_tower.vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight": (8, 4),
            "model.mm_projector.0.weight": (4, 4),
            "model.mm_projector.2.weight": (4, 4),
            "model.image_newline": (4,),
        },
    ),
}
CONFIG: dict[str, Any] = {
    "model_type": "eyes",
    "text_config": {"num_hidden_layers": LAYERS, "vocab_size": 6, "torch_dtype": "float32"},
    "vision_config": {"num_hidden_layers": EYES, "torch_dtype": "float32"},
}
PLAIN: dict[str, Any] = {"model_type": "plain", "num_hidden_layers": LAYERS, "vocab_size": 6}


def text(seed: int, *, tied: bool = False) -> dict[str, torch.Tensor]:
    """Return the tensors of a plain language model."""
    names = [name for name in TEXT if not (tied and name == HEAD)]
    return {name: normal(seed + place, *TEXT[name]) for place, name in enumerate(names)}


def eyes(layout: str, seed: int) -> dict[str, torch.Tensor]:
    """Return what a vision model has besides its language model."""
    shapes = LAYOUTS[layout][1]
    return {name: normal(500 + seed + n, *shape) for n, (name, shape) in enumerate(shapes.items())}


def moved(layout: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return tensors of a plain model under the names of a layout."""
    return {LAYOUTS[layout][0](name): tensor for name, tensor in tensors.items()}


def plain(bench: Bench, name: str, seed: int, *, tied: bool = False) -> str:
    """Write a plain language model."""
    config = {**PLAIN, "tie_word_embeddings": tied}
    return bench.model(name, text(seed, tied=tied), config, {"generation_config.json": b"{}"})


def seeing(bench: Bench, name: str, layout: str, seed: int, *, tied: bool = False) -> str:
    """Write a vision-language model."""
    tensors = {**moved(layout, text(seed, tied=tied)), **eyes(layout, seed)}
    inner = {**CONFIG["text_config"], "tie_word_embeddings": tied}
    files = {"preprocessor_config.json": b"{}", "generation_config.json": b'{"eyes": 1}'}
    return bench.model(name, tensors, {**CONFIG, "text_config": inner}, files)
