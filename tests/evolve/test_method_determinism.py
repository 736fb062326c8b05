"""The same bytes from every method, whatever the order of models, the threads or the shards."""

import itertools

import pytest

from evoreg.evolve.execution.run import Options
from tests.evolve.merging import Bench, Recipe, normal, same
from tests.evolve.method_recipes import FORMS, Form, name_of

every_form = pytest.mark.parametrize("form", FORMS, ids=name_of)
WEIGHTS = (0.31, 0.17, 0.29, 0.23)
VALUES = {"density": 0.6, "select_topk": 0.5, "gamma": 0.1, "epsilon": 0.05, "t": 0.4}


@pytest.fixture
def five(bench: Bench) -> Bench:
    """A bench with models base and m0 to m3 of three tensors."""
    for place, name in enumerate(("base", "m0", "m1", "m2", "m3")):
        tensors = {key: normal(10 * place + i, 30, 20) for i, key in enumerate(("u", "v", "w"))}
        bench.model(name, tensors)
    return bench


def wish(form: Form, order: tuple[int, ...] = (0, 1, 2, 3)) -> Recipe:
    order = tuple(place for place in order if place < form.count(4))
    weights = tuple(WEIGHTS[place] for place in order)
    return form.recipe([f"m{place}" for place in order], "base", **VALUES, weight=weights)


@pytest.mark.parametrize("form", [f for f in FORMS if f.contract.commutative], ids=name_of)
def test_the_order_of_the_models_does_not_matter(form: Form, five: Bench) -> None:
    first = five.merge(wish(form), seed=1)
    shares = {c.reference: c for c in first.merged.contributions}
    for order in list(itertools.permutations(range(4)))[5::6]:
        other = five.merge(wish(form, order), seed=1)
        assert same(first.tensors, other.tensors)
        assert {c.reference: c for c in other.merged.contributions} == shares


@every_form
def test_threads_and_shards_do_not_matter(form: Form, five: Bench) -> None:
    whole = five.merge(wish(form), seed=1)
    for threads, size in ((3, 10**9), (1, 1), (2, 5000)):
        other = five.merge(wish(form), seed=1, options=Options(threads=threads, shard_size=size))
        assert same(other.tensors, whole.tensors)
        assert other.merged.contributions == whole.merged.contributions


@pytest.mark.parametrize("form", [f for f in FORMS if f.most == 10], ids=name_of)
def test_ten_sources(form: Form, bench: Bench) -> None:
    names = [f"m{place}" for place in range(10)]
    for place, name in enumerate(["base", *names]):
        bench.model(name, {"w": normal(place, 12, 9)})
    result = bench.merge(form.recipe(names, "base", **VALUES, weight=0.1))
    assert same(
        result.tensors, bench.merge(form.recipe(names[::-1], "base", **VALUES, weight=0.1)).tensors
    )
    shares = [result.effective(name) for name in names]
    assert sum(shares) == pytest.approx(1.0, abs=1e-8)
    assert all(0.0 < share < 0.5 for share in shares)
    assert all(result.share(name).nominal == "0.100000000" for name in names)
