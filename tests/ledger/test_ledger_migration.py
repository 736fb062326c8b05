"""An older ledger with data in it is brought up to date: every entry stays, nothing else does."""

import gc
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event, make_url, select, text

from evoreg.provenance.ledger import migrations, tables
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.rebuild import rebuild
from evoreg.provenance.ledger.search_tables import SEARCH_TABLES
from evoreg.provenance.ledger.store import open_store
from evoreg.provenance.ledger.triggers import trigger_problems
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.ledger.verify import verify
from evoreg.provenance.records.errors import Code, InputError
from evoreg.provenance.records.pruning import Pruning
from tests.searches_made import Shape, made_search

# `Any`: the fixture hands over the class of makers in conftest.py, which cannot be imported.
Make = Any
Clock = Callable[[], datetime]
Rows = list[tuple[Any, ...]]

NEWEST = tables.REVISIONS[-1]
MIGRATIONS = Path(migrations.__file__).parent


@dataclass(frozen=True)
class Released:
    """A schema version that was released, and a ledger that was written with it."""

    revision: str
    size: int
    last: str

    @property
    def content(self) -> str:
        """The whole SQLite file as statements."""
        return (Path(__file__).parent / f"ledger_{self.revision}.sql").read_text()


RELEASED = {
    item.revision: item
    for item in (
        # The seven entries of the story.
        Released("0001", 7, "c8f219ba56ba659e43a8e6adf8252d3363c9d8fcac08a862c98fc73d1a731f92"),
        # And the four of the lineage.
        Released("0002", 11, "e46584cb5419dec0c3683efca8fef64fa81ffb7ff7dace790fb7721b0977688e"),
        # And a search of three generations with its result.
        Released("0003", 26, "6431a2192ff6f1f5224bace48b6c5e9bd5e33877993980914af821eb98cefb1e"),
    )
}
THIRD = Shape(generations=2, population=3, layers=1, items=3)
"""The search of the third."""


def fill_sqlite(file: Path, released: Released) -> None:
    file.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(released.content)


def config_of(folder: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    return config


def fill_postgresql(url: str, old: Path, released: Released) -> None:
    """Make the tables of a version and copy the rows of an SQLite file into them."""
    config = config_of(MIGRATIONS)
    with closing(open_store(url, 5.0)) as store, store.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, released.revision)
        connection.execute(text("DELETE FROM head"))
        with closing(sqlite3.connect(old)) as rows:
            rows.row_factory = sqlite3.Row
            names = {name for (name,) in rows.execute("SELECT name FROM sqlite_master")}
            for table in (tables.entries, tables.head, *tables.PROJECTIONS):
                if table.name in names:
                    found = [dict(row) for row in rows.execute(f"SELECT * FROM {table.name}")]
                    if "used" in table.c:
                        found = [{**row, "used": bool(row["used"])} for row in found]
                    if found:
                        connection.execute(table.insert(), found)


def fill(url: str, released: Released, folder: Path) -> str:
    """Put a released ledger into a bare database."""
    if url.startswith("sqlite"):
        fill_sqlite(Path(str(make_url(url).database)), released)
        return url
    fill_sqlite(folder / "old.db", released)
    fill_postgresql(url, folder / "old.db", released)
    return url


@pytest.fixture(params=[*RELEASED.values()], ids=[*RELEASED])
def released(request: pytest.FixtureRequest) -> Released:
    """Each schema version that was released."""
    found: Released = request.param
    return found


@pytest.fixture
def old_url(bare_url: str, released: Released, tmp_path: Path) -> str:
    """The address of a ledger with the tables and the data of an older version."""
    return fill(bare_url, released, tmp_path)


@pytest.fixture
def first_url(bare_url: str, tmp_path: Path) -> str:
    """The address of a ledger with the first tables and seven entries."""
    return fill(bare_url, RELEASED["0001"], tmp_path)


