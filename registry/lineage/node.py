"""A node: one model of a lineage with all that is said about it, before anything is judged."""

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from evoreg.policies.facts import Unseen
from evoreg.provenance.ledger.values import RegisteredModel
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.license import LicenseClaim
from evoreg.provenance.records.lineage import Relation
from evoreg.provenance.records.model import Model
from evoreg.registry.models.resolve import ResolvedModel

Terms = tuple[tuple[str, ...], str]
"""What a card says about the licence, without regard to case."""


@dataclass(eq=False)
class Node:
    """One model."""

    key: str
    """What names it within a walk."""
    model: Model
    """The model."""
    label: str
    """What people read."""
    found: ResolvedModel | None = None
    """Its papers, if they lie at hand; else the ledger is asked for them."""
    known: Digest | None = None
    """Its identity, if somebody has worked it out already."""
    host: "Node | None" = None
    """The model that it is an adapter on."""
    adapter: "Node | None" = None
    """The adapter on it."""
    parents: list[tuple["Node", Relation]] = field(default_factory=list)
    """What it was made from, each pair once."""
    remarks: dict[Relation, str] = field(default_factory=dict)
    """What its label says further where it is reached over a relation."""
    unseen: list[Unseen] = field(default_factory=list)
    """Parents that nobody could look at."""
    registered: list[RegisteredModel] = field(default_factory=list)
    """Registrations of the same weights, the oldest first."""

    @cached_property
    def identities(self) -> tuple[Digest, ...]:
        """Identities of the weights: with the adapter, and without; none if there are none."""
        if self.model.adapter is None:
            return (self.known or self.model.identity,) if self.model.weights else ()
        bare = bare_of(self.model)
        return (self.model.identity, *((bare.identity,) if bare.weights else ()))

    @property
    def papers(self) -> Iterator[tuple[str, Digest]]:
        """Paths and digests of its licence and notice files."""
        yield from papers_of(self.model)

    def add(self, parent: "Node", relation: Relation) -> None:
        """Note a parent, unless it is noted already or is the model itself."""
        if parent is not self and (parent, relation) not in self.parents:
            self.parents.append((parent, relation))

    def miss(self, name: str, relation: Relation, why: str) -> None:
        """Note a parent that nobody could look at."""
        if not any((u.name, u.relation) == (name, relation) for u in self.unseen):
            self.unseen.append(Unseen(name, relation, why))


def bare_of(model: Model) -> Model:
    """Return a model without its adapter."""
    return model.model_copy(update={"adapter": None})


def papers_of(model: Model) -> Iterator[tuple[str, Digest]]:
    """Yield paths and digests of the licence and notice files of a model."""
    for file in model.files:
        if file.role in ("license", "notice"):
            yield file.path, file.digest


def terms_of(model: Model) -> Terms:
    """Return what a card says about the licence, so that two cards can be compared."""
    card = model.card
    values = sorted(value.strip().casefold() for value in card.license)
    return tuple(values), (card.license_name or "").strip().casefold()


def earlier_claims(model: Model, entries: list[RegisteredModel]) -> Iterator[LicenseClaim]:
    """Yield what the card of the same weights, under the same name, said when it was registered.

    Args:
        model: The model as it is now.
        entries: Registrations of the same weights.

    Yields:
        A claim for each other licence that its card named.
    """
    told = {terms_of(model)}
    for entry in entries:
        if entry.model is model or entry.model.name != model.name:
            continue
        terms = terms_of(entry.model)
        if terms in told:
            continue
        expression = _expression(entry.model)
        if not expression:
            continue
        told.add(terms)
        yield LicenseClaim(
            model=model.name,
            identity=entry.model.identity,
            expression=expression,
            origin="card",
            by=entry.by,
            at=entry.at,
            note=f"card as registered in entry {entry.seq}",
        )


def _expression(model: Model) -> str:
    """Return the licences of a card as one expression; all of them apply."""
    name = (model.card.license_name or "").strip()
    tags = [value.strip() for value in model.card.license if value.strip()]
    plain = [name if tag.casefold() == "other" and name else tag for tag in tags]
    found = list(dict.fromkeys(plain)) or ([name] if name else [])
    return found[0] if len(found) == 1 else " AND ".join(found)


def twins_of(node: Node, kept: Container[Digest]) -> list[RegisteredModel]:
    """Return the registrations of the same weights whose terms are others.

    A model of the Hub may change its card, which is an earlier observation and no twin
    (`earlier_claims`); anybody may write into the card of a folder.

    Args:
        node: The model.
        kept: Digests of the licence texts whose words are at hand.

    Returns:
        The newest of each name and terms, in the order of registration.
    """
    upstream = node.model.name if node.model.origin == "hub" else None
    others = [e for e in node.registered if e.model.origin == "local" or e.model.name != upstream]
    if not others:
        return []
    own, papers = terms_of(node.model), {digest for _, digest in node.papers}
    found: dict[tuple[str, Terms, frozenset[Digest]], RegisteredModel] = {}
    for entry in others:
        terms = terms_of(entry.model)
        texts = frozenset(one for _, one in papers_of(entry.model) if one in kept) - papers
        says_something = any(terms[0]) or bool(terms[1])
        if (says_something and terms != own) or texts:
            found[entry.model.name, terms, texts] = entry
    return sorted(found.values(), key=lambda entry: entry.seq)
