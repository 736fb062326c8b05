"""Where candidates stand in a search: who may be compared with whom, and who comes first."""

from dataclasses import dataclass, replace

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.search_values import EvaluationRow, Wanted
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.evaluation import Evaluation, Origin


@dataclass(frozen=True)
class Standing:
    """Where the fitness of an evaluation stands among those that were asked the like."""

    group: str
    """Who stands there, with the split: searched candidates are not compared with finalists."""
    place: int
    """From 1, among all of the group in the search."""
    of: int
    """Scored ones of the group."""
    generation_place: int
    """From 1, among those of the group in its generation, who were asked the same items."""
    generation_of: int
    """Scored ones of the group in the generation."""


def split_of(row: EvaluationRow) -> str | None:
    """Return on which split a row of a list was scored; nothing if it failed."""
    return row.scores[0].split if row.scores else None


def group_of(origin: Origin, split: str | None) -> str:
    """Return with whom an evaluation may be compared.

    Args:
        origin: Where it came from.
        split: On which split it was scored.

    Returns:
        Words such as ``finalists (validation)``; on the test split the winner stands beside the
        baselines, and on the train split only beside those that were searched as it was.
    """
    words = {"baseline": "baselines", "finalist": "finalists", "variant": "variants"}
    if split == "test" and origin != "variant":
        return "winner and baselines (test)"
    return f"{words.get(origin, 'searched candidates')} ({split})"


def listed(
    ledger: Ledger, search: Digest, wanted: Wanted
) -> tuple[tuple[EvaluationRow, ...], Digest | None]:
    """Return the candidates of a search as a list shows them.

    Args:
        ledger: An open ledger.
        search: `Search.id`.
        wanted: Which, in which order.

    Returns:
        The best first: finalists by their score on the validation split, then what was scored on
        the test split, then the rest. And the winner, if the search has ended.
    """
    ended = ledger.result(search)
    winner = None if ended is None else ended.result.winner
    if wanted.order != "fitness":
        return tuple(ledger.evaluation_rows(search, wanted)), winner
    order = {"validation": 0, "test": 1, "train": 2, None: 3}
    rows = sorted(
        ledger.evaluation_rows(search, replace(wanted, limit=None)),
        key=lambda row: (order[split_of(row)], _late(row, winner)),
    )
    return tuple(rows[: wanted.limit]), winner


def _late(row: EvaluationRow, winner: Digest | None) -> bool:
    """Tell whether a row stands behind the winner: nobody of the final does before it."""
    return split_of(row) in ("validation", "test") and row.candidate != winner


def standing_of(ledger: Ledger, evaluation: Evaluation) -> Standing | None:
    """Return where an evaluation stands.

    Args:
        ledger: An open ledger.
        evaluation: One of its evaluations.

    Returns:
        Its place; nothing if it has no fitness.
    """
    if not evaluation.fitness:
        return None
    split = evaluation.scores[0].split if evaluation.scores else "train"
    group = group_of(evaluation.origin, split)
    rows = [
        row
        for row in ledger.evaluation_rows(evaluation.search, Wanted(failed=False))
        if row.fitness is not None and group_of(row.origin, split_of(row)) == group
    ]
    mine = float(evaluation.fitness[0])
    near = [row for row in rows if row.generation == evaluation.generation]
    better, nearer = (
        sum(float(row.fitness) > mine for row in part if row.fitness is not None)
        for part in (rows, near)
    )
    return Standing(group, better + 1, len(rows), nearer + 1, len(near))
