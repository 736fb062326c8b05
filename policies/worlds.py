"""Worlds: every way to read the evidence and to choose where a licence offers a choice."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from evoreg.policies.codes import Finding, reason
from evoreg.policies.duties import duties, obligations
from evoreg.policies.expressions import conjunction, render
from evoreg.policies.family import families
from evoreg.policies.graph import Graph, Node, Rows, all_rows
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.layout import Layout, Reach
from evoreg.policies.limits import limits
from evoreg.policies.lineage import conflicts, origins, outputs
from evoreg.policies.listing import listed
from evoreg.policies.names import names
from evoreg.policies.outbound import infeasible, outbound
from evoreg.policies.question import Question
from evoreg.policies.result import label, own_license, own_rows, whole_rows
from evoreg.policies.riders import bound, riders, riders_owed
from evoreg.policies.rights import rights
from evoreg.policies.rules import ruled
from evoreg.provenance.records.decision import Obligation, Reason, Verdict

MAX_WORLDS = 256
"""More combinations of readings and choices than these are refused instead of tried."""
MAX_WORK = 400_000
"""The same for combinations times models: a few seconds."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is found if the terms are exactly these."""

    layout: Layout
    """The terms of every model."""
    reasons: tuple[Reason, ...]
    """All findings."""
    owed: tuple[Obligation, ...]
    """All duties."""
    terms: frozenset[str] | None
    """Expressions of the licence of the whole; nothing if there is none."""

    def rank(self, nodes: Sequence[Node]) -> tuple[int, list[list[str]]]:
        """Return the severity, and the licences by which equally good worlds are told apart.

        Args:
            nodes: The models that were open; of all others the licences are the same.
        """
        rows = [[row.key for row in self.layout.rows(node)] for node in nodes]
        return worst(self.reasons).severity, rows


def worst(reasons: Sequence[Reason]) -> Verdict:
    """Return the worst effect of some reasons; ALLOW for none."""
    return max((r.effect for r in reasons), key=lambda v: v.severity, default=Verdict.ALLOW)


def too_many(graph: Graph) -> bool:
    """Tell whether there are more worlds than can be tried."""
    worlds = graph.worlds
    return worlds > MAX_WORLDS or (worlds > 1 and worlds * len(graph.nodes) > MAX_WORK)


def judged_worlds(
    graph: Graph, reaches: Sequence[Reach], question: Question, knowledge: Knowledge
) -> list[Judgement]:
    """Judge every reading of the evidence.

    Args:
        graph: All models.
        reaches: The direct sources.
        question: What is asked.
        knowledge: The licences.

    Returns:
        One judgement for each reading, under the best choice that it offers; all of them count.
        If there are too many worlds, one judgement in which everything applies.
    """
    judge = _Judge(graph, reaches, question, knowledge)
    if too_many(graph):
        return [judge.world({id(node): all_rows(node) for node in graph.open})]
    # In an order that the order of the sources does not change.
    openly = sorted(graph.open, key=lambda node: (node.facts.label, node.facts.model.identity))
    return [
        min(
            (
                judge.world({id(n): rows for n, rows in zip(openly, choice, strict=True)})
                for choice in product(*reading)
            ),
            key=lambda judgement: judgement.rank(openly),
        )
        for reading in product(*(node.readings for node in openly))
    ]


class _Judge:
    """Judges one world after the other."""

    def __init__(
        self, graph: Graph, reaches: Sequence[Reach], question: Question, knowledge: Knowledge
    ) -> None:
        self._graph, self._reaches = graph, reaches
        self._question, self._knowledge = question, knowledge
        self._fixed = {id(node): node.readings[0][0] for node in graph.nodes}
        self._own = own_rows(question, knowledge)

    def world(self, chosen: Mapping[int, Rows]) -> Judgement:
        """Judge one world: the terms of the models that were open, by the ``id`` of the node."""
        layout = Layout(self._reaches, self._graph.nodes, {**self._fixed, **chosen})
        question = self._question
        extra = bound(layout)
        whole = whole_rows(layout, self._own)
        found = [
            *rights(layout, question),
            *listed(layout, question),
            *limits(layout, question),
            *families(layout, question),
            *riders(extra, question),
            *names(layout, extra, question),
            *infeasible(whole, question),
            *own_license(layout, question, self._knowledge),
            *label(layout, question, self._knowledge),
            *duties(layout, question),
            *conflicts(layout),
            *outputs(layout, question),
            *ruled(layout, question, self._knowledge),
            *_chosen(layout),
        ]
        found += origins(layout, found)
        owed = (*obligations(layout, question), *riders_owed(extra, question))
        terms = outbound(whole).expressions if self._all_known(layout) else None
        return Judgement(layout, tuple(found), owed, terms)

    def _all_known(self, layout: Layout) -> bool:
        own = bool(self._own) or not self._question.own
        return own and all(
            layout.rows(spot.node) for reach in self._reaches for spot in reach.by_weights
        )


def _chosen(layout: Layout) -> Iterator[Reason]:
    told: set[tuple[int, int]] = set()
    for reach in layout.reaches:
        for spot in reach.spots:
            mark = (id(reach.root), id(spot.node))
            if len(spot.node.readings[0]) < 2 and len(spot.node.readings) < 2:
                continue
            if mark not in told:
                told.add(mark)
                yield from _choice(spot.node, layout.rows(spot.node), spot.source, spot.path)


def _choice(node: Node, rows: Rows, source: str, path: tuple[str, ...]) -> Iterator[Reason]:
    for offered in node.readings:
        if len(offered) > 1 and rows in offered:
            text = f"Of {render(offered)}, {conjunction(rows)} was chosen."
            yield reason(
                Finding.LICENSE_CHOICE,
                Verdict.ALLOW,
                source,
                text,
                license=conjunction(rows),
                evidence=node.resolution.evidence,
                path=path,
            )
