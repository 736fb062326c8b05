"""Upkeep: lines of the policy that met nothing or have lapsed, and knowledge that grew old."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from evoreg.policies.codes import Finding, reason
from evoreg.policies.graph import Graph
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.layout import Layout
from evoreg.policies.permissions import key_of, keys_of, lapsed, names_model, words
from evoreg.policies.policy import EVERYTHING, Level, Listing
from evoreg.policies.question import Question
from evoreg.policies.texts import shown
from evoreg.provenance.records.decision import Reason, Verdict
from evoreg.provenance.records.model import Model

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
    models = _by_key(graph) if policy.clarify else {}
    effect = _EFFECTS.get(policy.unused_exception)
    for clarification in policy.clarify if effect is not None else ():
        if effect is not None and not _meant(clarification.model, models):
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
    models = _by_key(graph) if question.policy.exceptions else {}
    first: dict[str, Reason] = {}
    for told in sorted(reasons, key=lambda r: (r.model, len(r.path), r.path)):
        for line in told.evidence:
            first.setdefault(line, told)
    effect = _EFFECTS.get(question.policy.unused_exception)
    for permission in question.policy.exceptions:
        if question.intent not in permission.intents:
            continue
        if lapsed(permission, question.today):
            if _meant(permission.model, models):
                text = f"The {words(permission)}, has expired."
                fix = "ask for a new permission, or remove it from the policy"
                yield _told(Finding.PERMISSION_EXPIRED, Verdict.ALLOW, text, fix)
        elif words(permission) in first:
            source = first[words(permission)]
            text = f"Used: {words(permission)}."
            found, lift = Finding.PERMISSION_USED, Verdict.ATTRIBUTE
            yield reason(found, lift, source.model, text, path=source.path)
        elif effect is not None:
            text = f"The {words(permission)}, sets nothing aside here."
            yield _told(Finding.PERMISSION_UNUSED, effect, text, "remove it from the policy")


def _by_key(graph: Graph) -> dict[str, list[Model]]:
    """Return all models, with their adapters and without, by name and by identity."""
    found: dict[str, list[Model]] = {}
    for node in graph.nodes:
        for model in (node.facts.model, node.whole):
            for key in keys_of(model):
                found.setdefault(key, []).append(model)
    return found


def _meant(spec: str, models: Mapping[str, Sequence[Model]]) -> bool:
    return any(names_model(spec, model) for model in models.get(key_of(spec), ()))


def _told(finding: Finding, effect: Verdict, text: str, fix: str) -> Reason:
    return reason(finding, effect, "", text, fixes=(fix,))
