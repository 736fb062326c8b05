"""What is special about each method: exact values, limits, and which methods meet where."""

import math
from typing import Any

import pytest
import torch

from tests.evolve.merging import Bench, normal, recipe, row

SHAPE = (40, 25)


@pytest.fixture
def trio(bench: Bench) -> Bench:
    """A bench with base, a and b."""
    base = normal(0, *SHAPE)
    bench.model("base", {"w": base})
    bench.model("a", {"w": base + normal(1, *SHAPE, scale=0.1)})
    bench.model("b", {"w": base + normal(2, *SHAPE, scale=0.1)})
    return bench


def merged(bench: Bench, method: str, weights: dict[str, float], **parameters: Any) -> torch.Tensor:
    lines = [row(name, weight=weight) for name, weight in weights.items()]
    return bench.merge(recipe(method, lines, "base", parameters)).only


def tensor_of(bench: Bench, name: str) -> torch.Tensor:
    return bench.merge(recipe("passthrough", [{"model": name}])).only


# linear


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("method", ["linear", "passthrough"])
def test_one_model_is_itself_bit_for_bit(method: str, kind: torch.dtype, bench: Bench) -> None:
    odd = torch.tensor([-0.0, 0.0, 5e-8, -1e-7, 65504.0, 1.0 / 3.0]).to(kind)
    bench.model("a", {"w": odd})
    line = row("a", weight=1.0) if method == "linear" else row("a")
    got = bench.merge(recipe(method, [line])).only
    assert got.dtype == kind
    assert got.view(torch.uint8).equal(odd.view(torch.uint8))


def test_linear_is_the_weighted_mean_in_float32(bench: Bench) -> None:
    x, y = normal(1, 100), normal(2, 100)
    bench.model("a", {"w": x})
    bench.model("b", {"w": y})
    lines = [row("a", weight=3), row("b", weight=1)]
    mean = ((0.75 * x.double()) + 0.25 * y.double()).float()
    torch.testing.assert_close(bench.merge(recipe("linear", lines)).only, mean, rtol=0, atol=2e-7)
    plain = bench.merge(recipe("linear", lines, parameters={"normalize": False})).only
    torch.testing.assert_close(plain, 3 * x + y)


def test_a_plain_average_shares_like_its_weights(bench: Bench) -> None:
    x = normal(1, 1000)
    bench.model("a", {"w": x})
    bench.model("b", {"w": x.flip(0)})  # the same length
    result = bench.merge(recipe("linear", [row("a", weight=0.6), row("b", weight=0.4)]))
    assert result.effective("a") == pytest.approx(0.6, abs=1e-7)
    assert result.effective("b") == pytest.approx(0.4, abs=1e-7)
    assert (result.share("a").nominal, result.share("b").nominal) == ("0.600000000", "0.400000000")


# slerp


