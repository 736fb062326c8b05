"""The reason codes: every finding of the gate has a stable number, a name and one sentence.

A number never changes its meaning and is never used again. docs/licensing.md lists them all.
"""

from enum import StrEnum

from evoreg.provenance.records.decision import Reason, Verdict


class Finding(StrEnum):
    """Names of the reasons; `NUMBERS` has the stable numbers."""

    DERIVATIVES_NOT_GRANTED = "DERIVATIVES_NOT_GRANTED"
    DERIVATIVES_NOT_SHAREABLE = "DERIVATIVES_NOT_SHAREABLE"
    MERGE_FORBIDDEN = "MERGE_FORBIDDEN"
    COMMERCIAL_USE_FORBIDDEN = "COMMERCIAL_USE_FORBIDDEN"
    HOSTING_FORBIDDEN = "HOSTING_FORBIDDEN"
    REDISTRIBUTION_NOT_GRANTED = "REDISTRIBUTION_NOT_GRANTED"
    IMPROVE_OTHER_MODEL_BAN = "IMPROVE_OTHER_MODEL_BAN"
    CONDITIONAL_TERMS = "CONDITIONAL_TERMS"
    DUTIES_OWED = "DUTIES_OWED"
    LICENSE_NOT_LISTED = "LICENSE_NOT_LISTED"
    LICENSE_LISTED = "LICENSE_LISTED"
    HOUSE_RULE = "HOUSE_RULE"
    MAU_THRESHOLD = "MAU_THRESHOLD"
    REVENUE_THRESHOLD = "REVENUE_THRESHOLD"
    THRESHOLD_CONTEXT_MISSING = "THRESHOLD_CONTEXT_MISSING"
    TERRITORY_EXCLUDED = "TERRITORY_EXCLUDED"
    TERRITORY_EXCLUDED_LICENSEE = "TERRITORY_EXCLUDED_LICENSEE"
    TERRITORY_CONTEXT_MISSING = "TERRITORY_CONTEXT_MISSING"
    UNKNOWN_LICENSE = "UNKNOWN_LICENSE"
    NO_LICENSE_GRANT = "NO_LICENSE_GRANT"
    UNRESOLVED_LICENSE_NAME = "UNRESOLVED_LICENSE_NAME"
    AMBIGUOUS_LICENSE_NAME = "AMBIGUOUS_LICENSE_NAME"
    LICENSE_FILE_IS_POINTER = "LICENSE_FILE_IS_POINTER"
    METADATA_CONTRADICTION = "METADATA_CONTRADICTION"
    LICENSE_METADATA_REMOVED = "LICENSE_METADATA_REMOVED"
    LICENSE_CHANGED_UPSTREAM = "LICENSE_CHANGED_UPSTREAM"
    TAG_HIDES_AUP = "TAG_HIDES_AUP"
    CLAIM_OUTDATED = "CLAIM_OUTDATED"
    LICENSE_CHOICE = "LICENSE_CHOICE"
    LOW_CONFIDENCE = "LOW_CONFIDENCE"
    LICENSE_FAMILY = "LICENSE_FAMILY"
    LICENSE_TYPE_MISMATCH = "LICENSE_TYPE_MISMATCH"
    KNOWLEDGE_OUTDATED = "KNOWLEDGE_OUTDATED"
    CARD_OVERRULED = "CARD_OVERRULED"
    LINEAGE_CONFLICT = "LINEAGE_CONFLICT"
    TRANSITIVE = "TRANSITIVE"
    EXTRA_TERMS = "EXTRA_TERMS"
    SOURCE_NOT_USED = "SOURCE_NOT_USED"
    PARENT_UNSEEN = "PARENT_UNSEEN"
    FURTHER_MODELS = "FURTHER_MODELS"
    NO_COMPATIBLE_OUTBOUND = "NO_COMPATIBLE_OUTBOUND"
    NAME_RULE = "NAME_RULE"
    DECLARED_TOO_PERMISSIVE = "DECLARED_TOO_PERMISSIVE"
    OWN_LICENSE_NC = "OWN_LICENSE_NC"
    FLOWDOWN_MISSING = "FLOWDOWN_MISSING"
    SOURCE_FORM_UNCLEAR = "SOURCE_FORM_UNCLEAR"
    OUTPUT_INFLUENCE_NAME_RULE = "OUTPUT_INFLUENCE_NAME_RULE"
    OUTPUT_INFLUENCE_DISPLAY = "OUTPUT_INFLUENCE_DISPLAY"
    OUTPUT_INFLUENCE_BAN = "OUTPUT_INFLUENCE_BAN"
    OUTPUT_INFLUENCE_DERIVATIVE = "OUTPUT_INFLUENCE_DERIVATIVE"
    OUTPUT_INFLUENCE_USE = "OUTPUT_INFLUENCE_USE"
    PERMISSION_USED = "PERMISSION_USED"
    PERMISSION_EXPIRED = "PERMISSION_EXPIRED"
    PERMISSION_UNUSED = "PERMISSION_UNUSED"
    CLARIFICATION_UNUSED = "CLARIFICATION_UNUSED"
    ALLOWANCE_UNUSED = "ALLOWANCE_UNUSED"


