"""Holds a release against the ledger that it came from, when that is at hand."""

from collections.abc import Sequence

from evoreg.provenance.ledger.body import read_body
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.tree import against
from evoreg.provenance.proofs.checkpoint import Checkpoint
from evoreg.provenance.records.entry import Entry
from evoreg.provenance.records.errors import Code, EvoregError, Problem
from evoreg.provenance.records.release import Release
from evoreg.registry.releasing.history import LedgerCheck


def held_by(ledger: Ledger) -> LedgerCheck:
    """Return a check whether a ledger has grown from some checkpoints and holds some entries.

    Args:
        ledger: An open ledger; reading it is enough.

    Returns:
        A function that tells all that the ledger contradicts, with the code LEDGER_BROKEN. It
        raises what reading a ledger raises.
    """

    def check(checkpoints: Sequence[Checkpoint], entries: Sequence[Entry]) -> tuple[Problem, ...]:
        with ledger.store.reading() as connection:
            found = against(connection, checkpoints)
        for entry in entries:
            if not _holds(ledger, entry):
                found.append(_lost(entry))
            elif not _decided(ledger, entry):
                found.append(_undecided(entry))
        return tuple(found)

    return check


def _holds(ledger: Ledger, entry: Entry) -> bool:
    there = next(iter(ledger.entries(after=entry.seq - 1, limit=1)), None)
    return there == entry


def _decided(ledger: Ledger, entry: Entry) -> bool:
    """Tell whether the decision of a release is on record before it; true of other entries."""
    try:
        record = read_body(entry.kind, entry.body).record
    except EvoregError:  # told where the entry was read
        return True
    if not isinstance(record, Release):
        return True
    return any(row.seq < entry.seq for row in ledger.decision(record.decision))


def _undecided(entry: Entry) -> Problem:
    what = "the ledger does not hold the decision of this release before it"
    hint = "name the ledger that the release came from; `evoreg ledger verify` tells more"
    return Problem(Code.LEDGER_BROKEN, what, f"entry {entry.seq}", hint)


def _lost(entry: Entry) -> Problem:
    what = f"the ledger does not hold the {entry.kind} entry of this release"
    hint = "name the ledger that the release came from; `evoreg ledger verify` tells more"
    return Problem(Code.LEDGER_BROKEN, what, f"entry {entry.seq}", hint)
