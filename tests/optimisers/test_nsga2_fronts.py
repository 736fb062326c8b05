"""NSGA-II: it covers a front and returns its middle; and what a front is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoreg.evolve.optimisers.pareto import front_of, knee_of, matrix_of
from tests.optimisers.worlds import World, box_genes, inside, sphere, world_of

ROWS = st.lists(st.tuples(*[st.integers(0, 3).map(float)] * 3), min_size=1, max_size=12)


def beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    pairs = list(zip(one, other, strict=True))
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)


@given(ROWS)
def test_a_front_is_what_nothing_beats(rows: list[tuple[float, ...]]) -> None:
    front = front_of(matrix_of(rows))
    expected = [n for n, row in enumerate(rows) if not any(beats(other, row) for other in rows)]
    assert list(front) == expected
    assert front


@given(ROWS)
def test_the_knee_does_not_depend_on_scale(rows: list[tuple[float, ...]]) -> None:
    scores = matrix_of(rows)
    front = scores[list(front_of(scores))]
    place = knee_of(front)
    assert 0 <= place < len(front)
    assert knee_of(front * [4.0, 0.25, 1024.0] + [8.0, -2.0, 512.0]) == place


@pytest.mark.parametrize(
    ("rows", "knee"),
    [
        ([(0.0, 1.0), (0.8, 0.9), (1.0, 0.0)], 1),
        ([(0.0, 1.0), (0.4, 0.4), (1.0, 0.0)], 1),
        ([(0.0, 1.0), (0.2, 0.2), (1.0, 0.0)], 0),
        ([(3.0, 3.0)], 0),
        ([(0.0, 1e308), (1.0, -1e308)], 0),
        ([(1.0, 0.0, 5.0), (0.0, 1.0, 5.0), (0.9, 0.9, 5.0)], 2),
    ],
)
def test_the_knee(rows: list[tuple[float, ...]], knee: int) -> None:
    assert knee_of(matrix_of(rows)) == knee


def test_the_front_of_two_aims_is_covered() -> None:
    world = world_of("nsga2")
    optimiser = world.make()
    world.run(optimiser, 40)
    scores = np.asarray([world.score(genome) for genome in optimiser.front])
    assert front_of(scores) == tuple(range(len(scores)))
    # Between two points the front is the line that joins them: distances 0 to 0.36 each.
    assert scores.max(axis=0) == pytest.approx([0.0, 0.0], abs=0.02)
    assert len(scores) >= 20
    gaps = np.diff(np.sort(np.sqrt(-scores[:, 0])))
    assert gaps.max() < 0.15
    middle = world.score(optimiser.returned)
    assert middle == pytest.approx((-0.09, -0.09), abs=0.04)
    assert optimiser.returned in optimiser.front


def test_the_front_is_sorted_and_never_worse() -> None:
    world = world_of("nsga2")
    optimiser = world.make(population=12)
    best = (-np.inf, -np.inf)
    for _ in range(15):
        world.run(optimiser, 1)
        scores = [world.score(genome) for genome in optimiser.front]
        assert scores == sorted(scores, reverse=True)
        now = tuple(np.max(scores, axis=0))
        assert now >= best
        assert now[1] >= best[1]
        best = now


def test_the_first_candidate_is_where_the_space_begins() -> None:
    world = world_of("nsga2")
    optimiser = world.make()
    start = tuple(gene.start for gene in world.genes)
    assert optimiser.ask()[0].genome == start == optimiser.returned
    optimiser.inject([tuple(gene.low for gene in world.genes)])
    optimiser.tell(world.failed(optimiser.ask()))
    assert optimiser.ask()[0].genome == tuple(gene.low for gene in world.genes)
    assert start not in [each.genome for each in optimiser.ask()]


def test_failures_leave_no_trace_once_there_is_better() -> None:
    world = world_of("nsga2")
    optimiser = world.make(population=8)
    lost = set()
    for _ in range(6):
        asked = optimiser.ask()
        failed = tuple(place for place in range(len(asked)) if place % 4 == 0)
        lost |= {asked[place].genome for place in failed}
        optimiser.tell(world.told(asked, failed))
        assert not lost & set(optimiser.front)


def test_failures_are_no_better_than_the_one_that_worked() -> None:
    world = world_of("nsga2")
    optimiser = world.make(population=8)
    asked = optimiser.ask()
    optimiser.tell(world.told(asked, tuple(range(1, 8))))
    assert optimiser.front == (asked[0].genome,) == (optimiser.returned,)


def test_three_aims() -> None:
    world = World(
        "nsga2",
        box_genes(3),
        lambda genome: tuple(sphere(genome, target) for target in (0.0, 0.5, 1.0)),
        objectives=3,
    )
    optimiser = world.make(population=20)
    world.run(optimiser, 15)
    assert len(optimiser.front) > 8
    assert all(inside(world, genome) for genome in optimiser.front)


def test_parents_that_only_repeat_themselves_are_joined_by_strangers() -> None:
    world = world_of("nsga2")
    optimiser = world.make(
        {"crossover_probability": 0.0, "mutation_probability": 0.0}, population=6
    )
    seen = [each.genome for asked in world.run(optimiser, 5) for each in asked]
    assert len(seen) == len(set(seen)) == 30


@pytest.mark.parametrize(
    "option", ["crossover_eta", "crossover_probability", "mutation_eta", "mutation_probability"]
)
def test_options_have_an_effect(option: str) -> None:
    world = world_of("nsga2")
    assert world.run(world.make({option: 1.0}), 3) != world.run(world.make(), 3)
