"""Lengths of models' tensors and the angles between them: what tells beforehand how they mix.

With x_i the tensor of model i, flattened, and b that of the base: G_ij = <x_i, x_j> and
D_ij = <x_i - b, x_j - b>, for each tensor. Norms, cosines and the overlap of what models learnt
follow from these without looking at a weight again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from evoreg.evolve.checkpoints.tensors import FLOATS, TensorInfo
from evoreg.evolve.execution.memory import keep_blocks
from evoreg.evolve.execution.weights import Weights
from evoreg.evolve.methods.group import BLOCK
from evoreg.evolve.methods.products import products
from evoreg.evolve.methods.values import Values, read_here
from evoreg.evolve.planning.plan import Input, SourceModel
from evoreg.evolve.resident.mapped import Mapped


@dataclass(frozen=True, eq=False)
class Geometry:
    """Inner products of the tensors of some models."""

    tensors: tuple[str, ...]
    """Names of the tensors that all of them have in one shape, sorted."""
    sources: tuple[str, ...]
    """References of the models, in the order asked for."""
    gram: npt.NDArray[np.float64]
    """<x_i, x_j>, shape (tensors, sources, sources)."""
    deltas: npt.NDArray[np.float64]
    """<x_i - b, x_j - b>, of the same shape; without a base the same as `gram`."""


def geometry(sources: Mapping[str, SourceModel], base: str | None = None) -> Geometry:
    """Measure some models; each weight is read once, block by block.

    Args:
        sources: The models, by reference.
        base: What differences are measured from: one of them.

    Returns:
        Their geometry, in float64; buffers that are no floating-point numbers are left out.

    Raises:
        InputError: A file that cannot be read.
        ValueError: The base is not among the models.
    """
    keep_blocks()
    place = None if base is None else list(sources).index(base)
    names = _common(list(sources.values()))
    weights = Mapped(sources.values())
    try:
        with torch.inference_mode():
            found = [_measure(weights, _inputs(sources, name), place) for name in names]
    finally:
        weights.close()
    shape = (len(names), len(sources), len(sources))
    gram = np.array([whole for whole, _ in found], dtype=np.float64).reshape(shape)
    deltas = np.array([delta for _, delta in found], dtype=np.float64).reshape(shape)
    return Geometry(tuple(names), tuple(sources), gram, deltas)


def _common(sources: Sequence[SourceModel]) -> list[str]:
    """Return the tensors that all models have in one shape."""

    def fits(info: TensorInfo, source: SourceModel) -> bool:
        other = source.checkpoint.tensors.get(info.name)
        return other is not None and other.dtype in FLOATS and other.shape == info.shape

    first = sources[0].checkpoint.tensors.values() if sources else ()
    return sorted(info.name for info in first if all(fits(info, other) for other in sources))


def _inputs(sources: Mapping[str, SourceModel], name: str) -> list[Input]:
    return [Input(model, model.checkpoint.tensors[name], name, {}) for model in sources.values()]


def _measure(
    weights: Weights, inputs: Sequence[Input], base: int | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the products of whole tensors and of differences, each (sources, sources)."""
    values = weights.inputs(inputs)
    wide = any(item.tensor.dtype == "F64" for item in inputs)
    work = torch.float64 if wide else torch.float32
    whole = torch.zeros(len(inputs), len(inputs), dtype=torch.float64)
    delta = torch.zeros_like(whole)
    for start in range(0, values[0].count, BLOCK):
        block = slice(start, min(start + BLOCK, values[0].count))
        own = [_read(item, block, work) for item in values]
        whole += products(own)
        if base is not None:
            origin = own[base].clone()
            delta += products([item.sub_(origin) for item in own])
    return whole.numpy(), (whole if base is None else delta).numpy()


def _read(values: Values, block: slice, work: torch.dtype) -> torch.Tensor:
    return read_here(values, block, work)
