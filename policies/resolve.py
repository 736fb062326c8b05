"""Resolve: from what is known about one model to the terms that it is under.

The order is: a person's claim about exactly these weights, then a licence text that is recognised,
then the card, then nothing. A claim that leaves out terms of a recognised text or of the card needs
a file to rest on. What disagrees is not settled by choosing: every reading stays, the gate keeps
the worst, and a person is asked.
"""

import difflib

from evoreg.policies import cards, claims, files
from evoreg.policies.cards import CardReading, keys_of
from evoreg.policies.codes import Finding, reason
from evoreg.policies.expressions import OR_LATER, Alternatives
from evoreg.policies.facts import SourceFacts
from evoreg.policies.files import Files
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.knowledge.elsewhere import known_elsewhere
from evoreg.policies.persons import no_grant, persons
from evoreg.policies.policy import Policy, verdict_of
from evoreg.policies.resolution import Resolution, contradiction, missing, unknown
from evoreg.policies.terms import Terms
from evoreg.policies.texts import shown
from evoreg.provenance.records.decision import Reason, Verdict

_ASKED = 4
_LONGEST = 200


class Resolver:
    """Finds the terms of many models; what is known alike is resolved once."""

    def __init__(self, knowledge: Knowledge, policy: Policy) -> None:
        """Take what all models share.

        Args:
            knowledge: The licences.
            policy: Clarifications, and what an unknown licence leads to.
        """
        self._knowledge, self._policy = knowledge, policy
        self._found: dict[object, Resolution] = {}

    def resolve(self, source: SourceFacts) -> Resolution:
        """Return the terms of one model, without its ancestors; as `resolve`."""
        mark = self._mark(source)
        found = self._found.get(mark)
        if found is None:
            found = resolve(source, self._knowledge, self._policy)
            self._found[mark] = found
        return found

    def _mark(self, source: SourceFacts) -> object:
        """Return all that decides about the terms of a model."""
        spoken = bool(source.own_claims) or bool(self._policy.clarify)
        own = (source.model, source.own_claims) if spoken else source.model.card
        return (own, source.texts, source.unread)


def resolve(source: SourceFacts, knowledge: Knowledge, policy: Policy) -> Resolution:
    """Find the terms of one model, without its ancestors.

    Args:
        source: What is known about it.
        knowledge: The licences.
        policy: Says what an unknown licence leads to.

    Returns:
        Readings and reasons. Without a reading there is a reason that does not pass.
    """
    said = claims.human(source, knowledge, policy)
    stale = tuple(claims.outdated(source, policy))
    if said.no_grant:
        return Resolution((), (*stale, no_grant(source, said.evidence)), said.evidence)
    if said.expressions:
        found = persons(source, said, knowledge, policy)
    else:
        found = _documents(source, knowledge, policy)
    return Resolution(found.readings, (*stale, *found.reasons), found.evidence)


def _documents(source: SourceFacts, knowledge: Knowledge, policy: Policy) -> Resolution:
    """Resolve from licence files and the card."""
    held = files.read(source, knowledge)
    recorded = claims.texts(source, knowledge)
    card = cards.read(source, knowledge)
    bad = [e for e in recorded.expressions if not e.known]
    text = files.all_apply([e.alternatives for e in recorded.expressions if e.known], held.rows)
    evidence = (*recorded.evidence, *held.evidence, *card.evidence)
    if bad or text is None:
        gone = tuple(unknown(source, e, evidence, policy) for e in bad) or (
            missing(source, "The licence files allow too many readings.", evidence, policy),
        )
        return Resolution((), gone, evidence)
    if cards.silent(source.model.card):
        earlier = claims.cards(source, knowledge)
        card, evidence = _withdrawn(source, earlier, card), (*evidence, *earlier.evidence)
        changed: tuple[Reason, ...] = ()
    else:
        changed = _changed(source, claims.cards(source, knowledge), card)
    found = _weigh(source, text, card, held, policy, knowledge)
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
    source: SourceFacts,
    text: Alternatives,
    card: CardReading,
    held: Files,
    policy: Policy,
    knowledge: Knowledge,
) -> Resolution:
    """Weigh the licence text against the card."""
    evidence = (*held.evidence, *card.evidence)
    if not text:
        return _without_text(source, card, held, policy, knowledge)
    keys = keys_of((text,))
    agreeing = tuple(r for r in card.readings if keys <= keys_of((r,)) and _given_by(text, r))
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
    wrong = contradiction(source, "Card and licence text name different licences.", evidence)
    whole = _beside(text, card.parts)
    return Resolution((*card.readings, whole), (*card.reasons, wrong), evidence)


