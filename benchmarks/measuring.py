"""Runs a command and measures what it costs: seconds, processor time and memory.

Processor time is what the operating system charges the process and those that it started. Memory
is looked at every few milliseconds, and only where ``/proc`` tells it (Linux): *private* memory is
anonymous, so that mapped input files do not count; *resident* memory counts them.
"""

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cost", "environment", "measure", "read_all"]

_PROC = Path("/proc")
_SECONDS_BETWEEN_LOOKS = 0.02
_TAIL = 3000
_PIECE = 1 << 24
_CHOSEN_BY_USERS = ("OMP_", "MKL_", "KMP_", "GOMP_", "OPENBLAS_", "EVOREG_")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a command took."""

    wall: float
    """Seconds from start to end."""
    cpu: float
    """Seconds of processor time, user and system, with all child processes."""
    private: float
    """Highest anonymous memory seen, in megabytes (10^6 bytes); nan if it cannot be told."""
    resident: float
    """Highest resident memory seen, mapped files included, in megabytes; nan likewise."""
    load: float
    """Load average over one minute when the run began: above 0 if others were busy."""

    def __add__(self, other: "Cost") -> "Cost":
        """Return the cost of this and then the other."""
        return Cost(
            self.wall + other.wall,
            self.cpu + other.cpu,
            max(self.private, other.private),
            max(self.resident, other.resident),
            self.load,
        )


def environment(**more: str) -> dict[str, str]:
    """Return the environment for a run: threads are left to each program, the network is off.

    Args:
        more: Further variables.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_CHOSEN_BY_USERS)}
    return kept | {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"} | more


def measure(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> Cost:
    """Run a command to its end.

    Args:
        command: Program and arguments.
        folder: Its working folder.
        variables: Its whole environment.

    Returns:
        What it took.

    Raises:
        RuntimeError: It failed; the message has the end of what it said.
    """
    os.sync()  # nobody shall pay for what an earlier run left to be written
    load = os.getloadavg()[0]
    said = folder / "said.txt"
    with said.open("wb") as file:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=file, stderr=file)
        with _Watch(process.pid) as watch:
            _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        tail = said.read_text("utf-8", "replace")[-_TAIL:]
        raise RuntimeError(f"{command[0]} ended with {process.returncode}:\n{tail}")
    cpu = used.ru_utime + used.ru_stime
    return Cost(wall, cpu, watch.private, watch.resident, load)


def read_all(files: Sequence[Path]) -> None:
    """Read files, so that the first one to be measured finds them in memory as the others do."""
    buffer = bytearray(_PIECE)
    for path in files:
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


class _Watch:
    """Looks at the memory of a process and its children until told to stop."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.private = self.resident = float("nan")
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)

    def __enter__(self) -> "_Watch":
        if _PROC.joinpath("self", "status").exists():
            self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        if self.thread.is_alive():
            self.thread.join()

    def look(self) -> None:
        """Keep the highest sums."""
        highest = [0, 0]
        while not self.ended.wait(_SECONDS_BETWEEN_LOOKS):
            seen = [_memory(pid) for pid in _family(self.pid)]
            sums = [sum(column) for column in zip(*seen, strict=True)] or [0, 0]
            highest = [max(pair) for pair in zip(highest, sums, strict=True)]
            self.private, self.resident = (kibibytes * 1024 / 1e6 for kibibytes in highest)


def _family(pid: int) -> Iterator[int]:
    """Yield a process and all below it; those that end meanwhile are left out."""
    yield pid
    try:
        threads = list(_PROC.joinpath(str(pid), "task").iterdir())
        found = [number for each in threads for number in _words(each / "children")]
    except OSError:
        return
    for child in found:
        yield from _family(int(child))


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:  # the thread ended
        return []


def _memory(pid: int) -> tuple[int, int]:
    """Return anonymous and resident memory of a process in KiB, zero if it ended."""
    try:
        lines = _PROC.joinpath(str(pid), "status").read_text().splitlines()
    except OSError:
        return 0, 0
    facts = {
        line.split(":")[0]: line.split()[1] for line in lines if line.startswith(("Rss", "Vm"))
    }
    return int(facts.get("RssAnon", 0)), int(facts.get("VmRSS", 0))
