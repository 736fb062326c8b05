"""Persons: what people claim about a licence, weighed against texts and card.

A claim that leaves out terms of a recognised text or of the card needs a file to rest on.
"""

from evoreg.policies import cards, claims, files
from evoreg.policies.cards import CardReading
from evoreg.policies.codes import Finding, reason
from evoreg.policies.expressions import Alternatives
from evoreg.policies.facts import SourceFacts
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.policy import Policy
from evoreg.policies.resolution import Resolution, contradiction, unknown
from evoreg.provenance.records.decision import Reason, Verdict


def no_grant(source: SourceFacts, evidence: tuple[str, ...]) -> Reason:
    """Return the reason for weights that, as is recorded, nobody licensed."""
    text = "It is recorded that no holder of rights ever licensed these weights."
    return reason(
        Finding.NO_LICENSE_GRANT,
        Verdict.BLOCK,
        source.label,
        text,
        evidence=evidence,
        fixes=("leave the source out",),
    )


def persons(
    source: SourceFacts, said: claims.Spoken, knowledge: Knowledge, policy: Policy
) -> Resolution:
    """Return what people say, with everything that they leave out.

    Args:
        source: The model.
        said: Their claims; at least one expression.
        knowledge: The licences.
        policy: Says what an unknown licence leads to.
    """
    reasons = [unknown(source, e, said.evidence, policy) for e in said.expressions if not e.known]
    readings = tuple(e.alternatives for e in said.expressions if e.known)
    if len(said.expressions) > 1:
        reasons.append(contradiction(source, "People disagree about the licence.", said.evidence))
    text, evidence = _left_out(source, said, knowledge)
    fix = "record the claim with the file that grants the licence as evidence"
    if text is None or text:
        evidence = (*said.evidence, *evidence)
        wrong = "A person's claim leaves out terms of a licence text that is recognised."
        reasons.append(contradiction(source, wrong, evidence, fix))
        return Resolution((*readings, text) if text else readings, tuple(reasons), evidence)
    card = cards.read(source, knowledge)
    silenced = _silenced(source, said, knowledge)
    if not readings or not (silenced or _contradicts(card, said)):
        return Resolution(readings, tuple(reasons), said.evidence)
    evidence = (*said.evidence, *silenced, *card.evidence)
    if all(e.text in said.proven for e in said.expressions):
        return Resolution(readings, (*reasons, _overruled(source, evidence)), evidence)
    wrong = "A person's claim leaves out terms that the card names."
    reasons.append(contradiction(source, wrong, evidence, fix))
    parts = ((card.parts,),) if card.parts else ()
    return Resolution((*readings, *card.readings, *parts), tuple(reasons), evidence)


def _contradicts(card: CardReading, said: claims.Spoken) -> bool:
    """Tell whether a claim leaves out terms of everything that the card may mean."""
    stated = [e.alternatives for e in said.expressions if e.known]
    if not all(_covers(claim, (card.parts,)) for claim in stated):
        return True
    return bool(card.readings) and not all(
        any(_covers(claim, reading) for reading in card.readings) for claim in stated
    )


def _overruled(source: SourceFacts, evidence: tuple[str, ...]) -> Reason:
    text = "Card or licence files name other terms; what somebody states with a recorded file is "
    text += "taken instead."
    return reason(Finding.CARD_OVERRULED, Verdict.ALLOW, source.label, text, evidence=evidence)


def _silenced(source: SourceFacts, said: claims.Spoken, knowledge: Knowledge) -> tuple[str, ...]:
    """Return the licence files, in words, whose terms claims with a file of their own leave out."""
    held = files.read(source, knowledge)
    text = files.all_apply([], held.rows) or ()
    stated = [e.alternatives for e in said.expressions if e.known]
    return () if all(_covers(claim, text) for claim in stated) else held.evidence


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
