"""A desk to work at: a folder, models in it, and the command line, in this process or another."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.values import Head
from evoreg.provenance.ledger.verify import verify
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.entry import Entry
from evoreg.registry.cli.main import answer
from evoreg.registry.settings import now

ORACLE = Path(__file__).parents[1] / "oracle"
MODELS = ORACLE / "models"
MODULE = (sys.executable, "-m", "evoreg.registry")


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


class Desk:
    """A working folder with a ledger."""

    def __init__(
        self, folder: Path, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]
    ) -> None:
        self.folder = folder
        self.patch = patch
        self._capture = capture

    def run(self, *arguments: str | Path) -> Said:
        """Carry out a command in this process."""
        self._capture.readouterr()
        code = answer([str(item) for item in arguments])
        seen = self._capture.readouterr()
        return Said(code, seen.out, seen.err)

    def path(self, name: str) -> Path:
        return self.folder / name

    def recipe(self, content: str | Mapping[str, Any], name: str = "recipe.yml") -> Path:
        """Write a recipe; JSON is also YAML."""
        text = content if isinstance(content, str) else json.dumps(content)
        path = self.folder / name
        path.write_text(text, "utf-8")
        return path

    def copy(self, source: str | Path, name: str, **changes: str | bytes | None) -> Path:
        """Copy a model folder; `changes` replace files (dots are written `__`) or remove them."""
        folder = self.folder / name
        folder.mkdir()
        for path in sorted((MODELS / source).iterdir()):
            shutil.copyfile(path, folder / path.name)
        for key, data in changes.items():
            path = folder / key.replace("__", ".")
            if data is None:
                path.unlink()
            else:
                path.write_bytes(data.encode() if isinstance(data, str) else data)
        return folder

    def ledger(self, url: str | None = None) -> Ledger:
        default = f"sqlite:///{self.folder / '.evoreg' / 'ledger.sqlite'}"
        return open_ledger(url or default, actor="tests", clock=now)

    def entries(self, url: str | None = None) -> list[Entry]:
        """All entries of the ledger, which must be whole."""
        with self.ledger(url) as ledger:
            report = verify(ledger)
            assert not report.problems
            return list(ledger.entries())

    def head(self) -> Head:
        with self.ledger() as ledger:
            return ledger.head()

    def things(self) -> dict[str, str]:
        """Everything in the folder but the books: path to digest or kind."""
        return dict(_things(self.folder))


def _things(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        name = str(relative)
        if relative.parts[0] == ".evoreg":
            continue
        if path.is_symlink():
            yield name, f"link to {path.readlink()}"
        elif path.is_file():
            yield name, digest_of(path.read_bytes())
        else:
            yield name, "folder"


def model(name: str | Path, **parameters: float) -> dict[str, Any]:
    """A line of `models`; a bare name is a tiny model of the oracle."""
    place = MODELS / name if isinstance(name, str) and (MODELS / name).is_dir() else name
    return {"model": str(place), "parameters": parameters}


def linear(*models: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A recipe for an average."""
    return {"merge_method": "linear", "models": list(models), **more}


def card(licence: str | None, *lines: str) -> str:
    """A model card."""
    first = [] if licence is None else [f"license: {licence}"]
    return "\n".join(["---", *first, *lines, "---", "# A model", ""])


def process(folder: Path, *arguments: str | Path, **environment: str) -> Said:
    """Carry out a command in a process of its own."""
    done = subprocess.run(
        [*MODULE, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    return Said(done.returncode, done.stdout, done.stderr)
