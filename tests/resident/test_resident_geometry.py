"""Geometry, drift and census say what the numbers themselves say."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.resident.drift import census, drifts
from evoreg.evolve.resident.geometry import geometry
from evoreg.evolve.resident.parameters import ParameterHost
from tests.evolve.merging import Bench, source
from tests.resident.candidates import BASE, MODELS, alone, arithmetic

Sources = dict[str, SourceModel]
Opener = Callable[..., ParameterHost]


def numbers(model: SourceModel) -> dict[str, torch.Tensor]:
    """Return the tensors of a model in float64."""
    found = load_file(model.checkpoint.folder / "model.safetensors")
    return {name: value.double() for name, value in found.items()}


def test_geometry_is_that_of_the_numbers(sources: Sources) -> None:
    found = geometry(sources, BASE)
    assert found.sources == tuple(sources)
    assert found.gram.shape == found.deltas.shape == (39, 4, 4)
    assert found.gram.dtype == found.deltas.dtype == np.float64
    loaded = {name: numbers(model) for name, model in sources.items()}
    assert list(found.tensors) == sorted(loaded[BASE])
    for place, name in enumerate(found.tensors):
        own = torch.stack([loaded[model][name].flatten() for model in sources])
        delta = own - loaded[BASE][name].flatten()
        assert found.gram[place] == pytest.approx((own @ own.T).numpy(), rel=1e-6)
        assert found.deltas[place] == pytest.approx((delta @ delta.T).numpy(), rel=1e-6, abs=1e-9)


def test_without_a_base_differences_are_the_tensors(sources: Sources) -> None:
    found = geometry(sources)
    assert np.array_equal(found.gram, found.deltas)
    assert np.array_equal(found.gram, geometry(sources, BASE).gram)
    with pytest.raises(ValueError, match="elsewhere"):
        geometry(sources, "elsewhere")


def test_only_what_all_models_have_alike_is_measured(bench: Bench) -> None:
    bench.model(
        "x", {"a": torch.ones(3), "b": torch.ones(2), "c": torch.ones(2), "n": torch.ones(0)}
    )
    bench.model("y", {"a": torch.full((3,), 2.0), "b": torch.ones(3), "n": torch.ones(0)})
    models = {name: source(name, bench.root / name) for name in ("x", "y")}
    found = geometry(models, "x")
    assert found.tensors == ("a", "n")
    assert found.gram.tolist() == [[[3.0, 6.0], [6.0, 12.0]], [[0.0, 0.0], [0.0, 0.0]]]
    assert found.deltas.tolist() == [[[0.0, 0.0], [0.0, 3.0]], [[0.0, 0.0], [0.0, 0.0]]]
    assert geometry({}).tensors == ()


def test_drift_is_the_distance_of_the_numbers(opened: Opener, sources: Sources) -> None:
    host = opened()
    host.apply(arithmetic(0.6, 0.5))
    made = {name: value.double() for name, value in host.tensors()}
    found = drifts(host, sources)
    assert [item.reference for item in found] == list(sources)
    for item in found:
        own = numbers(sources[item.reference])
        apart = {name: float((made[name] - own[name]).norm()) for name in made}
        length = {name: float(own[name].norm()) for name in made}
        wanted = math.hypot(*apart.values()) / math.hypot(*length.values())
        assert float(item.relative) == pytest.approx(wanted, abs=2e-9)
        assert item.largest == max(sorted(made), key=lambda name: apart[name] / length[name])


def test_a_model_has_not_drifted_from_itself(opened: Opener, sources: Sources) -> None:
    host = opened()
    host.apply(alone(MODELS[0]))
    (found,) = drifts(host, {MODELS[0]: sources[MODELS[0]]})
    assert found.relative == "0.000000000"


def test_models_without_numbers_or_without_the_tensors(
    opened: Opener, bench: Bench, sources: Sources
) -> None:
    host = opened()
    host.apply(alone(BASE))
    empty = {name: torch.zeros_like(v).float() for name, v in numbers(sources[BASE]).items()}
    bench.model("zeros", empty)
    bench.model("other", {"a": torch.ones(3)})
    models = {name: source(name, bench.root / name) for name in ("zeros", "other")}
    zeros, other = drifts(host, models)
    assert zeros.relative == "1000000000.000000000"
    assert (other.relative, other.largest) == ("0.000000000", "")


def test_the_census_looks_at_every_number(opened: Opener, sources: Sources, tmp_path: Path) -> None:
    host = opened()
    host.apply(arithmetic(0.6, 0.5))
    count = sum(value.numel() for value in numbers(sources[BASE]).values())
    assert census(host) == (True, 39, count)
    with torch.no_grad():
        host.model.model.norm.weight[5] = float("inf")
    assert census(host) == (False, 39, count)
