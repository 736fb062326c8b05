"""What a kind of database must be able to do to hold a ledger."""

from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError

from evoreg.provenance.ledger.backends.troubles import Trouble
from evoreg.provenance.records.errors import Code, Problem

OPTION = "evoreg_backend"
"""The execution option under which each connection of a store carries its backend."""

APPEND_ONLY = "the entries of the ledger are append-only"
"""What a trigger says when it refuses a change."""


class Backend(Protocol):
    """A kind of database; it holds no state of its own, so one value serves every ledger.

    A backend must keep these laws, which the contract suite in the tests states as well:

    * A writing transaction is kept whole or not at all, and what was acknowledged survives the
      death of every process. Two of them on one ledger never both read the head and append.
    * A reading transaction sees one state throughout and keeps no writer waiting.
    * With `read_only`, nothing is made or changed, and no right to write is needed.
    """

    @property
    def name(self) -> str:
        """What it is called in sentences."""
        ...

    def engine(self, url: URL, patience: float, *, read_only: bool) -> Engine:
        """Prepare the way to a database; nothing need be connected yet.

        Args:
            url: The address, one of those that the table of backends gives to this backend.
            patience: Seconds to wait for another writer.
            read_only: Nothing shall be made or changed.

        Returns:
            An engine.

        Raises:
            UsageError: The address is none, or a library is not installed.
            InputError: The place cannot be used.
        """
        ...

    def transaction(self, engine: Engine, *, writing: bool) -> AbstractContextManager[Connection]:
        """Return a transaction, which is kept if its block ends without an error.

        Args:
            engine: What `engine` has made.
            writing: Whether it may change something.
        """
        ...

    def lock_migration(self, connection: Connection) -> None:
        """Keep others from bringing up the same tables until the transaction ends.

        Args:
            connection: A connection inside a writing transaction.
        """
        ...

    def install_triggers(self, connection: Connection) -> None:
        """Make the triggers that keep the entries append-only, in place of those that are there.

        Args:
            connection: A connection inside a writing transaction.
        """
        ...

    def trigger_problems(self, connection: Connection) -> tuple[Problem, ...]:
        """Return one problem for each trigger that is missing, off or altered, sorted by name.

        Args:
            connection: A connection to the ledger.
        """
        ...

    def trouble(self, error: DBAPIError) -> Trouble:
        """Return what an error of the driver means.

        Args:
            error: The error, with that of the driver in `orig`.
        """
        ...


def trigger_problem(name: str) -> Problem:
    """Return the problem of a trigger that does not do its duty.

    Args:
        name: Its name.
    """
    return Problem(
        Code.LEDGER_BROKEN,
        f"the trigger {name}, which keeps the entries append-only, is missing or was altered",
        where="table entries",
        hint="find out who removed it, verify the ledger against an anchor, restore a backup",
    )
