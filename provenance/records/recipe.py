"""A recipe: which models to merge and how, in one normal form, whatever the YAML looked like."""

from typing import Annotated

from pydantic import AfterValidator, Field

from evoreg.provenance.records.canonical import to_canonical
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.record import Record

Scalar = bool | int | float | str
"""A parameter value."""


def _as_written(value: Scalar) -> Scalar:
    """Return a float for digits that are the canonical spelling of one, such as those of 1e20."""
    if not isinstance(value, int) or abs(value) < 2**53:
        return value
    try:
        number = float(value)
    except OverflowError:
        return value
    return number if to_canonical(number) == str(value).encode() else value


_Value = Annotated[Scalar, AfterValidator(_as_written)]


class Setting(Record):
    """A value for the tensors whose name contains `filter`."""

    value: _Value | tuple[_Value, ...]
    """One value, or a gradient: values spread evenly over the layers."""
    filter: str | None = None
    """Part of a tensor name; nothing means every tensor."""


Settings = tuple[tuple[str, tuple[Setting, ...]], ...]
"""Parameters by name, sorted by name; of several settings the first that matches wins."""


class Source(Record):
    """One model inside a recipe."""

    model: str
    """The reference as written: ``path`` or ``org/name@revision``, perhaps with ``+adapter``."""
    layer_range: tuple[int, int] | None = None
    """First layer and the one after the last; nothing means all layers."""
    parameters: Settings = ()
    """Parameters for this model alone."""


class Slice(Record):
    """A run of output layers and the models that they come from."""

    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    """The models, each with its own range of equally many layers."""
    base_model: str | None = None
    """Overrides the base of the recipe."""
    parameters: Settings = ()
    """Parameters for this slice."""


class Recipe(Record):
    """What to merge and how. Exactly one of `models` and `slices` is not empty."""

    method: str
    """Name of the merge method."""
    models: tuple[Source, ...] = ()
    """Whole models."""
    slices: tuple[Slice, ...] = ()
    """Layer ranges."""
    base_model: str | None = None
    """Reference of the base."""
    parameters: Settings = ()
    """Parameters for everything."""
    dtype: str | None = None
    """Type to compute in; nothing means that of the inputs."""
    out_dtype: str | None = None
    """Type to write; nothing means `dtype`, then that of the inputs."""
    tokenizer_source: str | None = None
    """Whose tokenizer goes with the result: ``base`` or a reference; nothing: the donor's."""

    @property
    def references(self) -> tuple[str, ...]:
        """Every model reference once: named bases first, then in order of appearance.

        A tokenizer's reference that names no merged model comes last.
        """
        found: dict[str, None] = {}
        if self.base_model is not None:
            found[self.base_model] = None
        for piece in self.slices:
            if piece.base_model is not None:
                found[piece.base_model] = None
        for source in (*self.models, *(s for piece in self.slices for s in piece.sources)):
            found[source.model] = None
        if self.tokenizer_source not in (None, "union", "base"):
            found[str(self.tokenizer_source)] = None
        return tuple(found)


class Ingredient(Record):
    """A model reference of a recipe and the exact weights that it stood for."""

    reference: str
    """As written in the recipe."""
    name: str
    """`Model.name`."""
    revision: str | None
    """`Model.revision`."""
    identity: Digest
    """`Model.identity`."""
