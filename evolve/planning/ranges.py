"""Layer ranges against the layers that the models have."""

from collections.abc import Sequence
from dataclasses import dataclass

from evoreg.evolve.checkpoints.tensors import stacks
from evoreg.evolve.planning.stages import Piece, slice_problems
from evoreg.provenance.records.errors import Code, Problem
from evoreg.provenance.records.recipe import Module, Recipe, Slice, Source


@dataclass(frozen=True)
class Fitted:
    """A recipe whose layer ranges were held against its models."""

    recipe: Recipe
    """The recipe, with ranges cut short if that was forgiven."""
    problems: tuple[Problem, ...] = ()
    """What stands against it."""
    warnings: tuple[Problem, ...] = ()
    """What was forgiven."""


def fit_ranges(parts: Sequence[Piece], recipe: Recipe, *, lenient: bool) -> Fitted:
    """Check the layers of all slices.

    Args:
        parts: The modules of the recipe.
        recipe: The recipe.
        lenient: Cut ranges short instead of refusing those that reach beyond a model.

    Returns:
        The recipe to carry out, and what is wrong with it.
    """
    sliced = [piece for piece in parts if piece.module.slices]
    problems = [problem for piece in sliced for problem in slice_problems(piece)]
    if problems:
        return Fitted(recipe, tuple(problems))
    beyond = tuple(problem for piece in sliced for problem in _beyond(piece))
    if not beyond or not lenient:
        return Fitted(recipe, beyond)
    modules = tuple(_clamped(p) if p.module.slices else p.module for p in parts)
    change = {"modules": modules} if recipe.modules else {"slices": modules[0].slices}
    shortened = recipe.model_copy(update=change)
    if any(_length(piece) for piece in shortened.stacks):
        return Fitted(shortened, (), beyond)
    return Fitted(shortened, (Problem(Code.RECIPE_LAYERS, "the slices hold no layer at all"),))


def _length(piece: Slice) -> int:
    first, end = piece.sources[0].layer_range or (0, 0)
    return end - first


def _beyond(piece: Piece) -> list[Problem]:
    """Return the ranges that reach beyond the layers of their models, each told once."""
    found = []
    for part in piece.module.slices:
        for line in part.sources:
            first, end = line.layer_range or (0, 0)
            layers = _layers(piece, line)
            if end > layers:
                what = (
                    f"layer_range [{first}, {end}] reaches beyond the {layers} layers "
                    f"of {line.model}"
                )
                hint = f"end is at most {layers}"
                found.append(Problem(Code.RECIPE_LAYERS, what, piece.where, hint))
    return list(dict.fromkeys(found))


def _clamped(piece: Piece) -> Module:
    """Shorten all sources of a slice alike, so that they stay equally long."""
    return piece.module.model_copy(
        update={"slices": tuple(_shortened(piece, part) for part in piece.module.slices)}
    )


def _shortened(piece: Piece, part: Slice) -> Slice:
    spans = [(line, *(line.layer_range or (0, 0))) for line in part.sources]
    excess = max(0, *(end - _layers(piece, line) for line, _, end in spans))
    sources = []
    for line, first, end in spans:
        start = min(first, _layers(piece, line))
        span = (start, max(start, end - excess))
        sources.append(line.model_copy(update={"layer_range": span}))
    return part.model_copy(update={"sources": tuple(sources)})


def _layers(piece: Piece, line: Source) -> int:
    return max(stacks(piece.views[line.model].tensors).values(), default=0)
