"""What recipes of each method are refused or warned about, and what methods do at their limits."""

import json
import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from evoreg.evolve.methods.quantiles import order_statistics
from evoreg.evolve.recipes.contracts import CONTRACTS
from evoreg.evolve.recipes.read import ReadRecipe, read_recipe
from evoreg.evolve.recipes.settings import at, convert
from evoreg.provenance.records.errors import Code, EvoregError, RecipeError
from evoreg.provenance.records.recipe import Setting
from tests.evolve.merging import Bench, normal, recipe, row
from tests.evolve.method_groups import merged


def read(method: str, count: int, base: str | None = None, **shared: Any) -> ReadRecipe:
    weight = CONTRACTS[method].parameter("weight")
    lines = [row(f"m{i}", weight=1) if weight else {"model": f"m{i}"} for i in range(count)]
    return read_recipe(json.dumps(recipe(method, lines, base, shared)), "r.yml")


# Numbers of models


@pytest.mark.parametrize(
    ("method", "count", "told"),
    [
        ("model_stock", 1, "at least 3 models (the base counts), not 2"),
        ("nuslerp", 1, "exactly 2 models, not 1"),
        ("nuslerp", 3, "exactly 2 models, not 3"),
        ("nearswap", 2, "exactly 2 models (the base counts), not 3"),
        ("arcee_fusion", 2, "exactly 2 models (the base counts), not 3"),
        ("sce", 0, "at least 2 models (the base counts), not 1"),
    ],
)
def test_the_wrong_number_of_models_is_told(method: str, count: int, told: str) -> None:
    lines = [{"model": f"m{place}"} for place in range(count)] or [{"model": "base"}]
    wish = recipe(method, lines, "base", {"t": 1} if method == "nearswap" else {})
    with pytest.raises(RecipeError) as caught:
        read_recipe(json.dumps(wish), "r.yml")
    (problem,) = caught.value.problems
    assert problem.code == Code.RECIPE_STRUCTURE
    assert problem.what == f"{method} takes {told}"


@pytest.mark.parametrize("method", ["nuslerp", "multislerp"])
def test_an_optional_base_is_not_counted_and_needs_no_weight(method: str, bench: Bench) -> None:
    assert read(method, 2, "base").recipe.references == ("base", "m0", "m1")
    assert read(method, 2).recipe.references == ("m0", "m1")
    base, x, y = (normal(seed, 4, 3) for seed in range(3))
    for name, tensor in (("base", base), ("x", x), ("y", y)):
        bench.model(name, {"w": tensor})
    lines = [row("x", weight=0.3), row("y", weight=0.7)]
    over = bench.merge(recipe(method, lines, "base"))
    listed = bench.merge(recipe(method, [lines[0], {"model": "base"}, lines[1]], "base"))
    assert over.only.equal(listed.only)
    change = merged(method, [x - base, y - base], own=[{"weight": 0.3}, {"weight": 0.7}])
    torch.testing.assert_close(over.only.double(), base + change, rtol=1e-5, atol=1e-5)
    assert [over.effective(name) > 0 for name in ("base", "x", "y")] == [False, True, True]
    plain = bench.merge(recipe(method, lines))
    assert not plain.only.equal(over.only)


def test_karcher_never_averages_a_base_in(bench: Bench) -> None:
    for seed, name in enumerate(("a", "b", "other")):
        bench.model(name, {"w": normal(seed, 5, 4)})
    lines = [{"model": "a"}, {"model": "b"}]
    with_base = bench.merge(recipe("karcher", lines, "other"))
    assert with_base.only.equal(bench.merge(recipe("karcher", lines)).only)


# Values


def test_a_whole_number_is_asked_for_where_one_is_needed() -> None:
    parameter = CONTRACTS["karcher"].parameter("max_iter")
    assert parameter is not None
    assert convert("7", parameter) == convert(7.0, parameter) == 7.0
    for wrong in ("2.5", -1, "many"):
        with pytest.raises(ValueError, match=r"whole number|below|not a number"):
            convert(wrong, parameter)
    assert at(Setting(value=(2, 4)), 0.5, parameter) == 3.0
    assert at(Setting(value=(2, 4)), 0.2, parameter) == 2.0
    with pytest.raises(RecipeError) as caught:
        read("karcher", 2, max_iter=2.5)
    assert caught.value.code == Code.RECIPE_PARAMETER


