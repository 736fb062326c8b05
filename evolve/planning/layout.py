"""Which input tensors meet in which output tensor, and at which place of the network.

`models` merges whole models by raw name. `slices` stacks layer ranges: layers are renumbered,
what comes before the layers is taken from the first slice's sources and what comes after from
the last's. `modules` does either for each part of the models.

The place t of a tensor decides gradients: layer k of the m layers of its slice (or of its stack,
for whole models) is at k / (m - 1), the layer of a one-layer slice at 1, everything outside the
layers at 0 (the places of mergekit 0.1.5).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from evoreg.evolve.checkpoints.tensors import TensorInfo, layer_of, renumber, stack_of
from evoreg.evolve.planning.alignment import View, Views, align
from evoreg.evolve.planning.heads import head_of_the_last
from evoreg.evolve.planning.names import comes_before_layers, tied_stand_in
from evoreg.evolve.planning.parts import labels, owners
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.planning.ranges import fit_ranges
from evoreg.evolve.planning.stages import Piece, Stage, pieces
from evoreg.evolve.recipes.contracts import Contract
from evoreg.provenance.records.errors import Code, Problem
from evoreg.provenance.records.recipe import Recipe, Settings, Slice, Source

_FACTORS = re.compile(r"\.lora_(A|B|up|down)\.")


@dataclass(frozen=True)
class Found:
    """The tensor of one source."""

    model: SourceModel
    """Whose it is."""
    line: Source
    """Its line in the recipe."""
    tensor: TensorInfo
    """The tensor."""
    name: str
    """What it stands for in its model."""


@dataclass(frozen=True)
class Meeting:
    """The inputs of one output tensor."""

    name: str
    """Name of the output tensor."""
    inputs: tuple["Found", ...]
    """One a source."""
    base: str | None
    """Reference of the base, if it has the tensor."""
    position: float
    """t in [0, 1]."""
    blocks: tuple[Settings, ...]
    """Parameter blocks behind the model's own, most specific first."""
    lacking: tuple[str, ...] = ()
    """Sources that need not have the tensor and have it not."""


@dataclass(frozen=True)
class Stacked:
    """A stack of layers of the result that was put together from slices."""

    part: str
    """Its part of the model, as `parts.labels` tells it; empty for the language model."""
    slices: tuple[Slice, ...]
    """The slices."""


@dataclass
class Layout:
    """All meetings, with what stands against them."""

    recipe: Recipe
    """What was asked for, with layer ranges cut short if that was forgiven."""
    views: Views
    """The models."""
    meetings: list[Meeting] = field(default_factory=list)
    """Sorted by output name."""
    problems: list[Problem] = field(default_factory=list)
    """What stands against the merge."""
    warnings: list[Problem] = field(default_factory=list)
    """What was forgiven."""
    partial: list[str] = field(default_factory=list)
    """Tensors that not every source has, with what is done."""
    stacked: list[Stacked] = field(default_factory=list)
    """Stacks that were put together."""

    @property
    def parts(self) -> dict[str, str]:
        """The part of each output tensor."""
        return labels([meeting.name for meeting in self.meetings])


@dataclass(frozen=True)
class _Spot:
    """Where an output tensor stands."""

    name: str
    position: float = 0.0
    offset: int | None = None
    """Layer inside its slice; each source's own layer number is then put into the name."""


def lay_out(
    recipe: Recipe,
    contract: Contract,
    models: Mapping[str, SourceModel],
    *,
    lenient: bool = False,
) -> Layout:
    """Find the meetings of a recipe.

    Args:
        recipe: The recipe, its structure checked.
        contract: What its method asks for.
        models: The model of each reference.
        lenient: Cut layer ranges short instead of refusing those that reach beyond a model.

    Returns:
        Meetings sorted by output name, and every problem: missing tensors, layers out of range,
        names that cannot be placed.
    """
    used = {reference: models[reference] for reference in _merged(recipe, contract)}
    views = align(used)
    layout = Layout(recipe, views, problems=[*views.problems, *_factors(used)])
    claimed: Mapping[str, str] = {}
    if recipe.modules and not layout.problems:
        found = owners([module.name for module in recipe.modules], views.names)
        claimed = found.modules
        layout.problems.extend(found.problems)
    if layout.problems:
        return layout
    fitted = fit_ranges(pieces(recipe, contract, views, claimed), recipe, lenient=lenient)
    layout.recipe, layout.warnings = fitted.recipe, list(fitted.warnings)
    layout.problems.extend(fitted.problems)
    if layout.problems:
        return layout
    for piece in pieces(layout.recipe, contract, views, claimed):
        (_stack if piece.module.slices else _whole)(layout, piece)
    layout.meetings.sort(key=lambda meeting: meeting.name)
    return layout


