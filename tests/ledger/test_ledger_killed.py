"""Writers and servers that are killed: what was acknowledged is there, and nothing in part."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from evoreg.provenance.ledger.backends.troubles import UNSURE
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.rebuild import rebuild
from evoreg.provenance.ledger.verify import verify
from evoreg.provenance.records.errors import Code, InputError
from tests.ledger.ledger_contract import claim, notes, tables_of

WRITER = Path(__file__).with_name("ledger_writer.py")
SIZE = 7
"""Claims in a batch."""
ENDLESS = 100_000
"""Batches of a writer that only a signal ends."""

# `Any`: the fixture hands over a class of conftest.py, which cannot be imported.
MortalServer = Any
PostgreSQL = Any


def start(url: str, batches: int, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(WRITER), url, str(batches), str(SIZE), *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def read_lines(writers: subprocess.Popen[str], count: int) -> list[str]:
    assert writers.stdout is not None
    return [writers.stdout.readline().strip() for _ in range(count)]


def check(ledger: Ledger, acknowledged: Iterable[str], actors: Sequence[str]) -> None:
    """Every acknowledged batch is there whole; besides at most one of each actor, also whole."""
    told = Counter((by, int(note.split()[0])) for by, note in notes(ledger))
    promised = Counter(line.split()[0] for line in acknowledged)
    for actor in actors:
        kept = sorted(batch for by, batch in told if by == actor)
        assert kept == list(range(len(kept)))
        assert promised[actor] <= len(kept) <= promised[actor] + 1
    assert set(told.values()) <= {SIZE}
    report = verify(ledger)
    assert report.problems == ()
    before = tables_of(ledger)
    assert rebuild(ledger) == report.entries
    assert tables_of(ledger) == before


@pytest.mark.parametrize("part", [0.02, 0.3, 0.55, 0.8, 0.98])
def test_writer_killed_inside_a_batch(ledger: Ledger, url: str, part: float) -> None:
    writer = start(url, 4, "first", "--die", str(part))
    printed, _ = writer.communicate(timeout=60)
    assert (printed, writer.returncode) == ("first 0\nfirst 1\n", 9)
    check(ledger, printed.splitlines(), ["first"])
    assert ledger.append([claim("next")])[0].seq in {2 * SIZE + 1, 3 * SIZE + 1}


def test_writers_killed_at_any_moment(ledger: Ledger, url: str) -> None:
    dice = random.Random(6)
    for number in range(4):
        actors = [f"{number}-{writer}" for writer in range(3)]
        writers = start(url, ENDLESS, *actors)
        acknowledged = read_lines(writers, dice.randint(1, 15))
        time.sleep(dice.uniform(0, 0.03))
        os.killpg(writers.pid, signal.SIGKILL)
        rest, complaints = writers.communicate(timeout=60)
        assert complaints == ""
        check(ledger, [*acknowledged, *rest.splitlines()], actors)


def test_server_killed_with_all_its_processes(
    mortal_server: MortalServer, clock: Callable[[], datetime]
) -> None:
    dice = random.Random(7)
    with open_ledger(mortal_server.url, actor="ann", clock=clock) as ledger:
        for number in range(3):
            actors = [f"{number}-{writer}" for writer in range(3)]
            writers = start(mortal_server.url, ENDLESS, *actors)
            acknowledged = read_lines(writers, dice.randint(1, 15))
            time.sleep(dice.uniform(0, 0.03))
            mortal_server.kill()
            rest, complaints = writers.communicate(timeout=60)
            assert writers.returncode == 3
            assert complaints.count("[EVO-L002] postgresql://") == 3
            mortal_server.start()
            # The ledger that was open all the time finds its way back by itself.
            check(ledger, [*acknowledged, *rest.splitlines()], actors)


def test_connection_lost_while_a_batch_is_being_kept(
    postgres: PostgreSQL, postgres_url: str, clock: Callable[[], datetime]
) -> None:
    def cut(connection: Connection) -> None:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        postgres.run(f"SELECT pg_terminate_backend({pid}, 5000)")

    with open_ledger(postgres_url, actor="ann", clock=clock) as ledger:
        ledger.append([claim("first")])
        event.listen(Engine, "commit", cut, once=True)
        with pytest.raises(InputError) as caught:
            ledger.append([claim("second")])
        (problem,) = caught.value.problems
        assert (problem.code, problem.hint) == (Code.LEDGER_UNREACHABLE, UNSURE)
        assert ledger.head().seq == 1
        assert ledger.append([claim("second")])[0].seq == 2
        assert verify(ledger).problems == ()
