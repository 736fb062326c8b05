"""Resolve: from what is known about one model to the terms that it is under.

The order is: a person's claim about exactly these weights, then a licence text that is recognised,
then the card, then nothing. A claim that leaves out terms of a recognised text needs a file to rest
on. What disagrees is not settled by choosing: every reading stays, the gate keeps the worst, and a
person is asked.
"""

from dataclasses import dataclass

from evoreg.policies import cards, claims, files
from evoreg.policies.cards import CardReading, keys_of
from evoreg.policies.codes import Finding, reason
from evoreg.policies.context import Policy, verdict_of
from evoreg.policies.expressions import Alternatives, Expression
from evoreg.policies.facts import SourceFacts
from evoreg.policies.files import Files
from evoreg.policies.knowledge.book import Knowledge
from evoreg.provenance.records.decision import Reason, Verdict

_ASK = (
    "find the licence, and record it: evoreg model add, then evoreg model claim --evidence",
    "leave the source out",
)


@dataclass(frozen=True, slots=True)
class Resolution:
    """Which licences a source may be under."""

    readings: tuple[Alternatives, ...]
    """What the evidence may mean; the worst counts. In a reading, any alternative may be chosen."""
    reasons: tuple[Reason, ...]
    """What is wrong with the evidence."""
    evidence: tuple[str, ...]
    """What was looked at, in words."""


def resolve(source: SourceFacts, knowledge: Knowledge, policy: Policy) -> Resolution:
    """Find the terms of one model, without its ancestors.

    Args:
        source: What is known about it.
        knowledge: The licences.
        policy: Says what an unknown licence leads to.

    Returns:
        Readings and reasons. Without a reading there is a reason that does not pass.
    """
    said = claims.human(source, knowledge)
    stale = tuple(claims.outdated(source))
    if said.no_grant:
        return Resolution((), (*stale, _no_grant(source, said.evidence)), said.evidence)
    if said.expressions:
        found = _persons(source, said, knowledge, policy)
    else:
        found = _documents(source, knowledge, policy)
    return Resolution(found.readings, (*stale, *found.reasons), found.evidence)


def _no_grant(source: SourceFacts, evidence: tuple[str, ...]) -> Reason:
    text = "It is recorded that no holder of rights ever licensed these weights."
    return reason(
        Finding.NO_LICENSE_GRANT,
        Verdict.BLOCK,
        source.label,
        text,
        evidence=evidence,
        fixes=("leave the source out",),
    )


def _persons(
    source: SourceFacts, said: claims.Spoken, knowledge: Knowledge, policy: Policy
) -> Resolution:
    reasons = [_unknown(source, e, said.evidence, policy) for e in said.expressions if not e.known]
    readings = tuple(e.alternatives for e in said.expressions if e.known)
    if len(said.expressions) > 1:
        reasons.append(_contradiction(source, "People disagree about the licence.", said.evidence))
    text, evidence = _left_out(source, said, knowledge)
    if text is None or text:
        evidence = (*said.evidence, *evidence)
        wrong = "A person's claim leaves out terms of a licence text that is recognised."
        fix = "record the claim with the file that grants the licence as evidence"
        reasons.append(_contradiction(source, wrong, evidence, fix))
        return Resolution((*readings, text) if text else readings, tuple(reasons), evidence)
    return Resolution(readings, tuple(reasons), said.evidence)


def _left_out(
    source: SourceFacts, said: claims.Spoken, knowledge: Knowledge
) -> tuple[Alternatives | None, tuple[str, ...]]:
    """Return what texts say and a claim without a file does not; nothing if that is too much."""
    held, recorded = files.read(source, knowledge), claims.texts(source, knowledge)
    text = files.all_apply([e.alternatives for e in recorded.expressions if e.known], held.rows)
    stated = [e.alternatives for e in said.expressions if e.known and e.text not in said.proven]
    if text is not None and all(_covers(claim, text) for claim in stated):
        return (), ()
    return text if stated else (), (*recorded.evidence, *held.evidence)


