"""A search that is cut anywhere and goes on comes to the same records, byte for byte."""

from collections.abc import Callable, Mapping

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evoreg.evolve.resident.host import Applied
from evoreg.evolve.search.observer import Closed, Past
from evoreg.evolve.search.run import run_search
from evoreg.evolve.search.setup import Setup
from evoreg.evolve.searchfile.form import SearchForm
from evoreg.provenance.records.candidate import fraction
from evoreg.provenance.records.errors import Code, MergeError, VerificationError
from evoreg.provenance.records.recipe import Recipe
from tests.search.toys import (
    Books,
    ToyHost,
    ToySpace,
    ToyTask,
    a_form,
    a_setup,
    not_scored,
    ticking,
)


def faulty(point: tuple[float, ...]) -> Exception | None:
    """Fail in three ways, by what the point is."""
    if point[0] > 1.0 and point[1] > 0.0:
        return MergeError(Code.MERGE_NOT_FINITE, "numbers are not finite", where="point")
    if point[1] > 0.9 and point[0] > 0.0:
        return torch.OutOfMemoryError("no room")
    return None


def unanswered(point: tuple[float, ...]) -> Exception | None:
    return not_scored() if 0.5 < point[0] < 0.55 and point[1] != 0.5 else None


SEARCHES: Mapping[str, Callable[[], Setup]] = {
    "plain": a_setup,
    "random": lambda: a_setup(a_form(optimiser={"kind": "random", "population": 5})),
    "sep": lambda: a_setup(a_form(optimiser={"kind": "sep-cma-es"}, economy={"average": 0.5})),
    "fixed items": lambda: a_setup(a_form(economy={"items": 7, "rotate": False})),
    "racing": lambda: a_setup(a_form(economy={"items": 9, "racing": True, "collapse": 0})),
    "no cache": lambda: a_setup(a_form(economy={"items": 9, "cache": False})),
    "cached": lambda: a_setup(
        a_form(economy={"items": 0, "racing": True}, budget={"generations": 6}),
        space=ToySpace(steps=0.5),
    ),
    "failing": lambda: a_setup(
        tasks=[ToyTask(fault=unanswered)],
        host=ToyHost(fault=faulty),
        space=ToySpace(refuses=lambda genome: genome[0] < 0.3),
    ),
    "collapsing": lambda: a_setup(tasks=[ToyTask(broken=lambda point: point[1] > 0.7)]),
    "two tasks": lambda: a_setup(
        a_form(2, budget={"items": 200}),
        [ToyTask(soft=0.3), ToyTask("toy1", maximise=False, weight=0.5, variants=2, shift=0.2)],
    ),
    "several objectives": lambda: a_setup(
        a_form(
            2,
            optimiser={"kind": "nsga2", "population": 6},
            economy={"items": 10, "rotate": False},
        ),
        [ToyTask(), ToyTask("toy1", best=(0.2, 1.2))],
    ),
    "bred": lambda: a_setup(
        a_form(
            optimiser={"kind": "m2n2", "population": 5, "options": {"children": 4}},
            economy={"items": 0},
        ),
    ),
    "stages": lambda: a_setup(a_form(budget={"candidates": 30}), length=2),
    "masks": lambda: a_setup(space=ToySpace("dare_ties"), injected=((0.8, 0.7), (0.1, 0.1))),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_goes_on_where_it_was_cut(name: str) -> None:
    whole = Books()
    result = run_search(SEARCHES[name](), whole, clock=ticking())
    assert whole.results == [result.canonical()]
    assert len(whole.generations) > 3
    count = len(whole.generations)
    cuts = range(count + 1) if name in ("plain", "stages", "cached") else (2, count - 2, count - 1)
    for cut in cuts:
        again = Books()
        resumed = run_search(SEARCHES[name](), again, whole.past(cut), clock=ticking())
        assert again.generations == whole.generations[cut:]
        assert again.replays == cut
        assert again.results == whole.results
        assert resumed == result


class Killed(ToyHost):
    """Is interrupted at one of its merges."""

    def apply(self, recipe: Recipe, seed: int | None = None) -> Applied:
        if self.calls == int(self.seed):
            raise KeyboardInterrupt
        return super().apply(recipe, 7 if seed is None else seed)


@pytest.mark.parametrize("when", [0, 3, 4, 9, 10, 17, 27, 28, 31, 32, 35])
def test_a_search_that_is_interrupted_anywhere_loses_and_doubles_nothing(when: int) -> None:
    def form() -> SearchForm:
        return a_form(optimiser={"kind": "random", "population": 6}, economy={"racing": False})

    whole, cut = Books(), Books()
    run_search(a_setup(form()), whole, clock=ticking())
    with pytest.raises(KeyboardInterrupt):
        run_search(a_setup(form(), host=Killed(seed=when)), cut, clock=ticking())
    rest = Books()
    run_search(a_setup(form()), rest, cut.past(), clock=ticking())
    assert cut.generations + rest.generations == whole.generations
    assert (cut.results, rest.results) == ([], whole.results)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, 2**53 - 1),
    st.integers(0, 30),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 2, 100]),
    st.integers(0, 5),
)
def test_whatever_the_economy_a_cut_search_goes_on(
    seed: int, items: int, rotate: bool, racing: bool, collapse: int, cut: int
) -> None:
    economy = {"items": items, "rotate": rotate, "racing": racing, "collapse": collapse}
    form = a_form(economy=economy, seed=seed, budget={"generations": 3})
    whole, again = Books(), Books()
    run_search(a_setup(form, host=ToyHost(fault=faulty)), whole, clock=ticking())
    setup = a_setup(form, host=ToyHost(fault=faulty))
    run_search(setup, again, whole.past(cut), clock=ticking())
    assert again.generations == whole.generations[cut:]
    assert again.results == whole.results


