"""Findings are kept within a budget, and what is wanted again is not given up for what is new."""

from hypothesis import given
from hypothesis import strategies as st

from evoreg.evolve.resident.kept import Kept


def test_what_was_made_is_given_back() -> None:
    kept = Kept(100)
    first = kept.recall("a", lambda: [1], 10)
    assert kept.recall("a", lambda: [2], 10) is first
    assert kept.recall("b", lambda: [2], 10) == [2]
    assert kept.used == 20
    kept.clear()
    assert kept.used == 0
    assert kept.recall("a", lambda: [3], 10) == [3]


def test_what_does_not_fit_is_made_each_time() -> None:
    kept = Kept(15)
    kept.recall("a", lambda: 1, 10)
    assert kept.recall("b", lambda: 2, 10) == 2
    assert kept.recall("b", lambda: 3, 10) == 3
    assert kept.recall("a", lambda: 4, 10) == 1


def test_what_the_last_candidates_wanted_stays_and_the_rest_goes() -> None:
    kept = Kept(20)
    kept.recall("a", lambda: 1, 10)
    kept.recall("b", lambda: 1, 10)
    kept.advance()
    kept.recall("b", lambda: 2, 10)
    kept.recall("c", lambda: 2, 10)  # a served the candidate before
    assert kept.recall("a", lambda: 2, 10) == 1
    kept.advance()
    kept.recall("b", lambda: 3, 10)
    kept.advance()
    kept.recall("c", lambda: 4, 10)  # nobody asked for a since
    assert kept.recall("c", lambda: 5, 10) == 4
    assert kept.recall("b", lambda: 5, 10) == 1
    assert kept.recall("a", lambda: 5, 10) == 5


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 30), st.booleans()), max_size=60),
    st.integers(0, 50),
)
def test_the_budget_holds(asked: list[tuple[int, int, bool]], budget: int) -> None:
    kept = Kept(budget)
    for number, size, following in asked:
        if following:
            kept.advance()
        assert kept.recall((number, size), lambda n=number: n, size) == number  # type: ignore[misc]
        assert 0 <= kept.used <= budget
