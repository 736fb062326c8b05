"""What the tests of paths share: models of one family each, and the models that evoreg ships."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from transformers.utils import logging

from evoreg.evolve.planning.plan import SourceModel
from tests.flow.flow_models import demo_sources, write_model

Pair = dict[str, SourceModel]


@pytest.fixture(scope="session", autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable_progress_bar()
    yield
    logging.enable_progress_bar()


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Pair]:
    """Two models a and b of a family, written when they are first asked for."""
    known: dict[str, Pair] = {}

    def pair(kind: str) -> Pair:
        if kind not in known:
            root: Path = tmp_path_factory.mktemp(kind)
            known[kind] = {
                name: write_model(kind, root / name, seed)
                for seed, name in enumerate(("a", "b"), start=1)
            }
        return known[kind]

    return pair


@pytest.fixture(scope="session")
def demo() -> Pair:
    """The trained models that evoreg ships."""
    return demo_sources()
