"""Retention: rows of index tables that are no longer kept, because an entry says so.

A pruning reaches back only: it says nothing about entries that come after it.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from evoreg.provenance.ledger import search_tables, tables
from evoreg.provenance.ledger.body import read_body
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import InputError
from evoreg.provenance.records.pruning import Pruning


def apply_prunings(connection: Connection, after: int = 0) -> None:
    """Delete the rows that prunings name.

    Args:
        connection: A connection inside a writing transaction.
        after: Only prunings in entries behind this one.
    """
    told = tables.prunings.c
    query = select(told.seq, told.search, told.through).where(told.seq > after).order_by(told.seq)
    for seq, search, through in connection.execute(query).all():
        _prune(connection, search, min(seq, through))


def _prune(connection: Connection, search: Digest | None, through: int) -> None:
    rows = search_tables.item_scores
    statement = delete(rows).where(rows.c.seq <= through)
    if search is not None:
        found = search_tables.evaluations.c
        statement = statement.where(
            rows.c.seq.in_(select(found.seq).where(found.search == search, found.seq <= through))
        )
    connection.execute(statement)


class Pruned:
    """Which rows of item scores are gone."""

    def __init__(self, prunings: Sequence[tuple[int, Pruning]]) -> None:
        """Take prunings and the numbers of their entries."""
        self._through: dict[Digest | None, int] = {}
        for seq, pruning in prunings:
            reach = min(seq, pruning.through)
            self._through[pruning.search] = max(reach, self._through.get(pruning.search, 0))

    def covers(self, seq: int, search: Digest) -> bool:
        """Return whether item scores of an evaluation are gone.

        Args:
            seq: Number of its entry.
            search: `Evaluation.search`.
        """
        return seq <= max(self._through.get(None, 0), self._through.get(search, 0))


def read_pruned(connection: Connection) -> Pruned:
    """Return which item scores are gone, as the entries say.

    Args:
        connection: A connection to the ledger.

    Returns:
        What all prunings say that can be read.
    """
    told = tables.entries.c
    query = select(told.seq, told.body).where(told.kind == "pruning").order_by(told.seq)
    found = []
    for seq, body in connection.execute(query):
        try:
            record = read_body("pruning", body).record
        except InputError:
            continue
        if isinstance(record, Pruning) and isinstance(seq, int):
            found.append((seq, record))
    return Pruned(found)
