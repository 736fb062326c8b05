"""The numbers of a tensor whose rows are reordered for another vocabulary, made block by block.

A row is looked up when a block needs it, in the mapped tensor of the model that owns it; no
reordered copy is ever in memory. A run of rows that one model owns side by side is handed out
as it lies in the file.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from evoreg.evolve.methods.values import Flat, Values
from evoreg.evolve.vocabulary.rows import FILL, MEAN, Rows

_STEP = 2**18


@dataclass(frozen=True)
class Table:
    """A tensor with one row for each token of a model."""

    values: Values
    """Its numbers."""
    dtype: torch.dtype
    """Their type."""

    def rows(self, index: torch.Tensor, width: int) -> torch.Tensor:
        """Return some rows.

        Args:
            index: Their places, shape (n,).
            width: Numbers in a row.

        Returns:
            Shape (n, width); not to be written to.
        """
        first, steps = int(index[0]), index.diff()
        if bool(steps.eq(1).all()):
            return self._run(first, len(index), width)
        if isinstance(self.values, Flat):
            return self.values.numbers.reshape(-1, width)[index]
        return torch.cat([self._run(row, 1, width) for row in index.tolist()])

    def _run(self, first: int, length: int, width: int) -> torch.Tensor:
        block = self.values.block(slice(first * width, (first + length) * width))
        return block.reshape(length, width)


@dataclass
class Reordered:
    """The numbers of one input of a tensor, its rows reordered."""

    rows: Rows
    """Where each row comes from."""
    tables: Sequence[Table]
    """The tensor of each input, as the rows count them."""
    width: int
    """Numbers in a row."""
    _owner: torch.Tensor = field(init=False)
    _index: torch.Tensor = field(init=False)
    _dtype: torch.dtype = field(init=False)
    _fill: torch.Tensor | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Choose the type, and work out the row that stands where no token is."""
        self._owner = torch.tensor(self.rows.owner, dtype=torch.int64)
        self._index = torch.tensor(self.rows.index, dtype=torch.int64)
        self._dtype = self._type()
        if bool(self._owner.eq(FILL).any()):
            self._fill = self._mean_of_all()

    @property
    def count(self) -> int:
        """Number of numbers."""
        return self.rows.count * self.width

    def block(self, block: slice) -> torch.Tensor:
        """Return some of the numbers, as `Values.block`."""
        if block.stop <= block.start:
            return torch.empty(0, dtype=self._dtype)
        first, last = block.start // self.width, (block.stop - 1) // self.width
        found = self._gather(first, last + 1).reshape(-1)
        start = block.start - first * self.width
        return found[start : start + block.stop - block.start]

    def _type(self) -> torch.dtype:
        """Return the type of the rows, or one that holds means of narrow numbers until the end."""
        owners = {place for place in self.rows.owner if place >= 0}
        owners |= {place for donors in self.rows.donors.values() for place, _ in donors}
        kinds = {self.tables[place].dtype for place in owners}
        if len(kinds) == 1 and MEAN not in self.rows.owner and FILL not in self.rows.owner:
            return kinds.pop()
        return torch.float64 if torch.float64 in kinds else torch.float32

    def _gather(self, start: int, stop: int) -> torch.Tensor:
        """Return the rows from `start` to before `stop`, shape (stop - start, width)."""
        owner, index = self._owner[start:stop], self._index[start:stop]
        places: list[int] = torch.unique(owner).tolist()
        if len(places) == 1 and places[0] >= 0:
            return self.tables[places[0]].rows(index, self.width).to(self._dtype)
        result = torch.zeros((stop - start, self.width), dtype=self._dtype)
        for place in places:
            mine = (owner == place).nonzero().flatten()
            if place >= 0:
                found = self.tables[place].rows(index[mine], self.width)
                result[mine] = found.to(self._dtype)
            elif place == FILL and self._fill is not None:
                result[mine] = self._fill
            elif place == MEAN:
                result[mine] = self._means(mine + start).to(self._dtype)
        return result

    def _means(self, wanted: torch.Tensor) -> torch.Tensor:
        """Return rows that are means, added up in the order of their donors, shape (n, width)."""
        donors = [self.rows.donors[row] for row in wanted.tolist()]
        total = torch.zeros((len(donors), self.width), dtype=torch.float64)
        for turn in range(max(map(len, donors))):
            takers: dict[int, list[tuple[int, int]]] = {}
            for row, known in enumerate(donors):
                if turn < len(known):
                    place, index = known[turn]
                    takers.setdefault(place, []).append((row, index))
            for place, pairs in takers.items():
                at = torch.tensor([row for row, _ in pairs])
                found = self.tables[place].rows(torch.tensor([i for _, i in pairs]), self.width)
                total[at] += found.to(torch.float64)
        return total / torch.tensor([[len(known)] for known in donors])

    def _mean_of_all(self) -> torch.Tensor:
        """Return the mean of the rows that have a token, added up in order in float64."""
        total = torch.zeros(self.width, dtype=torch.float64)
        step = max(_STEP // max(self.width, 1), 1)
        for start in range(0, self.rows.count, step):
            stop = min(start + step, self.rows.count)
            known = self._owner[start:stop] != FILL
            # Rows without a token are zeros as long as there is no `_fill`.
            total += self._gather(start, stop)[known].sum(dim=0, dtype=torch.float64)
        return (total / max(int((self._owner != FILL).sum()), 1)).to(self._dtype)
