"""Appending: what is not valid is refused beforehand, and many rows arrive as they were given."""

import gc
import warnings
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Table, func, insert, select

from evoreg.provenance.ledger import tables
from evoreg.provenance.ledger.body import read_body
from evoreg.provenance.ledger.bulk import FEW, insert_rows
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.search_projection import Cells
from evoreg.provenance.ledger.search_tables import searches
from evoreg.provenance.ledger.tables import PROJECTIONS
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.ledger.verify import verify
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.entry import GENESIS, Entry
from evoreg.provenance.records.errors import Code, InputError, VerificationError
from evoreg.provenance.records.evaluation import Evaluation
from evoreg.provenance.records.record import Record
from evoreg.provenance.records.search import Search
from tests.searches_made import Shape, made_search

# `Any`: the fixture hands over the class of makers in conftest.py, which cannot be imported.
Make = Any

MADE = made_search(shape=Shape(generations=1, population=3 * FEW, items=2))
CLOSING = MADE.closed[1]
GIVEN = CLOSING.evaluations[0]
NASTY = "tab\tline\nreturn\r\\N \\. 'quote' \"double\" {brace} %s ? \u0085\u2028\U0001f600 \x01 é"


def wrong(**values: object) -> Evaluation:
    return GIVEN.model_copy(update=values)


SHARE = GIVEN.contributions[0]
INVALID: dict[str, tuple[str, Record]] = {
    "negative place": ("evaluation", wrong(place=-1)),
    "text for a number": ("evaluation", wrong(place="1")),
    "float for a number": ("evaluation", wrong(place=1.0)),
    "nothing for a number": ("evaluation", wrong(place=None)),
    "no digest": ("evaluation", wrong(candidate="sha256:12")),
    "unknown origin": ("evaluation", wrong(origin="stolen")),
    "not a number in the genome": ("evaluation", wrong(genome=(float("nan"),))),
    "infinity in the genome": ("evaluation", wrong(genome=(float("inf"),))),
    "number for a fraction": ("evaluation", wrong(fitness=(0.5,))),
    "short fraction": ("evaluation", wrong(fitness=("0.5",))),
    "share above one": (
        "evaluation",
        wrong(contributions=(SHARE.model_copy(update={"effective": "2.000000000"}),)),
    ),
    "record of another type": ("evaluation", wrong(recipe=SHARE)),
    "mapping for a record": ("evaluation", wrong(recipe={"method": "linear"})),
    "half a text": ("evaluation", wrong(label="\ud800")),
    "nothing set": ("evaluation", Evaluation.model_construct()),
    "another kind": ("generation", GIVEN),
    "not a number in the state": (
        "generation",
        CLOSING.generation.model_copy(update={"state": {"mean": [float("nan")]}}),
    ),
    "huge number in the settings": (
        "search",
        MADE.search.model_copy(update={"settings": {"budget": 2**53}}),
    ),
}


def counts(ledger: Ledger) -> dict[str, int]:
    with ledger.store.reading() as connection:
        found = (tables.entries, *PROJECTIONS)
        query = {table.name: select(func.count()).select_from(table) for table in found}
        return {name: connection.scalar(asked) or 0 for name, asked in query.items()}


@pytest.mark.parametrize("name", INVALID)
def test_what_is_not_valid_is_refused_before_anything_is_written(
    tmp_path: Any, clock: Callable[[], datetime], name: str
) -> None:
    kind, record = INVALID[name]
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with (
        open_ledger(url, actor="ann", clock=clock, patience=0.01) as ledger,
        open_ledger(url, actor="bob", clock=clock) as other,
    ):
        ledger.append([NewEntry("search", MADE.search)])
        before = counts(ledger)
        news = [*CLOSING.news()[:2], NewEntry(kind, record)]  # type: ignore[arg-type]  # on purpose
        # Somebody else holds the lock: what is refused here never waited for it.
        with other.store.writing(), pytest.raises(InputError) as caught:
            ledger.append(news)
        assert caught.value.code in (Code.NOT_A_RECORD, Code.NOT_CANONICAL)
        assert counts(ledger) == before
        assert verify(ledger).problems == ()


def test_the_index_tables_say_what_the_text_says(ledger: Ledger) -> None:
    class Loud(str):
        """A text that spells differently than it reads."""

        def __format__(self, spec: str) -> str:
            return self.upper()

    search = MADE.search.model_copy(update={"name": Loud("miniature")})
    assert isinstance(search, Search)
    ledger.append([NewEntry("search", search)])
    with ledger.store.reading() as connection:
        names = connection.scalars(select(searches.c.name)).all()
    assert names == ["miniature"]
    assert verify(ledger).problems == ()


