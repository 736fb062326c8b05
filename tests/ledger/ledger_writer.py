"""A writer in a process of its own: python ledger_writer.py URL ACTOR BATCHES SIZE [STATEMENT].

Appends BATCHES batches of SIZE claims and prints a line for each. With STATEMENT it kills itself
inside its second batch, right after the first SQL statement that begins so.
"""

import os
import signal
import sys
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.license import LicenseClaim


def claim(note: str) -> NewEntry:
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


def die_after(beginning: str) -> None:
    def listen(_connection: object, _cursor: object, statement: str, *_rest: Any) -> None:
        if statement.startswith(beginning):
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "after_cursor_execute", listen)


def main(url: str, actor: str, batches: str, size: str, statement: str = "") -> None:
    with open_ledger(url, actor=actor, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC)) as ledger:
        for batch in range(int(batches)):
            if batch == 1 and statement:
                die_after(statement)
            ledger.append([claim(f"{batch} {number}") for number in range(int(size))])
            print(batch, flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
