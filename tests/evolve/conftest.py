"""What the tests of the merge engine share: a bench for tiny models, and the oracle's."""

from pathlib import Path

import pytest

from tests.evolve.merging import ORACLE, Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """An empty bench."""
    return Bench(tmp_path)


@pytest.fixture
def llamas(tmp_path: Path) -> Bench:
    """A bench with the tiny Llamas: base, a, b, c, chat, tied_a, tied_b, a_bf16, b_bf16."""
    return Bench(tmp_path, ORACLE / "models")
