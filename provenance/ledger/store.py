"""The store: one database, its transactions, and the single place where its errors are met."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError, TimeoutError

from evoreg.provenance.ledger.backends.backend import OPTION, Backend
from evoreg.provenance.ledger.backends.table import BACKENDS
from evoreg.provenance.ledger.backends.troubles import UNSURE, Trouble, error_of, shown
from evoreg.provenance.records.errors import Code, EvoregError, UsageError

_EXAMPLES = "write sqlite:///path/to/ledger.db or postgresql://user@host/database"


class Store:
    """A database with reading and writing transactions. SQL errors leave it as evoreg errors."""

    def __init__(self, backend: Backend, engine: Engine, url: URL, *, read_only: bool) -> None:
        self.backend = backend
        self.read_only = read_only
        self._engine = engine
        self._url = url
        self._closed = False
        engine.update_execution_options(**{OPTION: backend})

    @property
    def name(self) -> str:
        """The address of the database, without password and options; it may be shown."""
        return shown(self._url)

    @property
    def address(self) -> str:
        """The whole address, with its password: to open the store in another process."""
        return self._url.render_as_string(hide_password=False)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the ledger throughout and blocks no writer.

        Yields:
            A connection for queries.

        Raises:
            UsageError: A number or text was asked for that no database can hold.
            InputError: The database cannot be reached; or it was written while somebody read it
                who has no right to lock it (LEDGER_BUSY).
            VerificationError: The database is damaged.
        """
        with self._transaction(writing=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that is kept whole or not at all.

        In SQLite it holds the only write lock from its first moment on. In PostgreSQL it reads
        what others have committed before each statement; who appends locks the head row first.

        Yields:
            A connection for queries and changes.

        Raises:
            UsageError: The ledger was opened for reading only.
            InputError: The database cannot be reached, stayed locked for too long, or has no
                room left.
            VerificationError: The database is damaged, or a rule of its tables was broken.
        """
        if self.read_only:
            raise UsageError(
                Code.USAGE,
                "the ledger was opened for reading only",
                where=self.name,
                hint="open it for writing to add to it",
            )
        with self._transaction(writing=True) as connection:
            yield connection

    def close(self) -> None:
        """Give back all connections; the store cannot be used afterwards."""
        self._closed = True
        self._engine.dispose()

    @contextmanager
    def _transaction(self, *, writing: bool) -> Iterator[Connection]:
        if self._closed:
            raise UsageError(Code.USAGE, "the ledger is closed", where=self.name, hint="reopen it")
        complete = False
        try:
            with self.backend.transaction(self._engine, writing=writing) as connection:
                yield connection
                complete = True
        except SQLAlchemyError as error:
            raise self._told(error, keeping=writing and complete) from error
        except UnicodeDecodeError as error:
            # The driver of SQLite cannot even repeat what a damaged file says.
            raise error_of(Trouble.BROKEN, self._url, str(error)) from error
        except (OverflowError, UnicodeEncodeError) as error:
            raise self._unfit(error, writing=writing) from error

    def _unfit(self, error: OverflowError | UnicodeEncodeError, *, writing: bool) -> EvoregError:
        # Evoreg writes nothing of the kind: it came in with a file, or somebody asked for it.
        number = isinstance(error, OverflowError)
        what = "a number is larger than the database can hold"
        what = what if number else "a text is not valid UTF-8"
        if writing:
            return error_of(Trouble.BROKEN, self._url, what)
        hint = "give names and numbers as the ledger shows them"
        return UsageError(Code.USAGE, what, where=self.name, hint=hint)

    def _told(self, error: SQLAlchemyError, *, keeping: bool) -> EvoregError:
        if isinstance(error, TimeoutError):
            return error_of(Trouble.BUSY, self._url, "all connections are in use")
        if not isinstance(error, DBAPIError):
            return error_of(Trouble.BROKEN, self._url, str(error))
        trouble = self.backend.trouble(error)
        unsure = keeping and trouble is Trouble.UNREACHABLE
        message = str(error.orig).strip()
        return error_of(trouble, self._url, message, hint=UNSURE if unsure else "")


def open_store(
    url: str,
    patience: float,
    *,
    read_only: bool = False,
    backends: Mapping[str, Backend] = BACKENDS,
) -> Store:
    """Prepare the way to a database; nothing is connected yet.

    Args:
        url: ``sqlite:///`` and a file, whose folder is made, or ``postgresql://...``.
        patience: Seconds to wait for another writer.
        read_only: Make and change nothing; writing transactions are refused.
        backends: The kinds of database, by what stands before ``://``.

    Returns:
        A store.

    Raises:
        UsageError: The address is none, or asks for another kind of database, or psycopg is
            not installed.
        InputError: The folder of an SQLite file cannot be made, or lies on a network file system.
    """
    parsed, backend = _parsed(url, backends)
    engine = backend.engine(parsed, patience, read_only=read_only)
    return Store(backend, engine, parsed, read_only=read_only)


def _parsed(url: str, backends: Mapping[str, Backend]) -> tuple[URL, Backend]:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise UsageError(Code.USAGE, "not the address of a ledger", hint=_EXAMPLES) from error
    backend = backends.get(parsed.drivername)
    if backend is None:
        names = " or ".join(sorted({known.name for known in backends.values()}, reverse=True))
        what = f"a ledger lives in {names}, not in {parsed.drivername}"
        older = parsed.drivername == "postgres"
        hint = "write postgresql:// instead of postgres://" if older else _EXAMPLES
        raise UsageError(Code.USAGE, what, where=shown(parsed), hint=hint)
    return parsed, backend
