"""The rows or columns of a tensor that is read in blocks, which may begin and end inside a row.

A row runs along the last axis, a column along the first. A tensor of one axis is a single row and
a single column; a single number likewise.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import torch

from evoreg.evolve.methods.group import Group


@dataclass(frozen=True)
class Grid:
    """A stretch of a block that is a rectangle: whole rows, or a part of one."""

    place: slice
    """Where it stands in the block."""
    row: int
    """First row of the tensor in it."""
    column: int
    """First column of the tensor in it."""
    shape: tuple[int, int]
    """Rows and columns."""


@dataclass(frozen=True)
class Lines:
    """All rows, or all columns, of a tensor seen as a matrix."""

    width: int
    """Length of a row of the matrix."""
    count: int
    """Number of rows or columns."""
    across: bool
    """False for rows, true for columns."""

    @classmethod
    def rows(cls, shape: tuple[int, ...]) -> Self:
        """Return the rows of a tensor along its last axis."""
        width = shape[-1] if shape else 1
        return cls(width, math.prod(shape[:-1]), across=False)

    @classmethod
    def columns(cls, shape: tuple[int, ...]) -> Self:
        """Return the columns of a tensor along its first axis."""
        width = math.prod(shape[1:])
        return cls(width, width, across=True)

    def grids(self, block: slice) -> Iterator[Grid]:
        """Yield the rectangles that a block is made of: at most three, in order."""
        start = block.start
        while start < block.stop:
            row, column = divmod(start, self.width)
            stop = (row + 1) * self.width if column else block.stop - block.stop % self.width
            stop = min(stop, block.stop) if stop > start else block.stop
            height = (stop - start) // self.width or 1
            place = slice(start - block.start, stop - block.start)
            yield Grid(place, row, column, (height, (stop - start) // height))
            start = stop

    def add(self, totals: torch.Tensor, block: slice, values: torch.Tensor) -> None:
        """Add the numbers of a block to the totals of their lines.

        Args:
            totals: float64, shape (count,); changed.
            block: Place in the tensor.
            values: The numbers, shape (block,).
        """
        for grid in self.grids(block):
            cells = values[grid.place].view(grid.shape)
            target = totals[self.reach(grid)]
            target += cells.sum(0 if self.across else 1, dtype=torch.float64)

    def spread(self, numbers: torch.Tensor, block: slice, kind: torch.dtype) -> torch.Tensor:
        """Return the number of its line for each element of a block.

        Args:
            numbers: One a line, shape (count,).
            block: Place in the tensor.
            kind: Type of the result.

        Returns:
            Shape (block,).
        """
        result = torch.empty(block.stop - block.start, dtype=kind, device=numbers.device)
        for grid in self.grids(block):
            mine = numbers[self.reach(grid)].to(kind)
            result[grid.place].view(grid.shape).copy_(mine if self.across else mine.unsqueeze(1))
        return result

    def reach(self, grid: Grid) -> slice:
        """Return which lines a rectangle has a part of."""
        first, size = (grid.column, grid.shape[1]) if self.across else (grid.row, grid.shape[0])
        return slice(first, first + size)


Products = tuple[tuple[torch.Tensor, ...], ...]
"""Inner products of parts i and j <= i, line by line: [i][j] is float64 of shape (lines,)."""


def line_products(group: Group, lines: Lines) -> Products:
    """Return the inner products of the differences, for each line.

    Args:
        group: The tensor; read once.
        lines: Its rows or columns.

    Returns:
        The products, on the device of the differences; not to be written to.
    """
    pairs = len(group.parts) * (len(group.parts) + 1) // 2
    size = 8 * lines.count * pairs
    return group.recall(group.parts, ("lines", lines), lambda: _products(group, lines), size)


def _products(group: Group, lines: Lines) -> Products:
    found: list[list[torch.Tensor]] = []
    for block in group.blocks():
        deltas = [group.delta(part, block).to(torch.float64) for part in group.parts]
        found = found or [
            [left.new_zeros(lines.count) for _ in range(i + 1)] for i, left in enumerate(deltas)
        ]
        for i, left in enumerate(deltas):
            for j, right in enumerate(deltas[: i + 1]):
                lines.add(found[i][j], block, left * right)
    return tuple(tuple(row) for row in found)
