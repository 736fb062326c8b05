"""Links: every statement about what a model was made from, whoever makes it, in one form."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Problem
from evoreg.provenance.records.lineage import OVER_WEIGHTS, EdgeOrigin, Relation
from evoreg.provenance.records.model import Model
from evoreg.registry.lineage.memory import Told
from evoreg.registry.models.card import UNREADABLE
from evoreg.registry.models.parent_names import parent_name
from evoreg.registry.models.parents import RELATIONS, edges_of
from evoreg.registry.models.resolve import ResolvedModel
from evoreg.registry.models.roles import ADAPTER_CONFIG

A_MERGE = "a recorded merge"
"""Who says so, if the ledger saw the merge itself."""
A_RECIPE = "a recipe in the folder"
"""Who says so, if a recipe was left in the folder."""
AN_ADAPTER = "the settings of the adapter"
"""Who says so, if an adapter does."""
A_PERSON = "a person"
"""Who says so, if somebody recorded it."""
_WHO: dict[EdgeOrigin, str] = {
    "card": "the card",
    "recipe": A_RECIPE,
    "adapter": AN_ADAPTER,
    "human": A_PERSON,
}


@dataclass(frozen=True, slots=True)
class Link:
    """One parent of a model, as somebody names it."""

    parent: str
    """Its name; a digest if only its weights are known."""
    relation: Relation
    """How it reached the child."""
    who: str
    """Who says so, in words."""
    revision: str | None = None
    """Its commit, if that is said."""
    identity: Digest | None = None
    """Identity of its weights, if that is known."""


def from_edge(edge: Told) -> Link:
    """Return the link that an edge tells of."""
    return Link(edge.parent, edge.relation, _WHO[edge.origin], edge.revision, edge.parent_identity)


def from_card(model: Model) -> Iterator[Link]:
    """Yield the parents that a card names.

    Args:
        model: The model; what its card says of the relation holds for all parents.

    Yields:
        A link for each parent.
    """
    card = model.card
    if not card.base_model:
        return
    said = (card.base_model_relation or "").strip().casefold()
    silent: Relation = "merge" if len(card.base_model) > 1 else "derived"
    if any(file.path == ADAPTER_CONFIG for file in model.files):
        silent = "adapter"
    relation = RELATIONS.get(said, "derived" if said else silent)
    for text in card.base_model:
        named = parent_name(text)
        # A name that cannot be read is a parent all the same: one that nobody will find.
        name, revision = (named.name, named.revision) if named else (UNREADABLE, None)
        yield Link(name, relation, _WHO["card"], revision)


def from_folder(found: ResolvedModel) -> tuple[tuple[Link, ...], tuple[Problem, ...]]:
    """Return the parents that the files in a model's folder tell of, its card among them.

    Args:
        found: The model.

    Returns:
        The links, and what could not be read.
    """
    edges, problems = edges_of(found.model, found.folder, "", "")
    return tuple(map(from_edge, edges)), problems


def made(identity: Digest) -> Link:
    """Return the link to an ingredient of a merge that the ledger recorded."""
    return Link(identity, "merge", A_MERGE, identity=identity)


def distinct(links: Sequence[Link]) -> tuple[Link, ...]:
    """Leave out repetitions, data sets, and what says less than another link to the same parent.

    Args:
        links: All that is said about one model, best evidence first.

    Returns:
        Each parent once for each way in which it reached the child; ``derived`` says nothing where
        somebody says how.
    """
    known = {
        (link.parent, link.revision, link.identity)
        for link in links
        if link.relation in OVER_WEIGHTS and link.relation != "derived"
    }
    # Somebody said which weights a name means; then the name alone asks nothing more.
    settled = {link.parent for link in links if link.who == A_PERSON and link.identity is not None}
    found: dict[tuple[str, str | None, Digest | None, Relation], Link] = {}
    for link in links:
        if link.parent in settled and link.identity is None and link.revision is None:
            continue
        same = (link.parent, link.revision, link.identity)
        if link.relation == "dataset" or (link.relation == "derived" and same in known):
            continue
        found.setdefault((*same, link.relation), link)
    return tuple(found.values())
