"""An evaluation: a candidate as a search scored it; and the generation that it belongs to."""

from typing import Annotated, Literal

from pydantic import Field

from evoreg.provenance.records.candidate import Contribution, Fraction
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.frozen import Object
from evoreg.provenance.records.recipe import Recipe
from evoreg.provenance.records.record import Record
from evoreg.provenance.records.search import Split


class NamedRecipe(Record):
    """An earlier recipe whose result another recipe uses by name."""

    name: str
    """The name."""
    recipe: Recipe
    """How it is made."""


class TaskScore(Record):
    """How a candidate did at one task."""

    task: str
    """Name of the task."""
    split: Split
    """Which data."""
    value: Fraction
    """The metric over all items asked."""
    soft: Fraction | None = None
    """Smooth score over the items, more is better: mean log-probability of the right answers in
    natural units, for each token; nothing if it was not taken."""
    items: tuple[int, ...]
    """The metric of each item in millionths, in the order of the items asked."""
    softs: tuple[int, ...] = ()
    """The smooth score of each item in millionths."""
    asked: Digest
    """Digest of the ids of the items asked, in order."""
    tokens: Annotated[int, Field(ge=0)] = 0
    """Tokens written."""
    truncated: Annotated[int, Field(ge=0)] = 0
    """Replies that were cut off by the generation budget."""
    foreign: Annotated[int, Field(ge=0)] = 0
    """Replies that were not in the language asked for."""


class Failure(Record):
    """Why a candidate has no score."""

    code: str
    """Stable code of the error."""
    what: str
    """One sentence."""


Origin = Literal["baseline", "sampled", "injected", "finalist", "variant"]
"""A baseline is a parent, the base or the uniform merge; sampled is what the optimiser asked for;
injected came from elsewhere, such as an earlier search; finalists are scored again at the end; a
variant is a finalist under another seed or prompt."""


class Evaluation(Record):
    """A candidate as a search scored it; its weights were made in memory only."""

    search: Digest
    """`Search.id`."""
    stage: Annotated[int, Field(ge=0)]
    """Stage of the search: finer genes, or layers after parameters, make a new one."""
    generation: Annotated[int, Field(ge=0)]
    """Generation within the search, 0 for baselines."""
    place: Annotated[int, Field(ge=0)]
    """Place in the generation."""
    origin: Origin
    """Where it came from."""
    label: str = ""
    """Name of a baseline, finalist or variant."""
    genome: tuple[float, ...]
    """The genes' values; empty for baselines."""
    recipe: Recipe
    """What was merged."""
    earlier: tuple[NamedRecipe, ...] = ()
    """Recipes that must be carried out first, in this order: a hybrid search stands on the result
    of its first stage."""
    candidate: Digest
    """`Candidate.id` that a merge of this recipe will have."""
    parents: tuple[Digest, ...] = ()
    """Candidates that it was made from, where the optimiser breeds pairs."""
    scores: tuple[TaskScore, ...] = ()
    """How it did."""
    fitness: tuple[Fraction, ...] = ()
    """What the optimiser was told, one number for each objective, more is better; empty if it
    failed."""
    contributions: tuple[Contribution, ...] = ()
    """Who is inside."""
    failure: Failure | None = None
    """Why it has no score."""


class Generation(Record):
    """The end of a generation: all its evaluations stand in the entries before."""

    search: Digest
    """`Search.id`."""
    stage: Annotated[int, Field(ge=0)]
    """As in `Evaluation`."""
    number: Annotated[int, Field(ge=0)]
    """As in `Evaluation`."""
    evaluations: Annotated[int, Field(ge=0)]
    """How many candidates it had."""
    failed: Annotated[int, Field(ge=0)]
    """How many of them failed."""
    best: tuple[Fraction, ...]
    """Best fitness by objective; empty if all failed."""
    mean: tuple[Fraction, ...]
    """Mean fitness by objective of those that did not fail; empty if all failed."""
    items: Annotated[int, Field(ge=0)]
    """Item evaluations that the search has spent so far."""
    state: Object
    """The optimiser's state after it was told: what continues the search must come to the same."""


MILLION = 1_000_000
"""Item scores are recorded in millionths."""
