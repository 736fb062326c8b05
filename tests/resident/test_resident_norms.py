"""Shares from norms agree with those that are counted number by number."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.resident.parameters import ParameterHost
from evoreg.provenance.records.candidate import Contribution
from evoreg.provenance.records.recipe import Recipe
from tests.resident.candidates import (
    BASE,
    MODELS,
    arithmetic,
    compare,
    form,
    read,
    recipe,
    weights_in,
    written,
)

Sources = dict[str, SourceModel]
Opener = Callable[..., ParameterHost]
Pair = tuple[tuple[Contribution, ...], tuple[Contribution, ...]]


def linear(*weights: float) -> Recipe:
    """Return a weighted sum that is not normalised."""
    lines = [
        {"model": model, "parameters": {"weight": weight}}
        for model, weight in zip(MODELS, weights, strict=False)
    ]
    head = {"merge_method": "linear", "parameters": {"normalize": False}, "dtype": "float32"}
    return read({**head, "models": lines})


CASES: dict[str, Recipe] = {
    "arithmetic": arithmetic(0.7, 0.4),
    "one alone": arithmetic(0.7, 0.0),
    "negative": arithmetic(0.7, -0.3, 0.2),
    "nothing": arithmetic(0.0, 0.0),
    "linear": linear(0.5, 0.3, 0.2),
    # What is left is a hundredth of what went in: too little to be told from norms.
    "cancelling": linear(1.0, -1.0),
    **{name: recipe(form(name)) for name in ("slerp", "nuslerp", "multislerp", "karcher")},
    "model stock": recipe(form("model_stock")),
    "all of it": recipe(form("dare_linear"), density=1.0),
}


@pytest.mark.parametrize("case", CASES)
def test_they_agree(case: str, opened: Opener, sources: Sources, tmp_path: Path) -> None:
    merged = written(CASES[case], sources, tmp_path / "out", seed=7)
    compare(opened().apply(CASES[case]).contributions, merged.contributions)


@pytest.fixture
def both(
    opened: Opener, sources: Sources, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Recipe], Pair]:
    """Gives the shares of a recipe as they are reckoned from norms, and as they are counted."""
    host = opened()

    def shares(made: Recipe) -> Pair:
        merged = written(made, sources, tmp_path_factory.mktemp("any") / "out", seed=7)
        return host.apply(made).contributions, merged.contributions

    return shares


@pytest.mark.parametrize(("first", "second"), [(1.0, 0.5), (-0.3, 0.7)])
def test_they_are_those_of_the_numbers(
    first: float, second: float, opened: Opener, sources: Sources
) -> None:
    base, *others = (
        torch.cat([value.double().flatten() for _, value in sorted(weights_in(folder).items())])
        for folder in (sources[name].checkpoint.folder for name in (BASE, *MODELS[:2]))
    )
    parts = [c * (x - base) for c, x in zip((first, second), others, strict=True)]
    change, mass = parts[0] + parts[1], sum(float(part.abs().sum()) for part in parts)
    found = opened().apply(arithmetic(first, second)).contributions[1:]
    for item, part in zip(found, parts, strict=True):
        along = float(part @ change) / float(change @ change)
        assert float(item.alignment) == pytest.approx(along, abs=5e-8)
        assert float(item.effective) == pytest.approx(float(part.abs().sum()) / mass, abs=5e-8)


weights = st.sampled_from([0.0, 1.0, -1.0]) | st.floats(0.01, 2.0) | st.floats(-2.0, -0.01)


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=weights, second=weights)
def test_they_agree_for_any_weights(
    first: float, second: float, both: Callable[[Recipe], Pair]
) -> None:
    found, counted = both(arithmetic(first, second))
    compare(found, counted)
    by_name = {item.reference: item for item in found}
    assert by_name[MODELS[0]].used is (first != 0)
    assert by_name[BASE].used is True


def test_norms_are_measured_once(opened: Opener) -> None:
    host = opened()
    host.apply(arithmetic(0.7, 0.4))
    taken = host.memory.used
    host.apply(arithmetic(0.1, -0.4))
    assert 0 < host.memory.used == taken
