"""The stretches of a network that a recipe merges apart: whole models or slices, of each module."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evoreg.evolve.checkpoints.tensors import stacks
from evoreg.evolve.planning.alignment import View, Views
from evoreg.evolve.planning.parts import parts_among
from evoreg.evolve.recipes.contracts import Contract
from evoreg.provenance.records.errors import Code, Problem
from evoreg.provenance.records.recipe import Module, Recipe, Settings, Slice, Source


@dataclass(frozen=True)
class Stage:
    """The sources of one stretch of the network and what they share."""

    sources: Sequence[tuple[View, Source]]
    """The models and their lines in the recipe."""
    base: str | None
    """Reference of the base."""
    blocks: tuple[Settings, ...]
    """Parameter blocks behind the model's own, most specific first."""
    layers: int | None = None
    """Number of layers of a slice; nothing for whole models."""


@dataclass(frozen=True)
class Piece:
    """One module of a recipe, or the whole recipe if it has no modules."""

    module: Module
    """What to merge; without a name if it is the whole recipe."""
    views: Mapping[str, View]
    """The models, with the tensors of this module alone."""
    stages: tuple[Stage, ...]
    """One for whole models, else one a slice."""

    @property
    def where(self) -> str:
        """Where its slices stand in the recipe."""
        return f"modules.{self.module.name}" if self.module.name else "slices"

    @property
    def stacks(self) -> dict[str, int]:
        """The number of layers of each stack of the models that take part."""
        used = {view.model.reference: view for stage in self.stages for view, _ in stage.sources}
        return stacks(name for view in used.values() for name in view.tensors)


def whole(recipe: Recipe) -> Module:
    """Return a recipe without modules as one module without a name."""
    return Module(name="", models=recipe.models, slices=recipe.slices)


def pieces(
    recipe: Recipe, contract: Contract, views: Views, owners: Mapping[str, str]
) -> list[Piece]:
    """Return the modules of a recipe with their models.

    Args:
        recipe: What was asked for.
        contract: What its method asks for.
        views: The models.
        owners: Module by tensor name; not looked at if the recipe has no modules.

    Returns:
        One piece a module, or one for the whole recipe.
    """
    found = []
    for module in recipe.modules or (whole(recipe),):
        own = {
            name: view.within(owners, module.name) if recipe.modules else view
            for name, view in views.views.items()
        }
        found.append(Piece(module, own, tuple(_stages(recipe, module, contract, own))))
    return found


def _stages(
    recipe: Recipe, module: Module, contract: Contract, views: Mapping[str, View]
) -> list[Stage]:
    outer = (module.parameters, recipe.parameters)
    if module.slices:
        return [_slice(recipe, piece, outer, views) for piece in module.slices]
    lines = list(module.models)
    base = recipe.base_model
    listed = any(line.model == base for line in lines)
    if contract.base != "ignored" and base is not None and not listed:
        lines.append(Source(model=base))
    return [Stage([(views[line.model], line) for line in lines], base, outer)]


def _slice(
    recipe: Recipe, piece: Slice, outer: tuple[Settings, ...], views: Mapping[str, View]
) -> Stage:
    first, end = piece.sources[0].layer_range or (0, 0)
    sources = [(views[line.model], line) for line in piece.sources]
    base = piece.base_model or recipe.base_model
    return Stage(sources, base, (piece.parameters, *outer), end - first)


def slice_problems(piece: Piece) -> list[Problem]:
    """Return what stands against stacking the layers of a piece.

    Args:
        piece: A module of the recipe with slices.

    Returns:
        One problem for each model with several stacks of layers.
    """
    problems = []
    for view in {v.model.reference: v for s in piece.stages for v, _ in s.sources}.values():
        found = list(stacks(view.tensors))
        if len(found) > 1:
            what = f"{view.model.reference} has several stacks of layers: {', '.join(found)}"
            known = ", ".join(parts_among(view.tensors) or found)
            hint = f"write modules:, each with its own slices or models: {known}"
            problems.append(Problem(Code.MERGE_ARCHITECTURE, what, piece.where, hint))
    return problems