@contextmanager
def connected(url: str) -> Iterator[Any]:
    """A connection past evoreg: whoever has the rights can look."""
    driver = "sqlite" if url.startswith("sqlite") else "postgresql+psycopg"
    engine = create_engine(make_url(url).set(drivername=driver))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def version(url: str) -> tuple[list[str], set[str]]:
    with connected(url) as connection:
        found = connection.execute(text("SELECT version_num FROM ledger_version")).scalars()
        return list(found), set(connection.dialect.get_table_names(connection))


def raw_entries(url: str) -> Rows:
    query = text("SELECT seq, prev, kind, body, hash FROM entries ORDER BY seq")
    with connected(url) as connection:
        return [tuple(row) for row in connection.execute(query)]


def released_entries(released: Released) -> Rows:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(released.content)
        return connection.execute(
            "SELECT seq, prev, kind, body, hash FROM entries ORDER BY seq"
        ).fetchall()


def content(ledger: Ledger) -> dict[str, Rows]:
    """All rows of all tables that follow from the entries, and the head."""
    with ledger.store.reading() as connection:
        return {
            table.name: [
                tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))
            ]
            for table in (tables.head, tables.tree_nodes, *tables.PROJECTIONS)
        }


def test_released_ledger_is_brought_up_to_date(
    old_url: str, released: Released, make: Make, clock: Clock
) -> None:
    assert version(old_url)[0] == [released.revision]
    assert "tree_nodes" not in version(old_url)[1]
    with open_ledger(old_url, actor="bob", clock=clock) as ledger:
        assert (ledger.head().seq, ledger.head().hash) == (released.size, f"sha256:{released.last}")
        assert verify(ledger).problems == ()
        with ledger.store.reading() as connection:
            assert trigger_problems(connection) == ()
        brought = content(ledger)
        assert rebuild(ledger) == released.size
        assert content(ledger) == brought
        assert [m.model for m in ledger.models()] == [make.model("org/ann"), make.model("org/bob")]
        assert len(ledger.edges_for(make.model("org/ann").identity)) == int(released.size > 7)
    assert raw_entries(old_url) == released_entries(released)
    assert version(old_url)[0] == [NEWEST]
    assert {table.name for table in (tables.tree_nodes, *SEARCH_TABLES)} <= version(old_url)[1]
    with open_ledger(old_url, actor="bob", clock=clock) as ledger:
        assert content(ledger) == brought


def test_what_newer_tables_hold_of_older_entries(
    bare_url: str, make: Make, clock: Clock, tmp_path: Path
) -> None:
    """Item scores and sources of searches came with the fourth tables; the third had searches."""
    made = made_search(shape=THIRD)
    scores = [score for item in made.evaluations for score in item.scores]
    with open_ledger(fill(bare_url, RELEASED["0003"], tmp_path), actor="bob", clock=clock) as old:
        found = content(old)
        assert [item.evaluation for item in old.evaluations(made.search.id)] == [*made.evaluations]
    assert len(found["item_scores"]) == len(scores) > 10
    assert found["item_scores"][0][2] == str([*scores[0].items]).replace(" ", "")
    assert [row[2] for row in found["search_sources"]] == ["org/maths", "org/japanese", "org/base"]
    with open_ledger(f"sqlite:///{tmp_path}/new.db", actor="ann", clock=clock) as new:
        for batch in (make.story(), make.lineage(), *made.batches()):
            new.append(batch)
        assert content(new) == found


def test_older_ledger_takes_what_came_later(
    old_url: str, released: Released, make: Make, clock: Clock
) -> None:
    made = made_search("later", shape=THIRD)
    with open_ledger(old_url, actor="ann", clock=clock) as ledger:
        for batch in (make.lineage(), *made.batches()):
            ledger.append(batch)
        last = ledger.head().seq
        why = Pruning(what="item-scores", search=None, through=last, why="room")
        (pruned,) = ledger.append([NewEntry("pruning", why)])
        assert pruned.seq == last + 1 > released.size + 4
        assert [item.evaluation for item in ledger.evaluations(made.search.id)] == [
            *made.evaluations
        ]
        before = content(ledger)
        assert before["item_scores"] == []
        assert verify(ledger).problems == ()
        assert rebuild(ledger) == pruned.seq
        assert content(ledger) == before


