"""The wheel holds the four rooms whole, and nothing else."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.house.house import ROOMS, ROOT, project_files, room_files, room_modules


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names in a wheel that was built from a clean copy: stale build folders stay outside."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for name in project_files():
        if name.split("/")[0] in ROOMS or "/" not in name:
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target)
    options = ["--no-index", "--no-deps", "--no-build-isolation", "--no-cache-dir"]
    command = [sys.executable, "-m", "pip", "wheel", *options, "-w", str(out), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=out)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.whl")
    return zipfile.ZipFile(built).namelist()


def test_the_wheel_holds_every_file_of_the_rooms_and_no_other(wheel: list[str]) -> None:
    held = sorted(name.removeprefix("evoreg/") for name in wheel if name.startswith("evoreg/"))
    assert held == sorted(room_files())
    kinds = {Path(name).suffix for name in held}
    assert {".py", ".yml", ".txt", ".j2", ".md", ".json", ".safetensors", ".typed"} <= kinds


def test_the_wheel_has_one_package_at_its_top(wheel: list[str]) -> None:
    tops = {name.split("/")[0] for name in wheel}
    (info,) = tops - {"evoreg"}
    assert info.startswith("evoreg-")
    assert info.endswith(".dist-info")
    assert f"{info}/licenses/LICENSE" in wheel


def test_the_packages_are_the_folders_that_hold_python() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    listed = settings["tool"]["setuptools"]["packages"]
    folders = {name.rpartition("/")[0] for name in room_modules()}
    assert listed == sorted("evoreg." + folder.replace("/", ".") for folder in folders)
    for folder in folders:
        assert (ROOT / folder / "__init__.py").is_file(), f"{folder} has no __init__.py"
    for room in ROOMS:
        assert (ROOT / room / "py.typed").is_file()
