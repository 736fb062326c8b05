"""The numbers of one tensor of one source, given out block by block, however they are stored."""

from dataclasses import dataclass
from typing import Protocol

import torch


class Values(Protocol):
    """A tensor that is read in blocks, so that it never has to be in memory as a whole."""

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

    def block(self, block: slice) -> torch.Tensor:
        """Return some of the numbers, as `Values.block`."""
        return self.numbers[block]