def test_same_story_has_the_same_hashes_as_then(make: Make, clock: Clock, tmp_path: Path) -> None:
    with open_ledger(f"sqlite:///{tmp_path}/new.db", actor="ann", clock=clock) as new:
        for part in (make.story(), make.lineage(), *made_search(shape=THIRD).batches()):
            new.append(part)
    for released in RELEASED.values():
        written = raw_entries(f"sqlite:///{tmp_path}/new.db")[: released.size]
        assert written == released_entries(released)
        assert written[-1][4] == f"sha256:{released.last}"


STEPS = (
    "ALTER TABLE head ADD COLUMN tree",
    "CREATE TABLE tree_nodes",
    "CREATE INDEX evaluations_generation",
    "UPDATE ledger_version",
    "CREATE TRIGGER",
    "DELETE FROM models",
    'INSERT INTO "models"',
    "UPDATE head SET tree",
)
"""Statements behind which a migration is interrupted, from its first to its last one."""


@pytest.mark.parametrize("step", STEPS)
def test_interrupted_migration_leaves_the_old_tables(
    first_url: str, clock: Clock, step: str
) -> None:
    old_url, released = first_url, RELEASED["0001"]
    seen: list[str] = []

    def interrupt(_connection: object, _cursor: object, statement: str, *_rest: Any) -> None:
        if step in statement:
            seen.append(statement)
            raise KeyboardInterrupt

    before = version(old_url)
    event.listen(Engine, "after_cursor_execute", interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            open_ledger(old_url, actor="ann", clock=clock)
    finally:
        event.remove(Engine, "after_cursor_execute", interrupt)
    gc.collect()  # the traceback has the cursor still, and that the lock of SQLite
    assert len(seen) == 1
    assert version(old_url) == before
    assert raw_entries(old_url) == released_entries(released)
    with open_ledger(old_url, actor="ann", clock=clock) as ledger:
        assert verify(ledger).problems == ()


def test_two_at_once_bring_it_up_once(first_url: str, clock: Clock) -> None:
    code = (
        "import sys; from datetime import datetime, UTC\n"
        "from evoreg.provenance.ledger.opening import open_ledger\n"
        "from evoreg.provenance.ledger.verify import verify\n"
        "with open_ledger(sys.argv[1], actor='ann', clock=lambda: datetime.now(UTC)) as ledger:\n"
        "    assert verify(ledger).problems == ()\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", code, first_url]) for _ in range(2)]
    assert [one.wait() for one in both] == [0, 0]
    assert version(first_url)[0] == [NEWEST]


def test_older_ledger_is_not_changed_by_who_only_reads(
    old_url: str, released: Released, clock: Clock
) -> None:
    before = version(old_url)
    with pytest.raises(InputError) as caught:
        open_ledger(old_url, actor="ann", clock=clock, read_only=True)
    problem = caught.value.problems[0]
    assert problem.code == Code.LEDGER_VERSION
    assert released.revision in problem.what
    assert NEWEST in problem.what
    assert version(old_url) == before


LATER = '''"""A later version that only tests have."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = {newest!r}


def upgrade() -> None:
    op.add_column("models", sa.Column("stars", sa.BigInteger, nullable=False, server_default="3"))
    op.create_table("stars", sa.Column("id", sa.Text, primary_key=True))
    op.execute("INSERT INTO stars (id) SELECT hash FROM entries")
    if op.get_bind().dialect.name == "sqlite":
        # A copy of the table: what such a migration loses, it loses.
        with op.batch_alter_table("models", recreate="always") as batch:
            batch.alter_column("location", existing_type=sa.Text, nullable=False)
        op.execute("DROP TRIGGER entries_no_update")
    else:
        op.execute("DROP TRIGGER entries_append_only ON entries")
'''