def _covers(claim: Alternatives, text: Alternatives) -> bool:
    """Tell whether every choice of a claim holds all terms of some choice of the text."""
    return not text or all(any(set(t) <= set(c) for t in text) for c in claim)


def _unknown(
    source: SourceFacts, said: Expression, evidence: tuple[str, ...], policy: Policy
) -> Reason:
    why = f"unknown: {', '.join(said.unknown)}" if said.unknown else said.problem
    return _missing(
        source, f"The licence {said.text!r} has no known terms ({why}).", evidence, policy
    )


def _missing(source: SourceFacts, text: str, evidence: tuple[str, ...], policy: Policy) -> Reason:
    return reason(
        Finding.UNKNOWN_LICENSE,
        verdict_of(policy.unknown),
        source.label,
        text,
        evidence=evidence,
        fixes=_ASK,
    )


def _contradiction(
    source: SourceFacts,
    text: str,
    evidence: tuple[str, ...],
    fix: str = "clarify the licence by a claim with evidence",
) -> Reason:
    return reason(
        Finding.METADATA_CONTRADICTION,
        Verdict.REVIEW,
        source.label,
        f"{text} The strictest reading is taken.",
        evidence=evidence,
        fixes=(fix,),
    )


def _documents(source: SourceFacts, knowledge: Knowledge, policy: Policy) -> Resolution:
    """Resolve from licence files and the card."""
    held = files.read(source, knowledge)
    recorded = claims.texts(source, knowledge)
    card = cards.read(source, knowledge)
    bad = [e for e in recorded.expressions if not e.known]
    text = files.all_apply([e.alternatives for e in recorded.expressions if e.known], held.rows)
    evidence = (*recorded.evidence, *held.evidence, *card.evidence)
    if bad or text is None:
        gone = tuple(_unknown(source, e, evidence, policy) for e in bad) or (
            _missing(source, "The licence files allow too many readings.", evidence, policy),
        )
        return Resolution((), gone, evidence)
    if cards.silent(source.model.card):
        earlier = claims.cards(source, knowledge)
        card, evidence = _withdrawn(source, earlier, card), (*evidence, *earlier.evidence)
        changed: tuple[Reason, ...] = ()
    else:
        changed = _changed(source, claims.cards(source, knowledge), card)
    found = _weigh(source, text, card, held, policy)
    reasons = (*found.reasons, *held.reasons, *changed, *_unread(source, found, held, knowledge))
    return Resolution(found.readings, reasons, evidence)


def _withdrawn(source: SourceFacts, earlier: claims.Spoken, card: CardReading) -> CardReading:
    """Let an earlier card stand in for one that says nothing any more."""
    if not earlier.expressions:
        return card
    gone = reason(
        Finding.LICENSE_METADATA_REMOVED,
        Verdict.REVIEW,
        source.label,
        "The card named a licence at an earlier time and names none now.",
        evidence=earlier.evidence,
        fixes=("ask the author", "pin the revision that names the licence"),
    )
    readings = tuple(e.alternatives for e in earlier.expressions if e.known)
    strange = not all(e.known for e in earlier.expressions)
    return CardReading(readings, (gone,), (), strange)


def _changed(source: SourceFacts, earlier: claims.Spoken, card: CardReading) -> tuple[Reason, ...]:
    others = [e for e in earlier.expressions if e.alternatives not in card.readings]
    if not others:
        return ()
    return (
        reason(
            Finding.LICENSE_CHANGED_UPSTREAM,
            Verdict.ALLOW,
            source.label,
            f"The card named {', '.join(e.text for e in others)} at an earlier time.",
            evidence=earlier.evidence,
        ),
    )


