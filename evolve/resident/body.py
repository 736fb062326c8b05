"""The model that candidates are computed into: built empty from the files that a merge would write.

Configuration, tokenizer and generation settings are read from the very small files that a merge
writes beside its weights, so a candidate in memory behaves as the merged folder does. No weight is
loaded and no code of a model folder is run.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from evoreg.evolve.execution.run import write_beside
from evoreg.evolve.execution.weights import TORCH
from evoreg.evolve.planning.plan import Plan
from evoreg.provenance.records.canonical import to_canonical
from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.errors import Code, InputError, MergeError

_NAMED: Mapping[str, torch.dtype] = {
    "float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16,
}  # fmt: skip
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")


@dataclass(frozen=True)
class Body:
    """An empty model with its tokenizer."""

    # transformers declares no types
    model: Any
    """The model, in evaluation mode."""
    tokenizer: Any
    """Its tokenizer; nothing if the result has none."""


def compute_type(plan: Plan, compute: str, device: str) -> torch.dtype:
    """Return the type that candidates are run in.

    Args:
        plan: A merge.
        compute: ``auto`` or the name of a type.
        device: Where they run.

    Returns:
        For ``auto`` float32 on processors, else the type of most numbers of the merge.

    Raises:
        KeyError: No such type.
    """
    if compute != "auto":
        return _NAMED[compute]
    if torch.device(device).type == "cpu":
        return torch.float32
    counts: dict[str, int] = {}
    for output in plan.outputs:
        counts[output.dtype] = counts.get(output.dtype, 0) + output.elements
    most = TORCH[max(sorted(counts), key=lambda name: counts[name])]
    return most if most in _NAMED.values() else torch.float32


def body_key(plan: Plan) -> Digest:
    """Return what two plans have in common whose results differ in weights alone.

    Args:
        plan: A merge.

    Returns:
        A digest of the configuration and of the small files beside the weights.
    """
    config = {k: v for k, v in (plan.config or {}).items() if k not in ("dtype", "torch_dtype")}
    files = {name: "" if data is None else digest_of(data) for name, data in plan.files.items()}
    body = {"config": config, "files": files, "folder": str(plan.donor.checkpoint.folder)}
    return digest_of(to_canonical(body))


def build(plan: Plan, kind: torch.dtype) -> Body:
    """Build the model of a merge, its parameters not filled.

    Args:
        plan: The merge.
        kind: Type of the parameters.

    Returns:
        The model, tied, in evaluation mode and in ordinary memory, and its tokenizer.

    Raises:
        MergeError: There is no configuration, or none that transformers can build a causal language
            model from without code from the model's folder.
        InputError: The tokenizer cannot be read.
    """
    if plan.config is None:
        raise MergeError(
            Code.MERGE_ARCHITECTURE,
            "there is no config.json, so no model can be built to try the result",
            where=plan.donor.reference,
            hint="add the model's config.json to its folder",
        )
    with TemporaryDirectory(prefix="evoreg-") as name:
        write_beside(plan, Path(name))
        # A library may raise anything at a configuration or a tokenizer that makes no sense.
        try:
            model = _model(name, kind)
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:
            raise _no_model(plan, error) from error
        try:
            tokenizer = _tokenizer(name)
        except MemoryError:
            raise
        except Exception as error:
            what = f"its tokenizer cannot be read: {error}"
            raise InputError(
                Code.INPUT_CONFIG, what, where=str(plan.donor.checkpoint.folder)
            ) from error
    return Body(model, tokenizer)


def _no_model(plan: Plan, error: Exception) -> MergeError:
    config = plan.config or {}
    coded = "auto_map" in plan.donor.checkpoint.config
    why = "its code lies in the model's folder, which is never run" if coded else str(error)
    return MergeError(
        Code.MERGE_ARCHITECTURE,
        f"no causal language model can be built for {config.get('model_type')!r:.60}: {why:.300}",
        where=plan.donor.reference,
        hint="search among models of an architecture that transformers knows",
    )


def _model(folder: str, kind: torch.dtype) -> Any:  # noqa: ANN401 - transformers declares no types
    # Heavy, and a search that is only planned needs none of it.
    from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig
    from transformers.initialization import no_init_weights

    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    with no_init_weights():
        model = AutoModelForCausalLM.from_config(config, dtype=kind, trust_remote_code=False)
    _widen(model, kind)
    model.tie_weights()
    if (Path(folder) / "generation_config.json").is_file():
        model.generation_config = GenerationConfig.from_pretrained(folder, local_files_only=True)
    return model.eval().requires_grad_(requires_grad=False)


def _widen(model: Any, kind: torch.dtype) -> None:  # noqa: ANN401 - transformers declares no types
    """Keep the parameters in float32 that the architecture wants so, as loading does."""
    strict = getattr(model, "_keep_in_fp32_modules_strict", None) or ()
    wide = {*strict} if kind != torch.float32 else set()
    if kind == torch.float16:
        wide |= {*(getattr(model, "_keep_in_fp32_modules", None) or ())}
    patterns = [re.compile(rf"(^|\.){re.escape(name)}(\.|$)") for name in sorted(wide)]
    for name, parameter in model.named_parameters():
        if any(pattern.search(name) for pattern in patterns):
            parameter.data = parameter.data.to(torch.float32)


def _tokenizer(folder: str) -> Any:  # noqa: ANN401 - transformers declares no types
    from transformers import AutoTokenizer

    if not any((Path(folder) / name).is_file() for name in _TOKENIZERS):
        return None
    tokenizer = AutoTokenizer.from_pretrained(
        folder, use_fast=True, local_files_only=True, trust_remote_code=False, padding_side="left"
    )
    if tokenizer.pad_token is None:
        # Padding is masked, so any token serves.
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(0)
    return tokenizer