def bring_later(url: str, folder: Path) -> None:
    """Run a migration that this evoreg does not have."""
    shutil.copytree(MIGRATIONS, folder / "later", ignore=shutil.ignore_patterns("__pycache__"))
    later = folder / "later" / "versions" / "v9999_later.py"
    later.write_text(LATER.format(newest=NEWEST))
    config = config_of(folder / "later")
    with closing(open_store(url, 5.0)) as store, store.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def test_entries_of_today_read_the_same_after_a_later_migration(
    url: str, make: Make, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = made_search()
    with open_ledger(url, actor="ann", clock=clock) as ledger:
        for batch in (make.story(), make.lineage(), *made.batches()):
            ledger.append(batch)
        before, told = raw_entries(url), [*ledger.entries()]
        books = content(ledger)
    bring_later(url, tmp_path)
    assert version(url)[0] == ["9999"]
    assert raw_entries(url) == before
    for module in [*sys.modules.values()]:  # the evoreg that has the later migration
        if module.__name__.startswith("evoreg.provenance.ledger") and hasattr(module, "REVISIONS"):
            monkeypatch.setattr(module, "REVISIONS", (*RELEASED, NEWEST, "9999"))
    with open_ledger(url, actor="ann", clock=clock) as ledger:
        assert [*ledger.entries()] == told
        assert content(ledger) == books
        assert verify(ledger).problems == ()
        ledger.append([NewEntry("model", make.model("org/later"))])
        assert rebuild(ledger) == len(told) + 1
        assert verify(ledger).problems == ()
        assert ledger.evaluations(made.search.id)[-1].evaluation == made.evaluations[-1]


@pytest.mark.parametrize("how", [{}, {"strict": False}, {"read_only": True}])
def test_newer_ledger_is_refused_with_words(
    url: str, make: Make, clock: Clock, tmp_path: Path, how: dict[str, bool]
) -> None:
    with open_ledger(url, actor="ann", clock=clock) as ledger:
        ledger.append(make.story())
    bring_later(url, tmp_path)
    before = (version(url), raw_entries(url))
    with pytest.raises(InputError) as caught:
        open_ledger(url, actor="ann", clock=clock, **how)
    problem = caught.value.problems[0]
    assert problem.code == Code.LEDGER_VERSION
    assert "9999" in problem.what
    assert NEWEST in problem.what
    assert "newer evoreg" in problem.hint
    assert (version(url), raw_entries(url)) == before


def test_older_ledger_that_cannot_be_written(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = fill(f"sqlite:///{tmp_path}/ledger.db", RELEASED["0001"], tmp_path)
    # Root may write everywhere, so the rights of the folder cannot say it here.
    monkeypatch.setattr("evoreg.provenance.ledger.backends.sqlite._may_write", lambda _file: False)
    with pytest.raises(InputError) as caught:
        open_ledger(url, actor="ann", clock=clock)
    assert caught.value.code == Code.LEDGER_VERSION
    assert "0001" in caught.value.problems[0].what
    assert version(url)[0] == ["0001"]


def test_writer_without_the_right_to_change_tables(
    bare_postgres_url: str, tmp_path: Path, clock: Clock
) -> None:
    fill(bare_postgres_url, RELEASED["0001"], tmp_path)
    role = f"reader_{os.urandom(6).hex()}"
    store = open_store(bare_postgres_url, 1.0)
    with store.writing() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {role}")
        connection.exec_driver_sql(f"GRANT {role} TO current_user")
        connection.exec_driver_sql(f"GRANT SELECT ON ledger_version, entries, head TO {role}")
    url = make_url(bare_postgres_url).update_query_dict({"options": f"-c role={role}"})
    address = url.render_as_string(hide_password=False)
    try:
        with pytest.raises(InputError) as caught:
            open_ledger(address, actor="ann", clock=clock)
    finally:
        with store.writing() as connection:
            connection.exec_driver_sql(f"DROP OWNED BY {role}")
            connection.exec_driver_sql(f"DROP ROLE {role}")
        store.close()
    problem = caught.value.problems[0]
    assert (problem.code, "0001" in problem.what) == (Code.LEDGER_VERSION, True)
    assert "owner" in problem.hint
