"""What every merge method promises, checked on each row of the table of methods."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.evolve.execution.tally import Counter, Part
from evoreg.evolve.methods.group import Group, Operand
from evoreg.evolve.methods.table import METHODS
from evoreg.evolve.methods.values import Flat
from evoreg.evolve.planning.plan import Plan
from evoreg.evolve.recipes.contracts import CONTRACTS, Parameter
from evoreg.provenance.records.errors import Code, MergeError
from tests.evolve.merging import Bench, Recipe, Result, normal, recipe, row, same
from tests.evolve.method_groups import family, group_of
from tests.evolve.method_recipes import FORMS, Form, name_of

every_form = pytest.mark.parametrize("form", FORMS, ids=name_of)
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64}
RANGES = {
    "weight": (0.125, 2.0), "t": (0.0, 1.0), "density": (0.0, 1.0), "gamma": (0.0, 1.0),
    "select_topk": (0.0, 1.0), "alpha": (0.0, 2.0), "eps": (0.0, 1.0), "tol": (0.0, 1.0),
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """Some models of one tensor each, and a recipe for them."""

    recipe: Recipe
    tensors: dict[str, torch.Tensor]
    seed: int

    def bench(self, folder: Path) -> Bench:
        bench = Bench(folder)
        for name, tensor in self.tensors.items():
            bench.model(name, {"w": tensor})
        return bench


def values_of(parameter: Parameter) -> st.SearchStrategy[bool | float]:
    if parameter.kind == "bool":
        return st.booleans()
    if parameter.kind == "int":
        return st.integers(0, 12)
    if parameter.name == "epsilon":
        return st.just(0.0625)  # beside every density that is drawn here
    low, high = RANGES.get(parameter.name, (-2.0, 2.0))
    return st.integers(int(low * 8), int(high * 8)).map(lambda number: number / 8)


@st.composite
def cases(draw: st.DrawFn, form: Form) -> Case:
    count = draw(st.integers(form.fewest, form.count(4)))
    names = [f"m{number}" for number in range(count)]
    shape = draw(st.sampled_from([(1,), (), (7,), (5, 8), (3, 2, 4)]))
    kind = DTYPES[draw(st.sampled_from(sorted(DTYPES)))]
    models = ["base", *names] if form.based else names
    tensors = {name: normal(place, *shape).to(kind) for place, name in enumerate(models)}
    own = [p for p in form.contract.parameters if p.scope != "shared"]
    shared = {p.name: draw(values_of(p)) for p in form.contract.parameters if p.scope == "shared"}
    lines = [row(name, **{p.name: draw(values_of(p)) for p in own}) for name in names]
    base = "base" if form.based else None
    return Case(recipe(form.name, lines, base, shared), tensors, draw(st.integers(0, 2**53 - 1)))


def predicted(plan: Plan, tensors: dict[str, torch.Tensor]) -> tuple[torch.Tensor, float]:
    """Return base + sum c_i (x_i - base), in float64, from the coefficients of the rule alone."""
    (output,) = plan.outputs
    work = torch.float64 if output.double else torch.float32

    def flat(place: int) -> Flat:
        return Flat(tensors[output.inputs[place].source.reference].reshape(-1))

    places = list(output.parts)
    if plan.contract.commutative:
        places.sort(key=lambda place: output.inputs[place].source.identity)
    parts = tuple(
        Operand(item.source.identity, item.tensor.name, flat(place), item.parameters)
        for place, item in ((place, output.inputs[place]) for place in places)
    )
    base = None if output.base is None else flat(output.base)
    group = Group(base, parts, output.parameters, plan.seed, work, output.shape)
    whole = slice(0, group.elements)
    deltas = [group.delta(part, whole) for part in parts]
    coefficients = METHODS[plan.contract.name](group).coefficients(whole, deltas)
    moved = [c * delta.double() for c, delta in zip(coefficients, deltas, strict=True)]
    result = sum(moved, torch.zeros(group.elements, dtype=torch.float64))
    size = sum(float(part.abs().max()) for part in moved)
    if base is not None:
        result = result + base.numbers.double()
        size += float(base.numbers.double().abs().max())
    return result, size


def test_the_two_tables_have_the_same_rows() -> None:
    assert list(METHODS) == list(CONTRACTS)
    assert all(contract.name == name for name, contract in CONTRACTS.items())


@every_form
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_the_coefficients_are_the_result_and_two_runs_are_equal(
    form: Form, data: st.DataObject
) -> None:
    case = data.draw(cases(form))
    with tempfile.TemporaryDirectory() as folder:
        bench = case.bench(Path(folder))
        result = bench.merge(case.recipe, seed=case.seed)
        got = result.only
        first = next(iter(case.tensors.values()))
        assert (got.shape, got.dtype) == (first.shape, first.dtype)
        expected, size = predicted(result.plan, case.tensors)
        allowed = size * (2.0**-8 if got.dtype == torch.bfloat16 else 2.0**-21)
        assert float((got.reshape(-1).double() - expected).abs().max()) <= allowed
        again = bench.merge(case.recipe, seed=case.seed)
        assert same(result.tensors, again.tensors)
        assert result.merged == again.merged


@every_form
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_shares_are_fractions_that_sum_to_one(form: Form, data: st.DataObject) -> None:
    case = data.draw(cases(form))
    with tempfile.TemporaryDirectory() as folder:
        result = case.bench(Path(folder)).merge(case.recipe, seed=case.seed)
    parts = result.merged.contributions
    assert [c.reference for c in parts] == list(result.plan.recipe.references)
    effective = [float(c.effective) for c in parts]
    assert all(0.0 <= value <= 1.0 for value in effective)
    assert round(sum(effective), 9) in (0.0, 1.0)
    # Shapley values of an additive game sum to the whole; zero only if nothing changed.
    if sum(effective):
        assert sum(float(c.alignment) for c in parts) == pytest.approx(1.0, abs=1e-5)
    assert all(c.used for c in parts if float(c.effective))


# The measure


@every_form
def test_splitting_the_coefficients_of_a_source_splits_its_share(form: Form) -> None:
    """At the level of the measure it holds for all methods: p_i = 0.25 p_i + 0.75 p_i."""
    base, parts = family((6, 5), form.count(3), torch.float32)
    if form.name == "slerp":  # its base is a source like the other
        group = group_of(form.name, [base, *parts])
    else:
        group = group_of(form.name, parts, base if form.based else None)
    block = slice(0, 30)
    _, deltas = group.deltas(block)
    coefficients = METHODS[form.name](group).coefficients(block, deltas)
    moved = [c * delta for c, delta in zip(coefficients, deltas, strict=True)]
    change = sum(moved[1:], moved[0])
    ones, count = torch.ones(30), len(moved)
    whole = [Part(place, ones, item) for place, item in enumerate(moved)]
    split = [Part(2 * place, ones, 0.25 * item) for place, item in enumerate(moved)]
    split += [Part(2 * place + 1, ones, 0.75 * item) for place, item in enumerate(moved)]
    before = Counter(1, [None] * count).count(block, whole, change.clone())
    after = Counter(1, [None] * (2 * count)).count(block, split, change.clone())
    assert sum(before.mass) > 0
    for place in range(count):
        both = slice(2 * place, 2 * place + 2)
        assert sum(after.mass[both]) == pytest.approx(before.mass[place], rel=1e-6)
        assert sum(after.product[both]) == pytest.approx(before.product[place], rel=1e-5, abs=1e-6)


# Methods whose sources have weights; the others count sources, or take a fixed number of them.
WEIGHTED = [f for f in FORMS if f.most == 10 and f.contract.parameter("weight")]


@pytest.mark.parametrize("form", WEIGHTED, ids=name_of)
def test_splitting_a_source_in_two_leaves_result_and_share(form: Form, bench: Bench) -> None:
    y = normal(2, 500)
    for name, tensor in (("base", normal(0, 500)), ("a", normal(1, 500)), ("b", y), ("b2", y)):
        bench.model(name, {"w": tensor})
    values = {"density": 0.6, "gamma": 0.1}
    whole = bench.merge(form.recipe(["a", "b"], "base", weight=(0.6, 0.4), **values))
    split = bench.merge(form.recipe(["a", "b", "b2"], "base", weight=(0.6, 0.1, 0.3), **values))
    both = split.effective("b") + split.effective("b2")
    assert both == pytest.approx(whole.effective("b"), abs=1e-7)
    assert split.effective("b") == pytest.approx(both / 4, abs=1e-7)
    torch.testing.assert_close(split.only, whole.only, rtol=1e-5, atol=1e-6)


def test_the_methods_that_can_be_split_are_these() -> None:
    assert [name_of(form) for form in WEIGHTED] == [
        "breadcrumbs", "breadcrumbs_ties", "dare_linear", "dare_ties", "della", "della_linear",
        "linear", "multislerp", "multislerp+base", "task_arithmetic", "ties",
    ]  # fmt: skip


# Degenerate inputs


def merge(
    form: Form,
    bench: Bench,
    base: Mapping[str, torch.Tensor],
    parts: Sequence[Mapping[str, torch.Tensor]],
    **more: Any,
) -> Result:
    """Merge models m0, m1, ... over a base, with plain values."""
    number = len(list(bench.models.glob("base*")))
    names = [f"m{place}-{number}" for place in range(len(parts))]
    for name, tensors in zip([f"base-{number}", *names], [base, *parts], strict=True):
        bench.model(name, tensors)
    return bench.merge(form.recipe(names, f"base-{number}", **more))


def sparse(form: Form) -> bool:
    density = form.contract.parameter("density")
    return density is not None and not density.idle


DENSITIES = [
    (form, density) for form in FORMS for density in ([0.0, 0.4, 1.0] if sparse(form) else [1.0])
]
every_density = pytest.mark.parametrize(("form", "density"), DENSITIES, ids=name_of)


def filled(value: float, shapes: Sequence[tuple[int, ...]]) -> dict[str, torch.Tensor]:
    return {str(shape): torch.full(shape, value) for shape in shapes}


@every_density
def test_tiny_shapes_keep_their_shape(form: Form, density: float, bench: Bench) -> None:
    shapes = [(0,), (4, 0), (0, 4), (2, 0, 3), (1,), (), (1, 1, 1)]
    parts = [filled(3.0, shapes)] * form.fewest
    for more in ({}, {"nuslerp_flatten": False, "filter_wise": True, "select_topk": 0.5}):
        got = merge(form, bench, filled(1.0, shapes), parts, density=density, **more).tensors
        for shape in shapes:
            assert got[str(shape)].shape == shape
            for number in got[str(shape)].reshape(-1).tolist():
                assert number == pytest.approx(of_one_number(form, density, number, bool(more)))


def of_one_number(form: Form, density: float, got: float, more: bool) -> float:
    """Return what a method makes of one number, 3 in each source and 1 in the base."""
    if form.name == "sce" and more:
        return 1.0  # the variance over the sources is zero everywhere: nothing is selected
    if form.name == "ties" and density:
        return 3.0  # the largest element is kept at any density
    if density in (0.0, 1.0):
        known = {"slerp": 1.5, "nearswap": 1.25}
        return known.get(form.name, 3.0 if density else 1.0)
    if form.contract.random:
        assert got in (1.0, 3.0)
        return got
    return 1.0


SMALL = [(6, 5), (1, 9), (9, 1), (9,), (2, 3, 4)]


@every_density
def test_equal_models_give_themselves(form: Form, density: float, bench: Bench) -> None:
    tensors = {str(shape): normal(1, *shape) for shape in SMALL}
    for more in ({}, {"nuslerp_flatten": False, "filter_wise": True}):
        result = merge(form, bench, tensors, [tensors] * form.count(3), density=density, **more)
        for name, tensor in tensors.items():
            torch.testing.assert_close(result.tensors[name], tensor, rtol=4e-7, atol=0.0)
        if form.based and form.contract.delta:
            assert same(result.tensors, tensors)
            assert all(float(c.effective) == 0.0 for c in result.merged.contributions)


@every_density
@pytest.mark.parametrize("value", [0.0, 2.0])
def test_zero_and_constant_tensors(form: Form, density: float, value: float, bench: Bench) -> None:
    """Over a base of zeros: never above the sources, and constant where all is kept."""
    parts = [filled(value, SMALL)] * form.count(3)
    for more in ({}, {"nuslerp_flatten": False, "filter_wise": True, "select_topk": 0.5}):
        values = {"density": density, "normalize": True, **more}
        for got in merge(form, bench, filled(0.0, SMALL), parts, **values).tensors.values():
            assert float(got.min()) >= 0.0
            if density == 1:
                assert float(got.max() - got.min()) < 1e-6
                assert float(got.max()) <= value * (1 + 1e-6)
            # Rescaling keeps the sum of the sizes of each source.
            assert float(got.sum()) <= value * got.numel() * len(parts) * (1 + 1e-6)


@every_form
@pytest.mark.parametrize("factor", [-1.0, -3.0, 3.0])
def test_parallel_and_opposite_sources_give_something_bounded(
    form: Form, factor: float, bench: Bench
) -> None:
    x = {str(shape): normal(3, *shape) for shape in SMALL}
    other = {name: factor * tensor for name, tensor in x.items()}
    zeros = {name: torch.zeros_like(tensor) for name, tensor in x.items()}
    for more in ({}, {"nuslerp_flatten": False}, {"filter_wise": True}):
        result = merge(form, bench, zeros, [x, other, x][: form.count(3)], **more)
        for name, tensor in x.items():
            # Plain sums reach 1 + 3 + 1 times x; Model Stock has no bounds but stays finite.
            bound = 1e7 if form.name == "model_stock" else 5.01
            assert float(result.tensors[name].abs().max()) <= bound * float(tensor.abs().max())


# What a single source of weight 1 needs to be kept whole; None where a method takes no such.
SINGLE: dict[str, dict[str, Any] | None] = {
    "slerp": {"t": 1.0}, "nuslerp": None, "model_stock": None, "arcee_fusion": None,
    "nearswap": {"t": 1e9}, "ram": {"epsilon": 0.0}, "ramplus_tl": {"epsilon": 0.0},
}  # fmt: skip


@pytest.mark.parametrize(
    "form", [f for f in FORMS if SINGLE.get(f.name, {}) is not None], ids=name_of
)
def test_one_source_of_weight_one_is_the_result(form: Form, bench: Bench) -> None:
    base = {str(shape): normal(2, *shape) for shape in SMALL}
    source = {str(shape): normal(1, *shape) for shape in SMALL}
    result = merge(form, bench, base, [source], **(SINGLE.get(form.name) or {}))
    for name, tensor in source.items():
        torch.testing.assert_close(result.tensors[name], tensor, rtol=1e-6, atol=1e-6)
    assert result.effective("m0-0") == 1.0


FAMILY = [f for f in FORMS if f.contract.parameter("lambda")]


@pytest.mark.parametrize("form", FAMILY, ids=name_of)
def test_zero_weights_give_the_base_and_name_nobody(form: Form, bench: Bench) -> None:
    base, *parts = [{"w": normal(seed, 6, 5)} for seed in range(3)]
    result = merge(form, bench, base, parts, weight=0.0, density=0.5, normalize=False)
    assert same(result.tensors, base)
    used = {c.reference: c.used for c in result.merged.contributions}
    assert used == {"base-0": True, "m0-0": False, "m1-0": False}  # the base is in all of these


@every_form
def test_numbers_that_are_not_finite_are_never_written(form: Form, bench: Bench) -> None:
    bad = torch.tensor([1.0, float("nan"), 2.0, float("inf")])
    good = [{"w": torch.arange(4.0)}] * (form.fewest - 1)
    variants: list[dict[str, Any]] = [
        {},
        {"weight": 0.0, "normalize": False, "normalize_weights": False},
        {"density": 0.0},
        {"density": 0.5},
        {"t": 0.0},
        {"select_topk": 0.5},
        {"filter_wise": True, "nuslerp_flatten": False},
    ]
    for number, more in enumerate(variants):
        with pytest.raises(MergeError) as caught:
            merge(form, bench, {"w": torch.ones(4)}, [*good, {"w": bad}], **more)
        assert caught.value.code == Code.MERGE_NOT_FINITE
        assert caught.value.problems[0].what.startswith(f"m{form.fewest - 1}-{number}")
        assert caught.value.problems[0].where == "w"
