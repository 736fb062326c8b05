"""What each file of a model folder is for, told from its name alone.

The same table says which files are read from a folder and which are fetched from the Hub, so that
nothing is fetched in vain and nothing that is read was left behind.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from evoreg.evolve.checkpoints.folder import INDEX, SINGLE
from evoreg.provenance.records.model import Role

CARD = "README.md"
"""The model card."""
CONFIG = "config.json"
"""What tells the architecture."""
ADAPTER_CONFIG = "adapter_config.json"
"""What makes a folder an adapter."""
ADAPTER_WEIGHTS = "adapter_model.safetensors"
"""The weights of an adapter."""

_CONFIGS = (CONFIG, ADAPTER_CONFIG)
_TOKENIZER = (
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "merges.txt",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tekken.json",
    "chat_template.jinja",
    "chat_template.json",
)
_OTHERS = ("generation_config.json", "processor_config.json", "model_index.json")
_RECIPES = ("mergekit_config.yml", "mergekit_config.yaml")
_NAMED: dict[str, Role] = {
    CARD: "card",
    **dict.fromkeys(_CONFIGS, "config"),
    **dict.fromkeys(_TOKENIZER, "tokenizer"),
    **dict.fromkeys(_OTHERS, "other"),
    **dict.fromkeys(_RECIPES, "recipe"),
}
_LICENSE = re.compile(
    r"((model|weights?)[-_. ])?(un)?licen[sc]e|copying|use_policy|terms|eula|copyright"
    r"|legal(?![a-z0-9])"
)
_NOTICES = ("notice",)
LICENSE_FOLDERS = ("licenses", "licences")
"""Folders (in lower case) that hold licence texts only."""
_NO_TEXTS = (".safetensors", ".py", ".bin", ".pt", ".pth", ".pkl", ".ckpt")


def role_of(path: PurePosixPath) -> Role | None:
    """Say what a file is for, weights apart.

    Args:
        path: Relative to the model's folder.

    Returns:
        Its role; nothing if evoreg does not look at such a file. Which safetensors files are the
        weights depends on the whole folder: see `weights_among`.
    """
    name = path.name.lower()
    if len(path.parts) == 2 and path.parts[0].lower() in LICENSE_FOLDERS:
        return None if name.endswith(_NO_TEXTS) else "license"
    if len(path.parts) != 1:
        return None
    if path.name in _NAMED:
        return _NAMED[path.name]
    if name.endswith(".safetensors.index.json"):
        return "index"
    if name.endswith("preprocessor_config.json"):
        return "other"
    return None if name.endswith(_NO_TEXTS) else _paper(name)


def _paper(name: str) -> Role | None:
    if _LICENSE.match(name):
        return "license"
    return "notice" if name.startswith(_NOTICES) else None


def weights_among(names: Sequence[str], shards: Sequence[str]) -> tuple[str, ...]:
    """Say which of many files are the weights, as `weight_files` does for a folder on the disk.

    Args:
        names: Paths of all files, relative to the model's folder.
        shards: The files that ``model.safetensors.index.json`` names, if there is one.

    Returns:
        Paths, sorted; empty if there are none.
    """
    present = set(names)
    if SINGLE in present:
        return (SINGLE,)
    if INDEX in present:
        return tuple(sorted(present & set(shards)))
    if ADAPTER_WEIGHTS in present:
        return (ADAPTER_WEIGHTS,)
    return tuple(sorted(n for n in present if n.endswith(".safetensors") and "/" not in n))
