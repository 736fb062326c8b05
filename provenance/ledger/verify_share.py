"""Checking the books: how the entries are shared out among processes, and put together again."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from sqlalchemy import Connection, func, select

from evoreg.provenance.ledger import tables
from evoreg.provenance.ledger.audit import broken_entry
from evoreg.provenance.ledger.values import Head
from evoreg.provenance.ledger.verify_process import Task, send_out
from evoreg.provenance.ledger.verify_range import BLOCK, Part, Span, check_span
from evoreg.provenance.records.errors import Problem

ALONE = 20_000
"""Up to so many entries one process is quicker than several."""

_MOST = 16_384  # entries of a range
_EACH = 4  # ranges for each process, so that none waits long for the last one


def check_all(
    connection: Connection, address: str, anchor: Head, workers: int | None
) -> list[Part]:
    """Check all entries.

    Args:
        connection: A connection to the ledger; its state says how far the check goes.
        address: The whole address of the ledger.
        anchor: As in `verify`.
        workers: As in `verify`.

    Returns:
        What was found in each range, in order. Ranges that another process could not check were
        checked in this one.
    """
    last = _numbered(connection)
    processes = workers or (_processors() if last is not None and last > ALONE else 1)
    if last is None or processes == 1:
        return [check_span(connection, Span(0, None), anchor)]
    ranges = spans(last, processes)
    tasks = [Task(address, anchor, ranges[first::processes]) for first in range(processes)]
    tasks = [task for task in tasks if task.spans]
    with ThreadPoolExecutor(len(tasks)) as threads:
        sent = list(threads.map(send_out, tasks))
    parts = {
        span: part
        for task, found in zip(tasks, sent, strict=True)
        for span, part in zip(task.spans, found or (), strict=False)
    }
    return [parts.get(span) or check_span(connection, span, anchor) for span in ranges]


def spans(last: int, processes: int) -> list[Span]:
    """Share out entries.

    Args:
        last: Number of the last entry.
        processes: How many processes there will be.

    Returns:
        Ranges that hold the entries from 1 to `last`, in order; empty if there are none.
    """
    blocks = -(-last // BLOCK)
    size = BLOCK * max(1, min(_MOST // BLOCK, -(-blocks // (processes * _EACH))))
    return [Span(after, min(after + size, last)) for after in range(0, last, size)]


def seams(parts: Sequence[Part]) -> Iterator[Problem]:
    """Compare what neighbouring ranges found where they meet.

    Args:
        parts: What was found in each range, in order.

    Yields:
        A problem for each seam whose entry is not the same on both sides.
    """
    for one, other in pairwise(parts):
        if one.last != other.before:
            what = "the entry changed while the ledger was read"
            yield broken_entry(what, f"entry {one.last.seq}")


def _numbered(connection: Connection) -> int | None:
    """Return how many entries there are if, by the look of it, they have the numbers from 1 on."""
    seq = tables.entries.c.seq
    count, first, last = connection.execute(
        select(func.count(), func.min(seq), func.max(seq)).select_from(tables.entries)
    ).one()
    return last if first == 1 and last == count else None


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
