"""What tensors a checkpoint holds: names, shapes and types from the safetensors headers alone."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from safetensors import SafetensorError, safe_open

from evoreg.evolve.checkpoints.adapter_settings import model_of
from evoreg.evolve.checkpoints.folder import (
    ADAPTER,
    index_of,
    read_json,
    weight_files,
    weight_map,
)
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import Code, InputError, Problem, RecipeError

BYTES = MappingProxyType(
    {
        "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1,
        "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
    }
)  # fmt: skip
"""Bytes of one element, by safetensors type name."""

FLOATS = ("F64", "F32", "F16", "BF16")
"""The types whose values can be merged; all others are copied or refused."""

LONGEST_NAME = 1024
"""Signs that the name of a tensor may have."""

_LAYER = re.compile(r"\.(\d{1,9})\.")


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor of a checkpoint, as its header describes it."""

    name: str
    """Raw name in the file."""
    dtype: str
    """safetensors type name, such as ``BF16``."""
    shape: tuple[int, ...]
    """Sizes of the axes."""
    file: Path
    """The file that holds it."""

    @property
    def elements(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def layer(self) -> int | None:
        """The first number between two dots of the name; nothing outside the layers."""
        return layer_of(self.name)


def layer_of(name: str) -> int | None:
    """Return the first number between two dots of a tensor name; nothing outside the layers."""
    found = _LAYER.search(name)
    return int(found.group(1)) if found else None


def stack_of(name: str) -> str | None:
    """Return what stands before the layer number of a tensor name; nothing outside the layers.

    Args:
        name: Such as ``model.layers.3.mlp.up_proj.weight``.

    Returns:
        Such as ``model.layers``: tensors of one such prefix are one stack of layers.
    """
    found = _LAYER.search(name)
    return name[: found.start()] if found else None


def stacks(names: Iterable[str]) -> dict[str, int]:
    """Return the stacks of layers among some tensors.

    Args:
        names: Raw tensor names.

    Returns:
        The number of layers (the highest number, plus one) by prefix, sorted.
    """
    found: dict[str, int] = {}
    for name in names:
        stack, layer = stack_of(name), layer_of(name)
        if stack is not None and layer is not None:
            found[stack] = max(found.get(stack, 0), layer + 1)
    return dict(sorted(found.items()))


def renumber(name: str, layer: int) -> str:
    """Return a tensor name moved to another layer.

    Args:
        name: A raw name with a layer index.
        layer: The new index.

    Returns:
        The name with its first number between dots replaced.
    """
    return _LAYER.sub(f".{layer}.", name, count=1)


@dataclass(frozen=True)
class Checkpoint:
    """The tensors and the configuration of one model folder."""

    folder: Path
    """Where it lies."""
    tensors: Mapping[str, TensorInfo]
    """By raw name, sorted."""
    config: Mapping[str, Json]
    """config.json; empty for a raw folder."""


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read the headers of a model folder; no weight is loaded.

    Args:
        folder: The model's folder.

    Returns:
        Its tensors and configuration.

    Raises:
        InputError: Weights missing, truncated or damaged; an index that disagrees with its shards;
            a tensor in two shards; a broken config.json. All problems of the headers are collected.
        RecipeError: The folder holds an adapter.
    """
    tensors: dict[str, TensorInfo] = {}
    problems: list[Problem] = []
    paths = weight_files(folder)
    if str(paths[0]) == ADAPTER:
        # Averaging the two factors of an adapter one by one is not averaging what it adds.
        raise RecipeError(
            Code.RECIPE_UNSUPPORTED,
            "this is an adapter and no model",
            where=str(folder),
            hint=f"write {model_of(folder)}+{folder.name}: a model and the adapter on top of it",
        )
    for path in paths:
        for info in read_header(folder / path):
            if info.name in tensors:
                problems.append(
                    Problem(Code.INPUT_INDEX, f"{info.name} stands in two shards", str(folder))
                )
            tensors[info.name] = info
    problems.extend(_index_problems(folder, tensors))
    if problems:
        raise InputError.of(problems)
    config = folder / "config.json"
    facts = read_json(config, code=Code.INPUT_CONFIG) if config.exists() else {}
    return Checkpoint(folder, MappingProxyType(dict(sorted(tensors.items()))), facts)


def read_header(path: Path) -> list[TensorInfo]:
    """Read what a safetensors file says about its tensors.

    Args:
        path: The file.

    Returns:
        Its tensors, in the order of the file.

    Raises:
        InputError: It is truncated or damaged.
    """
    try:
        # The header is all that is read here; the numpy door needs no torch.
        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
            if any(len(name) > LONGEST_NAME for name in names):
                raise ValueError(f"a tensor has a name of more than {LONGEST_NAME} signs")
            parts = [(name, file.get_slice(name)) for name in names]
            return [
                TensorInfo(name, part.get_dtype(), tuple(part.get_shape()), path)
                for name, part in parts
            ]
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(
            Code.INPUT_UNREADABLE,
            f"not a whole safetensors file: {error}",
            where=str(path),
            hint="the file is truncated or damaged; download it again",
        ) from error


def _index_problems(folder: Path, tensors: Mapping[str, TensorInfo]) -> list[Problem]:
    index = index_of(folder)
    if index is None:
        return []
    named = weight_map(folder, index)
    hint = "the shards belong to another index; download the model again"
    texts = [
        f"{name} is not in the shard that the index names"
        for name, file in sorted(named.items())
        if name not in tensors or tensors[name].file != folder / file
    ]
    texts += [f"{name} is missing in the index" for name in sorted(set(tensors) - set(named))]
    return [Problem(Code.INPUT_INDEX, text, str(folder / index), hint) for text in texts]
