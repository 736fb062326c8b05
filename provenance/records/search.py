"""A search: what was looked for, where, and what candidates were asked to do.

Four records tell of a search, in this order: one `Search`, then for each generation its
`Evaluation`s and a `Generation` that closes it (`evoreg.provenance.records.evaluation`), and a
`SearchResult` at the end (`evoreg.provenance.records.result`). Measured numbers are fractions as
text or whole millionths, so that the records of a search that was interrupted and resumed are the
same bytes as those of one that ran through; times are written beside the records, not in them.
"""

from typing import Annotated, Literal

from pydantic import Field

from evoreg.provenance.records.candidate import Engine, Fraction
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.frozen import Object, Texts
from evoreg.provenance.records.recipe import Ingredient
from evoreg.provenance.records.record import Record

Split = Literal["train", "validation", "test"]
"""Train is for searching, validation for choosing among finalists, test for the one last look."""


class GeneRecord(Record):
    """One number that the search varies."""

    name: str
    """What it sets, such as ``pocket-math weight layers 0-1 attention``."""
    low: float
    """Smallest value."""
    high: float
    """Largest value."""
    start: float
    """Where the search begins."""


class SplitRecord(Record):
    """The items of one split of a task."""

    split: Split
    """Which split."""
    count: Annotated[int, Field(ge=0)]
    """Number of items."""
    digest: Digest
    """Digest of the ids of all items in order; an id is a digest of what the item says."""
    dropped: Annotated[int, Field(ge=0)] = 0
    """Items that were left out because they repeat another one of the split."""


class TaskRecord(Record):
    """What candidates are asked to do, so exactly that it can be asked again."""

    name: str
    """Name of the task."""
    kind: str
    """Row of the table of tasks."""
    metric: str
    """How a reply is judged."""
    maximise: bool
    """Whether more is better."""
    weight: Fraction
    """Its weight in the fitness."""
    splits: tuple[SplitRecord, ...]
    """The data."""
    template: Digest
    """Digest of the prompt template, and of the chat template if one is used."""
    settings: Object
    """Everything else that decides a score: decoding, budget, language, extraction."""


class Excluded(Record):
    """A model that policy kept out of the search."""

    reference: str
    """As written in the search file."""
    identity: Digest
    """Its weights."""
    reasons: tuple[str, ...]
    """Why, one sentence each."""


class Search(Record):
    """What was looked for, and where."""

    name: str
    """Name of the search."""
    run: Annotated[int, Field(ge=0)] = 0
    """Number of the run: the same search may be run again on purpose."""
    settings: Object
    """The search file as it was read, defaults included."""
    ingredients: tuple[Ingredient, ...]
    """The exact weights of every model that may take part."""
    excluded: tuple[Excluded, ...] = ()
    """Models that policy kept out."""
    genes: tuple[GeneRecord, ...]
    """The first search space."""
    tasks: tuple[TaskRecord, ...]
    """What candidates are asked to do."""
    seed: Annotated[int, Field(ge=0, lt=2**53)]
    """Seed of the search."""
    merge_seed: Annotated[int, Field(ge=0, lt=2**53)]
    """Seed of random masks, the same for all candidates."""
    intent: str
    """What the result is for."""
    decision: Digest | None
    """Decision of policy about all models of the space together."""
    outbound: str | None
    """Licence that the result will have to carry; nothing if policy names none."""
    engine: Engine
    """Who merges."""
    versions: Texts
    """Versions of the libraries that decide scores and genomes, and the device."""

    @property
    def id(self) -> Digest:
        """What names the search."""
        return self.record_digest()
