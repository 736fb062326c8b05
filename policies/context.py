"""What a decision is made under: the house's policy, and facts about whoever releases."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints

from evoreg.policies.terms import CONFIDENCES, Confidence
from evoreg.provenance.records.decision import Verdict
from evoreg.provenance.records.record import Record

Severity = Literal["block", "review"]
"""How strictly to take something that the law leaves open."""

Place = Annotated[str, StringConstraints(pattern=r"^([A-Z]{2}|WORLD)$")]
"""ISO 3166 code of a country, ``UK``, ``EU``, or ``WORLD`` for everywhere."""

# fmt: off
_EU = frozenset((
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU",
    "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
))
# fmt: on


class Policy(Record):
    """The switches of the house. They may make a decision stricter or name an open question."""

    unknown: Severity = "block"
    """What an unknown licence leads to; it never passes."""
    improve_other_models: Severity = "block"
    """What a ban on improving other models leads to."""
    nc_for_companies: Severity = "block"
    """What a commercial party's free release under a Creative Commons NC licence leads to."""
    min_kb_confidence: Confidence = "medium"
    """Rows that were read less well than this lead to REVIEW."""

    @classmethod
    def default(cls) -> Self:
        """Return the policy of a house that wrote none: the strictest switches."""
        return cls()

    def trusts(self, confidence: Confidence) -> bool:
        """Tell whether a row of this confidence may pass without a person."""
        return CONFIDENCES.index(confidence) >= CONFIDENCES.index(self.min_kb_confidence)


class Context(Record):
    """Facts about the releaser. What is not known is nothing, and nothing is never a pass."""

    mau: Annotated[int, Field(ge=0)] | None = None
    """Monthly active users, with affiliates."""
    annual_revenue_usd: Annotated[int, Field(ge=0)] | None = None
    """Revenue of a year in US dollars, with affiliates."""
    licensee_territory: Place | None = None
    """Where the releaser is domiciled."""
    release_territory: tuple[Place, ...] | None = None
    """What the release reaches; a public upload reaches WORLD."""


def verdict_of(severity: Severity) -> Verdict:
    """Return the verdict that a switch stands for."""
    return Verdict.BLOCK if severity == "block" else Verdict.REVIEW


def touches(place: str, excluded: tuple[str, ...]) -> bool:
    """Tell whether a place has a part in common with excluded territories.

    Args:
        place: Code of a country, EU, UK or WORLD.
        excluded: Codes of the same form.

    Returns:
        True if they meet; WORLD meets everything, a member state meets the EU and the reverse.
    """
    if place == "WORLD" or "WORLD" in excluded:
        return True
    return any(_countries(place) & _countries(other) for other in excluded)


def _countries(place: str) -> frozenset[str]:
    if place == "EU":
        return _EU
    return frozenset({"GB" if place == "UK" else place})
