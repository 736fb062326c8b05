"""The store: one database, its transactions, and the single place where its errors are met."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError, TimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

from evoreg.provenance.records.errors import (
    Code,
    EvoregError,
    InputError,
    UsageError,
    VerificationError,
)

_WRITING = "evoreg_writing"
_EXAMPLES = "write sqlite:///path/to/ledger.db or postgresql://user@host/database"


class Store:
    """A database with reading and writing transactions. SQL errors leave it as evoreg errors."""

    def __init__(self, engine: Engine, patience: float) -> None:
        self._engine = engine
        self._patience = patience
        self._closed = False

    @property
    def name(self) -> str:
        """The address of the database, without password and options."""
        return _shown(self._engine.url)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the ledger throughout and blocks no writer.

        Yields:
            A connection for queries.

        Raises:
            InputError: The database cannot be reached.
            VerificationError: The database is damaged.
        """
        with self._transaction({}) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that is kept whole or not at all.

        In SQLite it holds the only write lock from its first moment on. In PostgreSQL it reads
        what others have committed before each statement; who appends locks the head row first.

        Yields:
            A connection for queries and changes.

        Raises:
            InputError: The database cannot be reached, or stayed locked for too long.
            VerificationError: The database is damaged, or a rule of its tables was broken.
        """
        with self._transaction({_WRITING: True}) as connection:
            if connection.dialect.name == "postgresql":
                wait = f"{max(1, round(self._patience * 1000))}ms"
                connection.execute(text("SELECT set_config('lock_timeout', :w, true)"), {"w": wait})
            yield connection

    def close(self) -> None:
        """Give back all connections; the store cannot be used afterwards."""
        self._closed = True
        self._engine.dispose()

    @contextmanager
    def _transaction(self, options: dict[str, bool]) -> Iterator[Connection]:
        if self._closed:
            raise UsageError(Code.USAGE, "the ledger is closed", where=self.name, hint="reopen it")
        try:
            with self._engine.connect() as connection:
                _choose_isolation(connection, options)
                with connection.begin():
                    yield connection
        except SQLAlchemyError as error:
            raise _translated(error, self._engine.url) from error


def open_store(url: str, patience: float) -> Store:
    """Prepare the way to a database; nothing is connected yet.

    Args:
        url: ``sqlite:///`` and a file, whose folder is made, or ``postgresql://...``.
        patience: Seconds to wait for another writer.

    Returns:
        A store.

    Raises:
        UsageError: The address is none, or asks for another kind of database, or psycopg is
            not installed.
        InputError: The folder of an SQLite file cannot be made.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        return Store(_sqlite_engine(parsed, patience), patience)
    return Store(_postgresql_engine(parsed), patience)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise UsageError(Code.USAGE, "not the address of a ledger", hint=_EXAMPLES) from error
    if parsed.drivername not in {
        "sqlite",
        "sqlite+pysqlite",
        "postgresql",
        "postgresql+psycopg",
    }:
        what = f"a ledger lives in SQLite or PostgreSQL, not in {parsed.drivername}"
        older = parsed.drivername == "postgres"
        hint = "write postgresql:// instead of postgres://" if older else _EXAMPLES
        raise UsageError(Code.USAGE, what, where=_shown(parsed), hint=hint)
    return parsed


def _shown(url: URL) -> str:
    # Options are left out as a whole: a password may stand among them.
    return url.set(query={}).render_as_string(hide_password=True)


def _sqlite_engine(url: URL, patience: float) -> Engine:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        what = "a ledger needs a plain file name"
        raise UsageError(Code.USAGE, what, where=_shown(url), hint=_EXAMPLES)
    try:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unreachable(url, str(error.strerror or error)) from error
    reader = {"creator": _reader(Path(url.database))} if _sealed(Path(url.database)) else {}
    engine = create_engine(url, connect_args={"timeout": patience}, hide_parameters=True, **reader)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _sealed(file: Path) -> bool:
    """Return whether nobody here can write the ledger: SQLite has no room for its WAL then."""
    wal = file.with_name(f"{file.name}-wal")
    return file.is_file() and not os.access(file.parent, os.W_OK) and not wal.exists()


def _reader(file: Path) -> Callable[[], sqlite3.Connection]:
    address = f"{file.absolute().as_uri()}?mode=ro&immutable=1"
    return lambda: sqlite3.connect(address, uri=True, check_same_thread=False)


