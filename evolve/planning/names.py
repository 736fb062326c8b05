"""What raw tensor names tell: embeddings, head, component. No other architecture knowledge."""

import re

from evoreg.evolve.checkpoints.tensors import Checkpoint, TensorInfo, layer_of
from evoreg.evolve.planning.parts import MULTIMODAL, TEXT, part_of
from evoreg.provenance.records.canonical import Json

_EMBEDDING = re.compile(
    r"(^|\.)(embed_tokens|wte|embed_in|word_embeddings|tok_embeddings|embed_positions|wpe|"
    r"position_embeddings|token_type_embeddings|embeddings|embed|shared)(\.|$)"
)
_TOKENS = re.compile(
    r"(^|\.)(embed_tokens|wte|embed_in|word_embeddings|tok_embeddings|shared)\.(weight|bias)$"
)
_HEAD = re.compile(r"(^|\.)(lm_head|embed_out|output)\.(weight|bias)$")
_BEFORE = re.compile(
    r"(^|\.)(patch_embed|patch_embedding|patch_embeddings|patch_conv|class_embedding|cls_token|"
    r"pos_embed|position_embedding|positional_embedding|positional_embedding_vlm|pre_layrnorm|"
    r"pre_layernorm|layernorm_pre|ln_pre|conv1|conv2)(\.|$)"
)
_AFTER = re.compile(
    r"(^|\.)(lm_head|embed_out|output|norm|norm_f|ln_f|final_\w+|score|classifier|layer_norm|"
    r"post_layernorm|layernorm_post|ln_post|merger|vision_adapter|proj_out)\."
)
_SHARED = re.compile(r"(^|\.)shared\.")
_INNER = ("text_config", "llm_config", "language_config", "thinker_config")
_COMPONENTS = (
    ("attention", re.compile(r"attn|[Aa]ttention")),
    ("mlp", re.compile(r"mlp|feed_forward|ffn|experts|block_sparse_moe|DenseReluDense|\.fc[12]\.")),
    ("norm", re.compile(r"norm|(^|\.)ln_")),
)


def is_token_embedding(name: str) -> bool:
    """Tell whether a tensor holds one row for each token, at the input."""
    return _TOKENS.search(name) is not None and _of_language(name)


def is_head(name: str) -> bool:
    """Tell whether a tensor holds one row for each token, at the output."""
    return _HEAD.search(name) is not None and _of_language(name)


def _of_language(name: str) -> bool:
    return layer_of(name) is None and part_of(name, MULTIMODAL)[0] in (None, TEXT)


def comes_before_layers(name: str) -> bool | None:
    """Tell whether a tensor outside the layers acts before them.

    Args:
        name: Raw name without a layer index.

    Returns:
        True for embeddings, false for final norms and heads, nothing if the name is not known.
    """
    if _EMBEDDING.search(name) or _BEFORE.search(name):
        return True
    return False if _AFTER.search(name) else None


def group_of(name: str, part: str = "") -> str:
    """Return the group that a tensor's shares are counted under.

    Args:
        name: Name of a tensor of the result.
        part: Its part of the model; empty for the language model (see `parts.labels`).

    Returns:
        Such as ``layer 3 attention``, ``embeddings``, ``head``, ``other`` or
        ``vision_tower layer 3 mlp``.
    """
    group = _group_inside(name)
    return f"{part} {group}" if part else group


def _group_inside(name: str) -> str:
    if is_head(name):
        return "head"
    kind = next((label for label, pattern in _COMPONENTS if pattern.search(name)), "other")
    layer = layer_of(name)
    if layer is not None:
        return f"layer {layer} {kind}"
    return "embeddings" if _EMBEDDING.search(name) or _BEFORE.search(name) else kind


def tied_stand_in(checkpoint: Checkpoint, name: str) -> TensorInfo | None:
    """Return the embedding that serves as head in a model with tied weights.

    Args:
        checkpoint: A model that has no tensor `name`.
        name: Raw name of a head.

    Returns:
        Its token embedding, or nothing if `name` is no head or the model is not tied.
    """
    if not is_head(name) or tie_flag(checkpoint.config) is False or not name.endswith(".weight"):
        return None
    found = {key: info for key, info in checkpoint.tensors.items() if is_token_embedding(key)}
    if len(found) > 1:  # an encoder and a decoder that also write what they share
        found = {key: info for key, info in found.items() if _SHARED.search(key)}
    return next(iter(found.values())) if len(found) == 1 else None


def tie_flag(config: object) -> bool | None:
    """Return what a configuration says about tied embeddings, looking into text sub-configurations.

    Args:
        config: config.json.

    Returns:
        True if any section says so (the outer section of some models only holds a default), else
        what they say; nothing if all are silent.
    """
    flags = [part.get("tie_word_embeddings") for part in sections(config)]
    told = [flag for flag in flags if isinstance(flag, bool)]
    return any(told) if told else None


def sections(config: object) -> list[dict[str, Json]]:
    """Return the configuration and its language-model sections, outer ones first."""
    if not isinstance(config, dict):
        return []
    inner = (sections(config[key]) for key in _INNER if key in config)
    return [config, *(part for parts in inner for part in parts)]
