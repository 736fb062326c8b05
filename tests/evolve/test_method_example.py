"""The merge method that CONTRIBUTING.md shows works as it stands there, from file to shares."""

import re
import types
from typing import Any

import pytest
import torch

from evoreg.evolve.methods.group import Rule
from evoreg.evolve.methods.table import METHODS
from evoreg.evolve.recipes.contracts import CONTRACTS, Contract, Parameter
from tests.evolve.merging import ORACLE, Bench, normal, recipe, row

GUIDE = (ORACLE.parent.parent / "CONTRIBUTING.md").read_text()
METHOD, CONTRACT, ROW = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture
def cautious(monkeypatch: pytest.MonkeyPatch) -> Bench | None:
    """Put the example into scratch copies of both tables."""
    module = types.ModuleType("cautious")
    exec(compile(METHOD, "CONTRIBUTING.md", "exec"), module.__dict__)
    names: dict[str, Any] = {**vars(module), "Contract": Contract, "Parameter": Parameter}
    contract = eval(CONTRACT, names)
    methods = {**METHODS, **eval(ROW, names)}
    contracts = {**CONTRACTS, contract.name: contract}
    monkeypatch.setattr("evoreg.evolve.execution.task.METHODS", methods)
    monkeypatch.setattr("evoreg.evolve.recipes.form.CONTRACTS", contracts)
    monkeypatch.setattr("evoreg.evolve.planning.build.CONTRACTS", contracts)
    assert vars(module)["cautious"].__annotations__["return"] is Rule
    return None


def test_the_example_merges_by_its_formula(cautious: None, bench: Bench) -> None:
    base, a, b = (normal(seed, 30, 20) for seed in range(3))
    for name, tensor in (("base", base), ("a", a), ("b", b)):
        bench.model(name, {"w": tensor, "zeros": torch.zeros(4), "none": torch.zeros(0)})
    lines = [row("a", weight=0.5), row("b", weight=0.25)]
    result = bench.merge(recipe("cautious", lines, "base"))
    expected = base.double()
    for tensor, weight in ((a, 0.5), (b, 0.25)):
        delta = tensor.double() - base.double()
        expected = expected + weight * delta / (1 + delta**2 / (delta**2).mean())
    torch.testing.assert_close(result.tensors["w"], expected.float(), rtol=1e-5, atol=1e-6)
    assert result.tensors["zeros"].equal(torch.zeros(4))
    assert result.effective("a") + result.effective("b") == pytest.approx(1.0)
    assert result.effective("a") > 0.6
    assert float(result.share("a").nominal) == pytest.approx(2 / 3, abs=1e-6)
