"""The numbers of one tensor of one source, given out block by block, however they are stored."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import torch


class Values(Protocol):
    """A tensor that is read in blocks, so that it never has to be in memory as a whole."""

    @property
    def count(self) -> int:
        """Number of numbers."""
        ...

    def block(self, block: slice) -> torch.Tensor:
        """Return some of the numbers.

        Args:
            block: Places in the flattened tensor, 0 <= start <= stop <= number of elements.

        Returns:
            A flat tensor in ordinary memory, of any floating-point type; not to be written to.
        """
        ...


@dataclass(frozen=True)
class Flat:
    """The numbers as they lie in a file or in memory."""

    numbers: torch.Tensor
    """Flat; usually mapped from disk."""

    @property
    def count(self) -> int:
        """Number of numbers."""
        return self.numbers.numel()

    def block(self, block: slice) -> torch.Tensor:
        """Return some of the numbers, as `Values.block`."""
        return self.numbers[block]


Reader: TypeAlias = Callable[[Values, slice, torch.dtype], torch.Tensor]
"""Brings a block to where the work is done: given values, block and type, a new flat tensor."""


def read_here(values: Values, block: slice, work: torch.dtype) -> torch.Tensor:
    """Bring a block into ordinary memory.

    It is always copied: how a sum is rounded may depend on the address of the numbers, and that
    of a mapped file depends on how the file is laid out.

    Args:
        values: Where the numbers are.
        block: Which of them.
        work: float32 or float64.

    Returns:
        A new tensor, shape (block,), type `work`.
    """
    numbers = values.block(block)
    return torch.empty(numbers.shape, dtype=work).copy_(numbers)
