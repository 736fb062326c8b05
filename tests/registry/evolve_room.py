"""A room for small searches over the models that ship with evoreg."""

import io
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.verify import verify
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.entry import Entry
from evoreg.registry.cli.main import answer
from evoreg.registry.demo import problems_file
from evoreg.registry.releasing.paths import ALWAYS, CHECKPOINT, proof_path
from evoreg.registry.settings import now
from tests.registry.desk import Said

POCKETS = problems_file().parent / "models"
SPLITS = {"train": (0, 8), "validation": (8, 13), "test": (13, 20)}


def pocket(name: str) -> str:
    """Return the folder of a model that ships with evoreg."""
    return str(POCKETS / f"pocket-{name}")


def task(**changes: Any) -> dict[str, Any]:
    """A task over the small files of a room."""
    files = {split: f"{split}.jsonl" for split in SPLITS}
    told = {"name": "sums", "data": {"path": "data", **files}, "max_new_tokens": 8, "soft": 0.1}
    return {**told, **changes}


def search(**changes: Any) -> dict[str, Any]:
    """A small search: four candidates, two generations."""
    told = {
        "name": "small",
        "models": [pocket("math"), pocket("ja")],
        "base_model": pocket("base"),
        "method": "task_arithmetic",
        "merge": {"dtype": "bfloat16"},
        "tasks": [task()],
        "optimiser": {"kind": "cma-es", "population": 4},
        "budget": {"generations": 2},
        "economy": {"items": 4, "finalists": 1, "collapse": 0},
        "seed": 1,
        "intent": "commercial",
    }
    return {**told, **changes}


class Room:
    """A working folder with data, search files and a ledger."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "data").mkdir()
        lines = problems_file().read_text("utf-8").splitlines(keepends=True)
        for split, (start, stop) in SPLITS.items():
            self.data(split, "".join(lines[start:stop]))

    def data(self, split: str, text: str) -> None:
        (self.folder / "data" / f"{split}.jsonl").write_text(text, "utf-8")

    def copy(self, name: str, folder: str) -> Path:
        """Copy a model that ships with evoreg, to change it."""
        return Path(shutil.copytree(pocket(name), self.folder / folder))

    def file(self, content: Mapping[str, Any], name: str = "search.yml") -> Path:
        path = self.folder / name
        path.write_text(json.dumps(content), "utf-8")
        return path

    def path(self, name: str) -> Path:
        return self.folder / name

    def run(self, *arguments: str | Path) -> Said:
        """Carry out a command in this process."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = answer([str(item) for item in arguments])
        return Said(code, out.getvalue(), err.getvalue())

    def evolve(self, *arguments: str | Path, **changes: Any) -> Said:
        """Search with the small search file."""
        return self.run("evolve", self.file(search(**changes)), *arguments)

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        url = f"sqlite:///{self.folder / '.evoreg' / 'ledger.sqlite'}"
        with open_ledger(url, actor="tests", clock=now) as ledger:
            yield ledger

    def entries(self) -> list[Entry]:
        """All entries of the ledger, which must be whole."""
        with self.ledger() as ledger:
            assert verify(ledger).problems == ()
            return list(ledger.entries())

    def course(self) -> list[str]:
        """Everything that searches recorded, in order: canonical records without times."""
        kinds = ("evaluation", "generation", "result")
        found = (entry for entry in self.entries() if entry.kind in kinds)
        return [
            json.dumps([entry.kind, json.loads(entry.body)["record"]], sort_keys=True)
            for entry in found
        ]


@contextmanager
def entered(folder: Path) -> Iterator[Room]:
    """Work in a room, with no way to the network and nobody's settings."""
    names = ("EVOREG_LEDGER", "EVOREG_POLICY", "EVOREG_DEBUG", "EVOREG_OFFLINE", "COLUMNS")
    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.delenv(name, raising=False)
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("EVOREG_ACTOR", "the tests")
        patch.chdir(folder)
        yield Room(folder)


def tensors_of(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        found.update(load_file(path))
    return found


def files_of(folder: Path) -> dict[str, str]:
    """Digest of every file of a result but those that tell of entries of the ledger."""
    found = {
        str(path.relative_to(folder)): digest_of(path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    for name in ("evoreg.json", *map(proof_path, ALWAYS), CHECKPOINT):
        assert found.pop(name)
    return found


def environment() -> dict[str, str]:
    """What processes of tests run with."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("EVOREG_")}
    return {**kept, "HF_HUB_OFFLINE": "1", "EVOREG_ACTOR": "the tests", "OMP_NUM_THREADS": "1"}
