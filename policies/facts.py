"""Source facts: what is known about one model that takes part, before any judgement."""

from dataclasses import dataclass, replace
from typing import Literal

from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.license import LicenseClaim, Rider
from evoreg.provenance.records.lineage import OVER_WEIGHTS, Relation
from evoreg.provenance.records.model import Model

Modality = Literal["text", "image", "multimodal"]
"""What a model takes and gives."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """A parent that is named, and whose licence nobody could look at: a missing fact."""

    name: str
    """As it is named."""
    relation: Relation
    """How it is said to have reached the child."""
    why: str
    """Who names it, and why it could not be looked at."""


# Compared by identity: a lineage is a graph, and comparing its nodes by value would walk it all.
@dataclass(frozen=True, slots=True, eq=False)
class SourceFacts:
    """One model and what is known about its licence."""

    label: str
    """What the decision calls it."""
    model: Model
    """The model; its card is copied, never believed."""
    texts: tuple[tuple[str, bytes], ...] = ()
    """Path and content of its licence and notice files, as far as they are texts."""
    unread: tuple[tuple[str, Digest], ...] = ()
    """Licence and notice files whose words are not at hand: too long, no text, or not kept."""
    claims: tuple[LicenseClaim, ...] = ()
    """Recorded claims; only those about exactly these weights count."""
    share: str | None = None
    """Its share in the result, for people to read; it never decides anything."""
    relation: Relation = "merge"
    """How it reached the result."""
    ancestors: tuple["SourceFacts", ...] = ()
    """What it was made from; one value may stand at several places of a lineage."""
    unseen: tuple[Unseen, ...] = ()
    """Parents that are named and that nobody could look at."""
    used: bool = True
    """False only if every coefficient of it is exactly zero (`Contribution.used`)."""
    modality: Modality | None = None
    """What it takes and gives; nothing if that is not known."""
    adapter: "SourceFacts | None" = None
    """What is known about the adapter on it beyond `Model.adapter`: texts, claims, ancestors."""
    about_pair: tuple[LicenseClaim, ...] = ()
    """Claims about a base and an adapter together, as `parts` hands them to each of the two."""

    @property
    def by_weights(self) -> bool:
        """True if its weights are in what was made from it, and not its outputs or data only."""
        return self.relation in OVER_WEIGHTS

    @property
    def riders(self) -> tuple[Rider, ...]:
        """Terms beside the licence that people recorded about these weights, each once."""
        return tuple(dict.fromkeys(r for claim in self.own_claims for r in claim.riders))

    @property
    def own_claims(self) -> tuple[LicenseClaim, ...]:
        """The claims about exactly these weights; none for a model without weight files."""
        # Without this test all models that have no weights yet would share one identity.
        if not self.claims or (not self.model.weights and self.model.adapter is None):
            return self.about_pair
        identity = self.model.identity
        own = tuple(claim for claim in self.claims if claim.identity == identity)
        return (*own, *self.about_pair)


def parts(source: SourceFacts) -> tuple[SourceFacts, ...]:
    """Split a model that carries an adapter into the two that have licences of their own.

    Args:
        source: A source.

    Returns:
        The source itself, or base and adapter. What people say about the pair is said about both,
        and weighed against the texts and the card of each.
    """
    adapter = source.model.adapter
    if adapter is None:
        return (source,)
    pair = tuple(
        claim
        for claim in source.own_claims
        if claim.origin in ("human", "clarification") or claim.riders
    )
    bare = source.model.model_copy(update={"adapter": None})
    base = replace(source, model=bare, adapter=None, about_pair=pair)
    extra = source.adapter or SourceFacts(adapter.label, adapter, claims=source.claims)
    return (
        base,
        replace(extra, relation="adapter", modality=source.modality, about_pair=pair),
    )
