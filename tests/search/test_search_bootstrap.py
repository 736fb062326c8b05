"""Laws of the paired bootstrap."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.evolve.search.bootstrap import Bootstrap, Difference, Total


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def perplexity(values: Sequence[float]) -> float:
    return math.exp(mean(values))


def middle(values: Sequence[float]) -> float:
    """Return a metric that is no function of the mean: the median."""
    return float(np.median(values))


def own(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))


TOTALS = [mean, perplexity, middle]
scores = st.lists(st.integers(-2_000_000, 2_000_000).map(lambda n: n / 1e6), min_size=1, max_size=9)


@pytest.mark.parametrize("total", TOTALS)
@settings(max_examples=20, deadline=None)
@given(scores)
def test_equal_models_differ_by_exactly_nothing(total: Total, values: list[float]) -> None:
    found = Bootstrap(total, own(len(values)), 3, samples=200).difference(values, values)
    assert found == Difference(0.0, 0.0, 0.0)
    assert not found.certain


@pytest.mark.parametrize("total", TOTALS)
@settings(max_examples=20, deadline=None)
@given(scores, st.data())
def test_models_that_change_places_change_the_sign(
    total: Total, values: list[float], data: st.DataObject
) -> None:
    size = len(values)
    others = data.draw(st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=size, max_size=size))
    draws = Bootstrap(total, own(size), 3, samples=200)
    one, two = draws.difference(values, others), draws.difference(others, values)
    assert (one.mean, one.low, one.high) == (-two.mean, -two.high, -two.low)
    assert one.low <= one.high


def test_the_interval_is_that_of_the_normal_distribution_for_many_items() -> None:
    generator = np.random.Generator(np.random.Philox(key=1))
    ours = generator.normal(1.0, 1.0, 400)
    theirs = generator.normal(0.8, 1.0, 400)
    found = Bootstrap(mean, own(400), 5).difference(ours.tolist(), theirs.tolist())
    apart = ours - theirs
    error = apart.std() / 20
    assert found.mean == pytest.approx(apart.mean(), abs=1e-12)
    assert found.low == pytest.approx(apart.mean() - 1.96 * error, abs=0.1 * error)
    assert found.high == pytest.approx(apart.mean() + 1.96 * error, abs=0.1 * error)
    assert found.certain is bool(apart.mean() > 1.96 * error)


def test_the_interval_covers_the_truth_in_about_95_of_100_cases() -> None:
    generator = np.random.Generator(np.random.Philox(key=2))
    hits = 0
    for seed in range(200):
        ours = (generator.random(80) < 0.6).astype(float).tolist()
        theirs = (generator.random(80) < 0.5).astype(float).tolist()
        found = Bootstrap(mean, own(80), seed, samples=1000).difference(ours, theirs)
        hits += found.low <= 0.1 <= found.high
    assert 178 <= hits <= 199


def test_clustered_items_are_less_sure_than_single_ones() -> None:
    generator = np.random.Generator(np.random.Philox(key=3))
    ours = np.repeat((generator.random(30) < 0.7).astype(float), 8).tolist()
    theirs = np.repeat((generator.random(30) < 0.5).astype(float), 8).tolist()
    groups = tuple(str(place // 8) for place in range(240))
    single = Bootstrap(mean, own(240), 4).difference(ours, theirs)
    grouped = Bootstrap(mean, groups, 4).difference(ours, theirs)
    assert grouped.mean == single.mean
    # Eight copies of each item are worth a single one: the interval is sqrt(8) times as wide.
    ratio = (grouped.high - grouped.low) / (single.high - single.low)
    assert ratio == pytest.approx(math.sqrt(8), rel=0.15)


def test_groups_of_different_size_are_drawn_whole() -> None:
    draws = Bootstrap(mean, ("a", "b", "b", "b"), 0)
    found = draws.difference([1.0, 0.0, 0.0, 0.0], [0.0] * 4)
    assert (found.mean, found.low, found.high) == (0.25, 0.0, 1.0)


def test_perplexity_is_drawn_as_a_whole() -> None:
    ours, theirs = [0.0, 2.0], [0.0, 0.0]
    found = Bootstrap(perplexity, own(2), 0).difference(ours, theirs)
    assert found.mean == pytest.approx(math.e - 1)
    assert found.low == 0.0
    assert found.high == pytest.approx(math.exp(2) - 1)


def test_the_short_way_for_means_is_the_long_way() -> None:
    def slow(values: Sequence[float]) -> float:
        return mean(values) if len(values) > 1 else math.nan

    ours, theirs = [0.0, 1.0, 1.0, 0.5], [1.0, 0.0, 0.0, 0.25]
    groups = ("a", "a", "b", "c")
    one = Bootstrap(mean, groups, 9, samples=500)
    two = Bootstrap(slow, groups, 9, samples=500)
    assert one.difference(ours, theirs) == two.difference(ours, theirs)
    assert one.standard_error(ours) == pytest.approx(two.standard_error(ours), rel=1e-12)


def test_the_standard_error_is_the_textbook_one() -> None:
    values = [1.0] * 60 + [0.0] * 40
    found = Bootstrap(mean, own(100), 1).standard_error(values)
    assert found == pytest.approx(math.sqrt(0.6 * 0.4 / 100), rel=0.03)
    assert Bootstrap(mean, ("a",), 1).standard_error([0.75]) == 0.0


def test_the_seed_decides_and_only_it() -> None:
    ours, theirs = [1.0, 0.0, 1.0, 0.3, 0.2], [0.0, 1.0, 0.1, 0.2, 0.9]
    found = [Bootstrap(mean, own(5), seed, 300).difference(ours, theirs) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(("ours", "theirs"), [([], []), ([1.0], [1.0]), ([1.0, 0.0], [1.0])])
def test_scores_of_other_items_are_refused(ours: list[float], theirs: list[float]) -> None:
    with pytest.raises(ValueError, match="scores for"):
        Bootstrap(mean, own(2 if ours else 0), 0).difference(ours, theirs)
