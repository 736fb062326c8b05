"""What raw tensor names tell: embeddings, head, component. No other architecture knowledge."""

import re

from evoreg.evolve.checkpoints.tensors import Checkpoint, TensorInfo
from evoreg.provenance.records.canonical import Json

_EMBEDDING = re.compile(
    r"(^|\.)(embed_tokens|wte|embed_in|word_embeddings|tok_embeddings|embed_positions|wpe|"
    r"position_embeddings|token_type_embeddings|embeddings|embed|shared)(\.|$)"
)
_TOKENS = re.compile(
    r"(^|\.)(embed_tokens|wte|embed_in|word_embeddings|tok_embeddings|shared)\.(weight|bias)$"
)
_HEAD = re.compile(r"(^|\.)(lm_head|embed_out|output)\.(weight|bias)$")
_AFTER = re.compile(
    r"(^|\.)(lm_head|embed_out|output|norm|norm_f|ln_f|final_\w+|score|classifier)\."
)
_LAYERED = re.compile(r"\.\d+\.")
_COMPONENTS = (
    ("attention", re.compile(r"attn|attention")),
    ("mlp", re.compile(r"mlp|feed_forward|ffn|experts|block_sparse_moe")),
    ("norm", re.compile(r"norm|(^|\.)ln_")),
)


def is_token_embedding(name: str) -> bool:
    """Tell whether a tensor holds one row for each token, at the input."""
    return _TOKENS.search(name) is not None and _LAYERED.search(name) is None


def is_head(name: str) -> bool:
    """Tell whether a tensor holds one row for each token, at the output."""
    return _HEAD.search(name) is not None and _LAYERED.search(name) is None


def comes_before_layers(name: str) -> bool | None:
    """Tell whether a tensor outside the layers acts before them.

    Args:
        name: Raw name without a layer index.

    Returns:
        True for embeddings, false for final norms and heads, nothing if the name is not known.
    """
    if _AFTER.search(name):
        return False
    return True if _EMBEDDING.search(name) else None


def group_of(tensor: TensorInfo) -> str:
    """Return the group that a tensor's shares are counted under.

    Args:
        tensor: A tensor of the result.

    Returns:
        Such as ``layer 3 attention``, ``embeddings``, ``head`` or ``other``.
    """
    name = tensor.name
    if is_head(name):
        return "head"
    kind = next((label for label, pattern in _COMPONENTS if pattern.search(name)), "other")
    if tensor.layer is not None:
        return f"layer {tensor.layer} {kind}"
    return "embeddings" if _EMBEDDING.search(name) else kind


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
    found = [info for key, info in checkpoint.tensors.items() if is_token_embedding(key)]
    return found[0] if len(found) == 1 else None


def tie_flag(config: object) -> bool | None:
    """Return what a configuration says about tied embeddings, looking into text sub-configurations.

    Args:
        config: config.json.

    Returns:
        The flag, or nothing if it is silent.
    """
    for part in sections(config):
        flag = part.get("tie_word_embeddings")
        if isinstance(flag, bool):
            return flag
    return None


def sections(config: object) -> list[dict[str, Json]]:
    """Return the configuration and its language-model sections, outermost first."""
    if not isinstance(config, dict):
        return []
    inner = [config.get(key) for key in ("text_config", "llm_config", "language_config")]
    return [config, *(part for part in inner if isinstance(part, dict))]
