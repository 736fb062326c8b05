"""Many writers in processes of their own: no fork, no loss, no duplicate, each in its order."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from itertools import groupby
from pathlib import Path

from sqlalchemy import create_engine, make_url

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.verify import verify

WRITER = Path(__file__).with_name("ledger_writer.py")
BATCHES, SIZE = 20, 4


def test_eight_processes_on_a_database_without_tables(
    bare_url: str, clock: Callable[[], datetime]
) -> None:
    names = [f"writer-{number}" for number in range(8)]
    command = [sys.executable, str(WRITER), bare_url, str(BATCHES), str(SIZE), *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    wanted = [f"{name} {batch}" for name in names for batch in range(BATCHES)]
    assert sorted(done.stdout.splitlines()) == sorted(wanted)
    with open_ledger(bare_url, actor="ann", clock=clock) as ledger:
        report = verify(ledger)
        assert (report.entries, report.problems) == (8 * BATCHES * SIZE, ())
        entries = list(ledger.entries())
    assert max(Counter(entry.prev for entry in entries).values()) == 1, "a fork"
    bodies = [json.loads(entry.body) for entry in entries]
    told = [(body["by"], *map(int, body["record"]["note"].split())) for body in bodies]
    for name in names:
        # Nothing lost, nothing doubled, and each writer's own order kept.
        mine = [(batch, item) for by, batch, item in told if by == name]
        assert mine == [(batch, item) for batch in range(BATCHES) for item in range(SIZE)]
    # What one transaction wrote stands together.
    assert {len(list(batch)) for _, batch in groupby(told, key=lambda item: item[:2])} == {SIZE}


def test_unread_iterator_blocks_no_stranger(told: Ledger) -> None:
    started = told.entries()
    assert next(started).seq == 1
    url = make_url(told.store.address)
    driver = "sqlite" if url.drivername == "sqlite" else "postgresql+psycopg"
    engine = create_engine(url.set(drivername=driver))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE head SET id = 1")
        assert connection.exec_driver_sql("SELECT count(*) FROM entries").scalar() == 7
    engine.dispose()
