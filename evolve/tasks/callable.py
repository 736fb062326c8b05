"""The kind python: a function of the user scores the model; only where code is allowed.

::

    def score(player, items):
        return [1.0 for _ in items]

`player` has ``model``, ``tokenizer`` and ``device``; `items` is a list of dictionaries, the fields
of the items asked; what comes back is a finite number for each item, in the same order. The
function must depend on its arguments alone, and leave the model's weights as they are.
"""

import hashlib
import importlib
import importlib.util
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from evoreg.evolve.searchfile.form import TaskForm
from evoreg.evolve.tasks.data import Splits
from evoreg.evolve.tasks.encoding import failed
from evoreg.evolve.tasks.item import Item
from evoreg.evolve.tasks.itemised import ItemisedTask
from evoreg.evolve.tasks.order import Order
from evoreg.evolve.tasks.paths import regular_file
from evoreg.evolve.tasks.rows import Row
from evoreg.evolve.tasks.task import Answer, Player, Task
from evoreg.provenance.records.canonical import Json, to_canonical
from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.errors import Code, EvoregError, InputError, UsageError

Function: TypeAlias = Callable[[Player, list[dict[str, Json]]], Sequence[float]]
"""What the user writes."""


def make_callable(order: Order) -> Task:
    """Return a task of the kind python.

    Args:
        order: What the search file says.

    Returns:
        The task with its data.

    Raises:
        UsageError: Code is not allowed.
        RecipeError: No function is named, or prompts that nobody would use.
        InputError: There is no such function, or data do not fit.
    """
    form = order.form
    if form.metric not in ("value", "exact_match"):
        order.refuse(f"a function is not judged by {form.metric!r}", "metric: value")
    if form.variants or form.soft or form.language:
        order.refuse("a function has its own prompts and scores", "leave out what it decides")
    function, source = _function(order)

    def make(row: Row, where: str) -> Item:
        content = to_canonical(dict(row)).decode()
        return Item(row, "", content, group=order.group(row, where), where=where)

    return CallableTask(form, order.splits(make), function, source)


def allowed(order: Order, what: str) -> None:
    """Check that code may be run.

    Args:
        order: What the search file says.
        what: What would be run, for the message.

    Raises:
        UsageError: It may not.
    """
    if not order.allow_code:
        raise UsageError(
            Code.USAGE,
            f"this task runs code: {what}",
            where=order.where,
            hint="read it; if you trust it, add --allow-code",
        )


def _function(order: Order) -> tuple[Function, Digest]:
    """Return the function and the digest of the file that it stands in."""
    named = order.form.function
    home, _, name = (named or "").rpartition(":")
    if not home or not name.isidentifier():
        order.refuse("no function is named", "function: module:name, or file.py:name")
    allowed(order, f"{home}:{name}")
    try:
        module = _module(order.folder, home)
    except EvoregError:
        raise
    except (Exception, SystemExit) as error:  # it may do whatever it likes while it is imported
        raise _missing(f"{home}:{name}", f"it cannot be imported: {error!r:.200}") from error
    function = getattr(module, name, None)
    if not callable(function):
        raise _missing(f"{home}:{name}", "there is no such function")
    path = getattr(module, "__file__", None)
    source = Path(path).read_bytes() if path else b""
    return function, digest_of(source)


def _module(folder: Path, home: str) -> ModuleType:
    if not home.endswith(".py"):
        return importlib.import_module(home)
    path = regular_file(folder, home)
    # A name of its own for each file: two may be called alike.
    name = f"evoreg_task_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise _missing(home, "it is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _missing(where: str, what: str) -> InputError:
    return InputError(
        Code.INPUT_MISSING, what, where=where, hint="name a function of an importable module"
    )


class CallableTask(ItemisedTask):
    """Lets a function of the user score the model."""

    def __init__(self, form: TaskForm, splits: Splits, function: Function, source: Digest) -> None:
        super().__init__(form, splits, metric="value", maximise=True)
        self._function = function
        self._source = source

    @property
    def template(self) -> Digest:
        """Digest of the file of the function."""
        return self._source

    @property
    def settings(self) -> Mapping[str, Json]:
        """The function."""
        return {"function": self.form.function, "source": self._source}

    def answered(
        self, player: Player, items: Sequence[Item], *, soft: bool, variant: int
    ) -> tuple[Answer, ...]:
        """Call the function.

        Args:
            player: The model.
            items: What to ask.
            soft: Not used: a function has no smooth score.
            variant: Always 0.

        Returns:
            An answer for each item.

        Raises:
            EvaluationError: The function fails, or does not give a finite number for each item.
        """
        del soft, variant
        if not items:
            return ()
        try:
            given: Any = self._function(player, [dict(item.fields) for item in items])
            values = [float(each) for each in given]
        except EvoregError:
            raise
        except Exception as error:  # a stranger's code
            raise failed(f"{self.form.function} failed: {error!r:.200}") from error
        if len(values) != len(items):
            raise failed(f"{self.form.function} gave {len(values)} numbers for {len(items)} items")
        if not all(map(math.isfinite, values)):
            raise failed(f"{self.form.function} gave a number that is not finite")
        return tuple(Answer(value=value) for value in values)
