"""Digests of files: each large file is hashed once, and remembered while it stays untouched.

A remembered digest is used only if the resolved path, the size, the inode and both times of the
file (content and status, in nanoseconds) are what they were; a time set back by hand changes the
status time. The memory is a small SQLite file that may be deleted at any moment: whatever happens
to it, the digests stay right and only take longer.
"""

import hashlib
import os
import re
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Code, InputError

Progress: TypeAlias = Callable[[int], None]
"""Told the number of bytes that were just dealt with."""

Hasher: TypeAlias = Callable[[Path], Digest]
"""Returns the digest of a file: `measure`, or `DigestCache.digest`."""

_CHUNK = 1 << 20
_SMALL = 1 << 20
_VERSION = 1
_FORM = re.compile(r"sha256:[0-9a-f]{64}")
_SECONDS_TO_WAIT = 5.0
_STATE = "size, mtime_ns, ctime_ns, inode, device"
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS digests (path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, "
    "ctime_ns INTEGER, inode TEXT, device TEXT, digest TEXT) WITHOUT ROWID"
)

_State: TypeAlias = tuple[int, int, int, str, str]  # inodes may exceed SQLite's integers


def _state(facts: os.stat_result) -> _State:
    times = facts.st_mtime_ns, facts.st_ctime_ns
    return facts.st_size, *times, str(facts.st_ino), str(facts.st_dev)


def _ignore(count: int) -> None:
    """Take the place of a progress callback."""


@contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, refusing anything but a regular file, without ever waiting for one.

    Args:
        path: A path whose last part is no link.

    Yields:
        The open file.

    Raises:
        InputError: It cannot be opened or read, or is a link, folder, pipe or device.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        handle = os.open(path, flags | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise InputError(
                    Code.INPUT_UNREADABLE, "not a regular file", where=str(path), hint="remove it"
                )
            yield file
    except OSError as error:
        raise InputError(
            Code.INPUT_UNREADABLE,
            f"the file cannot be read: {error.strerror or error}",
            where=str(path),
            hint="check that it exists, that you may read it, and that the disk is sound",
        ) from error


def measure(path: Path, progress: Progress = _ignore) -> Digest:
    """Hash a file.

    Args:
        path: A regular file, all links resolved.
        progress: Told the bytes of each piece that was hashed.

    Returns:
        SHA-256 of its bytes.

    Raises:
        InputError: It cannot be read (INPUT_UNREADABLE), or was changed meanwhile (INPUT_CHANGED).
    """
    return _measure(path, progress)[0]


def _measure(path: Path, progress: Progress) -> tuple[Digest, _State]:
    hasher = hashlib.sha256()
    buffer = memoryview(bytearray(_CHUNK))
    with open_regular(path) as file:
        before = _state(os.fstat(file.fileno()))
        total = 0
        while count := file.readinto(buffer):  # type: ignore[attr-defined]  # a raw file has it
            hasher.update(buffer[:count])
            total += count
            progress(count)
        after = _state(os.fstat(file.fileno()))
        # The path is asked too: not every file system marks a file that was moved away.
        same = before == after == _state(path.stat()) and total == before[0]
    if not same:
        raise InputError(
            Code.INPUT_CHANGED,
            "the file was changed while it was read",
            where=str(path),
            hint="wait until nobody writes to it, then try again",
        )
    return f"sha256:{hasher.hexdigest()}", before


@dataclass(frozen=True, slots=True)
class DigestCache:
    """Digests of files, remembered in a SQLite file. Many processes may share one."""

    path: Path
    """The SQLite file; it and its folder are made when first needed."""
    progress: Progress = _ignore
    """Told the bytes of each piece that was hashed, or of a whole file that was remembered."""
    smallest: int = _SMALL
    """Bytes of the smallest file that is remembered: to hash a smaller one takes less time."""

    def digest(self, path: Path) -> Digest:
        """Return the digest of a file, hashing it only if it is new or was touched.

        Args:
            path: A regular file; links are resolved.

        Returns:
            SHA-256 of its bytes.

        Raises:
            InputError: As `measure`.
        """
        real = _resolved(path)
        with open_regular(real) as file:
            state = _state(os.fstat(file.fileno()))
        if state[0] < self.smallest:
            return _measure(real, self.progress)[0]
        known = self._recall(real, state)
        if known is not None:
            self.progress(state[0])
            return known
        digest, state = _measure(real, self.progress)
        self._remember(real, state, digest)
        return digest

    def _recall(self, path: Path, state: _State) -> Digest | None:
        query = f"SELECT digest, {_STATE} FROM digests WHERE path = ?"
        rows = self._ask(query, (os.fsencode(path).hex(),))
        if not rows or tuple(rows[0][1:]) != state:
            return None
        digest = str(rows[0][0])
        return digest if _FORM.fullmatch(digest) else None

    def _remember(self, path: Path, state: _State, digest: Digest) -> None:
        # INSERT OR REPLACE is right here: a row is a memory, not a record.
        statement = f"INSERT OR REPLACE INTO digests (path, {_STATE}, digest) VALUES (?{', ?' * 6})"
        self._ask(statement, (os.fsencode(path).hex(), *state, digest))

    def _ask(self, query: str, values: tuple[object, ...]) -> list[tuple[object, ...]]:
        """Carry out one statement; a broken memory is thrown away, a busy one left alone."""
        for _ in range(2):
            try:
                return self._execute(query, values)
            except OSError:
                return []
            except sqlite3.OperationalError as error:
                # Busy, read-only, full: leave it. A wrong table is the one fault worth a new file.
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_ERROR:
                    return []
                self._forget()
            except sqlite3.DatabaseError:
                self._forget()
        return []

    def _execute(self, query: str, values: tuple[object, ...]) -> list[tuple[object, ...]]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=_SECONDS_TO_WAIT)) as link, link:
            version = link.execute("PRAGMA user_version").fetchone()[0]
            if version not in {0, _VERSION}:
                raise sqlite3.DatabaseError("written by another version")
            if version == 0:
                link.execute(_SCHEMA)
                link.execute(f"PRAGMA user_version = {_VERSION}")
            return link.execute(query, values).fetchall()

    def _forget(self) -> None:
        for suffix in ("", "-journal", "-wal", "-shm"):
            with suppress(OSError):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)


def _resolved(path: Path) -> Path:
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise InputError(
            Code.INPUT_UNREADABLE,
            "the file is missing or its link leads nowhere",
            where=str(path),
            hint="restore the file",
        ) from error