@pytest.mark.parametrize(
    ("density", "epsilon", "fine"),
    [
        (0.5, 0.15, True), (0.85, 0.15, False), (0.15, 0.15, False), (0.9, 0.05, True),
        (1.0, 0.15, True), (0.0, 0.15, True), (0.5, 0.5, False), (0.5, -0.49, True),
        (0.5, -0.5, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["della", "della_linear"])
def test_probabilities_of_della_lie_between_0_and_1(
    method: str, density: float, epsilon: float, fine: bool, bench: Bench
) -> None:
    for seed, name in enumerate(("base", "a")):
        bench.model(name, {"w": normal(seed, 5, 4)})
    wish = recipe(method, [row("a", weight=1, density=density, epsilon=epsilon)], "base")
    if fine:
        assert bench.merge(wish).only.isfinite().all()
        return
    with pytest.raises(RecipeError) as caught:
        bench.plan(wish)
    (problem,) = caught.value.problems
    assert problem.code == Code.RECIPE_PARAMETER
    assert f"density {density:g} and epsilon {epsilon:g}" in problem.what


@pytest.mark.parametrize("method", ["multislerp", "linear", "della_linear", "breadcrumbs"])
def test_weights_that_cancel_are_refused_where_they_would_be_divided_by(
    method: str, bench: Bench
) -> None:
    for seed, name in enumerate(("base", "a", "b")):
        bench.model(name, {"w": normal(seed, 5, 4)})
    lines = [row("a", weight=0.5), row("b", weight=-0.5)]
    base = "base" if CONTRACTS[method].base == "required" else None
    divides = CONTRACTS[method].divides_by_sum
    with pytest.raises(EvoregError) as caught:
        bench.plan(recipe(method, lines, base, {divides: True}))
    assert caught.value.code == Code.RECIPE_ZERO_WEIGHTS
    assert divides in caught.value.problems[0].hint
    assert bench.merge(recipe(method, lines, base, {divides: False})).only.isfinite().all()


@pytest.mark.parametrize(
    ("method", "name"),
    [("breadcrumbs", "gamma"), ("breadcrumbs_ties", "gamma"), ("della", "epsilon")],
)
def test_what_changes_nothing_at_full_density_is_told(method: str, name: str) -> None:
    (warning,) = read(method, 1, "base", **{name: 0.1}).warnings
    assert warning.code == Code.RECIPE_PARAMETER
    assert name in warning.what
    assert read(method, 1, "base", **{name: 0.1}, density=1.0).warnings
    assert not read(method, 1, "base", **{name: 0.1}, density=[1.0, 0.5]).warnings
    assert not read(method, 1, "base").warnings


# Limits


def test_directions_that_cancel_give_the_weighted_sum() -> None:
    """Also for three, where the Gram matrix alone would give rounding noise blown up."""
    x, y = normal(1, 5000), normal(2, 5000)
    x, y = x / x.norm(), y / y.norm()
    z = -(x + y)
    own = [{"weight": w} for w in (1.0, 1.0, float(z.norm()))]
    got = merged("multislerp", [x, y, z], own=own, normalize_weights=False, eps=1e-6)
    expected = x + y + own[2]["weight"] * z
    torch.testing.assert_close(got.float(), expected, rtol=1e-5, atol=1e-7)


def test_karcher_of_two_opposite_tensors_is_one_of_them() -> None:
    x = normal(1, 4, 30)
    for factor in (-1.0, -3.0):
        got = merged("karcher", [x, factor * x])
        towards = float((got * x.double()).sum() / (got.norm() * x.double().norm()))
        assert abs(towards) == pytest.approx(1.0, abs=1e-6)
        assert float(got.norm()) == pytest.approx((1 - factor) / 2 * float(x.norm()), rel=1e-4)


def test_karcher_leaves_tensors_without_a_direction_out() -> None:
    x = normal(1, 40)
    got = merged("karcher", [x, torch.zeros(40)])
    torch.testing.assert_close(got.float(), 0.5 * x)  # half the mean length
    assert merged("karcher", [1e-9 * x, torch.zeros(40)]).equal(torch.zeros(40).double())


def test_karcher_is_the_point_of_the_least_squared_angles() -> None:
    parts = [normal(seed, 200) for seed in range(4)]
    units = [part.double() / part.double().norm() for part in parts]

    def cost(point: torch.Tensor) -> float:
        point = point / point.norm()
        return sum(math.acos(float(point @ unit)) ** 2 for unit in units)

    mean = merged("karcher", parts, max_iter=100, tol=1e-9)
    least = cost(mean)
    for seed in range(20):
        step = 0.01 * float(mean.norm()) * torch.nn.functional.normalize(normal(seed, 200), dim=0)
        assert cost(mean + step.double()) > least


def test_nearswap_by_hand() -> None:
    base, other = torch.zeros(6), torch.tensor([0.0, 0.05, 0.1, -0.1, 0.4, -1.0])
    got = merged("nearswap", [other], base, t=0.1).tolist()
    assert got == pytest.approx([0.0, 0.05, 0.1, -0.1, 0.1, -0.1])


def test_ram_by_hand() -> None:
    base = torch.zeros(5)
    a = torch.tensor([1.0, 1.0, 0.0, 4.0, 1e-6])
    b = torch.tensor([0.0, 3.0, 2.0, 0.0, 0.0])
    assert merged("ram", [a, b], base).tolist() == [1.0, 2.0, 2.0, 4.0, 0.0]
    # a: 1 shared, 2 unique; b: 1 shared, 1 unique, cut off at alpha
    got = merged("ramplus_tl", [a, b], base, r=1.0, alpha=0.75).tolist()
    assert got == pytest.approx([1.5, 2.0, 3.5, 6.0, 0.0])


def test_sce_by_hand() -> None:
    base = torch.zeros(4)
    a, b = torch.tensor([3.0, 1.0, -1.0, 1.0]), torch.tensor([-1.0, 1.0, -2.0, 1.0])
    # variances 4, 0, 0.25, 0: of two that are not zero the larger one
    assert merged("sce", [a, b], base, select_topk=0.5).tolist() == [3.0, 0.0, 0.0, 0.0]
    got = merged("sce", [a, b], base).tolist()  # energies 12 and 7
    assert got == pytest.approx([3.0, 1.0, -(12 * 1 + 7 * 2) / 19, 1.0])


def test_model_stock_by_hand() -> None:
    base = torch.zeros(2, 2)
    a, b = torch.tensor([[1.0, 0.0], [2.0, 0.0]]), torch.tensor([[0.0, 1.0], [2.0, 0.0]])
    # flat: cos = 4/5, t = 2 * 0.8 / 1.8; by rows: cos = 0 and 1, t = 0 and 1
    t = 1.6 / 1.8
    assert merged("model_stock", [a, b], base).reshape(-1).tolist() == pytest.approx(
        [t / 2, t / 2, 2 * t, 0.0]
    )
    got = merged("model_stock", [a, b], base, filter_wise=True)
    assert got.tolist() == [[0.0, 0.0], [2.0, 0.0]]


def test_large_and_small_numbers_keep_their_angle() -> None:
    """Squares of these overflow or vanish in float32."""
    x, y = normal(1, 5000), normal(2, 5000)
    expected = merged("nuslerp", [x, y])
    for factor in (1e25, 1e-25):
        got = merged("nuslerp", [factor * x, factor * y])
        if factor > 1:  # lengths below 1e-7 count as 1e-7, so that tiny tensors lie at right angles
            torch.testing.assert_close(got / factor, expected, rtol=1e-5, atol=1e-5)
        assert got.isfinite().all()
        mean = merged("karcher", [factor * x, factor * y], tol=0.0)
        torch.testing.assert_close(
            mean / factor, merged("karcher", [x, y], tol=0.0), rtol=1e-4, atol=1e-4
        )


@given(
    values=st.lists(st.floats(0, 2.0**100, width=32), min_size=1, max_size=40),
    ranks=st.lists(st.integers(0, 39), min_size=1, max_size=4),
    double=st.booleans(),
)
def test_order_statistics_are_those_of_the_sorted_numbers(
    values: list[float], ranks: list[int], double: bool
) -> None:
    kind = torch.float64 if double else torch.float32
    numbers = torch.tensor(values, dtype=kind)
    ranks = [min(rank, len(values) - 1) for rank in ranks]
    found = order_statistics(
        lambda: [numbers[i : i + 7] for i in range(0, len(numbers), 7)], ranks, kind
    )
    assert found == [sorted(values)[rank] for rank in ranks]


def test_fusion_of_more_than_a_million_elements_is_the_same_every_time() -> None:
    base, other = normal(0, 1100, 1000), normal(1, 1100, 1000)
    first = merged("arcee_fusion", [other], base)
    assert first.equal(merged("arcee_fusion", [other], base))
    taken = (first.float() != base).double().mean()
    assert 0.0 < float(taken) < 0.2
