"""Which files of a model folder hold its weights.

Names inside an index are untrusted: none may leave the folder. Pickles are refused, since reading
one can run any program.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import Code, InputError

SINGLE = "model.safetensors"
"""A checkpoint in one file."""
INDEX = "model.safetensors.index.json"
"""The index of a sharded checkpoint."""
ADAPTER = "adapter_model.safetensors"
"""The weights of an adapter."""
_INDEX = ".safetensors.index.json"
_SHARD = re.compile(r"(.+)-([0-9]{5})-of-([0-9]{5})\.safetensors")
_MOST_SHARDS = 10_000
_CONVERT = "AutoModelForCausalLM.from_pretrained(SRC).save_pretrained(DST) writes safetensors"
_CONVERT_RAW = (
    "safetensors.torch.save_file(torch.load(FILE, weights_only=True), 'model.safetensors'), "
    "where FILE holds tensors alone"
)
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

    Looked for in this order: ``model.safetensors``, its index, an adapter, then whatever else the
    folder holds (a raw folder): one file, one index, or one complete set of numbered shards.

    Args:
        folder: The model's folder.

    Returns:
        At least one path.

    Raises:
        InputError: No folder, no weights, only pickles, several sets of weights, or a broken or
            hostile index.
    """
    if not folder.is_dir():
        raise InputError(
            Code.INPUT_MISSING,
            "the model folder does not exist",
            where=str(folder),
            hint="check the spelling; paths are read relative to the working folder",
        )
    index = index_of(folder)
    if (folder / SINGLE).is_file():
        return _single(folder)
    if index is not None:
        return _from_index(folder, index)
    if (folder / ADAPTER).is_file():
        return (PurePosixPath(ADAPTER),)
    raw = _sets(_safetensors(folder))
    if not raw:
        raise _nothing(folder)
    if len(raw) > 1:
        raise _several(folder, [files[0] for files in raw])
    missing = _gaps(raw[0])
    if missing:
        raise _incomplete(folder, missing)
    return tuple(PurePosixPath(name) for name in raw[0])


def index_of(folder: Path) -> str | None:
    """Return the name of the index that says which files are the weights of a folder.

    Args:
        folder: A model folder.

    Returns:
        That of a standard checkpoint, else the only one of another name (such as diffusers
        writes); nothing if one file holds all, or there is no index.

    Raises:
        InputError: Several indexes, none of them of the standard name.
    """
    if (folder / SINGLE).is_file():
        return None
    if (folder / INDEX).is_file():
        return INDEX
    if (folder / ADAPTER).is_file():
        return None
    found = sorted(path.name for path in folder.glob(f"*{_INDEX}") if path.is_file())
    if len(found) > 1:
        raise _several(folder, found)
    return found[0] if found else None


def _safetensors(folder: Path) -> list[str]:
    names = (path.name for path in folder.glob("*.safetensors") if path.is_file())
    return sorted(name for name in names if not name.startswith("."))


def _single(folder: Path) -> tuple[PurePosixPath, ...]:
    """Return the one file; beside a configuration its name is enough, else it must be alone."""
    if not (folder / "config.json").exists():
        shards = weight_map(folder).values() if (folder / INDEX).is_file() else ()
        named = {SINGLE, ADAPTER, *(str(path) for path in shards)}
        others = [name for name in _safetensors(folder) if name not in named]
        if others:
            raise _several(folder, [SINGLE, *others])
    return (PurePosixPath(SINGLE),)


def _sets(names: Sequence[str]) -> list[list[str]]:
    """Return files that belong together: the numbered shards of one name, each other file alone."""
    found: dict[tuple[str, str], list[str]] = {}
    for name in names:
        shard = _SHARD.fullmatch(name)
        key = (shard[1], shard[3]) if shard else (name, "")
        found.setdefault(key, []).append(name)
    return list(found.values())


def _gaps(names: Sequence[str]) -> list[str]:
    """Return the shards that are missing among numbered ones."""
    first = _SHARD.fullmatch(names[0])
    if first is None:
        return []
    count = min(int(first[3]), _MOST_SHARDS)
    wanted = (
        f"{first[1]}-{number:05d}-of-{first[3]}.safetensors" for number in range(1, count + 1)
    )
    return [name for name in wanted if name not in names]


def _several(folder: Path, names: Sequence[str]) -> InputError:
    return InputError(
        Code.INPUT_INDEX,
        f"it is not known which of these are the weights: {', '.join(names[:5])}",
        where=str(folder),
        hint="put the one that you mean into a folder of its own",
    )


def _incomplete(folder: Path, missing: Sequence[str]) -> InputError:
    return InputError(
        Code.INPUT_MISSING,
        f"shards are missing: {', '.join(missing[:5])}",
        where=str(folder),
        hint="download the model again",
    )


def _nothing(folder: Path) -> InputError:
    pickles = sorted(p.name for p in folder.iterdir() if p.suffix.lower() in _PICKLES)
    if pickles:
        whole = (folder / "config.json").exists()
        return InputError(
            Code.INPUT_PICKLE,
            f"the weights are pickles ({', '.join(pickles[:3])}), which can run code when opened",
            where=str(folder),
            hint=f"convert them in a sandbox: {_CONVERT if whole else _CONVERT_RAW}",
        )
    return InputError(
        Code.INPUT_MISSING,
        "the folder holds no safetensors weights",
        where=str(folder),
        hint="a model needs model.safetensors, or shards with model.safetensors.index.json",
    )


def weight_map(folder: Path, index: str = INDEX) -> dict[str, PurePosixPath]:
    """Return which shard holds which tensor, according to the index of a folder.

    Args:
        folder: A folder with an index.
        index: Name of the index.

    Returns:
        Shard by tensor name; every shard lies inside the folder.

    Raises:
        InputError: The index is broken or hostile.
    """
    where = str(folder / index)
    mapping = read_json(folder / index, code=Code.INPUT_INDEX).get("weight_map")
    if not isinstance(mapping, dict) or not mapping:
        raise InputError(Code.INPUT_INDEX, "the index has no weight_map", where=where)
    return {name: _inside(file, where) for name, file in mapping.items()}


def _from_index(folder: Path, index: str) -> tuple[PurePosixPath, ...]:
    names = sorted(set(weight_map(folder, index).values()))
    missing = [str(name) for name in names if not (folder / name).is_file()]
    if missing:
        raise _incomplete(folder / index, missing)
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
