"""The layout: the terms of one world laid out over a lineage, and the clauses that speak in it.

A world is one way to read everything. A licence that stands at a thousand models of a lineage
speaks once for each direct source: at the nearest of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from evoreg.policies.codes import Finding, reason
from evoreg.policies.graph import Node, Rows, Spot
from evoreg.policies.permissions import words
from evoreg.policies.policy import Permission
from evoreg.policies.terms import Terms
from evoreg.provenance.records.decision import Reason, Verdict


@dataclass(frozen=True, slots=True)
class Clause:
    """Terms at their place: the one who speaks in a reason."""

    at: Spot
    """Where they hold."""
    row: Terms
    """What they say."""
    permission: Permission | None = None
    """The exception that sets them aside here, if there is one."""

    def says(
        self,
        finding: Finding,
        effect: Verdict,
        message: str,
        *,
        clause: str = "",
        fixes: tuple[str, ...] = (),
    ) -> Reason:
        """Return a reason about this place, with its evidence and path.

        Args:
            finding: What was found.
            effect: The verdict that it leads to by itself; an exception turns it into ATTRIBUTE.
            message: One sentence.
            clause: Where in the licence; the clauses of the row if empty.
            fixes: Ways on.

        Returns:
            The record.
        """
        evidence = self.at.node.resolution.evidence
        lifted = self.permission is not None and effect.severity >= Verdict.REVIEW.severity
        if lifted and self.permission is not None:
            evidence = (*evidence, words(self.permission))
            message = f"{message} An exception sets that aside."
        return reason(
            finding,
            Verdict.ATTRIBUTE if lifted else effect,
            self.at.source,
            message,
            license=self.row.key,
            clause=clause or self.row.clauses,
            evidence=evidence,
            path=self.at.path,
            fixes=() if lifted else fixes,
        )


@dataclass(frozen=True, slots=True)
class Reach:
    """A direct source with everything that is reached from it."""

    root: Node
    """The direct source."""
    spots: tuple[Spot, ...]
    """All places, the nearest first."""

    @property
    def by_weights(self) -> Iterator[Spot]:
        """Yield the places whose weights are in the result."""
        return (spot for spot in self.spots if not spot.outputs)

    @property
    def over_outputs(self) -> Iterator[Spot]:
        """Yield the places of which only outputs reached the result."""
        return (spot for spot in self.spots if spot.outputs)


class Layout:
    """One world: exact terms for every model."""

    def __init__(
        self, reaches: Sequence[Reach], nodes: Sequence[Node], rows: Mapping[int, Rows]
    ) -> None:
        """Lay terms out.

        Args:
            reaches: The direct sources.
            nodes: All models, each before those that were made from it.
            rows: The terms of each model, by the ``id`` of its node.
        """
        self.reaches = tuple(reaches)
        self.nodes = tuple(nodes)
        self._rows = rows

    def rows(self, node: Node) -> Rows:
        """Return the terms of a model in this world."""
        return self._rows[id(node)]

    @cached_property
    def clauses(self) -> tuple[Clause, ...]:
        """All terms that are reached over weights, each once for each source."""
        return tuple(c for reach in self.reaches for c in self._nearest(reach.by_weights))

    @cached_property
    def influences(self) -> tuple[Clause, ...]:
        """All terms of models of which only outputs reached the result."""
        return tuple(c for reach in self.reaches for c in self._nearest(reach.over_outputs))

    def _nearest(self, spots: Iterator[Spot]) -> Iterator[Clause]:
        seen: set[object] = set()
        for spot in spots:
            for row in self.rows(spot.node):
                permission = spot.standing.allowing(row) if spot.standing.active else None
                mark = (row.key, spot.node.facts.modality, permission)
                if mark not in seen:
                    seen.add(mark)
                    yield Clause(spot, row, permission)

    @cached_property
    def bits(self) -> Mapping[str, int]:
        """A bit for each licence of this world, by key."""
        keys = sorted({row.key for rows in self._rows.values() for row in rows})
        return {key: 1 << place for place, key in enumerate(keys)}

    @cached_property
    def own(self) -> Mapping[int, int]:
        """The bits of each model's own terms, by the ``id`` of its node."""
        return {
            id(node): sum(self.bits[key] for key in {row.key for row in self.rows(node)})
            for node in self.nodes
        }

    @cached_property
    def lineage(self) -> Mapping[int, int]:
        """The bits of all terms of each model and of what it was made from over weights."""
        found: dict[int, int] = {}
        for node in self.nodes:
            bits = self.own[id(node)]
            for below in node.below:
                bits |= found[id(below)] if below.by_weights else 0
            found[id(node)] = bits
        return found

    def keys(self, bits: int) -> list[str]:
        """Return the licences of some bits, sorted by key."""
        return [key for key, bit in self.bits.items() if bits & bit]
