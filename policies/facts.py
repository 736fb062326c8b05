"""Source facts: what is known about one model that takes part, before any judgement."""

from dataclasses import dataclass, replace
from typing import Literal

from evoreg.provenance.records.license import LicenseClaim
from evoreg.provenance.records.model import Model

Relation = Literal["weights", "adapter", "distilled_from", "synthetic_data_from", "data"]
"""How a model reached the result: its weights, an adapter, its outputs, or data."""

WEIGHTS: frozenset[str] = frozenset({"weights", "adapter"})
"""Relations over which all terms travel."""

Modality = Literal["text", "image", "multimodal"]
"""What a model takes and gives."""


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """One model and what is known about its licence."""

    label: str
    """What the decision calls it."""
    model: Model
    """The model; its card is copied, never believed."""
    texts: tuple[tuple[str, bytes], ...] = ()
    """Path and content of its licence and notice files."""
    claims: tuple[LicenseClaim, ...] = ()
    """Recorded claims; only those about exactly these weights count."""
    share: str | None = None
    """Its share in the result, for people to read; it never decides anything."""
    relation: Relation = "weights"
    """How it reached the result."""
    ancestors: tuple["SourceFacts", ...] = ()
    """What it was made from."""
    used: bool = True
    """False only if every coefficient of it is exactly zero (`Contribution.used`)."""
    modality: Modality | None = None
    """What it takes and gives; nothing if that is not known."""
    adapter: "SourceFacts | None" = None
    """What is known about the adapter on it beyond `Model.adapter`: texts, claims, ancestors."""

    @property
    def own_claims(self) -> tuple[LicenseClaim, ...]:
        """The claims about exactly these weights; none for a model without weight files."""
        # Without this test all models that have no weights yet would share one identity.
        if not self.model.weights and self.model.adapter is None:
            return ()
        identity = self.model.identity
        return tuple(claim for claim in self.claims if claim.identity == identity)


def parts(source: SourceFacts) -> tuple[SourceFacts, ...]:
    """Split a model that carries an adapter into the two that have licences of their own.

    Args:
        source: A source.

    Returns:
        The source itself, or base and adapter; a claim about the pair keeps it whole.
    """
    adapter = source.model.adapter
    if adapter is None or any(c.origin in ("human", "clarification") for c in source.own_claims):
        return (source,)
    bare = source.model.model_copy(update={"adapter": None})
    base = replace(source, model=bare, adapter=None)
    extra = source.adapter or SourceFacts(adapter.label, adapter, claims=source.claims)
    return (base, replace(extra, relation="adapter", modality=source.modality))
