"""Inside a model folder: no path leaves it, and what is read is what was measured.

The folder belongs to a stranger. Links may lead to other places of the folder, and those of a Hub
cache into the blobs of that same cache; pipes and devices are refused.
"""

import json
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.errors import Code, InputError
from evoreg.provenance.records.model import File, Role
from evoreg.registry.models.hashing import open_regular

_LARGEST_OBJECT = 4 << 20
_ETAG = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Item:
    """One file that counts."""

    path: str
    """Relative to the folder, as POSIX writes it."""
    real: Path
    """Where it lies, without links."""
    size: int
    """Bytes."""
    role: Role
    """What it is for."""
    claim: str
    """What a Hub cache claims about it: the SHA-256 or SHA-1 that names its blob, or nothing."""


def root_of(folder: Path) -> Path:
    """Return a model folder without links.

    Args:
        folder: The folder, or a snapshot of a Hub cache.

    Returns:
        Its real path.

    Raises:
        InputError: There is none, or it is a file.
    """
    try:
        root = folder.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(
            Code.INPUT_MISSING,
            "there is no such model folder",
            where=str(folder),
            hint="check the spelling; a model of the Hub is written org/name",
        ) from error
    if not root.is_dir():
        raise InputError(
            Code.INPUT_MISSING,
            "this is a file, and a model is a folder",
            where=str(folder),
            hint="name the folder that holds the file",
        )
    return root


def unreadable(path: Path, what: str) -> InputError:
    """Return the error about something that cannot be read, and why."""
    hint = "check the permissions of the folder, or name another one"
    return InputError(Code.INPUT_UNREADABLE, what, where=_shown(path), hint=hint)


def _shown(path: Path) -> str:
    """Return a path as valid text, whatever bytes its name holds."""
    return str(path).encode(errors="backslashreplace").decode()


def check_place(root: Path, path: PurePosixPath) -> None:
    """Refuse links that lead outside, and whatever is neither file nor folder.

    Args:
        root: The folder, without links.
        path: Relative to it; nothing need be there.

    Raises:
        InputError: It leads outside, in a circle, or to a pipe, a socket or a device.
    """
    try:
        real = (root / path).resolve()
    except (OSError, RuntimeError) as error:
        raise unreadable(root / path, "the link leads in a circle") from error
    if not any(real.is_relative_to(place) for place in _allowed(root)):
        raise InputError(
            Code.INPUT_ESCAPES,
            "the link leads outside the model folder",
            where=_shown(root / path),
            hint="copy the file into the folder, or name the folder where it really lies",
        )
    try:
        mode = real.lstat().st_mode
    except FileNotFoundError:
        return  # a link to nothing; an error only if the file counts
    except OSError as error:
        raise unreadable(root / path, f"it cannot be looked at: {error.strerror}") from error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise unreadable(root / path, "this is a pipe, a socket or a device")


def _allowed(root: Path) -> tuple[Path, ...]:
    """Return the folders that a link may lead to; `root` has no links left in it."""
    snapshots, repository = root.parent, root.parent.parent
    if snapshots.name == "snapshots" and repository.name.startswith("models--"):
        return root, repository / "blobs", repository.parent / "blobs"
    return (root,)


def item_of(root: Path, path: str, role: Role) -> Item | None:
    """Return a file of a folder.

    Args:
        root: The folder, without links.
        path: Relative to it; its place was checked.
        role: What the file is for.

    Returns:
        The file; nothing if it is a folder.

    Raises:
        InputError: It is missing, or its name holds invisible signs.
    """
    full = root / path
    if not path.isprintable():
        raise unreadable(full, "the name of the file holds invisible signs or invalid text")
    try:
        real = full.resolve(strict=True)
        facts = real.lstat()
    except OSError as error:
        raise unreadable(full, "the file is missing, or its link leads nowhere") from error
    if stat.S_ISDIR(facts.st_mode):
        return None
    return Item(path, real, facts.st_size, role, _claim(root, full))


def _claim(root: Path, path: Path) -> str:
    """Return what a Hub cache claims about a file: the name of its blob, a SHA-256 or SHA-1."""
    if len(_allowed(root)) == 1 or not path.is_symlink():
        return ""
    name = path.readlink().name
    return name if _ETAG.fullmatch(name) else ""


def read_item(item: Item, file: File, most: int) -> bytes:
    """Read a file.

    Args:
        item: The file.
        file: How it was measured.
        most: At most so many bytes.

    Returns:
        Its content; a whole file is the one that was measured.

    Raises:
        InputError: It cannot be read, or is another than was measured.
    """
    with open_regular(item.real) as source:
        data = bytearray()
        while len(data) <= most and (piece := source.read(most + 1 - len(data))):
            data += piece
    if len(data) <= most and file.measured and digest_of(bytes(data)) != file.digest:
        raise InputError(
            Code.INPUT_CHANGED,
            "the file was changed while the folder was read",
            where=_shown(item.real),
            hint="wait until nobody writes to it, then try again",
        )
    return bytes(data[:most])


def read_inside(folder: Path, file: File, most: int) -> bytes:
    """Read a file of a model that was read before.

    Args:
        folder: The model's folder.
        file: One of its files.
        most: Most bytes that it may have.

    Returns:
        Its whole content.

    Raises:
        InputError: It is missing, too large, leads outside, or is another than was measured.
    """
    root = root_of(folder)
    check_place(root, PurePosixPath(file.path))
    item = item_of(root, file.path, file.role)
    if item is None:
        raise unreadable(root / file.path, "this is a folder, and a file was expected")
    if item.size > most:
        raise unreadable(root / file.path, f"the file is larger than {most} bytes")
    return read_item(item, file, most)


def read_object(folder: Path, file: File) -> Mapping[str, Json]:
    """Read a JSON object of a model that was read before.

    Args:
        folder: The model's folder.
        file: One of its files, at most 4 MiB.

    Returns:
        The object.

    Raises:
        InputError: As `read_inside` raises, or it is no JSON object.
    """
    data = read_inside(folder, file, _LARGEST_OBJECT)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(
            Code.INPUT_CONFIG, f"not readable as JSON: {error}", hint="download it again"
        ) from error
    if not isinstance(value, dict):
        raise InputError(Code.INPUT_CONFIG, "the file holds no JSON object", hint="look at it")
    return value
