"""The sources of a search: every file mapped once, every tensor the same object each time."""

from collections.abc import Hashable, Iterable, Sequence
from threading import RLock

from evoreg.evolve.execution.reordered import Table
from evoreg.evolve.execution.weights import Weights
from evoreg.evolve.methods.values import Values
from evoreg.evolve.planning.plan import Input, SourceModel
from evoreg.evolve.vocabulary.rows import Rows


class Mapped(Weights):
    """Open weight files that give out the same values for the same tensor again and again.

    What is kept costs no memory but for reordered tables and adapters: the numbers stay in the
    files. Findings about numbers are kept by the identity of the values (see `Group.recall`), so
    values live as long as this.
    """

    def __init__(self, sources: Iterable[SourceModel]) -> None:
        """Open every file of some models and of their adapters.

        Args:
            sources: The models.

        Raises:
            InputError: A file that cannot be read.
        """
        super().__init__()
        for source in sources:
            self.open(list(source.checkpoint.tensors.values()))
            if source.adapter is not None:
                for change in source.adapter.changes.values():
                    self.open(change.tensors)
        self._tables: dict[Hashable, Table] = {}
        self._values: dict[Hashable, list[Values]] = {}
        self._orders: dict[int, tuple[Rows, int]] = {}
        self._numbers: dict[Hashable, int] = {}
        self._lock = RLock()

    def inputs(self, inputs: Sequence[Input]) -> list[Values]:
        """Return the numbers of some inputs, as `Weights.inputs`, the same objects each time."""
        key = tuple(map(self.key, inputs))
        with self._lock:
            if key not in self._values:
                self._values[key] = super().inputs(inputs)
            return self._values[key]

    def key(self, item: Input) -> Hashable:
        """Return what tells the numbers of an input apart from all others of these sources.

        Args:
            item: The input of a tensor.

        Returns:
            Model, tensor, and a number for the order of its rows.
        """
        return item.source.reference, item.tensor.name, self._order(item.rows)

    def _order(self, rows: Rows | None) -> int:
        if rows is None:
            return -1
        with self._lock:
            known = self._orders.get(id(rows))
            if known is None or known[0] is not rows:
                content = (rows.owner, rows.index, tuple(sorted(rows.donors.items())))
                number = self._numbers.setdefault(content, len(self._numbers))
                known = self._orders[id(rows)] = (rows, number)
            return known[1]

    def _own(self, item: Input) -> Table:
        key = (item.source.reference, item.tensor.name)
        if key not in self._tables:
            self._tables[key] = super()._own(item)
        return self._tables[key]

    def close(self) -> None:
        """Let go of everything."""
        for kept in (self._files, self._tables, self._values, self._orders, self._numbers):
            kept.clear()
