"""Terms: what one licence text says, in fields that a program can compare.

Every field that a person should read beside the token carries a remark. ``unknown`` is a value of
its own and never a permission; an empty text means that there is nothing of the kind.
"""

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BeforeValidator, Field

from evoreg.provenance.records.record import Record

Kind = Literal[
    "permissive",
    "public-domain",
    "attribution",
    "share-alike",
    "copyleft-weak",
    "copyleft-strong",
    "copyleft-network",
    "rail",
    "community",
    "nc",
    "nc-sa",
    "nd",
    "nc-nd",
    "research",
    "data",
    "family",
    "proprietary",
    "unknown",
    "other",
]
"""Coarse class of a licence."""

Confidence = Literal["low", "medium", "high"]
"""How the terms were read: from the text itself, in part, or from others."""

CONFIDENCES: tuple[Confidence, ...] = ("low", "medium", "high")
"""All confidences, weakest first."""

T = TypeVar("T")


class Said(Record, Generic[T]):
    """A token and what a person should know beside it."""

    value: T
    """The token that rules compare."""
    remark: str = ""
    """Clause or explanation."""


# The data files write a token without a remark as the bare token: any YAML scalar may come here.
def _bare(value: Any) -> Any:  # noqa: ANN401
    return value if isinstance(value, (dict, Said)) else {"value": value}


Commercial = Annotated[
    Said[Literal["yes", "no", "threshold", "conditional", "unknown"]], BeforeValidator(_bare)
]
Derivatives = Annotated[
    Said[Literal["yes", "nc-only", "research-only", "private-only", "no", "unknown"]],
    BeforeValidator(_bare),
]
Merging = Annotated[
    Said[Literal["yes", "nc-only", "own-family", "research-only", "no", "private-only", "review"]],
    BeforeValidator(_bare),
]
Redistribution = Annotated[
    Said[
        Literal["yes", "nc-only", "research-only", "verbatim-only", "conditional", "unknown", "no"]
    ],
    BeforeValidator(_bare),
]
Hosting = Annotated[
    Said[Literal["yes", "no", "conditional", "nc-only", "threshold", "unknown", "review"]],
    BeforeValidator(_bare),
]
Copy = Annotated[
    Said[Literal["yes", "text-or-uri", "no", "conditional", "unknown"]], BeforeValidator(_bare)
]
NoticeFile = Annotated[
    Said[Literal["no", "yes", "keep-notices", "if-upstream"]], BeforeValidator(_bare)
]
Flag = Annotated[Said[bool], BeforeValidator(_bare)]
FlowDown = Annotated[Said[Literal["no", "yes", "partly", "unknown"]], BeforeValidator(_bare)]
Improvement = Annotated[
    Said[Literal["allowed", "own-family", "limited", "unknown"]], BeforeValidator(_bare)
]
Revocation = Annotated[Said[Literal["no", "yes", "partly"]], BeforeValidator(_bare)]
Openness = Annotated[
    Said[Literal["no", "yes", "likely", "doubtful", "unknown"]], BeforeValidator(_bare)
]


class Display(Record):
    """Words that must be shown to the public."""

    words: tuple[str, ...]
    """The exact words; of several alternatives one is enough."""
    where: str = ""
    """Where, or from which size on."""
    required: bool = True
    """False if the licence only encourages it."""
    sized: bool = False
    """True if the duty starts only above the limits that are marked display only."""
    remark: str = ""
    """Condition or comment."""


class NameRule(Record):
    """A duty or a ban on the name of the result. Exactly one of `prefix` and `avoid` is set."""

    text: str
    """The rule in words."""
    prefix: str = ""
    """The name must begin with this."""
    avoid: str = ""
    """The name must not begin with this."""


class UserLimit(Record):
    """A limit in monthly active users."""

    users: Annotated[int, Field(gt=0)]
    """Above this number the effect begins."""
    display_only: bool = False
    """True if the effect is a display, and no right is lost."""
    remark: str = ""
    """Comment."""


class RevenueLimit(Record):
    """A limit in US dollars."""

    usd: Annotated[int, Field(gt=0)]
    """Above this sum the effect begins."""
    period: Literal["month", "year", "12-months", "total"]
    """The time in which the sum is counted."""
    display_only: bool = False
    """True if the effect is a display, and no right is lost."""
    remark: str = ""
    """Comment."""


