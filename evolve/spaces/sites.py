"""Where the tensors of a merge stand: their stack of layers, their layer, and their inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evoreg.evolve.checkpoints.tensors import layer_of, stack_of, stacks
from evoreg.evolve.planning.build import make_plan
from evoreg.evolve.planning.parts import part_of, rows_for
from evoreg.evolve.planning.plan import SourceModel
from evoreg.provenance.records.errors import Code, RecipeError
from evoreg.provenance.records.recipe import Recipe


@dataclass(frozen=True)
class Site:
    """One tensor of the result whose parameters a search can choose."""

    name: str
    """Name in the result."""
    inputs: Mapping[str, str]
    """What it is called in each model that takes part, by reference; the base included."""
    stack: str
    """What its layer belongs to; empty outside the layers."""
    layer: int | None
    """Its layer; nothing outside the layers."""
    depth: int
    """Layers of its stack; 0 outside the layers."""

    @property
    def position(self) -> float:
        """Where gradients are read for it, from 0 to 1: as planning does."""
        if self.layer is None:
            return 0.0
        return self.layer / (self.depth - 1) if self.depth > 1 else 1.0


def sites_of(recipe: Recipe, sources: Mapping[str, SourceModel]) -> tuple[Site, ...]:
    """Return the tensors that the method of a recipe computes.

    Args:
        recipe: Any recipe of whole models, such as the uniform one.
        sources: The models, by reference.

    Returns:
        The tensors, sorted by name; without those that are copied.

    Raises:
        RecipeError: A model is missing in `sources`, or the recipe does not fit the models.
        MergeError: The models cannot be merged.
    """
    absent = [name for name in recipe.references if name not in sources]
    if absent:
        what = f"no model is at hand for {', '.join(absent)}"
        raise RecipeError(Code.RECIPE_REFERENCE, what, hint="find every model first")
    outputs = make_plan(recipe, sources, 0).outputs
    depths = stacks(output.name for output in outputs)
    found = []
    for output in outputs:
        if output.copied or output.method != recipe.method:
            continue
        stack = stack_of(output.name) or ""
        merged = {*output.parts, *(() if output.base is None else (output.base,))}
        taking = [item for place, item in enumerate(output.inputs) if place in merged]
        inputs = {item.source.reference: item.name for item in taking}
        layer = layer_of(output.name)
        found.append(Site(output.name, inputs, stack, layer, depths.get(stack, 0)))
    return tuple(found)


def stack_labels(sites: Sequence[Site]) -> dict[str, str]:
    """Return a short name for each stack of layers.

    Args:
        sites: Tensors.

    Returns:
        By stack: empty if there is only one, else the part of the model, such as ``encoder``, or
        the stack itself if two are of one part.
    """
    found = sorted({site.stack for site in sites if site.stack})
    if len(found) < 2:
        return dict.fromkeys(found, "")
    rows = rows_for([site.name for site in sites])
    parts = {stack: part_of(stack, rows)[0] or stack for stack in found}
    told = list(parts.values())
    return {stack: part if told.count(part) == 1 else stack for stack, part in parts.items()}


def model_labels(references: Sequence[str]) -> dict[str, str]:
    """Return a short name for each model: its last word, or all of it if two would be the same.

    Args:
        references: Different references, as in recipes.

    Returns:
        Label by reference; no two are equal.
    """
    short = {name: name.rstrip("/").rsplit("/", 1)[-1] or name for name in references}
    told = list(short.values())
    return {name: label if told.count(label) == 1 else name for name, label in short.items()}
