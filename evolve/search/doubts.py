"""Doubts about a winner, in words: what a reader should know before believing its score."""

from collections.abc import Iterator

from evoreg.evolve.search.exam import values
from evoreg.evolve.search.fitness import gain
from evoreg.evolve.search.stability import Evidence, cut, score_of
from evoreg.evolve.tasks.task import Task
from evoreg.provenance.records.evaluation import Evaluation
from evoreg.provenance.records.result import Interval, Stability

UNIFORM = "uniform"
"""Label of the plain average."""
BASE = "base"
"""Label of the base."""

FEW = 20
"""Items, or groups, below which a bootstrap draws too few different samples: of one item all draws
are the same, so that any difference would look certain."""

_CUT = 0.01
"""Difference in the part of cut replies from which scores are not comparable."""


def stability(evidence: Evidence) -> Stability:
    """Return the report about a winner.

    Args:
        evidence: What was found out.

    Returns:
        The record, with the doubts in words.
    """
    return Stability(
        finite=evidence.census.finite,
        tensors=evidence.census.tensors,
        parameters=evidence.census.parameters,
        drifts=evidence.census.drifts,
        spreads=evidence.spreads,
        intervals=evidence.intervals,
        tried=evidence.tried,
        truncated=evidence.truncated,
        warnings=tuple(doubts(evidence)),
    )


def doubts(evidence: Evidence) -> Iterator[str]:
    """Yield what speaks against believing the score, one sentence each."""
    if not evidence.census.finite:
        yield "the weights of the winner hold numbers that are not finite"
    yield from _no_comparison(evidence)
    yield from _same(evidence)
    yield from _uncertain(evidence)
    yield from _few(evidence)
    yield from _no_gain(evidence)
    yield from _cut_off(evidence)
    yield from _shaky(evidence)
    if evidence.tried > evidence.asked:
        yield (
            f"{evidence.tried} candidates were tried on {evidence.asked} different items: the best "
            "score seen in the search is partly luck; only the test split counts"
        )


def _scored(evidence: Evidence) -> list[Evaluation]:
    return [item for item in evidence.baselines if item.failure is None]


def _parents(evidence: Evidence) -> list[Evaluation]:
    return [item for item in _scored(evidence) if item.label != UNIFORM]


def _worth(evidence: Evidence, item: Evaluation) -> float:
    return sum(gain(task, score_of(item, task), soft=False) for task in evidence.tasks)


def _rivals(evidence: Evidence) -> list[Evaluation]:
    """Return the best of the parents and the base, and the uniform merge, as far as scored."""
    parents = _parents(evidence)
    best = [max(parents, key=lambda item: _worth(evidence, item))] if parents else []
    return best + [item for item in _scored(evidence) if item.label == UNIFORM]


def _no_comparison(evidence: Evidence) -> Iterator[str]:
    for item in evidence.baselines:
        if item.failure is not None:
            yield f"there is no comparison with {item.label}: {item.failure.what}"
    for item in evidence.variants:
        if item.failure is not None:
            yield f"the winner failed with {item.label}: {item.failure.what}"


def _same(evidence: Evidence) -> Iterator[str]:
    for drift in evidence.census.drifts:
        if float(drift.relative) == 0:
            yield f"the winner has the same weights as {drift.reference}"
    for item in evidence.baselines:
        if item.recipe == evidence.winner.recipe:
            yield f"the winner has the same recipe as {item.label}"


def _uncertain(evidence: Evidence) -> Iterator[str]:
    for rival in _rivals(evidence):
        for task in evidence.tasks:
            found = _interval(evidence, rival, task)
            low, high = float(found.low), float(found.high)
            if low <= 0 <= high:
                yield (
                    f"at {task.name} the difference to {rival.label} is not certain: the 95 % "
                    f"interval from {low:+.4g} to {high:+.4g} includes zero"
                )
            elif (high < 0) == task.maximise:
                yield f"at {task.name} the winner is worse than {rival.label}"


def _few(evidence: Evidence) -> Iterator[str]:
    for task in evidence.tasks:
        count = len(set(task.groups("test")))
        if count < FEW:
            yield (
                f"at {task.name} the test split has {count} independent "
                f"{'item' if count == 1 else 'items'}: its intervals are narrower than the truth"
            )


def _interval(evidence: Evidence, rival: Evaluation, task: Task) -> Interval:
    return next(
        item for item in evidence.intervals if (item.against, item.task) == (rival.label, task.name)
    )


def _no_gain(evidence: Evidence) -> Iterator[str]:
    for item in _scored(evidence):
        if item.label == UNIFORM and _worth(evidence, evidence.winner) <= _worth(evidence, item):
            yield "the search gained nothing over the uniform merge"


def _cut_off(evidence: Evidence) -> Iterator[str]:
    for item in _parents(evidence):
        for task in evidence.tasks:
            ours = cut([score_of(evidence.winner, task)])
            theirs = cut([score_of(item, task)])
            if abs(ours - theirs) > _CUT:
                yield (
                    f"at {task.name} {ours:.1%} of the winner's replies were cut off and "
                    f"{theirs:.1%} of those of {item.label}: their scores are not comparable; "
                    "raise max_new_tokens"
                )


def _shaky(evidence: Evidence) -> Iterator[str]:
    tasks = {task.name: task for task in evidence.tasks}
    for spread in evidence.spreads:
        task = tasks[spread.task]
        ours = score_of(evidence.winner, task)
        loss = float(ours.value) - float(spread.value)
        error = evidence.bootstraps[task.name].standard_error(values(ours))
        if (loss if task.maximise else -loss) > error:
            yield (
                f"at {task.name} the winner has {float(spread.value):.4g} instead of "
                f"{float(ours.value):.4g} with {spread.label}: more than its standard error of "
                f"{error:.2g}"
            )