class Territory(Record):
    """Places where the licence gives nothing."""

    excluded: Annotated[tuple[str, ...], Field(min_length=1)]
    """ISO codes, or EU."""
    licensee_based: bool = False
    """True if the domicile of the licensee counts, and not the place of the release."""
    multimodal_only: bool = False
    """True if only multimodal models are meant."""
    remark: str = ""
    """Comment."""


class Terms(Record):
    """What one licence says."""

    key: str
    """Name of the row everywhere in evoreg; the Hub id where there is one."""
    tag: str
    """The Hub tag that a card carries for this licence; ``other`` outside the Hub's list."""
    names: tuple[str, ...] = ()
    """Values of ``license_name``, in lower case, that go with the tag ``other``."""
    expression: str
    """SPDX id, LicenseRef, or NOASSERTION."""
    listed: bool
    """True if `expression` is on the SPDX list."""
    title: str
    """Name of the licence."""
    version: str = ""
    """Version or date; dates with a slash between them mean that several texts are covered."""
    kind: Kind
    """Coarse class."""
    commercial_use: Commercial
    """Right to use the weights commercially; ``threshold``: below the limits."""
    derivatives: Derivatives
    """Right to make changed versions."""
    merge: Merging
    """Right to merge the weights with others; ``own-family``: only with models of this licence."""
    redistribute: Redistribution
    """Right to hand out weights made from it; ``verbatim-only``: not a merge."""
    hosted: Hosting
    """Right to offer a service; ``conditional``: with a duty or a limit."""
    share_alike: Literal["none", "same-license", "terms-persist", "source-form"]
    """What must happen to the licence of the whole."""
    outbound_constraint: str
    """What the licence of the result must respect."""
    license_copy: Copy
    """Whether the licence text must go with the weights."""
    notice_file: NoticeFile
    """Whether a notice file must go with them."""
    notice_text: str = ""
    """The sentence that the notice file must hold, character by character."""
    state_changes: Flag
    """Whether changes must be stated."""
    retain_notices: bool
    """Whether existing notices must be kept."""
    display: Display | None = None
    """Words to show."""
    name_rule: NameRule | None = None
    """Duty on the name."""
    citation: str = ""
    """Attribution block, or thanks in publications."""
    use_restrictions: str
    """Use restrictions or acceptable-use policy; ``none``."""
    flow_down: FlowDown
    """Whether they must be carried into the terms for recipients."""
    users: UserLimit | None = None
    """Limit in users."""
    revenue: tuple[RevenueLimit, ...] = ()
    """Limits in revenue."""
    other_limit: str = ""
    """Other limits."""
    limit_effect: str = ""
    """What happens above a limit, and when it is measured."""
    no_rights_above: bool = False
    """True if above the limit no right remains, not even for research."""
    territory: Territory | None = None
    """Places that are left out."""
    output_use: str
    """Limits on the use of outputs; ``none``."""
    improve_others: Improvement
    """Whether other models may be improved with it."""
    patents: str
    """Patent grant and its end."""
    termination: str
    """When the licence ends."""
    revocable: Revocation
    """Whether the licensor can take it back."""
    governing_law: str = ""
    """Law that the text names."""
    eu_open_source: Openness
    """Whether it counts as free and open source under the guidelines to the EU AI Act."""
    clauses: str = ""
    """Clauses that the row rests on."""
    source: Annotated[str, Field(min_length=1)]
    """Where the row was read."""
    confidence: Confidence
    """How well it was read."""
    notes: str = ""
    """Traps and explanations."""
    outputs: tuple[Literal["name", "display", "ban", "derivative", "use"], ...] = ()
    """Clauses that reach models made with outputs only: the name rule, the display, the ban on
    improving others, the definition of a derivative, a limit on what outputs are used for."""
    addresses: tuple[str, ...] = ()
    """Where the text can be read: beginnings of addresses, without scheme; the best one first."""


class HubId(Record):
    """One licence id of the Hub's list."""

    id: str
    """The id, equal to `Terms.key`."""
    title: str
    """As the Hub prints it."""
    mapping: Literal["direct", "deprecated-spelling", "other-name", "family", "license-ref", "none"]
    """How it maps to SPDX."""
