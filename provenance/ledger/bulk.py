"""Writing many rows at once, past the layers that would look at each of them."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, insert
from sqlalchemy.engine.interfaces import DBAPIModule
from sqlalchemy.exc import DBAPIError

from evoreg.provenance.ledger.search_projection import Cells

FEW = 8
"""So many rows are not worth the preparations of a COPY."""

_TYPES: Mapping[str, str] = {
    "big_integer": "int8",
    "integer": "int4",
    "text": "text",
    "boolean": "bool",
    "double": "float8",
}
"""What PostgreSQL calls the types of the columns, by what SQLAlchemy calls them."""


def insert_rows(connection: Connection, table: Table, rows: Sequence[Cells]) -> None:
    """Insert rows into a table.

    Args:
        connection: A connection inside a writing transaction.
        table: The table.
        rows: At least one row; its cells in the order of the columns.
    """
    driver = connection.dialect.driver
    if driver == "psycopg" and len(rows) > FEW:
        _copy(connection, table, rows)
    elif driver in _MARKS:
        connection.exec_driver_sql(_insertion(table, _MARKS[driver]), list(rows))
    else:
        names = [column.name for column in table.columns]
        connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])


_MARKS: Mapping[str, str] = {"pysqlite": "?", "psycopg": "%s"}
"""How drivers mark the places of values in a statement."""


def _copy(connection: Connection, table: Table, rows: Sequence[Cells]) -> None:
    statement = f"COPY {_columns(table)} FROM STDIN (FORMAT BINARY)"
    try:
        cursor: Any = (
            connection.connection.cursor()
        )  # that of psycopg can do more than SQLAlchemy says
        with cursor, cursor.copy(statement) as copy:
            copy.set_types(_types(table))
            for row in rows:
                copy.write_row(row)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _wrapped(connection, statement, error) from error


def _wrapped(connection: Connection, statement: str, error: DBAPIModule.Error) -> BaseException:
    """Return an error of the driver as SQLAlchemy would have raised it."""
    dialect = connection.dialect
    lost = dialect.is_disconnect(error, connection.connection.dbapi_connection, None)
    kind = dialect.loaded_dbapi.Error
    wrapped = DBAPIError.instance(
        statement, None, error, kind, connection_invalidated=lost, dialect=dialect
    )
    if lost:
        connection.invalidate(error)
    return wrapped


@cache
def _types(table: Table) -> tuple[str, ...]:
    return tuple(_TYPES[column.type.__visit_name__] for column in table.columns)


@cache
def _insertion(table: Table, mark: str) -> str:
    marks = ", ".join(mark for _ in table.columns)
    return f"INSERT INTO {_columns(table)} VALUES ({marks})"


def _columns(table: Table) -> str:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    return f'"{table.name}" ({names})'
