"""Random masks: what they depend on, what they do not, and that they are as random as they say."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from evoreg.evolve.execution.run import Options
from evoreg.evolve.methods.masks import bernoulli, key
from tests.evolve.merging import Bench, Result, normal, recipe, row, same

N = 50_000
DIGEST = "sha256:" + "0" * 64
OTHER = "sha256:" + "1" * 64


def mask(seed: int, probability: float, name: str = "w", identity: str = DIGEST) -> torch.Tensor:
    return bernoulli(key(seed, name, identity), slice(0, N), probability)


# The generator


def philox(counter: int, stream: int) -> list[int]:
    """Return the four words of Philox4x64-10 for a counter, as in the paper's algorithm."""
    full = 2**64 - 1
    words = [counter >> (64 * place) & full for place in range(4)]
    keys = [stream & full, stream >> 64]
    for _ in range(10):
        high = words[0] * 0xD2E7470EE14C6C93, words[2] * 0xCA5A826395121157
        words = [
            high[1] >> 64 ^ words[1] ^ keys[0],
            high[1] & full,
            high[0] >> 64 ^ words[3] ^ keys[1],
            high[0] & full,
        ]
        keys = [(keys[0] + 0x9E3779B97F4A7C15) & full, (keys[1] + 0xBB67AE8584CAA73B) & full]
    return words


def test_a_mask_is_the_philox_stream_of_its_key() -> None:
    stream = key(7, "model.norm.weight", DIGEST)
    words = [word for counter in range(1, 9) for word in philox(counter, stream)]
    shorts = [word >> shift & 0xFFFF for word in words for shift in (0, 16, 32, 48)]
    signed = [short - 2**16 if short >= 2**15 else short for short in shorts]
    expected = [float(short < 0.3 * 2**16 - 2**15) for short in signed]
    assert bernoulli(stream, slice(0, 128), 0.3).tolist() == expected
    assert bernoulli(stream, slice(16, 121), 0.3).tolist() == expected[16:121]


