"""An older ledger with data in it is brought up to date: every entry stays, nothing else does."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, event, make_url, text

from evoreg.provenance.ledger import migrations, tables
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.rebuild import rebuild
from evoreg.provenance.ledger.search_tables import SEARCH_TABLES
from evoreg.provenance.ledger.store import open_store
from evoreg.provenance.ledger.triggers import trigger_problems
from evoreg.provenance.ledger.verify import verify
from evoreg.provenance.records.errors import Code, InputError
from tests.searches_made import made_search

# `Any`: the fixture hands over the class of makers in conftest.py, which cannot be imported.
Make = Any
Clock = Callable[[], datetime]

OLD = Path(__file__).parent / "ledger_0001.sql"
"""What the first released tables held after the seven entries of the story."""
LAST = "sha256:c8f219ba56ba659e43a8e6adf8252d3363c9d8fcac08a862c98fc73d1a731f92"


SECOND = Path(__file__).parent / "ledger_0002.sql"
"""What the second tables held after the story and the four entries of the lineage."""
SECOND_LAST = "sha256:e46584cb5419dec0c3683efca8fef64fa81ffb7ff7dace790fb7721b0977688e"
LATER = {"0001": ("edges", "texts"), "0002": ()}
"""Tables that a version did not have, besides those of searches."""


def fill_sqlite(file: Path, content: Path = OLD) -> None:
    file.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(content.read_text())


def fill_postgresql(url: str, old: Path, revision: str = "0001") -> None:
    """Make the tables of a version and copy the rows of an SQLite file into them."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    with closing(open_store(url, 5.0)) as store, store.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.execute(text("DELETE FROM head"))
        with closing(sqlite3.connect(old)) as rows:
            rows.row_factory = sqlite3.Row
            for table in (tables.entries, tables.head, *tables.PROJECTIONS):
                if table.name not in LATER[revision] and table not in SEARCH_TABLES:
                    found = [dict(row) for row in rows.execute(f"SELECT * FROM {table.name}")]
                    changed = [{**row, "used": bool(row.get("used"))} for row in found]
                    chosen = changed if "used" in table.c else found
                    connection.execute(table.insert(), chosen)


@pytest.fixture
def old_url(bare_url: str, tmp_path: Path) -> str:
    """The address of a ledger with the first tables and seven entries."""
    file = make_url(bare_url).database if bare_url.startswith("sqlite") else None
    old = Path(file) if file else tmp_path / "old.db"
    fill_sqlite(old)
    if not file:
        fill_postgresql(bare_url, old)
    return bare_url


@pytest.fixture
def second_url(bare_url: str, tmp_path: Path) -> str:
    """The address of a ledger with the second tables and eleven entries."""
    file = make_url(bare_url).database if bare_url.startswith("sqlite") else None
    old = Path(file) if file else tmp_path / "old.db"
    fill_sqlite(old, SECOND)
    if not file:
        fill_postgresql(bare_url, old, "0002")
    return bare_url


def version(url: str) -> tuple[list[str], set[str]]:
    with closing(open_store(url, 1.0)) as store, store.reading() as connection:
        found = connection.execute(text("SELECT version_num FROM ledger_version")).scalars()
        names = set(connection.dialect.get_table_names(connection))
        return list(found), names


def test_old_ledger_is_brought_up_to_date(old_url: str, make: Make, clock: Clock) -> None:
    assert version(old_url)[0] == ["0001"]
    assert not {"edges", "texts"} & version(old_url)[1]
    with open_ledger(old_url, actor="bob", clock=clock) as ledger:
        assert (ledger.head().seq, ledger.head().hash) == (7, LAST)
        assert verify(ledger).problems == ()
        with ledger.store.reading() as connection:
            assert trigger_problems(connection) == ()
        assert ledger.lineage().edges == {}
        assert [m.model for m in ledger.models()] == [make.model("org/ann"), make.model("org/bob")]
        ledger.append(make.lineage())
        assert verify(ledger).problems == ()
        assert rebuild(ledger) == 11
        assert verify(ledger).problems == ()
    assert version(old_url)[0] == ["0003"]
    with open_ledger(old_url, actor="bob", clock=clock) as ledger:
        assert ledger.head().seq == 11


