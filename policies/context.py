"""The releaser: facts about whoever asks, and the places that a licence may leave out."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from evoreg.provenance.records.record import Record

Place = Annotated[str, StringConstraints(pattern=r"^([A-Z]{2}|WORLD)$")]
"""ISO 3166 code of a country, ``UK``, ``EU``, or ``WORLD`` for everywhere."""

Organisation = Literal["company", "non-profit", "academic", "public", "individual"]
"""What kind of party releases."""

# The member states, and the codes of those parts of them that belong to the union as well.
# fmt: off
_EU = frozenset((
    "AX", "GF", "GP", "MF", "MQ", "RE", "YT",
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU",
    "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
))
# fmt: on


class Context(Record):
    """Facts about the releaser. What is not known is nothing, and nothing is never a pass."""

    kind: Organisation | None = None
    """What kind of party; a company's research release is not taken for non-commercial."""
    mau: Annotated[int, Field(ge=0)] | None = None
    """Monthly active users, with affiliates."""
    annual_revenue_usd: Annotated[int, Field(ge=0)] | None = None
    """Revenue of a year in US dollars, with affiliates."""
    licensee_territory: Place | None = None
    """Where the releaser is domiciled."""
    release_territory: tuple[Place, ...] | None = None
    """What the release reaches; a public upload reaches WORLD."""


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
