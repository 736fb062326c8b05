"""Decide: from sources and a question to a verdict with every reason and duty.

Where the evidence can be read in several ways, every reading is judged and the worst counts. Where
a licence offers a choice, every alternative is tried and the best is taken.
"""

from collections.abc import Iterable, Sequence

from evoreg.policies.codes import Finding, reason
from evoreg.policies.expressions import conjunction
from evoreg.policies.facts import SourceFacts
from evoreg.policies.graph import Graph, Node, spots
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.layout import Reach
from evoreg.policies.lineage import transitive
from evoreg.policies.missing import about
from evoreg.policies.outbound import NOASSERTION
from evoreg.policies.permissions import Standing
from evoreg.policies.question import Question
from evoreg.policies.terms import Terms
from evoreg.policies.upkeep import age, stale
from evoreg.policies.worlds import Judgement, judged_worlds, too_many, worst
from evoreg.provenance.records.decision import (
    Decision,
    Obligation,
    Reason,
    SourceLicense,
    Verdict,
)


def decide(sources: Sequence[SourceFacts], question: Question, knowledge: Knowledge) -> Decision:
    """Answer whether some models may be put to a use together.

    Args:
        sources: The models that take part, in the order of the recipe. One that stands there twice
            counts once; one whose coefficients are all exactly zero does not count.
        question: The use, the policy, the releaser and the result.
        knowledge: The licences.

    Returns:
        Verdict, all reasons (worst first), all obligations, and the licence of the whole. The order
        of the sources changes nothing but the order of `Decision.sources`.
    """
    distinct = list({id(source): source for source in sources}.values())
    used = [source for source in distinct if source.used and source.relation != "dataset"]
    graph = Graph(used, knowledge, question.policy)
    standing = Standing.of(question)
    reaches = [Reach(root, tuple(spots(root, standing))) for root in graph.roots]
    judged = judged_worlds(graph, reaches, question, knowledge)
    found = [*about(reaches, question), *_unused(distinct), *age(question, knowledge)]
    found += [item for judgement in judged for item in judgement.reasons]
    if not any(root.by_weights for root in graph.roots):
        found.append(_nobody())
    if too_many(graph):
        found.append(_too_many())
    layouts = [judgement.layout for judgement in judged]
    found += stale(graph, layouts, found, question)
    reasons = _ordered([*found, *transitive(found)])
    return Decision(
        intent=question.intent,
        verdict=worst(reasons),
        sources=tuple(_settled(root, judged, reasons) for root in graph.roots),
        reasons=reasons,
        obligations=_owed(judged),
        outbound=_outbound(judged),
        policy=question.policy.record_digest(),
        knowledge=knowledge.digest,
        policy_name=question.policy.name,
        knowledge_version=knowledge.version,
    )


def _unused(sources: Sequence[SourceFacts]) -> Iterable[Reason]:
    for source in sources:
        if not source.used:
            text = "Every coefficient of this source is exactly zero: it is not in the result."
            yield reason(Finding.SOURCE_NOT_USED, Verdict.ALLOW, source.label, text)


def _nobody() -> Reason:
    text = "No source with weights takes part, so no licence is known."
    return reason(Finding.UNKNOWN_LICENSE, Verdict.BLOCK, "", text, fixes=("name the sources",))


def _too_many() -> Reason:
    text = "The licences can be read in too many ways together to decide."
    fixes = ("clarify the licences of the sources",)
    return reason(Finding.UNKNOWN_LICENSE, Verdict.BLOCK, "", text, fixes=fixes)


def _ordered(found: Iterable[Reason]) -> tuple[Reason, ...]:
    """Return the reasons, each once, worst first."""
    return tuple(
        sorted(
            dict.fromkeys(found),
            key=lambda r: (-r.effect.severity, r.code, r.model, r.path, r.license, r.message),
        )
    )


def _settled(root: Node, judged: Sequence[Judgement], reasons: Sequence[Reason]) -> SourceLicense:
    """Return the licence of one direct source, as far as it is settled."""
    own = [root, *(child for child in root.below if child.attached)]
    rows = {
        row.key: row for judgement in judged for node in own for row in judgement.layout.rows(node)
    }
    only = next(iter(rows.values())) if len(rows) == 1 else None
    label = root.facts.label
    return SourceLicense(
        model=label,
        identity=root.whole.identity,
        expression=conjunction(list(rows.values())),
        key=only.key if only is not None else "",
        name=" and ".join(rows[key].title for key in sorted(rows)) or "Unknown",
        url=_url(only) if only is not None else "",
        evidence=root.resolution.evidence,
        verdict=worst([r for r in reasons if r.model == label]),
    )


def _url(row: Terms) -> str:
    if row.addresses:
        return f"https://{row.addresses[0]}"
    return f"https://spdx.org/licenses/{row.expression}.html" if row.listed else ""


def _owed(judged: Sequence[Judgement]) -> tuple[Obligation, ...]:
    found = {item for judgement in judged for item in judgement.owed}
    return tuple(sorted(found, key=lambda o: (o.kind, o.license, o.model, o.text)))


def _outbound(judged: Sequence[Judgement]) -> str:
    if any(judgement.terms is None for judgement in judged):
        return NOASSERTION
    terms = {name for judgement in judged for name in judgement.terms or ()}
    return " AND ".join(sorted(terms)) or NOASSERTION
