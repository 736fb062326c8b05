"""The same tensors and configuration as mergekit 0.1.5, on every recipe whose method is offered."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from evoreg.evolve.recipes.contracts import CONTRACTS, NOT_OFFERED
from evoreg.evolve.recipes.read import read_recipe
from evoreg.provenance.records.errors import Code, RecipeError
from tests.evolve.merging import ORACLE, Bench

RECIPES = sorted((ORACLE / "recipes").glob("*.yml"))
METHOD: dict[Path, str] = {p: yaml.safe_load(p.read_text())["merge_method"] for p in RECIPES}
OFFERED = [path for path in RECIPES if METHOD[path] in CONTRACTS]
OTHERS = [path for path in RECIPES if METHOD[path] not in CONTRACTS]


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


def test_both_kinds_of_recipe_are_there() -> None:
    assert len(OFFERED) == 15
    assert len(OTHERS) == 10


@pytest.mark.parametrize("path", OFFERED, ids=name_of)
def test_tensors_and_configuration_agree(path: Path, llamas: Bench) -> None:
    result = llamas.merge(path.read_text())
    got = result.tensors
    expected = load_file(ORACLE / "expected" / f"{path.stem}.safetensors")
    assert got.keys() == expected.keys()
    for name, tensor in expected.items():
        assert (got[name].shape, got[name].dtype) == (tensor.shape, tensor.dtype), name
        assert agree(got[name], tensor), name
    facts: dict[str, Any] = json.loads(
        (ORACLE / "expected" / f"{path.stem}.config.json").read_text()
    )
    assert {key: result.config[key] for key in facts} == facts


@pytest.mark.parametrize("path", OTHERS, ids=name_of)
def test_other_methods_are_refused_by_name(path: Path) -> None:
    assert METHOD[path] in NOT_OFFERED
    with pytest.raises(RecipeError) as caught:
        read_recipe(path.read_text(), path.name)
    (problem,) = caught.value.problems
    assert problem.code == Code.RECIPE_UNSUPPORTED
    assert repr(METHOD[path]) in problem.what
    assert problem.where == f"{path.name}:1:15"
    assert all(name in problem.hint for name in CONTRACTS)


def test_the_distance_in_last_places_is_right() -> None:
    one = torch.tensor([1.0, -1.0, 0.0], dtype=torch.bfloat16)
    following = torch.tensor([1.0078125, -1.0, -0.0], dtype=torch.bfloat16)
    assert ulps_apart(one, one) == 0
    assert ulps_apart(one, following) == 1
    assert not agree(one, torch.tensor([1.015625, -1.0, 0.0], dtype=torch.bfloat16))
