"""Which input tensors meet in which output tensor, and at which place of the network.

`models` merges whole models by raw name. `slices` stacks layer ranges: layers are renumbered,
what comes before the layers is taken from the first slice's sources and what comes after from
the last's.

The place t of a tensor decides gradients: layer k of the m layers of its slice is at
k / (m - 1), the layer of a one-layer slice at 1, everything outside the layers at 0 (the places
of mergekit 0.1.5).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evoreg.evolve.checkpoints.tensors import Checkpoint, TensorInfo, renumber
from evoreg.evolve.planning.names import comes_before_layers, tied_stand_in
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.recipes.contracts import Contract
from evoreg.provenance.records.errors import Code, Problem
from evoreg.provenance.records.recipe import Recipe, Settings, Slice, Source


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
    """Reference of the base."""
    position: float
    """t in [0, 1]."""
    blocks: tuple[Settings, ...]
    """Parameter blocks behind the model's own, most specific first."""


@dataclass
class Layout:
    """All meetings, with what stands against them."""

    meetings: list[Meeting] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    partial: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Stage:
    """The sources of one stretch of the network and what they share."""

    sources: Sequence[tuple[SourceModel, Source]]
    base: str | None
    blocks: tuple[Settings, ...]


def lay_out(recipe: Recipe, contract: Contract, models: Mapping[str, SourceModel]) -> Layout:
    """Find the meetings of a recipe.

    Args:
        recipe: The recipe, its structure checked.
        contract: What its method asks for.
        models: The model of each reference.

    Returns:
        Meetings sorted by output name, and every problem: missing tensors, layers out of range,
        names that cannot be placed.
    """
    layout = Layout()
    if recipe.models:
        _whole_models(layout, recipe, contract, models)
    else:
        _stacked(layout, recipe, models)
    layout.meetings.sort(key=lambda meeting: meeting.name)
    return layout


def _whole_models(
    layout: Layout, recipe: Recipe, contract: Contract, models: Mapping[str, SourceModel]
) -> None:
    lines = list(recipe.models)
    base = recipe.base_model
    names = [line.model for line in lines]
    if contract.base != "ignored" and base is not None and base not in names:
        lines.append(Source(model=base))
    stage = _Stage([(models[line.model], line) for line in lines], base, (recipe.parameters,))
    tensors = sorted({name for model, _ in stage.sources for name in model.checkpoint.tensors})
    depth = max(model.checkpoint.layers for model, _ in stage.sources)
    for name in tensors:
        _meet(layout, stage, name, depth)


def _meet(layout: Layout, stage: _Stage, name: str, depth: int, offset: int | None = None) -> None:
    """Add the meeting of one output tensor, or the problem that a source lacks its tensor.

    With an offset it is a stacked layer, and each source's own layer number is put into the name.
    """
    inputs, missing = [], []
    for model, line in stage.sources:
        wanted = name if offset is None else renumber(name, _first(line) + offset)
        info = model.checkpoint.tensors.get(wanted) or tied_stand_in(model.checkpoint, wanted)
        if info is None:
            missing.append(model.reference)
        else:
            if info.name != wanted:
                layout.partial.append(f"{name}: {model.reference} lent its tied {info.name}")
            inputs.append(Found(model, line, info, wanted))
    if missing:
        what = f"the tensor {name} is missing in {', '.join(missing)}"
        hint = "merge models of one architecture, or leave the model out"
        layout.problems.append(Problem(Code.MERGE_MISSING_TENSOR, what, hint=hint))
        return
    position = _position(inputs[0].tensor.layer if offset is None else offset, depth)
    layout.meetings.append(Meeting(name, tuple(inputs), stage.base, position, stage.blocks))


def _position(layer: int | None, depth: int) -> float:
    if layer is None:
        return 0.0
    return layer / (depth - 1) if depth > 1 else 1.0


def _stacked(layout: Layout, recipe: Recipe, models: Mapping[str, SourceModel]) -> None:
    stages = [_stage(recipe, piece, models) for piece in recipe.slices]
    problems = _range_problems(stages)
    layout.problems.extend(problems)
    if problems:
        return
    out = 0
    for piece, stage in zip(recipe.slices, stages, strict=True):
        first, end = piece.sources[0].layer_range or (0, 0)
        for offset in range(end - first):
            _stack_layer(layout, stage, offset, end - first, out)
            out += 1
    _outside(layout, stages)


def _stage(recipe: Recipe, piece: Slice, models: Mapping[str, SourceModel]) -> _Stage:
    return _Stage(
        [(models[line.model], line) for line in piece.sources],
        piece.base_model or recipe.base_model,
        (piece.parameters, recipe.parameters),
    )


def _range_problems(stages: Sequence[_Stage]) -> list[Problem]:
    problems = []
    for model, line in (pair for stage in stages for pair in stage.sources):
        first, end = line.layer_range or (0, 0)
        layers = model.checkpoint.layers
        if end > layers:
            what = (
                f"layer_range [{first}, {end}] reaches beyond the {layers} layers of {line.model}"
            )
            problems.append(Problem(Code.RECIPE_LAYERS, what, hint=f"end is at most {layers}"))
        stacks = _prefixes(model.checkpoint)
        if len(stacks) > 1:
            what = f"{line.model} has several stacks of layers: {', '.join(stacks)}"
            hint = "merge it with models: instead of slices:"
            problems.append(Problem(Code.MERGE_ARCHITECTURE, what, hint=hint))
    return list(dict.fromkeys(problems))


def _prefixes(checkpoint: Checkpoint) -> list[str]:
    layered = (info for info in checkpoint.tensors.values() if info.layer is not None)
    return sorted({info.name.split(f".{info.layer}.", 1)[0] for info in layered})


def _stack_layer(layout: Layout, stage: _Stage, offset: int, depth: int, out: int) -> None:
    """Add the meetings of one output layer."""
    names: set[str] = set()
    for model, line in stage.sources:
        layer = _first(line) + offset
        tensors = model.checkpoint.tensors.values()
        names.update(renumber(info.name, out) for info in tensors if info.layer == layer)

    for name in sorted(names):
        _meet(layout, stage, name, depth, offset)


def _first(line: Source) -> int:
    return line.layer_range[0] if line.layer_range else 0


def _outside(layout: Layout, stages: Sequence[_Stage]) -> None:
    """Add what lies before and after the layers."""
    found: dict[str, _Stage] = {}
    for stage, wants_before in ((stages[0], True), (stages[-1], False)):
        for model, _ in stage.sources:
            for name, info in model.checkpoint.tensors.items():
                if info.layer is None and comes_before_layers(name) is wants_before:
                    found.setdefault(name, stage)
    unknown = sorted(
        name
        for stage in stages
        for model, _ in stage.sources
        for name, info in model.checkpoint.tensors.items()
        if info.layer is None and comes_before_layers(name) is None
    )
    for name in dict.fromkeys(unknown):
        what = f"it is not known whether {name} belongs before or after the layers"
        hint = "merge these models with models: instead of slices:"
        layout.problems.append(Problem(Code.MERGE_ARCHITECTURE, what, hint=hint))
    for name, stage in sorted(found.items()):
        _meet(layout, stage, name, 1)
