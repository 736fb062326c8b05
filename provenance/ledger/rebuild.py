"""Making the index tables anew from the entries, in one transaction."""

from sqlalchemy import delete

from evoreg.provenance.ledger import tables
from evoreg.provenance.ledger.chain import all_pages, read_head
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.projection import write_projections


def rebuild(ledger: Ledger) -> int:
    """Empty the index tables and fill them again from the entries.

    Readers see the old tables until all is done; the entries themselves are not touched.

    Args:
        ledger: An open ledger.

    Returns:
        Number of entries read.

    Raises:
        InputError: The database cannot be reached or stays locked, or a body cannot be read.
        VerificationError: A row of the entries is none, or the head row is missing.
    """
    count = 0
    with ledger.store.writing() as connection:
        read_head(connection, lock=True)
        for table in tables.PROJECTIONS:
            connection.execute(delete(table))
        for page in all_pages(connection):
            write_projections(connection, page)
            count += len(page)
    return count
