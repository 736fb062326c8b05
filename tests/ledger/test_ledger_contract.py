"""The laws of the ledger on both kinds of database, and on a third that only this file knows."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest
from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine
from sqlalchemy.exc import DBAPIError

from evoreg.provenance.ledger.backends.backend import APPEND_ONLY, Backend, trigger_problem
from evoreg.provenance.ledger.backends.sqlite import SQLITE_TRIGGERS
from evoreg.provenance.ledger.backends.table import BACKENDS
from evoreg.provenance.ledger.backends.troubles import Trouble, error_of
from evoreg.provenance.records.errors import Problem
from tests.ledger.ledger_contract import LedgerContract


class TestSQLite(LedgerContract):
    drop_triggers = tuple(f"DROP TRIGGER {name}" for name in SQLITE_TRIGGERS)

    @pytest.fixture
    def place(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/folder/ledger.db"


class TestPostgreSQL(LedgerContract):
    drop_triggers = ("DROP TRIGGER entries_append_only ON entries",)

    @pytest.fixture
    def place(self, bare_postgres_url: str) -> str:
        return bare_postgres_url


class Shelf:
    """A backend of its own: books on a shelf, `shelf:///folder/name`, a file for each of them.

    It borrows the dialect of SQLite, which the migrations need, and nothing else: connections,
    transactions, triggers and the meaning of errors are told anew.
    """

    name = "a shelf"
    _guards = tuple(
        (
            f"shelf_{event}",
            f"CREATE TRIGGER shelf_{event} BEFORE {event} ON entries {when} "
            f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END",
        )
        for event, when in (
            ("delete", ""),
            ("insert", "WHEN NEW.seq <= (SELECT coalesce(max(seq), 0) FROM entries)"),
            ("update", ""),
        )
    )

    def engine(self, url: URL, patience: float, *, read_only: bool) -> Engine:
        book = Path(f"{url.database}.book").absolute()
        if read_only and not book.exists():
            raise error_of(Trouble.UNREACHABLE, url, "no such book")

        def fetch() -> sqlite3.Connection:
            mode = "ro" if read_only else "rwc"
            connection = sqlite3.connect(
                f"{book.as_uri()}?mode={mode}",
                uri=True,
                timeout=patience,
                isolation_level=None,
                check_same_thread=False,
            )
            for pragma in ("foreign_keys = ON", "journal_mode = WAL", "synchronous = FULL"):
                connection.execute(f"PRAGMA {pragma}")
            return connection

        options = {"poolclass": QueuePool, "isolation_level": "AUTOCOMMIT"}
        return create_engine("sqlite://", creator=fetch, **options)

    @contextmanager
    def transaction(self, engine: Engine, *, writing: bool) -> Iterator[Connection]:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN DEFERRED")
            try:
                yield connection
            except BaseException:
                if not connection.invalidated:  # a connection given up is rolled back already
                    connection.exec_driver_sql("ROLLBACK")
                raise
            connection.exec_driver_sql("COMMIT")

    def lock_migration(self, connection: Connection) -> None:
        connection.exec_driver_sql("SELECT 1")

    def install_triggers(self, connection: Connection) -> None:
        for name, text in self._guards:
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
            connection.exec_driver_sql(text)

    def trigger_problems(self, connection: Connection) -> tuple[Problem, ...]:
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master")
        found = {(name, text) for name, text in rows}
        return tuple(
            trigger_problem(name) for name, text in self._guards if (name, text) not in found
        )

    def trouble(self, error: DBAPIError) -> Trouble:
        told = str(error.orig)
        for word, trouble in (
            ("locked", Trouble.BUSY),
            ("readonly", Trouble.READ_ONLY),
            ("unable", Trouble.UNREACHABLE),
        ):
            if word in told:
                return trouble
        return Trouble.BROKEN


class TestThirdBackend(LedgerContract):
    backends: ClassVar[Mapping[str, Backend]] = {**BACKENDS, "shelf": Shelf()}
    drop_triggers = tuple(f"DROP TRIGGER {name}" for name, _ in Shelf._guards)

    @pytest.fixture
    def place(self, tmp_path: Path) -> str:
        return f"shelf:///{tmp_path}/one"
