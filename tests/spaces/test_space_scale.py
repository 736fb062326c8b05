"""What is told about a space before the search."""

import pytest

from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.spaces.scale import describe, genome_size, stage_sizes
from evoreg.evolve.spaces.table import parameter_space, tensor_space
from evoreg.provenance.records.errors import UsageError
from tests.spaces.spacing import form

Sources = dict[str, SourceModel]


def test_genes_are_told_line_by_line(pockets: Sources) -> None:
    space = parameter_space(form(method="dare_ties"), pockets)
    assert describe(space) == (
        "4 genes: weight and density of 2 models over 39 tensors",
        "  pocket-math weight   0 to 1.5, from 0.5",
        "  pocket-math density  0.1 to 1, from 0.5",
        "  pocket-ja weight     0 to 1.5, from 0.5",
        "  pocket-ja density    0.1 to 1, from 0.5",
    )


def test_of_many_genes_the_middle_is_left_out(pockets: Sources) -> None:
    made = form(space={"kind": "tensors"})
    space = tensor_space(made, pockets)
    lines = describe(space)
    assert lines[0] == "78 genes"
    assert len(lines) == 42
    assert lines[21] == "  ... 38 more ..."
    assert genome_size(made, pockets) == 78


def test_sizes_of_all_stages(pockets: Sources) -> None:
    refine = (
        {"granularity": 2, "generations": 5},
        {"granularity": 1, "components": ("mlp",), "generations": 5},
    )
    assert stage_sizes(form(space={"refine": refine}), pockets) == (2, 6, 18)
    hybrid = {"kind": "hybrid", "parameters": {"knots": 3}, "generations": 4}
    assert stage_sizes(form(space=hybrid), pockets) == (8,)
    assert genome_size(form(method="slerp", models=("pocket-ja",)), pockets) == 1
    with pytest.raises(UsageError, match="kind layers varies no parameters"):
        genome_size(form(space={"kind": "layers"}), pockets)