def _weigh(
    source: SourceFacts, text: Alternatives, card: CardReading, held: Files, policy: Policy
) -> Resolution:
    """Weigh the licence text against the card."""
    evidence = (*held.evidence, *card.evidence)
    if not text:
        return _without_text(source, card, held, policy)
    keys = keys_of((text,))
    agreeing = tuple(r for r in card.readings if keys <= keys_of((r,)))
    if agreeing and not card.strange:
        kept = tuple(r for r in card.reasons if r.name != Finding.AMBIGUOUS_LICENSE_NAME)
        return Resolution(agreeing, kept, evidence)
    if _hidden(text, card):
        note = reason(
            Finding.TAG_HIDES_AUP,
            Verdict.ALLOW,
            source.label,
            "The licence text has terms that the card's tag does not show.",
            evidence=evidence,
        )
        return Resolution((text,), (note,), evidence)
    if not card.readings and not card.strange:
        return _named_by_text(source, text, card, evidence)
    wrong = _contradiction(source, "Card and licence text name different licences.", evidence)
    return Resolution((*card.readings, text), (*card.reasons, wrong), evidence)


def _named_by_text(
    source: SourceFacts, text: Alternatives, card: CardReading, evidence: tuple[str, ...]
) -> Resolution:
    """Let texts say what a card with an unknown name leaves open; ask unless the name fits them."""
    if not card.unnamed or {row.key for row in card.parts} == keys_of((text,)):
        return Resolution((text,), card.reasons, evidence)
    open_name = reason(
        Finding.UNRESOLVED_LICENSE_NAME,
        Verdict.REVIEW,
        source.label,
        "The card's licence name is not known, and the recognised texts do not explain all of it.",
        evidence=evidence,
        fixes=("clarify the licence by a claim with its text",),
    )
    whole = files.all_apply([text], card.parts) or text
    return Resolution((whole,), (*card.reasons, open_name), evidence)


def _hidden(text: Alternatives, card: CardReading) -> bool:
    rows = [row for choice in text for row in choice]
    return all(row.key != row.tag and row.tag in card.keys for row in rows) and not card.strange


def _without_text(
    source: SourceFacts, card: CardReading, held: Files, policy: Policy
) -> Resolution:
    """Resolve from the card, with what a link suggests."""
    evidence = (*held.evidence, *card.evidence)
    hint: tuple[Alternatives, ...] = tuple(((row,),) for row in held.suggested)
    if card.strange:
        text = "The card names a licence without known terms."
        return Resolution((), (*card.reasons, _missing(source, text, evidence, policy)), evidence)
    if not card.readings:
        return Resolution(
            hint, (*card.reasons, _nothing(source, bool(hint), evidence, policy)), evidence
        )
    if all(row.key in card.keys for row in held.suggested):
        return Resolution(card.readings, card.reasons, evidence)
    wrong = _contradiction(source, "Card and link name different licences.", evidence)
    return Resolution((*card.readings, *hint), (*card.reasons, wrong), evidence)


def _nothing(
    source: SourceFacts, hinted: bool, evidence: tuple[str, ...], policy: Policy
) -> Reason:
    """Say that the card does not lead to a licence, or only through a link."""
    if not (source.model.card.license_name or "").strip() and not hinted:
        return _missing(source, "No licence is named anywhere.", evidence, policy)
    effect = Verdict.REVIEW if hinted else verdict_of(policy.unknown)
    text = "The card's licence name is not known"
    text += "; a link suggests the licence." if hinted else ", and no text tells what it means."
    return reason(
        Finding.UNRESOLVED_LICENSE_NAME,
        effect,
        source.label,
        text,
        evidence=evidence,
        fixes=("clarify the licence by a claim with its text",),
    )


def _unread(
    source: SourceFacts, found: Resolution, held: Files, knowledge: Knowledge
) -> tuple[Reason, ...]:
    """Ask about a licence file that is not the text which the settled licence is known to have."""
    rows = [row for reading in found.readings for choice in reading for row in choice]
    if not held.unread or not rows or not all(knowledge.knows_text_of(row) for row in rows):
        return ()
    names = ", ".join(held.unread)
    text = f"The licence file is not the known text of the licence that is named: {names}."
    return (_contradiction(source, text, held.evidence),)
