"""The checkout as the house tests see it: its rooms, and the files that git has or would take."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("registry", "evolve", "policies", "provenance")


@cache
def project_files() -> tuple[str, ...]:
    """Return the POSIX paths of all files that git tracks or does not ignore, sorted."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    names = done.stdout.decode().split("\0")
    return tuple(sorted(name for name in names if name and (ROOT / name).is_file()))


def room_files() -> tuple[str, ...]:
    """Return the files of the four rooms."""
    return tuple(name for name in project_files() if name.split("/")[0] in ROOMS)


def room_modules() -> tuple[str, ...]:
    """Return the Python files of the four rooms."""
    return tuple(name for name in room_files() if name.endswith(".py"))


def module_name(path: str) -> str:
    """Return how a Python file is imported."""
    return "evoreg." + path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
