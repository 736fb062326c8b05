"""A process that checks some ranges of a ledger for another one: task on stdin, parts on stdout.

It is a program of its own and not a fork, so that nothing of the caller's program runs twice.
"""

import subprocess
import sys
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from evoreg.provenance.ledger.store import open_store
from evoreg.provenance.ledger.values import Head
from evoreg.provenance.ledger.verify_range import Part, Span, check_span

_PATIENCE = 30.0

# The caller's own folders come last: a file in them may have the name of a standard module.
_PROGRAM = (
    "import sys; sys.path += [path for path in sys.argv[1:] if path not in sys.path]; "
    "from evoreg.provenance.ledger.verify_process import serve; serve()"
)


@dataclass(frozen=True, slots=True)
class Task:
    """What a process is asked to do."""

    address: str
    """The whole address of the ledger; it may hold a password, so it never is an argument."""
    anchor: Head
    """As in `verify`."""
    spans: list[Span]
    """Ranges to check."""


_TASK = TypeAdapter(Task)
_PARTS = TypeAdapter(list[Part])


def carry_out(task: Task) -> list[Part]:
    """Check some ranges in this process, each in a transaction of its own.

    Args:
        task: What to do.

    Returns:
        What was found in each range.

    Raises:
        EvoregError: The ledger cannot be read.
    """
    store = open_store(task.address, _PATIENCE, read_only=True)
    try:
        parts = []
        for span in task.spans:
            with store.reading() as connection:
                parts.append(check_span(connection, span, task.anchor))
        return parts
    finally:
        store.close()


def send_out(task: Task) -> list[Part] | None:
    """Check some ranges in a process of their own.

    Args:
        task: What to do.

    Returns:
        What was found in each range; nothing if the process failed, for whatever reason.
    """
    paths = [path for path in sys.path if path]
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _PROGRAM, *paths],
            input=_TASK.dump_json(task),
            capture_output=True,
            check=True,
        )
        parts = _PARTS.validate_json(done.stdout)
    except (OSError, subprocess.SubprocessError, ValidationError):
        return None
    return parts if len(parts) == len(task.spans) else None


def serve() -> None:
    """Read a task, carry it out, and write what was found."""
    task = _TASK.validate_json(sys.stdin.buffer.read())
    sys.stdout.buffer.write(_PARTS.dump_json(carry_out(task)))
