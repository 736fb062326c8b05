"""A ledger in an SQLite file: right for one machine, also for several processes on it.

Writers use a write-ahead log, so that they keep no reader waiting. Who may not write reads the file
as it stands; SQLite would need to lay files beside it for anything more.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from evoreg.provenance.ledger.backends.backend import APPEND_ONLY, trigger_problem
from evoreg.provenance.ledger.backends.mounts import network_kind
from evoreg.provenance.ledger.backends.sqlite_reading import assert_unchanged, onlooker, reader
from evoreg.provenance.ledger.backends.troubles import Trouble, error_of, shown
from evoreg.provenance.records.entry import GENESIS
from evoreg.provenance.records.errors import Code, InputError, Problem, UsageError

_WRITING = "evoreg_writing"
_LOOK = 0.002  # seconds between two looks for the lock
_REFUSE = f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"

# INSERT OR REPLACE deletes without firing delete triggers unless the connection asks for them, so
# the third trigger lets nothing in but a next entry: no existing row can be in its way.
SQLITE_TRIGGERS: Mapping[str, str] = {
    "entries_no_update": f"CREATE TRIGGER entries_no_update BEFORE UPDATE ON entries {_REFUSE}",
    "entries_no_delete": f"CREATE TRIGGER entries_no_delete BEFORE DELETE ON entries {_REFUSE}",
    "entries_only_next": (
        "CREATE TRIGGER entries_only_next BEFORE INSERT ON entries "
        "WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM entries) "
        f"OR NEW.prev IS NOT coalesce((SELECT hash FROM entries WHERE seq = NEW.seq - 1), "
        f"'{GENESIS}') "
        "OR EXISTS (SELECT 1 FROM entries WHERE prev = NEW.prev OR hash = NEW.hash) "
        f"{_REFUSE}"
    ),
}
"""Name and text of each trigger."""

# A file may come from a stranger: what stands in its schema shall run no function that matters,
# and a damaged page shall be noticed.
_WARY = ("trusted_schema = OFF", "cell_size_check = ON")
_READER = (*_WARY, "query_only = ON")
_WRITER = (
    *_WARY,
    "foreign_keys = ON",
    "recursive_triggers = ON",
    "synchronous = FULL",
    # The keys of three indexes are digests: with room for their pages, and a log that is taken in
    # more seldom, a batch writes each page once and not several times.
    "cache_size = -65536",
    "wal_autocheckpoint = 8192",
    "fullfsync = ON",  # means something on macOS alone
)

_TROUBLES: Mapping[int, Trouble] = {
    sqlite3.SQLITE_ERROR: Trouble.BROKEN,  # no such table or column
    sqlite3.SQLITE_BUSY: Trouble.BUSY,
    sqlite3.SQLITE_LOCKED: Trouble.BUSY,
    sqlite3.SQLITE_READONLY: Trouble.READ_ONLY,
    sqlite3.SQLITE_FULL: Trouble.FULL,
    sqlite3.SQLITE_CORRUPT: Trouble.BROKEN,
    sqlite3.SQLITE_CONSTRAINT: Trouble.BROKEN,
    sqlite3.SQLITE_MISMATCH: Trouble.BROKEN,
    sqlite3.SQLITE_NOTADB: Trouble.FOREIGN,
}


class SQLite:
    """The backend for ``sqlite:///path/to/file``."""

    name = "SQLite"

    def engine(self, url: URL, patience: float, *, read_only: bool) -> Engine:
        """Prepare the way to a file, whose folder is made unless it is only to be read."""
        file = _file(url)
        if not read_only:
            _make_folder(file, url)
        network = network_kind(file.parent)
        if network and not read_only:
            raise _on_network(url, network)
        if network or not _may_write(file):
            way = onlooker(file, url, patience, network)
            engine = create_engine(url, creator=way, poolclass=NullPool)
            event.listen(engine, "connect", _prepare_reader)
        elif read_only:
            engine = create_engine(url, creator=reader(file, url, patience))
            event.listen(engine, "connect", _prepare_reader)
        else:
            options = {"timeout": patience}
            engine = create_engine(url, connect_args=options, hide_parameters=True)
            event.listen(engine, "connect", _prepare_writer)
        event.listen(engine, "begin", _beginner(patience))
        return engine

    @contextmanager
    def transaction(self, engine: Engine, *, writing: bool) -> Iterator[Connection]:
        """Open a transaction; a writing one holds the only write lock from its first moment on."""
        with engine.connect() as connection:
            connection.execution_options(**{_WRITING: writing})
            try:
                with connection.begin():
                    yield connection
            except Exception:
                assert_unchanged(connection)
                raise
            assert_unchanged(connection)

    def lock_migration(self, connection: Connection) -> None:
        """Do nothing: the transaction has the only write lock already."""

    def install_triggers(self, connection: Connection) -> None:
        """Make the triggers anew."""
        for name, statement in SQLITE_TRIGGERS.items():
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
            connection.exec_driver_sql(statement)

    def trigger_problems(self, connection: Connection) -> tuple[Problem, ...]:
        """Return one problem for each trigger that is missing or altered, sorted by name."""
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        found = {str(name): sql for name, sql in connection.exec_driver_sql(query)}
        names = sorted(SQLITE_TRIGGERS)
        return tuple(trigger_problem(n) for n in names if found.get(n) != SQLITE_TRIGGERS[n])

    def trouble(self, error: DBAPIError) -> Trouble:
        """Return what an error means, by its primary code."""
        # The low byte is the primary code, the rest says more closely what happened.
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
        return _TROUBLES.get(code, Trouble.UNREACHABLE)