NUMBERS: dict[Finding, str] = {
    # what a licence grants
    Finding.DERIVATIVES_NOT_GRANTED: "EVL101",
    Finding.DERIVATIVES_NOT_SHAREABLE: "EVL102",
    Finding.MERGE_FORBIDDEN: "EVL103",
    Finding.COMMERCIAL_USE_FORBIDDEN: "EVL104",
    Finding.HOSTING_FORBIDDEN: "EVL105",
    Finding.REDISTRIBUTION_NOT_GRANTED: "EVL106",
    Finding.IMPROVE_OTHER_MODEL_BAN: "EVL107",
    Finding.CONDITIONAL_TERMS: "EVL108",
    Finding.DUTIES_OWED: "EVL109",
    Finding.LICENSE_NOT_LISTED: "EVL110",
    Finding.LICENSE_LISTED: "EVL111",
    Finding.HOUSE_RULE: "EVL112",
    # who asks, and where
    Finding.MAU_THRESHOLD: "EVL201",
    Finding.REVENUE_THRESHOLD: "EVL202",
    Finding.THRESHOLD_CONTEXT_MISSING: "EVL203",
    Finding.TERRITORY_EXCLUDED: "EVL204",
    Finding.TERRITORY_EXCLUDED_LICENSEE: "EVL205",
    Finding.TERRITORY_CONTEXT_MISSING: "EVL206",
    # which licence it is
    Finding.UNKNOWN_LICENSE: "EVL301",
    Finding.NO_LICENSE_GRANT: "EVL302",
    Finding.UNRESOLVED_LICENSE_NAME: "EVL303",
    Finding.AMBIGUOUS_LICENSE_NAME: "EVL304",
    Finding.LICENSE_FILE_IS_POINTER: "EVL305",
    Finding.METADATA_CONTRADICTION: "EVL306",
    Finding.LICENSE_METADATA_REMOVED: "EVL307",
    Finding.LICENSE_CHANGED_UPSTREAM: "EVL308",
    Finding.TAG_HIDES_AUP: "EVL309",
    Finding.CLAIM_OUTDATED: "EVL310",
    Finding.LICENSE_CHOICE: "EVL311",
    Finding.LOW_CONFIDENCE: "EVL312",
    Finding.LICENSE_FAMILY: "EVL313",
    Finding.LICENSE_TYPE_MISMATCH: "EVL314",
    Finding.KNOWLEDGE_OUTDATED: "EVL315",
    Finding.CARD_OVERRULED: "EVL316",
    # where the terms come from
    Finding.LINEAGE_CONFLICT: "EVL401",
    Finding.TRANSITIVE: "EVL402",
    Finding.EXTRA_TERMS: "EVL403",
    Finding.SOURCE_NOT_USED: "EVL404",
    Finding.PARENT_UNSEEN: "EVL405",
    Finding.FURTHER_MODELS: "EVL406",
    # the result
    Finding.NO_COMPATIBLE_OUTBOUND: "EVL501",
    Finding.NAME_RULE: "EVL502",
    Finding.DECLARED_TOO_PERMISSIVE: "EVL503",
    Finding.OWN_LICENSE_NC: "EVL504",
    Finding.FLOWDOWN_MISSING: "EVL505",
    Finding.SOURCE_FORM_UNCLEAR: "EVL506",
    # outputs of other models
    Finding.OUTPUT_INFLUENCE_NAME_RULE: "EVL601",
    Finding.OUTPUT_INFLUENCE_DISPLAY: "EVL602",
    Finding.OUTPUT_INFLUENCE_BAN: "EVL603",
    Finding.OUTPUT_INFLUENCE_DERIVATIVE: "EVL604",
    Finding.OUTPUT_INFLUENCE_USE: "EVL605",
    # the policy itself
    Finding.PERMISSION_USED: "EVL701",
    Finding.PERMISSION_EXPIRED: "EVL702",
    Finding.PERMISSION_UNUSED: "EVL703",
    Finding.CLARIFICATION_UNUSED: "EVL704",
    Finding.ALLOWANCE_UNUSED: "EVL705",
}
"""The stable number of each finding."""


def reason(  # noqa: PLR0913 - a record with few required fields, spelt once here
    finding: Finding,
    effect: Verdict,
    model: str,
    message: str,
    *,
    license: str = "",
    clause: str = "",
    evidence: tuple[str, ...] = (),
    path: tuple[str, ...] = (),
    fixes: tuple[str, ...] = (),
) -> Reason:
    """Return a reason with the number of its finding.

    Args:
        finding: What was found.
        effect: The verdict that it leads to by itself.
        model: Label of the source, or nothing for the whole.
        message: One sentence.
        license: Key or expression that speaks.
        clause: Where in the licence.
        evidence: What was looked at.
        path: Labels from the source to where the terms were found.
        fixes: Ways on.

    Returns:
        The record.
    """
    return Reason(
        code=NUMBERS[finding],
        name=finding.value,
        effect=effect,
        model=model,
        license=license,
        clause=clause,
        message=message,
        evidence=evidence,
        path=path,
        fixes=fixes,
    )
