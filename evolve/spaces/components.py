"""Components of a network, told from tensor names: attention, MLP, embeddings, head and norms."""

import re
from collections.abc import Sequence

from evoreg.evolve.checkpoints.tensors import layer_of
from evoreg.evolve.planning.names import comes_before_layers, is_head
from evoreg.evolve.searchfile.form import COMPONENTS

REST = "rest"
"""What no component claims."""

_NORM = re.compile(r"(norm[\w]*|(^|[._])ln(_\w+)?|layrnorm)\.(weight|bias|gamma|beta)$", re.I)
_ATTENTION = re.compile(r"attn|attention", re.I)
_MLP = re.compile(
    r"mlp|feed_?forward|ffn|experts|block_sparse_moe|DenseReluDense|\.fc[12]\.|"
    r"\.intermediate\.|\.\d+\.output\.dense\.|dense_h_to_4h|dense_4h_to_h",
    re.I,
)


def component_of(name: str, components: Sequence[str]) -> str:
    """Return the component that a tensor belongs to.

    Args:
        name: Name of a tensor of the result.
        components: Named components or parts of tensor names; of several that fit, the first one
            has the tensor.

    Returns:
        One of `components`, `REST` if none of them fits; empty if there are none.
    """
    if not components:
        return ""
    kind = kind_of(name)
    for component in components:
        if component in COMPONENTS:
            if component == kind:
                return component
        elif component in name:
            return component
    return REST


def kind_of(name: str) -> str:
    """Return which of the named components a tensor is of, or `REST`.

    A norm counts as one wherever it stands, in attention blocks too.
    """
    if is_head(name):
        return "head"
    if _NORM.search(name):
        return "norms"
    if layer_of(name) is None:
        return "embeddings" if comes_before_layers(name) else REST
    if _MLP.search(name) and not _ATTENTION.search(name):
        return "mlp"
    return "attention" if _ATTENTION.search(name) else REST
