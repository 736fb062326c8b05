"""The form of a search file: every key, its type, its range and its default.

The classes are what the YAML says, checked; `evoreg.evolve.searchfile.read` reads it and tells
line and column of what is wrong. Ranges and defaults follow the measurements of Sakana's paper
(arXiv 2403.13187) and the settings that the page docs/search.md gives reasons for.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from evoreg.evolve.searchfile.task_form import (
    USUAL_METRICS,
    DataForm,
    Form,
    Fraction01,
    Positive,
    TaskForm,
)
from evoreg.provenance.records.recipe import Scalar

__all__ = (
    "COMPONENTS",
    "USUAL_METRICS",
    "BudgetForm",
    "DataForm",
    "EconomyForm",
    "Form",
    "Fraction01",
    "GeneRange",
    "HybridSpace",
    "LayerSpace",
    "MergeForm",
    "OptimiserForm",
    "ParameterSpace",
    "Positive",
    "Refinement",
    "SearchForm",
    "SpaceForm",
    "TaskForm",
    "TensorSpace",
)


COMPONENTS = ("attention", "mlp", "embeddings", "head", "norms")
"""Components that are known by more than a part of a tensor name."""


# Beyond these a search file is a slip or an attack: it would fill the memory, or no weight fits.
_FARTHEST = 1e6
_MOST_REPEATS = 100
_MOST_HIDDEN = 1000
_MOST_POPULATION = 100_000

Reach = Annotated[float, Field(ge=-_FARTHEST, le=_FARTHEST)]
"""An end of a range."""


class GeneRange(Form):
    """The range of one parameter of the merge method."""

    low: Reach
    """Smallest value."""
    high: Reach
    """Largest value; more than `low`."""
    start: float
    """Where the search begins, within the range."""

    @model_validator(mode="after")
    def _ordered(self) -> "GeneRange":
        if not self.low < self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        if not self.low <= self.start <= self.high:
            raise ValueError(f"start {self.start:g} is not from {self.low:g} to {self.high:g}")
        return self


class Refinement(Form):
    """A finer space that follows a coarse one, begun at the coarse result."""

    granularity: Annotated[int, Field(ge=0)] = 0
    """Layers in a group; 0 takes all layers as one group."""
    components: tuple[str, ...] = ()
    """Components with genes of their own, as in the space itself."""
    knots: Annotated[int, Field(ge=0)] = 0
    """Values at this many layers, joined by straight lines, as in the space itself."""
    generations: Positive
    """After how many generations of the stage before this one begins."""
    gain: Annotated[float, Field(ge=0)] = 0.0
    """If the coarse stage still gained at least this much a generation, averaged over its last
    three, it goes on for as many generations again before it is refined; 0 refines at once."""


class ParameterSpace(Form):
    """Parameters of a merge method (PS)."""

    kind: Literal["parameters"] = "parameters"
    """Says that this is a space over parameters; may be left out."""
    granularity: Annotated[int, Field(ge=0)] = 0
    """Layers in a group, each with genes of its own; 0 takes all layers as one group."""
    knots: Annotated[int, Field(ge=0)] = 0
    """Instead of groups: values at this many layers, evenly spread, joined by straight lines."""
    smooth: bool = False
    """Whether `granularity` gives as many knots as there would be groups, instead of groups."""
    components: tuple[str, ...] = ()
    """Components with genes of their own: ``attention``, ``mlp``, ``embeddings``, ``head``,
    ``norms``, or any part of a tensor name; what none of them claims is one more component."""
    genes: dict[str, GeneRange] = Field(default_factory=dict)
    """Parameters of the method to vary and their ranges; empty takes the method's usual ones."""
    parameters: dict[str, Scalar] = Field(default_factory=dict)
    """Parameters of the method that stay as they are, such as ``normalize: false``."""
    refine: tuple[Refinement, ...] = ()
    """Coarse to fine: what follows."""


class TensorSpace(Form):
    """One weight for each tensor of each model, as M2N2 and CycleQD breed them."""

    kind: Literal["tensors"] = "tensors"
    """Says that this is a space over whole tensors."""
    low: Reach = -2.0
    """Smallest weight."""
    high: Reach = 2.0
    """Largest weight."""


class LayerSpace(Form):
    """Paths through the layers of several models (DFS)."""

    kind: Literal["layers"] = "layers"
    """Says that this is a space over layers."""
    repeats: Annotated[int, Field(ge=1, le=_MOST_REPEATS)] = 3
    """How often the pool of all layers stands one after the other."""
    scaling: Literal["none", "matrix", "network"] = "matrix"
    """Whether the input of a layer is scaled, by the pair of layers or by a small network."""
    scale: GeneRange = GeneRange(low=0.4, high=1.5, start=1.0)
    """Range of the scales."""
    hidden: Annotated[int, Field(ge=1, le=_MOST_HIDDEN)] = 4
    """Units of the small network."""
    limit: Annotated[int, Field(ge=0)] = 0
    """Most layers of a path; 0 sets none beyond the number of slots."""


