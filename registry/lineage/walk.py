"""The walk: from the sources to the roots, asking everybody who says what a model was made from.

Asked are the model's own folder, the cards of all registrations of the same weights, the edges and
the merges that the ledger holds. A parent is looked for among the sources, in the ledger, in the
Hub cache and at the Hub, in this order; what is found nowhere is noted as unseen. Nothing recurses.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from evoreg.provenance.ledger.values import RegisteredModel
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Problem
from evoreg.provenance.records.model import Model
from evoreg.registry.lineage.books import Books
from evoreg.registry.lineage.links import (
    A_RECIPE,
    AN_ADAPTER,
    Link,
    distinct,
    from_card,
    from_edge,
    from_folder,
    made,
)
from evoreg.registry.lineage.node import Node, bare_of, papers_of, terms_of
from evoreg.registry.lineage.scout import Scout
from evoreg.registry.lineage.unused import unused_names
from evoreg.registry.models.card import UNREADABLE
from evoreg.registry.models.resolve import ResolvedModel


@dataclass
class Walk:
    """All models that were come by."""

    books: Books
    scout: Scout
    nodes: list[Node] = field(default_factory=list)
    """Each model once, in the order of coming by."""
    sources: tuple[Node, ...] = ()
    """Those that the walk began at."""
    problems: list[Problem] = field(default_factory=list)
    """What could not be read in the folders."""
    _waiting: list[Node] = field(default_factory=list)
    _by_identity: dict[Digest, Node] = field(default_factory=dict)
    _by_name: dict[str, Node] = field(default_factory=dict)
    _present: dict[str, list[Node]] = field(default_factory=dict)
    _others: dict[tuple[str | int, str], Node] = field(default_factory=dict)

    def begin(self, models: Mapping[str, ResolvedModel]) -> None:
        """Take in the sources.

        Args:
            models: The model of each reference.
        """
        self.sources = tuple(self._source(found) for found in models.values())

    def finish(self) -> None:
        """Walk to the roots."""
        while self._waiting:
            level, self._waiting = self._waiting, []
            self.books.read(identity for node in level for identity in node.identities)
            for node in level:
                self._expand(node)

    def _source(self, found: ResolvedModel) -> Node:
        node = self._new(found.model, found.model.label, found)
        if found.adapter is not None:
            bare = replace(found, model=bare_of(found.model), adapter=None)
            self._called(self._known_or_new(bare.model, bare.model.label, bare))
        else:
            self._called(node)
        return node

    def _called(self, node: Node) -> None:
        """Let a source be found by its name, and by the names that it was registered under."""
        self._by_name.setdefault(node.model.name, node)
        if node.model.origin == "local":
            self._present.setdefault(node.model.name.casefold(), []).append(node)
        for identity in node.identities:
            for row in self.books.book.by_identity.get(identity, ()):
                if "/" in row.name:
                    self._by_name.setdefault(row.name, node)

    def _new(
        self,
        model: Model,
        label: str,
        found: ResolvedModel | None = None,
        identity: Digest | None = None,
    ) -> Node:
        node = Node(f"{len(self.nodes)}", model, label, found, identity)
        self.nodes.append(node)
        self._waiting.append(node)
        if node.identities:
            self._by_identity.setdefault(node.identities[0], node)
        if model.adapter is not None:
            own = found.adapter if found is not None else None
            node.adapter = self._new(model.adapter, model.adapter.label, own)
            node.adapter.host = node
        return node

    def _known_or_new(self, model: Model, label: str, found: ResolvedModel | None = None) -> Node:
        weighs = bool(model.weights) or model.adapter is not None
        known = self._by_identity.get(model.identity) if weighs else None
        # The same weights may lie at two places under different terms; then both places count.
        same = known is not None and _said(known.model) == _said(model)
        return known if known is not None and same else self._new(model, label, found)

    def _expand(self, node: Node) -> None:
        for identity in node.identities:
            node.registered += self.books.registered(identity)
            for lost in self.books.lost(identity):
                node.miss(lost, "derived", "it cannot be read")
        links = distinct(list(self._links(node)))
        unused = self._unused(node, links)
        for link in links:
            if link.who != A_RECIPE or link.parent not in unused:
                self._follow(node, link)

    def _unused(self, node: Node, links: Sequence[Link]) -> frozenset[str]:
        """Return whom a recipe in the folder of a recorded merge names though nothing is inside."""
        known = all(file.digest in self.books.book.makers for file in node.model.weights)
        recipes = any(link.who == A_RECIPE for link in links)
        if self.books.ledger is None or node.found is None or not known or not recipes:
            return frozenset()
        return unused_names(self.books.ledger, node.model)

    def _links(self, node: Node) -> Iterator[Link]:
        """Yield all that is said about what a model was made from, the surest first."""
        book = self.books.book
        yield from map(made, book.made_from(file.digest for file in node.model.weights))
        for identity in node.identities:
            yield from map(from_edge, book.edges.get(identity, ()))
        if node.found is not None:
            links, problems = from_folder(node.found)
            self.problems += problems
            yield from links
        yield from from_card(node.model)
        for entry in node.registered:
            if entry.model.card != node.model.card:
                yield from from_card(entry.model)

    def _follow(self, node: Node, link: Link) -> None:
        if node.host is not None and _names(link, node.host.model):
            return  # an adapter was made for the model that it is on: no stranger
        if link.parent == UNREADABLE:  # whoever is called so is not meant
            node.miss(link.parent, link.relation, f"{link.who} of {node.label} names it unreadably")
            return
        parent = self._known(link) or self._beside(node, link) or self._asked(link)
        if isinstance(parent, Node):
            sure = parent in self.sources or any(one is parent for one, _ in node.parents)
            node.add(parent, link.relation)
            if not sure and _names_a_folder(link):
                why = f"{link.who} of {node.label} names a folder; {parent.label} is only called so"
                node.miss(link.parent, link.relation, why)
            return
        named = link.parent if link.revision is None else f"{link.parent}@{link.revision}"
        node.miss(named, link.relation, f"{link.who} of {node.label} names it; {parent}")
        # The terms of another state of the parent count too, but they may be laxer than its own.
        other = self._known(replace(link, revision=None)) if link.revision is not None else None
        if other is not None:
            node.add(other, link.relation)

    def _known(self, link: Link) -> Node | None:
        """Look for a parent among the sources and in the ledger."""
        if link.identity is not None:
            held = self._by_identity.get(link.identity) or self._entry(link.identity)
            if held is not None:
                return held
        present = self._by_name.get(link.parent)
        if present is not None and link.revision in (None, present.model.revision):
            return present
        row = self.books.named(link.parent, link.revision)
        return self._entry(row.identity, row.name) if row is not None else None

    def _entry(self, identity: Digest, name: str | None = None) -> Node | None:
        """Return the last registration of some weights; under one name, if one is meant."""
        entries = self.books.registered(identity)
        fit = [entry for entry in entries if name in (None, entry.model.name)]
        return self._remembered(fit[-1], identity) if fit else None

    def _remembered(self, entry: RegisteredModel, identity: Digest) -> Node:
        model = entry.model
        if not model.weights and model.adapter is None:
            key = (entry.seq, "")
            return self._others.get(key) or self._others.setdefault(key, self._noted(entry))
        return self._by_identity.get(identity) or self._noted(entry, identity)

    def _noted(self, entry: RegisteredModel, identity: Digest | None = None) -> Node:
        label = f"{entry.model.label} (ledger entry {entry.seq})"
        return self._new(entry.model, label, identity=identity)

    def _beside(self, node: Node, link: Link) -> Node | None:
        """Look for a folder that is called like the last part of a name and stands beside.

        Beside means: in the same recipe, or in a merge that the ledger recorded. A name alone, in
        whatever ledger or folder, is not enough.
        """
        last = link.parent.rsplit("/", 1)[-1].casefold()
        found = [one for one in self._present.get(last, []) if one is not node]
        beside = found[0] if node in self._kin and len(found) == 1 else self._merged(node, last)
        if beside is not None and link.relation != "merge":
            beside.remarks.setdefault(link.relation, f" (taken for {link.parent} by its name)")
        return beside

    def _merged(self, node: Node, name: str) -> Node | None:
        """Look for a folder of this name that was once merged together with a model."""
        for identity in (one for own in node.identities for one in self.books.companions(own)):
            rows = self.books.book.by_identity.get(identity, ())
            if identity not in node.identities and any(r.name.casefold() == name for r in rows):
                return self._by_identity.get(identity) or self._entry(identity)
        return None

    @property
    def _kin(self) -> list[Node]:
        adapters = [node.adapter for node in self.sources if node.adapter is not None]
        return [*self.sources, *adapters]

    def _asked(self, link: Link) -> Node | str:
        """Look for a parent in the Hub cache and at the Hub."""
        key = (link.parent, link.revision or "")
        if key in self._others:
            return self._others[key]
        found = self.scout.find(link.parent, link.revision)
        if isinstance(found, str):
            return found
        how = "" if link.revision else ", its default branch"
        node = self._known_or_new(found.model, f"{found.model.label} (from the Hub{how})", found)
        return self._others.setdefault(key, node)


def _names_a_folder(link: Link) -> bool:
    """Tell whether a link is the end of a path: recipes and adapters name folders so.

    Whatever else is called so is not known to be that folder.
    """
    return link.who in (A_RECIPE, AN_ADAPTER) and "/" not in link.parent and link.identity is None


def _said(model: Model) -> tuple[object, ...]:
    return terms_of(model), sorted(papers_of(model)), model.card.base_model


def _names(link: Link, host: Model) -> bool:
    """Tell whether a link means a model; folders are called as their owner likes."""
    if link.identity is not None:
        return link.identity == bare_of(host).identity
    if link.parent == host.name:
        return True
    last = link.parent.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    return host.origin == "local" and last.casefold() == host.name.casefold()
