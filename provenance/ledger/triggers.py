"""Triggers that keep the entries append-only, whoever writes to the database.

They stop mistakes and other programs. Somebody who owns the database can drop them, which is why
their presence is asserted when a ledger is opened, before each append, and in `verify`.
"""

from collections.abc import Mapping

from sqlalchemy import Connection, text

from evoreg.provenance.records.entry import GENESIS
from evoreg.provenance.records.errors import Code, Problem

_MESSAGE = "the entries of the ledger are append-only"

_REFUSE = f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"

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
"""Name and text of each trigger in SQLite."""

_FUNCTION = "entries_refuse_change"
_TRIGGER = "entries_append_only"
_SOURCE = f"BEGIN RAISE EXCEPTION '{_MESSAGE}' USING ERRCODE = 'restrict_violation'; END"
# Bits of pg_trigger.tgtype: BEFORE, DELETE, UPDATE, TRUNCATE; once a statement, not once a row.
_BEFORE_ANY_CHANGE = 2 + 8 + 16 + 32

POSTGRESQL_STATEMENTS = (
    f"DROP TRIGGER IF EXISTS {_TRIGGER} ON entries",
    f"CREATE OR REPLACE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $${_SOURCE}$$",
    f"CREATE TRIGGER {_TRIGGER} BEFORE UPDATE OR DELETE OR TRUNCATE ON entries "
    f"FOR EACH STATEMENT EXECUTE FUNCTION {_FUNCTION}()",
    # ALWAYS: also where session_replication_role switches ordinary triggers off.
    f"ALTER TABLE entries ENABLE ALWAYS TRIGGER {_TRIGGER}",
)
"""What makes the trigger in PostgreSQL, run one after the other."""


def install_triggers(connection: Connection) -> None:
    """Make the triggers anew; called at the end of every migration.

    Args:
        connection: A connection inside a writing transaction.
    """
    if connection.dialect.name == "postgresql":
        statements = list(POSTGRESQL_STATEMENTS)
    else:
        statements = [f"DROP TRIGGER IF EXISTS {name}" for name in SQLITE_TRIGGERS]
        statements += SQLITE_TRIGGERS.values()
    for statement in statements:
        connection.exec_driver_sql(statement)


def trigger_problems(connection: Connection) -> tuple[Problem, ...]:
    """Return what is wrong with the triggers.

    Args:
        connection: A connection to the ledger.

    Returns:
        One problem for each trigger that is missing, switched off or altered, sorted by name.
    """
    if connection.dialect.name == "postgresql":
        intact = _intact_postgresql(connection)
        expected = [_TRIGGER]
    else:
        intact = _intact_sqlite(connection)
        expected = sorted(SQLITE_TRIGGERS)
    return tuple(_problem(name) for name in expected if name not in intact)


def _intact_sqlite(connection: Connection) -> set[str]:
    query = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    found = {row.name: row.sql for row in connection.execute(query)}
    return {name for name, sql in SQLITE_TRIGGERS.items() if found.get(name) == sql}


def _intact_postgresql(connection: Connection) -> set[str]:
    query = text(
        "SELECT t.tgtype, t.tgenabled, t.tgqual IS NULL, p.prosrc FROM pg_trigger t "
        "JOIN pg_proc p ON p.oid = t.tgfoid "
        "WHERE t.tgrelid = to_regclass('entries') AND t.tgname = :name"
    )
    rows = [tuple(row) for row in connection.execute(query, {"name": _TRIGGER})]
    enabled = [(kind, str(state), whole, source) for kind, state, whole, source in rows]
    return {_TRIGGER} if enabled == [(_BEFORE_ANY_CHANGE, "A", True, _SOURCE)] else set()


def _problem(name: str) -> Problem:
    return Problem(
        Code.LEDGER_BROKEN,
        f"the trigger {name}, which keeps the entries append-only, is missing or was altered",
        where="table entries",
        hint="find out who removed it, verify the ledger against an anchor, restore a backup",
    )
