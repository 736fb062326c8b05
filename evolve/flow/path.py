"""A path through the layers of several models, and the recipe that says it.

With inputs scaled by s_1 ... s_n the hidden state behind layer k is P_k = s_1 ... s_k times what it
would be if every layer added 1 / P_k of what it adds (see `evoreg.evolve.flow.families`). So the
recipe of a plain path is a passthrough of slices whose output weights have the factor 1 / P_k. For
other networks the recipe keeps s_k itself, as a setting for `INPUT`, which is part of no tensor's
name: a merge stacks the layers, and the runtime multiplies.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evoreg.evolve.flow.families import Family
from evoreg.evolve.recipes.marked import LARGEST
from evoreg.evolve.recipes.settings import find
from evoreg.evolve.searchfile.form import MergeForm
from evoreg.evolve.spaces.limits import MOST_VALUES
from evoreg.provenance.records.errors import Code, MergeError
from evoreg.provenance.records.recipe import Recipe, Setting, Settings, Slice, Source

INPUT = "(input of the layer)"
"""The filter of a scale that the runtime applies: no tensor is called so."""
PLAIN = MergeForm()
"""Types and files as they are."""
_BESIDES = 200
# Bytes of YAML: a line holds a key and its value, which is what counts as two.
_BYTES = 16


@dataclass(frozen=True, slots=True)
class Hop:
    """One layer of a path."""

    model: str
    """Reference of the model."""
    layer: int
    """Number of the layer in its model."""
    scale: float = 1.0
    """What the hidden state is multiplied with before it."""


def factors(path: Sequence[Hop]) -> tuple[float, ...]:
    """Return what each layer of a path adds, as a multiple of what it adds unscaled.

    Args:
        path: Layers with positive scales.

    Returns:
        1 / (s_1 ... s_k) for each layer k.

    Raises:
        MergeError: The scales multiply to a number that is too small, too large or not positive.
    """
    found = []
    product = 1.0
    for hop in path:
        product *= hop.scale
        if not (product > 0 and math.isfinite(product) and math.isfinite(1 / product)):
            what = f"the scales of a path of {len(path)} layers multiply to {product:g}"
            hint = "keep the range of the scales nearer to 1"
            raise MergeError(Code.MERGE_NOT_FINITE, what, hint=hint)
        found.append(1 / product)
    return tuple(found)


def path_recipe(path: Sequence[Hop], family: Family | None, merge: MergeForm = PLAIN) -> Recipe:
    """Return the recipe of a path.

    Args:
        path: At least one layer.
        family: Where its layers add to the hidden state; nothing keeps the scales of the inputs.
        merge: Types to compute in and to write, and the chat template; the vocabulary is always
            that of the first model.

    Returns:
        A passthrough recipe of slices; neighbours of one model with one factor share a slice.

    Raises:
        MergeError: No layer, scales that multiply to nothing or to infinity, or more slices than a
            recipe file holds.
    """
    if not path:
        raise MergeError(Code.MERGE_ARCHITECTURE, "the path has no layers", hint="keep a layer")
    plain = factors(path)
    if family is not None:
        settings = [_settings(family.filters, factor) for factor in plain]
    else:
        settings = [_settings((INPUT,), hop.scale) for hop in path]
    slices = tuple(_slices(path, settings))
    _check_writable(slices)
    return Recipe(
        method="passthrough",
        slices=slices,
        dtype=merge.dtype,
        out_dtype=merge.out_dtype,
        chat_template=merge.chat_template,
    )


def _check_writable(slices: Sequence[Slice]) -> None:
    """Refuse a path that nobody could write down, so that it does not win the search."""
    scales = [len(settings) for piece in slices for _, settings in piece.parameters]
    values = _BESIDES + 10 * len(slices) + sum(4 + 5 * count for count in scales)
    names = sum(len(line.model.encode()) for piece in slices for line in piece.sources)
    size = _BYTES * values + names
    if values > MOST_VALUES or size > LARGEST:
        what = f"a path of {len(slices)} pieces has too many values for a recipe file"
        hint = "this candidate has failed; lower limit or repeats if most of them do"
        raise MergeError(Code.MERGE_ARCHITECTURE, what, hint=hint)


def _settings(filters: Sequence[str], value: float) -> Settings:
    if value == 1.0:
        return ()
    return (("scale", tuple(Setting(value=value, filter=name) for name in filters)),)


def _slices(path: Sequence[Hop], settings: Sequence[Settings]) -> Iterator[Slice]:
    first = 0
    for place, hop in enumerate(path):
        following = path[place + 1] if place + 1 < len(path) else None
        joined = (
            following is not None
            and (following.model, following.layer) == (hop.model, hop.layer + 1)
            and settings[place + 1] == settings[place]
        )
        if not joined:
            span = (path[first].layer, hop.layer + 1)
            source = Source(model=hop.model, layer_range=span)
            yield Slice(sources=(source,), parameters=settings[place])
            first = place + 1


def path_of(recipe: Recipe) -> tuple[Hop, ...]:
    """Return the layers of a recipe of slices, with the scales that the runtime has to apply.

    Args:
        recipe: A recipe with one source a slice.

    Returns:
        The path; its scales are 1 where the recipe is plain.

    Raises:
        MergeError: A slice merges several models.
    """
    found = []
    for piece in recipe.slices:
        if len(piece.sources) != 1:
            what = "a path takes each layer from one model"
            hint = "write one source in each slice"
            raise MergeError(Code.MERGE_ARCHITECTURE, what, hint=hint)
        (line,) = piece.sources
        first, end = line.layer_range or (0, 0)
        scale = _input_scale((line.parameters, piece.parameters, recipe.parameters))
        found += [Hop(line.model, layer, scale) for layer in range(first, end)]
    return tuple(found)


def _input_scale(blocks: Sequence[Settings]) -> float:
    """Return the scale that is set for `INPUT` by name; settings without a filter are not."""
    setting = find(blocks, "scale", INPUT)
    if setting is None or setting.filter != INPUT or isinstance(setting.value, tuple):
        return 1.0
    return float(setting.value)
