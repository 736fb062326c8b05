"""Going through the past again: what a resumed search would try must be what is on record."""

from collections.abc import Mapping, Sequence

from evoreg.evolve.search.entrant import Entrant
from evoreg.evolve.search.observer import Closed
from evoreg.evolve.search.trial import Trial
from evoreg.provenance.records.canonical import Json, to_canonical
from evoreg.provenance.records.errors import Code, VerificationError
from evoreg.provenance.records.evaluation import Evaluation
from evoreg.provenance.records.search import Search


def check_past(search: Search, closed: Closed, trial: Trial, number: int) -> None:
    """Check that a recorded generation is the one that comes next.

    Args:
        search: The search.
        closed: The recorded generation.
        trial: What would be tried now.
        number: Number of the generation.

    Raises:
        VerificationError: It is another one.
    """
    record = closed.generation
    if record.search != search.id:
        raise _diverged(search, number, "it is of another search")
    if (record.number, record.stage) != (number, trial.stage):
        raise _diverged(search, number, f"it is number {record.number} of stage {record.stage}")
    if len(closed.evaluations) != len(trial.entrants):
        raise _diverged(search, number, "number of candidates")
    for place, (known, entrant) in enumerate(zip(closed.evaluations, trial.entrants, strict=True)):
        part = _difference(known, entrant)
        if part:
            raise _diverged(search, number, f"{part} of candidate {place}")


def check_state(search: Search, closed: Closed, state: Mapping[str, Json]) -> None:
    """Check that the optimiser came to the recorded state.

    Args:
        search: The search.
        closed: The recorded generation.
        state: The state after it was told.

    Raises:
        VerificationError: Another state.
    """
    if to_canonical(dict(state)) != to_canonical(closed.generation.state):
        raise _diverged(search, closed.generation.number, "state of the optimiser")


def _difference(known: Evaluation, entrant: Entrant) -> str:
    pairs: Sequence[tuple[str, object, object]] = (
        ("origin", known.origin, entrant.origin),
        ("label", known.label, entrant.label),
        ("genome", known.genome, entrant.genome),
        ("recipe", known.recipe, entrant.recipe),
        ("recipe of an earlier stage", known.earlier, entrant.earlier),
        ("parents", known.parents, entrant.parents),
    )
    return next((name for name, was, now in pairs if was != now), "")


def _diverged(search: Search, number: int, what: str) -> VerificationError:
    versions = ", ".join(f"{name} {text}" for name, text in sorted(search.versions.items()))
    return VerificationError(
        Code.SEARCH_DIVERGED,
        f"generation {number} does not repeat what is on record: {what}",
        where=search.name,
        hint=f"on record it was searched with {versions or 'unknown versions'}; "
        "use the same versions and device, or begin a new run",
    )
