"""CycleQD: its cells and chances against long-hand ones, its children, what it returns."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoreg.evolve.optimisers.cells import Archive, Elite, Grid, stretched
from evoreg.evolve.optimisers.optimiser import Told
from tests.optimisers.worlds import World, tensor_genes, weights

GRID = Grid((0.0, 0.0, 0.0), (1.2, 0.6, 0.3), 15)


def skills(tensors: int = 4) -> World:
    """Each of two sources has one skill; a half of both keeps most of the two."""
    model = weights(tensors, 2)

    def score(genome: tuple[float, ...]) -> tuple[float, ...]:
        left, right = np.asarray(genome).reshape(tensors, 2).mean(axis=0)
        return tuple(float(1 - (1 - min(each, 1.0)) ** 2 * (each < 1)) for each in (left, right))

    return World("cycleqd", tensor_genes(model), score, weights=model, objectives=2)


# Cells -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("score", "place"),
    [(-1.0, 0), (0.0, 0), (0.01, 0), (0.08, 0), (0.081, 1), (1.19, 14), (1.2, 14), (9.0, 14)],
)
def test_bins_count_the_edges_strictly_below(score: float, place: int) -> None:
    assert GRID.cell((score, 0.0, 0.0), 1)[0] == place


def test_the_task_itself_is_no_part_of_its_cell() -> None:
    assert GRID.cell((0.5, 0.5, 0.5), 0) == (12, 14)
    assert GRID.cell((0.5, 0.5, 0.5), 2) == (6, 12)


def test_bins_reach_beyond_the_best_parent() -> None:
    grid = Grid.around([(0.5, -4.0, 0.0), (0.3, -2.0, 0.0)], 10, 1.2)
    assert grid.low == (0.0, -4.0, 0.0)
    assert grid.high == pytest.approx((0.6, -1.6, 1.0))


def test_only_the_strictly_better_replace() -> None:
    archive = Archive(0, GRID)
    assert archive.enter(Elite((1.0,), (0.5, 0.1, 0.1)))
    assert not archive.enter(Elite((2.0,), (0.5, 0.1, 0.1)))
    assert not archive.enter(Elite((2.0,), (0.4, 0.1, 0.1)))
    assert archive.enter(Elite((3.0,), (0.6, 0.1, 0.1)))
    assert archive.enter(Elite((4.0,), (0.1, 0.3, 0.1)))
    assert [elite.genome for elite in archive.elites] == [(3.0,), (4.0,)]
    assert archive.best.genome == (3.0,)
    assert archive.enter(Elite((5.0,), (0.6, 0.3, 0.0)))
    assert archive.best.genome == (5.0,)  # as good, and better at the rest


def test_chances_are_products_of_quality_and_cell() -> None:
    archive = Archive(0, GRID)
    for scores in ((0.2, 0.1, 0.02), (0.4, 0.3, 0.02), (0.6, 0.5, 0.25)):
        archive.enter(Elite(scores, scores))
    # Quality .2 .4 .6 gives .5 .9 1.3; bins 2 7 12 the same; bins 0 0 12 give .5 .5 1.3.
    cells = [GRID.cell(elite.scores, 0) for elite in archive.elites]
    assert cells == [(2, 0), (7, 0), (12, 12)]
    products = np.asarray([0.5 * 0.5 * 0.5, 0.9 * 0.9 * 0.5, 1.3 * 1.3 * 1.3])
    assert archive.chances(0.5, 0.8) == pytest.approx(products / products.sum())


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=9))
def test_stretching(values: list[float]) -> None:
    found = stretched(np.asarray(values), 0.5, 0.8)
    if max(values) > min(values):
        assert found.min() == pytest.approx(0.5)
        assert found.max() == pytest.approx(1.3)
    else:
        assert (found == 1).all()


# Children ----------------------------------------------------------------------------------------


def test_the_sources_alone_come_first() -> None:
    world = skills()
    optimiser = world.make()
    assert [each.genome for each in optimiser.ask()] == [(1.0, 0.0) * 4, (0.0, 1.0) * 4]
    assert optimiser.returned == (0.5,) * 8


def test_a_child_is_the_mean_of_its_parents_and_some_of_the_expert() -> None:
    world = skills()
    optimiser = world.make()
    world.run(optimiser, 1)
    for quality in (0, 1, 0):
        for each in optimiser.ask():
            parents = np.asarray(each.parents).reshape(2, 4, 2)
            added = np.asarray(each.genome).reshape(4, 2) - parents.mean(axis=0)
            other = 1 - quality
            assert (np.abs(added[:, other]) < 0.03).all()  # weights stray from one by a hundredth
            assert (added[:, quality] > -0.03).all()
            assert (added[:, quality] < 0.13).all()
            assert np.ptp(added[[0, 2, 3], quality]) > 1e-3  # a number for each tensor
            assert abs(added[1, quality]) < 0.03  # the norm
        optimiser.tell(world.told(optimiser.ask()))


def test_without_spread_and_mutation_it_is_the_mean() -> None:
    world = skills()
    optimiser = world.make({"crossover_std": 0.0, "mutation_rate": 0.0})
    world.run(optimiser, 1)
    for each in optimiser.ask():
        assert each.genome == pytest.approx((0.5,) * 8)


def test_the_expert_of_a_task_is_the_source_that_did_best_alone() -> None:
    plain = skills()
    world = World(
        "cycleqd",
        plain.genes,
        lambda genome: plain.score(genome)[::-1],
        weights=plain.weights,
        objectives=2,
    )
    optimiser = world.make({"crossover_std": 0.0, "mutation_rate": 1.0})
    world.run(optimiser, 1)
    added = np.asarray([each.genome for each in optimiser.ask()]).reshape(-1, 4, 2) - 0.5
    assert (added[:, :, 0] == 0).all()  # the first task is the second source's
    assert added[:, [0, 2, 3], 1].min() > 0
    assert added[:, 1, 1] == pytest.approx(0)


def test_a_source_that_failed_is_not_bred_from() -> None:
    world = skills()
    optimiser = world.make()
    optimiser.tell(world.told(optimiser.ask(), (1,)))
    for each in optimiser.ask():
        table = np.asarray(each.genome).reshape(4, 2)
        assert each.parents == ()
        assert table.sum(axis=1) == pytest.approx([1.0] * 4)
        assert (table == table[0]).all()


def test_it_joins_two_skills_in_one_model() -> None:
    world = skills()
    optimiser = world.make()
    world.run(optimiser, 1)
    assert sum(world.score(optimiser.returned)) == pytest.approx(1.5)
    world.run(optimiser, 50)
    scores = world.score(optimiser.returned)
    assert min(scores) > 0.9


def test_archives_never_lose() -> None:
    world = skills()
    optimiser = world.make()
    before: tuple[list[int], list[float]] | None = None
    for _ in range(12):
        world.run(optimiser, 1)
        state = optimiser.state()
        now = (list(state["cells"]), list(state["best"]))  # type: ignore[arg-type]
        if before:
            assert all(a >= b for a, b in zip(now[0] + now[1], before[0] + before[1], strict=True))
        before = now
    assert before
    assert before[0][0] > 2


def test_it_returns_the_average_weighted_by_softmax() -> None:
    world = skills()
    optimiser = world.make()
    seeds = optimiser.ask()
    optimiser.tell([Told(seeds[0].genome, (0.9, 0.1)), Told(seeds[1].genome, (0.2, 0.4))])
    left = math.exp(0.9) / (math.exp(0.9) + math.exp(0.4))
    assert optimiser.returned == pytest.approx((left, 1 - left) * 4)
    assert optimiser.front == ((1.0, 0.0) * 4, (0.0, 1.0) * 4)


def test_one_elite_in_all_archives_is_joined_by_averages() -> None:
    world = skills()
    optimiser = world.make()
    same = [Told(each.genome, (0.5, 0.5)) for each in optimiser.ask()]
    optimiser.tell(same)  # both fall into one cell of either archive, the first stays
    assert len(optimiser.front) == 1
    assert all(not each.parents for each in optimiser.ask())


@pytest.mark.parametrize(
    "option",
    [
        {"bins": 2},
        {"crossover_std": 0.2},
        {"floor": 5.0},
        {"headroom": 3.0},
        {"mutation_rate": 0.5},
        {"sampling": "uniform"},
        {"span": 50.0},
    ],
)
def test_options_have_an_effect(option: dict[str, str | int | float]) -> None:
    world = skills()
    assert world.run(world.make(option), 25) != world.run(world.make(), 25)


def test_retries_look_for_a_child_that_is_not_there_yet() -> None:
    world = skills()
    once, often = (
        world.make({"retries": count, "crossover_std": 0.0, "mutation_rate": 0.0})
        for count in (0, 50)
    )
    for each in (once, often):
        world.run(each, 6)
    assert once.ask() != often.ask()
