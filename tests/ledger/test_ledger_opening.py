"""Opening: new, old, newer, foreign, unreachable and damaged databases."""

import re
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
from sqlalchemy import inspect, make_url

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
from evoreg.provenance.records.pruning import Pruning
from tests.searches_made import made_search

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


DOCS = Path(__file__).parents[2] / "docs" / "ledger.md"
ROLES = ("ledger_reader", "ledger_writer")


@pytest.fixture
def roles(postgres_url: str) -> Iterator[dict[str, str]]:
    """The addresses of an empty ledger for roles that the very SQL of docs/ledger.md has made."""
    told = DOCS.read_text(encoding="utf-8").partition("## PostgreSQL")[2]
    statements = "".join(re.findall(r"```sql\n(.*?)```", told, re.DOTALL))
    # Roles belong to the whole server, so each test has its own.
    mark = uuid4().hex
    names = {role: f"{role}_{mark}" for role in ROLES}
    for role, name in names.items():
        assert role in statements
        statements = re.sub(rf"\b{role}\b", name, statements)
    grants = [f"GRANT {name} TO current_user" for name in names.values()]
    execute(postgres_url, *filter(str.strip, statements.split(";")), *grants)
    url = make_url(postgres_url)
    yield {
        role: url.update_query_dict({"options": f"-c role={name}"}).render_as_string(False)
        for role, name in names.items()
    }
    for name in reversed(names.values()):
        execute(postgres_url, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def test_writer_can_append_and_prune_and_no_more(
    roles: dict[str, str], postgres_url: str, make: Make, clock: Clock
) -> None:
    url = roles["ledger_writer"]
    with open_ledger(url, actor="ann", clock=clock) as ledger:
        ledger.append([*make.story(), *make.lineage()])
        for batch in made_search().batches():
            ledger.append(batch)
        last = ledger.head().seq
        ledger.append([prune(last)])
        assert verify(ledger).problems == ()
        before = ledger.head()
        for statement in (
            *(f"DELETE FROM {name}" for name in sorted(metadata.tables) if name != "item_scores"),
            *(f"UPDATE {table.name} SET seq = 5" for table in PROJECTIONS),
            *(f"TRUNCATE {name} CASCADE" for name in ("entries", "head", "item_scores")),
            "UPDATE entries SET body = ''",
            "UPDATE tree_nodes SET hash = ''",
            f"UPDATE {VERSION_TABLE} SET version_num = '0001'",
            "INSERT INTO head SELECT 2, seq, hash, tree FROM head",
            "DROP TRIGGER entries_append_only ON entries",
            "ALTER TABLE entries DISABLE TRIGGER ALL",
            "DROP TABLE item_scores",
            "CREATE TABLE public.entries2 (seq BIGINT)",
            "SET session_replication_role = replica",
        ):
            with pytest.raises(InputError) as caught:
                execute(url, statement)
            assert caught.value.code == Code.LEDGER_UNREACHABLE
            assert "this role of the database may not" in caught.value.problems[0].what
        with pytest.raises(InputError, match="may not"):
            rebuild(ledger)
        assert ledger.head() == before
    with open_ledger(postgres_url, actor="owner", clock=clock) as ledger:
        assert rebuild(ledger) == before.seq
        assert verify(ledger).problems == ()


def prune(through: int) -> NewEntry:
    return NewEntry("pruning", Pruning(what="item-scores", search=None, through=through, why="x"))


def test_reader_can_read_and_verify(
    roles: dict[str, str], postgres_url: str, make: Make, clock: Clock
) -> None:
    url = roles["ledger_reader"]
    with (
        open_ledger(postgres_url, actor="owner", clock=clock) as owner,
        open_ledger(url, actor="eve", clock=clock, read_only=True) as reader,
    ):
        written = owner.append(make.story())
        assert tuple(reader.entries()) == written
        assert verify(reader).problems == ()
        with pytest.raises(UsageError, match="opened for reading only"):
            reader.append([NewEntry("model", make.model("m"))])
        with open_ledger(url, actor="eve", clock=clock) as hopeful:
            assert hopeful.head() == owner.head()
            with pytest.raises(InputError, match="this role of the database may not do that"):
                hopeful.append([NewEntry("model", make.model("m"))])
        assert verify(owner).entries == len(written)


def test_acknowledged_is_on_the_disk(postgres_url: str, make: Make, clock: Clock) -> None:
    url = make_url(postgres_url).update_query_dict({"options": "-c synchronous_commit=off"})
    with open_ledger(url.render_as_string(False), actor="ann", clock=clock) as ledger:
        query = "SELECT current_setting('synchronous_commit')"
        with ledger.store.reading() as connection:
            assert connection.exec_driver_sql(query).scalar() == "off"
        with ledger.store.writing() as connection:
            assert connection.exec_driver_sql(query).scalar() == "on"


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


def test_damaged_index_table(tmp_path: Path, make: Make, clock: Clock) -> None:
    file = tmp_path / "x.db"
    with open_ledger(f"sqlite:///{file}", actor="ann", clock=clock) as ledger:
        ledger.append(make.story())
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'claims'"
        with ledger.store.reading() as connection:
            page = connection.exec_driver_sql(query).scalar_one()
            size = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    data = bytearray(file.read_bytes())
    data[(page - 1) * size : page * size] = b"\xff" * size
    file.write_bytes(data)
    with open_ledger(f"sqlite:///{file}", actor="ann", clock=clock) as ledger:
        with pytest.raises(VerificationError, match="malformed"):
            verify(ledger)
        assert [entry.kind for entry in ledger.entries()][-1] == "release"


def test_damaged_schema(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "x.db"
    open_ledger(f"sqlite:///{file}", actor="ann", clock=clock).close()
    data = file.read_bytes()
    # What SQLite says of it repeats bytes that are not UTF-8.
    at = data.index(b"CREATE INDEX models_name")
    file.write_bytes(data[:at] + b"CREATE \xff" + data[at + 8 :])
    with pytest.raises(VerificationError) as caught:
        open_ledger(f"sqlite:///{file}", actor="ann", clock=clock)
    assert caught.value.code == Code.LEDGER_BROKEN


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
