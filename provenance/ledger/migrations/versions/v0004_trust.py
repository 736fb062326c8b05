"""The Merkle tree, sources of searches, item scores, publications and prunings."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_SEQ = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add a column and five tables; whoever opens the ledger fills them from the entries."""
    op.add_column("head", sa.Column("tree", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "tree_nodes",
        sa.Column("level", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("position", _SEQ, nullable=False, autoincrement=False),
        _text("hash"),
        sa.PrimaryKeyConstraint("level", "position", name="tree_nodes_pk"),
    )
    _searches()
    _releases()
    _index(
        "publications",
        *(_text(name) for name in ("release", "target", "branch", "state")),
        sa.Column("prepared", sa.BigInteger),
        _text("commit", optional=True),
    )
    op.create_index("publications_release", "publications", ["release"])
    op.create_index("publications_prepared", "publications", ["prepared"])
    _index(
        "prunings",
        _text("what"),
        _text("search", optional=True),
        sa.Column("through", sa.BigInteger, nullable=False),
    )


def _searches() -> None:
    _index(
        "search_sources",
        *(_text(name) for name in ("reference", "name")),
        _text("revision", optional=True),
        _text("identity"),
        places=("position",),
    )
    op.create_index("search_sources_identity", "search_sources", ["identity"])
    _index("item_scores", _text("items"), _text("softs"), places=("position",))
    columns = ["search", "generation", "place"]
    op.create_index("evaluations_generation", "evaluations", columns)
    op.drop_index("evaluations_best", "evaluations")
    op.create_index("evaluations_best", "evaluations", ["search", "fitness_value", "seq"])
    others = sa.text("origin <> 'sampled'")
    op.create_index(
        "evaluations_others",
        "evaluations",
        ["search", "origin", "seq"],
        sqlite_where=others,
        postgresql_where=others,
    )


def _releases() -> None:
    op.add_column("releases", sa.Column("digest", sa.Text, nullable=False, server_default=""))
    op.create_index("releases_digest", "releases", ["digest"])
    op.create_index("releases_decision", "releases", ["decision"])
    op.create_index("edges_parent_identity", "edges", ["parent_identity"])


# `Any`: columns of every type are passed on.
def _index(table: str, *columns: sa.Column[Any], places: tuple[str, ...] = ()) -> None:
    op.create_table(
        table,
        sa.Column("seq", _SEQ, nullable=False, autoincrement=False),
        *(sa.Column(name, sa.Integer, nullable=False, autoincrement=False) for name in places),
        *columns,
        sa.PrimaryKeyConstraint("seq", *places, name=f"{table}_pk"),
        sa.ForeignKeyConstraint(["seq"], ["entries.seq"], name=f"{table}_seq_fk"),
    )


def _text(name: str, *, optional: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=optional)
