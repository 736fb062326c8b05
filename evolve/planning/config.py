"""config.json of the result: the donor's, made true to the tensors that are written."""

import copy
from collections import Counter
from collections.abc import Mapping, Sequence

from evoreg.evolve.planning.names import is_head, sections, tie_flag
from evoreg.evolve.planning.plan import OutputTensor, SourceModel
from evoreg.evolve.planning.vocabulary import Tokens
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import Code, MergeError
from evoreg.provenance.records.recipe import Recipe

_NAMES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
_SPECIAL = ("bos_token_id", "eos_token_id", "pad_token_id", "unk_token_id", "sep_token_id")
NOT_FOR_OTHERS = ("_name_or_path", "name_or_path", "auto_map")
"""A path of somebody's disk, and code that does not come along and would not be run."""
_COUNTS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")


def output_config(
    recipe: Recipe,
    donor: SourceModel,
    models: Mapping[str, SourceModel],
    outputs: Sequence[OutputTensor],
    tokens: Tokens | None,
) -> dict[str, Json] | None:
    """Return the configuration of the result.

    Args:
        recipe: What was asked for.
        donor: Whose configuration is taken.
        models: All models of the recipe.
        outputs: The tensors that will be written.
        tokens: The vocabulary of the result, if it changes.

    Returns:
        The configuration, or nothing if the donor has none.

    Raises:
        MergeError: Layers are stacked, but the configuration has no known place for their number.
    """
    if not donor.checkpoint.config:
        return None
    config = copy.deepcopy(dict(donor.checkpoint.config))
    for part in sections(config):
        for key in NOT_FOR_OTHERS:
            part.pop(key, None)
    _set_dtype(config, outputs)
    _set_tie(config, models, outputs)
    if recipe.slices:
        _set_layers(config, recipe, models)
    if tokens is not None:
        _set_vocabulary(config, tokens)
    return config


def _set_vocabulary(config: dict[str, Json], tokens: Tokens) -> None:
    for part in sections(config):
        if "vocab_size" in part or part is config:
            part["vocab_size"] = tokens.count
    theirs = tokens.donor.checkpoint.config
    for key in _SPECIAL:
        if key in config and key in theirs:
            config[key] = theirs[key]


def _set_dtype(config: dict[str, Json], outputs: Sequence[OutputTensor]) -> None:
    weights: Counter[str] = Counter()
    for output in outputs:
        if output.dtype in _NAMES:
            weights[output.dtype] += output.elements
    if not weights:
        return
    name = _NAMES[max(sorted(weights), key=lambda key: weights[key])]
    for part in sections(config):
        keys = [key for key in ("dtype", "torch_dtype") if key in part]
        for key in keys or (["dtype"] if part is config else []):
            part[key] = name


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


def _set_layers(config: dict[str, Json], recipe: Recipe, models: Mapping[str, SourceModel]) -> None:
    ranges = [
        (models[p.sources[0].model], p.sources[0].layer_range or (0, 0)) for p in recipe.slices
    ]
    count = sum(end - first for _, (first, end) in ranges)
    holders = [(part, key) for part in sections(config) for key in _COUNTS if key in part]
    if not holders:
        raise MergeError(
            Code.MERGE_ARCHITECTURE,
            "config.json has no known place for the number of layers",
            where=str(config.get("model_type", "")),
            hint="merge these models with models: instead of slices:",
        )
    for part, key in holders:
        part[key] = count
        if isinstance(part.get("layer_types"), list):
            part["layer_types"] = [
                kind for model, (first, end) in ranges for kind in _layer_types(model)[first:end]
            ]


def _layer_types(model: SourceModel) -> list[Json]:
    for part in reversed(sections(dict(model.checkpoint.config))):
        kinds = part.get("layer_types")
        if isinstance(kinds, list):
            return kinds
    raise MergeError(
        Code.MERGE_ARCHITECTURE,
        "config.json has no layer_types, while that of the base or first model has",
        where=model.reference,
        hint="merge models of one architecture",
    )
