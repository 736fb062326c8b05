"""What every optimiser of the table must keep to."""

import json
from collections.abc import Iterator

import numpy as np
import pytest

from evoreg.evolve.optimisers.optimiser import Told
from evoreg.evolve.optimisers.table import OPTIMISERS
from evoreg.provenance.records.canonical import from_canonical, to_canonical
from tests.optimisers.worlds import World, inside, world_of

KINDS = sorted(OPTIMISERS)


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest) -> World:
    return world_of(request.param)


@pytest.fixture(autouse=True)
def numpy_is_left_alone() -> Iterator[None]:
    """NumPy's global generator stands where it stood, whatever a test does."""
    np.random.seed(20)
    before = np.random.get_state(legacy=False)
    yield
    after = np.random.get_state(legacy=False)
    assert repr(before) == repr(after)
    assert (before["state"]["key"] == after["state"]["key"]).all()


def test_the_same_seed_asks_for_the_same(world: World) -> None:
    first = world.make()
    asked = world.run(first, 4)
    np.random.seed(99)  # what happens beside it has no influence
    assert world.run(world.make(), 4) == asked
    np.random.seed(20)
    assert world.run(world.make(seed=8), 4) != asked


def test_a_new_one_that_is_told_the_same_goes_on_alike(world: World) -> None:
    first, second = world.make(), world.make()
    first.inject([first.returned])
    second.inject([second.returned])
    for number in range(6):
        asked = first.ask()
        failed = tuple(range(len(asked))) if number in (0, 3) else (1,) if number == 2 else ()
        told = world.told(asked, failed)
        first.tell(told)
        assert second.ask() == asked
        second.tell(told)
        assert to_canonical(dict(second.state())) == to_canonical(dict(first.state()))
    assert second.ask() == first.ask()
    assert second.returned == first.returned
    assert second.front == first.front


def test_asking_twice_gives_the_same(world: World) -> None:
    optimiser = world.make()
    for _ in range(3):
        state = optimiser.state()
        asked = optimiser.ask()
        assert asked == optimiser.ask()
        assert len(asked) >= 1
        assert optimiser.state() == state
        optimiser.tell(world.told(asked))
        assert optimiser.state() != state
        assert optimiser.ask() != asked


def test_genomes_stay_within_their_ranges(world: World) -> None:
    optimiser = world.make()
    assert inside(world, optimiser.returned)
    assert optimiser.front
    for asked in world.run(optimiser, 8):
        for each in asked:
            assert inside(world, each.genome)
            assert all(inside(world, parent) for parent in each.parents)
        assert all(type(value) is float for each in asked for value in each.genome)
    assert inside(world, optimiser.returned)
    assert all(inside(world, genome) for genome in optimiser.front)


def test_parents_were_asked_for_before(world: World) -> None:
    optimiser = world.make()
    known: set[tuple[float, ...]] = set()
    for asked in world.run(optimiser, 6):
        assert all(parent in known for each in asked for parent in each.parents)
        known |= {each.genome for each in asked}


def test_a_generation_that_failed_is_followed_by_another(world: World) -> None:
    optimiser = world.make()
    seen = []
    for _ in range(4):
        seen.append(tuple(each.genome for each in optimiser.ask()))
        optimiser.tell(world.failed(optimiser.ask()))
        assert optimiser.finished == ""
        assert inside(world, optimiser.returned)
    assert len(set(seen)) == 4
    world.run(optimiser, 3)
    assert inside(world, optimiser.returned)


def test_what_failed_is_never_returned(world: World) -> None:
    optimiser = world.make()
    world.run(optimiser, 2)
    for _ in range(4):
        asked = optimiser.ask()
        failed = tuple(range(0, len(asked), 2))
        lost = {asked[place].genome for place in failed}
        kept = {asked[place].genome for place in range(1, len(asked), 2)}
        optimiser.tell(world.told(asked, failed))
        if optimiser.front != (optimiser.returned,):
            assert not (lost - kept) & set(optimiser.front)


