"""Compares two merged checkpoints, number by number."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from benchmarks.merge_figures import Agreement

__all__ = ["agreement"]

_BLOCK = 1 << 22


def agreement(first: Path, second: Path) -> Agreement:
    """Compare the weights of two folders.

    Args:
        first: A folder with safetensors files.
        second: Another.

    Returns:
        How they differ; names, shapes and dtypes first.
    """
    with ExitStack() as stack:
        one, other = (_opened(folder, stack) for folder in (first, second))
        if one.keys() != other.keys():
            return Agreement(names=False, largest=0.0, differing=0.0)
        tally = _Tally()
        for name in sorted(one):
            x, y = one[name].get_tensor(name), other[name].get_tensor(name)
            if x.shape != y.shape or x.dtype != y.dtype:
                return Agreement(names=False, largest=0.0, differing=0.0)
            tally.add(x, y)
    return Agreement(True, tally.largest, tally.differing / max(tally.numbers, 1))


# Any: the type that safe_open returns is not told to type checkers.
def _opened(folder: Path, stack: ExitStack) -> dict[str, Any]:
    """Return the open file of each tensor."""
    found: dict[str, Any] = {}
    for path in sorted(folder.glob("*.safetensors")):
        file = stack.enter_context(safe_open(path, framework="pt"))
        found |= dict.fromkeys(file.keys(), file)
    return found


@dataclass
class _Tally:
    """What was seen so far."""

    numbers: int = 0
    differing: int = 0
    largest: float = 0.0

    def add(self, x: Tensor, y: Tensor) -> None:
        """Compare two tensors of one shape, block by block."""
        for one, other in _blocks(x, y):
            gap = (one.float() - other.float()).abs_()
            self.numbers += gap.numel()
            self.differing += int(torch.count_nonzero(gap))
            self.largest = max(self.largest, float(gap.max()))


def _blocks(x: Tensor, y: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield pieces of both, none if they are empty."""
    return zip(torch.split(x.flatten(), _BLOCK), torch.split(y.flatten(), _BLOCK), strict=True)
