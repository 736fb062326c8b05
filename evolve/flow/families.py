"""Which networks can carry scaled inputs in their weights, told by ``model_type``.

In a network whose every branch begins with a norm, x + f(norm(x)), and that ends with a norm,
multiplying the input of a layer by s is the same as dividing everything that this and all later
layers add by s: norms forget the length of a vector. What a layer adds comes out of one linear map
behind attention and one behind the MLP, so the division is a factor on their weights and biases.

A row is here only if a test has compared both ways for a network of its kind. Whatever is not here,
above all networks with norms behind attention and MLP (gemma2, gemma3, olmo2, glm4), is run with
the factor on the input itself; see `evoreg.evolve.flow.runtime`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from evoreg.provenance.records.canonical import Json


@dataclass(frozen=True, slots=True)
class Family:
    """Where the layers of a kind of network add to the hidden state."""

    modules: tuple[str, ...]
    """Modules inside a layer, as transformers calls them, whose outputs are added."""
    filters: tuple[str, ...]
    """Parts of names in files that only the weights and biases of these outputs have."""


_LLAMA = Family(("self_attn.o_proj", "mlp.down_proj"), ("o_proj", "down_proj"))
_NEOX = Family(("attention.dense", "mlp.dense_4h_to_h"), ("attention.dense.", "mlp.dense_4h_to_h."))

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "cohere": _LLAMA,
        "gemma": _LLAMA,
        "gpt2": Family(("attn.c_proj", "mlp.c_proj"), ("c_proj",)),
        "gpt_neox": _NEOX,
        "granite": _LLAMA,
        "llama": _LLAMA,
        "mistral": _LLAMA,
        "mixtral": Family(("self_attn.o_proj", "mlp"), ("o_proj", ".w2.")),
        "olmo": _LLAMA,
        "phi": Family(("self_attn.dense", "mlp.fc2"), ("self_attn.dense.", "mlp.fc2.")),
        "phi3": _LLAMA,
        "qwen2": _LLAMA,
        "qwen3": _LLAMA,
        "qwen3_moe": Family(("self_attn.o_proj", "mlp"), ("o_proj", "down_proj")),
        "stablelm": _LLAMA,
        "starcoder2": Family(("self_attn.o_proj", "mlp.c_proj"), ("o_proj", "c_proj")),
    }
)
"""The families whose scaled paths are plain models, by ``model_type``."""


def family_of(config: Mapping[str, Json]) -> Family | None:
    """Return the family of a model.

    Args:
        config: config.json.

    Returns:
        Its row; nothing if it is not known that scales can be carried in the weights.
    """
    return FAMILIES.get(str(config.get("model_type", "")))
