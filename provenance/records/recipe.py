"""A recipe: which models to merge and how, in one normal form, whatever the YAML looked like."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from evoreg.provenance.records.canonical import to_canonical
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.record import Grown, Record

Scalar = bool | int | float | str
"""A parameter value."""


def _as_written(value: int) -> int | float:
    """Return a float for digits that are the canonical spelling of one, such as those of 1e20."""
    if abs(value) < 2**53:
        return value
    try:
        number = float(value)
    except OverflowError:
        return value
    return number if to_canonical(number) == str(value).encode() else value


# Floats come first because most values are floats, and what fits exactly ends the search.
_Value = float | Annotated[int, AfterValidator(_as_written)] | bool | str


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


class Module(Record):
    """A part of the models that is merged by its own list, such as a text decoder."""

    name: str
    """As written in the recipe."""
    models: tuple[Source, ...] = ()
    """Whole models; nothing if `slices` is given."""
    slices: tuple[Slice, ...] = ()
    """Layer ranges."""
    parameters: Settings = ()
    """Parameters for this module."""


class TokenRow(Record):
    """What the recipe says about the embedding of one token."""

    token: str
    """Text of the token."""
    kind: Literal["default", "model", "token", "zero"] = "default"
    """Where the row comes from: the usual rule, the same token of `model`, another token of
    `model`, or zeros."""
    model: str | None = None
    """Reference, for the kinds model and token."""
    text: str | None = None
    """The other token, by text."""
    token_id: int | None = None
    """The other token, by id."""
    force: bool = False
    """Whether it replaces the row even in models that know the token."""


class TokenizerSettings(Record):
    """The vocabulary that the result shall have."""

    source: str = "union"
    """``union``, ``base`` or a reference."""
    tokens: tuple[TokenRow, ...] = ()
    """Single tokens, in the order of the recipe."""
    pad_to_multiple_of: int | None = None
    """Rows are added up to a multiple of this number."""


class Recipe(Grown):
    """What to merge and how. Exactly one of `models`, `slices` and `modules` is not empty."""

    LATER = frozenset({"modules", "tokenizer", "chat_template"})

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
    modules: tuple[Module, ...] = ()
    """Parts of the models, each with its own list."""
    tokenizer: TokenizerSettings | None = None
    """The vocabulary in detail; excludes `tokenizer_source`."""
    chat_template: str | None = None
    """``auto``, the name of a bundled template, or a Jinja template."""

    @property
    def vocabulary(self) -> TokenizerSettings | None:
        """What `tokenizer` or `tokenizer_source` asks for; nothing if the recipe is silent."""
        if self.tokenizer is not None or self.tokenizer_source is None:
            return self.tokenizer
        return TokenizerSettings(source=self.tokenizer_source)

    @property
    def stacks(self) -> tuple[Slice, ...]:
        """Every slice of the recipe, those of modules too."""
        inner = (piece for module in self.modules for piece in module.slices)
        return (*self.slices, *inner)

    @property
    def lines(self) -> tuple[Source, ...]:
        """Every line that names a model to merge, in order of appearance."""
        whole = (source for module in self.modules for source in module.models)
        return (*self.models, *whole, *(s for piece in self.stacks for s in piece.sources))

    @property
    def references(self) -> tuple[str, ...]:
        """Every model reference once: named bases first, then in order of appearance.

        References of the tokenizer that name no merged model come last.
        """
        found: dict[str, None] = {}
        if self.base_model is not None:
            found[self.base_model] = None
        for piece in self.stacks:
            if piece.base_model is not None:
                found[piece.base_model] = None
        for source in self.lines:
            found[source.model] = None
        wanted = self.vocabulary
        if wanted is not None and wanted.source not in ("union", "base"):
            found[wanted.source] = None
        for row in wanted.tokens if wanted is not None else ():
            if row.model is not None:
                found[row.model] = None
        return tuple(found)


ADAPTER_OF = "adapter of "
"""What stands before the reference of a model in that of the adapter on it."""


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
