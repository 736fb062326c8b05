"""The first tables: entries, head, and the indexes of models, claims, candidates and releases."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_SEQ = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_GENESIS = "sha256:" + "0" * 64


def upgrade() -> None:
    """Make the tables in an empty database."""
    _chain()
    _index("models", ["name", "identity", "location"], _text("revision", optional=True))
    op.create_index("models_name", "models", ["name"], postgresql_using="hash")
    op.create_index("models_identity", "models", ["identity"])
    _index(
        "model_files",
        ["path", "digest", "role"],
        sa.Column("size", sa.BigInteger, nullable=False),
        places=("depth", "position"),
    )
    op.create_index("model_files_digest", "model_files", ["digest"])
    _index("claims", ["model", "identity", "expression", "origin"])
    op.create_index("claims_identity", "claims", ["identity"])
    _index("decisions", ["digest", "intent", "verdict"])
    op.create_index("decisions_digest", "decisions", ["digest"])
    _candidates()
    _index("releases", ["candidate", "decision", "intent", "name", "license"])
    op.create_index("releases_candidate", "releases", ["candidate"])


def _chain() -> None:
    op.create_table(
        "entries",
        sa.Column("seq", _SEQ, nullable=False, autoincrement=False),
        *(_text(name) for name in ("prev", "kind", "body", "hash")),
        sa.PrimaryKeyConstraint("seq", name="entries_pk"),
        sa.UniqueConstraint("prev", name="entries_prev_unique"),
        sa.UniqueConstraint("hash", name="entries_hash_unique"),
    )
    op.create_index("entries_kind", "entries", ["kind", "seq"])
    op.create_table(
        "head",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        _text("hash"),
        sa.PrimaryKeyConstraint("id", name="head_pk"),
        sa.CheckConstraint("id = 1", name=op.f("head_one_row")),
    )
    op.execute(f"INSERT INTO head (id, seq, hash) VALUES (1, 0, '{_GENESIS}')")


def _candidates() -> None:
    _index("candidates", ["id", "method"], sa.Column("seed", sa.BigInteger, nullable=False))
    op.create_index("candidates_id", "candidates", ["id"])
    _index(
        "contributions",
        ["reference", "nominal", "effective", "alignment"],
        _text("identity", optional=True),
        sa.Column("used", sa.Boolean, nullable=False),
        places=("position",),
    )
    op.create_index("contributions_identity", "contributions", ["identity"])
    _index(
        "outputs",
        ["path", "digest", "role"],
        sa.Column("size", sa.BigInteger, nullable=False),
        places=("position",),
    )
    op.create_index("outputs_digest", "outputs", ["digest"])


# `Any`: columns of every type are passed on.
def _index(
    table: str, texts: list[str], *others: sa.Column[Any], places: tuple[str, ...] = ()
) -> None:
    op.create_table(
        table,
        sa.Column("seq", _SEQ, nullable=False, autoincrement=False),
        *(sa.Column(name, sa.Integer, nullable=False, autoincrement=False) for name in places),
        *(_text(name) for name in texts),
        *others,
        sa.PrimaryKeyConstraint("seq", *places, name=f"{table}_pk"),
        sa.ForeignKeyConstraint(["seq"], ["entries.seq"], name=f"{table}_seq_fk"),
    )


def _text(name: str, *, optional: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=optional)
