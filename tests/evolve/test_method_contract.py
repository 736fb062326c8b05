"""What every merge method promises, checked on each row of the table of methods."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.evolve.methods.group import Group, Operand
from evoreg.evolve.methods.table import METHODS
from evoreg.evolve.methods.values import Flat
from evoreg.evolve.planning.plan import Plan
from evoreg.evolve.recipes.contracts import CONTRACTS, Contract, Parameter
from evoreg.provenance.records.errors import Code, MergeError
from tests.evolve.merging import Bench, Recipe, normal, recipe, same

NAMES = sorted(CONTRACTS)
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64}
# A value for each parameter that is defined for every method and makes nothing vanish.
PLAIN: dict[str, Any] = {"weight": 1.0, "t": 0.25, "scale": 1.0}


@dataclass(frozen=True)
class Case:
    """Some models of one tensor each, and a recipe for them."""

    recipe: Recipe
    tensors: dict[str, torch.Tensor]
    seed: int

    def bench(self, folder: Path) -> Bench:
        bench = Bench(folder)
        for name, tensor in self.tensors.items():
            bench.model(name, {"w": tensor})
        return bench


def values_of(parameter: Parameter) -> st.SearchStrategy[bool | float]:
    if parameter.kind == "bool":
        return st.booleans()
    ranges = {"weight": (0.125, 2.0), "t": (0.0, 1.0), "density": (0.0, 1.0)}
    low, high = ranges.get(parameter.name, (-2.0, 2.0))
    return st.integers(int(low * 8), int(high * 8)).map(lambda number: number / 8)


@st.composite
def cases(draw: st.DrawFn, contract: Contract) -> Case:
    count = draw(st.integers(contract.fewest, contract.most or 4))
    names = [f"m{number}" for number in range(count)]
    shape = draw(st.sampled_from([(1,), (), (7,), (5, 8), (3, 2, 4)]))
    kind = DTYPES[draw(st.sampled_from(sorted(DTYPES)))]
    tensors = {name: normal(place, *shape).to(kind) for place, name in enumerate(names)}
    base = names[0] if contract.base == "required" else None
    own = [p for p in contract.parameters if p.scope != "shared"]
    shared = {p.name: draw(values_of(p)) for p in contract.parameters if p.scope == "shared"}
    lines = [
        {"model": name, "parameters": {p.name: draw(values_of(p)) for p in own}}
        for name in names
        if name != base
    ]
    return Case(
        recipe(contract.name, lines, base, shared), tensors, draw(st.integers(0, 2**53 - 1))
    )


def predicted(plan: Plan, tensors: dict[str, torch.Tensor]) -> tuple[torch.Tensor, float]:
    """Return base + sum c_i (x_i - base), in float64, from the coefficients of the rule alone."""
    (output,) = plan.outputs
    work = torch.float64 if output.double else torch.float32

    def flat(place: int) -> Flat:
        return Flat(tensors[output.inputs[place].source.reference].reshape(-1))

    parts = tuple(
        Operand(item.source.identity, item.tensor.name, flat(place), item.parameters)
        for place, item in ((place, output.inputs[place]) for place in output.parts)
    )
    base = None if output.base is None else flat(output.base)
    group = Group(base, parts, output.parameters, plan.seed, work, output.shape)
    whole = slice(0, group.elements)
    deltas = [group.delta(part, whole) for part in parts]
    coefficients = METHODS[plan.contract.name](group).coefficients(whole, deltas)
    moved = [c * delta.double() for c, delta in zip(coefficients, deltas, strict=True)]
    result = sum(moved, torch.zeros(group.elements, dtype=torch.float64))
    size = sum(float(part.abs().max()) for part in moved)
    if base is not None:
        result = result + base.numbers.double()
        size += float(base.numbers.double().abs().max())
    return result, size


def test_the_two_tables_have_the_same_rows() -> None:
    assert list(METHODS) == list(CONTRACTS)
    assert all(contract.name == name for name, contract in CONTRACTS.items())


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_the_coefficients_are_the_result_and_two_runs_are_equal(
    name: str, data: st.DataObject
) -> None:
    case = data.draw(cases(CONTRACTS[name]))
    with tempfile.TemporaryDirectory() as folder:
        bench = case.bench(Path(folder))
        result = bench.merge(case.recipe, seed=case.seed)
        got = result.only
        first = next(iter(case.tensors.values()))
        assert (got.shape, got.dtype) == (first.shape, first.dtype)
        expected, size = predicted(result.plan, case.tensors)
        allowed = size * (2.0**-8 if got.dtype == torch.bfloat16 else 2.0**-21)
        assert float((got.reshape(-1).double() - expected).abs().max()) <= allowed
        again = bench.merge(case.recipe, seed=case.seed)
        assert same(result.tensors, again.tensors)
        assert result.merged == again.merged


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_shares_are_fractions_that_sum_to_one(name: str, data: st.DataObject) -> None:
    case = data.draw(cases(CONTRACTS[name]))
    with tempfile.TemporaryDirectory() as folder:
        result = case.bench(Path(folder)).merge(case.recipe, seed=case.seed)
    parts = result.merged.contributions
    assert [c.reference for c in parts] == list(result.plan.recipe.references)
    effective = [float(c.effective) for c in parts]
    assert all(0.0 <= value <= 1.0 for value in effective)
    assert round(sum(effective), 9) in (0.0, 1.0)
    # Shapley values of an additive game sum to the whole; zero only if nothing changed.
    if sum(effective):
        assert sum(float(c.alignment) for c in parts) == pytest.approx(1.0, abs=1e-5)
    assert all(c.used for c in parts if float(c.effective))


def degenerate(name: str, tensors: list[torch.Tensor], **more: Any) -> Recipe:
    """Return a recipe for models m0, m1, ... (m0 is the base), with plain values."""
    contract = CONTRACTS[name]
    values = {**PLAIN, **more}
    chosen = {p.name: values[p.name] for p in contract.parameters if p.name in values}
    names = [f"m{number}" for number in range(len(tensors))]
    base = names[0] if contract.base == "required" else None
    lines = [{"model": model} for model in names if model != base]
    return recipe(name, lines, base, chosen)


def fewest_models(name: str, tensor: torch.Tensor, other: torch.Tensor) -> list[torch.Tensor]:
    return [tensor, other][: CONTRACTS[name].fewest]


DENSITIES = [
    (name, density)
    for name in NAMES
    for density in ([0.0, 0.4, 1.0] if CONTRACTS[name].parameter("density") else [1.0])
]


@pytest.mark.parametrize(("name", "density"), DENSITIES)
@pytest.mark.parametrize("shape", [(0,), (4, 0), (1,), (), (1, 1, 1)])
def test_tiny_shapes_keep_their_shape(
    name: str, shape: tuple[int, ...], density: float, bench: Bench
) -> None:
    models = fewest_models(name, torch.full(shape, 1.0), torch.full(shape, 3.0))
    for number, tensor in enumerate(models):
        bench.model(f"m{number}", {"w": tensor})
    got = bench.merge(degenerate(name, models, density=density)).only
    assert got.shape == shape
    if not got.numel():
        return
    expected = {
        "linear": [1.0], "passthrough": [1.0], "slerp": [1.5], "task_arithmetic": [3.0],
        "ties": [1.0 if density == 0 else 3.0],  # the largest element is kept at any density
    }.get(name, [1.0] if density == 0 else [3.0] if density == 1 else [1.0, 3.0])  # fmt: skip
    assert got.item() in expected


@pytest.mark.parametrize(("name", "density"), DENSITIES)
def test_equal_models_give_themselves(name: str, density: float, bench: Bench) -> None:
    contract = CONTRACTS[name]
    tensor = normal(1, 6, 5)
    models = [tensor] * max(contract.fewest, min(3, contract.most or 3))
    for number, value in enumerate(models):
        bench.model(f"m{number}", {"w": value})
    result = bench.merge(degenerate(name, models, density=density))
    torch.testing.assert_close(result.only, tensor, rtol=2e-7, atol=0.0)
    if contract.delta:
        assert result.only.equal(tensor)
        assert all(float(c.effective) == 0.0 for c in result.merged.contributions)


@pytest.mark.parametrize("name", [n for n in NAMES if CONTRACTS[n].delta])
def test_zero_weights_give_the_base_and_name_nobody(name: str, bench: Bench) -> None:
    models = [normal(seed, 6, 5) for seed in range(3)]
    for number, value in enumerate(models):
        bench.model(f"m{number}", {"w": value})
    result = bench.merge(degenerate(name, models, weight=0.0, density=0.5, normalize=False))
    assert result.only.equal(models[0])
    used = {c.reference: c.used for c in result.merged.contributions}
    assert used == {"m0": True, "m1": False, "m2": False}  # the base is in every such result


@pytest.mark.parametrize("name", [n for n in NAMES if CONTRACTS[n].parameter("density")])
def test_all_zero_differences_with_one_part_stay_zero(name: str, bench: Bench) -> None:
    for model in ("m0", "m1"):
        bench.model(model, {"w": torch.zeros(9)})
    result = bench.merge(degenerate(name, [torch.zeros(9)] * 2, density=0.5))
    assert result.only.equal(torch.zeros(9))


@pytest.mark.parametrize("name", NAMES)
def test_numbers_that_are_not_finite_are_never_written(name: str, bench: Bench) -> None:
    bad = torch.tensor([1.0, float("nan"), 2.0, float("inf")])
    models = fewest_models(name, torch.ones(4), bad)[-2:]
    models[-1] = bad
    for number, value in enumerate(models):
        bench.model(f"m{number}", {"w": value})
    guilty = f"m{len(models) - 1}"
    for more in ({}, {"weight": 0.0, "normalize": False}, {"density": 0.0}, {"t": 0.0}):
        with pytest.raises(MergeError) as caught:
            bench.merge(degenerate(name, models, **more))
        assert caught.value.code == Code.MERGE_NOT_FINITE
        assert caught.value.problems[0].what.startswith(guilty)
        assert caught.value.problems[0].where == "w"
