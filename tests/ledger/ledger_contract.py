"""The laws of a ledger in any kind of database, as tests that a backend is run through.

Subclass `LedgerContract` in a test file and say where the ledger is to be: a fixture `place` that
gives the address of an empty place, the table of backends that knows the address, and the SQL with
which the owner of such a database would take the triggers away.
"""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, ClassVar

import pytest
from sqlalchemy import Connection, Engine, event, inspect, select

from evoreg.provenance.ledger.backends.backend import Backend
from evoreg.provenance.ledger.backends.table import BACKENDS
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import ledger_in
from evoreg.provenance.ledger.rebuild import rebuild
from evoreg.provenance.ledger.store import Store, open_store
from evoreg.provenance.ledger.tables import (
    PROJECTIONS,
    REVISIONS,
    VERSION_TABLE,
    entries,
    tree_nodes,
)
from evoreg.provenance.ledger.triggers import install_triggers, trigger_problems
from evoreg.provenance.ledger.values import Head, NewEntry
from evoreg.provenance.ledger.verify import verify
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.entry import GENESIS, entry_hash
from evoreg.provenance.records.errors import (
    Code,
    EvoregError,
    InputError,
    UsageError,
    VerificationError,
)
from evoreg.provenance.records.license import LicenseClaim
from evoreg.provenance.records.pruning import Pruning
from tests.searches_made import made_search


def claim(note: str) -> NewEntry:
    """A claim that carries a note."""
    record = LicenseClaim(
        model="org/m",
        identity=digest_of(b"m"),
        expression="MIT",
        origin="human",
        by="ann",
        at="2026-03-04T12:00:00Z",
        note=note,
    )
    return NewEntry("claim", record)


def notes(ledger: Ledger) -> list[tuple[str, str]]:
    """Author and note of each claim, in the order of the entries."""
    bodies = [json.loads(entry.body) for entry in ledger.entries(kind="claim")]
    return [(body["by"], body["record"]["note"]) for body in bodies]


def tables_of(ledger: Ledger) -> dict[str, list[tuple[object, ...]]]:
    """Every row of the index tables and of the tree."""
    with ledger.store.reading() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in (*PROJECTIONS, tree_nodes)
        }


FORBIDDEN = (
    "UPDATE entries SET body = '{}' WHERE seq = 1",
    "UPDATE entries SET seq = 9 WHERE seq = 2",
    "DELETE FROM entries WHERE seq = 2",
    "DELETE FROM entries",
    "INSERT INTO entries SELECT 3, prev, kind, body, 'x' FROM entries WHERE seq = 2",
    "INSERT INTO entries SELECT 3, 'x', kind, body, hash FROM entries WHERE seq = 2",
    "INSERT INTO entries SELECT 2, 'x', kind, body, 'y' FROM entries WHERE seq = 2",
    "INSERT INTO claims SELECT 9, model, identity, expression, origin FROM claims WHERE seq = 1",
    "INSERT INTO head SELECT 2, seq, hash, tree FROM head",
)
"""What nobody may do to a ledger of two claims, not even with the right to write: change, remove,
fork, double, and rows without an entry."""


def _now() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


