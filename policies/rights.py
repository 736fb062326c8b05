"""Rights: what a licence grants and what it keeps back, for each intent."""

from evoreg.policies.codes import Finding
from evoreg.policies.layout import Clause, Layout
from evoreg.policies.policy import verdict_of
from evoreg.policies.question import Question
from evoreg.provenance.records.decision import Reason, Verdict

_DROP = "leave the source out"
_ASK = "record a written permission as an exception of the policy (docs/policy.md)"
_NON_COMMERCIAL = ("nc-only", "research-only")


def rights(layout: Layout, question: Question) -> list[Reason]:
    """Compare the rights that are needed with those that are granted.

    Args:
        layout: The terms of one world.
        question: What is asked.

    Returns:
        Every right that is missing or needs a person.
    """
    found: list[Reason] = []
    for clause in layout.clauses:
        if clause.row.kind in ("unknown", "other"):
            text = "Nothing is known about the licence: all rights are reserved."
            effect = verdict_of(question.policy.unknown)
            found.append(clause.says(Finding.UNKNOWN_LICENSE, effect, text, fixes=(_ASK, _DROP)))
            continue
        found += _standing(clause, question)
        found += _changing(clause, question)
        found += _sharing(clause) if question.release else _hosting(clause)
        found += _commerce(clause, question)
    return found


def _standing(clause: Clause, question: Question) -> list[Reason]:
    """Rows of low standing need a person on every intent."""
    row, found = clause.row, []
    if row.kind == "family":
        text = f"{row.title} is a family and no single licence."
        found.append((Finding.LICENSE_FAMILY, text, "find the exact text"))
    if row.kind == "data":
        text = f"{row.title} is written for data; what it means for weights is open."
        found.append((Finding.LICENSE_TYPE_MISMATCH, text, "ask the author for a model licence"))
    if row.merge.value == "review":
        text = f"Whether {row.title} allows merging has to be read by a person."
        found.append((Finding.CONDITIONAL_TERMS, text, "read the licence text"))
    if not question.policy.trusts(row.confidence):
        text = f"The terms of {row.title} were not read well enough: {row.confidence} confidence."
        found.append((Finding.LOW_CONFIDENCE, text, "read the licence text"))
    return [clause.says(f, Verdict.REVIEW, text, fixes=(fix,)) for f, text, fix in found]


def _changing(clause: Clause, question: Question) -> list[Reason]:
    """The right to change the weights and to merge them."""
    row, found = clause.row, []
    if row.derivatives.value in ("no", "unknown"):
        text = f"{row.title} grants no right to make changed versions."
        found.append(
            _refusal(clause, Finding.DERIVATIVES_NOT_GRANTED, text, row.derivatives.remark)
        )
    if row.merge.value == "no":
        text = f"{row.title} does not allow merging."
        found.append(_refusal(clause, Finding.MERGE_FORBIDDEN, text, row.merge.remark))
    private = row.merge.value == "private-only" or row.derivatives.value == "private-only"
    if question.release and private:
        text = f"{row.title} allows making a merge, and not sharing it."
        found.append(_refusal(clause, Finding.DERIVATIVES_NOT_SHAREABLE, text, row.merge.remark))
    return found


def _sharing(clause: Clause) -> list[Reason]:
    """The right to hand out the result."""
    row = clause.row
    right = row.redistribute
    if right.value == "verbatim-only":
        text = f"{row.title} allows sharing unchanged copies only."
        return [_refusal(clause, Finding.DERIVATIVES_NOT_SHAREABLE, text, right.remark)]
    if right.value in ("no", "unknown"):
        text = f"{row.title} grants no right to hand out weights."
        return [_refusal(clause, Finding.REDISTRIBUTION_NOT_GRANTED, text, right.remark)]
    if right.value == "conditional":
        text = f"{row.title} allows handing out weights on a condition: {right.remark}."
        return [_condition(clause, text, right.remark)]
    return []


def _hosting(clause: Clause) -> list[Reason]:
    """The right to offer a paid service."""
    row = clause.row
    right = row.hosted
    if right.value in ("no", "nc-only", "unknown"):
        text = f"{row.title} grants no right to offer a commercial service."
        return [_refusal(clause, Finding.HOSTING_FORBIDDEN, text, right.remark)]
    # On permissive and copyleft licences a condition is a duty, and no limit.
    limited = row.kind != "permissive" and not row.kind.startswith("copyleft")
    if right.value == "review" or (right.value == "conditional" and limited):
        text = f"{row.title} allows a service on a condition: {right.remark or 'read the text'}."
        return [_condition(clause, text, right.remark)]
    return []


def _commerce(clause: Clause, question: Question) -> list[Reason]:
    """The right to use the result commercially; what a company does is hardly anything else."""
    row = clause.row
    if not question.paid and question.context.kind != "company":
        return []
    right = row.commercial_use
    needed: list[str] = [row.derivatives.value, row.merge.value]
    needed += [row.redistribute.value] if question.release else []
    if right.value in ("no", "unknown") or any(v in _NON_COMMERCIAL for v in needed):
        text = f"{row.title} does not allow commercial use."
        if not question.paid:
            text += " A company's release is hardly anything else."
        effect = _nc_effect(clause, question)
        fixes = (_DROP, _ASK)
        return [
            clause.says(
                Finding.COMMERCIAL_USE_FORBIDDEN, effect, text, clause=right.remark, fixes=fixes
            )
        ]
    if right.value == "conditional" and question.paid:
        text = f"{row.title} allows commercial use on a condition: {right.remark}."
        return [_condition(clause, text, right.remark)]
    return []


def _nc_effect(clause: Clause, question: Question) -> Verdict:
    """A free release by a company under a Creative Commons NC licence is arguable."""
    arguable = question.release and clause.row.expression.startswith("CC-BY-NC")
    return verdict_of(question.policy.nc_for_companies) if arguable else Verdict.BLOCK


def _refusal(clause: Clause, finding: Finding, text: str, where: str) -> Reason:
    fixes = (_DROP, _ASK)
    return clause.says(finding, Verdict.BLOCK, text, clause=where, fixes=fixes)


def _condition(clause: Clause, text: str, where: str) -> Reason:
    fixes = ("check the condition, and record a written permission",)
    finding = Finding.CONDITIONAL_TERMS
    return clause.says(finding, Verdict.REVIEW, text, clause=where, fixes=fixes)
