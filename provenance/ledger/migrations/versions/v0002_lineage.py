"""Room for the lineage: the index tables of edges and of held texts."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_SEQ = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add two empty tables: no older entry holds an edge or a text."""
    _index(
        "edges",
        *(_text(name) for name in ("child", "identity", "parent", "relation", "origin")),
        *(_text(name, optional=True) for name in ("revision", "parent_identity")),
    )
    op.create_index("edges_identity", "edges", ["identity"])
    op.create_index("edges_parent", "edges", ["parent"], postgresql_using="hash")
    _index("texts", _text("digest"), sa.Column("size", sa.BigInteger, nullable=False))
    op.create_index("texts_digest", "texts", ["digest"])


# `Any`: columns of every type are passed on.
def _index(table: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        table,
        sa.Column("seq", _SEQ, nullable=False, autoincrement=False),
        *columns,
        sa.PrimaryKeyConstraint("seq", name=f"{table}_pk"),
        sa.ForeignKeyConstraint(["seq"], ["entries.seq"], name=f"{table}_seq_fk"),
    )


def _text(name: str, *, optional: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=optional)
