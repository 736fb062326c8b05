"""An SQLite file that can grow no further: a clear error, nothing lost, and it goes on later."""

import os
import pickle
import resource
import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.rebuild import rebuild
from evoreg.provenance.ledger.verify import verify
from evoreg.provenance.records.errors import Code, EvoregError, InputError
from tests.ledger.ledger_contract import claim, notes, tables_of

Clock = Callable[[], datetime]
SIZE = 20
"""Claims in a batch: some ten kilobytes."""


def write_until_it_fails(
    url: str, clock: Clock, limit: int, most: int
) -> tuple[int, EvoregError | None]:
    """Append batches while no file may grow beyond a size; return how many, and what failed."""
    done = 0
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with open_ledger(url, actor=f"limit {limit}", clock=clock) as ledger:
            for batch in range(most):
                ledger.append([claim(f"{batch} {number}") for number in range(SIZE)])
                done += 1
    except EvoregError as error:
        return done, error
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    return done, None


# In a process of its own, because the limit holds for all that a process writes, logs of tests too.
def in_a_child(url: str, clock: Clock, limit: int, most: int) -> tuple[int, str, str]:
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        try:
            done, error = write_until_it_fails(url, clock, limit, most)
            told = (done, "" if error is None else str(error.code), str(error))
        except BaseException as error:
            told = (-1, "", repr(error))
        os.write(writing, pickle.dumps(told))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    os.waitpid(process, 0)
    done, code, words = pickle.loads(data)
    return int(done), str(code), str(words)


def assert_sound(ledger: Ledger) -> None:
    assert verify(ledger).problems == ()
    before = tables_of(ledger)
    rebuild(ledger)
    assert tables_of(ledger) == before


def test_files_that_may_grow_no_further(tmp_path: Path, clock: Clock) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    promised: dict[str, int] = {}
    codes = set()
    with open_ledger(url, actor="ann", clock=clock) as ledger:
        ledger.append([claim("0 0")])
    # From less than is there already, by odd steps, to more than the log needs.
    for limit in (0, 1000, 32767, 32768, *range(40_001, 700_000, 60_011), 9_000_000):
        done, code, words = in_a_child(url, clock, limit, 6)
        assert done >= 0, words
        promised[f"limit {limit}"] = done
        codes.add(code)
        if code:
            assert "free space" in words or "no room left" in words
        with open_ledger(url, actor="ann", clock=clock) as ledger:
            report = verify(ledger)
            assert report.problems == ()
            assert report.entries == 1 + SIZE * sum(promised.values())
    assert codes == {"", Code.LEDGER_UNREACHABLE}
    assert {0, 6} < set(promised.values()), "some fail at once, some half way, some not at all"
    with open_ledger(url, actor="ann", clock=clock) as ledger:
        told = [by for by, _ in notes(ledger)]
        assert {by: told.count(by) // SIZE for by in promised} == promised
        assert_sound(ledger)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk with room for two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount")
    if done.returncode:
        pytest.skip("only root may make a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def append_for_ever(ledger: Ledger, actor: str, acknowledged: list[int]) -> None:
    for batch in count():
        ledger.append([claim(f"{actor} {batch} {number}") for number in range(SIZE)])
        acknowledged.append(batch)


def fill(ledger: Ledger, actor: str) -> int:
    """Append batches until there is no room; return how many were acknowledged."""
    before = ledger.head().seq
    batches: list[int] = []
    with pytest.raises(InputError) as caught:
        append_for_ever(ledger, actor, batches)
    assert caught.value.code == Code.LEDGER_UNREACHABLE
    assert "no room left" in caught.value.problems[0].what
    assert "nothing was written" in caught.value.problems[0].hint
    assert ledger.head().seq - before == len(batches) * SIZE, (
        "all that was acknowledged, and no more"
    )
    return len(batches)


def test_a_full_disk(small_disk: Path, clock: Clock) -> None:
    url = f"sqlite:///{small_disk}/x.db"
    (small_disk / "ballast").write_bytes(b"\0" * 700_000)
    with open_ledger(url, actor="ann", clock=clock) as ledger:
        before = fill(ledger, "first")
        assert before > 0
        assert ledger.head().seq == before * SIZE
        assert verify(ledger).problems == ()
        assert fill(ledger, "again") == 0
        (small_disk / "ballast").unlink()
        # The same ledger goes on as soon as there is room, until the disk is full once more.
        after = fill(ledger, "second")
        assert after > 0
    for read_only in (True, False):
        with open_ledger(url, actor="ann", clock=clock, read_only=read_only) as ledger:
            report = verify(ledger)
            assert (report.entries, report.problems) == ((before + after) * SIZE, ())


def test_no_room_for_a_new_ledger(small_disk: Path, clock: Clock) -> None:
    url = f"sqlite:///{small_disk}/x.db"
    ballast = small_disk / "ballast"
    for room in (0, 10_000, 60_000, 150_000):
        ballast.write_bytes(b"")
        while True:
            try:
                with ballast.open("ab") as file:
                    file.write(b"\0" * 4096)
            except OSError:
                break
        os.truncate(ballast, max(0, ballast.stat().st_size - room))
        with pytest.raises(InputError) as caught:
            open_ledger(url, actor="ann", clock=clock)
        assert caught.value.code == Code.LEDGER_UNREACHABLE
    ballast.unlink()
    with open_ledger(url, actor="ann", clock=clock) as ledger:
        assert ledger.append([claim("first")])[0].seq == 1
        assert_sound(ledger)
