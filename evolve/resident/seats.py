"""Where each tensor of a result has its seat in a model.

Most tensors are called in the file what they are called in the model. Where transformers renames
them on loading, its own tables are asked.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from evoreg.evolve.execution.weights import TORCH
from evoreg.evolve.planning.plan import OutputTensor
from evoreg.evolve.resident.joints import Joint, names_in
from evoreg.provenance.records.errors import Code, MergeError, Problem

_SHOWN = 8
_SHORT_OF_USE = re.compile(r"rotary_emb\.inv_freq$")
"""Tensors that old checkpoints hold and no model reads."""
_HINT = "search among models that transformers loads whole"


@dataclass(frozen=True)
class Seats:
    """The memory of all tensors of a result."""

    views: Mapping[str, torch.Tensor]
    """By name of the tensor, of its shape: a parameter, or memory of its own for a tensor that the
    model does not read or that is part of a joint."""
    joints: tuple[Joint, ...] = ()
    """Tensors that have to be handed on to the model."""
    own: frozenset[str] = frozenset()
    """The tensors with memory of their own."""

    @property
    def joined(self) -> tuple[tuple[tuple[str, str], ...], ...]:
        """What is joined with what."""
        return tuple(joint.sources for joint in self.joints)

    def hand_on(self, model: Any, names: Collection[str]) -> None:  # noqa: ANN401
        """Bring tensors of joints to their parameters.

        Args:
            model: The model.
            names: The tensors that were written.
        """
        state: dict[str, torch.Tensor] = model.state_dict()
        with torch.no_grad():
            for joint in self.joints:
                if any(name in names for name in joint.names):
                    for key, value in joint.converted(model, self.views).items():
                        state[key].copy_(value)


def find_seats(
    model: Any,  # noqa: ANN401 - transformers declares no types
    outputs: Sequence[OutputTensor],
) -> Seats:
    """Find the memory that each tensor is to be written to.

    Args:
        model: A model whose parameters have memory.
        outputs: All tensors of the result.

    Returns:
        The seats, in the model's types.

    Raises:
        MergeError: A tensor without a seat or of another shape, a seat that two tensors claim, a
            parameter that none fills.
    """
    state: dict[str, torch.Tensor] = model.state_dict()
    names = names_in(model, outputs, state)
    problems: list[Problem] = []
    views: dict[str, torch.Tensor] = {}
    own: set[str] = set()
    targets = [_targets(model, joint, outputs, state, problems) for joint in names.joints]
    kinds = {name: state[joint.target].dtype for joint in names.joints for name in joint.names}
    for output in outputs:
        found = state.get(names.plain.get(output.name, ""))
        if found is not None and tuple(found.shape) == output.shape:
            views[output.name] = found
            continue
        if found is not None:
            problems.append(_shape(output.name, output.shape, tuple(found.shape)))
        elif output.name not in kinds and not _ignored(model, output.name):
            what = f"the model has no parameter for {output.name}"
            problems.append(Problem(Code.MERGE_ARCHITECTURE, what, hint=_HINT))
        own.add(output.name)
        kind = kinds.get(output.name, TORCH[output.dtype])
        views[output.name] = torch.empty(output.shape, dtype=kind, device=_device(model))
    filled = [view for name, view in views.items() if name not in own]
    problems += _twice(views) + _unfilled(model, [*filled, *(s for t in targets for s in t)])
    if problems:
        raise MergeError.of(problems[:_SHOWN])
    return Seats(views, names.joints, frozenset(own))


def _device(model: Any) -> torch.device:  # noqa: ANN401 - transformers declares no types
    return next((torch.device(p.device) for p in model.parameters()), torch.device("cpu"))


def _shape(name: str, own: tuple[int, ...], seat: tuple[int, ...]) -> Problem:
    what = f"{name} has the shape {list(own)}, its parameter {list(seat)}"
    return Problem(Code.MERGE_SHAPE, what, hint=_HINT)


def _targets(
    model: Any,  # noqa: ANN401 - transformers declares no types
    joint: Joint,
    outputs: Iterable[OutputTensor],
    state: Mapping[str, torch.Tensor],
    problems: list[Problem],
) -> list[torch.Tensor]:
    """Return the parameters that a joint fills; tried out on tensors without numbers."""
    empty = {o.name: torch.empty(o.shape, device="meta") for o in outputs if o.name in joint.names}
    found = []
    for key, value in joint.converted(model, empty).items():
        seat = state.get(key)
        if seat is None or seat.shape != value.shape:
            shape = () if seat is None else tuple(seat.shape)
            problems.append(_shape(f"what becomes {key}", tuple(value.shape), shape))
        else:
            found.append(seat)
    return found


def _ignored(model: Any, name: str) -> bool:  # noqa: ANN401 - transformers declares no types
    patterns: Iterable[str] = model._keys_to_ignore_on_load_unexpected or ()
    return bool(_SHORT_OF_USE.search(name)) or any(re.search(item, name) for item in patterns)


def _twice(views: Mapping[str, torch.Tensor]) -> list[Problem]:
    taken: dict[int, str] = {}
    found = []
    for name, view in sorted(views.items()):
        if view.numel():
            first = taken.setdefault(view.data_ptr(), name)
            if first != name:
                what = f"{first} and {name} are one parameter in the model"
                found.append(Problem(Code.MERGE_ARCHITECTURE, what, hint=_HINT))
    return found


def _unfilled(model: Any, filled: Iterable[torch.Tensor]) -> list[Problem]:  # noqa: ANN401
    places = {tensor.data_ptr() for tensor in filled}
    return [
        Problem(
            Code.MERGE_ARCHITECTURE,
            f"no tensor of the result fills the parameter {name}",
            hint=_HINT,
        )
        for name, parameter in model.named_parameters()
        if parameter.numel() and parameter.data_ptr() not in places
    ]
