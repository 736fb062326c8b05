"""A LoRA adapter as its files describe it: settings, and which tensor is which part of what.

Hu et al., "LoRA: low-rank adaptation of large language models" (2021); Kalajdzievski, "A rank
stabilization scaling factor" (2023); Liu et al., "DoRA: weight-decomposed low-rank adaptation"
(2024). The names of the tensors are those of the PEFT library. Headers only; no weight is loaded.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from evoreg.evolve.checkpoints.adapter_settings import AdapterSettings, read_settings
from evoreg.evolve.checkpoints.folder import ADAPTER
from evoreg.evolve.checkpoints.tensors import TensorInfo, read_header
from evoreg.provenance.records.errors import Code, InputError, Problem

Part: TypeAlias = Literal[
    "A", "B", "offset", "embedding A", "embedding B", "magnitude", "replacement"
]
"""What a tensor of an adapter is: a factor, a change of a bias, lengths of rows, or a tensor that
takes the place of the model's."""

_LONGEST = 1024
_PREFIX = "base_model.model."
_FACTOR = re.compile(r"(.+)\.lora_([AB])(?:\.[^.]+)?\.weight")
_OFFSET = re.compile(r"(.+)\.lora_B(?:\.[^.]+)?\.bias")
_EMBEDDING = re.compile(r"(.+)\.lora_embedding_([AB])(?:\.[^.]+)?")
_MAGNITUDE = re.compile(r"(.+)\.lora_magnitude_vector(?:\.[^.]+){0,2}")
_WRAPPERS = re.compile(r"\.(?:base_layer|modules_to_save(?:\.default)?)(?=\.)")
_FOREIGN = re.compile(r"(^|\.)(lora_|hada_|lokr_|ia3_|oft_|vera_|token_adapter|original_module)")


@dataclass(frozen=True)
class AdapterFiles:
    """An adapter folder that was read."""

    folder: Path
    """Where it lies."""
    settings: AdapterSettings
    """How it is applied."""
    parts: Mapping[str, Mapping[Part, TensorInfo]]
    """For each tensor that it wants to change, by the name that the adapter knows it under: the
    tensors of the adapter. Sorted."""


def read_adapter(folder: Path) -> AdapterFiles:
    """Read settings and header of an adapter.

    Args:
        folder: Its folder.

    Returns:
        The adapter; every tensor of its file is a part of something.

    Raises:
        InputError: Files missing or damaged, or tensors that are no part of a LoRA adapter; all of
            these are told.
        RecipeError: Another kind of adapter, or a setting that evoreg does not carry out.
    """
    settings = read_settings(folder)
    path = folder / ADAPTER
    if not path.is_file():
        what = f"the adapter has no weights: {ADAPTER} is not there"
        raise InputError(Code.INPUT_MISSING, what, where=str(folder), hint="download it again")
    parts: dict[str, dict[Part, TensorInfo]] = {}
    problems: list[Problem] = []
    for info in read_header(path):
        found = _part(info.name)
        if found is None:
            what = f"{_shown(info.name)} is no part of a LoRA adapter that evoreg knows"
            problems.append(Problem(Code.INPUT_UNREADABLE, what, str(path), _HINT))
            continue
        target, part = found
        if part in parts.setdefault(target, {}):
            what = f"{_shown(target)} has two tensors for the part {part}: there are two adapters"
            problems.append(Problem(Code.INPUT_UNREADABLE, what, str(path), "save each by itself"))
        parts[target][part] = info
    if not parts and not problems:
        problems.append(Problem(Code.INPUT_UNREADABLE, "the adapter is empty", str(path), _HINT))
    if problems:
        raise InputError.of(problems)
    return AdapterFiles(folder, settings, dict(sorted(parts.items())))


_HINT = "merge it into its model with the library that made it, and name that folder"


def _shown(name: str) -> str:
    return name if name.isprintable() and len(name) <= 200 else repr(name[:200])


def _part(name: str) -> tuple[str, Part] | None:
    """Return the tensor of the model that a tensor of the adapter changes, and its part in that."""
    if len(name) > _LONGEST or not name.isprintable():
        return None
    inner = _WRAPPERS.sub("", name.removeprefix(_PREFIX))
    if found := _FACTOR.fullmatch(inner):
        return f"{found[1]}.weight", "A" if found[2] == "A" else "B"
    if found := _OFFSET.fullmatch(inner):
        return f"{found[1]}.bias", "offset"
    if found := _EMBEDDING.fullmatch(inner):
        return f"{found[1]}.weight", "embedding A" if found[2] == "A" else "embedding B"
    if found := _MAGNITUDE.fullmatch(inner):
        return f"{found[1]}.weight", "magnitude"
    return None if _FOREIGN.search(inner) else (inner, "replacement")
