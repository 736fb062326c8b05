"""Making the index tables and the Merkle tree anew from the entries, in one transaction."""

from sqlalchemy import Connection, delete, update

from evoreg.provenance.ledger import tables
from evoreg.provenance.ledger.body import read_body
from evoreg.provenance.ledger.chain import all_pages, grow_tree, read_head
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.projection import write_projections
from evoreg.provenance.ledger.retention import apply_prunings
from evoreg.provenance.ledger.stillness import uncollected
from evoreg.provenance.proofs.merkle import Frontier
from evoreg.provenance.records.entry import Entry
from evoreg.provenance.records.record import Record


def rebuild(ledger: Ledger) -> int:
    """Empty the index tables and the tree, and fill them again from the entries.

    Readers see the old tables until all is done; the entries themselves are not touched.

    Args:
        ledger: An open ledger.

    Returns:
        Number of entries read.

    Raises:
        InputError: The database cannot be reached or stays locked, or a body cannot be read.
        VerificationError: A row of the entries is none, or the head row is missing.
    """
    with ledger.store.writing() as connection:
        read_head(connection, lock=True)
        return rebuild_tables(connection)


def rebuild_tables(connection: Connection) -> int:
    """Do what `rebuild` does, within a transaction that is open already.

    Args:
        connection: A connection inside a writing transaction that has locked the head row.

    Returns:
        Number of entries read.

    Raises:
        InputError: A body cannot be read.
        VerificationError: A row of the entries is none.
    """
    for table in (tables.tree_nodes, *tables.PROJECTIONS):
        connection.execute(delete(table))
    frontier = Frontier()
    with uncollected():
        for page in all_pages(connection):
            write_projections(connection, map(_read, page))
            grow_tree(connection, frontier, [entry.hash for entry in page])
    apply_prunings(connection)
    connection.execute(update(tables.head).values(tree=str(frontier)))
    return frontier.size


def _read(entry: Entry) -> tuple[int, Record, str]:
    body = read_body(entry.kind, entry.body)
    return entry.seq, body.record, body.location
