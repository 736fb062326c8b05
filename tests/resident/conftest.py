"""What the tests of models in memory share."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.resident.parameters import ParameterHost
from evoreg.registry.demo import models_folder
from tests.evolve.merging import Bench, source
from tests.resident.candidates import BASE, ENGINE, MODELS

Opener = Callable[..., ParameterHost]


@pytest.fixture(scope="session")
def sources() -> dict[str, SourceModel]:
    """The shipped models, by name."""
    return {name: source(name, models_folder() / name) for name in (BASE, *MODELS)}


@pytest.fixture
def opened(sources: dict[str, SourceModel]) -> Iterator[Opener]:
    """Open hosts, over the shipped models unless told otherwise; they are closed at the end."""
    with ExitStack() as stack:

        def open_host(
            models: dict[str, SourceModel] | None = None, **settings: object
        ) -> ParameterHost:
            chosen = {"seed": 7, "engine": ENGINE, **settings}
            host = ParameterHost.open(models or sources, **chosen)  # type: ignore[arg-type]
            stack.callback(host.close)
            return host

        yield open_host


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """An empty bench."""
    return Bench(tmp_path)
