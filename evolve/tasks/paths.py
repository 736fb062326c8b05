"""Files that a search file names: within its own folder, unless it names them in full."""

from pathlib import Path

from evoreg.provenance.records.errors import Code, InputError

LARGEST = 1 << 29
"""Most bytes of a data file (512 MiB)."""


def inside(folder: Path, name: str) -> Path:
    """Return where a name leads.

    Args:
        folder: The folder of the search file.
        name: As written there: relative to that folder, or a full path.

    Returns:
        The resolved path; it may not exist.

    Raises:
        InputError: A relative path leaves the folder, by ``..`` or by a link; no path at all.
    """
    try:
        if Path(name).is_absolute():
            return Path(name).resolve()
        home = folder.resolve()
        found = (home / name).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(
            Code.INPUT_UNREADABLE, f"not a usable path: {error}", where=name, hint="name a file"
        ) from error
    if not found.is_relative_to(home):
        raise InputError(
            Code.INPUT_ESCAPES,
            "this path leads out of the folder of the search file",
            where=name,
            hint="put the file beside the search file, or name its full path",
        )
    return found


def regular_file(folder: Path, name: str) -> Path:
    """Return the file that a name leads to.

    Args:
        folder: The folder of the search file.
        name: As written there.

    Returns:
        Its resolved path.

    Raises:
        InputError: See `inside`; or nothing is there, no regular file, or one of more than
            `LARGEST` bytes.
    """
    path = inside(folder, name)
    if not path.is_file():
        raise InputError(
            Code.INPUT_MISSING,
            "this is no file" if path.exists() else "there is no such file",
            where=str(path),
            hint="paths are relative to the search file",
        )
    size = path.stat().st_size
    if size > LARGEST:
        raise InputError(
            Code.INPUT_UNREADABLE,
            f"the file has {size} bytes, more than {LARGEST}",
            where=str(path),
            hint="a search asks few items: keep a part of the file",
        )
    return path
