"""The table of backends: which kind of database answers which address."""

from collections.abc import Mapping
from typing import cast

from sqlalchemy import Connection

from evoreg.provenance.ledger.backends.backend import OPTION, Backend
from evoreg.provenance.ledger.backends.postgresql import POSTGRESQL
from evoreg.provenance.ledger.backends.sqlite import SQLITE

BACKENDS: Mapping[str, Backend] = {
    "sqlite": SQLITE,
    "sqlite+pysqlite": SQLITE,
    "postgresql": POSTGRESQL,
    "postgresql+psycopg": POSTGRESQL,
}
"""What stands before ``://`` in an address, and the backend that is meant."""


def backend_of(connection: Connection) -> Backend:
    """Return the backend that a connection belongs to.

    Args:
        connection: A connection of a store, or any other to a database of the table.
    """
    own = connection.get_execution_options().get(OPTION)
    return BACKENDS[connection.dialect.name] if own is None else cast(Backend, own)