class LedgerContract:
    """What every backend must do; the ledger is at the fixture `place`, which subclasses give."""

    backends: ClassVar[Mapping[str, Backend]] = BACKENDS
    """The table that knows the address."""
    drop_triggers: ClassVar[tuple[str, ...]] = ()
    """Statements that take the triggers away."""

    @pytest.fixture
    def place(self) -> str:
        """The address of an empty place."""
        raise NotImplementedError

    def store(self, place: str, *, patience: float = 30.0, read_only: bool = False) -> Store:
        return open_store(place, patience, read_only=read_only, backends=self.backends)

    def open(
        self, place: str, actor: str = "ann", *, patience: float = 30.0, read_only: bool = False
    ) -> Ledger:
        store = self.store(place, patience=patience, read_only=read_only)
        return ledger_in(store, actor=actor, clock=_now)

    def execute(self, place: str, *statements: str) -> None:
        with closing(self.store(place)) as store, store.writing() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def tables(self, place: str) -> list[str]:
        with closing(self.store(place)) as store, store.reading() as connection:
            return sorted(inspect(connection).get_table_names())

    def refusal(self, place: str, *, read_only: bool = False) -> EvoregError:
        with pytest.raises(EvoregError) as caught:
            self.open(place, read_only=read_only)
        return caught.value

    # A new ledger, and what stands in it.

    def test_an_empty_place_becomes_a_ledger(self, place: str) -> None:
        with self.open(place) as ledger:
            assert ledger.head() == Head(0, GENESIS)
            report = verify(ledger)
        assert (report.entries, report.head, report.problems) == (0, Head(), ())
        made = self.tables(place)
        assert {VERSION_TABLE, "entries", "head", "tree_nodes"} <= set(made)
        with self.open(place) as ledger:
            assert ledger.head() == Head(0, GENESIS)
        assert self.tables(place) == made

    def test_entries_are_chained_and_come_back_as_written(self, place: str) -> None:
        odd = "\0 \\0 \u202e\u2028 \ufffe \U0001f600 e\u0301 '\" \x7f"
        with self.open(place) as ledger:
            written = ledger.append([claim(odd), claim("second")])
            written += ledger.append([claim("third")])
            assert tuple(ledger.entries()) == written
            assert ledger.head() == Head(3, written[-1].hash)
            assert ledger.claims_for(digest_of(b"m"))[0].note == odd
        assert [entry.seq for entry in written] == [1, 2, 3]
        assert all(later.prev == earlier.hash for earlier, later in pairwise(written))
        for entry in written:
            assert entry.hash == entry_hash(entry.seq, entry.prev, entry.kind, entry.body)
        with self.open(place, "bob") as ledger:
            assert tuple(ledger.entries()) == written
            assert ledger.append([claim("fourth")])[0].prev == written[-1].hash
            assert verify(ledger).problems == ()

    def test_tables_equal_a_rebuild(self, place: str) -> None:
        with self.open(place) as ledger:
            for batch in made_search().batches():
                ledger.append(batch)
            ledger.append([claim(str(number)) for number in range(300)])
            search = made_search().search.id
            through = ledger.head().seq
            pruning = Pruning(what="item-scores", search=search, through=through, why="old")
            ledger.append([NewEntry("pruning", pruning)])
            before = tables_of(ledger)
            assert len(before["tree_nodes"]) == 1
            assert len(before["claims"]) == 300
            assert before["evaluations"]
            assert before["item_scores"] == []
            assert rebuild(ledger) == through + 1
            assert tables_of(ledger) == before
            assert verify(ledger).problems == ()

    # Whole or not at all.

    def test_a_bad_record_keeps_its_batch_out(self, place: str) -> None:
        with self.open(place) as ledger:
            bad = NewEntry("model", claim("bad").record)
            with pytest.raises(InputError):
                ledger.append([claim("good"), bad])
            assert ledger.head() == Head()
            assert notes(ledger) == []

    @pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
    def test_an_error_inside_undoes_everything(
        self, place: str, error: type[BaseException]
    ) -> None:
        def interrupt(_connection: object, _cursor: object, statement: str, *_: Any) -> None:
            if statement.startswith("UPDATE head"):
                raise error

        with self.open(place) as ledger:
            ledger.append([claim("kept")])
            before = tables_of(ledger)
            event.listen(Engine, "after_cursor_execute", interrupt)
            try:
                with pytest.raises(error):
                    ledger.append([claim("lost"), claim("lost")])
            finally:
                event.remove(Engine, "after_cursor_execute", interrupt)
            assert tables_of(ledger) == before
            assert verify(ledger).entries == 1
            assert ledger.append([claim("next")])[0].seq == 2

    def test_an_interrupted_first_opening_leaves_nothing(self, place: str) -> None:
        def interrupt(_connection: object, _cursor: object, statement: str, *_: Any) -> None:
            if "CREATE TABLE outputs" in statement:
                raise KeyboardInterrupt

        event.listen(Engine, "after_cursor_execute", interrupt)
        try:
            with pytest.raises(KeyboardInterrupt):
                self.open(place)
        finally:
            event.remove(Engine, "after_cursor_execute", interrupt)
        assert self.tables(place) == []
        with self.open(place) as ledger:
            assert verify(ledger).problems == ()

    # Several at once.

    def test_a_reader_sees_one_state_and_keeps_nobody_waiting(self, place: str) -> None:
        with self.open(place) as reader, self.open(place, "bob", patience=1.0) as writer:
            writer.append([claim("first")])
            with reader.store.reading() as connection:
                query = select(entries.c.seq).order_by(entries.c.seq)
                assert connection.execute(query).scalars().all() == [1]
                assert writer.append([claim("second")])[0].seq == 2
                assert connection.execute(query).scalars().all() == [1]
            assert reader.head().seq == 2

    def test_a_half_read_ledger_keeps_nobody_waiting(self, place: str) -> None:
        with self.open(place) as reader, self.open(place, "bob", patience=1.0) as writer:
            writer.append([claim(str(number)) for number in range(300)])
            started = reader.entries()
            assert next(started).seq == 1
            assert writer.append([claim("next")])[0].seq == 301
            assert [entry.seq for entry in started] == list(range(2, 302))

    def test_a_second_writer_waits_but_not_for_ever(self, place: str) -> None:
        with self.open(place) as first, self.open(place, "bob", patience=0.05) as second:
            with first.store.writing() as connection:
                connection.exec_driver_sql("UPDATE head SET id = 1")
                with pytest.raises(InputError) as caught:
                    second.append([claim("too early")])
                assert second.head().seq == 0, "a writer must not block readers"
                assert verify(second).problems == ()
            assert caught.value.code == Code.LEDGER_BUSY
            assert second.append([claim("in time")])[0].seq == 1

    @pytest.mark.parametrize("shared", [True, False], ids=["one ledger", "a ledger each"])
    def test_eight_threads(self, place: str, shared: bool) -> None:
        with self.open(place, "all") as one:

            def write(number: int) -> None:
                own = one if shared else self.open(place, f"writer {number}")
                for batch in range(4):
                    own.append([claim(f"{number} {batch} {item}") for item in range(2)])
                if not shared:
                    own.close()

            with ThreadPoolExecutor(8) as pool:
                list(pool.map(write, range(8)))
            told = [tuple(map(int, note.split())) for _, note in notes(one)]
            assert len(told) == 64
            # Nothing lost or doubled, each writer's in its order, and batches stand together.
            for number in range(8):
                mine = [(batch, item) for n, batch, item in told if n == number]
                assert mine == [(batch, item) for batch in range(4) for item in range(2)]
            assert all(a[:2] == b[:2] for a, b in zip(told[::2], told[1::2], strict=True))
            assert verify(one).problems == ()

    def test_several_make_the_same_ledger_at_once(self, place: str) -> None:
        def begin(number: int) -> int:
            with self.open(place, f"writer {number}") as ledger:
                return ledger.append([claim(str(number))])[0].seq

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(begin, range(4))) == [1, 2, 3, 4]
        with self.open(place) as ledger:
            assert verify(ledger).problems == ()

    # Append-only.

    def test_the_database_itself_refuses(self, place: str) -> None:
        with self.open(place) as ledger:
            ledger.append([claim("first"), claim("second")])
            before = tables_of(ledger)
            for statement in FORBIDDEN:
                with pytest.raises(VerificationError) as caught:
                    self.execute(place, statement)
                assert caught.value.code == Code.LEDGER_BROKEN
                assert tables_of(ledger) == before
            assert verify(ledger).problems == ()
            assert ledger.head().seq == 2

    def test_without_triggers_nothing_is_written(self, place: str) -> None:
        with self.open(place) as ledger:
            ledger.append([claim("first")])
            self.execute(place, *self.drop_triggers)
            with pytest.raises(VerificationError) as appended:
                ledger.append([claim("second")])
            missing = appended.value.problems
            assert [problem.where for problem in missing] == ["table entries"] * len(missing)
            assert verify(ledger).problems == missing
            for read_only in (False, True):
                assert self.refusal(place, read_only=read_only).problems == missing
            with ledger_in(self.store(place), actor="a", clock=_now, strict=False) as damaged:
                assert verify(damaged).problems == missing
                with damaged.store.writing() as connection:
                    install_triggers(connection)
                    assert trigger_problems(connection) == ()
            assert ledger.append([claim("second")])[0].seq == 2

    # Read-only.

    def test_read_only_makes_nothing(self, place: str) -> None:
        error = self.refusal(place, read_only=True)
        assert isinstance(error, InputError)
        assert error.problems[0].hint
        assert self.tables(place) == []

    def test_read_only_reads_all_and_writes_nothing(self, place: str) -> None:
        with self.open(place) as writer, self.open(place, read_only=True) as reader:
            assert reader.store.read_only
            assert not writer.store.read_only
            written = writer.append([claim("first"), claim("second")])
            assert tuple(reader.entries()) == written
            assert verify(reader).head == writer.head()
            for attempt in (lambda: reader.append([claim("third")]), lambda: rebuild(reader)):
                with pytest.raises(UsageError, match="opened for reading only"):
                    attempt()
            assert writer.append([claim("third")])[0].seq == 3
            assert reader.head().seq == 3

    def test_read_only_is_held_by_the_database_too(self, place: str) -> None:
        def behind_its_back(connection: Connection) -> None:
            connection.exec_driver_sql("UPDATE head SET seq = 5")

        self.open(place).close()
        with self.open(place, read_only=True) as reader:
            reader.store.read_only = False
            for way in (reader.store.reading, reader.store.writing):
                with pytest.raises(InputError) as caught, way() as connection:
                    behind_its_back(connection)
                assert caught.value.code == Code.LEDGER_UNREACHABLE
                assert "not written" in caught.value.problems[0].what
            assert reader.head().seq == 0

    def test_read_only_brings_nothing_up(self, place: str) -> None:
        self.open(place).close()
        self.execute(place, f"UPDATE {VERSION_TABLE} SET version_num = '{REVISIONS[0]}'")
        error = self.refusal(place, read_only=True)
        assert (type(error), error.code) == (InputError, Code.LEDGER_VERSION)
        assert REVISIONS[0] in str(error)
        assert "brought up" in str(error)
        with closing(self.store(place)) as store, store.reading() as connection:
            found = connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar()
        assert found == REVISIONS[0]

    # What is no ledger, a newer one, or a damaged one.

    def test_newer_tables_and_a_lost_version_are_refused(self, place: str) -> None:
        self.open(place).close()
        self.execute(place, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
        for read_only in (True, False):
            error = self.refusal(place, read_only=read_only)
            assert (type(error), error.code) == (InputError, Code.LEDGER_VERSION)
            assert "9999" in str(error)
        self.execute(place, f"DELETE FROM {VERSION_TABLE}")
        for read_only in (True, False):
            assert self.refusal(place, read_only=read_only).code == Code.LEDGER_VERSION

    def test_foreign_tables_are_refused_and_left_alone(self, place: str) -> None:
        for name in ("entries", "customers", VERSION_TABLE):
            self.execute(place, f"CREATE TABLE {name} (version_num TEXT)")
            for read_only in (True, False):
                assert self.refusal(place, read_only=read_only).code == Code.LEDGER_VERSION
            assert self.tables(place) == [name]
            self.execute(place, f"DROP TABLE {name}")

    def test_a_lost_table_is_told_and_nothing_written(self, place: str) -> None:
        with self.open(place) as ledger:
            self.execute(place, "DROP TABLE claims")
            with pytest.raises(VerificationError) as caught:
                ledger.append([claim("first")])
            assert caught.value.code == Code.LEDGER_BROKEN
            assert ledger.head().seq == 0

    def test_a_closed_ledger_is_refused(self, place: str) -> None:
        ledger = self.open(place)
        ledger.close()
        doors: tuple[Callable[[], object], ...] = (ledger.head, lambda: ledger.append([claim("x")]))
        for door in doors:
            with pytest.raises(UsageError, match="the ledger is closed"):
                door()
