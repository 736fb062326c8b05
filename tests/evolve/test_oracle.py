"""The same tensors and configuration as mergekit 0.1.5, on every recipe of the oracle."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from evoreg.evolve.recipes.contracts import CONTRACTS
from tests.evolve.merging import ORACLE, Bench

RECIPES = sorted((ORACLE / "recipes").glob("*.yml"))
METHOD: dict[Path, str] = {p: yaml.safe_load(p.read_text())["merge_method"] for p in RECIPES}


def name_of(path: Path) -> str:
    return path.stem


def ulps_apart(left: torch.Tensor, right: torch.Tensor) -> int:
    """Return the largest distance of two bfloat16 tensors in units of the last place."""

    def line(tensor: torch.Tensor) -> torch.Tensor:
        bits = tensor.view(torch.int16).to(torch.int32)
        return torch.where(bits >= 0, bits, -(bits & 0x7FFF))  # -0.0 lies on +0.0

    return int((line(left) - line(right)).abs().max())


def agree(got: torch.Tensor, expected: torch.Tensor) -> bool:
    if expected.dtype == torch.bfloat16:
        return ulps_apart(got, expected) <= 1
    allowed = 1e-5 * float(expected.abs().max())
    return float((got - expected).abs().max()) <= allowed


def decided(name: str) -> torch.Tensor | slice:
    """Return where Arcee Fusion's choice does not hang on how float32 rounds.

    The importances are sums that cancel: they carry errors of up to a percent, other ones on other
    processors. The expected results were made on one with AVX512.
    """
    if torch.backends.cpu.get_cpu_capability() == "AVX512":
        return slice(None)
    base, other = (
        load_file(ORACLE / "models" / model / "model.safetensors")[name].double() for model in "ab"
    )
    p, q = (tensor.softmax(-1) + 1e-8 for tensor in (other, base))
    importance = (other - base).abs() * (p * (p / q).log()).sum(-1, keepdim=True)
    ranked = importance.flatten().sort().values
    low, middle, high = (float(ranked[int(q * (len(ranked) - 1))]) for q in (0.25, 0.5, 0.75))
    threshold = middle + 1.5 * (high - low)
    clear: torch.Tensor = (importance - threshold).abs() > 0.02 * threshold
    return clear


def test_every_method_without_randomness_is_there() -> None:
    random = {name for name, row in CONTRACTS.items() if row.random}
    without = {"ramplus_tl"}  # tested against its formula
    assert len(RECIPES) == 25
    assert set(METHOD.values()) == set(CONTRACTS) - random - without


@pytest.mark.parametrize("path", RECIPES, ids=name_of)
def test_tensors_and_configuration_agree(path: Path, llamas: Bench) -> None:
    result = llamas.merge(path.read_text())
    got = result.tensors
    expected = load_file(ORACLE / "expected" / f"{path.stem}.safetensors")
    assert got.keys() == expected.keys()
    for name, tensor in expected.items():
        assert (got[name].shape, got[name].dtype) == (tensor.shape, tensor.dtype), name
        sure = decided(name) if METHOD[path] == "arcee_fusion" else slice(None)
        assert agree(got[name][sure], tensor[sure]), name
    facts: dict[str, Any] = json.loads(
        (ORACLE / "expected" / f"{path.stem}.config.json").read_text()
    )
    assert {key: result.config[key] for key in facts} == facts


def test_the_distance_in_last_places_is_right() -> None:
    one = torch.tensor([1.0, -1.0, 0.0], dtype=torch.bfloat16)
    following = torch.tensor([1.0078125, -1.0, -0.0], dtype=torch.bfloat16)
    assert ulps_apart(one, one) == 0
    assert ulps_apart(one, following) == 1
    assert not agree(one, torch.tensor([1.015625, -1.0, 0.0], dtype=torch.bfloat16))
