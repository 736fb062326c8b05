"""What all tables of the ledger are made of: their common metadata, and the columns they share."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, Text

SEQ = BigInteger().with_variant(Integer, "sqlite")
"""Numbers of entries; in SQLite the row id, which only the type INTEGER gives."""

BYTEWISE = Text().with_variant(Text(collation="C"), "postgresql")
"""Digests that are looked for by their first digits: ordered by bytes in every database."""

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "uq": "%(table_name)s_%(column_0_name)s_unique",
        "fk": "%(table_name)s_%(column_0_name)s_fk",
        "ck": "%(table_name)s_%(constraint_name)s",
    }
)
"""All tables of the ledger."""


def seq() -> Column[int]:
    """Return the number of the entry that a row follows from, which is (part of) its key."""
    return Column("seq", SEQ, ForeignKey("entries.seq"), primary_key=True, autoincrement=False)


def place(name: str) -> Column[int]:
    """Return a part of the key of a table with several rows for an entry."""
    return Column(name, Integer, primary_key=True, autoincrement=False)
