"""A source in memory: loaded once, its layers shared by every path that runs through them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch

from evoreg.evolve.checkpoints.tensors import stacks
from evoreg.evolve.execution.weights import TORCH, Weights
from evoreg.evolve.flow.counting import Measured, measured, single, written
from evoreg.evolve.planning.build import make_plan
from evoreg.evolve.planning.plan import OutputTensor, Plan, SourceModel
from evoreg.evolve.resident.body import build, compute_type
from evoreg.evolve.resident.seats import find_seats
from evoreg.provenance.records.errors import Code, MergeError
from evoreg.provenance.records.recipe import Recipe, Source


@dataclass(frozen=True)
class Place:
    """Where and how candidates are run."""

    device: str
    """As torch names it."""
    compute: str
    """``auto`` or the name of a type."""


@dataclass(frozen=True)
class Loaded:
    """A source in memory."""

    # transformers declares no types
    model: Any
    """The whole model, its parameters filled."""
    layers: torch.nn.ModuleList
    """Its layers."""
    measured: Mapping[str, Measured]
    """What was counted of each tensor, by its name in the file."""


def whole_plan(source: SourceModel, recipe: Recipe) -> Plan:
    """Return the plan of a source alone, in the types of a recipe.

    Args:
        source: The model.
        recipe: Says what types are computed in and written.

    Returns:
        The plan of a copy.

    Raises:
        MergeError: Its tensors cannot be copied.
    """
    alone = Recipe(
        method="passthrough",
        models=(Source(model=source.reference),),
        dtype=recipe.dtype,
        out_dtype=recipe.out_dtype,
    )
    return make_plan(alone, {source.reference: source}, 0)


def load(plan: Plan, weights: Weights, place: Place) -> Loaded:
    """Load a source.

    Numbers that need no change stay mapped from their file; all others are in memory once, rounded
    as a merge in these types would write them.

    Args:
        plan: `whole_plan` of it.
        weights: Its open files.
        place: Where and how it shall run.

    Returns:
        The model.

    Raises:
        MergeError: Numbers that are not finite, or no such model in transformers.
        InputError: A file changed.
    """
    kind = compute_type(plan, place.compute, place.device)
    model = build(plan, kind).model
    if not single(plan.outputs):
        raise MergeError(Code.MERGE_VOCABULARY, "a path keeps the vocabulary of its first model")
    seats = find_seats(model, plan.outputs)
    # Views that are all of a parameter can be exchanged for the numbers in the file.
    owners = {p.data_ptr(): p for p in model.parameters() if p.numel()}
    found: dict[str, Measured] = {}
    for output in plan.outputs:
        values, tally = written(plan, output, weights)
        found[output.inputs[0].tensor.name] = measured(values, tally)
        seat = seats.views[output.name]
        owner = owners.get(seat.data_ptr()) if seat.numel() else None
        mapped = _mapped(output, weights)
        if owner is not None and mapped is not None and _alike(owner, seat, mapped):
            owner.data = mapped
        else:
            with torch.no_grad():
                seat.copy_(values)
    seats.hand_on(model, [output.name for output in plan.outputs])
    model.to(place.device)
    return Loaded(model, layers_of(model, plan), found)


def _mapped(output: OutputTensor, weights: Weights) -> torch.Tensor | None:
    """Return the numbers as they lie in the file, if they are written just so."""
    (item,) = output.inputs
    plain = item.adapter is None and TORCH[output.dtype] == TORCH[item.tensor.dtype]
    return weights.tensor(item.tensor) if plain else None


def _alike(*tensors: torch.Tensor) -> bool:
    return len({(tensor.shape, tensor.dtype) for tensor in tensors}) == 1


def layers_of(
    model: Any,  # noqa: ANN401 - transformers declares no types
    plan: Plan,
) -> torch.nn.ModuleList:
    """Return the layers of a model.

    Args:
        model: A transformers model.
        plan: The merge that it holds the result of.

    Returns:
        The list of its layers.

    Raises:
        MergeError: It has none that its tensors tell of.
    """
    found = stacks(output.name for output in plan.outputs)
    for stack, count in found.items() if len(found) == 1 else ():
        last = stack.rsplit(".", 1)[-1]
        for name, module in model.named_modules():
            fits = isinstance(module, torch.nn.ModuleList) and len(module) == count
            if fits and name.rsplit(".", 1)[-1] == last:
                return cast(torch.nn.ModuleList, module)
    what = "its layers are not found in the model that transformers builds"
    hint = "paths are for models with one stack of layers"
    raise MergeError(Code.MERGE_ARCHITECTURE, what, where=plan.donor.reference, hint=hint)
