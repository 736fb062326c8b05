"""Tensors that a model keeps together, or apart, otherwise than its files do, such as experts.

Where transformers puts several tensors of a file into one parameter, or divides one among several,
the tensors are computed into memory of their own and handed on by the same operations with which
transformers loads a file.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch

from evoreg.evolve.planning.plan import OutputTensor

Meant = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Joint:
    """Tensors of a result that are converted together."""

    target: str
    """The first parameter that they go to."""
    # transformers declares no types
    converter: Any
    """How."""
    sources: tuple[tuple[str, str], ...]
    """Name and pattern of each tensor, in the order that counts."""

    @property
    def names(self) -> tuple[str, ...]:
        """The tensors of the result."""
        return tuple(name for name, _ in self.sources)

    def converted(self, model: Any, tensors: Meant) -> dict[str, torch.Tensor]:  # noqa: ANN401
        """Return the parameters that some tensors make.

        Args:
            model: The model.
            tensors: At least those of `names`.

        Returns:
            By name of the parameter.
        """
        converter = deepcopy(self.converter)
        for name, pattern in self.sources:
            converter.add_tensor(self.target, name, pattern, tensors[name])
        made = converter.convert(self.target, model=model, config=model.config)
        return {key: item[0] if isinstance(item, list) else item for key, item in made.items()}


@dataclass(frozen=True)
class Names:
    """What the tensors of a result are called in a model."""

    plain: Mapping[str, str]
    """Parameter of each tensor that is one."""
    joints: tuple[Joint, ...]
    """The others."""


def names_in(
    model: Any,  # noqa: ANN401 - transformers declares no types
    outputs: Sequence[OutputTensor],
    state: Meant,
) -> Names:
    """Find out what tensors are called in a model.

    Args:
        model: The model.
        outputs: The tensors of a result.
        state: The model's parameters and buffers.

    Returns:
        The names; those that the model does not know stay as they are.
    """
    odd = [output.name for output in outputs if output.name not in state]
    plain = {output.name: output.name for output in outputs}
    if not odd:
        return Names(plain, ())
    # Only here are the tables needed that are not meant for others.
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import (
        WeightConverter,
        WeightRenaming,
        dot_natural_key,
        rename_source_key,
    )

    known = get_model_conversion_mapping(model)
    renamings = [item for item in known if isinstance(item, WeightRenaming)]
    converters = [item for item in known if isinstance(item, WeightConverter)]
    by_pattern = {key: item for item in converters for key in item.source_patterns}
    joined: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(odd, key=dot_natural_key):
        target, pattern = rename_source_key(
            name, renamings, converters, model.base_model_prefix, state
        )
        if pattern is not None and target in state:
            joined.setdefault(target, []).append((name, pattern))
            del plain[name]
        else:
            plain[name] = target
    joints = [
        Joint(target, by_pattern[found[0][1]], tuple(found)) for target, found in joined.items()
    ]
    return Names(plain, tuple(joints))
