"""What a merge is asked for and gives back, and its refusal: all that is known without torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evoreg.provenance.records.candidate import Candidate
from evoreg.provenance.records.decision import Decision, Verdict
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.entry import Entry
from evoreg.provenance.records.errors import Code, Problem, RefusedError, ReviewError
from evoreg.provenance.records.model import File

RECORD = "evoreg.json"
"""The candidate as recorded."""


@dataclass(frozen=True, slots=True)
class Job:
    """Where to put the result and how to make it."""

    out: Path
    """The folder that will be the model."""
    name: str
    """Name of the result."""
    threads: int
    """Worker threads."""
    shard_size: int
    """Bytes of tensors in one file."""
    device: str = "cpu"
    """Where numbers are computed: ``cpu``, ``cuda`` or ``cuda:N``."""


@dataclass(frozen=True, slots=True)
class Step:
    """An intermediate result that a merge used."""

    name: str
    """Name of its recipe."""
    candidate: Digest
    """Id of the candidate."""
    entry: int
    """Number of its entry in the ledger."""
    folder: Path
    """Where it lies."""
    kept: bool
    """True if it was there already, false if this merge made it."""


@dataclass(frozen=True)
class Made:
    """A finished merge."""

    out: Path
    """The model folder."""
    candidate: Candidate
    """What was made."""
    decision: Decision
    """Why it may be."""
    entry: Entry
    """Where it stands in the ledger."""
    repeated: bool
    """True if the ledger knew exactly this merge already."""
    papers: tuple[File, ...]
    """Card, notices and licence texts."""
    stages: tuple[Step, ...] = ()
    """The intermediate results, in the order in which they were made."""


def refuse(decision: Decision) -> None:
    """Stop unless the decision permits a release.

    Args:
        decision: What policy says.

    Raises:
        RefusedError: It is BLOCK.
        ReviewError: It is REVIEW.
    """
    if decision.verdict not in (Verdict.BLOCK, Verdict.REVIEW):
        return
    blocked = decision.verdict is Verdict.BLOCK
    code = Code.POLICY_REFUSED if blocked else Code.POLICY_REVIEW
    problems = [
        Problem(
            code,
            f"{reason.code} {reason.name}: {reason.message}",
            reason.model,
            "; or ".join(reason.fixes),
        )
        for reason in decision.reasons
        if reason.effect is decision.verdict
    ]
    raise (RefusedError if blocked else ReviewError).of(problems)


def refuse_without(missing: Sequence[Problem]) -> None:
    """Stop if a paper is owed that cannot be written.

    Args:
        missing: What is owed and missing.

    Raises:
        ReviewError: Something is.
    """
    if missing:
        raise ReviewError.of(missing)
