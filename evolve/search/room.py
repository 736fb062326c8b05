"""Whether every question fits into the model's window, asked before hours are spent.

A question that is too long fails every model alike. In the train split the baselines show it at
once; in the other two it would show when the search is over.
"""

from collections.abc import Iterator, Sequence

from evoreg.evolve.search.entrant import Entrant
from evoreg.evolve.tasks.itemised import ItemisedTask
from evoreg.evolve.tasks.task import Player, Task
from evoreg.provenance.records.errors import Code, EvoregError, InputError, Problem
from evoreg.provenance.records.search import Split

_LATE: tuple[Split, ...] = ("validation", "test")
_SHOWN = 20
"""Most items that are told."""


def refuse_long(tasks: Sequence[Task], baselines: Sequence[Entrant]) -> None:
    """Check that what is asked at the end of a search can be asked.

    Args:
        tasks: The tasks; those of the harness are not looked at.
        baselines: Whoever was scored at the beginning; one of them is made if the host holds none.

    Raises:
        InputError: Items that do not fit, `_SHOWN` of them at most.
    """
    own = [task for task in tasks if isinstance(task, ItemisedTask)]
    player = _player(baselines) if own else None
    if player is None:
        return
    problems = [problem for task in own for problem in _long(task, player)]
    if problems:
        raise InputError.of(problems[:_SHOWN])


def _player(baselines: Sequence[Entrant]) -> Player | None:
    for entrant in baselines:
        host = entrant.host
        try:
            host.apply(entrant.recipe, entrant.seed)
            return Player(host.model, host.tokenizer, host.device)
        except (EvoregError, MemoryError, RuntimeError):
            continue  # on record as a baseline that failed
    return None


def _long(task: ItemisedTask, player: Player) -> Iterator[Problem]:
    for split in _LATE:
        for variant in range(task.variants + 1 if split == "test" else 1):
            for item in task.too_long(player, task.splits[split].items, variant):
                yield Problem(
                    Code.DATA_ITEM,
                    f"this item of {split} does not fit into the model's window",
                    f"task {task.name}, {item.where}",
                    "leave it out, or shorten prompt and examples",
                )
