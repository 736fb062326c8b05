"""What the tests of the command line share."""

import shutil
from pathlib import Path

import pytest

from evoreg.provenance.ledger.opening import open_ledger
from evoreg.registry.settings import now
from tests.registry.desk import Desk


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new ledger without an entry."""
    path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    open_ledger(f"sqlite:///{path}", actor="tests", clock=now).close()
    return path


@pytest.fixture
def desk(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    empty_ledger: Path,
) -> Desk:
    """A working folder with an empty ledger, and no way to the network."""
    for name in ("EVOREG_LEDGER", "EVOREG_POLICY", "EVOREG_DEBUG", "EVOREG_OFFLINE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("EVOREG_ACTOR", "the tests")
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".evoreg").mkdir()
    shutil.copyfile(empty_ledger, tmp_path / ".evoreg" / "ledger.sqlite")
    return Desk(tmp_path, monkeypatch, capsys)
