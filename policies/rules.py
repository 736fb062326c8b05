"""Rules: the predicates of the house, applied to every model of a lineage."""

from collections.abc import Iterator

from evoreg.policies.codes import Finding, reason
from evoreg.policies.house import RulePlace, house_rules
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.layout import Clause, Layout
from evoreg.policies.policy import verdict_of
from evoreg.policies.question import Question
from evoreg.policies.terms import Terms
from evoreg.provenance.records.decision import Reason

_MOST = 20
_NOBODY_KNOWS = "unknown"


def ruled(layout: Layout, question: Question, knowledge: Knowledge) -> Iterator[Reason]:
    """Apply the rules of the house to every model of the lineage.

    No exception lifts them: it speaks of licences, and they may speak of anything.

    Args:
        layout: The terms of one world.
        question: Holds the policy.
        knowledge: Holds the row that stands for a licence which nobody knows.

    Yields:
        What the rules lead to; of many alike the nearest, and how many there are besides.
    """
    if not question.policy.rules:
        return
    pairs = list(_places(layout, knowledge.by_key(_NOBODY_KNOWS)))
    speakers = {id(place): clause for clause, place in pairs}
    told: dict[tuple[str, str], int] = {}
    for rule, place, text in house_rules(question.policy, [p for _, p in pairs], question):
        kind = (rule.id, place.source)
        told[kind] = told.get(kind, 0) + 1
        if told[kind] <= _MOST:
            where = f"rule {rule.id} of the policy {question.policy.name}"
            fixes = (rule.fix or "leave the source out",)
            effect, speaker = verdict_of(rule.then), speakers[id(place)]
            yield speaker.says(Finding.HOUSE_RULE, effect, text, clause=where, fixes=fixes)
    effects = {rule.id: verdict_of(rule.then) for rule in question.policy.rules}
    for (rule_id, source), count in told.items():
        if count > _MOST:
            text = f"The rule {rule_id} applies to {count - _MOST:,} further models of its lineage."
            fixes = ("look at those that are listed first",)
            yield reason(Finding.FURTHER_MODELS, effects[rule_id], source, text, fixes=fixes)


def _places(layout: Layout, unknown: Terms | None) -> Iterator[tuple[Clause, RulePlace]]:
    for reach in layout.reaches:
        for spot in reach.spots:
            facts = spot.node.facts
            for row in layout.rows(spot.node) or ((unknown,) if unknown is not None else ()):
                path = spot.path
                place = RulePlace(
                    facts.label,
                    path[0],
                    path,
                    row,
                    relation=facts.relation,
                    depth=spot.depth,
                    share=facts.share,
                    modality=facts.modality,
                    revision=facts.model.revision or "",
                )
                yield Clause(spot, row), place
