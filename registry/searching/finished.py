"""A search that came to its end, with all that people want to know about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evoreg.evolve.planning.plan import Plan
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.records.evaluation import Evaluation, TaskScore
from evoreg.registry.merging.made import Made
from evoreg.registry.searching.conduct import Conducted
from evoreg.registry.searching.gate import Gate
from evoreg.registry.settings import Settings, now


@dataclass(frozen=True)
class Finished:
    """A search and its winner."""

    gate: Gate
    """The models, and what policy says."""
    conducted: Conducted
    """The search."""
    tested: tuple[Evaluation, ...]
    """The winner first, then the baselines, on the test split; then variants of the winner."""
    out: Path
    """Where the winner lies."""
    made: Made | None = None
    """The merge; nothing if the folder was there already."""
    plan: Plan | None = None
    """What was merged."""
    front: tuple[Evaluation, ...] = ()
    """The candidates of the front as the search scored them, if there are several objectives."""

    @property
    def rivals(self) -> tuple[Evaluation, ...]:
        """The baselines on the test split."""
        return tuple(item for item in self.tested if item.origin == "baseline")

    @property
    def best_parent(self) -> Evaluation | None:
        """The best of parents and base on the test split, the uniform merge not among them."""
        scored = [item for item in self.rivals if item.label != "uniform" and not item.failure]
        return max(scored, key=lambda item: self.worth(item.scores), default=None)

    @property
    def passed_by(self) -> Evaluation | None:
        """The best parent if it is better than the winner on the test split."""
        parent = self.best_parent
        if parent is None or self.worth(parent.scores) <= self.worth(self.conducted.result.test):
            return None
        return parent

    def worth(self, scores: Sequence[TaskScore]) -> float:
        """Return the weighted sum of metrics, more is better."""
        tasks = {task.name: task for task in self.conducted.search.tasks}
        return sum(
            float(tasks[item.task].weight)
            * (float(item.value) if tasks[item.task].maximise else -float(item.value))
            for item in scores
        )


def tested(conducted: Conducted, settings: Settings) -> tuple[Evaluation, ...]:
    """Return the last generation of a search: all that was scored on the test split.

    Args:
        conducted: The search.
        settings: Where the ledger is.

    Returns:
        Its evaluations.
    """
    identity = conducted.search.id
    with open_ledger(settings.ledger, actor=settings.actor, clock=now) as ledger:
        ends = ledger.generations(identity)
        last = ends[-1].generation.number if ends else 0
        found = ledger.evaluations(identity, generation=last)
    return tuple(item.evaluation for item in found)


def front_of(conducted: Conducted, settings: Settings) -> tuple[Evaluation, ...]:
    """Return the front of a search of several objectives.

    Args:
        conducted: The search.
        settings: Where the ledger is.

    Returns:
        Its candidates as the search scored them on the train split; empty for one objective.
    """
    wanted, identity = conducted.result.front, conducted.search.id
    if not wanted:
        return ()
    with open_ledger(settings.ledger, actor=settings.actor, clock=now) as ledger:
        found = [
            next((item.evaluation for item in every if item.evaluation.search == identity), None)
            for every in (ledger.evaluation(candidate) for candidate in wanted)
        ]
    return tuple(item for item in found if item is not None)
