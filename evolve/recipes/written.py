"""A model reference as a mapping: the same as its text, for paths that a text cannot hold."""

from collections.abc import Mapping

from evoreg.provenance.records.canonical import Json

KEYS = ("model", "lora", "override_architecture")
"""Keys of a reference."""
PATH_KEYS = ("path", "revision")
"""Keys of its parts, if they are mappings too."""


def as_text(value: Json) -> str | None:
    """Return the text form of a reference.

    Args:
        value: A text, or ``{model: PATH, lora: PATH}``, a PATH being a text or
            ``{path: ..., revision: ...}``.

    Returns:
        Such as ``org/name@revision+adapter``; nothing if the value is no reference.
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, Mapping) or set(value) - set(KEYS):
        return None
    model, lora = _path(value.get("model")), value.get("lora")
    if model is None or lora is None:
        return model
    adapter = _path(lora)
    return None if adapter is None else f"{model}+{adapter}"


def _path(value: Json) -> str | None:
    if isinstance(value, str):
        return value or None
    if not isinstance(value, Mapping) or set(value) - set(PATH_KEYS):
        return None
    path, revision = value.get("path"), value.get("revision")
    if not isinstance(path, str) or not path:
        return None
    if revision is None:
        return path
    return f"{path}@{revision}" if isinstance(revision, str) and revision else None
