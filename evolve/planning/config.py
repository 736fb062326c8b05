"""config.json of the result: the donor's, made true to the tensors that are written."""

import copy
from collections import Counter
from collections.abc import Mapping, Sequence

from evoreg.evolve.planning.counts import set_layers
from evoreg.evolve.planning.layout import Layout
from evoreg.evolve.planning.names import is_head, is_token_embedding, sections, tie_flag
from evoreg.evolve.planning.parts import part_of, rows_for
from evoreg.evolve.planning.plan import OutputTensor, SourceModel
from evoreg.evolve.planning.special import set_vocabulary
from evoreg.evolve.planning.vocabulary import Tokens
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import Code, MergeError

_NAMES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
NOT_FOR_OTHERS = ("_name_or_path", "name_or_path", "auto_map")
"""A path of somebody's disk, and code that does not come along and would not be run."""
_SECTIONS = {"vision_config": "vision_tower", "audio_config": "audio_tower"}
"""Sections that describe other parts than the language model."""


def output_config(
    layout: Layout,
    donor: SourceModel,
    models: Mapping[str, SourceModel],
    outputs: Sequence[OutputTensor],
    tokens: Tokens | None,
) -> dict[str, Json] | None:
    """Return the configuration of the result.

    Args:
        layout: What meets where.
        donor: Whose configuration is taken.
        models: All models of the recipe.
        outputs: The tensors that will be written.
        tokens: The vocabulary of the result, if it changes.

    Returns:
        The configuration, or nothing if the donor has none.

    Raises:
        MergeError: Layers are stacked, but the configuration has no known place for their number.
    """
    if not donor.checkpoint.config and layout.stacked:
        raise MergeError(
            Code.MERGE_ARCHITECTURE,
            "there is no config.json to write the number of layers into",
            where=donor.reference,
            hint="merge raw weights with models: instead of slices:, or add its config.json",
        )
    if not donor.checkpoint.config:
        return None
    config = copy.deepcopy(dict(donor.checkpoint.config))
    for part in sections(config):
        for key in NOT_FOR_OTHERS:
            part.pop(key, None)
    _set_dtype(config, outputs)
    _set_tie(config, models, outputs)
    for stacked in layout.stacked:
        set_layers(config, stacked, models)
    _set_rows(config, outputs)
    if tokens is not None:
        set_vocabulary(config, tokens, donor)
    return config


def _set_rows(config: dict[str, Json], outputs: Sequence[OutputTensor]) -> None:
    """Let vocab_size be the number of rows of the token embedding, wherever it stands."""
    rows = {o.shape[0] for o in outputs if is_token_embedding(o.name) and len(o.shape) == 2}
    if len(rows) != 1:
        return
    (count,) = rows
    for part in sections(config):
        if isinstance(part.get("vocab_size"), int):
            part["vocab_size"] = count


def _set_dtype(config: dict[str, Json], outputs: Sequence[OutputTensor]) -> None:
    """Name the type of most weights, in a section for another part the type of that part."""
    rows = rows_for([output.name for output in outputs])
    weights: Counter[tuple[str, str]] = Counter()
    for output in outputs:
        if output.dtype in _NAMES:
            weights["", output.dtype] += output.elements
            weights[part_of(output.name, rows)[0] or "", output.dtype] += output.elements
    if not weights:
        return
    whole = _most(weights, "")
    for section in sections(config):
        keys = [key for key in ("dtype", "torch_dtype") if key in section]
        for key in keys or (["dtype"] if section is config else []):
            section[key] = whole
    for name, part in _SECTIONS.items():
        inner = config.get(name)
        for key in ("dtype", "torch_dtype") if isinstance(inner, dict) else ():
            if isinstance(inner, dict) and key in inner:
                inner[key] = _most(weights, part) or whole


def _most(weights: Counter[tuple[str, str]], part: str) -> str:
    own = {kind: count for (name, kind), count in weights.items() if name == part}
    return _NAMES[max(sorted(own), key=lambda kind: own[kind])] if own else ""


def _set_tie(
    config: dict[str, Json], models: Mapping[str, SourceModel], outputs: Sequence[OutputTensor]
) -> None:
    flags = [tie_flag(model.checkpoint.config) for model in models.values()]
    if True not in flags and tie_flag(config) is None:
        return
    head = any(is_head(output.name) for output in outputs)
    if not head and True not in flags:
        return  # a model without any head; the flag says nothing about its tensors
    holders = [part for part in sections(config) if "tie_word_embeddings" in part]
    for part in holders or [config]:
        part["tie_word_embeddings"] = not head
