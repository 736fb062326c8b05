"""A decision: what policy says about one use of some models, with every reason and duty."""

from enum import StrEnum
from typing import Literal

from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.record import Grown, Record

Intent = Literal["research", "commercial", "hosted"]
"""What the result is for: a research release, a commercial release, or a paid service alone."""

INTENTS: tuple[Intent, ...] = ("research", "commercial", "hosted")
"""All intents, mildest first."""


class Verdict(StrEnum):
    """The four verdicts."""

    ALLOW = "allow"
    """Nothing is owed."""
    ATTRIBUTE = "attribute"
    """Allowed if the obligations are met."""
    REVIEW = "review"
    """A person must decide: evidence is missing or the terms are unclear."""
    BLOCK = "block"
    """Not allowed."""

    @property
    def severity(self) -> int:
        """0 for ALLOW to 3 for BLOCK; the worst reason decides."""
        return list(Verdict).index(self)


class Reason(Record):
    """One finding about one source."""

    code: str
    """Stable number, ``EVL`` and three digits."""
    name: str
    """Name of the code, such as ``COMMERCIAL_USE_FORBIDDEN``."""
    effect: Verdict
    """The verdict that this reason alone leads to; ALLOW marks a note."""
    model: str
    """Label of the source that it is about; empty if it is about the whole."""
    license: str = ""
    """Key or expression of the licence that speaks."""
    clause: str = ""
    """Where in the licence."""
    message: str
    """One sentence."""
    evidence: tuple[str, ...] = ()
    """What was looked at, in words: file and digest, card field, claim."""
    path: tuple[str, ...] = ()
    """How the terms reach the result: the source, its ancestors, down to where they were found."""
    fixes: tuple[str, ...] = ()
    """Ways on."""


class Obligation(Record):
    """Something that a release owes."""

    kind: Literal[
        "license_text",
        "notice",
        "attribution",
        "display",
        "name_prefix",
        "use_restrictions",
        "source_offer",
        "modification_statement",
        "credits",
        "acceptance",
        "eu_gate",
    ]
    """What must be produced."""
    license: str
    """SPDX id or LicenseRef that asks for it; empty for what the whole release owes."""
    model: str
    """Label of the source; empty for what the whole release owes."""
    text: str
    """The exact words that must appear, or a sentence saying what to do."""


class SourceLicense(Record):
    """The licence that the gate settled on for one source."""

    model: str
    """Label of the source."""
    identity: Digest
    """Identity of its weights."""
    expression: str
    """SPDX expression with LicenseRefs, or NOASSERTION."""
    key: str
    """Key in the knowledge base; empty if none was found."""
    name: str
    """Name of the licence for people."""
    url: str = ""
    """Where its text can be read, if known."""
    evidence: tuple[str, ...]
    """What it rests on, in words."""
    verdict: Verdict
    """The worst reason about this source."""


class Decision(Grown):
    """The answer of the gate for one intent."""

    LATER = frozenset({"policy_name", "knowledge_version", "inquiry"})

    intent: Intent
    """The use that was asked about."""
    verdict: Verdict
    """The worst of all reasons."""
    sources: tuple[SourceLicense, ...]
    """The licence of each source, in the order of the recipe."""
    reasons: tuple[Reason, ...]
    """All reasons, worst first."""
    obligations: tuple[Obligation, ...]
    """All that a release owes."""
    outbound: str
    """Proposed licence expression of the result; NOASSERTION if there is none."""
    policy: Digest
    """Digest of the policy that decided."""
    knowledge: Digest
    """Digest of the licence knowledge base that was read."""
    policy_name: str | None = None
    """Name of the policy, such as ``default`` or the name of its file."""
    knowledge_version: str | None = None
    """Version of the licence knowledge base, such as ``2026-11-22``."""
    inquiry: Digest | None = None
    """Digest of all that was asked and known (`evoreg.policies.inquiry`), to decide it again."""
