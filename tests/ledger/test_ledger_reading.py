"""SQLite files that can only be read, lie on a network, or have been left by a killed writer."""

import os
import pickle
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from evoreg.provenance.ledger.backends import sqlite
from evoreg.provenance.ledger.backends.mounts import network_kind
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.verify import verify
from evoreg.provenance.records.errors import Code, EvoregError, InputError
from tests.ledger.ledger_contract import claim

Clock = Callable[[], datetime]
NOBODY = 65534


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that others may enter; pytest's own are closed to them."""
    made = Path(tempfile.mkdtemp(prefix="evoreg-reading-"))
    made.chmod(0o755)
    yield made
    made.chmod(0o755)
    shutil.rmtree(made)


# `Any`: what the work gave, or code and words of the error that it raised.
def as_nobody(work: Callable[[], object]) -> Any:
    """Do some work in a process without the rights of root; return what it gave or raised."""
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        try:
            told: object = work()
        except EvoregError as error:
            told = (error.code, str(error))
        except BaseException as error:
            told = repr(error)
        os.write(writing, pickle.dumps(told))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    os.waitpid(process, 0)
    return pickle.loads(data)


def seal(folder: Path) -> None:
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def writing(folder: Path, clock: Clock) -> Ledger:
    return open_ledger(f"sqlite:///{folder}/x.db", actor="ann", clock=clock)


def reading(folder: Path, clock: Clock) -> Ledger:
    return open_ledger(f"sqlite:///{folder}/x.db", actor="eve", clock=clock, read_only=True)


def look(folder: Path, clock: Clock) -> tuple[int, tuple[object, ...]]:
    with reading(folder, clock) as ledger:
        return ledger.head().seq, verify(ledger).problems


def test_sealed_ledger_is_read_and_left_as_it_is(folder: Path, clock: Clock) -> None:
    with writing(folder, clock) as ledger:
        ledger.append([claim("first"), claim("second")])
        assert verify(ledger).problems == ()
    seal(folder)
    before = contents(folder)
    assert as_nobody(lambda: look(folder, clock)) == (2, ())
    # Opened as usual it can be read as well, and says clearly that it cannot be written.

    def append() -> int:
        with writing(folder, clock) as ledger:
            assert verify(ledger).entries == 2
            return ledger.append([claim("third")])[0].seq

    code, told = as_nobody(append)
    assert (code, "can be read here, but not written" in told) == (Code.LEDGER_UNREACHABLE, True)
    assert contents(folder) == before


def test_onlooker_reads_along_with_a_writer(folder: Path, clock: Clock) -> None:
    with writing(folder, clock) as ledger:
        ledger.append([claim("first")])
        assert verify(ledger).problems == ()
        before = sorted(file.name for file in folder.iterdir())
        assert before == ["x.db", "x.db-shm", "x.db-wal"]
        assert as_nobody(lambda: look(folder, clock)) == (1, ())
        ledger.append([claim("second")])
        assert as_nobody(lambda: look(folder, clock)) == (2, ())
        assert sorted(file.name for file in folder.iterdir()) == before
        assert ledger.append([claim("third")])[0].seq == 3


