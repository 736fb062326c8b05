"""The ways into an SQLite file for those who only read, also where nothing may be laid beside."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import URL, Connection

from evoreg.provenance.ledger.backends.troubles import Trouble, error_of, shown
from evoreg.provenance.records.errors import Code, InputError


def _beside(file: Path, ending: str) -> Path:
    return file.with_name(f"{file.name}-{ending}")


def _log_left(url: URL) -> InputError:
    return InputError(
        Code.LEDGER_UNREACHABLE,
        "the log of a writer lies beside the file and cannot be read here: the writer was "
        "interrupted, or is at work on another machine",
        where=shown(url),
        hint="let somebody who may write the file and its folder open the ledger once",
    )


def reader(file: Path, url: URL, patience: float) -> Callable[[], sqlite3.Connection]:
    """Return the way in for somebody who may write, but only wants to read.

    Args:
        file: The ledger.
        url: Its address, for messages.
        patience: Seconds to wait for a lock.

    Returns:
        A function that connects; it raises InputError if there is no such file.
    """
    # Not mode=ro: that would leave the log behind, which the last one to close tidies away.
    return lambda: _connected(file, url, "mode=rw", patience, sqlite3.Connection)


class _Still(sqlite3.Connection):
    """A connection to a file that it takes for unchangeable."""

    file: Path
    before: tuple[int, ...]


def onlooker(
    file: Path, url: URL, patience: float, network: str
) -> Callable[[], sqlite3.Connection]:
    """Return the way in for somebody who may lay no files beside the ledger.

    While a writer is at work, its log and the index of the log are there and can be read along.
    Otherwise the file is read as if nobody could change it, and looked at again afterwards.

    Args:
        file: The ledger.
        url: Its address, for messages.
        patience: Seconds to wait for a lock.
        network: Kind of the network file system that it lies on; empty for a disk.

    Returns:
        A function that connects; it raises InputError if there is no such file, or if the log of a
        writer lies beside it and cannot be read along.
    """

    def connect() -> sqlite3.Connection:
        before = _state(file)
        if _beside(file, "wal").exists():
            if network or not _beside(file, "shm").exists():
                raise _log_left(url)
            return _connected(file, url, "mode=ro", patience, sqlite3.Connection)
        still = _connected(file, url, "mode=ro&immutable=1", patience, _Still)
        if isinstance(still, _Still):
            still.file, still.before = file, before
        return still

    return connect


def _state(file: Path) -> tuple[int, ...]:
    try:
        found = file.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _connected(
    file: Path, url: URL, mode: str, patience: float, kind: type[sqlite3.Connection]
) -> sqlite3.Connection:
    if not file.exists():
        what = "there is no ledger here: no such file"
        hint = "check the address; whoever may write makes a new ledger by opening it"
        raise InputError(Code.LEDGER_UNREACHABLE, what, where=shown(url), hint=hint)
    return sqlite3.connect(
        f"{file.as_uri()}?{mode}",
        uri=True,
        timeout=patience,
        check_same_thread=False,
        factory=kind,
    )


def assert_unchanged(connection: Connection) -> None:
    """Make sure that a file that was taken for unchangeable has not changed.

    Args:
        connection: A connection whose transaction has ended.

    Raises:
        InputError: Somebody wrote meanwhile (LEDGER_BUSY): what was read may be of two states.
    """
    if connection.invalidated or connection.closed:
        return
    raw: object = connection.connection.dbapi_connection
    if isinstance(raw, _Still) and _state(raw.file) != raw.before:
        raise error_of(Trouble.CHANGED, connection.engine.url)
