"""An edge: one statement that a model was made from another, in a certain way."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.license import Evidence
from evoreg.provenance.records.model import Commit
from evoreg.provenance.records.record import Record

Relation = Literal[
    "merge", "finetune", "adapter", "quantized", "derived", "distilled", "synthetic_data", "dataset"
]
"""How a parent reached the child: its weights (the first five; ``derived`` if nobody says how), its
outputs (``distilled``, ``synthetic_data``), or as data."""

OVER_WEIGHTS: frozenset[Relation] = frozenset(
    {"merge", "finetune", "adapter", "quantized", "derived"}
)
"""Relations over which all terms of a licence travel."""

OVER_OUTPUTS: frozenset[Relation] = frozenset({"distilled", "synthetic_data"})
"""Relations over which only terms about outputs travel."""

EdgeOrigin = Literal["card", "recipe", "adapter", "human"]
"""Who says so: the model's card, a recipe in its folder, the adapter's settings, a person."""


class Edge(Record):
    """One statement about the origin of a model. Edges are added and never changed or removed."""

    child: str
    """Name of the model, as in `Model.name`."""
    identity: Digest
    """Identity of the weights of the child (`Model.identity`)."""
    parent: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    """Name of the parent: ``org/name`` of the Hub, a folder's name, or a dataset's id."""
    revision: Commit | None = None
    """The parent's commit, if it is known."""
    parent_identity: Digest | None = None
    """Identity of the parent's weights, if they are known."""
    relation: Relation
    """How the parent reached the child."""
    origin: EdgeOrigin
    """Who says so."""
    evidence: Evidence | None = None
    """What it rests on."""
    by: str
    """Who recorded it."""
    at: str
    """When it was recorded: ISO 8601, UTC, to the second, ending in Z."""
    note: str = ""
    """Free text."""
