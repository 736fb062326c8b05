"""A model whose layers are those of other models, sharing their parameters.

It is built without memory from the configuration that a merge would write, so that every layer has
its own number, and with it its own place in the key-value cache; then each of its modules takes the
parameters of the module that it stands for. A layer that runs three times is three modules with one
set of parameters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from evoreg.evolve.flow.families import Family
from evoreg.evolve.flow.loading import Loaded, layers_of
from evoreg.evolve.planning.names import comes_before_layers
from evoreg.evolve.planning.plan import Plan
from evoreg.evolve.resident.body import build
from evoreg.provenance.records.errors import Code, MergeError


@dataclass
class Dials:
    """The scales of the layers of a model; its hooks look here each time they run."""

    inputs: list[float]
    """What the input of each layer is multiplied with."""
    outputs: list[float]
    """What each layer adds, as a multiple."""


@dataclass(frozen=True)
class Frame:
    """A model without numbers of its own."""

    # transformers declares no types
    model: Any
    """The model, in evaluation mode."""
    tokenizer: Any
    """Its tokenizer."""
    layers: torch.nn.ModuleList
    """Its layers."""
    dials: Dials
    """Their scales."""


@dataclass(frozen=True)
class Step:
    """A layer of a path."""

    source: Loaded
    """Its model."""
    layer: int
    """Its number there."""
    entry: float = 1.0
    """What its input is multiplied with."""
    factor: float = 1.0
    """What it adds, as a multiple."""


def make_frame(plan: Plan, kind: torch.dtype, family: Family | None) -> Frame:
    """Build a model that waits for parameters.

    Args:
        plan: A merge of the same configuration.
        kind: Type of its numbers.
        family: Where its layers add to the hidden state; nothing if only inputs can be scaled.

    Returns:
        The model.

    Raises:
        MergeError: transformers knows no such model, or its layers are called otherwise.
        InputError: The tokenizer cannot be read.
    """
    with torch.device("meta"):
        body = build(plan, kind)
    layers = layers_of(body.model, plan)
    dials = Dials([1.0] * len(layers), [1.0] * len(layers))
    for place, layer in enumerate(layers):
        scale_input(layer, dials.inputs, place)
        for name in family.modules if family else ():
            _scale_output(_inner(layer, name), dials.outputs, place)
    return Frame(body.model, body.tokenizer, layers, dials)


def scale_input(layer: torch.nn.Module, scales: Sequence[float], place: int) -> None:
    """Let a layer multiply its input, whenever it runs.

    Args:
        layer: A layer whose first argument is the hidden state.
        scales: Looked at each time.
        place: Which of them.
    """

    def enter(_layer: torch.nn.Module, given: Any, named: Any) -> Any:  # noqa: ANN401 - torch's own
        factor = scales[place]
        if factor == 1.0:
            return None
        if given:
            return (given[0] * factor, *given[1:]), named
        return given, {**named, "hidden_states": named["hidden_states"] * factor}

    layer.register_forward_pre_hook(enter, with_kwargs=True)


def _scale_output(module: torch.nn.Module, scales: Sequence[float], place: int) -> None:
    def leave(_module: torch.nn.Module, _given: Any, found: Any) -> Any:  # noqa: ANN401 - torch's own
        factor = scales[place]
        if factor == 1.0:
            return None
        return (found[0] * factor, *found[1:]) if isinstance(found, tuple) else found * factor

    module.register_forward_hook(leave)


def fill(frame: Frame, path: Sequence[Step]) -> None:
    """Let a model run a path.

    Args:
        frame: A model with as many layers.
        path: What each of them stands for; what comes before them is that of the first's model,
            what comes after that of the last's.

    Raises:
        MergeError: A layer or what lies outside is built otherwise.
    """
    inner = set(frame.layers.modules())
    first, last = path[0].source.model, path[-1].source.model
    for name, module in frame.model.named_modules():
        if module not in inner:
            _share_outer(module, name, first, last)
    configured = path[0].source.layers[0]
    for place, (layer, step) in enumerate(zip(frame.layers, path, strict=True)):
        _share(layer, step.source.layers[step.layer], configured)
        frame.dials.inputs[place], frame.dials.outputs[place] = step.entry, step.factor


def _stored(module: torch.nn.Module) -> list[str]:
    """Return what of a module stands in files."""
    names = dict(module.named_parameters(recurse=False, remove_duplicate=False))
    return [*names, *(set(_buffers(module)) - module._non_persistent_buffers_set)]


def _constants(module: torch.nn.Module) -> list[str]:
    """Return what of a module follows from the configuration, such as rotary frequencies."""
    return [name for name in _buffers(module) if name in module._non_persistent_buffers_set]


def _buffers(module: torch.nn.Module) -> list[str]:
    return list(dict(module.named_buffers(recurse=False, remove_duplicate=False)))


def _share(target: torch.nn.Module, source: torch.nn.Module, configured: torch.nn.Module) -> None:
    """Let a layer take numbers of its source, and constants of the model that gives the config."""
    for name, module in target.named_modules():
        for keys, giver in ((_stored(module), source), (_constants(module), configured)):
            for key in keys:
                setattr(module, key, getattr(_inner(giver, name), key))


def _share_outer(
    module: torch.nn.Module,
    name: str,
    first: Any,  # noqa: ANN401 - transformers declares no types
    last: Any,  # noqa: ANN401 - transformers declares no types
) -> None:
    for key in [*_stored(module), *_constants(module)]:
        behind = comes_before_layers(f"{name}.{key}") is False
        setattr(module, key, getattr(_inner(last if behind else first, name), key))


def _inner(module: torch.nn.Module, name: str) -> torch.nn.Module:
    try:
        return module.get_submodule(name)
    except AttributeError as error:
        what = f"the model has no part {name!r:.80} in its layers or around them"
        hint = "paths are for models of one architecture"
        raise MergeError(Code.MERGE_ARCHITECTURE, what, hint=hint) from error
