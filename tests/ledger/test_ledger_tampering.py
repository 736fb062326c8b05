"""Whatever somebody with full rights does to the database, `verify` notices and names it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.rebuild import rebuild
from evoreg.provenance.ledger.values import Head, NewEntry
from evoreg.provenance.ledger.verify import verify
from evoreg.provenance.records.entry import entry_hash
from evoreg.provenance.records.errors import VerificationError
from tests.ledger.ledger_owner import (
    TRIGGERS,
    drop_triggers,
    findings,
    owner,
    regrow,
    rehash,
    run,
    stranger,
)

# `Any`: the fixture hands over the class of makers in conftest.py, which cannot be imported.
Make = Any

CONSTRAINTS = ("entries_pk", "entries_prev_unique", "entries_hash_unique")


def drop_constraints(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text("CREATE TABLE loose AS SELECT * FROM entries"))
        connection.execute(text("DROP TABLE entries"))
        connection.execute(text("ALTER TABLE loose RENAME TO entries"))
    else:
        for name in CONSTRAINTS:
            connection.execute(text(f"ALTER TABLE entries DROP CONSTRAINT {name} CASCADE"))


def body_of(ledger: Ledger, seq: int) -> str:
    return next(ledger.entries(after=seq - 1)).body


EDITED = "the hash does not fit the content: the entry was changed"
UNLINKED = "the chain is broken: this entry does not follow the one before it"
REGROWN = "the Merkle tree in the head row is not that of the entries"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET body = '{}' WHERE seq = 1",
        "UPDATE entries SET seq = 9 WHERE seq = 7",
        "DELETE FROM entries WHERE seq = 7",
        "DELETE FROM entries",
    ],
)
def test_triggers_refuse_changes(told: Ledger, url: str, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), stranger(url) as connection:
        run(connection, statement)
    assert findings(told) == []


def test_trigger_refuses_truncate(postgres_url: str, clock: Callable[[], datetime]) -> None:
    with open_ledger(postgres_url, actor="ann", clock=clock):
        for before in ("SELECT 1", "SET LOCAL session_replication_role = replica"):
            with pytest.raises(DBAPIError, match="append-only"), stranger(postgres_url) as other:
                run(other, before, "TRUNCATE entries CASCADE")


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "values",
    [
        "SELECT seq, prev, kind, '{}', 'x' FROM entries WHERE seq = 2",
        "SELECT 8, prev, kind, body, 'x' FROM entries WHERE seq = 2",
        "SELECT 8, 'x', kind, body, hash FROM entries WHERE seq = 2",
        "SELECT 9, 'x', kind, body, 'y' FROM entries WHERE seq = 2",
    ],
)
def test_replace_is_refused_without_our_settings(told: Ledger, url: str, values: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), stranger(url) as connection:
        run(connection, f"INSERT OR REPLACE INTO entries {values}")
    assert findings(told) == []


def test_edit(told: Ledger, url: str) -> None:
    with owner(url) as connection:
        run(
            connection,
            """UPDATE entries SET body = replace(body, 'by":"ann', 'by":"eve')
                           WHERE seq = 3""",
        )
    assert findings(told) == [("entry 3", EDITED)]


def test_edit_of_kind(told: Ledger, url: str) -> None:
    with owner(url) as connection:
        run(connection, "UPDATE entries SET kind = 'claim' WHERE seq = 1")
    places = [where for where, _ in findings(told)]
    assert places == ["entry 1", "entry 1"]
    with owner(url) as connection:
        run(connection, "UPDATE entries SET kind = 'gift' WHERE seq = 1")
    assert findings(told)[0][0] == "entry 1"
    assert findings(told)[0][1].startswith("the row is no entry: kind")


def test_edit_with_its_own_hash_mended(told: Ledger, url: str) -> None:
    body = body_of(told, 3).replace('"by":"ann"', '"by":"eve"')
    prev = next(told.entries(after=2)).prev
    with owner(url) as connection:
        connection.execute(
            text("UPDATE entries SET body = :body, hash = :hash WHERE seq = 3"),
            {"body": body, "hash": entry_hash(3, prev, "claim", body)},
        )
    assert findings(told) == [("entry 4", UNLINKED), ("head", REGROWN)]


@pytest.mark.parametrize("seq", [1, 4])
def test_gap(told: Ledger, url: str, seq: int) -> None:
    with owner(url) as connection:
        run(connection, f"DELETE FROM entries WHERE seq = {seq}")
    found = findings(told)
    assert found[0] == (f"entry {seq + 1}", f"entry {seq} before it is missing")
    # The rows that the missing entry left in the index tables have lost their ground.
    assert {where.split()[0] for where, _ in found[1:]} == {"table"}


def test_reorder(told: Ledger, url: str) -> None:
    with owner(url) as connection:
        for one, other in ((3, 99), (4, 3), (99, 4)):
            run(connection, f"UPDATE entries SET seq = {other} WHERE seq = {one}")
    found = findings(told)
    assert [f for f in found if f[1] == EDITED] == [("entry 3", EDITED), ("entry 4", EDITED)]
    assert [where for where, what in found if what == UNLINKED] == ["entry 3", "entry 4", "entry 5"]


def test_replaced_row(told: Ledger, url: str) -> None:
    with owner(url) as connection:
        run(
            connection,
            "CREATE TABLE spare AS SELECT * FROM entries WHERE seq = 2",
            "DELETE FROM entries WHERE seq = 2",
            "INSERT INTO entries SELECT seq, prev, kind, replace(body, 'bob', 'eve'), hash "
            "FROM spare",
            "DROP TABLE spare",
        )
    found = findings(told)
    assert found[0] == ("entry 2", EDITED)
    assert ("table models", "differs from the entries: 1 in all, first entry 2") in found


def cut(connection: Connection, seq: int) -> None:
    run(connection, f"DELETE FROM releases WHERE seq > {seq}")
    run(connection, f"DELETE FROM entries WHERE seq > {seq}")


def test_cut_tail(told: Ledger, url: str) -> None:
    with owner(url) as connection:
        cut(connection, 6)
    assert findings(told) == [("head", "the head row says 7, but the last entry is 6")]


def test_cut_tail_with_head_set_back_shows_against_anchor(
    told: Ledger, url: str, make: Make
) -> None:
    early = next(told.entries(after=4))
    anchor = verify(told).head
    assert anchor == told.head()
    with owner(url) as connection:
        cut(connection, 6)
        run(
            connection,
            "UPDATE head SET seq = 6, hash = (SELECT max(prev) FROM "
            "(SELECT hash AS prev FROM entries WHERE seq = 6) AS last)",
        )
    assert findings(told) == [("head", REGROWN)]
    with owner(url) as connection:
        regrow(connection)
    assert findings(told) == []
    assert findings(told, Head(early.seq, early.hash)) == []
    assert findings(told, anchor) == [("entry 6", "the tail was cut off: the anchor is at 7")]
    told.append([NewEntry("model", make.model("other"))])
    what = "differs from the anchor: the history up to this entry was rewritten"
    assert findings(told, anchor) == [("entry 7", what)]


def test_history_hashed_anew_shows_against_anchor(told: Ledger, url: str) -> None:
    before, anchor = next(told.entries(after=1)), told.head()
    forged = {3: body_of(told, 3).replace('"by":"ann"', '"by":"eve"')}
    with owner(url) as connection:
        rehash(connection, 3, forged)
    assert findings(told) == []
    assert findings(told, Head(before.seq, before.hash)) == []
    what = "differs from the anchor: the history up to this entry was rewritten"
    assert findings(told, anchor) == [("entry 7", what)]


def test_head_reset(told: Ledger, url: str, make: Make) -> None:
    with owner(url) as connection:
        run(connection, "UPDATE head SET seq = 3, hash = (SELECT hash FROM entries WHERE seq = 3)")
    assert findings(told) == [("head", "the head row says 3, but the last entry is 7")]
    with pytest.raises(VerificationError, match="the head row says 3"):
        told.append([NewEntry("model", make.model("next"))])


def test_head_with_another_hash(told: Ledger, url: str, make: Make) -> None:
    with owner(url) as connection:
        run(connection, "UPDATE head SET hash = (SELECT hash FROM entries WHERE seq = 3)")
    assert findings(told) == [("head", "the head row has another hash than the last entry, 7")]
    with pytest.raises(VerificationError):
        told.append([NewEntry("model", make.model("next"))])


def test_head_missing(told: Ledger, url: str, make: Make) -> None:
    with owner(url) as connection:
        run(connection, "DELETE FROM head")
    assert findings(told) == [("head", "the head row says nothing, but the last entry is 7")]
    with pytest.raises(VerificationError, match="the head row is missing"):
        told.append([NewEntry("model", make.model("next"))])


def test_duplicate_number(told: Ledger, url: str) -> None:
    with owner(url) as connection:
        drop_constraints(connection)
        run(
            connection,
            "INSERT INTO entries SELECT seq, prev, kind, body, 'sha256:"
            + "f" * 64
            + "' FROM entries WHERE seq = 4",
        )
    found = findings(told)
    assert ("entry 4", "the number of this entry is not unique") in found
    assert ("entry 4", EDITED) in found


def test_fork(told: Ledger, url: str) -> None:
    last = next(told.entries(after=6))
    digest = entry_hash(8, last.prev, last.kind, last.body)
    with owner(url) as connection:
        drop_constraints(connection)
        connection.execute(
            text("INSERT INTO entries VALUES (8, :prev, :kind, :body, :hash)"),
            {"prev": last.prev, "kind": last.kind, "body": last.body, "hash": digest},
        )
    what = "the chain forks: this entry and the one before it have the same predecessor"
    assert ("entry 8", what) in findings(told)


def test_dropped_trigger(told: Ledger, url: str, make: Make, clock: Callable[[], datetime]) -> None:
    with stranger(url) as connection:
        drop_triggers(connection)
        names = sorted(TRIGGERS[connection.dialect.name])
    found = findings(told)
    assert [where for where, _ in found] == ["table entries"] * len(names)
    for name, (_, what) in zip(names, found, strict=True):
        assert what.startswith(f"the trigger {name},")
    with pytest.raises(VerificationError) as appended:
        told.append([NewEntry("model", make.model("next"))])
    with pytest.raises(VerificationError) as opened:
        open_ledger(url, actor="ann", clock=clock)
    assert appended.value.problems == opened.value.problems
    with open_ledger(url, actor="ann", clock=clock, strict=False) as damaged:
        assert findings(damaged) == found


def test_trigger_that_does_nothing(told: Ledger, url: str) -> None:
    with stranger(url) as connection:
        if connection.dialect.name == "sqlite":
            run(
                connection,
                "DROP TRIGGER entries_no_update",
                "CREATE TRIGGER entries_no_update BEFORE UPDATE ON entries BEGIN SELECT 1; END",
            )
        else:
            run(
                connection,
                "CREATE OR REPLACE FUNCTION entries_refuse_change() RETURNS trigger "
                "LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$",
            )
    assert [where for where, _ in findings(told)] == ["table entries"]


def test_switched_off_trigger(postgres_url: str, clock: Callable[[], datetime]) -> None:
    with open_ledger(postgres_url, actor="ann", clock=clock) as ledger:
        with stranger(postgres_url) as connection:
            run(connection, "ALTER TABLE entries DISABLE TRIGGER entries_append_only")
        assert [where for where, _ in findings(ledger)] == ["table entries"]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (lambda body: body.replace(":", ": ", 1), "JSON, but not in canonical form (RFC 8785)"),
        (lambda body: "[]", "the body does not hold a claim"),
        (lambda body: "not JSON", "Invalid JSON"),
        (lambda body: "[" * 5000 + "]" * 5000, ""),
        (lambda body: body.replace("evoreg/claim/1", "evoreg/claim/2"), "the body does not hold"),
        (lambda body: body.replace('"origin":"card"', '"origin":"nobody"'), "the body does not"),
        (lambda body: body.replace('"note":"",', ""), "the record leaves out fields"),
    ],
)
def test_forged_body_with_right_hashes(
    told: Ledger, url: str, body: Callable[[str], str], what: str
) -> None:
    forged = body(body_of(told, 3))
    assert forged != body_of(told, 3)
    with owner(url) as connection:
        rehash(connection, 3, {3: forged})
    ((where, found),) = findings(told)
    assert where == "entry 3"
    assert what in found


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("value", ["CAST(x'7b80ff7d' AS TEXT)", "x'7b80ff7d'"])
def test_body_that_is_no_text(told: Ledger, url: str, value: str) -> None:
    with owner(url) as connection:
        run(connection, f"UPDATE entries SET body = {value} WHERE seq = 2")
    assert {where for where, _ in findings(told)} == {"entry 2"}
    with pytest.raises(VerificationError):
        told.models()
    with pytest.raises(VerificationError):
        list(told.entries())


CHANGED_INDEXES = {
    "UPDATE models SET name = 'eve' WHERE seq = 1": ("models", 1),
    "UPDATE contributions SET effective = '0.900000000' WHERE position = 0": ("contributions", 6),
    "UPDATE contributions SET used = NOT used WHERE position = 1": ("contributions", 6),
    "UPDATE decisions SET verdict = 'allow'": ("decisions", 5),
    "DELETE FROM outputs": ("outputs", 6),
    "DELETE FROM model_files WHERE seq = 2 AND depth = 1": ("model_files", 2),
    "INSERT INTO claims VALUES (2, 'm', 'i', 'MIT', 'card')": ("claims", 2),
    "UPDATE releases SET seq = 3": ("releases", 3),
    "UPDATE candidates SET seq = 8": ("candidates", 6),
    "INSERT INTO candidates VALUES (9, 'i', 'linear', 0)": ("candidates", 9),
}


@pytest.mark.parametrize("statement", CHANGED_INDEXES)
def test_changed_index_is_noticed_and_rebuilt(told: Ledger, url: str, statement: str) -> None:
    table, first = CHANGED_INDEXES[statement]
    with owner(url) as connection:
        run(connection, statement)
    ((where, what),) = findings(told)
    assert where == f"table {table}"
    assert what.endswith(f"first entry {first}")
    rebuild(told)
    assert findings(told) == []


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_index_with_a_strange_type(told: Ledger, url: str) -> None:
    with owner(url) as connection:
        run(connection, "UPDATE contributions SET used = 'maybe'", "UPDATE outputs SET size = 'x'")
    assert [where for where, _ in findings(told)] == ["table contributions", "table outputs"]
