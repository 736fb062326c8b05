"""Loading tasks of the LM Evaluation Harness, without its talk on the terminal."""

import io
import json
import logging
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import Any

from evoreg.evolve.tasks.order import Order
from evoreg.provenance.records.errors import Code, EvoregError, InputError, UsageError


def load(name: str, folder: str | None, order: Order) -> Any:  # noqa: ANN401 - lm_eval has no types
    """Load a task of the harness.

    Args:
        name: Its name.
        folder: Folder with its definition; nothing takes the harness's own tasks.
        order: What the search file says.

    Returns:
        The harness's object.

    Raises:
        UsageError: The harness is not installed.
        InputError: It does not know the task, or cannot read its data.
    """
    try:
        from lm_eval.tasks import TaskManager
    except ImportError as error:
        raise UsageError(
            Code.EXTRA_MISSING,
            "a task of the harness needs lm-eval, which is not installed",
            where=order.where,
            hint="pip install 'evoreg[lm-eval]'",
        ) from error
    if folder is None and order.offline:
        raise InputError(
            Code.HUB_UNREACHABLE,
            "the harness's own tasks fetch their data, and the network may not be used",
            where=order.where,
            hint="go online, or include a task with local data",
        )
    try:
        with quiet():
            manager = TaskManager(include_defaults=folder is None, include_path=folder)
            found = manager.load([name])["tasks"]
        (task,) = found.values()
    except EvoregError:
        raise
    except Exception as error:  # it has no errors of its own
        raise InputError(
            Code.INPUT_UNREADABLE,
            f"the harness cannot load the task {name}: {error!r:.200}",
            where=order.where,
            hint="name a single task, not a group; see lm-eval ls tasks",
        ) from error
    return task


@contextmanager
def quiet() -> Iterator[None]:
    """Let the harness work without bars on the terminal, and without a trace in global state."""
    before = logging.getLogger("lm_eval").level
    drawn = random.getstate()
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    try:
        with redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.getLogger("lm_eval").setLevel(before)
        random.setstate(drawn)


def stable(value: object) -> bytes:
    """Return a value as bytes that are the same in every process.

    Args:
        value: A configuration or a document of the harness.

    Returns:
        JSON; what has no JSON as its text, functions without their addresses.
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return re.sub(r" at 0x[0-9a-f]+", "", text).encode("utf-8", "surrogatepass")
