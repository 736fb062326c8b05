"""What somebody with full rights does to the database of a ledger, for tests of `verify`."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, make_url, text

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.triggers import SQLITE_TRIGGERS, install_triggers
from evoreg.provenance.ledger.values import Head
from evoreg.provenance.ledger.verify import verify
from evoreg.provenance.proofs.merkle import Frontier, leaf_hash
from evoreg.provenance.records.entry import entry_hash
from evoreg.provenance.records.errors import Code

TRIGGERS = {"sqlite": tuple(SQLITE_TRIGGERS), "postgresql": ("entries_append_only",)}
ON = {"sqlite": "", "postgresql": " ON entries"}


@contextmanager
def stranger(url: str) -> Iterator[Connection]:
    """A connection of another program: none of the ledger's settings."""
    engine = create_engine(make_url(url).set(drivername=driver(url)))
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def driver(url: str) -> str:
    return "sqlite" if url.startswith("sqlite") else "postgresql+psycopg"


@contextmanager
def owner(url: str) -> Iterator[Connection]:
    """A connection of the owner: triggers and foreign keys are off, and on again afterwards."""
    with stranger(url) as connection:
        drop_triggers(connection)
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        yield connection
        install_triggers(connection)


def drop_triggers(connection: Connection) -> None:
    name = connection.dialect.name
    for trigger in TRIGGERS[name]:
        connection.execute(text(f"DROP TRIGGER {trigger}{ON[name]}"))


def run(connection: Connection, *statements: str) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement)


def findings(ledger: Ledger, anchor: Head | None = None) -> list[tuple[str, str]]:
    problems = verify(ledger, anchor).problems
    assert {problem.code for problem in problems} <= {Code.LEDGER_BROKEN}
    return [(problem.where, problem.what) for problem in problems]


def rehash(connection: Connection, first: int, bodies: dict[int, str]) -> None:
    """Write bodies anew and every hash from `first` on, the head too: a perfect forgery."""
    rows = list(connection.execute(text("SELECT * FROM entries ORDER BY seq")).mappings())
    prev = rows[first - 1]["prev"]
    connection.execute(text(f"DELETE FROM entries WHERE seq >= {first}"))
    for row in rows[first - 1 :]:
        body = bodies.get(row["seq"], row["body"])
        digest = entry_hash(row["seq"], prev, row["kind"], body)
        connection.execute(
            text("INSERT INTO entries VALUES (:seq, :prev, :kind, :body, :hash)"),
            {**row, "prev": prev, "body": body, "hash": digest},
        )
        prev = digest
    connection.execute(text("UPDATE head SET hash = :hash"), {"hash": prev})
    regrow(connection)


def regrow(connection: Connection) -> None:
    """Write the tree of the forged entries into the head row."""
    frontier = Frontier()
    hashes = connection.execute(text("SELECT hash FROM entries ORDER BY seq")).scalars()
    frontier.extend(map(leaf_hash, hashes))
    connection.execute(text("UPDATE head SET tree = :tree"), {"tree": str(frontier)})
