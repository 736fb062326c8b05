"""The table of tasks: what a search file may name as ``kind``, and what makes it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from evoreg.evolve.searchfile.form import TaskForm
from evoreg.evolve.tasks.callable import make_callable
from evoreg.evolve.tasks.choice import make_choice
from evoreg.evolve.tasks.harness import make_harness
from evoreg.evolve.tasks.order import Order
from evoreg.evolve.tasks.perplexity import make_perplexity
from evoreg.evolve.tasks.task import Task
from evoreg.evolve.tasks.writing import make_writing

Maker: TypeAlias = Callable[[Order], Task]
"""Makes a task of a kind."""

TASKS: Mapping[str, Maker] = MappingProxyType(
    {
        "generate": make_writing,
        "choice": make_choice,
        "perplexity": make_perplexity,
        "python": make_callable,
        "lm-eval": make_harness,
    }
)
"""Every kind of task."""


def make_task(
    form: TaskForm,
    folder: Path,
    *,
    seed: int,
    allow_code: bool,
    offline: bool,
    chat_template: str | None = None,
) -> Task:
    """Return a task with its data.

    Args:
        form: The task as the search file describes it.
        folder: The folder of the search file.
        seed: Seed of the search; it decides which examples are shown.
        allow_code: Whether code that the search file names may be run.
        offline: Whether the network may not be used.
        chat_template: Chat template of the tokenizer that candidates have, if it is known: it then
            stands in the record, and is used whatever the tokenizer says.

    Returns:
        The task; the same arguments and files give an equal record.

    Raises:
        RecipeError: The search file says something that cannot be meant.
        InputError: Data that are missing, unreadable or do not fit the templates.
        UsageError: Code that is not allowed, or an extra that is not installed.
    """
    return TASKS[form.kind](Order(form, folder, seed, allow_code, offline, chat_template))