SQLITE = SQLite()
"""The backend."""


def _file(url: URL) -> Path:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        hint = "write sqlite:///path/to/ledger.db"
        what = "a ledger needs a plain file name"
        raise UsageError(Code.USAGE, what, where=shown(url), hint=hint)
    return Path(url.database).absolute()


def _make_folder(file: Path, url: URL) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise error_of(Trouble.UNREACHABLE, url, str(error.strerror or error)) from error


def _on_network(url: URL, kind: str) -> InputError:
    return InputError(
        Code.LEDGER_UNREACHABLE,
        f"the file lies on a network file system ({kind}), where SQLite loses what is written",
        where=shown(url),
        hint="keep the ledger on a disk of this machine, or in PostgreSQL",
    )


def _may_write(file: Path) -> bool:
    """Return whether the file can be written, and files be laid beside it, as SQLite must."""
    return os.access(file.parent, os.W_OK) and (not file.exists() or os.access(file, os.W_OK))


def _prepare_reader(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    _prepare(connection, _READER)


def _prepare_writer(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    _prepare(connection, _WRITER)
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        connection.close()
        raise InputError(
            Code.LEDGER_UNREACHABLE,
            "SQLite can keep no write-ahead log here, and without it a reader keeps writers out",
            hint="keep the ledger on a disk of this machine, or in PostgreSQL",
        )


def _prepare(connection: sqlite3.Connection, pragmas: tuple[str, ...]) -> None:
    # The driver must not begin transactions by itself: `_begin` does.
    connection.isolation_level = None
    # Text that is not UTF-8 must reach `verify`, which names it; an exception would hide the rest.
    connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    try:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").close()
    except sqlite3.Error:
        connection.close()
        raise


def _beginner(patience: float) -> Callable[[Connection], None]:
    """Return what begins a transaction.

    Left to itself SQLite looks for the lock ever more seldom, in the end ten times a second: with
    several writers it lies idle most of the time, and some of them starve.
    """

    def begin(connection: Connection) -> None:
        if not connection.get_execution_options().get(_WRITING, False):
            connection.exec_driver_sql("BEGIN")
            return
        raw = connection.connection.cursor()
        raw.execute("PRAGMA busy_timeout = 0")
        try:
            if not _begun(raw, monotonic() + patience):
                # Once more, for an error that SQLAlchemy knows.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
        finally:
            raw.execute(f"PRAGMA busy_timeout = {round(patience * 1000)}")
            raw.close()

    return begin


def _begun(raw: DBAPICursor, until: float) -> bool:
    """Wait for the lock; return whether a transaction has begun."""
    while True:
        try:
            raw.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() >= until:
                return False
        else:
            return True
        sleep(_LOOK)
