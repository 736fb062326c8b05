"""Cards: what the front matter of a model card may mean.

A card can be ambiguous. Each thing that it may mean is one reading; the gate looks at all of them
and keeps the worst.
"""

from dataclasses import dataclass
from itertools import product

from evoreg.policies.codes import Finding, reason
from evoreg.policies.expressions import MAX_ALTERNATIVES, Alternatives, parse
from evoreg.policies.facts import SourceFacts
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.terms import Terms
from evoreg.policies.texts import shown
from evoreg.provenance.records.decision import Reason, Verdict
from evoreg.provenance.records.model import Card

MAX_LICENSES = 16
"""A card with more licences than these is not read."""


@dataclass(frozen=True, slots=True)
class CardReading:
    """What a card says."""

    readings: tuple[Alternatives, ...]
    """Everything that it may mean; nothing if it names no known licence."""
    reasons: tuple[Reason, ...]
    """What is wrong with it."""
    evidence: tuple[str, ...]
    """What was read, in words."""
    strange: bool = False
    """True if it names something that is not known, and so contradicts whatever else is found."""
    unnamed: bool = False
    """True if it says ``other`` in a way that only texts can explain, and not ``other`` alone."""
    parts: tuple[Terms, ...] = ()
    """What it names all the same: licences beside ``other``, and the parts of a name that joins
    keys by ``-and-`` if each of them is known. All apply."""

    @property
    def keys(self) -> frozenset[str]:
        """The keys of all rows that it may mean."""
        return frozenset(keys_of(self.readings))


def keys_of(readings: tuple[Alternatives, ...]) -> set[str]:
    """Return the keys of all rows in some readings."""
    return {row.key for reading in readings for choice in reading for row in choice}


def silent(card: Card) -> bool:
    """Tell whether a card says nothing about a licence."""
    return (
        not any(value.strip() for value in card.license) and not (card.license_name or "").strip()
    )


def read(source: SourceFacts, knowledge: Knowledge) -> CardReading:
    """Return what the card of a source may mean.

    Args:
        source: The model.
        knowledge: Where ids and names are looked up.

    Returns:
        The readings; of several licences all apply.
    """
    card = source.model.card
    tags = [value.strip() for value in card.license if value.strip()]
    if silent(card):
        return CardReading((), (), ())
    evidence = _evidence(card, tags)
    if len(tags) > MAX_LICENSES:
        return CardReading((), (), evidence, strange=True)
    parsed = [parse(tag, knowledge) for tag in tags if tag.casefold() != "other"]
    named = _named(card, knowledge)
    plain: list[tuple[Alternatives, ...]] = [(item.alternatives,) for item in parsed]
    strange = not all(item.known for item in parsed)
    if len(parsed) < len(tags) or not tags:
        reasons, factor = _other(source, named, evidence)
        readings = () if strange else _all_apply([*plain, factor])
        if readings or strange:
            return CardReading(readings, reasons, evidence, strange)
        beside = tuple(row for item in parsed for choice in item.alternatives for row in choice)
        unnamed = named is not None or bool(beside)
        rows = (*beside, *_parts(card, knowledge))
        return CardReading((), reasons, evidence, unnamed=unnamed, parts=rows)
    readings = () if strange else _all_apply(plain)
    return _beside_tag(source, CardReading(readings, (), evidence, strange), named)


def _evidence(card: Card, tags: list[str]) -> tuple[str, ...]:
    said = [f"card: license: {shown(', '.join(tags))}"] if tags else []
    if card.license_name:
        said.append(f"card: license_name: {shown(card.license_name)}")
    return tuple(said)


def _named(card: Card, knowledge: Knowledge) -> tuple[Terms, ...] | None:
    """Return what ``license_name`` may mean; nothing if the card has none."""
    name = (card.license_name or "").strip()
    if not name:
        return None
    found = knowledge.by_name(name)
    row = knowledge.by_expression(name) or knowledge.by_key(name)
    return found or ((row,) if row is not None else ())


def _parts(card: Card, knowledge: Knowledge) -> tuple[Terms, ...]:
    """Return the licences whose keys a name joins by ``-and-``; none if one is not known."""
    names = (card.license_name or "").strip().split("-and-")
    if len(names) > MAX_LICENSES:
        return ()
    found = [row for name in names if (row := knowledge.by_key(name)) is not None]
    return tuple(found) if len(found) == len(names) else ()


def _other(
    source: SourceFacts, named: tuple[Terms, ...] | None, evidence: tuple[str, ...]
) -> tuple[tuple[Reason, ...], tuple[Alternatives, ...]]:
    """Read ``license: other`` with the rows that its name may mean."""
    factor: tuple[Alternatives, ...] = tuple((((row,),)) for row in named or ())
    if named is None or not named:
        return (), ()
    name = shown(source.model.card.license_name or "")
    if len(named) > 1:
        keys = ", ".join(row.key for row in named)
        text = f"The name {name!r} stands for several licences: {keys}."
        found = Finding.AMBIGUOUS_LICENSE_NAME
    elif named[0].key == named[0].tag:
        text = f"The card says other, yet names a licence of the Hub's list: {name!r}."
        found = Finding.METADATA_CONTRADICTION
    else:
        return (), factor
    fix = "clarify the licence by the text of its licence file"
    return (
        reason(found, Verdict.REVIEW, source.label, text, evidence=evidence, fixes=(fix,)),
    ), factor


def _beside_tag(
    source: SourceFacts, card: CardReading, named: tuple[Terms, ...] | None
) -> CardReading:
    """Read a ``license_name`` beside a tag that is not ``other``: it must mean the same."""
    if named is None or any(row.key in card.keys for row in named):
        return card
    text = "The card has a license_name beside a tag that names another licence."
    fix = "clarify which of the two holds"
    wrong = reason(
        Finding.METADATA_CONTRADICTION,
        Verdict.REVIEW,
        source.label,
        text,
        evidence=card.evidence,
        fixes=(fix,),
    )
    extra: tuple[Alternatives, ...] = tuple((((row,),)) for row in named)
    return CardReading((*card.readings, *extra), (wrong,), card.evidence, card.strange)


def _all_apply(factors: list[tuple[Alternatives, ...]]) -> tuple[Alternatives, ...]:
    """Join what several licences of one card may mean: in each reading all of them apply."""
    found: list[Alternatives] = []
    for combination in product(*factors):
        choices = [
            tuple(row for part in choice for row in part) for choice in product(*combination)
        ]
        if len(choices) > MAX_ALTERNATIVES or len(found) >= MAX_ALTERNATIVES:
            return ()
        found.append(tuple(choices))
    return tuple(found)
