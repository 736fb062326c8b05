"""Coarse to fine: a finer space begins with the very values that the coarse one ended with."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.evolve.searchfile.form import Refinement
from evoreg.evolve.spaces.parameters import MethodSpace
from evoreg.evolve.spaces.table import parameter_space, refined, tensor_space
from evoreg.provenance.records.errors import UsageError
from tests.spaces.spacing import POCKETS, form, hold, read_models

SOURCES = read_models(POCKETS, "pocket-base", "pocket-math", "pocket-ja")
COARSE: list[dict[str, Any]] = [
    {},
    {"components": ("attention", "mlp")},
    {"granularity": 2},
    {"granularity": 3, "components": ("norms",)},
    {"knots": 3},
    {"knots": 4, "components": ("mlp",)},
]
FINER: list[dict[str, Any]] = [
    {"granularity": 2},
    {"granularity": 1, "components": ("attention", "mlp")},
    {"knots": 2},
    {"knots": 3},
    {"knots": 4, "components": ("q_proj", "norms")},
    {"components": ("head", "mlp")},
    {},
]
SPACES = [parameter_space(form(method="dare_ties", space=space), SOURCES) for space in COARSE]


def starts(space: MethodSpace) -> tuple[float, ...]:
    return tuple(gene.start for gene in space.genes)


@settings(max_examples=25, deadline=None)
@given(st.data(), st.sampled_from(SPACES), st.sampled_from(FINER), st.sampled_from(FINER))
def test_the_start_gives_every_tensor_its_coarse_value(
    data: st.DataObject, space: MethodSpace, finer: dict[str, Any], finest: dict[str, Any]
) -> None:
    genome = data.draw(st.tuples(*(st.floats(gene.low, gene.high) for gene in space.genes)))
    wanted = hold(space, genome, SOURCES)
    second = refined(space, Refinement(generations=1, **finer), genome)
    assert hold(second, starts(second), SOURCES) == wanted
    third = refined(second, Refinement(generations=1, **finest), starts(second))
    assert hold(third, starts(third), SOURCES) == wanted


@settings(max_examples=15, deadline=None)
@given(st.data(), st.sampled_from(SPACES), st.sampled_from(FINER))
def test_finer_spaces_keep_the_law(
    data: st.DataObject, space: MethodSpace, finer: dict[str, Any]
) -> None:
    first = data.draw(st.tuples(*(st.floats(gene.low, gene.high) for gene in space.genes)))
    second = refined(space, Refinement(generations=1, **finer), first)
    genome = data.draw(st.tuples(*(st.floats(gene.low, gene.high) for gene in second.genes)))
    values = hold(second, genome, SOURCES).items()
    assert all(0 <= value <= 1.5 for key, value in values if key[0] == "weight")
    assert all(0.1 <= value <= 1 for key, value in values if key[0] == "density")


def test_where_groups_are_nested_genes_are_the_values_themselves() -> None:
    coarse = SPACES[0]
    finer = refined(coarse, Refinement(generations=1, granularity=2), (0.3, 0.7, 0.9, 0.4))
    assert {gene.name: gene.start for gene in finer.genes}["pocket-ja weight layers 2-3"] == 0.9
    genome = tuple(0.2 for _ in finer.genes)
    assert {v for k, v in hold(finer, genome, SOURCES).items() if k[0] == "weight"} == {0.2}
    assert [(gene.low, gene.high) for gene in finer.genes[:1]] == [(0.0, 1.5)]


def test_one_gene_of_a_finer_space_moves_its_own_tensors_alone() -> None:
    coarse = SPACES[4]  # three knots, through which no two groups can pass
    genome = tuple(0.2 + 0.05 * place for place in range(len(coarse.genes)))
    finer = refined(coarse, Refinement(generations=1, granularity=2), genome)
    before = hold(finer, starts(finer), SOURCES)
    place = [gene.name for gene in finer.genes].index("pocket-math weight layers 2-3")
    moved = tuple(v + 0.1 * (n == place) for n, v in enumerate(starts(finer)))
    after = hold(finer, moved, SOURCES)
    changed = {key for key in before if before[key] != after[key]}
    assert {key[:2] for key in changed} == {("weight", "pocket-math")}
    assert {key[2].split(".")[2] for key in changed} == {"2", "3"}
    assert all(after[key] - before[key] == pytest.approx(0.1) for key in changed)


def test_only_parameters_can_be_refined() -> None:
    space = tensor_space(form(space={"kind": "tensors"}), SOURCES)
    with pytest.raises(UsageError, match="only a space over parameters"):
        refined(space, Refinement(generations=1), tuple(gene.start for gene in space.genes))
    with pytest.raises(ValueError, match="1 values for 4 genes"):
        refined(SPACES[0], Refinement(generations=1), (0.5,))