def _given_by(text: Alternatives, reading: Alternatives) -> bool:
    """Tell whether the texts of a model give every choice that its card offers."""
    if keys_of((reading,)) == keys_of((text,)):
        return True
    return all(any(_gives(part, choice) for part in text) for choice in reading)


def _gives(part: tuple[Terms, ...], choice: tuple[Terms, ...]) -> bool:
    keys = {row.key for row in choice}
    # The text of version 2 lets one choose version 3 where the card says "or later".
    return all({row.key, *OR_LATER.get(row.key, ())} & keys for row in part)


def _beside(text: Alternatives, parts: tuple[Terms, ...]) -> Alternatives:
    """Return a reading in which further licences apply whatever is chosen."""
    return tuple(tuple(sorted({*choice, *parts}, key=lambda row: row.key)) for choice in text)


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
    whole = _beside(text, card.parts)
    return Resolution((whole,), (*card.reasons, open_name), evidence)


def _hidden(text: Alternatives, card: CardReading) -> bool:
    rows = [row for choice in text for row in choice]
    behind = all(row.key != row.tag and row.tag in card.keys for row in rows)
    return behind and card.keys <= {row.tag for row in rows} and not card.strange


def _without_text(
    source: SourceFacts, card: CardReading, held: Files, policy: Policy, knowledge: Knowledge
) -> Resolution:
    """Resolve from the card, with what a link suggests."""
    evidence = (*held.evidence, *card.evidence)
    hint: tuple[Alternatives, ...] = tuple(((row,),) for row in held.suggested)
    if card.strange:
        text = f"The card names a licence without known terms{_elsewhere(source, knowledge)}."
        gone = missing(source, text, evidence, policy)
        return Resolution(card.least, (*card.reasons, gone), evidence)
    if not card.readings:
        readings = tuple(_beside(choice, card.parts) for choice in hint) or card.least
        nothing = _nothing(source, bool(hint), evidence, policy)
        return Resolution(readings, (*card.reasons, nothing), evidence)
    if all(row.key in card.keys for row in held.suggested):
        return Resolution(card.readings, card.reasons, evidence)
    wrong = contradiction(source, "Card and link name different licences.", evidence)
    return Resolution((*card.readings, *hint), (*card.reasons, wrong), evidence)


def _elsewhere(source: SourceFacts, knowledge: Knowledge) -> str:
    """Say what the tags of a card are in somebody else's list, or what may have been meant."""
    card = source.model.card
    names = [*card.license, *([card.license_name] if card.license_name else [])]
    told = [
        (name, known_elsewhere(name) or _near(name, knowledge))
        for name in names[:_ASKED]
        if len(name) < _LONGEST and knowledge.by_key(name) is None
    ]
    found = [f"{shown(name)} is {what}" for name, what in told if what]
    return f" ({'; '.join(found)})" if found else ""


def _near(name: str, knowledge: Knowledge) -> str:
    plain = "-".join(name.casefold().split())
    near = difflib.get_close_matches(plain, [row.key for row in knowledge.rows], n=1, cutoff=0.8)
    return f"no licence id; perhaps {near[0]} is meant" if near else ""


def _nothing(
    source: SourceFacts, hinted: bool, evidence: tuple[str, ...], policy: Policy
) -> Reason:
    """Say that the card does not lead to a licence, or only through a link."""
    if not (source.model.card.license_name or "").strip() and not hinted:
        return missing(source, "No licence is named anywhere.", evidence, policy)
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
    return (contradiction(source, text, held.evidence),)
