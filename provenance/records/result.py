"""The result of a search: the winner, and whether to believe it."""

from typing import Annotated, Literal

from pydantic import Field

from evoreg.provenance.records.candidate import Fraction
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.evaluation import NamedRecipe, TaskScore
from evoreg.provenance.records.recipe import Recipe
from evoreg.provenance.records.record import Record


class Interval(Record):
    """A paired difference on the same items, with a bootstrap interval."""

    against: str
    """Label of the other model."""
    task: str
    """Name of the task."""
    difference: Fraction
    """Mean difference of the metric: the winner's less the other's."""
    low: Fraction
    """Lower end of the 95 % interval."""
    high: Fraction
    """Upper end."""
    samples: Annotated[int, Field(ge=1)]
    """Bootstrap samples."""


class Drift(Record):
    """How far the winner's weights are from a model's."""

    reference: str
    """The model."""
    relative: Fraction
    """|winner - model|_2 / |model|_2 over all tensors that both have."""
    largest: str
    """Tensor with the largest relative difference."""


class Spread(Record):
    """The same recipe under other circumstances."""

    kind: Literal["seed", "prompt"]
    """What was varied."""
    label: str
    """Which value."""
    task: str
    """Name of the task."""
    value: Fraction
    """The metric on the test split."""


class Stability(Record):
    """Whether the winner holds what its score promises."""

    finite: bool
    """Whether every number of every tensor is finite."""
    tensors: Annotated[int, Field(ge=0)]
    """Tensors looked at."""
    parameters: Annotated[int, Field(ge=0)]
    """Numbers looked at."""
    drifts: tuple[Drift, ...]
    """Against each source."""
    spreads: tuple[Spread, ...]
    """Over seeds and prompt variants."""
    intervals: tuple[Interval, ...]
    """Against each parent, the base and the uniform merge, on the test split."""
    tried: Annotated[int, Field(ge=0)]
    """Candidates that the search evaluated: the more, the more luck is in the best."""
    truncated: Fraction
    """Part of the winner's replies that the generation budget cut off."""
    warnings: tuple[str, ...] = ()
    """What the reader should know before believing the score."""


class SearchResult(Record):
    """What came out of a search."""

    search: Digest
    """`Search.id`."""
    winner: Digest
    """`Candidate.id` of the winner."""
    label: str
    """What it was: ``mean`` of the final distribution, or one of the best observed."""
    recipe: Recipe
    """Its recipe, in full."""
    earlier: tuple[NamedRecipe, ...] = ()
    """As in `Evaluation`."""
    merge_seed: Annotated[int, Field(ge=0, lt=2**53)]
    """The seed to merge it with."""
    validation: tuple[TaskScore, ...]
    """Its scores on the split by which it was chosen."""
    test: tuple[TaskScore, ...]
    """Its scores on the split that nothing was chosen by."""
    front: tuple[Digest, ...] = ()
    """Candidates of the Pareto front, if there are several objectives."""
    stability: Stability
    """Whether to believe it."""
    items: Annotated[int, Field(ge=0)]
    """Item evaluations spent, the final ones included."""
