"""Counting what each source put into the result, while the result is made.

With parts p_i = c_i (x_i - b) and the change X = sum_i p_i, three sums are kept for each
source: the L1 mass |p_i|_1, the inner product <p_i, X>, and what the recipe says. Within a block
they are taken in the type of the work, where that neither overflows nor loses small numbers, else
in float64; across blocks they are float64, added in a fixed order.

Where a row of an embedding stands in for a token that a model does not know, the mass is
counted for the model whose row it is; a mean is divided evenly among the models that it is
made of.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from evoreg.evolve.methods.group import Coefficient
from evoreg.evolve.vocabulary.owners import row_shares
from evoreg.evolve.vocabulary.rows import Rows

_SAFE = 1e-20, 1e30
"""Squares between these are right in float32."""


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

    def add(self, other: "Tally") -> None:
        """Add the sums of another stretch of the same tensor."""
        self.mass = [a + b for a, b in zip(self.mass, other.mass, strict=True)]
        self.product = [a + b for a, b in zip(self.product, other.product, strict=True)]
        self.nominal = [a + b for a, b in zip(self.nominal, other.nominal, strict=True)]
        self.used = [a or b for a, b in zip(self.used, other.used, strict=True)]
        self.energy += other.energy


@dataclass(frozen=True)
class Part:
    """What one source put into a block."""

    place: int
    """Its place among the inputs."""
    coefficient: Coefficient
    """c_i."""
    values: torch.Tensor
    """x_i - b if the coefficient is one number, else p_i; shape (block,)."""

    @property
    def factor(self) -> float:
        """What `values` have to be multiplied with to be p_i."""
        return 1.0 if isinstance(self.coefficient, torch.Tensor) else self.coefficient


@dataclass
class Counter:
    """Counts the blocks of one tensor."""

    width: int
    """Elements of one row."""
    rows: Sequence[Rows | None]
    """How the rows of each input were reordered."""
    _owners: dict[int, torch.Tensor] = field(default_factory=dict)

    def count(self, block: slice, parts: Sequence[Part], change: torch.Tensor) -> Tally:
        """Count one block.

        Args:
            block: Place in the tensor.
            parts: Every part; its numbers are used up.
            change: X in the block, shape (block,).

        Returns:
            The sums of the block, without `nominal`.
        """
        tally = Tally.of(len(self.rows))
        tally.energy = _square(change)
        exact = change.dtype != torch.float64 and not _SAFE[0] < tally.energy < _SAFE[1]
        if exact:
            change = change.to(torch.float64)
            tally.energy = float(torch.dot(change, change))
        left = tally.energy
        # A coefficient of zero puts nothing in, not even what rounding leaves over.
        moving = [part for part in parts if isinstance(part.coefficient, Tensor) or part.factor]
        for number, part in enumerate(moving, start=1):
            values = part.values.to(change.dtype)
            if self.rows[part.place] is not None:
                self._note_owners(tally, block, part)
                self._by_owner(tally, block, part, values, change)
                continue
            # The products add up to the energy, so the last needs no pass of its own.
            last = number == len(moving) and not any(self.rows)
            product = left if last else part.factor * float(torch.dot(values, change))
            left -= product
            tally.product[part.place] += product
            mass = _mass(values)
            tally.mass[part.place] += abs(part.factor) * mass
            tally.used[part.place] |= (mass > 0 and part.factor != 0) or _any(part.coefficient)
        return tally

    def note_lent(self, tally: Tally, place: int) -> None:
        """Note that the rows which an input borrowed are in the result, whatever the coefficients.

        Args:
            tally: Takes the note.
            place: The base among the inputs.
        """
        if self.rows[place] is not None:
            owners = (self._shares(place) > 0).any(dim=0).tolist()
            tally.used = [a or b for a, b in zip(tally.used, owners, strict=True)]

    def _note_owners(self, tally: Tally, block: slice, part: Part) -> None:
        value = part.coefficient
        if _any(value):
            row = torch.arange(block.start, block.stop) // self.width
            if isinstance(value, torch.Tensor):
                row = row[(value != 0).cpu()]
            owners = (self._shares(part.place)[row] > 0).any(dim=0).tolist()
            tally.used = [a or b for a, b in zip(tally.used, owners, strict=True)]

    def _by_owner(
        self, tally: Tally, block: slice, part: Part, values: torch.Tensor, change: torch.Tensor
    ) -> None:
        """Count one part of one block for the models whose rows they are."""
        moved = values.to(torch.float64) * part.factor
        along = moved * change
        row = torch.arange(block.start, block.stop) // self.width
        first = block.start // self.width
        shares = self._shares(part.place)[first : int(row[-1]) + 1]
        for target, numbers in ((tally.mass, moved.abs()), (tally.product, along)):
            sums = torch.zeros(shares.shape[0], dtype=torch.float64)
            sums.index_add_(0, row - first, numbers.cpu())
            for owner, amount in enumerate((sums @ shares).tolist()):
                target[owner] += amount

    def _shares(self, place: int) -> torch.Tensor:
        """Return whose each row is, shape (rows, inputs); a row sums to 1, one of zeros to 0."""
        if place not in self._owners:
            rows = self.rows[place]
            if rows is None:
                raise ValueError("this input keeps its rows")
            self._owners[place] = torch.from_numpy(row_shares(rows, len(self.rows)))
        return self._owners[place]


def _mass(values: torch.Tensor) -> float:
    """Return |values|_1, using up the numbers; in float64 where float32 would overflow."""
    sizes = values.abs_()
    mass = float(sizes.sum())
    return mass if math.isfinite(mass) else float(sizes.sum(dtype=torch.float64))


def _square(values: torch.Tensor) -> float:
    return float(torch.dot(values, values))


def _any(value: Coefficient) -> bool:
    return bool(value.any()) if isinstance(value, torch.Tensor) else value != 0
