"""Decide: from sources, intent, policy and context to a verdict with every reason and duty.

Where the evidence can be read in several ways, every reading is judged and the worst counts. Where
a licence offers a choice, every alternative is tried and the best is taken.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from evoreg.policies.codes import Finding, reason
from evoreg.policies.context import Context, Policy
from evoreg.policies.duties import duties, obligations
from evoreg.policies.expressions import conjunction, render
from evoreg.policies.facts import SourceFacts
from evoreg.policies.family import families
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.limits import limits
from evoreg.policies.lineage import conflicts, outputs, transitive
from evoreg.policies.names import names
from evoreg.policies.outbound import NOASSERTION, infeasible, outbound
from evoreg.policies.question import Placed, Question, places, worst
from evoreg.policies.rights import rights
from evoreg.policies.terms import Terms
from evoreg.policies.tree import Node, Rows, all_rows, count, grow, lay, nodes, reached
from evoreg.provenance.records.decision import (
    Decision,
    Intent,
    Obligation,
    Reason,
    SourceLicense,
    Verdict,
)

MAX_WORLDS = 256
"""More combinations of readings and choices than these are refused instead of tried."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is found if the terms are exactly these."""

    rows: tuple[Rows, ...]
    """The terms of each node, in the order of `nodes`."""
    reasons: tuple[Reason, ...]
    """All findings."""
    owed: tuple[Obligation, ...]
    """All duties."""
    terms: frozenset[str] | None
    """Expressions of the licence of the whole; nothing if there is none."""


def decide(
    sources: Sequence[SourceFacts],
    *,
    intent: Intent,
    policy: Policy,
    context: Context,
    name: str | None,
    knowledge: Knowledge,
) -> Decision:
    """Answer whether some models may be put to a use together.

    Args:
        sources: The models that take part, in the order of the recipe. One that stands there twice
            counts once; one whose coefficients are all exactly zero does not count.
        intent: The use.
        policy: The house's switches.
        context: Facts about the releaser.
        name: Name of the result; nothing if it has none yet.
        knowledge: The licences.

    Returns:
        Verdict, all reasons (worst first), all obligations, and the licence of the whole. The order
        of the sources changes nothing but the order of `Decision.sources`.
    """
    question = Question(intent, policy, context, name)
    distinct = list(dict.fromkeys(sources))
    used = [source for source in distinct if source.used]
    roots = [grow(source, (), knowledge, policy) for source in used if source.relation != "data"]
    judged = _worlds(roots, question)
    found = [*_about(roots), *_unused(distinct), *(r for j in judged for r in j.reasons)]
    if not any(root.by_weights for root in roots):
        found.append(_nobody())
    if count(roots) > MAX_WORLDS:
        found.append(_too_many())
    reasons = _ordered([*found, *transitive(found)])
    return Decision(
        intent=intent,
        verdict=worst(reasons),
        sources=tuple(_settled(root, judged, roots, reasons) for root in roots),
        reasons=reasons,
        obligations=_owed(judged),
        outbound=_outbound(judged),
        policy=policy.record_digest(),
        knowledge=knowledge.digest,
    )


def _about(roots: Sequence[Node]) -> Iterator[Reason]:
    """Yield what is wrong with the evidence, told from the direct source."""
    for root in roots:
        for node, over_outputs in reached(root, not root.by_weights):
            for found in node.resolution.reasons:
                soft = over_outputs and found.effect == Verdict.BLOCK
                effect = Verdict.REVIEW if soft else found.effect
                changes = {"model": node.source, "path": node.path, "effect": effect}
                yield found.model_copy(update=changes)


def _worlds(roots: Sequence[Node], question: Question) -> list[Judgement]:
    """Judge every reading, each with the best of its choices."""
    every = list(nodes(roots))
    if count(roots) > MAX_WORLDS:
        everything = [all_rows(node) for node in every]
        return [_judge(roots, everything, question)]
    return [
        min(
            (_judge(roots, choice, question) for choice in product(*reading)),
            key=lambda j: (worst(j.reasons).severity, [[r.key for r in rows] for rows in j.rows]),
        )
        for reading in product(*(node.readings for node in every))
    ]


def _judge(roots: Sequence[Node], rows: Sequence[Rows], question: Question) -> Judgement:
    remaining = iter(rows)
    placed = [(root, lay(root, remaining)) for root in roots]
    trees = [place for root, place in placed if root.by_weights]
    influences = [place for root, place in placed if not root.by_weights]
    found = [
        *rights(trees, question),
        *limits(trees, question),
        *families(trees, question),
        *names(trees, question),
        *infeasible(trees, question),
        *duties(trees, question),
        *conflicts(trees),
        *outputs(trees, influences, question),
        *_chosen(roots, rows),
    ]
    whole = outbound(trees).expressions if _all_known(trees) else None
    return Judgement(tuple(rows), tuple(found), obligations(trees, question), whole)


def _all_known(trees: Sequence[Placed]) -> bool:
    return all(place.rows for place in places(trees))


def _chosen(roots: Sequence[Node], rows: Sequence[Rows]) -> Iterator[Reason]:
    for node, chosen in zip(nodes(roots), rows, strict=True):
        for offered in node.readings:
            if len(offered) > 1 and chosen in offered:
                text = f"Of {render(offered)}, {conjunction(chosen)} was chosen."
                yield reason(
                    Finding.LICENSE_CHOICE,
                    Verdict.ALLOW,
                    node.source,
                    text,
                    license=conjunction(chosen),
                    evidence=node.resolution.evidence,
                    path=node.path,
                )


def _unused(sources: Sequence[SourceFacts]) -> Iterator[Reason]:
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


def _settled(
    root: Node, judged: Sequence[Judgement], roots: Sequence[Node], reasons: Sequence[Reason]
) -> SourceLicense:
    """Return the licence of one direct source, as far as it is settled."""
    own = [root, *(child for child in root.below if child.attached)]
    at = [i for i, node in enumerate(nodes(roots)) if any(node is part for part in own)]
    rows = {row.key: row for judgement in judged for i in at for row in judgement.rows[i]}
    only = next(iter(rows.values())) if len(rows) == 1 else None
    return SourceLicense(
        model=root.source,
        identity=root.identity,
        expression=conjunction(list(rows.values())),
        key=only.key if only is not None else "",
        name=" and ".join(rows[key].title for key in sorted(rows)) or "Unknown",
        url=_url(only) if only is not None else "",
        evidence=root.resolution.evidence,
        verdict=worst([r for r in reasons if r.model == root.source]),
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
