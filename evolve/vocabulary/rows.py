"""How the rows of an embedding are reordered for another vocabulary, and whose rows they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

MEAN = -1
"""Owner of a row that is the mean of the rows of all models that know the token."""
ZERO = -2
"""Owner of a row of zeros."""
FILL = -3
"""Owner of a row that no token has: the mean of all rows that have one."""


@dataclass(frozen=True)
class Rows:
    """For each row of the result, where one model takes it from."""

    owner: tuple[int, ...]
    """Position, among the inputs of the tensor, of the model whose row it is; or `MEAN`, `ZERO`,
    `FILL`."""
    index: tuple[int, ...]
    """Row in the owner's tensor; 0 where there is no single owner."""
    donors: Mapping[int, tuple[tuple[int, int], ...]]
    """For each row whose owner is `MEAN`, every (position, row) that it is made of, in the order
    of adding up; no position twice."""

    @property
    def count(self) -> int:
        """Number of rows of the result."""
        return len(self.owner)

    def unchanged(self, place: int, rows: int) -> bool:
        """Tell whether a model keeps its rows as they are.

        Args:
            place: Its position among the inputs.
            rows: Rows of its tensor.

        Returns:
            True if nothing is borrowed, moved, added or left out.
        """
        mine = zip(self.owner, self.index, count(), strict=False)
        return rows == self.count and all(o == place and i == n for o, i, n in mine)
