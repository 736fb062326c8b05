"""Room for searches: the index tables of searches, evaluations, generations and results."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_SEQ = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_BYTEWISE = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add six empty tables: no older entry tells of a search."""
    _searches()
    _evaluations()
    _generations()


def _searches() -> None:
    _index(
        "searches",
        _digest("id"),
        _text("name"),
        *(_number(name) for name in ("run", "seed", "merge_seed")),
        _text("intent"),
        *(_text(name, optional=True) for name in ("decision", "outbound")),
    )
    op.create_index("searches_id", "searches", ["id"])
    op.create_index("searches_name", "searches", ["name"], postgresql_using="hash")


def _evaluations() -> None:
    _index(
        "evaluations",
        _text("search"),
        *(_number(name) for name in ("stage", "generation", "place")),
        *(_text(name) for name in ("origin", "label")),
        _digest("candidate"),
        *(_text(name, optional=True) for name in ("failure", "fitness")),
        sa.Column("fitness_value", sa.Double),
    )
    op.create_index("evaluations_course", "evaluations", ["search", "seq"])
    op.create_index("evaluations_best", "evaluations", ["search", "fitness_value"])
    op.create_index("evaluations_candidate", "evaluations", ["candidate"])
    _index(
        "evaluation_scores",
        *(_text(name) for name in ("task", "split", "value")),
        sa.Column("items", sa.Integer, nullable=False),
        places=("position",),
    )
    _index(
        "evaluation_shares",
        *(_text(name) for name in ("reference", "nominal", "effective", "alignment")),
        sa.Column("used", sa.Boolean, nullable=False),
        places=("position",),
    )


def _generations() -> None:
    _index(
        "generations",
        _text("search"),
        *(_number(name) for name in ("stage", "number", "evaluations", "failed")),
        *(_text(name, optional=True) for name in ("best", "mean")),
        _number("items"),
    )
    op.create_index("generations_search", "generations", ["search", "number"])
    _index("results", _text("search"), _digest("winner"), _text("label"))
    op.create_index("results_search", "results", ["search"])
    op.create_index("results_winner", "results", ["winner"])


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


def _digest(name: str) -> sa.Column[str]:
    return sa.Column(name, _BYTEWISE, nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)
