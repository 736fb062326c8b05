"""The space of whole tensors: one weight for each tensor of each model, as M2N2 and CycleQD breed.

Genes are ordered by tensor, then by model as in the search file, so that a genome is a table of
that shape.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.recipes.contracts import CONTRACTS
from evoreg.evolve.searchfile.form import SearchForm, TensorSpace
from evoreg.evolve.spaces.baselines import (
    as_settings,
    baselines_of,
    said_parameters,
    uniform,
    varied_models,
    whole_recipe,
)
from evoreg.evolve.spaces.blend import cut
from evoreg.evolve.spaces.filters import filters_for
from evoreg.evolve.spaces.limits import apart, check_writable
from evoreg.evolve.spaces.sites import Site, model_labels, sites_of
from evoreg.evolve.spaces.space import Gene, Genome
from evoreg.provenance.records.errors import Code, RecipeError, UsageError
from evoreg.provenance.records.recipe import Recipe, Setting, Settings

METHODS = ("linear", "task_arithmetic")
"""Methods whose weights act on each tensor by itself."""

# Up to so many weights whole layers are likely to share one, as after breeding at split points.
_FEW = 32


@dataclass(frozen=True)
class WeightSpace:
    """Weights of whole tensors."""

    form: SearchForm
    """The search file."""
    sites: tuple[Site, ...]
    """The tensors, sorted by name."""
    models: tuple[str, ...]
    """References of the models with weights, in the order of the search file."""
    genes: tuple[Gene, ...]
    """The genes: a gene for each tensor and model, model by model within a tensor."""

    @property
    def baselines(self) -> Mapping[str, Recipe]:
        """What candidates are compared with; see `Space`."""
        return baselines_of(self.form)

    def recipe(self, genome: Genome) -> Recipe:
        """Return the recipe of a genome.

        Args:
            genome: A value for each gene; cut to its range.

        Returns:
            The recipe; tensors are told apart by parts of their names, or by whole names.

        Raises:
            ValueError: Another number of values, or one that is not a number.
        """
        values = cut(genome, self.genes)
        own: dict[str, Settings] = {}
        for place, model in enumerate(self.models):
            weights = {
                site.inputs[model]: values[row * len(self.models) + place]
                for row, site in enumerate(self.sites)
                if model in site.inputs
            }
            own[model] = (("weight", _settings(weights)),)
        return whole_recipe(self.form, own, as_settings(said_parameters(self.form)))


def weight_space(form: SearchForm, sources: Mapping[str, SourceModel]) -> WeightSpace:
    """Return the space that a search file with ``kind: tensors`` describes.

    Args:
        form: The search file.
        sources: The models, by reference.

    Returns:
        The space; weights begin at 1 / K for linear merges, else at 0.5, within their range.

    Raises:
        RecipeError: A method whose weights do not act on each tensor by itself, absent models, or
            so many tensors that the recipes would be too long for a file.
        MergeError: The models cannot be merged.
        UsageError: Another kind of space.
    """
    space = form.space
    if not isinstance(space, TensorSpace):
        raise UsageError(Code.USAGE, f"the space has the kind {space.kind}, not tensors")
    if form.method not in METHODS:
        what = f"{form.method} has no weights for single tensors here"
        raise RecipeError(Code.RECIPE_METHOD, what, hint=f"use {' or '.join(METHODS)}")
    sites = sites_of(uniform(form), sources)
    models = varied_models(form)
    start = 0.5 if CONTRACTS[form.method].delta else 1 / len(models)
    start = min(max(start, space.low), space.high)
    labels = model_labels(models)
    genes = tuple(
        Gene(f"{labels[model]} weight {site.name}", space.low, space.high, start)
        for site in sites
        for model in models
    )
    found = WeightSpace(form, sites, models, genes)
    check_writable(found.recipe(apart(genes)))
    return found


def _settings(weights: Mapping[str, float]) -> tuple[Setting, ...]:
    """Return settings that give each tensor its weight; the commonest weight needs no filter."""
    cells: dict[float, list[str]] = {}
    for name, value in weights.items():
        cells.setdefault(value, []).append(name)
    if len(cells) > _FEW:
        return _one_by_one(weights, max(cells.values(), key=len))
    values = list(cells)
    found = filters_for(list(cells.values()))
    return tuple(Setting(value=values[place], filter=text) for text, place in found)


def _one_by_one(weights: Mapping[str, float], common: Sequence[str]) -> tuple[Setting, ...]:
    """Return a setting for each tensor by its whole name; those of `common` need none."""
    named = [name for name in weights if name not in set(common)]
    names = sorted({*named, *_holding(named, weights)}, key=lambda name: (-len(name), name))
    rest = Setting(value=weights[common[0]])
    return (*(Setting(value=weights[name], filter=name) for name in names), rest)


def _holding(named: Sequence[str], names: Mapping[str, float]) -> list[str]:
    """Return the names that hold another one, and must be named before it."""
    text = "\n".join(names)
    inside = [name for name in named if text.count(name) > 1]
    return [longer for longer in names if any(name in longer for name in inside)]