def test_one_survivor_is_enough(world: World) -> None:
    optimiser = world.make()
    for _ in range(5):
        asked = optimiser.ask()
        optimiser.tell(world.told(asked, tuple(range(1, len(asked)))))
        if optimiser.front != (optimiser.returned,):
            assert not {each.genome for each in asked[1:]} & set(optimiser.front)
    assert inside(world, optimiser.returned)
    assert optimiser.ask()


def test_a_plateau_neither_ends_nor_breaks_it(world: World) -> None:
    optimiser = world.make()
    for _ in range(50):
        asked = optimiser.ask()
        items = (1.0, 0.0) if OPTIMISERS[world.kind].items else ()
        optimiser.tell([Told(each.genome, (0.25,) * world.objectives, items) for each in asked])
        assert optimiser.finished == ""
    assert inside(world, optimiser.returned)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_the_scale_of_fitness_breaks_nothing(world: World, scale: float) -> None:
    optimiser = world.make()
    for _ in range(4):
        asked = optimiser.ask()
        told = world.told(asked, (0,))
        optimiser.tell(
            [
                Told(
                    each.genome,
                    each.objectives and tuple(x * scale for x in each.objectives),
                    each.items,
                )
                for each in told
            ]
        )
    assert inside(world, optimiser.returned)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_not_finite_are_refused(world: World, value: float) -> None:
    optimiser = world.make()
    asked = optimiser.ask()
    told = list(world.told(asked))
    odd = [*told[:-1], Told(told[-1].genome, (value,) * world.objectives, told[-1].items)]
    with pytest.raises(ValueError, match="finite"):
        optimiser.tell(odd)
    assert optimiser.ask() == asked  # nothing was learned
    optimiser.tell(told)


def test_other_candidates_than_asked_for_are_refused(world: World) -> None:
    optimiser = world.make()
    asked = optimiser.ask()
    told = world.told(asked)
    for wrong in (told[:-1], told[::-1], (*told, told[0]), ()):
        with pytest.raises(ValueError, match="other candidates"):
            optimiser.tell(wrong)
    wrong = (Told(told[0].genome, (1.0,) * (world.objectives + 1), told[0].items), *told[1:])
    with pytest.raises(ValueError, match="objectives"):
        optimiser.tell(wrong)
    assert optimiser.ask() == asked


def test_the_state_can_be_recorded(world: World) -> None:
    optimiser = world.make()
    world.run(optimiser, 3)
    state = dict(optimiser.state())
    data = to_canonical(state)
    assert from_canonical(data) == json.loads(json.dumps(state))
    assert state["generation"] == 3
    assert len(data) < 2000


def test_a_suggestion_is_asked_for_once(world: World) -> None:
    optimiser = world.make()
    world.run(optimiser, 1)
    low = tuple(gene.low for gene in world.genes)
    beyond = tuple(gene.high + 1.0 for gene in world.genes)
    high = tuple(gene.high for gene in world.genes)
    before = optimiser.state()
    optimiser.inject([low, beyond])
    assert optimiser.state() != before
    asked = [each.genome for each in optimiser.ask()]
    assert asked.count(low) == 1
    assert asked.count(high) == 1
    optimiser.tell(world.told(optimiser.ask()))
    assert low not in [each.genome for each in optimiser.ask()]
    with pytest.raises(ValueError, match="finite"):
        optimiser.inject([(float("nan"),) * len(low)])
    with pytest.raises(ValueError, match="finite"):
        optimiser.inject([low[:-1]])


def test_many_suggestions_wait_for_room(world: World) -> None:
    optimiser = world.make()
    world.run(optimiser, 1)
    many = [
        tuple(gene.low + (gene.high - gene.low) * n / 128 for gene in world.genes)
        for n in range(64)
    ]
    optimiser.inject(many)
    asked = [each.genome for part in world.run(optimiser, 20) for each in part]
    assert [genome for genome in asked if genome in set(many)] == many


@pytest.mark.parametrize("population", [4, 9])
def test_the_population_is_what_was_asked_for(world: World, population: int) -> None:
    optimiser = world.make(population=population)
    world.run(optimiser, 2)
    assert len(optimiser.ask()) == (8 if world.kind == "m2n2" else population)
