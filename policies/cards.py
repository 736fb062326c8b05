"""Cards: what the front matter of a model card may mean.

A card can be ambiguous. Each thing that it may mean is one reading; the gate looks at all of them
and keeps the worst.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product
from math import prod

from evoreg.policies.codes import Finding, reason
from evoreg.policies.expressions import MAX_ALTERNATIVES, Alternatives, choices_of, parse
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
    """Licences that it names for certain beside what cannot be read; all apply. Sorted by key."""
    unknown: Terms | None = None
    """The row that stands for what cannot be read."""

    @property
    def keys(self) -> frozenset[str]:
        """The keys of all rows that it may mean."""
        return frozenset(keys_of(self.readings))

    @property
    def least(self) -> tuple[Alternatives, ...]:
        """What applies at least if nothing tells what the rest means; nothing without parts."""
        rest = (self.unknown,) if self.unknown is not None else ()
        return (((*self.parts, *rest),),) if self.parts else ()


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
    found = _read(source, knowledge)
    return replace(found, unknown=knowledge.by_key("unknown")) if found.parts else found


def _read(source: SourceFacts, knowledge: Knowledge) -> CardReading:
    card = source.model.card
    tags = [value.strip() for value in card.license if value.strip()]
    if silent(card):
        return CardReading((), (), ())
    evidence = _evidence(card, tags)
    if len(tags) > MAX_LICENSES:
        known = _sorted(row for tag in tags for row in choices_of(tag, knowledge))
        return CardReading((), (), evidence, strange=True, parts=known)
    parsed = [parse(tag, knowledge) for tag in tags if tag.casefold() != "other"]
    named = _named(card, knowledge)
    plain: list[tuple[Alternatives, ...]] = [(item.alternatives,) for item in parsed]
    beside = _sorted(row for item in parsed for choice in item.alternatives for row in choice)
    strange = not all(item.known for item in parsed) or not _all_apply(plain)
    if len(parsed) < len(tags) or not tags:
        reasons, factor = _other(source, named, evidence)
        factor = factor or _joined(card, knowledge)
        readings = () if strange else _all_apply([*plain, factor])
        if readings:
            return CardReading(readings, reasons, evidence)
        if strange:
            return CardReading((), reasons, evidence, strange=True, parts=beside)
        unnamed = named is not None or bool(beside)
        return CardReading((), reasons, evidence, unnamed=unnamed, parts=beside)
    readings = () if strange else _all_apply(plain)
    said = CardReading(readings, (), evidence, strange, parts=beside if strange else ())
    return _beside_tag(source, said, named)


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


def _joined(card: Card, knowledge: Knowledge) -> tuple[Alternatives, ...]:
    """Return the one reading of a name that joins keys by ``-and-``: all of them apply.

    The cards that evoreg writes name a licence of several parts so. None if a part is not known.
    """
    names = (card.license_name or "").strip().split("-and-")
    if not 1 < len(names) <= MAX_LICENSES:
        return ()
    found = {row.key: row for name in names if (row := knowledge.by_key(name)) is not None}
    rows = tuple(found[key] for key in sorted(found))
    known = len(rows) == len(set(names)) and all(row.kind != "other" for row in rows)
    return ((rows,),) if known else ()


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
    return replace(card, readings=(*card.readings, *extra), reasons=(wrong,))


def _sorted(rows: Iterable[Terms]) -> tuple[Terms, ...]:
    """Return rows that say something, each once."""
    found = {row.key: row for row in rows if row.kind not in ("unknown", "other")}
    return tuple(found[key] for key in sorted(found))


def _all_apply(factors: list[tuple[Alternatives, ...]]) -> tuple[Alternatives, ...]:
    """Join what several licences of one card may mean: in each reading all of them apply.

    Nothing if there are too many readings, or too many choices in one.
    """
    found: list[Alternatives] = []
    for combination in product(*factors):
        many = prod(len(alternatives) for alternatives in combination) > MAX_ALTERNATIVES
        if many or len(found) >= MAX_ALTERNATIVES:
            return ()
        found.append(tuple(tuple(row for part in c for row in part) for c in product(*combination)))
    return tuple(found)
