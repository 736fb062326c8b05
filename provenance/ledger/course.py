"""The course of a search: in which order its entries follow one another, and how they are read."""

from collections.abc import Iterable

from evoreg.provenance.ledger.search_values import (
    ClosedGeneration,
    PastSearch,
    RecordedEvaluation,
    RecordedGeneration,
    RecordedResult,
)
from evoreg.provenance.records.digest import Digest, short
from evoreg.provenance.records.errors import Code, VerificationError

Step = RecordedEvaluation | RecordedGeneration | RecordedResult
"""An entry of a search behind the first."""


def past_of(steps: Iterable[Step], search: Digest) -> PastSearch:
    """Put the entries of a search together.

    Args:
        steps: All entries of one search behind the first, in the order of their recording.
        search: `Search.id`, for messages.

    Returns:
        Complete generations and the result. A generation consists of the evaluations with its
        number directly before its end; others before them were left by one that was cut short.

    Raises:
        VerificationError: Generations are missing or doubled, a generation has other evaluations
            than its end says, or there is something behind the result.
    """
    closed: list[ClosedGeneration] = []
    waiting: list[RecordedEvaluation] = []
    result: RecordedResult | None = None
    for step in steps:
        if result is not None:
            raise _broken(search, f"entry {step.seq} follows its result, entry {result.seq}")
        match step:
            case RecordedEvaluation():
                waiting.append(step)
            case RecordedGeneration():
                closed.append(_close(step, waiting, len(closed), search))
                waiting = []
            case RecordedResult():
                result = step
    return PastSearch(tuple(closed), result)


def _close(
    end: RecordedGeneration, waiting: list[RecordedEvaluation], expected: int, search: Digest
) -> ClosedGeneration:
    said = end.generation
    if said.number != expected:
        what = f"entry {end.seq} ends generation {said.number}, but {expected} comes next"
        raise _broken(search, what)
    found = waiting[max(0, len(waiting) - said.evaluations) :] if said.evaluations else []
    places = [
        (item.evaluation.stage, item.evaluation.generation, item.evaluation.place) for item in found
    ]
    if places != [(said.stage, said.number, place) for place in range(said.evaluations)]:
        what = (
            f"entry {end.seq} ends generation {said.number} with {said.evaluations} candidates, "
            f"which do not stand before it"
        )
        raise _broken(search, what)
    return ClosedGeneration(end, tuple(found))


def _broken(search: Digest, what: str) -> VerificationError:
    return VerificationError(
        Code.LEDGER_BROKEN,
        f"the entries of a search do not follow one another: {what}",
        where=f"search {short(search)}",
        hint="run evoreg ledger verify; if the books are whole, run the search again as a new run",
    )
