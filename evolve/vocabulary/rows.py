"""How the rows of an embedding are reordered for another vocabulary, and whose rows they are."""

from dataclasses import dataclass

MEAN = -1
"""Owner of a row that is the mean of the rows of all models that know the token."""


@dataclass(frozen=True)
class Rows:
    """For each row of the result, where one model takes it from."""

    owner: tuple[int, ...]
    """Position, among the inputs of the tensor, of the model whose row it is; `MEAN` for a mean."""
    index: tuple[int, ...]
    """Row in the owner's tensor; 0 where the owner is `MEAN`."""
    donors: tuple[tuple[tuple[int, int], ...], ...]
    """For each row, every (position, row) that knows the token; what a mean is made of."""

    @property
    def count(self) -> int:
        """Number of rows of the result."""
        return len(self.owner)
