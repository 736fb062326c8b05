"""How far a candidate's weights are from those of its sources, and whether all are finite.

The relative distance from a model is |w - x|_2 / |x|_2, over all tensors that both have in one
shape; what a merge left out or added counts for nothing.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch

from evoreg.evolve.checkpoints.tensors import FLOATS
from evoreg.evolve.methods.group import BLOCK
from evoreg.evolve.methods.values import read_here
from evoreg.evolve.planning.plan import Input, SourceModel
from evoreg.evolve.resident.host import Host
from evoreg.evolve.resident.mapped import Mapped
from evoreg.provenance.records.candidate import fraction
from evoreg.provenance.records.result import Drift


@dataclass
class _Sums:
    """Squares of distances and lengths, tensor by tensor."""

    apart: list[float] = field(default_factory=list)
    length: list[float] = field(default_factory=list)
    worst: tuple[float, str] = (-1.0, "")

    def add(self, name: str, apart: float, length: float) -> None:
        """Add one tensor; of equal ones the first in the alphabet counts as the worst."""
        self.apart.append(apart)
        self.length.append(length)
        ratio = _ratio(apart, length)
        if ratio > self.worst[0]:
            self.worst = ratio, name


def drifts(host: Host, sources: Mapping[str, SourceModel]) -> tuple[Drift, ...]:
    """Measure a candidate against its sources.

    Args:
        host: Holds the candidate.
        sources: The models, by reference.

    Returns:
        One drift a model, in the same order; a model of zeros counts as infinitely far, told as
        the largest fraction that is recorded, and one without a common tensor has drift 0.

    Raises:
        InputError: A file that cannot be read.
    """
    sums = {name: _Sums() for name in sources}
    weights = Mapped(sources.values())
    try:
        with torch.inference_mode():
            for name, values in host.tensors():
                for reference, source in sources.items():
                    _compare(weights, source, name, values, sums[reference])
    finally:
        weights.close()
    return tuple(
        Drift(
            reference=reference,
            relative=fraction(_ratio(math.fsum(found.apart), math.fsum(found.length))),
            largest=found.worst[1],
        )
        for reference, found in sums.items()
    )


def census(host: Host) -> tuple[bool, int, int]:
    """Look at every number of a candidate.

    Args:
        host: Holds the candidate.

    Returns:
        Whether all are finite, the number of tensors, and the number of numbers.
    """
    finite, tensors, parameters = True, 0, 0
    for _, values in host.tensors():
        finite = finite and bool(torch.isfinite(values).all())
        tensors, parameters = tensors + 1, parameters + values.numel()
    return finite, tensors, parameters


_FARTHEST = 1e9
"""Stands for a distance from a model of zeros."""


def _ratio(apart: float, length: float) -> float:
    if not apart:
        return 0.0
    ratio = math.sqrt(apart / length) if length else _FARTHEST
    return min(ratio, _FARTHEST)


def _compare(
    weights: Mapped, source: SourceModel, name: str, values: torch.Tensor, sums: _Sums
) -> None:
    info = source.checkpoint.tensors.get(name)
    if info is None or info.dtype not in FLOATS or info.shape != tuple(values.shape):
        return
    (theirs,) = weights.inputs([Input(source, info, name, {})])
    flat = values.reshape(-1)
    apart = length = 0.0
    for block in _blocks(flat.numel()):
        own = read_here(theirs, block, torch.float64)
        length += float(torch.dot(own, own))
        own -= flat[block]
        apart += float(torch.dot(own, own))
    sums.add(name, apart, length)


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, BLOCK):
        yield slice(start, min(start + BLOCK, count))
