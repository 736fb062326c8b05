"""Reads what a release carries from the ledger: a checkpoint, and entries proven to be under it.

With the folder alone it can be told that these belong together. That the ledger is the one that it
says needs a key, an earlier checkpoint or the ledger itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from evoreg.provenance.ledger.body import Body, read_body
from evoreg.provenance.proofs.checkpoint import Checkpoint, SignedCheckpoint, read_checkpoint
from evoreg.provenance.proofs.inclusion import LONGEST_PROOF, check_inclusion, read_inclusion
from evoreg.provenance.proofs.keys import VerifierKey
from evoreg.provenance.proofs.note import LONGEST_NOTE
from evoreg.provenance.records.candidate import Candidate
from evoreg.provenance.records.decision import Decision
from evoreg.provenance.records.entry import Entry, EntryKind
from evoreg.provenance.records.errors import Code, EvoregError
from evoreg.provenance.records.record import Record
from evoreg.provenance.records.release import Release
from evoreg.registry.releasing.paths import ALWAYS, CHECKPOINT, PROVEN, proof_path
from evoreg.registry.releasing.place import Place

_AGAIN = "fetch the release again, or merge again: the same merge gets its proofs anew"
_AnyRecord = TypeVar("_AnyRecord", bound=Record)


@dataclass(frozen=True)
class Evidence:
    """What was read; that it holds is told by the place having no problems."""

    signed: SignedCheckpoint | None
    """The checkpoint, and which of the given keys signed it; nothing if none can be read."""
    entries: Mapping[EntryKind, Entry]
    """The entries whose proofs could be read, by kind."""
    bodies: Mapping[EntryKind, Body]
    """What these entries say, by kind."""

    @property
    def checkpoint(self) -> Checkpoint | None:
        """What the ledger was when the release was recorded."""
        return None if self.signed is None else self.signed.checkpoint

    @property
    def candidate(self) -> Candidate | None:
        """What was made, as its entry says."""
        return self._record("candidate", Candidate)

    @property
    def decision(self) -> Decision | None:
        """The decision, if its own entry is carried."""
        return self._record("decision", Decision)

    @property
    def release(self) -> Release | None:
        """What was released, as its entry says."""
        return self._record("release", Release)

    def _record(self, kind: EntryKind, form: type[_AnyRecord]) -> _AnyRecord | None:
        record = self.bodies[kind].record if kind in self.bodies else None
        return record if isinstance(record, form) else None


def read_evidence(place: Place) -> Evidence:
    """Read checkpoint and proofs, and note everything about them that does not hold.

    Args:
        place: The folder of the release.

    Returns:
        What could be read; no signature was looked at.
    """
    signed = _checkpoint(place)
    entries: dict[EntryKind, Entry] = {}
    bodies: dict[EntryKind, Body] = {}
    for kind in PROVEN:
        entry = _entry(place, kind, signed)
        if entry is not None:
            entries[kind] = entry
            body = _body(place, entry)
            if body is not None:
                bodies[kind] = body
    evidence = Evidence(signed, entries, bodies)
    _check_together(place, evidence)
    return evidence


def check_signers(place: Place, evidence: Evidence, keys: Sequence[VerifierKey]) -> Evidence:
    """Look at who signed the checkpoint, and note if none of some keys did.

    Args:
        place: The folder of the release.
        evidence: What was read there.
        keys: One of them must have signed; without any, nothing is asked for.

    Returns:
        The same with the names of the keys whose signatures hold.
    """
    if not keys or evidence.signed is None:
        return evidence
    try:
        return replace(evidence, signed=read_checkpoint(str(evidence.signed.note), keys))
    except EvoregError as error:
        _tell(place, error, CHECKPOINT)
        return evidence


def _checkpoint(place: Place) -> SignedCheckpoint | None:
    text = _text(place, CHECKPOINT, 4 * LONGEST_NOTE, needed=True)
    try:
        return None if text is None else read_checkpoint(text)
    except EvoregError as error:
        _tell(place, error, CHECKPOINT)
        return None


def _entry(place: Place, kind: EntryKind, signed: SignedCheckpoint | None) -> Entry | None:
    path = proof_path(kind)
    text = _text(place, path, LONGEST_PROOF, needed=kind in ALWAYS)
    if text is None:
        return None
    entry = None
    try:
        proof = read_inclusion(text)
        if proof.entry.kind != kind:
            place.tell(Code.PROOF_FALSE, f"this proves a {proof.entry.kind} entry", path, _AGAIN)
            return None
        entry = proof.entry
        under = check_inclusion(proof).checkpoint
    except EvoregError as error:
        _tell(place, error, path)
        return entry
    if signed is not None and under != signed.checkpoint:
        what = f"the proof ends at another checkpoint than {CHECKPOINT}"
        place.tell(Code.PROOF_FALSE, what, path, _AGAIN)
    return entry


def _body(place: Place, entry: Entry) -> Body | None:
    try:
        return read_body(entry.kind, entry.body)
    except EvoregError as error:
        _tell(place, error, proof_path(entry.kind))
        return None


def _check_together(place: Place, evidence: Evidence) -> None:
    """Note where the entries do not name each other."""
    candidate, decision, release = evidence.candidate, evidence.decision, evidence.release
    if release is None:
        return
    number = evidence.entries["release"].seq
    named: tuple[tuple[EntryKind, bool], ...] = (
        ("candidate", candidate is None or candidate.id == release.candidate),
        ("decision", decision is None or decision.record_digest() == release.decision),
    )
    for kind, same in named:
        if not same:
            what = f"the release is one of another {kind}"
            place.tell(Code.VERIFY_DIGEST, what, proof_path(kind), _AGAIN)
        if kind in evidence.entries and evidence.entries[kind].seq >= number:
            what = f"the {kind} was recorded after it had been released"
            place.tell(Code.VERIFY_DIGEST, what, proof_path(kind), _AGAIN)


def _text(place: Place, path: str, most: int, *, needed: bool) -> str | None:
    before = len(place.problems)
    data = place.read(path, most)
    if data is None:
        if needed and len(place.problems) == before:
            place.tell(Code.PAPER_MISSING, "this part of the proof is missing", path, _AGAIN)
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        place.tell(Code.INPUT_UNREADABLE, "it is not valid UTF-8", path, _AGAIN)
        return None


def _tell(place: Place, error: EvoregError, path: str) -> None:
    for problem in error.problems:
        place.tell(problem.code, problem.what, path, problem.hint or _AGAIN)
