"""The nouns of a plan: which tensors will be written, and what each is made of."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from evoreg.evolve.checkpoints.tensors import BYTES, Checkpoint, TensorInfo
from evoreg.evolve.planning.adapters import Adapter, Change
from evoreg.evolve.recipes.contracts import Contract
from evoreg.evolve.vocabulary.rows import Rows
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Problem
from evoreg.provenance.records.recipe import Recipe

Parameters = Mapping[str, float | bool]
"""Parameter values for one tensor."""


@dataclass(frozen=True)
class SourceModel:
    """A model reference of the recipe with its checkpoint."""

    reference: str
    """As written in the recipe."""
    identity: Digest
    """Identity of the weights."""
    checkpoint: Checkpoint
    """Headers and configuration, as they are with the adapter."""
    adapter: Adapter | None = None
    """The adapter on top of it."""


@dataclass(frozen=True)
class Input:
    """One source of one output tensor."""

    source: SourceModel
    """Whose tensor it is."""
    tensor: TensorInfo
    """Which tensor."""
    name: str
    """What it stands for in its model: settings and masks go by this name.

    Its own name, but for a tied embedding that stands in for a head.
    """
    parameters: Parameters
    """The parameters of this source for this tensor."""
    rows: Rows | None = None
    """How its rows are reordered, if the vocabulary changes."""

    @property
    def adapter(self) -> Change | None:
        """What the adapter of its model does to this tensor, if anything."""
        whole = self.source.adapter
        return None if whole is None else whole.changes.get(self.tensor.name)

    @property
    def tensors(self) -> tuple[TensorInfo, ...]:
        """Every tensor that is read for it."""
        return (self.tensor,) if self.adapter is None else self.adapter.tensors


@dataclass(frozen=True)
class OutputTensor:
    """One tensor of the result."""

    name: str
    """Raw name in the result."""
    shape: tuple[int, ...]
    """Sizes of the axes."""
    dtype: str
    """safetensors type that is written."""
    double: bool
    """True if it is computed in float64, false for float32."""
    inputs: tuple[Input, ...]
    """Every tensor that takes part, in recipe order."""
    base: int | None
    """Place among the inputs of what differences are measured from, if the method does so."""
    parts: tuple[int, ...]
    """Places among the inputs of the sources, in the order that the method wants."""
    parameters: Parameters
    """Shared parameters for this tensor."""
    group: str
    """Layer and component that its shares are counted under."""
    copied: bool
    """True if the bits are copied: no floating-point numbers."""
    method: str
    """Row of the methods that makes this tensor: the recipe's, or ``passthrough`` for a tensor that
    one source alone has."""

    @property
    def elements(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def size(self) -> int:
        """Bytes that it takes in the file."""
        return self.elements * BYTES[self.dtype]


@dataclass(frozen=True)
class Plan:
    """A merge that can be carried out."""

    recipe: Recipe
    """What was asked for."""
    contract: Contract
    """What its method asks for."""
    seed: int
    """Seed of random masks."""
    sources: tuple[SourceModel, ...]
    """Every model, in `Recipe.references` order."""
    bases: tuple[str, ...]
    """References of the models that differences are measured from."""
    outputs: tuple[OutputTensor, ...]
    """The tensors, sorted by name."""
    config: Mapping[str, Json] | None
    """config.json of the result; nothing for raw folders."""
    donor: SourceModel
    """Whose tokenizer and other small files go along."""
    files: Mapping[str, bytes | None] = field(default_factory=dict)
    """Files that replace the donor's, by name; nothing for one that is left out."""
    partial: tuple[str, ...] = ()
    """Tensors that not every source had, with what was done."""
    warnings: tuple[Problem, ...] = ()
    """What lenient planning forgave."""

    @property
    def size(self) -> int:
        """Bytes of all tensors."""
        return sum(output.size for output in self.outputs)

    @property
    def elements(self) -> int:
        """Number of values of all tensors."""
        return sum(output.elements for output in self.outputs)
