"""Counting what each source put into the result, while the result is made.

With parts p_i = c_i (x_i - b) and the change X = sum_i p_i, three sums are kept for each
source: the L1 mass |p_i|_1, the inner product <p_i, X>, and what the recipe says. All sums
are float64, taken block by block in a fixed order.

Where a row of an embedding stands in for a token that a model does not know, the mass is
counted for the model whose row it is; a mean is divided evenly among the models that it is
made of.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from evoreg.evolve.methods.group import Coefficient
from evoreg.evolve.vocabulary.rows import MEAN, Rows


@dataclass
class Tally:
    """The sums of one output tensor; lists have one number for each input of the tensor."""

    mass: list[float]
    """|p_i|_1."""
    product: list[float]
    """<p_i, X>."""
    nominal: list[float]
    """Weight that the recipe gives, times the number of elements."""
    used: list[bool]
    """Whether any coefficient was not zero."""
    energy: float = 0.0
    """|X|^2."""

    @classmethod
    def of(cls, count: int) -> "Tally":
        """Return an empty tally for `count` inputs."""
        return cls([0.0] * count, [0.0] * count, [0.0] * count, [False] * count)


@dataclass
class Counter:
    """Counts the blocks of one tensor."""

    tally: Tally
    width: int
    """Elements of one row."""
    rows: Sequence[Rows | None]
    """How the rows of each input were reordered."""
    _owners: dict[int, torch.Tensor] = field(default_factory=dict)

    def add(self, block: slice, parts: Mapping[int, torch.Tensor], change: torch.Tensor) -> None:
        """Count one block.

        Args:
            block: Place in the tensor.
            parts: p_i in the block by place of the input, each of shape (block,).
            change: X in the block, shape (block,).
        """
        tally = self.tally
        # Squares are taken in float64: those of large float32 numbers would overflow.
        exact = change.to(torch.float64)
        tally.energy += float(torch.dot(exact, exact))
        for place, part in parts.items():
            along = part.to(torch.float64) * exact
            if self.rows[place] is None:
                tally.mass[place] += float(part.abs().sum(dtype=torch.float64))
                tally.product[place] += float(along.sum())
            else:
                self._by_owner(block, place, part.abs(), along)

    def note_used(self, block: slice, coefficients: Mapping[int, Coefficient]) -> None:
        """Note which sources have a coefficient that is not zero.

        Args:
            block: Place in the tensor.
            coefficients: c_i in the block by place of the input.
        """
        for place, value in coefficients.items():
            if self.rows[place] is None:
                self.tally.used[place] |= _any(value)
            elif _any(value):
                row = torch.arange(block.start, block.stop) // self.width
                if isinstance(value, torch.Tensor):
                    row = row[value != 0]
                owners = (self._shares(place)[row] > 0).any(dim=0).tolist()
                self.tally.used = [a or b for a, b in zip(self.tally.used, owners, strict=True)]

    def note_lent(self, place: int) -> None:
        """Note that the rows which an input borrowed are in the result, whatever the coefficients.

        Args:
            place: The base among the inputs.
        """
        if self.rows[place] is not None:
            owners = (self._shares(place) > 0).any(dim=0).tolist()
            self.tally.used = [a or b for a, b in zip(self.tally.used, owners, strict=True)]

    def _by_owner(self, block: slice, place: int, size: torch.Tensor, along: torch.Tensor) -> None:
        """Count one part of one block for the models whose rows they are."""
        shares = self._shares(place)
        row = torch.arange(block.start, block.stop) // self.width
        for target, values in ((self.tally.mass, size), (self.tally.product, along)):
            sums = torch.zeros(shares.shape[0], dtype=torch.float64)
            sums.index_add_(0, row, values.to(torch.float64))
            for owner, amount in enumerate((sums @ shares).tolist()):
                target[owner] += amount

    def _shares(self, place: int) -> torch.Tensor:
        """Return whose each row is, shape (rows, inputs), each row summing to 1."""
        if place not in self._owners:
            rows = self.rows[place]
            if rows is None:
                raise ValueError("this input keeps its rows")
            table = torch.zeros(rows.count, len(self.rows), dtype=torch.float64)
            for index, owner in enumerate(rows.owner):
                if owner != MEAN:
                    table[index, owner] = 1.0
                else:
                    for donor, _ in rows.donors[index]:
                        table[index, donor] = 1.0 / len(rows.donors[index])
            self._owners[place] = table
        return self._owners[place]


def _any(value: Coefficient) -> bool:
    return bool(value.any()) if isinstance(value, torch.Tensor) else value != 0
