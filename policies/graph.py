"""The lineage as a graph: every model that matters, once, with everything that it may be under.

A model that is reached over many paths is one node. Nothing here recurses, so a lineage may be as
deep as it likes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from evoreg.policies.expressions import Alternatives
from evoreg.policies.facts import SourceFacts, parts
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.permissions import Standing
from evoreg.policies.policy import Policy
from evoreg.policies.resolution import Resolution
from evoreg.policies.resolve import Resolver
from evoreg.policies.terms import Terms
from evoreg.provenance.records.model import Model

_SILENT: tuple[Alternatives, ...] = (((),),)
_SHOWN = 32

Rows = tuple[Terms, ...]
"""Terms that all apply to one model."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One model of the lineage with everything that it may be under."""

    facts: SourceFacts
    """What is known, without an adapter."""
    resolution: Resolution
    """What that means."""
    whole: Model
    """The model with its adapter."""
    attached: bool
    """True for an adapter on the model above it."""
    below: tuple["Node", ...]
    """What it was made from, and adapters on it."""

    @property
    def readings(self) -> tuple[Alternatives, ...]:
        """Everything that it may be under; one empty reading if nothing is known."""
        return self.resolution.readings or _SILENT

    @property
    def by_weights(self) -> bool:
        """True if its weights are in what is above it."""
        return self.attached or self.facts.by_weights


class Graph:
    """All models of a lineage, each before those that were made from it."""

    def __init__(
        self, sources: Sequence[SourceFacts], knowledge: Knowledge, policy: Policy
    ) -> None:
        """Resolve the sources, their adapters and their ancestors.

        Args:
            sources: What is known about the direct sources, all of them used.
            knowledge: The licences.
            policy: Clarifications, and what an unknown licence leads to.
        """
        self._resolver = Resolver(knowledge, policy)
        self._made: dict[int, Node] = {}
        self.nodes: list[Node] = []
        self.roots = tuple(self._grown(source) for source in sources)

    def _grown(self, root: SourceFacts) -> Node:
        waiting = [(root, False)]
        while waiting:
            facts, ready = waiting.pop()
            if id(facts) in self._made:
                continue
            own, *adapters = parts(facts)
            inside = [a for a in _distinct(own.ancestors) if a.used and a.relation != "dataset"]
            extra = [a for part in adapters for a in part.ancestors]
            if not ready:
                waiting.append((facts, True))
                waiting += [(a, False) for a in (*inside, *extra)]
                continue
            below = [self._made[id(a)] for a in inside]
            below += [self._node(part, part, attached=True) for part in adapters]
            self._made[id(facts)] = self._node(own, facts, below=tuple(below))
        return self._made[id(root)]

    def _node(
        self,
        own: SourceFacts,
        whole: SourceFacts,
        *,
        below: tuple[Node, ...] = (),
        attached: bool = False,
    ) -> Node:
        if attached:
            inside = [a for a in _distinct(own.ancestors) if a.used and a.relation != "dataset"]
            below = tuple(self._made[id(a)] for a in inside)
        resolution = self._resolver.resolve(own)
        node = Node(own, resolution, whole.model, attached, below)
        self.nodes.append(node)
        return node

    @property
    def open(self) -> list[Node]:
        """The models that can be read in several ways, or offer a choice."""
        return [n for n in self.nodes if sum(len(reading) for reading in n.readings) > 1]

    @property
    def worlds(self) -> int:
        """How many combinations of readings and choices there are."""
        return prod(sum(len(reading) for reading in node.readings) for node in self.open)


def _distinct(sources: Sequence[SourceFacts]) -> list[SourceFacts]:
    return list({id(source): source for source in sources}.values())


def all_rows(node: Node) -> Rows:
    """Return every row that a model may be under, sorted by key."""
    rows = {row.key: row for reading in node.readings for choice in reading for row in choice}
    return tuple(rows[key] for key in sorted(rows))


@dataclass(frozen=True, slots=True, eq=False)
class Spot:
    """A model where it is reached from a direct source."""

    node: Node
    """The model."""
    above: "Spot | None"
    """Where it was reached from; nothing for the direct source itself."""
    outputs: bool
    """True if only outputs of it reached the result."""
    standing: Standing
    """Exceptions that hold here."""
    given: Standing
    """Those of them that hold for adapters on the model too."""
    top: Node
    """The direct source."""
    depth: int = 0
    """Steps from the direct source."""
    head: tuple[str, ...] = ()
    """The first labels of the path, at most so many as are shown."""

    @classmethod
    def of(cls, root: Node, standing: Standing) -> "Spot":
        """Return the place of a direct source."""
        given = standing.at(root.whole)
        here = given.at(root.facts.model)
        return cls(root, None, not root.by_weights, here, given, root, 0, (root.facts.label,))

    def below(self, node: Node) -> "Spot":
        """Return the place of something that this model was made from."""
        head = self.head if len(self.head) == _SHOWN else (*self.head, node.facts.label)
        outputs = self.outputs or not node.by_weights
        # What is allowed for a model says nothing about an adapter on it.
        given = (self.given if node.attached else self.standing).at(node.whole)
        here = given.at(node.facts.model)
        return Spot(node, self, outputs, here, given, self.top, self.depth + 1, head)

    @property
    def path(self) -> tuple[str, ...]:
        """Labels from the direct source to here; the middle of a very long path is left out."""
        rest = self.depth + 1 - len(self.head)
        tail: list[str] = []
        spot: Spot | None = self
        while spot is not None and len(tail) < min(rest, _SHOWN):
            tail.append(spot.node.facts.label)
            spot = spot.above
        between = rest - len(tail)
        gap = (f"({between:,} models between)",) if between else ()
        return (*self.head, *gap, *reversed(tail))

    @property
    def source(self) -> str:
        """Label of the direct source."""
        return self.top.facts.label

    @property
    def root(self) -> bool:
        """True for the direct source itself."""
        return self.above is None


def spots(root: Node, standing: Standing) -> list[Spot]:
    """Walk from a direct source to everything that it was made from, the nearest first.

    Args:
        root: The direct source.
        standing: Exceptions that may hold.

    Returns:
        Each model once for each way in which it matters: by weights or by outputs, and under
        which exceptions it is reached.
    """
    found = [Spot.of(root, standing)]
    seen = {_mark(found[0])}
    for spot in found:  # grows while it is walked
        for node in spot.node.below:
            below = spot.below(node)
            if _mark(below) not in seen:
                seen.add(_mark(below))
                found.append(below)
    return found


def _mark(spot: Spot) -> tuple[int, bool, frozenset[int], frozenset[int]]:
    return id(spot.node), spot.outputs, spot.standing.active, spot.given.active