def test_a_generation_is_whole(ledger: Ledger) -> None:
    ledger.append([NewEntry("search", MADE.search)])
    for closing in MADE.closed:
        added = ledger.append(closing.news())
        assert [entry.kind for entry in added].count("evaluation") == len(closing.evaluations)
    assert [entry for entry in ledger.entries(after=1) if entry.kind == "evaluation"]
    assert verify(ledger).problems == ()
    found = counts(ledger)
    told = [item for closing in MADE.closed for item in closing.evaluations]
    assert found["evaluations"] == len(told)
    assert found["evaluation_scores"] == sum(len(item.scores) for item in told)
    assert found["evaluation_shares"] == sum(len(item.contributions) for item in told)


def test_what_is_no_part_of_a_record_is_not_written(ledger: Ledger) -> None:
    begun = MADE.search.model_copy(update={"surprise": 1, "seed": True})
    (entry,) = ledger.append([NewEntry("search", begun)])
    read = read_body("search", entry.body).record
    assert read == MADE.search.model_copy(update={"seed": 1})


@pytest.mark.parametrize("collecting", [True, False])
def test_the_garbage_collector_goes_on_as_before(ledger: Ledger, *, collecting: bool) -> None:
    was = gc.isenabled()
    try:
        (gc.enable if collecting else gc.disable)()
        ledger.append([NewEntry("search", MADE.search)])
        assert gc.isenabled() == collecting
        with pytest.raises(InputError):
            ledger.append([NewEntry("search", MADE.search)])  # it is on record already
        assert gc.isenabled() == collecting
    finally:
        (gc.enable if was else gc.disable)()


def _entries(count: int) -> list[Cells]:
    hashes = [GENESIS, *(digest_of(b"%d" % number) for number in range(count))]
    return [(n + 1, hashes[n], "text", NASTY + str(n), hashes[n + 1]) for n in range(count)]


def _cells(table: Table, seq: int, place: int) -> Cells:
    values: dict[str, tuple[object, ...]] = {
        "big_integer": (0, 2**62, -(2**62)),
        "integer": (0, 2**31 - 1, -(2**31)),
        "text": (NASTY, "", "x" * 3000),
        "boolean": (True, False, True),
        "double": (0.1, -1e300, 5e-324),
    }
    row: list[object] = []
    for column in table.columns:
        found = values[column.type.__visit_name__][place % 3]
        if column.primary_key:
            found = seq if column.name == "seq" else place
        row.append(None if column.nullable and place % 4 == 1 else found)
    return tuple(row)


@pytest.mark.parametrize("table", PROJECTIONS, ids=lambda table: table.name)
def test_rows_arrive_as_they_were_given_by_every_way(ledger: Ledger, table: Table) -> None:
    few, many = FEW, FEW + 9
    total = 2 * many + few
    rows = [_cells(table, seq + 1, seq) for seq in range(total)]
    names = [column.name for column in table.columns]
    with ledger.store.writing() as connection:
        insert_rows(connection, tables.entries, _entries(total))
        insert_rows(connection, table, rows[:few])
        insert_rows(connection, table, rows[few : few + many])
        generic = [dict(zip(names, row, strict=True)) for row in rows[few + many :]]
        connection.execute(insert(table), generic)
        query = select(table).order_by(table.c.seq)
        assert [tuple(row) for row in connection.execute(query)] == rows


def _twice(ledger: Ledger, count: int) -> None:
    with ledger.store.writing() as connection:
        insert_rows(connection, tables.entries, _entries(count))
        insert_rows(connection, tables.decisions, [(1, "b", "commercial", "allow")] * count)


@pytest.mark.parametrize("count", [2, FEW + 1])
def test_a_row_that_is_there_already_is_an_error_of_the_ledger(ledger: Ledger, count: int) -> None:
    for _ in range(2):
        with pytest.raises(VerificationError, match="breaks its own rules") as caught:
            _twice(ledger, count)
        assert caught.value.code == Code.LEDGER_BROKEN
    assert counts(ledger)["entries"] == 0


def _lost(ledger: Ledger) -> None:
    with ledger.store.writing() as connection:
        number = connection.scalar(select(func.pg_backend_pid()))
        with ledger.store.writing() as other:
            other.execute(select(func.pg_terminate_backend(number)))
        insert_rows(connection, tables.entries, _entries(FEW + 1))


def test_a_connection_that_is_lost_in_the_middle_is_an_error_of_the_ledger(
    postgres_url: str, clock: Callable[[], datetime]
) -> None:
    with open_ledger(postgres_url, actor="ann", clock=clock) as ledger:
        with pytest.raises(InputError) as caught:
            _lost(ledger)
        assert caught.value.code == Code.LEDGER_UNREACHABLE
        added = ledger.append([NewEntry("search", MADE.search)])
        assert [entry.seq for entry in added] == [1]


def test_nothing_is_told_on_the_side(ledger: Ledger) -> None:
    news = [NewEntry("search", MADE.search), NewEntry("evaluation", wrong(place="1"))]
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with pytest.raises(InputError):
            ledger.append(news)
    assert heard == []


def test_entries_are_values(ledger: Ledger) -> None:
    added = ledger.append([NewEntry("search", MADE.search)])
    assert added == tuple(ledger.entries())
    assert all(type(entry) is Entry for entry in added)
