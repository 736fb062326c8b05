"""Lineage: labels that grant more than what a model was made from, and terms of outputs."""

from collections.abc import Iterator, Sequence

from evoreg.policies.codes import Finding, reason
from evoreg.policies.graph import Node, Spot
from evoreg.policies.layout import Clause, Layout
from evoreg.policies.names import begins
from evoreg.policies.question import Question
from evoreg.policies.terms import Terms
from evoreg.policies.texts import shown
from evoreg.provenance.records.decision import Reason, Verdict

_LOOSE = ("permissive", "public-domain", "attribution")
_MOST = 50
_STOPS = Verdict.REVIEW.severity
_OUTPUTS = {
    "name": (Finding.OUTPUT_INFLUENCE_NAME_RULE, "names models made with its outputs"),
    "display": (Finding.OUTPUT_INFLUENCE_DISPLAY, "asks for a display on models made with outputs"),
    "ban": (Finding.OUTPUT_INFLUENCE_BAN, "forbids improving other models with its outputs"),
    "derivative": (Finding.OUTPUT_INFLUENCE_DERIVATIVE, "counts distilled models as derivatives"),
    "use": (Finding.OUTPUT_INFLUENCE_USE, "limits what its outputs may be used for"),
}


def binds(row: Terms) -> bool:
    """Tell whether a label that leaves these terms out grants too much."""
    return row.kind not in _LOOSE


def conflicts(layout: Layout) -> list[Reason]:
    """Note each model whose own label grants more than what it was made from: drift.

    Args:
        layout: The terms of one world.

    Returns:
        Notes; the stricter terms apply anyway. A direct source is compared with everything that it
        was made from, a model further up with its own parents: there the terms got lost.
    """
    found: list[Reason] = []
    for reach in layout.reaches:
        if not reach.root.by_weights:
            continue
        own = list(_of_root(reach.root, layout))
        told = {item.path for item in own}
        for spot in reach.by_weights:
            if len(own) >= _MOST:
                break
            if not spot.root and not spot.node.attached:
                own += [r for r in _of_parents(spot, layout) if r.path not in told]
        found += own
    return found


def _of_root(root: Node, layout: Layout) -> Iterator[Reason]:
    keys = {row.key for row in layout.rows(root)}
    for clause in layout.clauses if keys else ():
        inside = clause.at.top is root and not clause.at.root and not clause.at.node.attached
        if inside and clause.row.key not in keys and binds(clause.row):
            yield _drift(root.facts.label, keys, clause)


def _of_parents(spot: Spot, layout: Layout) -> Iterator[Reason]:
    keys = {row.key for row in layout.rows(spot.node)}
    for parent in spot.node.below if keys else ():
        if parent.attached or not parent.by_weights:
            continue
        for row in layout.rows(parent):
            if row.key not in keys and binds(row):
                clause = Clause(spot.below(parent), row)
                yield _drift(spot.node.facts.label, keys, clause)


def _drift(label: str, keys: set[str], clause: Clause) -> Reason:
    above = clause.at.above
    same = above is not None and above.node.whole.identity == clause.at.node.whole.identity
    how = "has the same weights as" if same else "was made from"
    text = f"{shown(label)} is labelled {', '.join(sorted(keys))}, but {how} "
    text += f"{shown(clause.at.node.facts.label)}, whose {clause.row.key} terms still apply."
    return clause.says(Finding.LINEAGE_CONFLICT, Verdict.ALLOW, text)


def transitive(reasons: Sequence[Reason]) -> list[Reason]:
    """Note which findings that stop a merge come from an ancestor.

    Args:
        reasons: Findings about places.

    Returns:
        One note for each path that is longer than the source itself.
    """
    paths = {
        (r.model, r.path)
        for r in reasons
        if len(r.path) > 1 and r.effect.severity >= _STOPS and r.name != Finding.PARENT_UNSEEN
    }
    return [_from_above(model, path) for model, path in sorted(paths)]


def origins(layout: Layout, reasons: Sequence[Reason]) -> list[Reason]:
    """Note where terms that stop a merge come from, if a source only inherited them.

    Args:
        layout: The terms of one world.
        reasons: What was found in it.

    Returns:
        One note for each source and licence, with the path to the nearest model that has these
        terms and was made from none that has them.
    """
    stopping = {(r.model, r.license) for r in reasons if r.effect.severity >= _STOPS}
    found: dict[tuple[str, str], Spot] = {}
    for reach in layout.reaches:
        for spot in reach.by_weights if stopping else ():
            for row in layout.rows(spot.node):
                mark = (reach.root.facts.label, row.key)
                if mark in stopping and mark not in found and _begins(spot.node, row, layout):
                    found[mark] = spot
    paths = sorted({(source, spot.path) for (source, _), spot in found.items() if not spot.root})
    return [_from_above(source, path) for source, path in paths]


def _begins(node: Node, row: Terms, layout: Layout) -> bool:
    """Tell whether a model has terms that nothing which it was made from has."""
    bit = layout.bits[row.key]
    return not any(below.by_weights and layout.lineage[id(below)] & bit for below in node.below)


def _from_above(source: str, path: tuple[str, ...]) -> Reason:
    text = f"Terms of {shown(path[-1])} reach the result through {shown(source)}."
    return reason(Finding.TRANSITIVE, Verdict.ALLOW, source, text, path=path)


def outputs(layout: Layout, question: Question) -> list[Reason]:
    """Find clauses that speak of outputs of models which the result was made with.

    Args:
        layout: The terms of one world.
        question: Holds the name of the result.

    Returns:
        A question for a person, for each such clause; how far they reach is unsettled.
    """
    return [found for clause in layout.influences for found in _reaching(clause, question)]


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
