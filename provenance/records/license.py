"""A claim: one statement about the licence of one model, with the evidence for it."""

from typing import Literal, Self

from pydantic import model_validator

from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.record import Grown, Record

ClaimOrigin = Literal["clarification", "text", "notice", "card", "human"]
"""Who speaks: a policy's clarification, a recognised text, a notice file, the card, a person."""


class Evidence(Record):
    """What a claim rests on."""

    kind: Literal["file", "url"]
    """A file that was read, or an address that was given."""
    locator: str
    """Path relative to the model's folder, name of the file, or the address."""
    digest: Digest | None = None
    """Digest of the bytes; an address may come without."""


RiderKind = Literal[
    "name-prefix", "hosting-forbidden", "commercial-forbidden", "sharing-forbidden", "display"
]
"""Terms that stand beside a licence: the name of a result must begin so; no service; no commercial
use; no handing out; words that must be shown."""


class Rider(Record):
    """A term that binds beside the licence, found in the prose of a card or told by the author."""

    kind: RiderKind
    """What it asks for or forbids."""
    value: str = ""
    """The prefix, or the words to show; empty for what forbids."""
    where: str = ""
    """Where it stands, in words."""

    @model_validator(mode="after")
    def _has_its_value(self) -> Self:
        if bool(self.value.strip()) != (self.kind in ("name-prefix", "display")):
            raise ValueError("a prefix and a display have a value, what forbids has none")
        return self


class LicenseClaim(Grown):
    """One statement about a licence. Claims are added and never changed or removed."""

    LATER = frozenset({"riders"})

    model: str
    """Name of the model, as in `Model.name`."""
    identity: Digest
    """Identity of the weights that the claim speaks about (`Model.identity`)."""
    expression: str
    """Licence key of the knowledge base, Hub id, or SPDX/LicenseRef expression, as stated; empty
    for a claim that only tells of riders."""
    origin: ClaimOrigin
    """Who speaks."""
    evidence: Evidence | None = None
    """What the claim rests on."""
    by: str
    """Who recorded it."""
    at: str
    """When it was recorded: ISO 8601, UTC, to the second, ending in Z."""
    note: str = ""
    """Free text."""
    riders: tuple[Rider, ...] = ()
    """Terms beside the licence; they add up over all claims about the same weights."""
