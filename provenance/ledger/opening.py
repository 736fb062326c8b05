"""Opening a ledger: find the store, bring its tables up to date, refuse what is not a ledger."""

from collections.abc import Callable
from datetime import datetime
from importlib import resources

from sqlalchemy import Connection, inspect, text

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.rebuild import rebuild_tables
from evoreg.provenance.ledger.store import Store, open_store
from evoreg.provenance.ledger.tables import REVISIONS, VERSION_TABLE
from evoreg.provenance.ledger.triggers import trigger_problems
from evoreg.provenance.records.errors import Code, InputError, UsageError, VerificationError


def open_ledger(
    url: str,
    *,
    actor: str,
    clock: Callable[[], datetime],
    patience: float = 30.0,
    strict: bool = True,
    read_only: bool = False,
) -> Ledger:
    """Open a ledger; an empty database becomes a new one, older tables are brought up to date.

    Args:
        url: ``sqlite:///path/to/file``, whose folder is made, or ``postgresql://...``.
        actor: Who writes; stands in every entry.
        clock: Gives the time of writing, with a time zone.
        patience: Seconds to wait for another writer before giving up.
        strict: False opens a ledger whose triggers are missing, so that `verify` can look at it;
            nothing can be appended to such a one.
        read_only: Make and migrate nothing, and refuse to write (UsageError). This needs no right
            to write, and keeps no writer waiting.

    Returns:
        The ledger; use it in a ``with`` statement or close it.

    Raises:
        UsageError: The address is none, psycopg is not installed, or the actor is empty.
        InputError: The database cannot be reached or stays locked, holds something else, or was
            written by a newer version (LEDGER_UNREACHABLE, LEDGER_BUSY, LEDGER_VERSION); or it is
            to be read only, and holds no ledger or an older one (LEDGER_VERSION).
        VerificationError: The triggers that keep the entries append-only are missing.
    """
    store = open_store(url, patience, read_only=read_only)
    return ledger_in(store, actor=actor, clock=clock, strict=strict)


def ledger_in(
    store: Store, *, actor: str, clock: Callable[[], datetime], strict: bool = True
) -> Ledger:
    """Open the ledger in a store; like `open_ledger`, for a store of any backend.

    Args:
        store: The store; it is closed with the ledger, and if this fails.
        actor: Who writes.
        clock: Gives the time of writing.
        strict: False opens a ledger whose triggers are missing.

    Returns:
        The ledger.

    Raises:
        EvoregError: As `open_ledger` does.
    """
    try:
        if not actor.strip():
            raise UsageError(Code.USAGE, "the actor of the ledger is empty", hint="say who writes")
        _prepare(store)
        if strict:
            _assert_triggers(store)
    except BaseException:
        store.close()
        raise
    return Ledger(store, actor=actor, clock=clock)


def _prepare(store: Store) -> None:
    with store.reading() as connection:
        found = _revision(connection, store.name)
    if found == REVISIONS[-1]:
        return
    if store.read_only:
        raise _only_read(found, store.name)
    try:
        _bring_up(store)
    except InputError as error:
        if found is None or error.code != Code.LEDGER_UNREACHABLE:
            raise
        what = f"the tables have version {found}, and cannot be brought up to {REVISIONS[-1]} here"
        hint = "open it once with the right to change its tables, such as that of its owner"
        raise InputError(
            Code.LEDGER_VERSION, f"{what}: {error.problems[0].what}", where=store.name, hint=hint
        ) from error


def _only_read(found: str | None, where: str) -> InputError:
    what = "the database holds no ledger yet"
    if found is not None:
        what = f"the tables have version {found}, and must be brought up to {REVISIONS[-1]} first"
    hint = "open it once for writing, with the right to change its tables"
    return InputError(Code.LEDGER_VERSION, what, where=where, hint=hint)


def _bring_up(store: Store) -> None:
    with store.writing() as connection:
        store.backend.lock_migration(connection)
        # Somebody else may have been quicker.
        found = _revision(connection, store.name)
        if found != REVISIONS[-1]:
            _migrate(connection)
        if found is not None and found != REVISIONS[-1]:
            # What newer tables hold of older entries follows from the entries.
            rebuild_tables(connection)


def _assert_triggers(store: Store) -> None:
    with store.reading() as connection:
        problems = trigger_problems(connection)
    if problems:
        raise VerificationError.of(problems)


def _revision(connection: Connection, where: str) -> str | None:
    names = set(inspect(connection).get_table_names())
    if not names:
        return None
    if not {VERSION_TABLE, "entries", "head"} <= names:
        raise InputError(
            Code.LEDGER_VERSION,
            "the database holds other tables and is not a ledger",
            where=where,
            hint="give the ledger a database of its own",
        )
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalars().all()
    if len(found) != 1 or found[0] not in REVISIONS:
        raise InputError(
            Code.LEDGER_VERSION,
            f"the tables have version {', '.join(map(str, found)) or 'none'}, "
            f"this evoreg knows versions up to {REVISIONS[-1]}",
            where=where,
            hint="use the newer evoreg that wrote them",
        )
    return str(found[0])


def _migrate(connection: Connection) -> None:
    # Alembic is slow to load, and a ledger that is up to date does without it.
    from alembic import command
    from alembic.config import Config

    source = resources.files("evoreg.provenance.ledger") / "migrations"
    with resources.as_file(source) as folder:
        config = Config()
        # A per cent sign would be read as an interpolation.
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
