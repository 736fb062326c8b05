"""Holds the checkpoint of a release against others that were kept elsewhere, and against a ledger.

That is what shows a ledger that was rewritten or made up: the folder alone agrees with itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from evoreg.provenance.proofs.checkpoint import Checkpoint
from evoreg.provenance.proofs.consistency import GrowthProof, check_growth
from evoreg.provenance.proofs.keys import VerifierKey
from evoreg.provenance.records.entry import Entry
from evoreg.provenance.records.errors import Code, EvoregError, Problem
from evoreg.registry.releasing.paths import CHECKPOINT
from evoreg.registry.releasing.place import Place

LedgerCheck: TypeAlias = Callable[[Sequence[Checkpoint], Sequence[Entry]], Sequence[Problem]]
"""Tells where a ledger contradicts checkpoints and entries; `books.held_by` makes one."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What a release is held against besides itself."""

    keys: tuple[VerifierKey, ...] = ()
    """Who may have signed its checkpoint; one of them must have. None: signatures are not read."""
    since: tuple[Checkpoint, ...] = ()
    """Checkpoints of the same ledger that were kept elsewhere, earlier or later ones."""
    growth: tuple[GrowthProof, ...] = ()
    """Proofs that the ledger only grew, where its sizes differ and the ledger is not at hand."""
    ledger: LedgerCheck | None = None
    """The ledger itself."""


def check_history(
    place: Place, checkpoint: Checkpoint, entries: Sequence[Entry], trust: Trust
) -> None:
    """Note everything that shows that the ledger was another one once, or is now.

    Args:
        place: The folder of the release.
        checkpoint: Its checkpoint.
        entries: The entries that it carries.
        trust: What to compare with.
    """
    if trust.ledger is not None:
        for problem in trust.ledger((checkpoint, *trust.since), entries):
            place.problems.append(problem)
    _check_use(place, checkpoint, trust)
    here = _reached(place, checkpoint, trust.growth)
    for kept in trust.since:
        what = _difference(checkpoint, kept)
        if what:
            place.tell(Code.PROOF_FALSE, what, CHECKPOINT, "trust neither until that is explained")
        elif trust.ledger is None and not here & _reached(place, kept, trust.growth):
            what = (
                f"a checkpoint of {checkpoint.size} entries cannot be compared with one of "
                f"{kept.size} without the ledger"
            )
            hint = "add --ledger, or --growth with what `evoreg ledger prove-growth` writes"
            place.tell(Code.INPUT_MISSING, what, CHECKPOINT, hint)


def _difference(one: Checkpoint, other: Checkpoint) -> str:
    if one.origin != other.origin:
        return f"the checkpoint that was kept is of another ledger: {other.origin}"
    if one.size == other.size and one.root != other.root:
        return f"two checkpoints of {one.size} entries differ: two histories were shown"
    return ""


def _reached(
    place: Place, checkpoint: Checkpoint, growth: Sequence[GrowthProof]
) -> frozenset[Checkpoint]:
    """Return the checkpoints that are proven to continue one, itself included."""
    found = {checkpoint}
    for proof in growth:
        if proof.old != checkpoint.size:
            continue
        try:
            found.add(check_growth(proof, checkpoint).checkpoint)
        except EvoregError as error:
            for problem in error.problems:
                if problem not in place.problems:
                    place.problems.append(problem)
    return frozenset(found)


def _check_use(place: Place, checkpoint: Checkpoint, trust: Trust) -> None:
    """Note the proofs of growth that begin at none of the checkpoints."""
    sizes = {checkpoint.size, *(kept.size for kept in trust.since)}
    for proof in trust.growth:
        if proof.old not in sizes:
            what = f"a proof of growth begins at {proof.old} entries, where no checkpoint is"
            hint = "leave it out, or ask for one from the checkpoint on"
            place.tell(Code.PROOF_FALSE, what, CHECKPOINT, hint)