def test_ledger_of_the_second_tables_takes_searches(
    second_url: str, make: Make, clock: Clock
) -> None:
    assert version(second_url)[0] == ["0002"]
    assert not {table.name for table in SEARCH_TABLES} & version(second_url)[1]
    made = made_search()
    with open_ledger(second_url, actor="ann", clock=clock) as ledger:
        assert (ledger.head().seq, ledger.head().hash) == (11, SECOND_LAST)
        assert verify(ledger).problems == ()
        assert ledger.searches() == ()
        assert [m.model for m in ledger.models()] == [make.model("org/ann"), make.model("org/bob")]
        for batch in made.batches():
            ledger.append(batch)
        assert [item.evaluation for item in ledger.evaluations(made.search.id)] == [
            *made.evaluations
        ]
        assert verify(ledger).problems == ()
        assert rebuild(ledger) == ledger.head().seq
        assert verify(ledger).problems == ()
    assert version(second_url)[0] == ["0003"]
    assert {table.name for table in SEARCH_TABLES} <= version(second_url)[1]


def test_same_story_has_the_same_hashes_as_then(
    old_url: str, make: Make, clock: Clock, tmp_path: Path
) -> None:
    with open_ledger(f"sqlite:///{tmp_path}/new.db", actor="ann", clock=clock) as new:
        new.append(make.story())
        with open_ledger(old_url, actor="ann", clock=clock) as old:
            assert list(new.entries()) == list(old.entries())


def test_interrupted_migration_leaves_the_old_tables(old_url: str, clock: Clock) -> None:
    def interrupt(_connection: object, _cursor: object, statement: str, *_rest: Any) -> None:
        if "CREATE TABLE texts" in statement:
            raise KeyboardInterrupt

    before = version(old_url)
    event.listen(Engine, "after_cursor_execute", interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            open_ledger(old_url, actor="ann", clock=clock)
    finally:
        event.remove(Engine, "after_cursor_execute", interrupt)
    assert version(old_url) == before
    with open_ledger(old_url, actor="ann", clock=clock) as ledger:
        assert verify(ledger).problems == ()


def test_two_at_once_bring_it_up_once(old_url: str, clock: Clock) -> None:
    code = (
        "import sys; from datetime import datetime, UTC\n"
        "from evoreg.provenance.ledger.opening import open_ledger\n"
        "from evoreg.provenance.ledger.verify import verify\n"
        "with open_ledger(sys.argv[1], actor='ann', clock=lambda: datetime.now(UTC)) as ledger:\n"
        "    assert verify(ledger).problems == ()\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", code, old_url]) for _ in range(2)]
    assert [one.wait() for one in both] == [0, 0]
    assert version(old_url)[0] == ["0003"]


def test_old_ledger_that_cannot_be_written(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_sqlite(tmp_path / "ledger.db")
    # Root may write everywhere, so the rights of the folder cannot say it here.
    monkeypatch.setattr("evoreg.provenance.ledger.store._sealed", lambda _file: True)
    with pytest.raises(InputError) as caught:
        open_ledger(f"sqlite:///{tmp_path}/ledger.db", actor="ann", clock=clock)
    assert caught.value.code == Code.LEDGER_VERSION
    assert "0001" in caught.value.problems[0].what
    assert version(f"sqlite:///{tmp_path}/ledger.db")[0] == ["0001"]


def test_writer_without_the_right_to_change_tables(
    bare_postgres_url: str, tmp_path: Path, clock: Clock
) -> None:
    fill_sqlite(tmp_path / "old.db")
    fill_postgresql(bare_postgres_url, tmp_path / "old.db")
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
