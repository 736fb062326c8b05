"""Random search: where its points lie, and what it returns of noisy scores."""

import numpy as np
import pytest

from evoreg.evolve.optimisers.optimiser import Told
from tests.optimisers.worlds import World, box_genes, sphere, world_of


def test_the_first_candidate_is_where_the_space_begins() -> None:
    world = world_of("random")
    optimiser = world.make()
    assert optimiser.ask()[0].genome == tuple(gene.start for gene in world.genes)
    optimiser.tell(world.told(optimiser.ask()))
    assert optimiser.ask()[0].genome != tuple(gene.start for gene in world.genes)


@pytest.mark.parametrize("count", [1, 3])
def test_a_latin_hypercube_has_one_point_in_every_row(count: int) -> None:
    world = World("random", box_genes(count), lambda genome: (0.0,))
    optimiser = world.make(population=10)
    world.run(optimiser, 1)  # the first generation holds the start
    for _ in range(3):
        low = np.asarray([gene.low for gene in world.genes])
        width = np.asarray([gene.high - gene.low for gene in world.genes])
        values = np.asarray([each.genome for each in optimiser.ask()])
        rows = np.floor((values - low) / width * 10).astype(int)
        assert (np.sort(rows, axis=0) == np.arange(10)[:, None]).all()
        world.run(optimiser, 1)


def test_uniform_points_fill_the_box_without_rows() -> None:
    world = World("random", box_genes(2), lambda genome: (0.0,))
    optimiser = world.make({"design": "uniform"}, population=1000)
    world.run(optimiser, 1)
    values = np.asarray([each.genome for each in optimiser.ask()])
    low = np.asarray([gene.low for gene in world.genes])
    width = np.asarray([gene.high - gene.low for gene in world.genes])
    places = (values - low) / width
    assert places.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.05)
    assert places.std(axis=0) == pytest.approx([12**-0.5] * 2, abs=0.02)
    assert len(set(np.floor(places[:, 0] * 1000))) < 900


def test_more_is_never_worse() -> None:
    world = World("random", box_genes(3), lambda genome: (sphere(genome),))
    optimiser = world.make(population=8)
    fitness = [sphere(optimiser.returned)]
    best = fitness[0]
    for _ in range(30):
        asked = world.run(optimiser, 1)[0]
        best = max(best, *(sphere(each.genome) for each in asked))
        fitness.append(sphere(optimiser.returned))
        assert fitness[-1] == best
    assert fitness == sorted(fitness)
    assert fitness[-1] > fitness[0] / 5


def test_the_mean_of_what_was_told_decides_not_the_luckiest() -> None:
    world = World("random", box_genes(1), lambda genome: (0.0,))
    optimiser = world.make(population=2)
    lucky, steady = (0.5,), (1.0,)
    for scores in ((0.9, 0.7), (0.1, 0.7), (0.1, 0.7)):
        optimiser.inject([lucky, steady])
        assert [each.genome for each in optimiser.ask()] == [lucky, steady]
        optimiser.tell([Told(lucky, scores[:1]), Told(steady, scores[1:])])
    assert optimiser.returned == steady
    # Neither does it help to have been asked for often.
    optimiser.inject([lucky] * 8)
    for _ in range(4):
        optimiser.tell([Told(lucky, (0.5,))] * 2)
    assert optimiser.returned == steady


def test_of_equals_the_first_is_returned() -> None:
    world = World("random", box_genes(2), lambda genome: (0.5,))
    optimiser = world.make()
    asked = world.run(optimiser, 3)
    assert optimiser.returned == asked[0][0].genome
