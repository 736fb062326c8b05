"""The lineage as a tree: every model that matters, with everything that it may be under."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod

from evoreg.policies.context import Policy
from evoreg.policies.expressions import Alternatives
from evoreg.policies.facts import WEIGHTS, SourceFacts, parts
from evoreg.policies.files import notices
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.question import Placed
from evoreg.policies.resolve import Resolution, resolve
from evoreg.policies.terms import Terms
from evoreg.provenance.records.digest import Digest

_SILENT: tuple[Alternatives, ...] = (((),),)
Rows = tuple[Terms, ...]
"""Terms that all apply to one model."""


@dataclass(frozen=True, slots=True)
class Node:
    """One model of the lineage with everything that it may be under."""

    facts: SourceFacts
    """What is known."""
    resolution: Resolution
    """What that means."""
    source: str
    """Label of the direct source."""
    path: tuple[str, ...]
    """Labels from the direct source to it."""
    attached: bool
    """True for an adapter on the model above it."""
    identity: Digest
    """Identity of its weights, with those of its adapter."""
    below: tuple["Node", ...]
    """What it was made from, and adapters on it."""

    @property
    def readings(self) -> tuple[Alternatives, ...]:
        """Everything that it may be under; one empty reading if nothing is known."""
        return self.resolution.readings or _SILENT

    @property
    def by_weights(self) -> bool:
        """True if its weights are in what is above it."""
        return self.attached or self.facts.relation in WEIGHTS


def grow(source: SourceFacts, above: tuple[str, ...], knowledge: Knowledge, policy: Policy) -> Node:
    """Resolve a source, its adapter and its ancestors.

    Args:
        source: What is known.
        above: Labels from the direct source to what is made from this one.
        knowledge: The licences.
        policy: Says what an unknown licence leads to.

    Returns:
        The tree; ancestors that are not in the result, and data, are left out.
    """
    own, *adapters = parts(source)
    path = (*above, source.label)
    below = [
        grow(ancestor, path, knowledge, policy)
        for ancestor in dict.fromkeys(source.ancestors)
        if ancestor.used and ancestor.relation != "data"
    ]
    below += [replace(grow(a, path, knowledge, policy), attached=True) for a in adapters]
    resolution, identity = resolve(own, knowledge, policy), source.model.identity
    return Node(own, resolution, path[0], path, False, identity, tuple(below))


def nodes(roots: Iterable[Node]) -> Iterator[Node]:
    """Yield all models of some trees, each before what is below it."""
    for root in roots:
        yield root
        yield from nodes(root.below)


def reached(node: Node, over_outputs: bool) -> Iterator[tuple[Node, bool]]:
    """Yield all models of a tree, and whether only outputs of them reached the result."""
    yield node, over_outputs
    for child in node.below:
        yield from reached(child, over_outputs or not child.by_weights)


def count(roots: Sequence[Node]) -> int:
    """Return how many combinations of readings and choices there are."""
    return prod(sum(len(reading) for reading in node.readings) for node in nodes(roots))


def all_rows(node: Node) -> Rows:
    """Return every row that a model may be under, sorted by key."""
    rows = {row.key: row for reading in node.readings for choice in reading for row in choice}
    return tuple(rows[key] for key in sorted(rows))


def lay(node: Node, rows: Iterator[Rows]) -> Placed:
    """Lay terms out over a tree.

    Args:
        node: The tree.
        rows: The terms of its models, in the order of `nodes`.

    Returns:
        The same tree with these terms.
    """
    own = next(rows)
    below = [(child, lay(child, rows)) for child in node.below]
    return Placed(
        node.source,
        node.path,
        own,
        node.resolution.evidence,
        node.facts.modality,
        notices(node.facts),
        node.attached,
        tuple(place for child, place in below if child.by_weights),
        tuple(place for child, place in below if not child.by_weights),
    )
