"""Files that grow past the page cache hold the same bytes as any other file."""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evoreg.evolve.execution import sink
from evoreg.evolve.execution.sink import Sink

BLOCK = 4096


def written(path: Path, pieces: list[bytes], *, large: int) -> bytes:
    file = Sink(path, sum(len(piece) for piece in pieces), large=large)
    for piece in pieces:
        file.append(memoryview(piece))
    file.finish()
    return path.read_bytes()


def pieces_of(sizes: list[int]) -> list[bytes]:
    rng = random.Random(7)
    return [rng.randbytes(size) for size in sizes]


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sizes=st.lists(st.sampled_from([0, 1, 8, 4095, 4096, 4097, 20_000, 70_000]), max_size=12),
    room=st.sampled_from([BLOCK, 16 * BLOCK, 1000]),
)
def test_the_bytes_are_those_that_were_appended(
    sizes: list[int], room: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A room of 1000 bytes is no whole block, which the file system refuses to take directly."""
    monkeypatch.setattr(sink, "_ROOM", room)
    pieces = pieces_of(sizes)
    for large in (0, 2**40):
        path = tmp_path / "file"
        path.unlink(missing_ok=True)
        assert written(path, pieces, large=large) == b"".join(pieces)


def test_a_large_file_goes_past_the_page_cache_where_it_can(tmp_path: Path) -> None:
    direct = Sink(tmp_path / "direct", 0, large=0)
    other = Sink(tmp_path / "other", 0)
    direct.append(memoryview(b"x" * (2**22 + 5)))
    assert not other._direct
    if direct._direct:  # else this file system does not offer it
        assert (tmp_path / "direct").stat().st_size == 2**22
    direct.finish()
    other.finish()
    assert (tmp_path / "direct").stat().st_size == 2**22 + 5


def test_a_file_that_is_there_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        Sink(tmp_path / "file", 10)
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_closing_twice_does_no_harm(tmp_path: Path) -> None:
    file = Sink(tmp_path / "file", 3)
    file.append(memoryview(b"abc"))
    file.finish()
    file.close()
    assert (tmp_path / "file").read_bytes() == b"abc"
