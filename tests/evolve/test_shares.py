"""Shares by hand: who is inside the result, by how much, and in which part of it."""

import json
from decimal import Decimal

import pytest
import torch

from evoreg.provenance.records.candidate import Contribution
from tests.evolve.merging import Bench, recipe, row


def share(bench: Bench, method: str, weights: dict[str, float]) -> dict[str, Contribution]:
    lines = [row(name, weight=weight) for name, weight in weights.items()]
    base = None if method == "linear" else "base"
    return {c.reference: c for c in bench.merge(recipe(method, lines, base)).merged.contributions}


@pytest.fixture
def bench_of_three(bench: Bench) -> Bench:
    bench.model("base", {"w": torch.tensor([1.0, 1.0, 1.0, 1.0])})
    bench.model("a", {"w": torch.tensor([3.0, 1.0, 1.0, 1.0])})
    bench.model("b", {"w": torch.tensor([0.0, 1.0, 7.0, 1.0])})
    return bench


def test_effective_alignment_and_nominal_by_hand(bench_of_three: Bench) -> None:
    found = share(bench_of_three, "task_arithmetic", {"a": 0.5, "b": 0.5})
    # p_a = (1, 0, 0, 0), p_b = (-0.5, 0, 3, 0), X = (0.5, 0, 3, 0), |X|^2 = 9.25
    assert found["a"].effective == f"{1 / 4.5:.9f}"
    assert found["b"].effective == f"{3.5 / 4.5:.9f}"
    assert float(found["a"].alignment) == pytest.approx(0.5 / 9.25, abs=1e-9)
    assert float(found["b"].alignment) == pytest.approx(8.75 / 9.25, abs=1e-9)
    assert found["a"].nominal == found["b"].nominal == "0.500000000"


def test_a_source_that_pulls_against_the_result_has_negative_alignment(
    bench_of_three: Bench,
) -> None:
    found = share(bench_of_three, "task_arithmetic", {"a": -0.1, "b": -1.0})
    assert float(found["a"].alignment) < 0  # its first number goes down, the result's goes up
    assert float(found["a"].effective) > 0


def test_the_base_is_in_the_result_without_a_share(bench_of_three: Bench) -> None:
    found = share(bench_of_three, "task_arithmetic", {"a": 1.0, "b": 0.0})
    assert (found["base"].used, found["a"].used, found["b"].used) == (True, True, False)
    assert [found[n].effective for n in ("base", "a", "b")] == [
        "0.000000000", "1.000000000", "0.000000000",
    ]  # fmt: skip


def test_a_source_that_loses_every_election_is_not_in_the_result(bench: Bench) -> None:
    bench.model("base", {"w": torch.zeros(4)})
    for name, value in (("a", 2.0), ("b", 3.0), ("c", -1.0)):
        bench.model(name, {"w": torch.full((4,), value)})
    found = share(bench, "ties", {"a": 1.0, "b": 1.0, "c": 1.0})
    assert [found[n].used for n in "abc"] == [True, True, False]
    assert [found[n].effective for n in "abc"] == ["0.400000000", "0.600000000", "0.000000000"]


def test_weights_too_small_to_matter_still_count_as_used(bench_of_three: Bench) -> None:
    found = share(bench_of_three, "linear", {"a": 1.0, "b": 1e-30})
    assert found["b"].used
    assert found["b"].effective == "0.000000000"


def test_thirds_sum_to_exactly_one(bench: Bench) -> None:
    for name in "abc":
        bench.model(name, {"w": torch.ones(3)})
    found = share(bench, "linear", dict.fromkeys("abc", 1.0))
    assert sum(Decimal(c.effective) for c in found.values()) == 1
    assert sorted(c.effective for c in found.values()) == [
        "0.333333333",
        "0.333333333",
        "0.333333334",
    ]


def test_copied_layers_share_by_mass_and_name_by_number(bench: Bench) -> None:
    for name, value in (("a", 1.0), ("b", 3.0)):
        tensors = {f"model.layers.{n}.mlp.w": torch.full((4,), value) for n in range(2)}
        bench.model(name, tensors, {"num_hidden_layers": 2})
    slices = [
        {"sources": [{"model": "a", "layer_range": [0, 2]}]},
        {"sources": [{"model": "b", "layer_range": [0, 1]}]},
    ]
    result = bench.merge({"merge_method": "passthrough", "slices": slices})
    assert result.effective("a") == pytest.approx(8 / 20)
    assert result.share("a").nominal == f"{2 / 3:.9f}"
    assert {g.group: g.effective for g in result.share("b").groups}["layer 2 mlp"] == "1.000000000"


def test_shares_by_group_follow_the_weights_of_each_group(bench: Bench) -> None:
    names = [
        "model.embed_tokens.weight", "lm_head.weight", "model.norm.weight", "other",
        "model.layers.2.self_attn.q_proj.weight", "model.layers.10.mlp.up_proj.weight",
        "model.layers.2.input_layernorm.weight",
    ]  # fmt: skip
    for name in "ab":
        bench.model(name, {key: torch.ones(4) for key in names})
    weight = [
        {"filter": "embed", "value": 3},
        {"filter": "lm_head", "value": 0},
        {"value": 1},
    ]
    result = bench.merge(recipe("linear", [row("a", weight=weight), row("b", weight=1)]))
    found = {g.group: float(g.effective) for g in result.share("a").groups}
    assert list({g.group: 0 for g in result.share("b").groups}) == [
        "embeddings", "layer 2 attention", "layer 2 norm", "layer 10 mlp", "head", "norm", "other",
    ]  # fmt: skip
    assert found["embeddings"] == 0.75
    assert found.get("head", 0.0) == 0.0
    assert {found[g] for g in ("layer 2 attention", "layer 10 mlp", "norm", "other")} == {0.5}


def test_shares_add_up_over_tensors(bench: Bench) -> None:
    bench.model("a", {"u": torch.full((10,), 1.0), "v": torch.full((30,), 2.0)})
    bench.model("b", {"u": torch.full((10,), 3.0), "v": torch.full((30,), -4.0)})
    result = bench.merge(recipe("linear", [row("a", weight=1), row("b", weight=1)]))
    assert result.effective("a") == pytest.approx((10 + 60) / (10 + 60 + 30 + 120))


def test_contributions_are_records(bench_of_three: Bench) -> None:
    for contribution in share(bench_of_three, "ties", {"a": 1.0, "b": 1.0}).values():
        data = contribution.canonical()
        assert Contribution.from_canonical(data) == contribution
        assert json.loads(data)["reference"] == contribution.reference
