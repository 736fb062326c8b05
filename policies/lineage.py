"""Lineage: notes on terms that come from further up, and terms that travel over outputs."""

from collections.abc import Sequence

from evoreg.policies.codes import Finding, reason
from evoreg.policies.names import begins
from evoreg.policies.question import Clause, Placed, Question, clauses, places
from evoreg.policies.terms import Terms
from evoreg.policies.texts import shown
from evoreg.provenance.records.decision import Reason, Verdict

_LOOSE = ("permissive", "public-domain", "attribution")
_OUTPUTS = {
    "name": (Finding.OUTPUT_INFLUENCE_NAME_RULE, "names models made with its outputs"),
    "display": (Finding.OUTPUT_INFLUENCE_DISPLAY, "asks for a display on models made with outputs"),
    "ban": (Finding.OUTPUT_INFLUENCE_BAN, "forbids improving other models with its outputs"),
    "derivative": (Finding.OUTPUT_INFLUENCE_DERIVATIVE, "counts distilled models as derivatives"),
    "use": (Finding.OUTPUT_INFLUENCE_USE, "limits what its outputs may be used for"),
}


def conflicts(trees: Sequence[Placed]) -> list[Reason]:
    """Note each model whose own label grants more than what it was made from.

    Args:
        trees: The sources with their terms.

    Returns:
        Notes; the stricter terms apply anyway.
    """
    found: list[Reason] = []
    for place in places(trees):
        if not place.rows:
            continue
        keys = {row.key for row in place.rows}
        for clause in clauses(place.parents):
            if clause.row.key not in keys and not clause.at.attached and _binds(clause.row):
                own = ", ".join(sorted(keys))
                text = f"{shown(place.path[-1])} is labelled {own}, but was made from "
                text += f"{shown(clause.at.path[-1])}, whose {clause.row.key} terms still apply."
                found.append(clause.says(Finding.LINEAGE_CONFLICT, Verdict.ALLOW, text))
    return found


def transitive(reasons: Sequence[Reason]) -> list[Reason]:
    """Note which findings come from an ancestor.

    Args:
        reasons: Findings about places.

    Returns:
        One note for each path that is longer than the source itself.
    """
    paths = {(r.model, r.path) for r in reasons if len(r.path) > 1 and r.effect != Verdict.ALLOW}
    return [
        reason(
            Finding.TRANSITIVE,
            Verdict.ALLOW,
            model,
            f"Terms of {shown(path[-1])} reach the result through {shown(model)}.",
            path=path,
        )
        for model, path in sorted(paths)
    ]


def outputs(
    trees: Sequence[Placed], influences: Sequence[Placed], question: Question
) -> list[Reason]:
    """Find clauses that speak of outputs of models which the result was made with.

    Args:
        trees: The sources with their terms.
        influences: Models whose outputs, and not whose weights, went into the result.
        question: Holds the name of the result.

    Returns:
        A question for a person, for each such clause; how far they reach is unsettled.
    """
    found: list[Reason] = []
    for group in (influences, *(place.influences for place in places(trees))):
        for clause in clauses(group):
            found += _reaching(clause, question)
    return found


def _binds(row: Terms) -> bool:
    return row.kind not in _LOOSE


def _reaching(clause: Clause, question: Question) -> list[Reason]:
    found: list[Reason] = []
    for kind in clause.row.outputs:
        finding, says = _OUTPUTS[kind]
        rule = clause.row.name_rule
        named = question.name is not None and rule is not None and bool(rule.prefix)
        if kind == "name" and named and rule and begins(question.name or "", rule.prefix):
            continue
        text = f"{clause.row.title} {says}; how far that binds is unsettled."
        fixes = ("ask a lawyer", "leave the source of the outputs out")
        found.append(clause.says(finding, Verdict.REVIEW, text, fixes=fixes))
    return found
