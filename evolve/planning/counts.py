"""The number of layers in config.json, and what kind each layer is, after layers were stacked."""

from collections.abc import Mapping, Sequence

from evoreg.evolve.planning.layout import Stacked
from evoreg.evolve.planning.names import sections
from evoreg.evolve.planning.plan import SourceModel
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import Code, MergeError

_LANGUAGE = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
_SENSES = ("num_hidden_layers", "depth", "num_layers", "n_layers", "encoder_layers", "layers")
_ENCODER = ("encoder_layers", "num_layers", "num_hidden_layers", "n_layer")
_DECODER = ("decoder_layers", "num_decoder_layers")
_SECTIONS = {"vision_tower": "vision_config", "audio_tower": "audio_config"}


def set_layers(
    config: dict[str, Json], stacked: Stacked, models: Mapping[str, SourceModel]
) -> None:
    """Put the number of layers of a stack into a configuration.

    Args:
        config: The configuration of the result; changed.
        stacked: The stack.
        models: All models of the recipe.

    Raises:
        MergeError: The configuration has no known place for the number, or that of a model does not
            tell the kinds of its layers while that of the result does.
    """
    count = sum(end - first for first, end in _ranges(stacked))
    _keep_decoder(config, stacked.part)
    holders = _holders(config, stacked.part)
    if not holders:
        raise MergeError(
            Code.MERGE_ARCHITECTURE,
            f"config.json has no known place for the number of layers{_of(stacked.part)}",
            where=str(config.get("model_type", "")),
            hint="merge these models with models: instead of slices:",
        )
    for section, key in holders:
        section[key] = count
        if isinstance(section.get("layer_types"), list):
            section["layer_types"] = _kinds(stacked, models)


def _of(part: str) -> str:
    return f" of {part}" if part else ""


def _ranges(stacked: Stacked) -> list[tuple[int, int]]:
    return [piece.sources[0].layer_range or (0, 0) for piece in stacked.slices]


def _keep_decoder(config: dict[str, Json], part: str) -> None:
    """Write the number of decoder layers down where it only followed that of the encoder."""
    silent = not any(key in config for key in _DECODER)
    if part in ("encoder", "decoder") and silent and "num_layers" in config:
        config["num_decoder_layers"] = config["num_layers"]


def _holders(config: dict[str, Json], part: str) -> list[tuple[dict[str, Json], str]]:
    """Return the sections and keys that hold the number of layers of a part."""
    keys: Sequence[str] = _LANGUAGE
    places = sections(config)
    if part in ("encoder", "decoder"):
        keys, places = (_ENCODER if part == "encoder" else _DECODER), [config]
    elif part:
        keys = _SENSES
        inner = config.get(_SECTIONS.get(part, ""))
        places = [inner] if isinstance(inner, dict) else []
    return [(place, key) for place in places for key in keys if key in place]


def _kinds(stacked: Stacked, models: Mapping[str, SourceModel]) -> list[Json]:
    return [
        kind
        for piece, (first, end) in zip(stacked.slices, _ranges(stacked), strict=True)
        for kind in _layer_types(models[piece.sources[0].model], stacked.part)[first:end]
    ]


def _layer_types(model: SourceModel, part: str) -> list[Json]:
    config = dict(model.checkpoint.config)
    inner = config.get(_SECTIONS.get(part, ""))
    for section in [inner] if isinstance(inner, dict) else reversed(sections(config)):
        kinds = section.get("layer_types")
        if isinstance(kinds, list):
            return kinds
    raise MergeError(
        Code.MERGE_ARCHITECTURE,
        "config.json has no layer_types, while that of the base or first model has",
        where=model.reference,
        hint="merge models of one architecture",
    )
