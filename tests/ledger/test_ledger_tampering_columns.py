"""Every column of every table is changed once, and any byte of any entry: each change is found."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Connection, Table, create_engine, inspect, select, text

from evoreg.provenance.ledger import tables
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.model import File
from evoreg.provenance.records.pruning import Pruning
from evoreg.provenance.records.publication import Publication
from tests.ledger.ledger_owner import findings, owner, run
from tests.searches_made import Shape, made_search

# `Any`: the fixture hands over the class of makers in conftest.py, which cannot be imported.
Make = Any

Cells = dict[str, object]
FREE = 100_000  # no entry has this number


def told_in_full(ledger: Ledger, make: Make) -> Ledger:
    """Write what leaves rows in every table, those of complete subtrees too."""
    filling = [NewEntry("text", make.text(f"text {number}")) for number in range(250)]
    story = make.story()
    ledger.append([*story, *make.lineage(), *filling])
    shape = Shape(generations=2, population=2, failures=1)
    for made in (made_search(shape=shape), made_search(run=1, seed=3, shape=shape)):
        for batch in made.batches():
            ledger.append(batch)
    first = made_search(shape=shape).search.id
    (pruning,) = ledger.append([NewEntry("pruning", _pruning(first, ledger.head().seq))])
    files = (File(path="model.safetensors", size=1, digest=digest_of(b"x"), role="weights"),)
    step = Publication(
        release=story[-1].record.record_digest(),
        target="hf://a/b",
        branch="",
        state="prepared",
        files=files,
    )
    ledger.append([NewEntry("publication", step)])
    done = {"state": "confirmed", "prepared": pruning.seq + 1, "commit": "abc"}
    ledger.append([NewEntry("publication", step.model_copy(update=done))])
    return ledger


def _pruning(search: str, through: int) -> Pruning:
    return Pruning(what="item-scores", search=search, through=through, why="a test")


def _rows(connection: Connection, table: Table) -> list[Cells]:
    query = text(f"SELECT * FROM {table.name} ORDER BY {', '.join(table.primary_key.c.keys())}")
    return [dict(row) for row in connection.execute(query).mappings()]


def _example(rows: list[Cells], column: str) -> Cells:
    """The last row that has something there, if there is one."""
    return next((row for row in reversed(rows) if row[column] is not None), rows[-1])


def _other(value: object, column: Column[Any]) -> object:
    if column.type.python_type is bool:
        return not value
    if isinstance(value, (int, float)):
        return FREE + value if column.primary_key or column.name == "seq" else value + 1
    if isinstance(value, str) and value:
        return value[:-1] + ("1" if value[-1] != "1" else "2")
    return 1 if column.type.python_type in (int, float) else "other"


def _set(connection: Connection, table: Table, row: Cells, column: str, value: object) -> None:
    keys = table.primary_key.c.keys()
    where = " AND ".join(f'"{key}" = :old_{key}' for key in keys)
    old = {f"old_{key}": row[key] for key in keys}
    statement = text(f'UPDATE {table.name} SET "{column}" = :new WHERE {where}')
    assert connection.execute(statement, {**old, "new": value}).rowcount == 1


def _flip(url: str, table: Table, column: Column[Any]) -> tuple[Cells, Cells]:
    """Change one cell; return the row before and after."""
    with owner(url) as connection:
        row = _example(_rows(connection, table), column.name)
        value = _other(row[column.name], column)
        _set(connection, table, row, column.name, value)
    return row, {**row, column.name: value}


def _back(url: str, table: Table, column: Column[Any], before: Cells, after: Cells) -> None:
    with owner(url) as connection:
        _set(connection, table, after, column.name, before[column.name])


def _loosen(url: str) -> None:
    """Let the head row have any number."""
    with owner(url) as connection:
        if connection.dialect.name == "sqlite":
            sql = connection.execute(
                text("SELECT sql FROM sqlite_master WHERE name = 'head'")
            ).scalar_one()
            kept = sql.replace("CHECK (id = 1)", "CHECK (id <> 0)")
            assert kept != sql
            run(
                connection,
                "ALTER TABLE head RENAME TO old_head",
                kept,
                "INSERT INTO head SELECT * FROM old_head",
                "DROP TABLE old_head",
            )
        else:
            run(connection, "ALTER TABLE head DROP CONSTRAINT head_one_row")


def _place(table: Table, row: Cells) -> str:
    return f"entry {row['seq']}" if table is tables.entries else f"table {table.name}"


def test_every_column_of_every_table(ledger: Ledger, url: str, make: Make) -> None:
    told_in_full(ledger, make)
    _loosen(url)
    assert findings(ledger) == []
    missed = []
    for table in (tables.entries, tables.head, tables.tree_nodes, *tables.PROJECTIONS):
        for column in table.columns:
            before, after = _flip(url, table, column)
            found = findings(ledger)
            places = [where for where, _ in found]
            if table is tables.entries:
                # The entry itself, or if it calls itself otherwise now, the one that was so.
                right = _place(table, after) in places
            elif table is tables.head:
                right = places == ["head"]
            else:
                right = places == [_place(table, before)]
            if right and "seq" in before and table in tables.PROJECTIONS:
                right = found[0][1].endswith(f"first entry {before['seq']}")
            if not right:
                missed.append((table.name, column.name, found))
            _back(url, table, column, before, after)
    assert missed == []
    assert findings(ledger) == []


def test_all_tables_are_known(ledger: Ledger, url: str) -> None:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    names = set(inspect(engine).get_table_names())
    engine.dispose()
    known = (tables.entries, tables.head, tables.tree_nodes, *tables.PROJECTIONS)
    assert names == {*(table.name for table in known), tables.VERSION_TABLE}


@pytest.mark.parametrize("change", ["UPDATE {0} SET version_num = '0001'", "DELETE FROM {0}"])
def test_version_of_the_tables(told: Ledger, url: str, change: str) -> None:
    with owner(url) as connection:
        run(connection, change.format(tables.VERSION_TABLE))
    ((where, what),) = findings(told)
    assert where == f"table {tables.VERSION_TABLE}"
    assert what.endswith(f"but the tables have version {tables.REVISIONS[-1]}")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("DELETE FROM tree_nodes", "first level 8 position 0 (entries 1 to 256)"),
        (
            "INSERT INTO tree_nodes SELECT 8, 1, hash FROM tree_nodes",
            "first level 8 position 1 (entries 257 to 512)",
        ),
    ],
)
def test_nodes_too_few_and_too_many(
    ledger: Ledger, url: str, make: Make, change: str, what: str
) -> None:
    ledger.append([NewEntry("text", make.text(f"text {number}")) for number in range(300)])
    with owner(url) as connection:
        run(connection, change)
    assert findings(ledger) == [("table tree_nodes", f"differs from the entries: 1 in all, {what}")]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, make: Make) -> Iterator[tuple[Ledger, Path]]:
    """One small ledger for many changes, each of which is taken back."""
    file = tmp_path_factory.mktemp("bytes") / "ledger.db"
    with open_ledger(
        f"sqlite:///{file}", actor="ann", clock=lambda: datetime(2026, 1, 1, tzinfo=UTC)
    ) as ledger:
        ledger.append([*make.story(), *make.lineage()])
        yield ledger, file


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seq=st.integers(1, 11),
    column=st.sampled_from(["body", "body", "body", "hash", "prev", "kind"]),
    place=st.integers(0, 100_000),
    mask=st.integers(1, 255),
)
def test_any_byte_of_any_entry(
    kept: tuple[Ledger, Path], seq: int, column: str, place: int, mask: int
) -> None:
    ledger, file = kept
    entry = tables.entries.c
    with owner(f"sqlite:///{file}") as connection:
        row = connection.execute(select(entry[column]).where(entry.seq == seq)).scalar_one()
        data = bytearray(row.encode())
        data[place % len(data)] ^= mask
        run(
            connection,
            f"UPDATE entries SET {column} = CAST(x'{data.hex()}' AS TEXT) WHERE seq = {seq}",
        )
    try:
        assert f"entry {seq}" in [where for where, _ in findings(ledger)]
    finally:
        with owner(f"sqlite:///{file}") as connection:
            old = row.encode().hex()
            run(
                connection,
                f"UPDATE entries SET {column} = CAST(x'{old}' AS TEXT) WHERE seq = {seq}",
            )
    assert findings(ledger) == []
