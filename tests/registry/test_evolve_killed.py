"""`kill -9` at any moment of a search: nothing is lost or doubled, and --resume ends the same."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from evoreg.evolve.searchfile.form import BudgetForm
from evoreg.registry.cli.evolve_watch import Watching, spent
from evoreg.registry.cli.screen import Screen
from evoreg.registry.searching.books import past_of
from tests.registry.evolve_room import Room, entered, environment, files_of, search, task

KILLS = 3
PATIENCE = 300.0


@dataclass
class Forks:
    """A process that searches in children of its own."""

    folder: Path
    process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("evolve_forks.py"))],
            cwd=self.folder,
            env=environment(),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def _ask(self, line: str) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def start(self, *arguments: str) -> int:
        """Begin a search; return the number of its process."""
        return self._ask(json.dumps(["evolve", "search.yml", *arguments]))

    def end(self) -> int:
        """Wait for it; return the exit code, negative for a signal."""
        return self._ask("end")

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


@dataclass(frozen=True)
class Undisturbed:
    """A search that ran through."""

    course: list[str]
    files: dict[str, str]
    seconds: float


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with entered(tmp_path_factory.mktemp("killed")) as found:
        found.file(search(tasks=[task(max_new_tokens=4)]))
        yield found


@pytest.fixture(scope="module")
def forks(room: Room) -> Iterator[Forks]:
    found = Forks(room.folder)
    yield found
    found.close()


def clear(room: Room) -> None:
    """Forget everything but the digests of the models."""
    shutil.rmtree(room.path("out"), ignore_errors=True)
    shutil.rmtree(room.path(".evoreg/checkpoints"), ignore_errors=True)  # of the ledger that goes
    room.path("said.txt").unlink(missing_ok=True)
    for path in room.path(".evoreg").glob("ledger*"):
        path.unlink()


@pytest.fixture(scope="module")
def undisturbed(room: Room, forks: Forks) -> Undisturbed:
    began = time.monotonic()
    forks.start("out")
    assert forks.end() == 0, room.path("said.txt").read_text("utf-8")
    seconds = time.monotonic() - began
    return Undisturbed(room.course(), files_of(room.path("out")), seconds)


@pytest.mark.parametrize("round_", range(KILLS))
def test_kill_and_resume(room: Room, forks: Forks, undisturbed: Undisturbed, round_: int) -> None:
    clear(room)
    child = forks.start("out")
    time.sleep(undisturbed.seconds * (round_ + random.Random(round_).random()) / KILLS)
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    assert forks.end() in (0, -signal.SIGKILL)
    if room.path(".evoreg/ledger.sqlite").exists():
        known = room.course()  # verifies the books
        assert known == undisturbed.course[: len(known)]
    if not room.path("out").exists():
        forks.start("out", *begun(room))
        assert forks.end() == 0, room.path("said.txt").read_text("utf-8")
    assert room.course() == undisturbed.course
    assert files_of(room.path("out")) == undisturbed.files
    assert not list(room.folder.glob(".out.partial-*"))


def begun(room: Room) -> list[str]:
    """Return ``--resume`` if the ledger knows a search, and nothing if it was killed before."""
    if not room.path(".evoreg/ledger.sqlite").exists():
        return []
    known = any(entry.kind == "search" for entry in room.entries())
    return ["--resume"] if known else []


def test_between_result_and_merge(room: Room, forks: Forks, undisturbed: Undisturbed) -> None:
    clear(room)
    child = forks.start("out")
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up and not list(room.folder.glob(".out.partial-*")):
        time.sleep(0.0005)
    os.kill(child, signal.SIGKILL)
    assert forks.end() in (0, -signal.SIGKILL)
    assert room.course() == undisturbed.course
    forks.start("out", "--resume")
    forks.end()
    assert files_of(room.path("out")) == undisturbed.files


def test_unfinished_searches_are_not_begun_again_by_accident(
    room: Room, forks: Forks, undisturbed: Undisturbed
) -> None:
    stop_behind_a_generation(room, forks)
    again = room.run("evolve", "search.yml", "out")
    assert again.code == 2
    assert "EVO-U003" in again.err
    assert "--resume" in again.err
    with room.ledger() as ledger:
        (known,) = ledger.searches()
        past = past_of(ledger, known.search.id).closed
    assert spent(past, BudgetForm(generations=1))
    assert not spent(past, BudgetForm(candidates=4 * len(past)))
    other = room.run("evolve", "search.yml", "out", "--resume", "--seed", "7")
    assert other.code == 2
    assert "EVO-U004" in other.err
    assert "different in" in other.err
    assert "seed" in other.err
    larger = room.run("evolve", "search.yml", "out", "--resume", "--budget", "generations=3")
    assert larger.code == 0
    assert "recorded before" in larger.err
    generations = [json.loads(item)[1] for item in room.course() if item.startswith('["generation')]
    assert len(generations) == 1 + 3 + 2  # baselines, generations, finalists and test
    assert undisturbed.course[:4] == room.course()[:4]


def stop_behind_a_generation(room: Room, forks: Forks) -> None:
    """Kill a search that has recorded something, before it has a result."""
    for _ in range(20):
        clear(room)
        child = forks.start("out")
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            with suppress(OSError):
                if "generation 1" in room.path("said.txt").read_text("utf-8"):
                    break
            time.sleep(0.0005)
        os.kill(child, signal.SIGKILL)
        if forks.end() == -signal.SIGKILL and not any("result" in x[:12] for x in room.course()):
            return
    pytest.skip("the machine is too busy to stop a search in the middle")


@pytest.mark.parametrize("booked", [False, True])
def test_going_on_is_advised_only_if_something_is_recorded(
    capsys: pytest.CaptureFixture[str], *, booked: bool
) -> None:
    watch = Watching(Screen.open(as_json=False), BudgetForm(generations=2))
    if booked:
        watch.booked()
    with pytest.raises(KeyboardInterrupt), watch.way_on():
        raise KeyboardInterrupt
    said = " ".join(capsys.readouterr().err.split())
    assert ("--resume goes on" in said) is booked
    assert ("nothing is recorded yet: run the same command again" in said) is not booked


def test_ctrl_c_tells_how_to_go_on(room: Room, undisturbed: Undisturbed) -> None:
    clear(room)
    with subprocess.Popen(
        [sys.executable, "-m", "evoreg.registry", "evolve", "search.yml", "out"],
        cwd=room.folder,
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A process that was started in the background ignores it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stderr is not None
        seen = []
        for line in process.stderr:
            seen.append(line)
            if "baselines (all of train)" in line:
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, (seen, err)
    assert out == ""
    # Baselines are told when they are on record.
    assert "the same command with --resume goes on" in err
    assert err.splitlines()[-1] == "interrupted; no half-made result was left"
    assert "Traceback" not in err
    resumed = room.run("evolve", "search.yml", "out", "--resume")
    assert resumed.code == 0, resumed.err
    assert room.course() == undisturbed.course
    assert files_of(room.path("out")) == undisturbed.files
