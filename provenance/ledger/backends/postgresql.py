"""A ledger in PostgreSQL: for teams, with rights for each of them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import URL, Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError

from evoreg.provenance.ledger.backends.backend import APPEND_ONLY, trigger_problem
from evoreg.provenance.ledger.backends.troubles import Trouble, shown
from evoreg.provenance.records.errors import Code, Problem, UsageError

# Any number that other programs are unlikely to use: it keeps two migrations apart.
_MIGRATION_LOCK = 0x65766F726567

_PATIENCE = "evoreg_patience"
_NO_WRITING = {"postgresql_readonly": True}

_FUNCTION = "entries_refuse_change"
_TRIGGER = "entries_append_only"
_SOURCE = f"BEGIN RAISE EXCEPTION '{APPEND_ONLY}' USING ERRCODE = 'restrict_violation'; END"
# Bits of pg_trigger.tgtype: BEFORE, DELETE, UPDATE, TRUNCATE; once a statement, not once a row.
_BEFORE_ANY_CHANGE = 2 + 8 + 16 + 32

_INSTALL = (
    f"DROP TRIGGER IF EXISTS {_TRIGGER} ON entries",
    f"CREATE OR REPLACE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $${_SOURCE}$$",
    f"CREATE TRIGGER {_TRIGGER} BEFORE UPDATE OR DELETE OR TRUNCATE ON entries "
    f"FOR EACH STATEMENT EXECUTE FUNCTION {_FUNCTION}()",
    # ALWAYS: also where session_replication_role switches ordinary triggers off.
    f"ALTER TABLE entries ENABLE ALWAYS TRIGGER {_TRIGGER}",
)

_LOOK = (
    "SELECT t.tgtype, t.tgenabled::text, t.tgqual IS NULL, p.prosrc FROM pg_trigger t "
    "JOIN pg_proc p ON p.oid = t.tgfoid "
    f"WHERE t.tgrelid = to_regclass('entries') AND t.tgname = '{_TRIGGER}'"
)

# A role or a server may have switched off waiting for the disk; what is acknowledged here must be
# there after a crash.
_SETTLE = (
    "SELECT set_config('lock_timeout', '{wait}ms', true), "
    "CASE current_setting('synchronous_commit') WHEN 'off' "
    "THEN set_config('synchronous_commit', 'on', true) END"
)

_TROUBLES: Mapping[str, Trouble] = {
    "25006": Trouble.READ_ONLY,  # read-only transaction, such as on a standby
    "42501": Trouble.DENIED,  # insufficient privilege
    "53100": Trouble.FULL,
    "55P03": Trouble.BUSY,  # lock not available
    "40001": Trouble.BUSY,  # serialization failure
    "40P01": Trouble.BUSY,  # deadlock
    "23001": Trouble.BROKEN,  # restrict violation: the trigger of the entries
    "23502": Trouble.BROKEN,  # not null
    "23503": Trouble.BROKEN,  # foreign key
    "23505": Trouble.BROKEN,  # unique
    "23514": Trouble.BROKEN,  # check
    "42P01": Trouble.BROKEN,  # no such table
    "42703": Trouble.BROKEN,  # no such column
    "XX001": Trouble.BROKEN,  # corrupted data
    "XX002": Trouble.BROKEN,  # corrupted index
}


class PostgreSQL:
    """The backend for ``postgresql://user@host/database``, through psycopg 3."""

    name = "PostgreSQL"

    def engine(self, url: URL, patience: float, *, read_only: bool) -> Engine:
        """Prepare the way to a server; nothing is connected yet."""
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
                execution_options={_PATIENCE: patience, **(_NO_WRITING if read_only else {})},
                hide_parameters=True,
                pool_pre_ping=True,
            )
        except ImportError as error:
            raise UsageError(
                Code.EXTRA_MISSING,
                "a ledger in PostgreSQL needs psycopg, which is not installed",
                where=shown(url),
                hint="pip install 'evoreg[postgres]'",
            ) from error

    @contextmanager
    def transaction(self, engine: Engine, *, writing: bool) -> Iterator[Connection]:
        """Open a transaction.

        A reading one sees one state throughout. A writing one reads what others have committed
        before each statement; who appends locks the head row first.
        """
        with engine.connect() as connection:
            if writing:
                connection.execution_options(isolation_level="READ COMMITTED")
            else:
                connection.execution_options(isolation_level="REPEATABLE READ", **_NO_WRITING)
            with connection.begin():
                if writing:
                    patience = connection.get_execution_options()[_PATIENCE]
                    wait = max(1, round(patience * 1000))
                    connection.exec_driver_sql(_SETTLE.format(wait=wait))
                yield connection

    def lock_migration(self, connection: Connection) -> None:
        """Wait for the advisory lock that all migrations take."""
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")

    def install_triggers(self, connection: Connection) -> None:
        """Make function and trigger anew."""
        for statement in _INSTALL:
            connection.exec_driver_sql(statement)

    def trigger_problems(self, connection: Connection) -> tuple[Problem, ...]:
        """Return a problem if the trigger is missing, switched off or altered."""
        found = [tuple(row) for row in connection.exec_driver_sql(_LOOK)]
        intact = [(_BEFORE_ANY_CHANGE, "A", True, _SOURCE)]
        return () if found == intact else (trigger_problem(_TRIGGER),)

    def trouble(self, error: DBAPIError) -> Trouble:
        """Return what an error means, by its SQLSTATE."""
        return _TROUBLES.get(str(getattr(error.orig, "sqlstate", "")), Trouble.UNREACHABLE)


POSTGRESQL = PostgreSQL()
"""The backend."""
