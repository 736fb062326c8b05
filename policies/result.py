"""The result: the licence that its maker adds, and the label that it carries."""

from collections.abc import Iterator, Sequence

from evoreg.policies import cards
from evoreg.policies.codes import Finding, reason
from evoreg.policies.expressions import parse
from evoreg.policies.facts import SourceFacts
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.layout import Clause, Layout
from evoreg.policies.lineage import binds
from evoreg.policies.outbound import outbound
from evoreg.policies.question import Question
from evoreg.policies.terms import Terms
from evoreg.policies.texts import shown
from evoreg.provenance.records.decision import Reason, Verdict
from evoreg.provenance.records.model import Card, Model

_NON_COMMERCIAL = ("nc-only", "research-only")


def own_rows(question: Question, knowledge: Knowledge) -> tuple[Terms, ...]:
    """Return the terms that the releaser puts on the own contribution.

    Args:
        question: Holds the expression.
        knowledge: Where it is looked up.

    Returns:
        All of them; of a choice the first. Nothing if there is none, or any of it is not known.
    """
    if not question.own:
        return ()
    read = parse(question.own, knowledge)
    rows = read.alternatives[0] if read.known else ()
    return () if any(row.kind in ("unknown", "other") for row in rows) else rows


def own_license(layout: Layout, question: Question, knowledge: Knowledge) -> Iterator[Reason]:
    """Check the licence that the releaser puts on the own contribution.

    Args:
        layout: The terms of one world.
        question: Holds the licence and the use.
        knowledge: Where it is looked up.

    Yields:
        What speaks against it.
    """
    if not question.own:
        return
    rows = own_rows(question, knowledge)
    if not rows:
        text = f"The own licence {shown(question.own)!r} has no known terms."
        fix = "name a licence by its Hub id or SPDX expression"
        yield reason(Finding.UNKNOWN_LICENSE, Verdict.BLOCK, "", text, fixes=(fix,))
    for row in rows:
        if question.paid and _keeps_commerce_out(row):
            text = f"The own licence {row.title} does not allow commercial use."
            ways = ("choose another licence for the own contribution", "ask for research only")
            finding = Finding.OWN_LICENSE_NC
            yield reason(finding, Verdict.BLOCK, "", text, license=row.key, fixes=ways)
    carried = any(row.flow_down.value in ("yes", "partly") for row in rows)
    for clause in layout.clauses if rows and not carried else ():
        if clause.row.flow_down.value == "yes":
            text = f"The own licence does not carry the use restrictions of {clause.row.title}, "
            text += "which recipients must be bound to."
            roads = ("state the restrictions beside the own licence", "leave the own licence out")
            finding = Finding.FLOWDOWN_MISSING
            yield clause.says(finding, Verdict.REVIEW, text, fixes=roads)


def _keeps_commerce_out(row: Terms) -> bool:
    rights: tuple[str, ...] = (row.derivatives.value, row.redistribute.value)
    return row.commercial_use.value in ("no", "unknown") or any(
        right in _NON_COMMERCIAL for right in rights
    )


def label(layout: Layout, question: Question, knowledge: Knowledge) -> Iterator[Reason]:
    """Compare the label of the result with the terms of what is inside.

    Args:
        layout: The terms of one world.
        question: Holds what the card of the result says.
        knowledge: Where that is looked up.

    Yields:
        Notes: the terms apply whatever the label says, but the label must be put right.
    """
    if question.declared is None:
        return
    names, words = _declared(question.declared, knowledge)
    for clause in _uncovered(layout, names):
        text = f"The result is labelled {words}, but {clause.row.title} applies to it."
        yield clause.says(Finding.LINEAGE_CONFLICT, Verdict.ALLOW, text)
        fix = "put the proposed licence fields into the card of the result"
        finding = Finding.DECLARED_TOO_PERMISSIVE
        text = f"The label {words} of the result grants more than {clause.row.title} does."
        yield clause.says(finding, Verdict.ALLOW, text, fixes=(fix,))
    for reach in layout.reaches:
        silent = [s for s in reach.by_weights if not s.node.resolution.readings]
        if silent:
            text = f"The result is labelled {words}, but nobody knows the licence of "
            text += f"{shown(silent[0].node.facts.label)}, which is inside."
            source, path = reach.root.facts.label, silent[0].path
            finding = Finding.LINEAGE_CONFLICT
            yield reason(finding, Verdict.ALLOW, source, text, path=path)


def _declared(card: Card, knowledge: Knowledge) -> tuple[set[str], str]:
    """Return the keys and expressions that a label names, and the label in words."""
    facts = SourceFacts("result", Model(name="result", origin="local", files=(), card=card))
    read = cards.read(facts, knowledge)
    rows = [row for reading in read.readings for choice in reading for row in choice]
    rows += read.parts
    said = [*card.license, *([card.license_name] if card.license_name else [])]
    names = {name for row in rows for name in (row.key, row.expression)}
    return names, shown(", ".join(said)) or "without a licence"


def _uncovered(layout: Layout, names: set[str]) -> list[Clause]:
    """Return the binding terms that a label leaves out, each once."""
    whole = outbound([clause.row for clause in layout.clauses]).expressions
    found: dict[str, Clause] = {}
    for clause in sorted(layout.clauses, key=lambda c: (c.at.depth, c.at.source, c.at.path)):
        row = clause.row
        kept = whole is None or row.expression in whole
        if binds(row) and kept and not names & {row.key, row.expression, row.tag} - {"other"}:
            found.setdefault(row.key, clause)
    return list(found.values())


def whole_rows(layout: Layout, own: Sequence[Terms]) -> list[Terms]:
    """Return all terms that the licence of the whole must satisfy."""
    return [*(clause.row for clause in layout.clauses), *own]
