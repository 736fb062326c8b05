"""Laws of the items that a generation is asked, of the cache, of racing, and of a warm start."""

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoreg.evolve.search.economy import drawn, exams, shuffled, whole, whole_train
from evoreg.evolve.search.racing import below
from evoreg.evolve.search.run import run_search
from evoreg.evolve.search.warm import Known, started, warm_genomes
from evoreg.evolve.searchfile.form import EconomyForm
from evoreg.evolve.spaces.space import Gene
from evoreg.provenance.records.digest import digest_of
from tests.search.toys import Books, ToyHost, ToySpace, ToyTask, a_form, a_setup, ticking

ids = st.integers(1, 40).map(lambda n: tuple(digest_of(bytes([i])) for i in range(n)))


@given(ids, st.integers(1, 45), st.integers(0, 2**53))
def test_draws_do_not_overlap_until_the_pool_is_used_up(
    names: tuple[str, ...], count: int, seed: int
) -> None:
    rounds = max(1, len(names) // count)
    for begin in (0, rounds):
        draws = [drawn(names, count, begin + draw, seed, "toy") for draw in range(rounds)]
        asked = Counter(itertools.chain(*draws))
        assert max(asked.values()) == 1
        assert {len(draw) for draw in draws} == {min(count, len(names))}
        assert len(names) - len(asked) < count or count >= len(names)


def test_each_round_is_shuffled_anew_and_every_item_has_its_turn() -> None:
    names = tuple(digest_of(bytes([i])) for i in range(10))
    rounds = [
        tuple(itertools.chain(*(drawn(names, 3, 3 * r + d, 1) for d in range(3))))
        for r in range(40)
    ]
    assert len(set(rounds)) == 40
    asked = Counter(itertools.chain(*rounds))
    assert set(asked) == set(range(10))
    assert all(26 <= count <= 40 for count in asked.values())


@given(ids, st.permutations(range(40)))
def test_the_order_of_the_file_does_not_matter(names: tuple[str, ...], order: list[int]) -> None:
    moved = tuple(names[place] for place in order if place < len(names))
    one = [names[place] for place in shuffled(names, 5)]
    assert one == [moved[place] for place in shuffled(moved, 5)]


def economy(items: int, *, rotate: bool = True) -> EconomyForm:
    return EconomyForm(items=items, rotate=rotate)


def test_the_items_follow_seed_stage_generation_and_task() -> None:
    one, two = ToyTask(counts=(50, 1, 1)), ToyTask("other", counts=(50, 1, 1))
    (first, other) = exams((one, two), economy(10), seed=1, stage=0, generation=1)
    assert (first.split, len(first.places), first.soft) == ("train", 10, False)
    assert first.places != other.places
    for change in ({"seed": 2}, {"stage": 1}, {"generation": 2}, {"generation": 6}):
        settings = {"seed": 1, "stage": 0, "generation": 1} | change
        assert exams((one,), economy(10), **settings)[0].places != first.places


def test_without_rotation_every_generation_is_asked_the_same() -> None:
    task = ToyTask(soft=0.1)
    fixed = [
        exams((task,), economy(6, rotate=False), seed=1, stage=stage, generation=generation)
        for stage, generation in ((0, 1), (0, 2), (1, 9))
    ]
    everything = whole_train((task,), 1)
    assert fixed[0] == fixed[1] == fixed[2]
    assert fixed[0][0].places == everything[0].places[:6]
    for items in (0, 24, 99):
        assert exams((task,), economy(items), seed=1, stage=2, generation=8) == everything
    assert everything[0].soft
    assert whole((task,), "test")[0].places == tuple(range(20))
    assert not whole((task,), "test")[0].soft


# The cache -------------------------------------------------------------------------------------


def test_what_is_known_is_not_asked_again_and_costs_nothing() -> None:
    found = {}
    for cache in (True, False):
        form = a_form(economy={"items": 0, "cache": cache, "collapse": 0})
        books, host, task = Books(), ToyHost(), ToyTask()
        result = run_search(
            a_setup(form, [task], host, space=ToySpace(steps=0.5)), books, clock=ticking()
        )
        found[cache] = (result, books.evaluations(), host.calls, sum(task.asked))
    (known, one, calls, items), (fresh, two, all_calls, all_items) = found[True], found[False]
    plain = [item.model_copy(update={"search": ""}) for item in one]
    assert plain == [item.model_copy(update={"search": ""}) for item in two]
    assert calls < all_calls
    assert (known.items, fresh.items) == (items, all_items)
    recipes = {item.recipe.record_digest() for item in one if item.generation < 5}
    finalists = [item for item in one if item.generation == 5]
    tested = {item.recipe.record_digest() for item in one if item.generation == 6}
    assert items == 24 * len(recipes) + 16 * len(finalists) + 20 * len(tested)


# Racing ----------------------------------------------------------------------------------------


def test_a_race_stops_the_worse_half_and_tells_it_below_all_others() -> None:
    form = a_form(
        economy={"items": 12, "racing": True, "collapse": 0},
        optimiser={"kind": "random", "population": 9},
    )
    books = Books()
    run_search(a_setup(form, [ToyTask(soft=0.5)]), books, clock=ticking())
    stops = 0
    for closed in books.past().closed[1:5]:
        went = [item for item in closed.evaluations if len(item.scores[0].items) == 12]
        stopped = [item for item in closed.evaluations if len(item.scores[0].items) == 4]
        assert len(went) + len(stopped) == 9
        assert len(went) == 5
        stops += len(stopped)
        assert max(float(i.fitness[0]) for i in stopped) < min(float(i.fitness[0]) for i in went)
        firsts = [(sum(i.scores[0].items[:4]), sum(i.scores[0].softs[:4])) for i in went]
        worth = [(a + b / 2) for a, b in firsts]
        lost = [sum(i.scores[0].items) + sum(i.scores[0].softs) / 2 for i in stopped]
        assert min(worth) >= max(lost)
        told = [float(i.fitness[0]) for i in stopped]
        assert [x for _, x in sorted(zip(lost, told, strict=True))] == sorted(told)
    assert stops == 16
    spent = books.past().closed
    assert spent[4].generation.items - spent[0].generation.items == 4 * (5 * 12 + 4 * 4)


def test_who_ties_with_the_last_one_goes_on() -> None:
    flat = ToyTask(best=(9.0, 9.0))
    form = a_form(economy={"items": 9, "racing": True, "collapse": 0})
    books = Books()
    run_search(a_setup(form, [flat]), books, clock=ticking())
    sampled = [item for item in books.evaluations() if item.origin == "sampled"]
    assert {len(item.scores[0].items) for item in sampled} == {9}


def test_a_race_over_single_items_and_known_recipes() -> None:
    one = a_form(economy={"items": 1, "racing": True, "collapse": 0})
    books = Books()
    run_search(a_setup(one), books, clock=ticking())
    sampled = [item for item in books.evaluations() if item.origin == "sampled"]
    assert {len(item.scores[0].items) for item in sampled} == {1}
    form = a_form(
        economy={"items": 0, "racing": True, "collapse": 0},
        optimiser={"kind": "random", "population": 12},
    )
    again = Books()
    run_search(a_setup(form, space=ToySpace(steps=0.5)), again, clock=ticking())
    whole: dict[str, int] = {}
    kept = 0
    for item in again.evaluations():
        made, count = item.recipe.record_digest(), len(item.scores[0].items)
        if item.origin == "sampled":
            assert count >= whole.get(made, 0)
            kept += made in whole
            whole[made] = max(count, whole.get(made, 0))
    assert kept > 10


def test_finalists_are_never_those_who_were_stopped() -> None:
    form = a_form(economy={"items": 12, "racing": True, "collapse": 0, "finalists": 30})
    books = Books()
    run_search(a_setup(form), books, clock=ticking())
    went = {
        item.recipe.record_digest()
        for item in books.evaluations()
        if item.origin == "sampled" and len(item.scores[0].items) == 12
    }
    best = [item for item in books.evaluations() if item.label.startswith("best ")]
    assert {item.recipe.record_digest() for item in best} == went
    assert [item.label for item in best] == [f"best {n + 1}" for n in range(len(best))]


numbers = st.floats(-5, 5, allow_nan=False)


@given(st.dictionaries(st.integers(0, 9), numbers), st.lists(numbers))
def test_the_stopped_keep_their_order_below_the_others(
    stopped: dict[int, float], full: list[float]
) -> None:
    told = below(stopped, full)
    assert set(told) == set(stopped)
    if stopped and full:
        assert max(told.values()) < min(full)
    for one, two in itertools.permutations(stopped, 2):
        if stopped[one] < stopped[two]:
            assert told[one] <= told[two]


# The collapse switch ---------------------------------------------------------------------------


def broken(point: tuple[float, ...]) -> bool:
    return point[1] > 0.55 and point[0] > 0.0


@pytest.mark.parametrize("racing", [False, True])
def test_a_collapsed_candidate_is_given_up_after_the_first_items(racing: bool) -> None:
    form = a_form(economy={"items": 12, "collapse": 3, "racing": racing})
    task, books = ToyTask(broken=broken), Books()
    run_search(a_setup(form, [task]), books, clock=ticking())
    lost = [item for item in books.evaluations() if item.failure is not None]
    assert lost
    for item in lost:
        assert item.failure is not None
        assert item.failure.code == "EVO-E005"
        assert item.failure.what.startswith("gave only empty, repeated or foreign replies to the")
        assert (item.fitness, item.scores[0].items) == ((), (0, 0, 0))
        assert item.contributions
    assert {item.origin for item in lost} == {"sampled"}


@pytest.mark.parametrize("why", ["off", "few items", "soft", "another task"])
def test_who_can_still_be_told_apart_is_not_given_up(why: str) -> None:
    collapse = {"off": 0, "few items": 12}.get(why, 3)
    tasks = [ToyTask(broken=broken, soft=0.1 if why == "soft" else 0.0)]
    if why == "another task":
        tasks.append(ToyTask("other"))
    form = a_form(len(tasks), economy={"items": 12, "collapse": collapse})
    books = Books()
    run_search(a_setup(form, tasks), books, clock=ticking())
    assert not [item for item in books.evaluations() if item.failure is not None]


# A warm start ----------------------------------------------------------------------------------

GENES = (Gene("red", 0.0, 1.0, 0.5), Gene("green", 0.0, 1.0, 0.25))


def known(fitness: float, **genes: float) -> Known:
    return Known(genes, fitness)


def test_a_warm_start_is_the_mean_of_the_best_tenth() -> None:
    earlier = [known(place, red=place / 20, green=1 - place / 20) for place in range(20)]
    warm = warm_genomes(GENES, earlier, 2)
    assert warm.start == pytest.approx((0.925, 0.075))
    assert warm.injected == ((0.95, 1 - 0.95), (0.9, 1 - 0.9))
    assert warm.known == 20
    assert warm_genomes(GENES, earlier[::-1], 2) == warm
    assert [gene.start for gene in started(GENES, warm.start)] == list(warm.start)


def test_only_what_fits_the_space_is_taken() -> None:
    earlier = [
        known(3.0, red=0.1, blue=0.2),
        known(2.0, red=7.0),
        known(2.0, red=1.0, green=0.25),
        known(9.0),
        known(1.0, red=float("nan")),
        known(float("inf"), red=0.1),
    ]
    warm = warm_genomes(GENES, earlier)
    assert (warm.start, warm.injected, warm.known) == ((1.0, 0.25), ((1.0, 0.25),), 2)
    nothing = warm_genomes(GENES, earlier[:1])
    assert (nothing.start, nothing.injected, nothing.known) == ((0.5, 0.25), (), 0)


@given(st.lists(st.tuples(numbers, numbers, numbers), max_size=30))
def test_a_warm_start_stays_in_the_ranges(points: list[tuple[float, float, float]]) -> None:
    warm = warm_genomes(GENES, [known(f, red=r, green=g) for f, r, g in points])
    for genome in (warm.start, *warm.injected):
        assert all(0.0 <= value <= 1.0 for value in genome)
    assert len(set(warm.injected)) == len(warm.injected) <= 3


def test_injected_genomes_are_tried_and_named_so() -> None:
    books = Books()
    run_search(a_setup(injected=((0.9, 0.6),)), books, clock=ticking())
    injected = [item for item in books.evaluations() if item.origin == "injected"]
    assert [(item.generation, item.genome) for item in injected] == [(1, (0.9, 0.6))]
