"""Writers in processes of their own: python ledger_writer.py URL BATCHES SIZE ACTOR... [--die AT].

Each actor is a process, forked from this one, that appends BATCHES batches of SIZE claims with
notes such as ``3 0``, ``3 1`` for batch 3, and prints ``ACTOR BATCH`` once a batch is acknowledged.
With ``--die`` each kills itself inside its third batch: AT, from 0 to 1, says after which part of
the calls that its second batch took inside the ledger. A ledger that fails ends its writer: it
prints the error to stderr and leaves with 3.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType

import evoreg.provenance.ledger
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.errors import EvoregError
from evoreg.provenance.records.license import LicenseClaim

_ROOM = str(Path(evoreg.provenance.ledger.__file__).parent)

FATAL = 2
"""The batch inside which a writer with ``--die`` dies."""


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


def counted(work: Callable[[], object], die_at: int = 0) -> int:
    """Do some work; return how many functions of the ledger it called, or die at one of them."""
    calls = 0

    def listen(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        if event == "call" and frame.f_code.co_filename.startswith(_ROOM):
            calls += 1
            if calls == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(listen)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def write(ledger: Ledger, actor: str, batches: int, size: int, die: float | None) -> None:
    calls = 0
    for batch in range(batches):
        news = [claim(f"{batch} {number}") for number in range(size)]
        if die is None:
            ledger.append(news)
        else:
            append = partial(ledger.append, news)
            # The first batch fills caches and calls more.
            calls = counted(append, int(calls * die) if batch == FATAL else 0)
        os.write(1, f"{actor} {batch}\n".encode())


def child(given: argparse.Namespace, actor: str) -> None:
    try:
        with open_ledger(
            given.url, actor=actor, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC)
        ) as ledger:
            write(ledger, actor, given.batches, given.size, given.die)
    except EvoregError as error:
        os.write(2, f"{error}\n".encode())
        os._exit(3)
    os._exit(0)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("batches", type=int)
    parser.add_argument("size", type=int)
    parser.add_argument("actors", nargs="+")
    parser.add_argument("--die", type=float)
    given = parser.parse_args()
    children: list[int] = []
    for actor in given.actors:
        process = os.fork()
        if not process:
            child(given, actor)
        children.append(process)
    ends = [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in children]
    return 0 if not any(ends) else 9 if -9 in ends else 3


if __name__ == "__main__":
    sys.exit(main())
