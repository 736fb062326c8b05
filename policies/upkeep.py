"""Upkeep: lines of the policy that met nothing or have lapsed, and knowledge that grew old."""

from collections.abc import Iterator, Sequence
from datetime import date

from evoreg.policies.codes import Finding, reason
from evoreg.policies.graph import Graph
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.layout import Layout
from evoreg.policies.permissions import lapsed, names_model, words
from evoreg.policies.policy import EVERYTHING, Level, Listing
from evoreg.policies.question import Question
from evoreg.policies.texts import shown
from evoreg.provenance.records.decision import Reason, Verdict

_EFFECTS: dict[Level, Verdict] = {
    "warn": Verdict.ALLOW,
    "review": Verdict.REVIEW,
    "block": Verdict.BLOCK,
}


def age(question: Question, knowledge: Knowledge) -> Iterator[Reason]:
    """Compare the age of the knowledge base with what the house accepts.

    Args:
        question: Holds the limit and the day.
        knowledge: Holds its date.

    Yields:
        A question for a person if it is too old, or if nobody says what day it is.
    """
    most = question.policy.max_kb_age_days
    if most is None:
        return
    days = None
    if question.today:
        days = (date.fromisoformat(question.today) - date.fromisoformat(knowledge.date)).days
    if days is None or days > most:
        told = "of unknown age" if days is None else f"{days} days old"
        text = f"The knowledge base {knowledge.version} is {told}; the policy accepts {most} days."
        fixes = ("update evoreg", "raise max-kb-age-days in the policy")
        yield reason(Finding.KNOWLEDGE_OUTDATED, Verdict.REVIEW, "", text, fixes=fixes)


def stale(
    graph: Graph, layouts: Sequence[Layout], reasons: Sequence[Reason], question: Question
) -> Iterator[Reason]:
    """Find lines of the policy that met nothing, and exceptions that have expired.

    Args:
        graph: All models.
        layouts: The worlds that were judged.
        reasons: What was found; an exception that was used stands among its evidence.
        question: Holds the policy.

    Yields:
        Warnings, or what the policy asks for.
    """
    yield from _exceptions(graph, reasons, question)
    policy = question.policy
    effect = _EFFECTS.get(policy.unused_exception)
    for clarification in policy.clarify if effect is not None else ():
        if effect is not None and not _meant(clarification.model, graph):
            text = f"The clarification for {clarification.model} concerns no model of this one."
            yield _told(Finding.CLARIFICATION_UNUSED, effect, text, "remove it from the policy")
    effect = _EFFECTS.get(policy.unused_allow)
    if effect is None:
        return
    met = {
        name
        for layout in layouts
        for clause in layout.clauses
        for name in (clause.row.key, clause.row.expression)
    }
    lists = policy.licenses.get(question.intent, Listing())
    for name in (*lists.allow, *lists.attribute, *lists.review):
        if name not in met and name not in EVERYTHING:
            text = f"The policy lists {shown(name)}, and no model here is under it."
            yield _told(Finding.ALLOWANCE_UNUSED, effect, text, "remove it from the policy")


def _exceptions(graph: Graph, reasons: Sequence[Reason], question: Question) -> Iterator[Reason]:
    said = {line for found in reasons for line in found.evidence}
    effect = _EFFECTS.get(question.policy.unused_exception)
    for permission in question.policy.exceptions:
        if question.intent not in permission.intents:
            continue
        if lapsed(permission, question.today):
            if _meant(permission.model, graph):
                text = f"The {words(permission)}, has expired."
                fix = "ask for a new permission, or remove it from the policy"
                yield _told(Finding.PERMISSION_EXPIRED, Verdict.ALLOW, text, fix)
        elif words(permission) in said:
            source = next(r for r in reasons if words(permission) in r.evidence)
            text = f"Used: {words(permission)}."
            found, lift = Finding.PERMISSION_USED, Verdict.ATTRIBUTE
            yield reason(found, lift, source.model, text, path=source.path)
        elif effect is not None:
            text = f"The {words(permission)}, sets nothing aside here."
            yield _told(Finding.PERMISSION_UNUSED, effect, text, "remove it from the policy")


def _meant(spec: str, graph: Graph) -> bool:
    return any(names_model(spec, node.facts.model) for node in graph.nodes)


def _told(finding: Finding, effect: Verdict, text: str, fix: str) -> Reason:
    return reason(finding, effect, "", text, fixes=(fix,))