def test_an_ended_search_gives_its_result_without_work() -> None:
    books = Books()
    result = run_search(a_setup(), books, clock=ticking())
    host, again = ToyHost(), Books()
    past = Past(books.past().closed, result)
    assert run_search(a_setup(host=host), again, past, clock=ticking()) is result
    assert (host.calls, again.generations, again.results) == (0, [], [])


def changed(closed: Closed, **fields: object) -> Closed:
    """Return a generation whose second candidate has other facts."""
    items = list(closed.evaluations)
    items[1] = items[1].model_copy(update=fields)
    return Closed(closed.generation, tuple(items))


@pytest.mark.parametrize(
    ("what", "fields"),
    [
        ("genome of candidate 1", {"genome": (0.5, 0.5 + 2**-53)}),
        ("recipe of candidate 1", {"recipe": ToySpace().recipe((0.1, 0.2))}),
        ("origin of candidate 1", {"origin": "injected"}),
        ("label of candidate 1", {"label": "best 1"}),
        ("parents of candidate 1", {"parents": ("sha256:" + "0" * 64,)}),
        ("state of the optimiser", {"fitness": (fraction(0.123),)}),
    ],
)
def test_another_past_is_refused(what: str, fields: dict[str, object]) -> None:
    books = Books()
    run_search(a_setup(), books, clock=ticking())
    closed = list(books.past(3).closed)
    closed[2] = changed(closed[2], **fields)
    again = Books()
    with pytest.raises(VerificationError) as caught:
        run_search(a_setup(), again, Past(tuple(closed)), clock=ticking())
    (problem,) = caught.value.problems
    assert problem.code == Code.SEARCH_DIVERGED
    assert problem.what == f"generation 2 does not repeat what is on record: {what}"
    assert "cma 4.5.0" in problem.hint
    assert (again.generations, again.seen) == ([], [])


def test_a_past_with_gaps_or_of_another_search_is_refused() -> None:
    books = Books()
    run_search(a_setup(), books, clock=ticking())
    closed = books.past().closed
    for past, what in (
        (closed[1:], "it is number 1 of stage 0"),
        ((closed[0], closed[2]), "it is number 2 of stage 0"),
        ((Closed(closed[0].generation, closed[0].evaluations[:2]),), "number of candidates"),
    ):
        with pytest.raises(VerificationError, match=what):
            run_search(a_setup(), Books(), Past(past), clock=ticking())
    other = a_setup(a_form(name="other"))
    with pytest.raises(VerificationError, match="it is of another search"):
        run_search(other, Books(), Past(closed), clock=ticking())


def test_the_record_says_where_a_search_by_minutes_ended() -> None:
    form = a_form(budget={"minutes": 1.5})
    whole = Books()
    run_search(a_setup(form), whole, clock=ticking())
    count = len(whole.generations)
    assert count > 4
    again = Books()
    run_search(a_setup(form), again, whole.past(count - 1), clock=lambda: 0.0)
    assert again.generations == whole.generations[count - 1 :]
