"""A report as a file: it appears whole or not at all."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from evoreg.provenance.records.errors import Code, OutputError

_MODE = 0o666


def write_report(path: Path, text: str) -> None:
    """Write a report into a file, in place of an older one.

    Args:
        path: The file; a pipe or a device takes the text as it comes.
        text: The whole report.

    Raises:
        OutputError: The file cannot be written; an older one is then still there.
    """
    data = text.encode("utf-8", "backslashreplace")
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
        else:
            _replace(path.resolve(), data)
    except OSError as error:
        raise OutputError(
            Code.OUTPUT_UNWRITABLE,
            f"the report cannot be written: {error.strerror or error}",
            where=str(path),
            hint="name a file in a folder that is there and may be written, with --output",
        ) from error


def _replace(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(_mode(path))
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _mode(path: Path) -> int:
    """Return the rights of the older file, or those that a new one gets."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return _MODE & ~mask
