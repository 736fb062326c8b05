"""From a walk to what policy reads: one value a model and relation, shared by all its children."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from evoreg.policies.facts import SourceFacts
from evoreg.provenance.ledger.values import RegisteredModel
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.license import LicenseClaim
from evoreg.provenance.records.lineage import Relation
from evoreg.provenance.records.model import Model
from evoreg.provenance.records.text import HeldText
from evoreg.registry.lineage.books import Books
from evoreg.registry.lineage.circles import groups
from evoreg.registry.lineage.node import Node, bare_of, earlier_claims, papers_of, twins_of

Texts = tuple[tuple[str, bytes], ...]
_SMALL = 8
"""Most models of a circle in which each gets a line of exactly the others."""

Unread = tuple[tuple[str, Digest], ...]


@dataclass
class Facts:
    """Builds the values, parents first."""

    books: Books
    nodes: Sequence[Node]
    circles: list[list[Node]] = field(default_factory=list)
    """Models that are said to be made from each other."""
    _claims: dict[Digest, tuple[LicenseClaim, ...]] = field(default_factory=dict)
    _held: dict[Digest, bytes] = field(default_factory=dict)
    _inside: dict[str, tuple[SourceFacts, ...]] = field(default_factory=dict)
    _made: dict[tuple[str, Relation], SourceFacts] = field(default_factory=dict)

    def build(self, sources: Sequence[Node]) -> tuple[SourceFacts, ...]:
        """Return what is known about some models.

        Args:
            sources: The direct sources, all of them among the nodes.

        Returns:
            One value a source, which reach those of all others.
        """
        self._gather()
        by_key = {node.key: node for node in self.nodes}
        below = {node.key: [one.key for one in _needed(node)] for node in self.nodes}
        for group in groups(below):
            members = [by_key[key] for key in group]
            if len(members) == 1:
                self._inside[members[0].key] = self._straight(members[0], {members[0].key})
            else:
                self._circle(members)
        return tuple(self.value(node, "merge") for node in sources)

    def _gather(self) -> None:
        """Ask the ledger for all claims and texts at once."""
        identities = [identity for node in self.nodes for identity in node.identities]
        self._claims = self.books.claims(identities)
        models = [node.model for node in self.nodes if node.found is None]
        models += [entry.model for node in self.nodes for entry in node.registered]
        self._held = self.books.texts(digest for one in models for _, digest in papers_of(one))
        for node in self.nodes:
            for identity in node.identities:
                for lost in self.books.lost(identity):
                    node.miss(lost, "derived", "it cannot be read")

    def value(self, node: Node, relation: Relation) -> SourceFacts:
        """Return the value of a model as it is reached over a relation; what is inside is known."""
        key = (node.key, relation)
        if key not in self._made:
            self._made[key] = self._value(node, relation, self._inside[node.key])
        return self._made[key]

    def _value(
        self, node: Node, relation: Relation, ancestors: tuple[SourceFacts, ...]
    ) -> SourceFacts:
        texts, unread = self._texts(node)
        return SourceFacts(
            label=node.label + node.remarks.get(relation, ""),
            model=node.model,
            texts=texts,
            unread=unread,
            claims=self._spoken(node),
            relation=relation,
            ancestors=ancestors,
            unseen=tuple(node.unseen),
            adapter=None if node.adapter is None else self.value(node.adapter, "adapter"),
        )

    def _texts(self, node: Node) -> tuple[Texts, Unread]:
        if node.found is None:
            return self._kept(node.model)
        # What the ledger could not hold is not read here either: decisions can be made again.
        texts = tuple(
            (text.path, text.data)
            for text in node.found.texts
            if HeldText.of(text.data).content is not None
        )
        read = {path for path, _ in texts}
        return texts, tuple(pair for pair in node.papers if pair[0] not in read)

    def _kept(self, model: Model) -> tuple[Texts, Unread]:
        pairs = tuple(papers_of(model))
        texts = tuple((path, self._held[digest]) for path, digest in pairs if digest in self._held)
        return texts, tuple(pair for pair in pairs if pair[1] not in self._held)

    def _spoken(self, node: Node) -> tuple[LicenseClaim, ...]:
        """Return recorded claims, those about an adapter on it too, and what its card once said."""
        identities = [*node.identities]
        identities += node.adapter.identities if node.adapter is not None else ()
        said = [claim for one in identities for claim in self._claims.get(one, ())]
        said += earlier_claims(node.model, node.registered)
        return tuple(dict.fromkeys(said))

    def _straight(self, node: Node, without: Container[str]) -> tuple[SourceFacts, ...]:
        """Return what a model was made from, and the same weights under other names."""
        twins = twins_of(node, self._held)
        parents = [(one, how) for one, how in node.parents if one.key not in without]
        return (*map(self._twin, twins), *(self.value(one, how) for one, how in parents))

    def _twin(self, entry: RegisteredModel) -> SourceFacts:
        """Return the same weights under another name; what they were made from is known already."""
        texts, unread = self._kept(entry.model)
        bare = bare_of(entry.model)
        return SourceFacts(
            label=f"{entry.model.label} (ledger entry {entry.seq})",
            model=entry.model,
            texts=texts,
            unread=unread,
            claims=self._claims.get(entry.model.identity, self._claims.get(bare.identity, ())),
            relation="derived",
        )

    def _circle(self, members: list[Node]) -> None:
        """Give each model of a circle everything that the circle was made from, in one line."""
        self.circles.append(members)
        keys = {node.key for node in members}
        for node in members:
            if node.adapter is not None and node.adapter.key in keys:
                self._inside[node.adapter.key] = ()
        own = {node.key: self._straight(node, keys) for node in members}
        whole = self._line(members, own) if len(members) > _SMALL else ()
        for node in members:
            line = whole or self._line([one for one in members if one is not node], own)
            self._inside[node.key] = (*own[node.key], *line)

    def _line(
        self, shown: Sequence[Node], own: Mapping[str, tuple[SourceFacts, ...]]
    ) -> tuple[SourceFacts, ...]:
        line: tuple[SourceFacts, ...] = ()
        for node in reversed(shown):
            line = (self._value(node, "derived", (*own[node.key], *line)),)
        return line


def _needed(node: Node) -> Iterator[Node]:
    yield from (parent for parent, _ in node.parents)
    if node.adapter is not None:
        yield node.adapter
