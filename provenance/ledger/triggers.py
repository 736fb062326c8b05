"""Triggers that keep the entries append-only, whoever writes to the database.

They stop mistakes and other programs. Somebody who owns the database can drop them, which is why
their presence is asserted when a ledger is opened, before each append, and in `verify`. Their text
is a matter of the backends.
"""

from sqlalchemy import Connection

from evoreg.provenance.ledger.backends.sqlite import SQLITE_TRIGGERS
from evoreg.provenance.ledger.backends.table import backend_of
from evoreg.provenance.records.errors import Problem

__all__ = ["SQLITE_TRIGGERS", "install_triggers", "trigger_problems"]


def install_triggers(connection: Connection) -> None:
    """Make the triggers anew; called at the end of every migration.

    Args:
        connection: A connection inside a writing transaction.
    """
    backend_of(connection).install_triggers(connection)


def trigger_problems(connection: Connection) -> tuple[Problem, ...]:
    """Return what is wrong with the triggers.

    Args:
        connection: A connection to the ledger.

    Returns:
        One problem for each trigger that is missing, switched off or altered, sorted by name.
    """
    return backend_of(connection).trigger_problems(connection)
