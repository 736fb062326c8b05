"""Limits: users, revenue and territories, compared with what is known about the releaser."""

from evoreg.policies.codes import Finding
from evoreg.policies.context import touches
from evoreg.policies.layout import Clause, Layout
from evoreg.policies.question import Question
from evoreg.policies.terms import RevenueLimit, Territory
from evoreg.provenance.records.decision import Reason, Verdict

_MONTHS = 12


def limits(layout: Layout, question: Question) -> list[Reason]:
    """Compare thresholds and territories with the context.

    Args:
        layout: The terms of one world.
        question: What is asked, and what is known about the releaser.

    Returns:
        Every limit that is passed, and every one that cannot be compared.
    """
    found: list[Reason] = []
    for clause in layout.clauses:
        if question.paid or clause.row.no_rights_above:
            found += _users(clause, question)
            found += [r for limit in clause.row.revenue for r in _revenue(clause, limit, question)]
        if question.paid:
            found += _other(clause, question)
        if clause.row.territory is not None:
            found += _territory(clause, clause.row.territory, question)
    return found


def _users(clause: Clause, question: Question) -> list[Reason]:
    limit, users = clause.row.users, question.context.mau
    if limit is None or limit.display_only:
        return []
    bound = f"{limit.users:,} monthly active users"
    if users is None:
        return _missing(clause, bound, "mau", question)
    if users <= limit.users:
        return []
    return [_above(clause, Finding.MAU_THRESHOLD, f"{users:,} users", bound)]


def _revenue(clause: Clause, limit: RevenueLimit, question: Question) -> list[Reason]:
    revenue = question.context.annual_revenue_usd
    if limit.display_only:
        return []
    bound = f"US${limit.usd:,} ({limit.period})"
    if revenue is None:
        return _missing(clause, bound, "annual_revenue_usd", question)
    # A year above twelve limits has a month above one; a year below one limit has none.
    certain = limit.usd * _MONTHS if limit.period == "month" else limit.usd
    if revenue > certain:
        return [_above(clause, Finding.REVENUE_THRESHOLD, f"US${revenue:,} a year", bound)]
    if limit.period == "total":
        return _missing(clause, bound, "revenue of all years", question)
    return (
        [] if revenue <= limit.usd else _missing(clause, bound, "revenue of each month", question)
    )


def _above(clause: Clause, finding: Finding, value: str, bound: str) -> Reason:
    # The figure itself is private, and a decision may be published.
    text = f"The releaser's {value} is above the limit of {bound}: "
    text += f"{clause.row.limit_effect or 'no right'}."
    fixes = ("ask the licensor for a licence", "leave the source out")
    return clause.says(finding, Verdict.BLOCK, text, fixes=fixes)


def _missing(clause: Clause, bound: str, fact: str, question: Question) -> list[Reason]:
    if not question.paid:
        return []
    text = f"{clause.row.title} has a limit of {bound}, and the releaser's figure is not known."
    option = "--users" if fact == "mau" else "--revenue"
    fixes = (f"state your figure with {option}, or in the context of the policy",)
    return [clause.says(Finding.THRESHOLD_CONTEXT_MISSING, Verdict.REVIEW, text, fixes=fixes)]


def _other(clause: Clause, question: Question) -> list[Reason]:
    """A threshold that no figure of the context can be compared with needs a person."""
    row = clause.row
    by_size = row.commercial_use.value == "threshold" or (
        row.hosted.value == "threshold" and not question.release
    )
    comparable = (row.users is not None and not row.users.display_only) or any(
        not limit.display_only for limit in row.revenue
    )
    if not by_size or (comparable and not row.other_limit):
        return []
    text = f"{row.title} has a limit that a person must compare: {row.other_limit or 'see text'}."
    fixes = ("compare the limit with the facts, and record the answer",)
    return [clause.says(Finding.THRESHOLD_CONTEXT_MISSING, Verdict.REVIEW, text, fixes=fixes)]


def _territory(clause: Clause, territory: Territory, question: Question) -> list[Reason]:
    if territory.licensee_based:
        return _licensee(clause, territory, question)
    home, reached = question.context.licensee_territory, question.context.release_territory
    known = [*(reached or ()), *([home] if home is not None else [])]
    hit = [place for place in known if touches(place, territory.excluded)]
    names = ", ".join(territory.excluded)
    if hit:
        text = f"{clause.row.title} gives nothing in {names}; {', '.join(hit)} touches that."
        fixes = ("release only where the licence holds", "leave the source out")
        return [clause.says(Finding.TERRITORY_EXCLUDED, Verdict.BLOCK, text, fixes=fixes)]
    if not reached or home is None:
        return [_nowhere(clause, names)]
    return []


def _licensee(clause: Clause, territory: Territory, question: Question) -> list[Reason]:
    modality, home = clause.at.node.facts.modality, question.context.licensee_territory
    if territory.multimodal_only and modality not in (None, "multimodal"):
        return []
    names = ", ".join(territory.excluded)
    if home is None:
        return [_nowhere(clause, names)]
    if not touches(home, territory.excluded):
        return []
    text = f"{clause.row.title} gives nothing to a licensee in {names}."
    unsure = territory.multimodal_only and modality is None
    effect = Verdict.REVIEW if unsure else Verdict.BLOCK
    text += " Whether the model is multimodal is not known." if unsure else ""
    fixes = ("leave the source out", "let a party outside release it")
    return [clause.says(Finding.TERRITORY_EXCLUDED_LICENSEE, effect, text, fixes=fixes)]


def _nowhere(clause: Clause, names: str) -> Reason:
    text = f"{clause.row.title} gives nothing in {names}, and the places are not known."
    fixes = ("state where you are and where you release: --domicile and --territory",)
    return clause.says(Finding.TERRITORY_CONTEXT_MISSING, Verdict.REVIEW, text, fixes=fixes)
