"""Digests: right, measured once, and never wrong because of the memory."""

import hashlib
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from evoreg.provenance.records.errors import Code, InputError
from evoreg.registry.models.hashing import DigestCache, Progress, measure


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"some bytes")
    return path


def remembering(path: Path, progress: Progress = lambda _: None) -> DigestCache:
    """Return a memory that remembers small files too."""
    return DigestCache(path, progress, smallest=0)


def poison(cache: DigestCache) -> str:
    """Make the memory tell a lie, so that asking it can be seen."""
    lie = "sha256:" + "0" * 64
    with sqlite3.connect(cache.path) as link:
        assert link.execute("UPDATE digests SET digest = ?", (lie,)).rowcount == 1
    link.close()
    return lie


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_000_000])
def test_a_digest_is_the_sha256_of_the_bytes(tmp_path: Path, size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    (tmp_path / "f").write_bytes(data[:size])
    steps: list[int] = []
    assert measure(tmp_path / "f", steps.append) == sha256(data[:size])
    assert sum(steps) == size


def test_an_untouched_file_is_not_read_again(tmp_path: Path, file: Path) -> None:
    steps: list[int] = []
    cache = remembering(tmp_path / "deep" / "digests.db", steps.append)
    assert cache.digest(file) == sha256(b"some bytes")
    lie = poison(cache)
    assert cache.digest(file) == lie
    assert remembering(cache.path).digest(file) == lie
    assert steps == [10, 10]


def test_small_files_are_not_remembered(tmp_path: Path) -> None:
    cache = DigestCache(tmp_path / "digests.db", smallest=11)
    for name, data in (("small", b"10 bytes, "), ("large", b"11 bytes, .")):
        (tmp_path / name).write_bytes(data)
        assert cache.digest(tmp_path / name) == sha256(data)
    lie = poison(cache)  # there is one row
    assert cache.digest(tmp_path / "small") == sha256(b"10 bytes, ")
    assert cache.digest(tmp_path / "large") == lie


def rewrite(file: Path) -> None:
    file.write_bytes(b"same bytes")


def append(file: Path) -> None:
    file.write_bytes(b"some bytes, and more")


def replace(file: Path) -> None:
    other = file.with_name("other")
    other.write_bytes(b"same bytes")
    facts = file.stat()
    os.utime(other, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    other.replace(file)


def set_back(file: Path) -> None:
    facts = file.stat()
    file.write_bytes(b"same bytes")
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))


@pytest.mark.parametrize("touch", [rewrite, append, replace, set_back])
def test_a_touched_file_is_measured_again(
    tmp_path: Path, file: Path, touch: Callable[[Path], None]
) -> None:
    cache = remembering(tmp_path / "digests.db")
    cache.digest(file)
    poison(cache)
    time.sleep(0.02)  # longer than a tick of the file system's clock
    touch(file)
    assert cache.digest(file) == sha256(file.read_bytes())


def test_links_are_one_file(tmp_path: Path, file: Path) -> None:
    cache = remembering(tmp_path / "digests.db")
    (tmp_path / "link").symlink_to(file)
    assert cache.digest(tmp_path / "link") == cache.digest(file)
    with sqlite3.connect(cache.path) as link:
        assert link.execute("SELECT count(*) FROM digests").fetchone() == (1,)
    link.close()


@pytest.mark.parametrize("garbage", [b"", b"no database at all" * 100, b"SQLite format 3\0" * 300])
def test_a_broken_memory_is_thrown_away_and_made_anew(
    tmp_path: Path, file: Path, garbage: bytes
) -> None:
    cache = remembering(tmp_path / "digests.db")
    cache.path.write_bytes(garbage)
    assert cache.digest(file) == sha256(b"some bytes")
    lie = poison(cache)
    assert cache.digest(file) == lie


def test_a_memory_of_another_version_is_thrown_away(tmp_path: Path, file: Path) -> None:
    cache = remembering(tmp_path / "digests.db")
    cache.digest(file)
    poison(cache)
    with sqlite3.connect(cache.path) as link:
        link.execute("PRAGMA user_version = 99")
    link.close()
    assert cache.digest(file) == sha256(b"some bytes")


def test_a_memory_with_other_tables_is_thrown_away(tmp_path: Path, file: Path) -> None:
    cache = remembering(tmp_path / "digests.db")
    with sqlite3.connect(cache.path) as link:
        link.execute("CREATE TABLE digests (something)")
        link.execute("PRAGMA user_version = 1")
    link.close()
    assert cache.digest(file) == sha256(b"some bytes")
    lie = poison(cache)
    assert cache.digest(file) == lie


def test_a_memory_that_somebody_else_writes_to_is_not_waited_for(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evoreg.registry.models.hashing._SECONDS_TO_WAIT", 0.01)
    cache = remembering(tmp_path / "digests.db")
    cache.digest(file)
    lie = poison(cache)
    link = sqlite3.connect(cache.path)
    link.execute("BEGIN EXCLUSIVE")
    assert cache.digest(file) == sha256(b"some bytes")
    link.close()
    assert cache.digest(file) == lie


def test_nonsense_in_the_memory_is_not_believed(tmp_path: Path, file: Path) -> None:
    cache = remembering(tmp_path / "digests.db")
    cache.digest(file)
    with sqlite3.connect(cache.path) as link:
        link.execute("UPDATE digests SET digest = 'sha256:nonsense'")
    link.close()
    assert cache.digest(file) == sha256(b"some bytes")


def test_without_a_place_for_the_memory_digests_are_still_right(tmp_path: Path, file: Path) -> None:
    assert remembering(file / "digests.db").digest(file) == sha256(b"some bytes")
    assert remembering(tmp_path).digest(file) == sha256(b"some bytes")
    assert tmp_path.is_dir()


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(3 << 20))

    def meddle(count: int) -> None:
        time.sleep(0.02)
        with path.open("r+b") as file:
            file.write(b"x")

    with pytest.raises(InputError) as caught:
        measure(path, meddle)
    assert caught.value.code is Code.INPUT_CHANGED


def test_a_file_that_is_replaced_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path, other = tmp_path / "f", tmp_path / "g"
    path.write_bytes(b"one")
    other.write_bytes(b"two")

    def meddle(count: int) -> None:
        other.replace(path)

    with pytest.raises(InputError) as caught:
        measure(path, meddle)
    assert caught.value.code is Code.INPUT_CHANGED


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to("circle")
    cache = remembering(tmp_path / "digests.db")
    for name in ("pipe", "circle", "missing", "."):
        with pytest.raises(InputError) as caught:
            cache.digest(tmp_path / name)
        assert caught.value.code is Code.INPUT_UNREADABLE


def test_many_processes_share_one_memory(tmp_path: Path) -> None:
    files = [tmp_path / f"f{number}" for number in range(10)]
    for number, file in enumerate(files):
        file.write_bytes(b"x" * number)
    program = (
        "import sys; from pathlib import Path; from evoreg.registry.models.hashing import *\n"
        "c = DigestCache(Path(sys.argv[1]), smallest=0)\n"
        "print([c.digest(Path(p)) for _ in range(3) for p in sys.argv[2:]])"
    )
    cache = remembering(tmp_path / "digests.db")
    command = [sys.executable, "-c", program, str(cache.path), *map(str, files)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    expected = str([sha256(file.read_bytes()) for file in files] * 3)
    assert [worker.communicate()[0].strip() for worker in workers] == [expected] * 3
    with sqlite3.connect(cache.path) as link:
        assert link.execute("SELECT count(*) FROM digests").fetchone() == (10,)
    link.close()
