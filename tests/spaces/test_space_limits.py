"""Spaces whose recipes would be too long for a file."""

from pathlib import Path

import pytest

from evoreg.evolve.spaces.limits import apart
from evoreg.evolve.spaces.table import parameter_space, tensor_space
from evoreg.provenance.records.errors import RecipeError
from tests.spaces.spacing import form, layered, model, read_models, written

INNER = tuple(f"self_attn.projection_{letter}" for letter in "abcdefghij")


@pytest.mark.parametrize(("layers", "fits"), [(80, True), (120, False)])
def test_a_space_is_refused_before_its_recipes_are_too_long(
    tmp_path: Path, layers: int, fits: bool
) -> None:
    for name in ("a", "b"):
        model(tmp_path / name, layered(layers, *INNER))
    sources = read_models(tmp_path, "a", "b")
    made = form(models=("a", "b"), method="linear", base_model=None, space={"kind": "tensors"})
    if not fits:
        with pytest.raises(RecipeError, match="would have up to 12"):
            tensor_space(made, sources)
        return
    space = tensor_space(made, sources)
    recipe = space.recipe(apart(space.genes))
    assert written(recipe) == recipe


def test_the_longest_recipes_over_parameters_can_be_read(tmp_path: Path) -> None:
    names = ("a", "b", "c", "d")
    for name in names:
        model(tmp_path / name, layered(100, *INNER[:4]))
    sources = read_models(tmp_path, *names)
    fine = {"granularity": 1, "components": ("projection_a", "projection_b", "projection_c")}
    made = form(models=names, method="linear", base_model=None, space=fine)
    space = parameter_space(made, sources)
    assert len(space.genes) == 4 * (100 * 4 + 1)
    recipe = space.recipe(apart(space.genes))
    assert written(recipe) == recipe
