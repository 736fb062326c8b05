"""Policies: what a house allows, whom it made exceptions for, and what it wants looked at.

A policy is data. It decides which licences may be used at all for each intent; what the licences
themselves forbid it cannot allow, except by a recorded permission for one exact model.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from evoreg.policies.terms import CONFIDENCES, Confidence
from evoreg.provenance.records.decision import INTENTS, Intent, Verdict
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.record import Record

Severity = Literal["block", "review"]
"""How strictly to take something that the law leaves open."""

Level = Literal["ignore", "warn", "review", "block"]
"""What a line of the policy that met nothing leads to."""

Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]
"""A day, ISO 8601."""

ModelSpec = Annotated[
    str,
    StringConstraints(
        pattern=r"^[^@\s]{1,200}@([0-9a-f]{7,40}|sha256:[0-9a-f]{12,64})$", max_length=300
    ),
]
"""One exact model: its name, ``@``, and the first digits of its commit or of its identity."""

EVERYTHING: tuple[str, ...] = (
    "permissive", "public-domain", "attribution", "share-alike", "copyleft-weak",
    "copyleft-strong", "copyleft-network", "rail", "community", "nc", "nc-sa", "nd", "nc-nd",
    "research", "data", "family", "proprietary",
)  # fmt: skip
"""All classes of licences that say something; what is not known is never listed."""


class Listing(Record):
    """Which licences may be used for one intent; what stands in no list is refused."""

    allow: tuple[str, ...] = ()
    """Classes, keys or SPDX ids that may be used; duties are owed as ever."""
    attribute: tuple[str, ...] = ()
    """The same, and the verdict is never better than ATTRIBUTE."""
    review: tuple[str, ...] = ()
    """The same, and the verdict is never better than REVIEW."""


class Permission(Record):
    """An exception: somebody allowed what a licence does not, for one exact model."""

    model: ModelSpec
    """Which model."""
    allow: Annotated[tuple[str, ...], Field(min_length=1)]
    """Keys of the licences that are set aside, in the model and in what it was made from."""
    intents: Annotated[tuple[Intent, ...], Field(min_length=1)]
    """For which uses."""
    reason: Annotated[str, StringConstraints(min_length=1, max_length=2000)]
    """Why, and where the permission can be found."""
    approved_by: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """Who decided it."""
    expires: Day
    """The last day on which it holds."""


class PinnedFile(Record):
    """A file at one exact state."""

    path: str
    """Path inside the model."""
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """Digest of its content."""

    @property
    def digest(self) -> Digest:
        """The digest in the form of records."""
        return f"sha256:{self.sha256}"


class Clarification(Record):
    """What the licence of one model is, as somebody read it from exact files."""

    model: ModelSpec
    """Which model."""
    expression: str
    """SPDX expression, Hub id or key."""
    license_files: Annotated[tuple[PinnedFile, ...], Field(min_length=1)]
    """The files that it rests on; if one of them changes, the clarification is silent."""


class Rule(Record):
    """A predicate of the house in CEL. It can only make a decision stricter."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    """Its name."""
    when: Annotated[str, StringConstraints(min_length=1, max_length=4000)]
    """CEL expression over one source; true means that the rule applies."""
    then: Severity
    """What follows."""
    message: str = ""
    """One sentence, with places such as ``{model}`` and ``{license}``."""
    fix: str = ""
    """What to do."""


def _all_listed() -> dict[Intent, Listing]:
    return {intent: Listing(allow=EVERYTHING) for intent in INTENTS}


class Policy(Record):
    """What a house allows."""

    name: str = "default"
    """What people call it."""
    licenses: dict[Intent, Listing] = Field(default_factory=_all_listed)
    """What may be used for each intent; an intent that is not here is refused."""
    unknown: Severity = "block"
    """What an unknown licence leads to; it never passes."""
    unseen_parent: Severity = "review"
    """What a parent whose licence nobody could look at leads to; it never passes."""
    improve_other_models: Severity = "block"
    """What a ban on improving other models leads to."""
    nc_for_companies: Severity = "block"
    """What a commercial party's free release under a non-commercial licence leads to."""
    min_kb_confidence: Confidence = "medium"
    """Rows that were read less well than this lead to REVIEW."""
    max_kb_age_days: Annotated[int, Field(ge=1)] | None = None
    """Days after which the knowledge base is too old to pass without a person."""
    exceptions: tuple[Permission, ...] = ()
    """Recorded permissions."""
    clarify: tuple[Clarification, ...] = ()
    """Licences that were read by people."""
    rules: tuple[Rule, ...] = ()
    """Predicates of the house."""
    unused_exception: Level = "warn"
    """What an exception or a clarification leads to that concerned nothing."""
    unused_allow: Level = "warn"
    """What a licence leads to that is listed by its key or id and was not met."""

    @model_validator(mode="after")
    def _rules_have_names_of_their_own(self) -> Self:
        names = [rule.id for rule in self.rules]
        if len(set(names)) != len(names):
            raise ValueError("two rules have the same id")
        return self

    @classmethod
    def default(cls) -> Self:
        """Return the policy of a house that wrote none: every licence is listed, switches strict.

        It is the content of the shipped file ``default.yml``.
        """
        return cls()

    def trusts(self, confidence: Confidence) -> bool:
        """Tell whether a row of this confidence may pass without a person."""
        return CONFIDENCES.index(confidence) >= CONFIDENCES.index(self.min_kb_confidence)


def verdict_of(severity: Severity) -> Verdict:
    """Return the verdict that a switch stands for."""
    return Verdict.BLOCK if severity == "block" else Verdict.REVIEW
