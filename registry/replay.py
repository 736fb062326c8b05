"""Replay: a recorded decision is made again from what was written down beside it, and compared."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from evoreg.policies.decide import decide
from evoreg.policies.inquiry import Asked, inquiry_digest, inquiry_from, inquiry_texts
from evoreg.policies.knowledge.book import Knowledge
from evoreg.provenance.ledger.body import read_body
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.values import RecordedDecision
from evoreg.provenance.records.decision import Decision, Reason
from evoreg.provenance.records.digest import Digest, short
from evoreg.provenance.records.entry import entry_hash
from evoreg.provenance.records.errors import Code, InputError, UsageError, VerificationError
from evoreg.provenance.records.record import Record
from evoreg.registry.checking.record import read_told

_NUMBER = re.compile(r"#?([1-9][0-9]{0,17})")
_DIGITS = re.compile(r"(?:sha256:)?([0-9a-f]{6,64})")
_AnyRecord = TypeVar("_AnyRecord", bound=Record)
_HINT = "evoreg ledger decisions lists all decisions"


@dataclass(frozen=True, slots=True)
class Replay:
    """A decision as it was, and as it is made now from the same facts."""

    recorded: RecordedDecision
    """The entry of the ledger."""
    asked: Asked
    """What was asked and known."""
    again: Decision
    """The decision as it is made now."""

    @property
    def digest(self) -> Digest:
        """Digest of the decision as it was recorded."""
        return self.recorded.decision.record_digest()

    @property
    def same(self) -> bool:
        """True if nothing is different but, perhaps, the knowledge base that was read."""
        old = self.recorded.decision
        if not self.same_knowledge:
            return not self.differences
        return self.again.model_copy(update={"inquiry": old.inquiry}) == old

    @property
    def same_verdict(self) -> bool:
        """True if the use is judged as it was."""
        return self.again.verdict is self.recorded.decision.verdict

    @property
    def same_knowledge(self) -> bool:
        """True if the very same knowledge base was read."""
        return self.again.knowledge == self.recorded.decision.knowledge

    @property
    def holds(self) -> bool:
        """True if the record stands: all is the same, or new knowledge gives the same verdict."""
        return self.same or (self.same_verdict and not self.same_knowledge)

    @property
    def differences(self) -> tuple[str, ...]:
        """What is different, one line each; the knowledge base itself is no difference."""
        return tuple(_differences(self.recorded.decision, self.again))


def find_decision(ledger: Ledger, name: str) -> RecordedDecision:
    """Find a recorded decision.

    Args:
        ledger: An open ledger.
        name: The first digits of its digest (6 at least), the number of its entry (``12`` or
            ``#12``), or a merged folder or its evoreg.json.

    Returns:
        The entry; of several recordings of one decision the first.

    Raises:
        UsageError: The name has another form, or means several decisions.
        InputError: There is no such decision.
        VerificationError: The record in the folder was changed by hand.
    """
    called = _NUMBER.fullmatch(name) is not None or _DIGITS.fullmatch(name) is not None
    found = (
        [item for item in recorded_decisions(ledger) if _is_called(item, name)] if called else []
    )
    if not found and _is_place(name):
        return _of_folder(ledger, Path(name))
    if not called:
        what = f"{name!r:.80} names no decision"
        hint = "give 6 digits of its digest, the number of its entry, or a merged folder"
        raise UsageError(Code.USAGE, what, hint=hint)
    if not found:
        raise InputError(Code.INPUT_MISSING, f"there is no decision {name:.80}", hint=_HINT)
    if len({item.decision.record_digest() for item in found}) > 1:
        numbers = ", ".join(f"#{item.seq}" for item in found[:8])
        what = f"{name:.80} means several decisions: {numbers}"
        raise UsageError(Code.USAGE, what, hint="give more digits, or one of these numbers")
    return found[0]


def recorded_decisions(ledger: Ledger) -> Iterator[RecordedDecision]:
    """Read all decisions of a ledger, one after the other, for each may be large.

    Args:
        ledger: An open ledger.

    Yields:
        The decisions, the oldest first.

    Raises:
        InputError: An entry that holds no decision.
        VerificationError: An entry that was changed.
    """
    for entry in ledger.entries(kind="decision"):
        if entry_hash(entry.seq, entry.prev, entry.kind, entry.body) != entry.hash:
            raise _changed(entry.seq, "the entry is not the one that was written")
        body = read_body(entry.kind, entry.body)
        if isinstance(body.record, Decision):
            value = body.extra.get("inquiry")
            known = value if isinstance(value, dict) else None
            yield RecordedDecision(entry.seq, body.at, body.by, body.record, known)


def replay_decision(
    ledger: Ledger, recorded: RecordedDecision, knowledge: Knowledge, *, strict: bool = False
) -> Replay:
    """Make a recorded decision again.

    Args:
        ledger: Holds the texts that it rests on.
        recorded: The decision.
        knowledge: The licences as they are known now.
        strict: True refuses knowledge that is not what was known then.

    Returns:
        Both decisions.

    Raises:
        InputError: The decision was recorded without what it was made from, or that is damaged.
        VerificationError: It is not what the decision was made from, a text is missing, or, if that
            is asked for, other licences are known now.
    """
    then = recorded.decision
    if strict and knowledge.digest != then.knowledge:
        was = then.knowledge_version or short(then.knowledge)
        what = f"the knowledge base {was} that was read then is not the one of this evoreg"
        hint = "install the version of evoreg that decided, or leave out --knowledge recorded"
        raise VerificationError(Code.VERIFY_DIGEST, what, where=f"entry {recorded.seq}", hint=hint)
    value = recorded.inquiry
    if value is None:
        raise InputError(
            Code.INPUT_MISSING,
            "this decision was recorded without what it was made from, so nobody can repeat it",
            where=f"entry {recorded.seq}",
            hint="merge again with this version of evoreg; its decision can be replayed",
        )
    if inquiry_digest(value) != recorded.decision.inquiry:
        raise _changed(
            recorded.seq, "what is written beside the decision is not what it was made from"
        )
    held = ledger.texts(inquiry_texts(value))
    texts = {digest: item.data for digest, item in held.items()}
    asked = inquiry_from(value, {k: data for k, data in texts.items() if data is not None})
    if asked.question.policy.record_digest() != recorded.decision.policy:
        raise _changed(recorded.seq, "the policy is not the one that decided")
    return Replay(recorded, asked, decide(asked.sources, asked.question, knowledge))


def _is_place(name: str) -> bool:
    try:
        return bool(name) and (Path(name).is_dir() or Path(name).suffix == ".json")
    except (OSError, ValueError):  # longer than a path may be, or with a sign that none may have
        return False


def _of_folder(ledger: Ledger, path: Path) -> RecordedDecision:
    folder = path if path.is_dir() else path.parent
    told = read_told(folder)
    if told is None:
        what = "no merged folder: there is no evoreg.json in it"
        raise InputError(Code.INPUT_MISSING, what, where=str(path), hint=_HINT)
    digest = told.decision.record_digest()
    found = [d for d in recorded_decisions(ledger) if d.decision.record_digest() == digest]
    if not found:
        raise InputError(
            Code.INPUT_MISSING,
            f"the ledger does not know the decision {short(digest)}",
            where=str(path),
            hint="set EVOREG_LEDGER to the ledger that the merge was recorded in",
        )
    return found[0]


def _is_called(item: RecordedDecision, name: str) -> bool:
    number, digits = _NUMBER.fullmatch(name), _DIGITS.fullmatch(name)
    if number is not None and item.seq == int(number[1]):
        return True
    start = f"sha256:{digits[1]}" if digits is not None else None
    return start is not None and item.decision.record_digest().startswith(start)


def _changed(number: int, what: str) -> VerificationError:
    where = f"entry {number}"
    hint = "evoreg ledger verify tells whether the entry was changed"
    return VerificationError(Code.VERIFY_DIGEST, what, where=where, hint=hint)


def _differences(old: Decision, new: Decision) -> Iterator[str]:
    for name in ("verdict", "outbound"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield f"{name}: was {before}, is {after}"
    for one in _only_in(old.reasons, new.reasons):
        yield f"no longer: {_told(one)}"
    for one in _only_in(new.reasons, old.reasons):
        yield f"new: {_told(one)}"
    for duty in _only_in(old.obligations, new.obligations):
        yield f"no longer owed: {duty.kind} {duty.license} {duty.text}"
    for duty in _only_in(new.obligations, old.obligations):
        yield f"newly owed: {duty.kind} {duty.license} {duty.text}"
    for source in _only_in(new.sources, old.sources):
        yield f"read anew: {source.model} is under {source.expression} ({source.verdict})"
    for source in _only_in(old.sources, new.sources):
        yield f"was read: {source.model} was under {source.expression} ({source.verdict})"


def _told(one: Reason) -> str:
    whom = f"{one.model}: " if one.model else ""
    return f"{one.effect} {one.code} {one.name}: {whom}{one.message}"


def _only_in(first: Sequence[_AnyRecord], second: Sequence[_AnyRecord]) -> list[_AnyRecord]:
    others = frozenset(second)
    return [item for item in first if item not in others]
