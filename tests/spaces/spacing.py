"""What the tests of search spaces share: search files, models of many families, and the law."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save_file

from evoreg.evolve.planning.build import make_plan
from evoreg.evolve.planning.plan import Plan, SourceModel
from evoreg.evolve.recipes.read import read_recipe
from evoreg.evolve.searchfile.form import SearchForm
from evoreg.evolve.spaces.parameters import MethodSpace
from evoreg.evolve.spaces.space import Genome
from evoreg.provenance.records.recipe import Recipe
from evoreg.registry.candidate_recipe import recipe_fields
from tests.evolve.merging import source

Sources = Mapping[str, SourceModel]
POCKETS = Path(__file__).parents[2] / "registry" / "demo" / "models"
TASK = {"name": "sums", "data": {"path": "sums.jsonl"}}


def form(**changes: Any) -> SearchForm:
    """Return a search over two pocket models, changed in places."""
    plain: dict[str, Any] = {
        "name": "search",
        "models": ("pocket-math", "pocket-ja"),
        "base_model": "pocket-base",
        "tasks": (TASK,),
        "budget": {"generations": 1},
    }
    return SearchForm.model_validate({**plain, **changes})


def written(recipe: Recipe) -> Recipe:
    """Return a recipe after it was written to a file and read again."""
    text = yaml.safe_dump(recipe_fields(recipe), sort_keys=False, allow_unicode=True)
    return read_recipe(text, "recipe.yml").recipe


def resolved(plan: Plan) -> dict[tuple[str, str | None, str], float | bool]:
    """Return every parameter that the planner found, by name, model and tensor."""
    found: dict[tuple[str, str | None, str], float | bool] = {}
    for output in plan.outputs:
        for name, value in output.parameters.items():
            found[name, None, output.name] = value
        for place in output.parts:
            item = output.inputs[place]
            for name, value in item.parameters.items():
                found[name, item.source.reference, output.name] = value
    return found


def hold(space: MethodSpace, genome: Genome, sources: Sources) -> dict[Any, Any]:
    """Check the law for one genome: a plan says of every tensor what the space says of it."""
    recipe = space.recipe(genome)
    assert written(recipe) == recipe
    found = resolved(make_plan(recipe, sources, 0))
    wanted = space.values(genome)
    assert wanted
    assert {key: found[key] for key in wanted} == wanted
    return found


def model(folder: Path, names: Mapping[str, tuple[int, ...]]) -> None:
    """Write a model of random numbers."""
    folder.mkdir(parents=True)
    generator = torch.Generator().manual_seed(len(folder.name))
    tensors = {name: torch.randn(shape, generator=generator) for name, shape in names.items()}
    save_file(tensors, folder / "model.safetensors")


def layered(layers: int, *inner: str) -> dict[str, tuple[int, ...]]:
    """Return the tensors of a model with some layers."""
    names = [f"model.layers.{layer}.{name}.weight" for layer in range(layers) for name in inner]
    return dict.fromkeys(
        [*names, "model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"], (2,)
    )


def read_models(root: Path, *names: str) -> dict[str, SourceModel]:
    """Return models of a folder as sources."""
    return {name: source(name, root / name) for name in names}
