"""Many writers, and writers that are killed: no fork, no lost entry, no part of a batch."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.ledger.verify import verify
from evoreg.provenance.records.errors import Code, InputError

# `Any`: the fixture hands over the class of makers in conftest.py, which cannot be imported.
Make = Any

WRITER = Path(__file__).with_name("ledger_writer.py")


def start(url: str, actor: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(WRITER), url, actor, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def authors(ledger: Ledger) -> list[str]:
    return [json.loads(entry.body)["by"] for entry in ledger.entries()]


def test_processes_on_a_database_without_tables(
    bare_url: str, clock: Callable[[], datetime]
) -> None:
    writers = [start(bare_url, f"writer {number}", "10", "4") for number in range(4)]
    for writer in writers:
        printed, _ = writer.communicate(timeout=60)
        assert writer.returncode == 0
        assert printed.split() == [str(batch) for batch in range(10)]
    with open_ledger(bare_url, actor="ann", clock=clock) as ledger:
        report = verify(ledger)
        assert (report.entries, report.problems) == (160, ())
        by = authors(ledger)
    assert Counter(by) == {f"writer {number}": 40 for number in range(4)}
    # Batches stand together: the author changes only between batches.
    assert all(len(set(by[first : first + 4])) == 1 for first in range(0, 160, 4))


def test_eight_threads_with_ledgers_of_their_own(
    url: str, make: Make, clock: Callable[[], datetime]
) -> None:
    def write(number: int) -> None:
        with open_ledger(url, actor=f"writer {number}", clock=clock) as own:
            for batch in range(5):
                own.append([NewEntry("model", make.model(f"{number} {batch}"))] * 2)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    with open_ledger(url, actor="ann", clock=clock) as ledger:
        assert (verify(ledger).entries, verify(ledger).problems) == (80, ())
        assert len(ledger.find_model("3 4")) == 2


def test_eight_threads_with_one_ledger(ledger: Ledger, make: Make) -> None:
    def write(number: int) -> None:
        for _ in range(3):
            ledger.append([NewEntry("model", make.model(str(number)))])
            assert verify(ledger).problems == ()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert ledger.head().seq == 24


@pytest.mark.parametrize("statement", ["INSERT INTO entries", "UPDATE head"])
def test_killed_inside_a_batch(ledger: Ledger, url: str, make: Make, statement: str) -> None:
    writer = start(url, "killed", "3", "10", statement)
    printed, _ = writer.communicate(timeout=60)
    assert (printed, writer.returncode) == ("0\n", -9)
    report = verify(ledger)
    assert (report.entries, report.problems) == (10, ())
    assert ledger.append([NewEntry("model", make.model("next"))])[0].seq == 11


def test_killed_at_any_moment(ledger: Ledger, url: str) -> None:
    writers = [start(url, f"killed {number}", "100000", "5") for number in range(2)]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "0\n"
    for writer in writers:
        writer.kill()
        writer.communicate(timeout=60)
    report = verify(ledger)
    assert report.problems == ()
    assert report.entries >= 10
    assert report.entries % 5 == 0


def test_locked_ledger_is_busy(url: str, make: Make, clock: Callable[[], datetime]) -> None:
    news = [NewEntry("model", make.model("m"))]
    with (
        open_ledger(url, actor="ann", clock=clock) as first,
        open_ledger(url, actor="bob", clock=clock, patience=0.05) as second,
    ):
        with first.store.writing() as connection:
            connection.exec_driver_sql("UPDATE head SET id = 1")
            with pytest.raises(InputError) as caught:
                second.append(news)
            assert second.head().seq == 0, "a writer must not block readers"
            assert verify(second).problems == ()
        assert caught.value.code == Code.LEDGER_BUSY
        assert second.append(news)[0].seq == 1


def test_unread_iterator_blocks_nobody(told: Ledger, url: str, make: Make) -> None:
    started = told.entries()
    assert next(started).seq == 1
    assert told.append([NewEntry("model", make.model("m"))])[0].seq == 8
    engine = create_engine(make_url(url).set(drivername=told.store.name.split(":")[0]))
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM entries").scalar() == 8
    engine.dispose()
