"""The numbers of a model with an adapter on it, worked out row by row while they are read.

W = W0 + scale * B A, and with DoRA each row w of W becomes m w / |w|. A few rows are made at a
time; which rows are made together is fixed by the tensor, not by who asks, so that the numbers are
the same whatever blocks are read and whatever runs beside.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from evoreg.evolve.checkpoints.tensors import TensorInfo
from evoreg.evolve.methods.values import Flat
from evoreg.evolve.planning.adapters import Change

_TOGETHER = 2**17
"""Elements that are made at a time, at least one row."""


@dataclass(frozen=True)
class Adapted:
    """A tensor with a product of two thin matrices added to it."""

    origin: torch.Tensor
    """W0, shape (rows, columns); usually mapped from disk."""
    left: torch.Tensor
    """Shape (rows, rank); usually mapped from disk."""
    right: torch.Tensor
    """Shape (rank, columns), in the type that is computed in."""
    scale: float
    """What the product is multiplied by."""
    lengths: torch.Tensor | None = None
    """Length of each row of the result, shape (rows,), if it is set."""

    @property
    def dtype(self) -> torch.dtype:
        """The type of the numbers."""
        return self.right.dtype

    @property
    def count(self) -> int:
        """Number of numbers."""
        return self.origin.numel()

    def block(self, block: slice) -> torch.Tensor:
        """Return some of the numbers, as `Values.block`."""
        columns = self.origin.shape[1]
        result = torch.empty(block.stop - block.start, dtype=self.right.dtype)
        if result.numel() == 0:
            return result
        height = max(_TOGETHER // columns, 1)
        width = height * columns
        place = torch.empty(height, columns, dtype=self.right.dtype)
        for chunk in range(block.start // width, (block.stop - 1) // width + 1):
            start = max(block.start, chunk * width)
            stop = min(block.stop, (chunk + 1) * width)
            made = self._rows(slice(chunk * height, (chunk + 1) * height), place).reshape(-1)
            part = made[start - chunk * width : stop - chunk * width]
            result[start - block.start : stop - block.start] = part
        return result

    def _rows(self, rows: slice, place: torch.Tensor) -> torch.Tensor:
        """Return some rows, made in the beginning of `place`."""
        # Copies: how a product is rounded may depend on the address of the numbers.
        origin = self.origin[rows]
        made = place[: origin.shape[0]].copy_(origin)
        made.addmm_(_copied(self.left[rows], made.dtype), self.right, alpha=self.scale)
        if self.lengths is not None:
            found = torch.linalg.vector_norm(made, dim=1, dtype=torch.float64)
            wanted = self.lengths[rows].to(torch.float64)
            made *= (wanted / found).to(made.dtype).unsqueeze(1)
        return made


def _copied(tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return torch.empty(tensor.shape, dtype=dtype).copy_(tensor)


def adapted(change: Change, tensor: Callable[[TensorInfo], torch.Tensor]) -> Flat | Adapted:
    """Return the numbers of a tensor with an adapter on it.

    Args:
        change: What the adapter does to it.
        tensor: Opens tensors.

    Returns:
        float32, or float64 where the model or the adapter is in float64. A tensor that the adapter
        brings whole is given out as it is.
    """
    origin = tensor(change.origin)
    if change.b is None:
        return Flat(origin.reshape(-1))
    b = tensor(change.b)
    a = None if change.a is None else tensor(change.a)
    exact = any(t is not None and t.dtype == torch.float64 for t in (origin, a, b))
    work = torch.float64 if exact else torch.float32
    if a is None:
        ones = torch.ones(1, 1, dtype=work)
        return Adapted(origin.reshape(-1, 1), b.reshape(-1, 1), ones, change.scale)
    flat_a, flat_b = a.reshape(a.shape[0], -1), b.reshape(b.shape[0], -1)
    left, right = (flat_a.T, flat_b.T) if change.turned else (flat_b, flat_a)
    lengths = None if change.magnitude is None else tensor(change.magnitude).reshape(-1)
    flat = origin.reshape(left.shape[0], right.shape[1])
    return Adapted(flat, left, _copied(right, work), change.scale, lengths)
