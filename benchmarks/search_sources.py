"""The benchmark's models as the engine takes them, and recipes with other weights."""

from pathlib import Path

from benchmarks.merge_recipes import Merge
from evoreg.evolve.checkpoints.tensors import read_checkpoint
from evoreg.evolve.execution.run import RULES
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.recipes.read import read_recipe
from evoreg.evolve.resident.parameters import ParameterHost
from evoreg.provenance.records.candidate import Engine
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.recipe import Recipe, Setting, Settings, Source

__all__ = ["host_of", "recipe_of", "reweighted"]

_VARIED = ("weight", "t")


def recipe_of(merge: Merge, models: Path) -> Recipe:
    """Return the recipe of a merge.

    Args:
        merge: The merge.
        models: Where its models are.
    """
    return read_recipe(merge.recipe(models), merge.method).recipe


def host_of(merge: Merge, models: Path, threads: int) -> ParameterHost:
    """Open the models of a merge.

    Args:
        merge: The merge.
        models: Where its models are.
        threads: Worker threads.
    """
    sources = {
        str(models / name): SourceModel(
            str(models / name), digest_of(name.encode()), read_checkpoint(models / name)
        )
        for name in merge.sources
    }
    return ParameterHost.open(sources, 42, Engine(version="0", rules=RULES), threads=threads)


def reweighted(recipe: Recipe, step: int) -> Recipe:
    """Return the recipe with every weight a little different.

    Args:
        recipe: The recipe.
        step: How often a twentieth is taken away.
    """
    factor = 0.95**step

    def changed(settings: Settings) -> Settings:
        return tuple(
            (name, tuple(_scaled(item, factor) if name in _VARIED else item for item in several))
            for name, several in settings
        )

    def other(source: Source) -> Source:
        return source.model_copy(update={"parameters": changed(source.parameters)})

    models = tuple(other(source) for source in recipe.models)
    return recipe.model_copy(update={"models": models, "parameters": changed(recipe.parameters)})


def _scaled(setting: Setting, factor: float) -> Setting:
    if not isinstance(setting.value, float | int) or isinstance(setting.value, bool):
        raise ValueError("the benchmark's weights are single numbers")
    return setting.model_copy(update={"value": setting.value * factor})