def test_onlooker_notices_a_writer_that_comes(
    folder: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writing(folder, clock) as ledger:
        ledger.append([claim("first")])
    with monkeypatch.context() as patch:
        # Root may write everywhere, so the rights of the folder cannot say it here.
        patch.setattr(sqlite, "_may_write", lambda _file: False)
        onlooker = reading(folder, clock)
    with onlooker:
        assert onlooker.head().seq == 1
        for error in (None, ValueError("what was read looked odd")):
            with pytest.raises(InputError, match="while it was read") as caught:
                read_while_written(onlooker, folder, clock, error)
            assert caught.value.code == Code.LEDGER_BUSY
        assert onlooker.head().seq == 3
        assert verify(onlooker).problems == ()
        with writing(folder, clock) as ledger:
            ledger.append([claim("fourth")])
            assert onlooker.head().seq == 4, "the log of a writer at work is read too"


def read_while_written(
    onlooker: Ledger, folder: Path, clock: Clock, error: Exception | None
) -> None:
    with onlooker.store.reading() as connection:
        assert connection.exec_driver_sql("SELECT seq FROM head").scalar_one() > 0
        with writing(folder, clock) as ledger:
            ledger.append([claim("meanwhile")])
        if error is not None:
            raise error


def interrupted(folder: Path, clock: Clock) -> Path:
    """A ledger whose last entry stands in the log alone, as a killed writer leaves it."""
    left = folder / "left"
    left.mkdir()
    with writing(folder, clock) as ledger:
        ledger.append([claim("first")])
        for name in ("x.db", "x.db-wal"):
            shutil.copy(folder / name, left / name)
    return left


def test_log_of_a_killed_writer(folder: Path, clock: Clock) -> None:
    left = interrupted(folder, clock)
    seal(left)
    code, told = as_nobody(lambda: look(left, clock))
    assert code == Code.LEDGER_UNREACHABLE
    assert "the log of a writer lies beside the file" in told
    for item in (left, *left.iterdir()):
        item.chmod(0o755)
    assert look(left, clock) == (1, ())
    assert [file.name for file in left.iterdir()] == ["x.db"], "nothing is left behind"


def test_read_only_of_what_could_be_written(folder: Path, clock: Clock) -> None:
    with writing(folder, clock) as ledger:
        ledger.append([claim("first")])
    before = contents(folder)
    assert look(folder, clock) == (1, ())
    assert contents(folder) == before
    with sqlite3.connect(folder / "x.db") as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    before = contents(folder)
    assert look(folder, clock) == (1, ())
    assert contents(folder) == before


def test_read_only_of_nothing(folder: Path, clock: Clock) -> None:
    for file in ("x.db", "missing/x.db"):
        with pytest.raises(InputError, match="no such file") as caught:
            open_ledger(f"sqlite:///{folder}/{file}", actor="e", clock=clock, read_only=True)
        assert caught.value.code == Code.LEDGER_UNREACHABLE
    assert list(folder.iterdir()) == []
    (folder / "x.db").touch()
    with pytest.raises(InputError, match="holds no ledger yet") as caught:
        reading(folder, clock)
    assert caught.value.code == Code.LEDGER_VERSION
    assert contents(folder) == {"x.db": b""}


MOUNTS = rb"""21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 21 0:40 / /home rw,relatime shared:2 - nfs4 host:/home rw,vers=4.2
31 30 0:41 / /home/ann/fast\040disk rw - xfs /dev/vdb rw
32 21 0:42 / /data rw - ext4 /dev/vdc rw
33 32 0:43 / /data rw - cifs //host/data rw
34 21 0:44 / /cloud rw shared:5 master:1 - fuse.sshfs ann@host: rw
35 21
"""


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/", ""),
        ("/home", "nfs4"),
        ("/home/ann/books", "nfs4"),
        ("/home/ann/fast disk/books", ""),
        ("/homes", ""),
        ("/data/books", "cifs"),
        ("/cloud/x/../y", "fuse.sshfs"),
    ],
)
def test_kind_of_mount(tmp_path: Path, place: str, kind: str) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_bytes(MOUNTS)
    assert network_kind(Path(place), mounts) == kind
    assert network_kind(Path(place), tmp_path / "missing") == ""


def test_here_is_a_disk(tmp_path: Path) -> None:
    assert network_kind(tmp_path) == ""


def test_network_file_system_is_refused(
    folder: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writing(folder, clock) as ledger:
        ledger.append([claim("first")])
    left = interrupted(folder, clock)
    monkeypatch.setattr(sqlite, "network_kind", lambda _folder: "nfs4")
    with pytest.raises(InputError, match=r"network file system \(nfs4\)") as caught:
        writing(folder, clock)
    assert caught.value.code == Code.LEDGER_UNREACHABLE
    assert "PostgreSQL" in caught.value.problems[0].hint
    assert look(folder, clock) == (2, ()), "nobody writes: it can be read"
    with pytest.raises(InputError, match="at work on another machine"):
        look(left, clock)


def test_without_a_log_it_is_refused() -> None:
    # A database in memory is one that SQLite gives no log to.
    connection = sqlite3.connect(":memory:")
    with pytest.raises(InputError, match="no write-ahead log"):
        sqlite._prepare_writer(connection, None)  # type: ignore[arg-type]
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")
