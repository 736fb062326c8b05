"""The table: options are read strictly, and an optimiser is refused where it does not fit."""

import subprocess
import sys
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoreg.evolve.optimisers.box import Box
from evoreg.evolve.optimisers.optimiser import Optimiser, Told
from evoreg.evolve.optimisers.settings import Option
from evoreg.evolve.optimisers.streams import derived, digest, generator
from evoreg.evolve.optimisers.table import OPTIMISERS, make_optimiser
from evoreg.evolve.search.run import _DISTRIBUTIONS
from evoreg.evolve.searchfile import rules
from evoreg.evolve.searchfile.form import OptimiserForm
from evoreg.evolve.searchfile.genes import SAME_ITEMS
from evoreg.evolve.spaces.space import Gene
from evoreg.evolve.spaces.tensors import METHODS
from evoreg.provenance.records.errors import Code, RecipeError
from evoreg.provenance.records.recipe import Scalar
from tests.optimisers.worlds import box_genes, tensor_genes, weights, world_of

OPTIONS = [(row.name, option) for row in OPTIMISERS.values() for option in row.options]


def refused(kind: str, options: dict[str, Scalar] | None = None, **more: object) -> RecipeError:
    form = OptimiserForm.model_validate({"kind": kind, "options": options or {}, **more})
    row = OPTIMISERS[kind]
    model = weights() if row.geometry else None
    genes = tensor_genes(model) if model else box_genes(3)
    with pytest.raises(RecipeError) as caught:
        make_optimiser(form, genes, 1, geometry=model, objectives=2 if row.several else 1)
    return caught.value


def test_search_files_know_the_same_names() -> None:
    assert set(OPTIMISERS) == set(get_args(OptimiserForm.model_fields["kind"].annotation))
    assert all(name == row.name for name, row in OPTIMISERS.items())
    # What the reader says of optimisers, which it may not import, is what the table says.
    assert set(SAME_ITEMS) == {name for name, row in OPTIMISERS.items() if row.fixed_items}
    assert set(rules._SEVERAL) == {name for name, row in OPTIMISERS.items() if row.several}
    assert set(rules._BREEDERS) == {name for name, row in OPTIMISERS.items() if row.geometry}
    assert set(rules._DISTRIBUTIONS) == _DISTRIBUTIONS
    assert rules._SINGLE == METHODS


def test_archives_need_the_same_items_throughout() -> None:
    fixed = {row.name for row in OPTIMISERS.values() if row.fixed_items}
    assert fixed == {"nsga2", "m2n2", "cycleqd"}
    assert {row.name for row in OPTIMISERS.values() if row.items} <= fixed


@pytest.mark.parametrize("kind", sorted(OPTIMISERS))
def test_a_made_one_is_an_optimiser(kind: str) -> None:
    optimiser: Optimiser = world_of(kind).make()
    assert optimiser.finished == ""


@pytest.mark.parametrize(("kind", "option"), OPTIONS)
def test_a_default_is_a_value_that_is_allowed(kind: str, option: Option) -> None:
    assert option.wrong(option.default) == ""
    assert option.about
    assert not option.about.endswith(".")
    world = world_of(kind)
    assert world.run(world.make({option.name: option.default}), 2) == world.run(world.make(), 2)


@pytest.mark.parametrize(("kind", "option"), OPTIONS)
def test_the_ends_of_a_range_work_and_what_is_beyond_is_refused(kind: str, option: Option) -> None:
    world = world_of(kind)
    ends: list[Scalar] = list(option.words)
    assert option.wrong(float("nan"))
    assert option.wrong(float("inf"))
    odd: list[Scalar] = ["none of them", 1e308, 10**400]
    if option.kind == "yes or no":
        ends, odd = [True, False], ["yes", 1, 0.0]
    elif option.kind != "word":
        ends = [option.low, min(option.high, 30.0)]
        odd += [option.low - 1, option.high + 1, True]
    if option.kind == "whole number":
        ends = [int(end) for end in ends]
        odd += [1.5]
    for value in ends:
        world.run(world.make({option.name: value}), 5)
    for value in odd:
        error = refused(kind, {option.name: value})
        (problem,) = error.problems
        assert problem.code is Code.RECIPE_PARAMETER
        assert problem.where == f"optimiser.options.{option.name}"
        assert problem.what.startswith(option.name)


def test_a_whole_number_may_be_written_as_a_float() -> None:
    world = world_of("cycleqd")
    assert world.run(world.make({"bins": 5.0}), 3) == world.run(world.make({"bins": 5}), 3)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    options: dict[str, Scalar] = {"prcision": 0.1, "active": "yes", "colour": 1}
    error = refused("cma-es", options, population=2)
    assert [(each.where, each.hint) for each in error.problems] == [
        ("optimiser.population", "0 takes the usual one"),
        ("optimiser.options.prcision", "did you mean 'precision'?"),
        ("optimiser.options.colour", "known here: active, diagonal_iterations, precision"),
        ("optimiser.options.active", "leave it out for True"),
    ]


def test_one_objective_and_several_are_kept_apart() -> None:
    genes, model = box_genes(3), weights()
    for kind, row in OPTIMISERS.items():
        with pytest.raises(RecipeError, match="objective") as caught:
            make_optimiser(
                OptimiserForm.model_validate({"kind": kind}),
                tensor_genes(model) if row.geometry else genes,
                1,
                geometry=model,
                objectives=1 if row.several else 2,
            )
        assert caught.value.problems[0].code is Code.RECIPE_STRUCTURE
        assert ("cma-es" if row.several else "nsga2") in caught.value.problems[0].hint


