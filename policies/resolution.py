"""Resolutions: which licences a model may be under, and what is wrong with the evidence."""

from dataclasses import dataclass

from evoreg.policies.codes import Finding, reason
from evoreg.policies.expressions import Alternatives, Expression
from evoreg.policies.facts import SourceFacts
from evoreg.policies.policy import Policy, verdict_of
from evoreg.provenance.records.decision import Reason, Verdict

_ASK = (
    "find the licence, and record it: evoreg model add, then evoreg model claim --evidence",
    "leave the source out",
)


@dataclass(frozen=True, slots=True)
class Resolution:
    """Which licences a source may be under."""

    readings: tuple[Alternatives, ...]
    """What the evidence may mean; the worst counts. In a reading, any alternative may be chosen."""
    reasons: tuple[Reason, ...]
    """What is wrong with the evidence."""
    evidence: tuple[str, ...]
    """What was looked at, in words."""


def unknown(
    source: SourceFacts, said: Expression, evidence: tuple[str, ...], policy: Policy
) -> Reason:
    """Return the reason for a claim that names a licence without terms."""
    why = f"unknown: {', '.join(said.unknown)}" if said.unknown else said.problem
    return missing(
        source, f"The licence {said.text!r} has no known terms ({why}).", evidence, policy
    )


def missing(source: SourceFacts, text: str, evidence: tuple[str, ...], policy: Policy) -> Reason:
    """Return the reason for a source whose licence nothing tells."""
    return reason(
        Finding.UNKNOWN_LICENSE,
        verdict_of(policy.unknown),
        source.label,
        text,
        evidence=evidence,
        fixes=_ASK,
    )


def contradiction(
    source: SourceFacts,
    text: str,
    evidence: tuple[str, ...],
    fix: str = "clarify the licence by a claim with evidence",
) -> Reason:
    """Return the reason for evidence that disagrees."""
    return reason(
        Finding.METADATA_CONTRADICTION,
        Verdict.REVIEW,
        source.label,
        f"{text} The strictest reading is taken.",
        evidence=evidence,
        fixes=(fix,),
    )
