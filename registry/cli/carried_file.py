"""The file that ``evoreg ledger export`` writes and ``import`` reads, or stdin and stdout."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import ENOSPC
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, cast

from evoreg.provenance.records.errors import Code, InputError, OutputError


@contextmanager
def reading(file: str) -> Iterator[BinaryIO]:
    """Open a file to read.

    Args:
        file: Its path; ``-`` for stdin.

    Yields:
        Its bytes.

    Raises:
        InputError: It cannot be read.
    """
    try:
        if file == "-":
            yield sys.stdin.buffer
        else:
            with Path(file).open("rb") as stream:
                yield stream
    except OSError as error:
        gone = isinstance(error, FileNotFoundError)
        code = Code.INPUT_MISSING if gone else Code.INPUT_UNREADABLE
        what = f"the file cannot be read: {error.strerror or error}"
        raise InputError(code, what, where=file, hint="name a file that is there") from error


@contextmanager
def writing(file: str, *, force: bool) -> Iterator[BinaryIO]:
    """Open a file to write, which appears whole or not at all.

    Args:
        file: Its path; ``-`` for stdout. A pipe or a device takes the bytes as they come.
        force: Whether it may replace another file.

    Yields:
        What takes the bytes.

    Raises:
        OutputError: It is there already, or cannot be written.
    """
    path = Path(file)
    try:
        if file == "-":
            # Past the encoding of the terminal.
            yield cast(BinaryIO, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        elif path.exists() and not path.is_file() and not path.is_dir():
            with path.open("wb") as stream:  # a pipe or a device takes them as they come
                yield stream
        else:
            _check_free(path, force=force)
            with _replacing(path.resolve()) as stream:
                yield stream
    except BrokenPipeError:
        raise
    except OSError as error:
        full = error.errno == ENOSPC
        code = Code.OUTPUT_FULL if full else Code.OUTPUT_UNWRITABLE
        what = f"the entries cannot be written: {error.strerror or error}"
        hint = "name a file in a folder that is there and may be written"
        hint = "make room, or name a file on another disk" if full else hint
        raise OutputError(code, what, where=file, hint=hint) from error


def _check_free(path: Path, *, force: bool) -> None:
    if path.is_dir() or (not force and (path.exists() or path.is_symlink())):
        hint = "name another file" if path.is_dir() else "name another file, or give --force"
        what = "this is a folder" if path.is_dir() else "this file is there already"
        raise OutputError(Code.OUTPUT_EXISTS, what, where=str(path), hint=hint)


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    other = path.with_name(f".{path.name[:100]}.{token_hex(4)}")
    try:
        with other.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        other.replace(path)
        _keep_name(path.parent)
    except BaseException:
        with suppress(OSError):
            other.unlink()
        raise


def _keep_name(folder: Path) -> None:
    """Wait until the folder itself is on the disk; where folders cannot be opened, do without."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