def _prepare_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    # The driver must not begin transactions by itself: `_begin_sqlite` does.
    connection.isolation_level = None
    # Text that is not UTF-8 must reach `verify`, which names it; an exception would hide the rest.
    connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    try:
        for pragma in (
            "foreign_keys = ON",
            "recursive_triggers = ON",
            "journal_mode = WAL",
            "synchronous = FULL",
        ):
            connection.execute(f"PRAGMA {pragma}").close()
    except sqlite3.Error:
        connection.close()
        raise


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get(_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _postgresql_engine(url: URL) -> Engine:
    options: dict[str, str | int] = {
        "application_name": "evoreg",
        "client_encoding": "utf8",
        "connect_timeout": 10,
    }
    missing = {key: value for key, value in options.items() if key not in url.query}
    try:
        return create_engine(
            url.set(drivername="postgresql+psycopg"),
            connect_args=missing,
            hide_parameters=True,
            pool_pre_ping=True,
        )
    except ImportError as error:
        raise UsageError(
            Code.EXTRA_MISSING,
            "a ledger in PostgreSQL needs psycopg, which is not installed",
            where=_shown(url),
            hint="pip install 'evoreg[postgres]'",
        ) from error


def _choose_isolation(connection: Connection, options: dict[str, bool]) -> None:
    if connection.dialect.name == "sqlite":
        connection.execution_options(**options)
    elif _WRITING in options:
        connection.execution_options(isolation_level="READ COMMITTED")
    else:
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _translated(error: SQLAlchemyError, url: URL) -> EvoregError:
    if isinstance(error, TimeoutError):
        return _busy(url, "all connections are in use")
    if not isinstance(error, DBAPIError):
        return _broken(url, str(error))
    cause = error.orig
    message = str(cause).strip()
    # The low byte is the primary code, the rest says more closely what happened.
    code = getattr(cause, "sqlite_errorcode", None)
    key = getattr(cause, "sqlstate", None) or (code & 0xFF if code is not None else None)
    if key is None and isinstance(cause, sqlite3.OperationalError):
        return _unreachable(url, message)
    return _KINDS.get(key or "", _unreachable)(url, message)


def _unreachable(url: URL, message: str) -> EvoregError:
    for secret in (str(url.password or ""), *map(str, url.query.values())):
        message = message.replace(secret, "***") if secret else message
    return InputError(
        Code.LEDGER_UNREACHABLE,
        f"the database of the ledger cannot be used: {message}",
        where=_shown(url),
        hint="check address, rights and free space, and that the server is running",
    )


def _busy(url: URL, message: str) -> EvoregError:
    return InputError(
        Code.LEDGER_BUSY,
        f"another writer kept the ledger locked for too long: {message}",
        where=_shown(url),
        hint="try again; nothing was written",
    )


def _read_only(url: URL, message: str) -> EvoregError:
    return InputError(
        Code.LEDGER_UNREACHABLE,
        f"the ledger can be read here, but not written: {message}",
        where=_shown(url),
        hint="get the right to write to it and to its folder; nothing was written",
    )


def _foreign(url: URL, message: str) -> EvoregError:
    return InputError(
        Code.LEDGER_VERSION,
        f"this file is not a ledger: {message}",
        where=_shown(url),
        hint="give the ledger a file of its own",
    )


def _broken(url: URL, message: str) -> EvoregError:
    return VerificationError(
        Code.LEDGER_BROKEN,
        f"the database of the ledger is damaged or breaks its own rules: {message}",
        where=_shown(url),
        hint="nothing was written; run evoreg ledger verify",
    )


_KINDS: dict[str | int, Callable[[URL, str], EvoregError]] = {
    sqlite3.SQLITE_ERROR: _broken,  # no such table or column
    sqlite3.SQLITE_BUSY: _busy,
    sqlite3.SQLITE_LOCKED: _busy,
    sqlite3.SQLITE_READONLY: _read_only,
    sqlite3.SQLITE_CORRUPT: _broken,
    sqlite3.SQLITE_CONSTRAINT: _broken,
    sqlite3.SQLITE_MISMATCH: _broken,
    sqlite3.SQLITE_NOTADB: _foreign,
    "55P03": _busy,  # lock not available
    "40001": _busy,  # serialization failure
    "40P01": _busy,  # deadlock
    "23001": _broken,  # restrict violation: the trigger of the entries
    "23502": _broken,  # not null
    "23503": _broken,  # foreign key
    "23505": _broken,  # unique
    "23514": _broken,  # check
    "42P01": _broken,  # no such table
    "42703": _broken,  # no such column
    "XX001": _broken,  # corrupted data
}
"""What a database says (primary result code of SQLite, SQLSTATE of PostgreSQL)."""
