"""Checks a release that lies in a folder, with nothing but the folder if need be.

The folder carries the entries of the ledger that recorded it, proven to be under one checkpoint;
they name every file. So each byte of the model and of its papers is what the ledger recorded. Who
kept the ledger, and that it was not rewritten, is told by a key, a checkpoint that was kept
elsewhere, or the ledger itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from evoreg.provenance.papers.escape import plain
from evoreg.provenance.papers.record import RECORD
from evoreg.provenance.records.errors import Code, InputError, Problem
from evoreg.registry.releasing.contents import Facts, check_files, check_record
from evoreg.registry.releasing.evidence import Evidence, check_signers, read_evidence
from evoreg.registry.releasing.history import Trust, check_history
from evoreg.registry.releasing.paths import ALWAYS, CHECKPOINT, proof_path
from evoreg.registry.releasing.place import Place, shown

_Any = TypeVar("_Any")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    about: str
    """What: ``proofs``, ``signature``, ``files``, ``papers`` or ``history``."""
    ok: bool | None
    """True if it holds, false if not; nothing if there was nothing to tell it by."""
    text: str
    """One line for people."""


@dataclass(frozen=True)
class ReleaseReport:
    """What was found out about a release."""

    evidence: Evidence
    """Checkpoint and entries."""
    checks: tuple[Check, ...]
    """What was looked at, in order."""
    problems: tuple[Problem, ...]
    """Everything that is wrong, in the order of the checks; empty for a release that holds."""
    beside: tuple[str, ...]
    """Further files in the folder, of which no entry speaks and which change no model."""

    @property
    def holds(self) -> bool:
        """True if nothing is wrong."""
        return not self.problems

    @property
    def incomplete(self) -> bool:
        """True if nothing is wrong but that something was not at hand to compare with."""
        codes = {problem.code for problem in self.problems}
        return codes == {Code.INPUT_MISSING}


def verify_release(folder: Path, trust: Trust | None = None) -> ReleaseReport:
    """Check a release.

    Args:
        folder: Where it lies, whoever put it there.
        trust: What to hold it against besides itself; nothing: the folder alone.

    Returns:
        All that was found, the weights compared byte by byte.

    Raises:
        InputError: There is no such folder, or it carries no proofs (INPUT_MISSING).
    """
    held = trust or Trust()
    place = Place.at(folder)
    _refuse_without_proofs(place, folder)
    evidence, ok = _clean(place, lambda: read_evidence(place))
    checks = [_proofs(evidence, ok=ok)]
    evidence = check_signers(place, evidence, held.keys)
    checks.append(_signature(evidence, held))
    facts = _facts(evidence)
    beside: tuple[str, ...] = ()
    if facts is not None:
        beside, ok = _clean(place, lambda: check_files(place, facts))
        checks.append(Check("files", ok, _files_text(facts, ok=ok)))
        _, ok = _clean(place, lambda: check_record(place, facts))
        checks.append(Check("papers", ok, _PAPERS[ok]))
    checkpoint = evidence.checkpoint
    if checkpoint is not None:
        entries = tuple(evidence.entries.values())
        _, ok = _clean(place, lambda: check_history(place, checkpoint, entries, held))
        checks.append(_history(held, ok=ok))
    problems = tuple(dict.fromkeys(place.problems))
    return ReleaseReport(evidence, tuple(checks), problems, beside)


_PAPERS = {
    True: f"{RECORD} and the papers say what was recorded, and nothing that is owed is missing",
    False: f"{RECORD} or the papers do not say what was recorded, or lack what is owed",
}


def _refuse_without_proofs(place: Place, folder: Path) -> None:
    wanted = (CHECKPOINT, *map(proof_path, ALWAYS))
    if any(place.has(path) for path in wanted):
        return
    if place.has(RECORD):
        what = "this release carries no proofs: it was made by an earlier evoreg, or they were lost"
        hint = "merge it again, which adds no candidate; or compare it with its ledger"
    else:
        what = "this is no release of evoreg: it has neither a record nor proofs"
        hint = "name the folder that evoreg merge wrote, or a copy of it"
    raise InputError(Code.INPUT_MISSING, what, where=shown(str(folder)), hint=hint)


def _clean(place: Place, step: Callable[[], _Any]) -> tuple[_Any, bool]:
    """Return what a step gives, and whether it noted nothing."""
    before = len(place.problems)
    found = step()
    return found, len(place.problems) == before


def _facts(evidence: Evidence) -> Facts | None:
    candidate, release = evidence.candidate, evidence.release
    if candidate is None or release is None:
        return None
    return Facts(candidate, evidence.entries["candidate"], release)


def _proofs(evidence: Evidence, *, ok: bool) -> Check:
    checkpoint = evidence.checkpoint
    if not ok or checkpoint is None:
        return Check("proofs", False, "the entries of this release are not all proven")
    told = ", ".join(f"{kind} {entry.seq}" for kind, entry in evidence.entries.items())
    where = f"the ledger {plain(checkpoint.origin)} of {checkpoint.size:,} entries"
    return Check("proofs", True, f"{where} holds {told}")


def _signature(evidence: Evidence, trust: Trust) -> Check:
    signed = evidence.signed
    if trust.keys:
        names = signed.signers if signed is not None else ()
        told = f"signed by {', '.join(map(plain, names))}" if names else "not signed by a given key"
        return Check("signature", bool(names), told)
    if signed is None or not signed.signed:
        return Check("signature", None, "nobody signed the checkpoint")
    names = tuple(dict.fromkeys(plain(one.name) for one in signed.note.signatures))
    return Check("signature", None, f"not checked: give the key of {', '.join(names)} with --key")


def _files_text(facts: Facts, *, ok: bool) -> str:
    count, size = len(facts.files), sum(file.size for file in facts.files)
    if ok:
        return f"{count} files of {size:,} bytes are those that were recorded"
    return f"of {count} files that were recorded some are missing or changed, or others were added"


def _history(trust: Trust, *, ok: bool) -> Check:
    if not trust.since and not trust.ledger:
        told = "not compared: without the ledger or a checkpoint kept elsewhere nobody can tell"
        return Check("history", None if ok else False, told)
    others = ["the ledger"] if trust.ledger else []
    others += [f"the checkpoint of {kept.size:,} entries" for kept in trust.since]
    if ok:
        return Check("history", True, f"agrees with {', '.join(others)}")
    return Check("history", False, f"does not agree with {', '.join(others)}")
