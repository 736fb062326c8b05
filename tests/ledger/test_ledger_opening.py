"""Opening: new, old, newer, foreign, unreachable and damaged databases."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event, inspect, make_url

from evoreg.provenance.ledger import migrations
from evoreg.provenance.ledger.columns import metadata
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.rebuild import rebuild
from evoreg.provenance.ledger.store import open_store
from evoreg.provenance.ledger.tables import PROJECTIONS, REVISIONS, VERSION_TABLE
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.ledger.verify import verify
from evoreg.provenance.records.errors import (
    Code,
    EvoregError,
    InputError,
    UsageError,
    VerificationError,
)

# `Any`: the fixture hands over the class of makers in conftest.py, which cannot be imported.
Make = Any
Clock = Callable[[], datetime]


def execute(url: str, *statements: str) -> None:
    with closing(open_store(url, 1.0)) as store, store.writing() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def refusal(url: str, clock: Clock) -> EvoregError:
    with pytest.raises(EvoregError) as caught:
        open_ledger(url, actor="ann", clock=clock)
    return caught.value


def test_migrations_make_the_tables(bare_url: str, clock: Clock) -> None:
    with (
        open_ledger(bare_url, actor="ann", clock=clock) as ledger,
        ledger.store.reading() as connection,
    ):
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
        names = set(inspect(connection).get_table_names())
        checks = inspect(connection).get_check_constraints("head")
    assert names == {*metadata.tables, VERSION_TABLE}
    assert [check["name"] for check in checks] == ["head_one_row"]


def test_revisions_are_those_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == REVISIONS


def test_open_again_changes_nothing(url: str, make: Make, clock: Clock) -> None:
    with open_ledger(url, actor="ann", clock=clock) as ledger:
        ledger.append(make.story())
        before = list(ledger.entries())
    for _ in range(2):
        with open_ledger(url, actor="ann", clock=clock) as ledger:
            assert list(ledger.entries()) == before


def test_interrupted_migration_leaves_nothing(bare_url: str, clock: Clock) -> None:
    def interrupt(_connection: object, _cursor: object, statement: str, *_rest: Any) -> None:
        if "CREATE TABLE outputs" in statement:
            raise KeyboardInterrupt

    event.listen(Engine, "after_cursor_execute", interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            open_ledger(bare_url, actor="ann", clock=clock)
    finally:
        event.remove(Engine, "after_cursor_execute", interrupt)
    with closing(open_store(bare_url, 1.0)) as store, store.reading() as connection:
        assert inspect(connection).get_table_names() == []
    with open_ledger(bare_url, actor="ann", clock=clock) as ledger:
        assert verify(ledger).problems == ()


RIGHTS = (
    "GRANT SELECT, INSERT ON entries TO {role}",
    "GRANT SELECT, UPDATE ON head TO {role}",
    "GRANT SELECT ON ledger_version TO {role}",
    *(f"GRANT SELECT, INSERT, DELETE ON {table} TO {{role}}" for table in PROJECTIONS),
)
"""The rights of a writer, as docs/ledger.md names them."""


@pytest.fixture
def writer_url(postgres_url: str) -> Iterator[str]:
    """The address of an empty ledger for a role that may only write."""
    role = f"writer_{uuid4().hex}"
    grants = (statement.format(role=role) for statement in RIGHTS)
    execute(postgres_url, f"CREATE ROLE {role}", f"GRANT {role} TO current_user", *grants)
    url = make_url(postgres_url).update_query_dict({"options": f"-c role={role}"})
    yield url.render_as_string(hide_password=False)
    execute(postgres_url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_writer_needs_few_rights(writer_url: str, make: Make, clock: Clock) -> None:
    with open_ledger(writer_url, actor="ann", clock=clock) as ledger:
        ledger.append(make.story())
        assert rebuild(ledger) == 7
        assert verify(ledger).problems == ()
        for statement in ("DELETE FROM entries", "DROP TRIGGER entries_append_only ON entries"):
            with pytest.raises(InputError) as caught:
                execute(writer_url, statement)
            assert caught.value.code == Code.LEDGER_UNREACHABLE


@pytest.mark.parametrize("version", ["9999", "0002 from a fork"])
def test_newer_tables_are_refused(url: str, clock: Clock, version: str) -> None:
    open_ledger(url, actor="ann", clock=clock).close()
    execute(url, f"UPDATE {VERSION_TABLE} SET version_num = '{version}'")
    error = refusal(url, clock)
    assert (type(error), error.code) == (InputError, Code.LEDGER_VERSION)
    assert version in str(error)


def test_lost_version_is_refused(url: str, clock: Clock) -> None:
    open_ledger(url, actor="ann", clock=clock).close()
    execute(url, f"DELETE FROM {VERSION_TABLE}")
    assert refusal(url, clock).code == Code.LEDGER_VERSION


@pytest.mark.parametrize("name", ["entries", "customers", VERSION_TABLE])
def test_foreign_tables_are_refused_and_left_alone(bare_url: str, clock: Clock, name: str) -> None:
    execute(bare_url, f"CREATE TABLE {name} (version_num TEXT)")
    error = refusal(bare_url, clock)
    assert error.code == Code.LEDGER_VERSION
    with closing(open_store(bare_url, 1.0)) as store, store.reading() as connection:
        assert inspect(connection).get_table_names() == [name]


def test_file_that_is_no_database(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database, but somebody's notes\n" * 40)
    error = refusal(f"sqlite:///{file}", clock)
    assert (type(error), error.code) == (InputError, Code.LEDGER_VERSION)
    assert file.read_text().startswith("not a database")


def test_folder_instead_of_file(tmp_path: Path, clock: Clock) -> None:
    error = refusal(f"sqlite:///{tmp_path}", clock)
    assert (type(error), error.code) == (InputError, Code.LEDGER_UNREACHABLE)


def test_folder_that_cannot_be_made(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "file").write_text("")
    error = refusal(f"sqlite:///{tmp_path}/file/ledger.db", clock)
    assert (type(error), error.code) == (InputError, Code.LEDGER_UNREACHABLE)


@pytest.mark.parametrize("name", ["50% of it.db", "データ.db", "a b#c.db"])
def test_odd_file_names(tmp_path: Path, make: Make, clock: Clock, name: str) -> None:
    with open_ledger(f"sqlite:///{tmp_path}/{name}", actor="ann", clock=clock) as ledger:
        ledger.append(make.story())
    assert (tmp_path / name).is_file()


def test_unreachable_server_hides_the_password(tmp_path: Path, clock: Clock) -> None:
    url = f"postgresql://ann:s3cret@/books?host={tmp_path}&password=s3cret2"
    error = refusal(url, clock)
    assert (type(error), error.code) == (InputError, Code.LEDGER_UNREACHABLE)
    assert "s3cret" not in str(error)
    assert "ann:***@" in str(error)


def test_unknown_option_does_not_show_the_password(clock: Clock) -> None:
    error = refusal("postgresql://ann:s3cret@/books?nonsense=s3cret", clock)
    assert error.code == Code.LEDGER_UNREACHABLE
    assert "s3cret" not in str(error)


def test_missing_database(postgres_url: str, clock: Clock) -> None:
    head, _, tail = postgres_url.partition("/evoreg_")
    error = refusal(f"{head}/nowhere{tail[32:]}", clock)
    assert error.code == Code.LEDGER_UNREACHABLE
    assert 'database "nowhere" does not exist' in str(error)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ledger.db",
        "postgresql://host:port/x",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x.db?uri=true",
        "mysql://ann:s3cret@host/books",
        "postgresql+psycopg2://ann:s3cret@host/books",
    ],
)
def test_address_of_no_ledger(clock: Clock, url: str) -> None:
    error = refusal(url, clock)
    assert (type(error), error.code) == (UsageError, Code.USAGE)
    assert error.problems[0].hint
    assert "s3cret" not in str(error)


def test_the_older_name_of_postgresql_is_told(clock: Clock) -> None:
    problem = refusal("postgres://ann:s3cret@host/books", clock).problems[0]
    assert problem.code == Code.USAGE
    assert problem.hint == "write postgresql:// instead of postgres://"


def test_psycopg_missing(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    error = refusal("postgresql://ann:s3cret@host/books", clock)
    assert (type(error), error.code) == (UsageError, Code.EXTRA_MISSING)
    assert "evoreg[postgres]" in error.problems[0].hint
    assert "s3cret" not in str(error)


def test_nobody_may_not_write(url: str, clock: Clock) -> None:
    with pytest.raises(UsageError, match="the actor of the ledger is empty"):
        open_ledger(url, actor=" ", clock=clock)


def test_sqlite_settings(tmp_path: Path, clock: Clock) -> None:
    with open_ledger(f"sqlite:///{tmp_path}/x.db", actor="ann", clock=clock) as ledger:
        names = ["foreign_keys", "recursive_triggers", "journal_mode", "synchronous"]
        with ledger.store.reading() as connection:
            found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]
            assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30_000
    assert found == [1, 1, "wal", 2]
    assert [file.name for file in tmp_path.iterdir()] == ["x.db"], "closing tidies up"


def test_damaged_file(tmp_path: Path, make: Make, clock: Clock) -> None:
    file = tmp_path / "x.db"
    with open_ledger(f"sqlite:///{file}", actor="ann", clock=clock) as ledger:
        ledger.append(make.story())
        table = "SELECT rootpage FROM sqlite_master WHERE name = 'entries'"
        with ledger.store.reading() as connection:
            page = connection.exec_driver_sql(table).scalar_one()
            size = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    data = bytearray(file.read_bytes())
    data[(page - 1) * size : page * size] = b"\xff" * size
    file.write_bytes(data)
    with open_ledger(f"sqlite:///{file}", actor="ann", clock=clock) as ledger:
        with pytest.raises(VerificationError) as caught:
            verify(ledger)
        assert caught.value.code == Code.LEDGER_BROKEN


def test_lost_table(url: str, make: Make, clock: Clock) -> None:
    with open_ledger(url, actor="ann", clock=clock) as ledger:
        execute(url, "DROP TABLE claims")
        with pytest.raises(VerificationError) as caught:
            ledger.append([NewEntry("claim", make.claim(make.model("m")))])
        assert caught.value.code == Code.LEDGER_BROKEN
        assert ledger.head().seq == 0


def test_importing_the_ledger_loads_no_database_library() -> None:
    code = "import sys, evoreg.provenance.ledger; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    code = (
        "import sys, evoreg.provenance.ledger.opening, evoreg.provenance.ledger.verify; "
        "sys.exit(bool({'alembic', 'psycopg', 'torch', 'sqlalchemy.dialects.postgresql'} "
        "& set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_file_with_a_rollback_journal(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "x.db"
    open_ledger(f"sqlite:///{file}", actor="ann", clock=clock).close()
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    connection.close()
    with open_ledger(f"sqlite:///{file}", actor="ann", clock=clock) as ledger:
        assert verify(ledger).problems == ()