def spherical(bench: Bench, t: float, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    number = bench.count
    bench.model(f"x{number}", {"w": x})
    bench.model(f"y{number}", {"w": y})
    wish = recipe("slerp", [{"model": f"y{number}"}], f"x{number}", {"t": t})
    return bench.merge(wish).only


def test_slerp_goes_from_the_base_to_the_other(bench: Bench) -> None:
    x, y = normal(1, *SHAPE), normal(2, *SHAPE)
    assert spherical(bench, 0.0, x, y).equal(x)
    assert spherical(bench, 1.0, x, y).equal(y)


def test_slerp_does_not_care_which_of_the_two_is_listed(bench: Bench) -> None:
    bench.model("x", {"w": normal(1, 50)})
    bench.model("y", {"w": normal(2, 50)})
    lines = [["x", "y"], ["y", "x"], ["y"]]
    results = [
        bench.merge(recipe("slerp", [{"model": m} for m in line], "x", {"t": 0.3})).only
        for line in lines
    ]
    assert results[0].equal(results[1])
    assert results[0].equal(results[2])


@pytest.mark.parametrize("factor", [3.0, 1.0, -2.0])
def test_slerp_of_parallel_tensors_is_linear(factor: float, bench: Bench) -> None:
    x = normal(1, *SHAPE)
    expected = (0.7 * x.double() + 0.3 * factor * x.double()).float()
    torch.testing.assert_close(spherical(bench, 0.3, x, factor * x), expected)


def test_slerp_keeps_the_length_of_orthogonal_tensors(bench: Bench) -> None:
    x = torch.zeros(8)
    y = torch.zeros(8)
    x[:4], y[4:] = 3.0, -3.0
    for t in (0.1, 0.5, 0.8):
        got = spherical(bench, t, x, y)
        assert float(got.norm()) == pytest.approx(6.0, rel=1e-6)
        assert float(got[0]) == pytest.approx(3.0 * math.cos(t * math.pi / 2), rel=1e-6)
        assert float(got[7]) == pytest.approx(-3.0 * math.sin(t * math.pi / 2), rel=1e-6)


def test_slerp_of_a_vanishing_tensor_is_defined(bench: Bench) -> None:
    x = torch.tensor([2.0, 0.0])
    got = spherical(bench, 0.5, x, torch.zeros(2))
    assert float(got[0]) == pytest.approx(2.0 * math.sin(math.pi / 4), rel=1e-6)


# task vectors


def test_task_arithmetic_adds_weighted_differences(trio: Bench) -> None:
    base, a, b = (tensor_of(trio, name).double() for name in ("base", "a", "b"))
    got = merged(trio, "task_arithmetic", {"a": 0.5, "b": -0.25}, **{"lambda": 2.0})
    expected = base + 2.0 * (0.5 * (a - base) - 0.25 * (b - base))
    torch.testing.assert_close(got.double(), expected, rtol=1e-6, atol=1e-6)
    mean = merged(trio, "task_arithmetic", {"a": 1.5, "b": 0.5}, normalize=True)
    expected = base + 0.75 * (a - base) + 0.25 * (b - base)
    torch.testing.assert_close(mean.double(), expected, rtol=1e-6, atol=1e-6)


def test_ties_of_one_model_at_full_density_is_task_arithmetic(trio: Bench) -> None:
    plain = merged(trio, "task_arithmetic", {"a": 0.75})
    assert merged(trio, "ties", {"a": 0.75}, density=1, normalize=False).equal(plain)
    whole = merged(trio, "task_arithmetic", {"a": 1.0})
    assert merged(trio, "ties", {"a": 1.0}, density=1).equal(whole)
    # Normalised, the weight of a single model cancels.
    torch.testing.assert_close(merged(trio, "ties", {"a": 0.3}, density=1), whole)


def test_dare_at_full_density_is_task_arithmetic(trio: Bench) -> None:
    weights = {"a": 0.7, "b": 0.4}
    plain = merged(trio, "task_arithmetic", weights)
    assert merged(trio, "dare_linear", weights, density=1).equal(plain)
    # With consensus it agrees wherever the signs of the two differences do.
    base, a, b = (tensor_of(trio, name) for name in ("base", "a", "b"))
    agree = (a - base).sign() == (b - base).sign()
    elected = merged(trio, "dare_ties", weights, density=1)
    torch.testing.assert_close(elected[agree], plain[agree])
    assert 0.4 < agree.float().mean() < 0.6
    assert (elected[~agree] != plain[~agree]).float().mean() > 0.9


@pytest.mark.parametrize("method", ["dare_linear", "dare_ties"])
def test_dare_at_density_zero_is_the_base(method: str, trio: Bench) -> None:
    result = trio.merge(recipe(method, [row("a", weight=1.0, density=0.0)], "base"))
    assert result.only.equal(tensor_of(trio, "base"))
    assert {c.reference: c.used for c in result.merged.contributions} == {"base": True, "a": False}


def test_consensus_by_hand(bench: Bench) -> None:
    bench.model("base", {"w": torch.tensor([10.0, 10.0, 10.0, 10.0, 10.0])})
    bench.model("a", {"w": torch.tensor([14.0, 12.0, 10.0, 11.0, 8.0])})
    bench.model("b", {"w": torch.tensor([12.0, 4.0, 16.0, 9.0, 8.0])})
    got = merged(bench, "ties", {"a": 1.0, "b": 1.0}, density=1)
    # both up; b wins; a is silent; a tie counts as up, where a stands alone; both down
    assert got.tolist() == [13.0, 4.0, 16.0, 11.0, 8.0]
    got = merged(bench, "ties", {"a": 1.0, "b": 1.0}, density=1, normalize=False)
    assert got.tolist() == [16.0, 4.0, 16.0, 11.0, 6.0]
    got = merged(bench, "ties", {"a": 1.0, "b": -1.0}, density=1, normalize=False)
    # the difference of b counts with its weight: -2, +6, -6, +1, +2
    assert got.tolist() == [14.0, 18.0, 4.0, 12.0, 12.0]
    got = merged(bench, "ties", {"a": 1.0, "b": 1.0}, density=1, **{"lambda": 0.5})
    assert got.tolist() == [11.5, 7.0, 13.0, 10.5, 9.0]


def test_ties_keeps_the_largest_differences(bench: Bench) -> None:
    bench.model("base", {"w": torch.zeros(6)})
    bench.model("a", {"w": torch.tensor([1.0, -5.0, 2.0, 2.0, 0.0, -3.0])})
    got = merged(bench, "ties", {"a": 1.0}, density=0.5)
    # int(0.5 * 6) = 3 are kept; of the two equal magnitudes the later one
    assert got.tolist() == [0.0, -5.0, 0.0, 2.0, 0.0, -3.0]
    scaled = merged(bench, "ties", {"a": 1.0}, density=0.5, rescale=True)
    assert scaled.tolist() == pytest.approx([0.0, -6.5, 0.0, 2.6, 0.0, -3.9])
    assert float(scaled.abs().sum()) == pytest.approx(13.0)
    assert merged(bench, "ties", {"a": 1.0}, density=0.01).tolist() == [0.0, -5.0] + [0.0] * 4


def test_ties_weights_that_cancel_by_rounding_do_not_explode(bench: Bench) -> None:
    """0.6 + 0.3 - 0.9 is not exactly zero in binary; dividing by the rest would give 10**7."""
    bench.model("base", {"w": torch.zeros(3)})
    for name, value in (("a", 1.0), ("b", 1.0), ("c", -1.0)):
        bench.model(name, {"w": torch.full((3,), value)})
    lines = [row("a", weight=0.6), row("b", weight=0.3), row("c", weight=-0.9)]
    got = bench.merge(recipe("ties", lines, "base")).only
    assert float(got.abs().max()) <= 2.0


def test_each_model_has_its_own_density(bench: Bench) -> None:
    bench.model("base", {"w": torch.zeros(4)})
    bench.model("a", {"w": torch.tensor([4.0, 3.0, 2.0, 1.0])})
    bench.model("b", {"w": torch.tensor([1.0, 2.0, 3.0, 4.0])})
    lines = [row("a", weight=1, density=0.25), row("b", weight=1, density=0.5)]
    got = bench.merge(recipe("ties", lines, "base", {"normalize": False})).only
    assert got.tolist() == [4.0, 0.0, 3.0, 4.0]


def test_a_scale_of_passthrough_multiplies(bench: Bench) -> None:
    bench.model("a", {"w": torch.tensor([1.0, -2.0])})
    result = bench.merge(recipe("passthrough", [row("a", scale=-0.5)]))
    assert result.only.tolist() == [-0.5, 1.0]
    assert result.share("a").nominal == "1.000000000"


def test_a_scale_of_zero_leaves_nothing_of_the_model(bench: Bench) -> None:
    bench.model("a", {"w": torch.tensor([1.0, -2.0])})
    result = bench.merge(recipe("passthrough", [row("a", scale=0)]))
    assert result.only.tolist() == [0.0, 0.0]
    assert not result.share("a").used