@pytest.mark.parametrize("kind", ["m2n2", "cycleqd"])
def test_breeders_need_whole_tensors_of_two_models(kind: str) -> None:
    form = OptimiserForm.model_validate({"kind": kind})
    objectives = 2 if OPTIMISERS[kind].several else 1
    single = weights(5, 1)
    for genes, model in (
        (box_genes(4), None),
        (box_genes(4), weights()),
        (tensor_genes(single), single),
    ):
        with pytest.raises(RecipeError) as caught:
            make_optimiser(form, genes, 1, geometry=model, objectives=objectives)
        assert "space: {kind: tensors}" in caught.value.problems[0].hint


@pytest.mark.parametrize("kind", ["m2n2", "cycleqd"])
@pytest.mark.parametrize(("low", "high"), [(0.1, 2.0), (-2.0, 0.9)])
def test_breeders_need_room_for_each_model_alone(kind: str, low: float, high: float) -> None:
    form = OptimiserForm.model_validate({"kind": kind})
    model = weights()
    objectives = 2 if OPTIMISERS[kind].several else 1
    with pytest.raises(RecipeError, match="begins with each model alone"):
        make_optimiser(
            form, tensor_genes(model, low, high), 1, geometry=model, objectives=objectives
        )


def test_breeders_know_tensors_with_blanks_in_their_names() -> None:
    model = weights(3, 2)
    named = replace(model, tensors=tuple(f"{name} of mine" for name in model.tensors))
    plain, blank = (
        make_optimiser(OptimiserForm(kind="m2n2"), tensor_genes(each), 1, geometry=each)
        for each in (model, named)
    )
    for _ in range(3):
        asked = plain.ask()
        assert asked == blank.ask()
        told = [Told(each.genome, (0.0,), (each.genome[0], 1 - each.genome[0])) for each in asked]
        plain.tell(told)
        blank.tell(told)


def test_a_full_covariance_of_too_many_genes_is_refused() -> None:
    genes = box_genes(10_001)
    with pytest.raises(RecipeError, match="at most 10000 of them, not 10001") as caught:
        make_optimiser(OptimiserForm(kind="cma-es"), genes, 1)
    assert "sep-cma-es" in caught.value.problems[0].hint
    assert make_optimiser(OptimiserForm(kind="sep-cma-es"), genes, 1).ask()


def test_an_unknown_optimiser_is_refused() -> None:
    form = OptimiserForm.model_construct(kind="nsga-2")
    with pytest.raises(RecipeError, match="did you mean 'nsga2'"):
        make_optimiser(form, box_genes(2), 1)


@pytest.mark.parametrize(
    "gene",
    [
        Gene("x", 0.0, 0.0, 0.0),
        Gene("x", 1.0, 0.0, 0.5),
        Gene("x", 0.0, 1.0, 2.0),
        Gene("x", 0.0, float("inf"), 0.0),
        Gene("x", -1.7e308, 1.7e308, 0.0),
        Gene("x", 0.0, 1.0, float("nan")),
    ],
)
def test_a_gene_has_a_range_with_a_start_in_it(gene: Gene) -> None:
    with pytest.raises(ValueError, match="no range"):
        Box.of([gene])
    with pytest.raises(ValueError, match="at least one gene"):
        Box.of([])


@given(
    st.tuples(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300)).filter(
        lambda ends: ends[0] < ends[1]
    ),
    st.floats(0, 1),
)
def test_fractions_and_genomes(ends: tuple[float, float], part: float) -> None:
    low, high = ends
    box = Box.of([Gene("x", low, high, low)])
    (value,) = box.genome(np.asarray([part]))
    assert low <= value <= high
    assert box.genome(box.fractions((value,)))[0] == pytest.approx(
        value, rel=1e-9, abs=1e-9 * (high - low)
    )
    assert box.genome(np.asarray([0.0])) == (low,)
    assert box.genome(np.asarray([1.0])) == (high,)
    assert box.cut((high * 2 if high > 0 else high / 2,)) == (high,)


def test_seeds_for_purposes_have_nothing_in_common_and_are_never_zero() -> None:
    seeds = {derived(seed, purpose) for seed in range(2000) for purpose in ("a", "b")}
    assert len(seeds) > 3990
    assert all(0 < seed < 2**32 for seed in seeds)
    assert derived(1, "a") == derived(1, "a")
    assert derived(2**53 - 1, "a") != derived(2**53 - 2, "a")


def test_digests_see_every_bit() -> None:
    first, second = generator(1, "a"), generator(1, "a")
    assert digest(first) == digest(second)
    second.random()
    assert digest(first) != digest(second)
    numbers = np.asarray([1.0, 2.0])
    changed = np.nextafter(numbers, 3.0)
    assert digest(numbers) != digest(changed)
    assert digest(numbers) != digest(numbers.reshape(2, 1))
    assert digest([numbers, 1.5, None]) == digest([numbers.copy(), 1.5, None])
    assert digest(np.random.RandomState(1)) != digest(np.random.RandomState(2))


def test_the_table_is_light() -> None:
    heavy = "('torch', 'cma', 'pymoo', 'scipy', 'matplotlib', 'transformers')"
    code = (
        "import sys; import evoreg.evolve.optimisers.table; "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
