"""A claim: one statement about the licence of one model, with the evidence for it."""

from typing import Literal

from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.record import Record

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


class LicenseClaim(Record):
    """One statement about a licence. Claims are added and never changed or removed."""

    model: str
    """Name of the model, as in `Model.name`."""
    identity: Digest
    """Identity of the weights that the claim speaks about (`Model.identity`)."""
    expression: str
    """Licence key of the knowledge base, Hub id, or SPDX/LicenseRef expression, as stated."""
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
