"""The place of a result: a folder that appears whole or not at all.

Everything is written into ``.NAME.partial-...`` beside the final place, forced to disk and renamed.
The partial folder is locked while its process lives, so that the next merge can tell a folder that
was left behind by a killed process from one that is being written, and removes only the former.
"""

import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from evoreg.provenance.records.errors import Code, OutputError

_MARGIN = 2**20
"""Bytes kept free for config, papers and folders."""


@dataclass(frozen=True, slots=True)
class Workplace:
    """A partial folder that becomes the result."""

    partial: Path
    """Where to write."""
    final: Path
    """Where the result will be."""

    def settle(self) -> None:
        """Force everything that was written to disk.

        Raises:
            OutputError: The disk fails or is full.
        """
        with translated(self.final):
            for path in sorted(self.partial.rglob("*")):
                _sync(path)
            _sync(self.partial)

    def publish(self) -> None:
        """Force everything to disk and put it in its final place.

        Raises:
            OutputError: The place was taken meanwhile, or the disk fails.
        """
        self.settle()
        with translated(self.final):
            self.partial.rename(self.final)
            _sync(self.final.parent)


@contextmanager
def workplace(final: Path, size: int) -> Iterator[Workplace]:
    """Give a folder to write a result into, and remove it unless it was published.

    Args:
        final: Where the result will be; must not exist, or be an empty folder.
        size: Bytes that will be written.

    Yields:
        The workplace.

    Raises:
        OutputError: The place is taken, cannot be written, or has too little room.
    """
    made = _make_parents(final)
    try:
        _check_free(final.parent, size, final)
        _remove_leftovers(final)
        with translated(final):
            partial, handle = _locked_folder(final)
        try:
            yield Workplace(partial, final)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            os.close(handle)
    finally:
        _remove_empty(made)


def check_place(final: Path) -> None:
    """Check that a result may be put somewhere, before any work is done.

    Args:
        final: Where the result will be.

    Raises:
        OutputError: Something is there already, or nothing can be written there.
    """
    with translated(final):
        _check_above(final)
        if final.is_symlink() or (final.exists() and not final.is_dir()):
            taken = True
        else:
            taken = final.is_dir() and any(final.iterdir())
    if taken:
        raise OutputError(
            Code.OUTPUT_EXISTS,
            "something is there already",
            where=str(final),
            hint="choose another folder, or remove it first; evoreg never overwrites a model",
        )


def check_room(sizes: Sequence[tuple[Path, int]]) -> None:
    """Check that several results have room together, on each disk that takes some of them.

    Args:
        sizes: Folders that will be written, and the bytes of each.

    Raises:
        OutputError: A disk has too little room.
    """
    disks: dict[int, list[tuple[Path, Path, int]]] = {}
    for place, size in sizes:
        with translated(place):
            above = _above(place)
            disks.setdefault(above.stat().st_dev, []).append((place, above, size))
    for parts in disks.values():
        _check_free(parts[0][1], sum(part[2] for part in parts), parts[0][0])


def _above(place: Path) -> Path:
    """Return the innermost folder that exists above a place."""
    folder = place.absolute().parent
    while not os.path.lexists(folder):
        folder = folder.parent
    return folder


def _check_above(final: Path) -> None:
    """Check the innermost folder that exists above the result."""
    folder = _above(final)
    if not folder.is_dir():
        error = OSError(errno.ENOTDIR, f"{folder} is no folder")
    elif not os.access(folder, os.W_OK | os.X_OK):
        error = OSError(errno.EACCES, f"{folder} is closed to you, or read-only")
    else:
        return
    raise error


@contextmanager
def translated(place: Path) -> Iterator[None]:
    """Turn errors of the disk into errors of evoreg.

    Args:
        place: What the user asked for.

    Yields:
        Nothing.

    Raises:
        OutputError: No room, no right, or a place that was taken meanwhile.
    """
    try:
        yield
    except OSError as error:
        raise output_error(error, place) from error


def output_error(error: OSError, place: Path) -> OutputError:
    """Return what a failure to write means for the user.

    Args:
        error: The failure.
        place: Where the result should have been.

    Returns:
        An error with code, place and advice.
    """
    where = str(place)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        hint = "free some room, or choose a folder on another disk; nothing was left behind"
        return OutputError(Code.OUTPUT_FULL, "the disk is full", where=where, hint=hint)
    if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
        hint = "choose another folder; another merge may have been faster"
        return OutputError(Code.OUTPUT_EXISTS, "the place is taken", where=where, hint=hint)
    reason = error.strerror or str(error)
    hint = "choose a folder that you may write to"
    what = f"the folder cannot be written: {reason}"
    return OutputError(Code.OUTPUT_UNWRITABLE, what, where=where, hint=hint)


def _make_parents(final: Path) -> list[Path]:
    """Make the folders above the result; return those that were missing, innermost first."""
    missing = []
    folder = final.parent
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    with translated(final):
        final.parent.mkdir(parents=True, exist_ok=True)
    return missing


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return  # it holds the result, or somebody else's files


def _check_free(folder: Path, size: int, final: Path) -> None:
    with translated(final):
        free = shutil.disk_usage(folder).free
    if free < size + _MARGIN:
        raise OutputError(
            Code.OUTPUT_FULL,
            f"the result needs {size + _MARGIN:,} bytes, the disk has {free:,} left",
            where=str(final),
            hint="free some room, or choose a folder on another disk",
        )


def _remove_leftovers(final: Path) -> None:
    remove_unlocked(sorted(final.parent.glob(f".{_escaped(final.name)}.partial-*")))


def remove_unlocked(partial: Sequence[Path]) -> None:
    """Remove partial folders that a killed process left behind.

    Args:
        partial: Folders; one that is being written is left alone.
    """
    for path in partial:
        handle = _lock(path)
        if handle is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(handle)


def _escaped(name: str) -> str:
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)


def _locked_folder(final: Path) -> tuple[Path, int]:
    while True:
        partial = final.parent / f".{final.name}.partial-{secrets.token_hex(4)}"
        partial.mkdir()
        handle = _lock(partial)
        # Another merge may have taken the folder for a leftover before it was locked.
        if handle is not None and partial.is_dir():
            return partial, handle
        if handle is not None:
            os.close(handle)


def _lock(folder: Path) -> int | None:
    """Lock a folder; return its handle, or nothing if another process holds it."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
