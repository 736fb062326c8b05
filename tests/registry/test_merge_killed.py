"""`kill -9` at any moment of a merge: the result is whole or absent, and the books are true."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.verify import verify
from evoreg.provenance.records.digest import digest_of
from evoreg.registry.settings import now
from tests.registry.desk import MODULE, card

KILLS_ANYWHERE = 12
KILLS_AT_THE_END = 8
TENSORS = 40
NUMBERS = 120_000  # of each tensor: 19 MB a model
PATIENCE = 600.0  # seconds for anything that must happen, however busy the machine is


class Workshop:
    """A folder with two models and a process that merges them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "out"
        for seed, name in enumerate(("one", "two")):
            self._write_model(name, seed)
        lines = [{"model": f"./{name}", "parameters": {"weight": 0.5}} for name in ("one", "two")]
        recipe = {"merge_method": "linear", "models": lines}
        (folder / "recipe.yml").write_text(json.dumps(recipe))
        environment = {key: value for key, value in os.environ.items() if key != "EVOREG_LEDGER"}
        self._forks = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("forks.py"))],
            cwd=folder,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def _write_model(self, name: str, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        tensors = {
            f"layer.{index}.weight": torch.randn(NUMBERS, generator=generator)
            for index in range(TENSORS)
        }
        (self.folder / name).mkdir()
        save_file(tensors, self.folder / name / "model.safetensors")
        (self.folder / name / "README.md").write_text(card("apache-2.0"))

    def close(self) -> None:
        assert self._forks.stdin is not None
        assert self._forks.stdout is not None
        self._forks.stdin.close()
        self._forks.wait(PATIENCE)
        self._forks.stdout.close()

    def _ask(self, line: str) -> int:
        assert self._forks.stdin is not None
        assert self._forks.stdout is not None
        self._forks.stdin.write(line + "\n")
        self._forks.stdin.flush()
        return int(self._forks.stdout.readline())

    def start(self, seed: int) -> int:
        """Begin a merge; return the number of its process."""
        arguments = ["merge", "recipe.yml", "out", "--seed", str(seed), "--name", f"n{seed}"]
        return self._ask(json.dumps(arguments))

    def end(self) -> int:
        """Wait for it; return the exit code, negative for a signal."""
        return self._ask("end")

    def leftovers(self) -> list[Path]:
        return sorted(self.folder.glob(".out.partial-*"))

    def wait_for_work(self, pause: float) -> None:
        """Wait until a merge writes into its folder, which it has locked by then, or is done."""
        give_up = time.monotonic() + PATIENCE
        while not self.out.exists() and not list(self.folder.glob(".out.partial-*/*")):
            assert time.monotonic() < give_up, "the merge never began to write"
            time.sleep(pause)

    @contextmanager
    def stopped_at_work(self, seed: int) -> Iterator[None]:
        """Hold a merge while it writes; let it go on afterwards, come what may."""
        for _ in range(20):
            self.clear()
            child = self.start(seed)
            self.wait_for_work(0.0005)
            os.kill(child, signal.SIGSTOP)
            try:
                if not self.out.exists():
                    yield
                    return
            finally:
                os.kill(child, signal.SIGCONT)
            assert self.end() == 0  # it was faster than this process
        pytest.skip("the machine is too busy to stop a merge in the middle")

    def clear(self) -> None:
        """Make the next merge do everything, hashing included."""
        shutil.rmtree(self.out, ignore_errors=True)
        for path in (self.folder / ".evoreg").glob("digests*"):
            path.unlink()

    def check_books(self) -> dict[str, int]:
        """Verify the ledger; return how often each candidate was recorded."""
        path = self.folder / ".evoreg" / "ledger.sqlite"
        count: dict[str, int] = {}
        if not path.exists():
            return count
        with open_ledger(f"sqlite:///{path}", actor="tests", clock=now, strict=False) as ledger:
            assert verify(ledger).problems == ()
            for entry in ledger.entries(kind="candidate"):
                seed = json.loads(entry.body)["record"]["seed"]
                count[f"n{seed}"] = count.get(f"n{seed}", 0) + 1
        return count

    def check_whole(self) -> None:
        record = json.loads((self.out / "evoreg.json").read_text())
        assert {file["path"] for file in record["candidate"]["outputs"]} == {"model.safetensors"}
        for file in record["candidate"]["outputs"]:
            assert digest_of((self.out / file["path"]).read_bytes()) == file["digest"]
        path = self.folder / ".evoreg" / "ledger.sqlite"
        with open_ledger(f"sqlite:///{path}", actor="tests", clock=now) as ledger:
            entry = next(iter(ledger.entries(after=record["entry"]["seq"] - 1, limit=1)))
            assert entry.hash == record["entry"]["hash"]
            (release,) = ledger.releases(record["candidate_id"])
            for paper in release.release.papers:
                assert digest_of((self.out / paper.path).read_bytes()) == paper.digest


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    shop = Workshop(tmp_path_factory.mktemp("killed"))
    yield shop
    shop.close()


@pytest.fixture(scope="module")
def duration(workshop: Workshop) -> float:
    """Seconds that an undisturbed merge takes."""
    times = []
    for seed in (1000, 1001):
        workshop.clear()
        started = time.monotonic()
        workshop.start(seed)
        assert workshop.end() == 0
        times.append(time.monotonic() - started)
        workshop.check_whole()
    return min(times)


def check_after_kill(workshop: Workshop, seed: int) -> None:
    name = f"n{seed}"
    assert workshop.check_books().get(name, 0) <= 1
    if workshop.out.exists():
        workshop.check_whole()
        shutil.rmtree(workshop.out)
    workshop.start(seed)
    assert workshop.end() == 0
    assert workshop.leftovers() == []
    assert workshop.check_books()[name] == 1
    workshop.check_whole()
    assert {path.name for path in workshop.folder.iterdir()} == {
        ".evoreg",
        "one",
        "out",
        "recipe.yml",
        "two",
    }


@pytest.mark.parametrize("round_", range(KILLS_ANYWHERE))
def test_kill_at_any_moment(workshop: Workshop, duration: float, round_: int) -> None:
    workshop.clear()
    share = (round_ + random.Random(round_).random()) / KILLS_ANYWHERE
    child = workshop.start(round_)
    time.sleep(duration * share)
    os.kill(child, signal.SIGKILL)
    assert workshop.end() in (-signal.SIGKILL, 0)
    check_after_kill(workshop, round_)


@pytest.mark.parametrize("round_", range(KILLS_AT_THE_END))
def test_kill_while_papers_entries_and_name_are_written(
    workshop: Workshop, duration: float, round_: int
) -> None:
    workshop.clear()
    seed = 100 + round_
    child = workshop.start(seed)
    weights = TENSORS * NUMBERS * 4
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        sizes = [
            path.stat().st_size for path in workshop.folder.glob(".out.partial-*/*.safetensors")
        ]
        if workshop.out.exists() or (sizes and sizes[0] >= weights):
            break
        time.sleep(0.0005)
    time.sleep(0.1 * (round_ + random.Random(seed).random()) / KILLS_AT_THE_END)
    os.kill(child, signal.SIGKILL)
    assert workshop.end() in (-signal.SIGKILL, 0)
    check_after_kill(workshop, seed)


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_ctrl_c_ends_in_order(workshop: Workshop, duration: float, options: list[str]) -> None:
    workshop.clear()
    before = workshop.check_books()
    with subprocess.Popen(
        [*MODULE, "merge", "recipe.yml", "out", "--seed", "500", *options],
        cwd=workshop.folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A process that was started in the background ignores it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        workshop.wait_for_work(0.001)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, err
    if options:
        told = json.loads(out)
        assert (err, told["ok"], told["exit_code"], told["errors"]) == ("", False, 130, [])
    else:
        last = "interrupted; no half-made result was left"
        assert (out, err.splitlines()[-1]) == ("", last)
    assert "Traceback" not in err
    assert not workshop.out.exists()
    assert workshop.leftovers() == []
    assert workshop.check_books() == before


def test_a_merge_that_runs_is_not_taken_for_a_leftover(workshop: Workshop) -> None:
    with workshop.stopped_at_work(700):
        second = subprocess.run(
            [*MODULE, "merge", "recipe.yml", "out", "--seed", "701"],
            cwd=workshop.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        left = len(workshop.leftovers())
    code = workshop.end()
    assert (second.returncode, second.stderr[-500:] if second.returncode else "") == (0, "")
    assert left == 1
    assert code == 2  # the place is taken now
    assert workshop.leftovers() == []
    workshop.check_whole()
    record = json.loads((workshop.out / "evoreg.json").read_text())
    assert record["candidate"]["seed"] == 701
    workshop.check_books()