def _merged(recipe: Recipe, contract: Contract) -> list[str]:
    """Return the references that give weights, not those that give config or tokenizer alone."""
    bases = [recipe.base_model] if contract.base != "ignored" else []
    wanted = {*(line.model for line in recipe.lines), *bases}
    return [reference for reference in recipe.references if reference in wanted]


def _factors(models: Mapping[str, SourceModel]) -> list[Problem]:
    if len(models) < 2:
        return []
    guilty = [
        model.reference
        for model in models.values()
        if any(map(_FACTORS.search, model.checkpoint.tensors))
    ]
    what = "these are the factors of adapters; merging them one by one is not merging what they add"
    hint = "write them behind their models, as model+adapter"
    return [Problem(Code.RECIPE_UNSUPPORTED, what, model, hint) for model in guilty]


def _whole(layout: Layout, piece: Piece) -> None:
    (stage,) = piece.stages
    depths = piece.stacks
    for name in sorted({name for view, _ in stage.sources for name in view.tensors}):
        depth = depths.get(stack_of(name) or "", 0)
        _meet(layout, stage, _Spot(name, _position(layer_of(name), depth)))


def _meet(layout: Layout, stage: Stage, spot: _Spot) -> None:
    """Add the meeting of one output tensor, or the problem that a source lacks its tensor."""
    inputs: list[Found] = []
    missing: list[str] = []
    lacking: list[str] = []
    for view, line in stage.sources:
        wanted = spot.name
        if spot.offset is not None:
            wanted = renumber(wanted, _first(line) + spot.offset)
        info = view.tensors.get(wanted) or tied_stand_in(view.whole, wanted)
        if info is not None:
            inputs.append(_found(layout, spot.name, wanted, info, (view, line)))
        elif layout.views.may_lack(view.model.reference, wanted):
            lacking.append(view.model.reference)
        else:
            missing.append(view.model.reference)
    if missing:
        what = f"the tensor {spot.name} is missing in {', '.join(missing)}"
        hint = "merge models of one architecture, or leave the model out"
        layout.problems.append(Problem(Code.MERGE_MISSING_TENSOR, what, hint=hint))
        return
    base = None if stage.base in lacking else stage.base
    layout.meetings.append(
        Meeting(spot.name, tuple(inputs), base, spot.position, stage.blocks, tuple(lacking))
    )


def _found(
    layout: Layout, name: str, wanted: str, info: TensorInfo, source: tuple[View, Source]
) -> Found:
    view, line = source
    if wanted in view.tensors:
        return Found(view.model, line, info, info.name)
    layout.partial.append(f"{name}: {view.model.reference} lent its tied {info.name}")
    return Found(view.model, line, info, wanted)


def _position(layer: int | None, depth: int) -> float:
    if layer is None:
        return 0.0
    return layer / (depth - 1) if depth > 1 else 1.0


def _stack(layout: Layout, piece: Piece) -> None:
    out = 0
    names: list[str] = []
    for stage in piece.stages:
        for offset in range(stage.layers or 0):
            names += _stack_layer(layout, stage, offset, out)
            out += 1
    if names:
        # The names of the models, since a stack of the result may have grown.
        told = labels([*layout.views.names, *names])
        layout.stacked.append(Stacked(told[names[0]], piece.module.slices))
    _outside(layout, piece)


def _stack_layer(layout: Layout, stage: Stage, offset: int, out: int) -> list[str]:
    """Add the meetings of one output layer."""
    names: set[str] = set()
    for view, line in stage.sources:
        layer = _first(line) + offset
        names.update(renumber(name, out) for name in view.layers.get(layer, ()))
    for name in sorted(names):
        _meet(layout, stage, _Spot(name, _position(offset, stage.layers or 0), offset))
    return sorted(names)


def _first(line: Source) -> int:
    return line.layer_range[0] if line.layer_range else 0


def _outside(layout: Layout, piece: Piece) -> None:
    """Add what lies before and after the layers."""
    found: dict[str, Stage] = {}
    ends = ((piece.stages[0], True), (piece.stages[-1], False))
    for stage, wants_before in ends:
        for view, _ in stage.sources:
            for name in view.tensors:
                if layer_of(name) is None and comes_before_layers(name) is wants_before:
                    found.setdefault(name, stage)
    unknown = sorted(
        name
        for stage in piece.stages
        for view, _ in stage.sources
        for name in view.tensors
        if layer_of(name) is None and comes_before_layers(name) is None
    )
    for name in dict.fromkeys(unknown):
        what = f"it is not known whether {name} belongs before or after the layers"
        hint = "merge these models with models: instead of slices:"
        layout.problems.append(Problem(Code.MERGE_ARCHITECTURE, what, hint=hint))
    head = head_of_the_last(piece, found)
    if head is not None:
        found[head] = piece.stages[-1]
    for name, stage in sorted(found.items()):
        _meet(layout, stage, _Spot(name))