def test_elements_that_16_bits_leave_undecided_are_drawn_further() -> None:
    stream, size = key(7, "w", DIGEST), 2**22
    words = np.random.Philox(key=stream, counter=0).random_raw(size // 4).astype("<u8").view("<i2")
    undecided = np.flatnonzero(words == 0)
    kept = [
        float(bernoulli(stream, slice(0, size), (2**15 + rest) / 2**16)[undecided].mean())
        for rest in (0.0, 0.25, 0.5, 0.75)
    ]
    assert undecided.size > 40
    assert kept[0] == 0.0
    assert kept == sorted(kept)
    assert abs(kept[2] - 0.5) < 5 * math.sqrt(0.25 / undecided.size)


def test_the_key_is_pinned() -> None:
    """Another key would give other bytes for recorded seeds: raise `RULES` before changing this."""
    assert hex(key(7, "model.norm.weight", DIGEST)) == "0xd590f8d2357ac6b8fdcba6817c3ece6f"
    assert (
        len({key(7, "w", DIGEST), key(8, "w", DIGEST), key(7, "v", DIGEST), key(7, "w", OTHER)})
        == 4
    )


@pytest.mark.parametrize("size", [16, 48, 4096, N])
def test_blocks_do_not_change_a_mask(size: int) -> None:
    stream = key(1, "w", DIGEST)
    pieces = [
        bernoulli(stream, slice(start, min(start + size, N)), 0.4)
        for start in range(0, min(N, 40 * size), size)
    ]
    joined = torch.cat(pieces)
    assert joined.equal(mask(1, 0.4)[: joined.numel()])


@pytest.mark.parametrize("density", [0.001, 0.1, 0.5, 0.9, 0.999])
def test_the_kept_fraction_is_the_density(density: float) -> None:
    sigma = math.sqrt(density * (1 - density) / N)
    kept = [float(mask(seed, density).double().mean()) for seed in range(8)]
    assert all(abs(value - density) < 5 * sigma for value in kept)
    assert len(set(kept)) > 1


def test_at_the_ends_all_or_nothing_is_kept() -> None:
    assert not mask(0, 0.0).any()
    assert mask(0, 1.0).all()


def test_a_smaller_density_keeps_a_part_of_what_a_larger_one_keeps() -> None:
    small, large = mask(3, 0.2), mask(3, 0.7)
    assert bool((small <= large).all())


def test_masks_of_other_tensors_models_and_seeds_are_uncorrelated() -> None:
    masks = [
        mask(seed, 0.5, name, identity)
        for seed in (0, 1)
        for name in ("model.layers.1.w", "model.layers.11.w")
        for identity in (DIGEST, OTHER)
    ]
    table = torch.stack(masks).double()
    shifted = torch.cat([table, table[:1].roll(1, 1), table[:1].roll(8, 1)])
    correlation = np.corrcoef(shifted.numpy())
    away = correlation[~np.eye(len(correlation), dtype=bool)]
    assert abs(away).max() < 5 / math.sqrt(N)


# In merges


def dare(bench: Bench, seed: int = 0, options: Options | None = None, **more: Any) -> Result:
    lines = [row("a", weight=0.5), row("b", weight=0.5)]
    parameters = {"density": 0.5, **more}
    return bench.merge(recipe("dare_linear", lines, "base", parameters), seed=seed, options=options)


@pytest.fixture
def trio(bench: Bench) -> Bench:
    """A bench with base, a and b, each of three tensors."""
    for place, name in enumerate(("base", "a", "b")):
        tensors = {key: normal(10 * place + i, 60, 50) for i, key in enumerate(("u", "v", "w"))}
        bench.model(name, tensors)
    return bench


@pytest.mark.parametrize("method", ["dare_linear", "dare_ties"])
def test_the_seed_decides(method: str, trio: Bench) -> None:
    wish = recipe(method, [row("a", weight=1.0, density=0.5)], "base")
    first, again, other = (trio.merge(wish, seed=seed) for seed in (5, 5, 6))
    assert same(first.tensors, again.tensors)
    for name, tensor in first.tensors.items():
        # Two independent fair masks differ at half of the places.
        assert (tensor != other.tensors[name]).float().mean() > 0.4


def test_the_density_of_one_tensor_leaves_the_others_alone(trio: Bench) -> None:
    plain = dare(trio).tensors
    for value in (0.0, 0.9, 1.0):
        setting = [{"filter": "v", "value": value}, {"value": 0.5}]
        changed = dare(trio, density=setting).tensors
        assert not changed["v"].equal(plain["v"])
        assert changed["u"].equal(plain["u"])
        assert changed["w"].equal(plain["w"])


def test_threads_do_not_change_masks(trio: Bench) -> None:
    results = [dare(trio, options=Options(threads=count)) for count in (1, 2, 3)]
    assert same(results[0].tensors, results[1].tensors)
    assert same(results[0].tensors, results[2].tensors)
    assert results[0].merged == results[1].merged == results[2].merged


def test_the_other_models_do_not_change_a_mask(trio: Bench) -> None:
    alone = trio.merge(recipe("dare_linear", [row("a", weight=1.0)], "base", {"density": 0.5}))
    lines = [row("b", weight=0.0, density=0.3), row("a", weight=1.0, density=0.5)]
    beside = trio.merge(recipe("dare_linear", lines, "base"))
    for name, tensor in alone.tensors.items():
        assert tensor.equal(beside.tensors[name])


def test_stacking_moves_layers_with_their_masks(llamas: Bench) -> None:
    lines = [row("a", weight=0.5), row("b", weight=0.5)]
    whole = llamas.merge(recipe("dare_ties", lines, "base", {"density": 0.4})).tensors
    pieces = [
        {
            "sources": [
                {"model": "base", "layer_range": span},
                {"model": "a", "layer_range": span, "parameters": {"weight": 0.5}},
                {"model": "b", "layer_range": span, "parameters": {"weight": 0.5}},
            ]
        }
        for span in ([2, 4], [0, 1])
    ]
    stacked = llamas.merge(
        {
            "merge_method": "dare_ties",
            "base_model": "base",
            "slices": pieces,
            "parameters": {"density": 0.4},
        }
    ).tensors
    for new, old in ((0, 2), (1, 3), (2, 0)):
        for name, tensor in stacked.items():
            if f".layers.{new}." in name:
                assert tensor.equal(whole[name.replace(f".{new}.", f".{old}.")]), name
    assert stacked["lm_head.weight"].equal(whole["lm_head.weight"])


@pytest.mark.parametrize("method", ["dare_linear", "dare_ties"])
@pytest.mark.parametrize("density", [0.1, 0.5, 0.9])
def test_rescaling_keeps_the_l1_norm(method: str, density: float, bench: Bench) -> None:
    delta = normal(1, 20_000)
    bench.model("base", {"w": torch.zeros(20_000)})
    bench.model("a", {"w": delta})
    parameters = {"density": density, "weight": 1.0}
    scaled = bench.merge(recipe(method, [row("a")], "base", parameters)).only
    plain = bench.merge(recipe(method, [row("a")], "base", {**parameters, "rescale": False})).only
    whole = float(delta.abs().double().sum())
    assert float(scaled.abs().double().sum()) == pytest.approx(whole, rel=1e-5)
    kept = plain != 0
    assert plain[kept].equal(delta[kept])
    factor = whole / float(plain.abs().double().sum())
    torch.testing.assert_close(scaled, plain * factor, rtol=1e-6, atol=0)
    sigma = math.sqrt(density * (1 - density) / 20_000)
    assert abs(float(kept.float().mean()) - density) < 5 * sigma
    # The rule is L1, which is close to 1 / density and not equal to it.
    assert factor == pytest.approx(1 / density, rel=0.05)
    assert factor != 1 / density


def test_the_mean_over_many_seeds_is_the_difference(bench: Bench) -> None:
    delta = normal(1, 400)
    bench.model("base", {"w": torch.zeros(400)})
    bench.model("a", {"w": delta})
    wish = recipe("dare_linear", [row("a", weight=1.0, density=0.5)], "base")
    runs = torch.stack([bench.merge(wish, seed=seed).only for seed in range(100)])
    # One element is 2 d or 0 with probability 1/2: deviation |d|, of the mean |d| / 10.
    error = (runs.mean(dim=0) - delta) / (delta.abs() / 10)
    assert float(error.abs().max()) < 5.5
    assert abs(float(error.mean())) < 5 / math.sqrt(400)
    assert 0.8 < float(error.std()) < 1.2


def test_a_tied_models_head_has_a_mask_of_its_own(bench: Bench) -> None:
    """The embedding that stands in for a missing head must not bring its mask along."""
    n = 40
    tied = {"tie_word_embeddings": True, "vocab_size": n, "model_type": "tiny"}
    untied = {**tied, "tie_word_embeddings": False}
    embedding, head = "model.embed_tokens.weight", "lm_head.weight"
    zeros, ones = torch.zeros(n, n), torch.ones(n, n)
    bench.model("base", {embedding: zeros, head: zeros}, untied)
    bench.model("a", {embedding: ones}, tied)
    wish = recipe("dare_linear", [row("a", weight=1.0, density=0.5)], "base")
    got = bench.merge(wish).tensors
    both = torch.stack([got[embedding].reshape(-1), got[head].reshape(-1)]).double() != 0
    correlation = float(np.corrcoef(both.numpy().astype(float))[0, 1])
    assert abs(correlation) < 5 / n