class HybridSpace(Form):
    """Parameters first, then layers with the result of the first stage as the first model."""

    kind: Literal["hybrid"] = "hybrid"
    """Says that a space over parameters is followed by one over layers."""
    parameters: ParameterSpace = ParameterSpace()
    """First stage."""
    generations: Positive
    """Generations of the first stage."""
    layers: LayerSpace = LayerSpace()
    """Second stage."""
    partner: str | None = None
    """The model whose layers join those of the first result; nothing takes the best parent."""


SpaceForm = Annotated[
    ParameterSpace | TensorSpace | LayerSpace | HybridSpace, Field(discriminator="kind")
]


class OptimiserForm(Form):
    """What chooses the candidates."""

    kind: Literal["cma-es", "sep-cma-es", "random", "nsga2", "m2n2", "cycleqd"] = "cma-es"
    """Row of the table of optimisers; see docs/optimisers.md."""
    population: Annotated[int, Field(ge=0, le=_MOST_POPULATION)] = 0
    """Candidates of a generation; 0 takes the optimiser's usual number. For m2n2 the archive."""
    sigma: Annotated[float, Field(gt=0, le=1)] = 1 / 6
    """First step size, as a fraction of each gene's range."""
    options: dict[str, Scalar] = Field(default_factory=dict)
    """Further options of the optimiser; see docs/optimisers.md."""


class BudgetForm(Form):
    """When the search ends: at whatever comes first. At least one must be given."""

    generations: Positive | None = None
    """Generations, that of the baselines not counted."""
    candidates: Positive | None = None
    """Evaluated candidates, baselines not counted; whole generations are finished."""
    items: Positive | None = None
    """Item evaluations, baselines and final ones not counted."""
    minutes: Annotated[float, Field(gt=0)] | None = None
    """Not reproducible: where the search ends depends on the machine."""


class EconomyForm(Form):
    """How item evaluations are saved. Every part can be switched off."""

    items: Annotated[int, Field(ge=0)] = 0
    """Items of each task for a candidate; 0 takes all of the train split."""
    rotate: bool = True
    """Whether each generation gets other items, the same for all its candidates."""
    racing: bool = False
    """Whether a third of the items decides which half of a generation gets the rest."""
    collapse: Annotated[int, Field(ge=0)] = 8
    """Items that are asked first; a candidate that answers them all wrongly and with nothing but
    repetition, nothing at all or another language is given up. 0 switches it off."""
    cache: bool = True
    """Whether a recipe that was scored on the same items before is not scored again."""
    warm_start: bool = False
    """Whether the search begins from what the ledger knows about the same models and tasks."""
    finalists: Annotated[int, Field(ge=0)] = 3
    """How many of the best observed are scored again beside the mean."""
    average: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Return the mean averaged over this last part of the generations; 0 takes the last mean."""


class MergeForm(Form):
    """What every candidate's recipe says besides."""

    dtype: str | None = None
    """Type to compute in; nothing takes that of the models."""
    out_dtype: str | None = None
    """Type to write; nothing takes `dtype`, then that of the models."""
    tokenizer_source: str | None = None
    """Whose vocabulary the candidates have: ``union``, ``base`` or a reference."""
    chat_template: str | None = None
    """``auto``, the name of a bundled template, or a Jinja template."""


class SearchForm(Form):
    """A whole search file."""

    name: str
    """Name of the search and of the result."""
    models: Annotated[tuple[str, ...], Field(min_length=1)]
    """References of the models to merge, as in recipes."""
    base_model: str | None = None
    """The base, for methods that have one."""
    method: str = "task_arithmetic"
    """Merge method."""
    merge: MergeForm = MergeForm()
    """What every recipe says besides."""
    space: SpaceForm = ParameterSpace()
    """What is varied."""
    tasks: Annotated[tuple[TaskForm, ...], Field(min_length=1)]
    """What is measured. One objective, the weighted sum, unless the optimiser takes several."""
    optimiser: OptimiserForm = OptimiserForm()
    """What chooses the candidates."""
    budget: BudgetForm
    """How long."""
    economy: EconomyForm = EconomyForm()
    """What is saved."""
    seed: Annotated[int, Field(ge=0, lt=2**53)] = 0
    """Seed of the search; random masks, items and the optimiser get seeds derived from it."""
    intent: Literal["research", "commercial", "hosted"] | None = None
    """What the result is for; nothing takes the first of the policy."""
    policy: str | None = None
    """Policy file or name; nothing takes the usual one."""
    compute: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Type that candidates are run in; auto is float32 on processors, else the merge's own."""

    @model_validator(mode="before")
    @classmethod
    def _usual_space(cls, data: object) -> object:
        space = data.get("space") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(space, dict) or "kind" in space:
            return data
        return {**data, "space": {"kind": "parameters", **space}}
