"""Which files of a model folder hold its weights.

Names inside an index are untrusted: none may leave the folder. Pickles are refused, since reading
one can run any program.
"""

import json
from pathlib import Path, PurePosixPath

from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import Code, InputError

SINGLE = "model.safetensors"
"""A checkpoint in one file."""
INDEX = "model.safetensors.index.json"
"""The index of a sharded checkpoint."""
ADAPTER = "adapter_model.safetensors"
"""The weights of an adapter."""
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_LARGEST_JSON = 64 * 2**20
_DEEPEST = 50


def read_json(path: Path, *, code: Code = Code.INPUT_UNREADABLE) -> dict[str, Json]:
    """Read a JSON object of an untrusted folder.

    Args:
        path: The file, at most 64 MiB.
        code: The code of the error.

    Returns:
        The object.

    Raises:
        InputError: Missing, too large, not JSON or not an object.
    """
    try:
        if path.stat().st_size > _LARGEST_JSON:
            raise InputError(code, "the file is larger than 64 MiB", where=str(path))
        value = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise InputError(Code.INPUT_MISSING, "the file does not exist", where=str(path)) from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            code, f"not readable as JSON: {error}", where=str(path), hint="download it again"
        ) from error
    if not isinstance(value, dict):
        raise InputError(code, "the file holds no JSON object", where=str(path))
    if _deeper(value, _DEEPEST):
        raise InputError(code, f"the JSON is nested over {_DEEPEST} levels", where=str(path))
    return value


def _deeper(value: Json, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(_deeper(item, levels - 1) for item in inner)


def weight_files(folder: Path) -> tuple[PurePosixPath, ...]:
    """Return the weight files of a model folder, relative to it and sorted.

    Looked for in this order: ``model.safetensors``, its index, an adapter, any other safetensors
    files (a raw folder).

    Args:
        folder: The model's folder.

    Returns:
        At least one path.

    Raises:
        InputError: No folder, no weights, only pickles, or a broken or hostile index.
    """
    if not folder.is_dir():
        raise InputError(
            Code.INPUT_MISSING,
            "the model folder does not exist",
            where=str(folder),
            hint="check the spelling; paths are read relative to the working folder",
        )
    if (folder / SINGLE).is_file():
        return (PurePosixPath(SINGLE),)
    if (folder / INDEX).is_file():
        return _from_index(folder)
    if (folder / ADAPTER).is_file():
        return (PurePosixPath(ADAPTER),)
    raw = sorted(path.name for path in folder.glob("*.safetensors") if path.is_file())
    if raw:
        return tuple(PurePosixPath(name) for name in raw)
    raise _nothing(folder)


def _nothing(folder: Path) -> InputError:
    pickles = sorted(p.name for p in folder.iterdir() if p.suffix.lower() in _PICKLES)
    if pickles:
        return InputError(
            Code.INPUT_PICKLE,
            f"the weights are pickles ({', '.join(pickles[:3])}), which can run code when opened",
            where=str(folder),
            hint="convert them in a sandbox: AutoModelForCausalLM.from_pretrained(SRC)"
            ".save_pretrained(DST) writes safetensors",
        )
    return InputError(
        Code.INPUT_MISSING,
        "the folder holds no safetensors weights",
        where=str(folder),
        hint="a model needs model.safetensors, or shards with model.safetensors.index.json",
    )


def weight_map(folder: Path) -> dict[str, PurePosixPath]:
    """Return which shard holds which tensor, according to the index of a folder.

    Args:
        folder: A folder with ``model.safetensors.index.json``.

    Returns:
        Shard by tensor name; every shard lies inside the folder.

    Raises:
        InputError: The index is broken or hostile.
    """
    where = str(folder / INDEX)
    mapping = read_json(folder / INDEX, code=Code.INPUT_INDEX).get("weight_map")
    if not isinstance(mapping, dict) or not mapping:
        raise InputError(Code.INPUT_INDEX, "the index has no weight_map", where=where)
    return {name: _inside(file, where) for name, file in mapping.items()}


def _from_index(folder: Path) -> tuple[PurePosixPath, ...]:
    where = str(folder / INDEX)
    names = sorted(set(weight_map(folder).values()))
    missing = [str(name) for name in names if not (folder / name).is_file()]
    if missing:
        raise InputError(
            Code.INPUT_MISSING,
            f"shards named by the index are missing: {', '.join(missing[:5])}",
            where=where,
            hint="download the model again",
        )
    return tuple(names)


def _inside(name: Json, where: str) -> PurePosixPath:
    if not isinstance(name, str) or not name or "\0" in name or "\\" in name:
        raise InputError(Code.INPUT_INDEX, f"the index names no file: {name!r:.80}", where=where)
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise InputError(
            Code.INPUT_ESCAPES,
            f"the index points outside the model folder: {name!r:.80}",
            where=where,
            hint="do not use this model: such an index is either broken or an attack",
        )
    if path.suffix != ".safetensors":
        raise InputError(
            Code.INPUT_PICKLE,
            f"the index names a file that is no safetensors: {name!r:.80}",
            where=where,
        )
    return path
