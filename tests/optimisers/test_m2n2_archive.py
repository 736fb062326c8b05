"""M2N2: its formulas against long-hand ones, its children against real vectors, its archive."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from evoreg.evolve.optimisers.box import Box
from evoreg.evolve.optimisers.breeding import Pool, cosine_of, slerp_weights, split_slerp
from evoreg.evolve.optimisers.m2n2 import attraction, niche_fitness
from evoreg.evolve.optimisers.optimiser import Told
from evoreg.evolve.optimisers.settings import Settings
from evoreg.evolve.optimisers.strategy import Brief
from evoreg.evolve.spaces.space import Gene
from tests.optimisers.worlds import Vector, Weights, World, tensor_genes, weights, world_of

SCORES = arrays(
    np.float64,
    st.tuples(st.integers(1, 6), st.integers(1, 7)),
    elements=st.sampled_from([0.0, 1.0]),
)


def slerp(first: Vector, second: Vector, weight: float) -> Vector:
    """Spherical interpolation of whole vectors, written out."""
    cosine = first @ second / np.sqrt((first @ first) * (second @ second))
    angle = np.arccos(cosine)
    return np.asarray(
        np.sin((1 - weight) * angle) / np.sin(angle) * first
        + np.sin(weight * angle) / np.sin(angle) * second
    )


# Children ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_coefficients_give_the_slerp_of_the_whole_vectors(seed: int) -> None:
    world = weights(tensors=6, sources=3, seed=seed)
    random = np.random.default_rng(seed)
    first, second = random.normal(size=(2, 6, 3))
    vectors = [world.merged(tuple(table.ravel())) for table in (first, second)]
    ends = np.cumsum([0, *(len(each) for each in world.base)])
    for split in range(7):
        weight = float(random.random())
        before = [place < split for place in range(6)]
        child = split_slerp((first, second), world.gram, before, weight)
        cut = ends[split]
        expected = np.concatenate(
            [
                slerp(vectors[0], vectors[1], weight)[:cut],
                slerp(vectors[0], vectors[1], 1 - weight)[cut:],
            ]
        )
        assert world.merged(tuple(child.ravel())) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (0, 10, 11, 2, 3)])
def test_children_asked_for_are_slerps_of_their_parents(order: tuple[int, ...]) -> None:
    model = replace(weights(), tensors=tuple(f"layers.{place}.mlp" for place in order))
    world = replace(world_of("m2n2"), weights=model, genes=tensor_genes(model))
    optimiser = world.make({"vectors": "models"})
    world.run(optimiser, 1)
    splits = set()
    for asked in optimiser.ask():
        first, second = (model.merged(parent) for parent in asked.parents)
        angle = np.arccos(first @ second / np.sqrt((first @ first) * (second @ second)))
        tables = np.asarray([*asked.parents, asked.genome]).reshape(3, 5, 3)
        found = []
        for one, other, child in zip(*tables, strict=True):
            parts = np.linalg.lstsq(np.stack([one, other]).T, child)[0]
            weight = np.arcsin(parts[1] * np.sin(angle)) / angle
            assert parts[0] == pytest.approx(np.sin((1 - weight) * angle) / np.sin(angle))
            found.append(float(weight))
        by_layer = [weight for _, weight in sorted(zip(order, found, strict=True))]
        behind = [abs(each - by_layer[-1]) < 1e-6 for each in by_layer]
        split = behind.index(True)
        assert behind == [False] * split + [True] * (5 - split)
        assert by_layer[:split] == pytest.approx([1 - by_layer[-1]] * split)
        splits.add(split)
    assert len(splits) > 2


def test_differences_are_interpolated_if_there_is_a_base() -> None:
    world = world_of("m2n2")
    assert world.weights is not None
    baseless = replace(
        world, weights=replace(world.weights, base=tuple(0 * each for each in world.weights.base))
    )
    kinds = ("auto", "models", "differences")
    with_base = [world.run(world.make({"vectors": kind}), 3) for kind in kinds]
    without = [baseless.run(baseless.make({"vectors": kind}), 3) for kind in kinds]
    assert with_base[0] == with_base[2] != with_base[1]
    assert without[0] == without[1] == without[2] == with_base[1]


def brief(names: Sequence[str], measured: Weights) -> Brief:
    genes = [f"{source} weight {name}" for name in names for source in measured.sources]
    box = Box.of([Gene(name, -2.0, 2.0, 0.5) for name in genes])
    return Brief(box, 1, 15, 0.1, Settings({}), tuple(genes), geometry=measured)


def test_the_split_follows_the_layers() -> None:
    names = [f"layers.{place}.mlp" for place in (0, 1, 10, 2)]
    measured = replace(weights(4), tensors=tuple(names))
    assert Pool(brief(names, measured), "m2n2").ranks == (0, 1, 3, 2)


def test_tensors_that_were_not_measured_add_nothing_to_the_angle() -> None:
    measured = weights(5)
    names = ["embed", *measured.tensors]
    gram = Pool(brief(names, measured), "m2n2").gram("models")
    assert (gram[0] == 0).all()
    assert (gram[1:] == measured.gram).all()
    one, other = np.random.default_rng(1).normal(size=(2, 6, 3))
    assert cosine_of(one, other, gram) == cosine_of(one[1:], other[1:], measured.gram)


@given(st.floats(-1, 1), st.floats(0, 1))
def test_slerp_keeps_length_one(cosine: float, weight: float) -> None:
    first, second = slerp_weights(cosine, weight)
    if np.sin(np.arccos(cosine)) > 1e-3:
        assert first**2 + second**2 + 2 * first * second * cosine == pytest.approx(1.0, abs=1e-6)
    assert slerp_weights(cosine, 1 - weight) == pytest.approx((second, first), abs=1e-6)


def test_parallel_and_empty_vectors_are_interpolated_straight() -> None:
    world = weights()
    one = np.ones((5, 3))
    assert cosine_of(one, 2 * one, world.gram) == pytest.approx(1.0)
    assert cosine_of(one, 0 * one, world.gram) == 1.0
    child = split_slerp((one, 3 * one), world.gram, [True] * 2 + [False] * 3, 0.25)
    assert child == pytest.approx(np.asarray([[1.5] * 3] * 2 + [[2.5] * 3] * 3))
    assert slerp_weights(-1.0, 0.25) == (0.75, 0.25)


# Competition and attraction ----------------------------------------------------------------------


@given(SCORES, st.sampled_from([0.0, 0.5, 1.0, 2.0]))
def test_the_formulas_written_out(scores: Vector, alpha: float) -> None:
    people, items = scores.shape
    shared = [sum(scores[:, j]) ** alpha or 1.0 for j in range(items)]
    if alpha == 0:
        shared = [1.0] * items
    fitness = [sum(scores[i, j] / shared[j] for j in range(items)) for i in range(people)]
    assert niche_fitness(scores, alpha) == pytest.approx(fitness)
    drawn = [
        sum(max(0.0, (scores[k, j] - scores[0, j]) / shared[j]) for j in range(items))
        for k in range(people)
    ]
    assert attraction(scores, 0, alpha) == pytest.approx(drawn)
    assert attraction(scores, 0, alpha)[0] == 0


@given(SCORES)
def test_each_solved_item_is_given_out_once(scores: Vector) -> None:
    assert niche_fitness(scores, 1.0).sum() == pytest.approx((scores > 0).any(axis=0).sum())


def test_what_few_solve_is_worth_more() -> None:
    scores = np.asarray([[1, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 1]], np.float64)
    assert niche_fitness(scores, 1.0) == pytest.approx([1.5, 1.5, 1.0])
    assert niche_fitness(scores, 0.0) == pytest.approx([3, 3, 1])
    assert attraction(scores, 0, 1.0) == pytest.approx([0, 0, 1])


def test_negative_scores_are_raised_to_zero() -> None:
    logs = np.asarray([[-3.0, -1.0], [-1.0, -1.0]])
    assert niche_fitness(logs, 1.0) == pytest.approx([0.0, 1.0])


# The archive -------------------------------------------------------------------------------------


def halves(count: int = 8) -> World:
    """Two sources of which each has one good half: item n asks for tensor n of the right one."""
    base = tuple(np.zeros(4) for _ in range(count))
    random = np.random.default_rng(0)
    values = tuple(tuple(random.normal(size=(2, 4))) for _ in range(count))
    model = Weights(values, base, tuple(f"t{n}" for n in range(count)), ("left", "right"))

    def items(genome: tuple[float, ...]) -> tuple[float, ...]:
        table = np.asarray(genome).reshape(count, 2)
        wanted = (table[n, 0 if n < count // 2 else 1] for n in range(count))
        return tuple(float(0.75 < value < 1.25) for value in wanted)

    return World("m2n2", tensor_genes(model), lambda g: (sum(items(g)) / count,), items, model)


def test_it_joins_what_two_sources_can() -> None:
    world = halves()
    optimiser = world.make()
    asked = world.run(optimiser, 1)[0]
    assert [each.genome for each in asked] == [(1.0, 0.0) * 8, (0.0, 1.0) * 8]
    assert world.score(optimiser.returned) == (0.5,)
    world.run(optimiser, 25)
    assert world.score(optimiser.returned) == (1.0,)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_what_is_returned_never_gets_worse(alpha: float) -> None:
    world = halves()
    optimiser = world.make({"alpha": alpha}, population=4)
    best = []
    for _ in range(20):
        world.run(optimiser, 1)
        best.append(world.score(optimiser.returned))
        assert len(optimiser.front) <= 4
    assert best == sorted(best)


def test_of_equals_the_first_is_returned() -> None:
    optimiser = halves(4).make()
    asked = optimiser.ask()
    optimiser.tell([Told(each.genome, (0.5,), (1, 0)) for each in asked])
    assert optimiser.returned == asked[0].genome
    optimiser.tell([Told(each.genome, (0.5,), (0, 1)) for each in optimiser.ask()])
    assert optimiser.returned == asked[0].genome


def test_without_sharing_the_worst_of_the_archive_goes() -> None:
    world = halves()
    optimiser = world.make({"alpha": 0.0}, population=3)
    worst, seen = [], []
    for _ in range(12):
        asked = world.run(optimiser, 1)[0]
        seen += [world.score(each.genome)[0] for each in asked]
        kept = sorted(world.score(genome)[0] for genome in optimiser.front)
        if len(optimiser.front) == 3:
            assert kept == sorted(seen)[-3:]
            worst.append(kept[0])
    assert worst == sorted(worst)
    assert worst


def test_sharing_keeps_who_solves_what_nobody_else_does() -> None:
    kept = {}
    for alpha in (0.0, 1.0):
        optimiser = halves(4).make({"alpha": alpha}, population=2)
        one, loner = optimiser.ask()
        optimiser.tell([Told(one.genome, (0.5,), (1, 0)), Told(loner.genome, (0.5,), (0, 1))])
        asked = optimiser.ask()
        optimiser.tell([Told(each.genome, (0.5,), (1, 0)) for each in asked])
        kept[alpha] = loner.genome in optimiser.front
    assert kept == {0.0: False, 1.0: True}


def test_matchmaking_looks_for_what_is_missing() -> None:
    world = halves(4)
    optimiser = world.make()
    first = optimiser.ask()
    optimiser.inject([(1.0, 0.1) * 4])
    optimiser.tell(
        [
            Told(each.genome, (0.5,), marks)
            for each, marks in zip(first, [(1, 1, 0, 0), (0, 0, 1, 1)], strict=True)
        ]
    )
    for each in optimiser.ask()[1:]:
        assert set(each.parents) == {first[0].genome, first[1].genome}


@pytest.mark.parametrize("matchmaking", [True, False])
def test_two_different_parents_even_where_nobody_solves_anything(matchmaking: bool) -> None:
    world = world_of("m2n2")
    optimiser = world.make({"matchmaking": matchmaking})
    for _ in range(4):
        asked = optimiser.ask()
        assert all(len(set(each.parents)) in (0, 2) for each in asked)
        optimiser.tell([Told(each.genome, (0.0,), (0.0, 0.0)) for each in asked])
    assert any(each.parents for each in optimiser.ask())


@pytest.mark.parametrize("matchmaking", [True, False])
def test_nobody_is_its_own_partner(matchmaking: bool) -> None:
    world = halves()
    optimiser = world.make({"matchmaking": matchmaking})
    pairs = [each.parents for asked in world.run(optimiser, 12) for each in asked if each.parents]
    assert len(pairs) > 60
    assert all(one != other for one, other in pairs)


def test_a_lonely_survivor_is_joined_by_averages() -> None:
    world = world_of("m2n2")
    optimiser = world.make()
    optimiser.tell(world.told(optimiser.ask(), (0, 2)))
    for each in optimiser.ask():
        table = np.asarray(each.genome).reshape(5, 3)
        assert each.parents == ()
        assert table.sum(axis=1) == pytest.approx([1.0] * 5)
        assert (table == table[0]).all()


def test_items_must_stay_the_same() -> None:
    world = world_of("m2n2")
    optimiser = world.make()
    asked = optimiser.ask()
    with pytest.raises(ValueError, match="same items"):
        optimiser.tell([Told(each.genome, (1.0,)) for each in asked])
    optimiser.tell([Told(each.genome, (1.0,), (1.0, 0.0)) for each in asked])
    asked = optimiser.ask()
    with pytest.raises(ValueError, match="same items"):
        optimiser.tell([Told(each.genome, (1.0,), (1.0, 0.0, 0.0)) for each in asked])


@pytest.mark.parametrize(
    "option", [{"alpha": 0.0}, {"children": 3}, {"matchmaking": False}, {"mutation": 0.1}]
)
def test_options_have_an_effect(option: dict[str, bool | int | float]) -> None:
    world = world_of("m2n2")
    assert world.run(world.make(option), 12) != world.run(world.make(), 12)
