"""The data-flow space (DFS) of arXiv 2403.13187: which layers of several models run, how scaled.

The pool of all layers stands `repeats` times in a row; each of these slots has an indicator gene
and is used if it is above 0. Before them always runs the first layer of the first model, behind
them its last. Embeddings, final norm, head and tokenizer are the first model's. The search begins
at this model: the slots of its inner layers in the first repeat are on, all others off.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

from evoreg.evolve.flow.families import Family, family_of
from evoreg.evolve.flow.path import PLAIN, Hop, path_recipe
from evoreg.evolve.flow.pool import PoolLayer, depth, make_pool
from evoreg.evolve.flow.scaling import Scaling, make_scaling
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.searchfile.form import LayerSpace, MergeForm
from evoreg.evolve.spaces.space import Gene, Genome, Space
from evoreg.provenance.records.errors import Code, MergeError, RecipeError
from evoreg.provenance.records.recipe import Recipe, Setting, Source

ON = 2 / 3
"""Start of an indicator that is on: two first steps, which are a sixth of the range each."""
OFF = -1 / 3
"""Start of an indicator that is off: one first step, so that a sixth of them is tried at once."""


@dataclass(frozen=True)
class PathSpace:
    """Paths through a pool of layers."""

    form: LayerSpace
    """What the search file says."""
    pool: tuple[PoolLayer, ...]
    """The layers, those of the first model first."""
    depth: int
    """Layers of the first model, at least 2."""
    scaling: Scaling
    """What inputs are multiplied with."""
    family: Family | None
    """Where layers add to the hidden state, if scales can be carried in the weights."""
    merge: MergeForm
    """What every recipe says besides."""
    baselines: Mapping[str, Recipe]
    """As `Space.baselines`."""
    genes: tuple[Gene, ...]
    """One for each slot, then those of the scaling."""

    def recipe(self, genome: Genome) -> Recipe:
        """Return the recipe of a path.

        Args:
            genome: A value for each gene; values outside a range are cut to it.

        Returns:
            A passthrough recipe of slices.

        Raises:
            MergeError: More layers than the limit, or scales that multiply to nothing.
            ValueError: Another number of values than of genes.
        """
        return path_recipe(self.path(genome), self.family, self.merge)

    def path(self, genome: Genome) -> tuple[Hop, ...]:
        """Return the layers that a genome runs.

        Args:
            genome: A value for each gene; values outside a range are cut to it.

        Returns:
            At least the first and the last layer of the first model.

        Raises:
            MergeError: More layers than the limit.
            ValueError: Another number of values than of genes.
        """
        pairs = zip(genome, self.genes, strict=True)
        values = tuple(min(max(value, gene.low), gene.high) for value, gene in pairs)
        size = len(self.pool)
        slots = size * self.form.repeats
        used = [slot for slot in range(slots) if values[slot] > 0]
        # (slot, place in the pool); the first and the last stand before and behind all slots.
        steps = [(-1, 0), *((slot, slot % size) for slot in used), (slots, self.depth - 1)]
        if self.form.limit and len(steps) > self.form.limit:
            what = f"the path has {len(steps)} layers; the limit is {self.form.limit}"
            hint = "this candidate has failed; raise limit if most of them do"
            raise MergeError(Code.MERGE_ARCHITECTURE, what, hint=hint)
        return tuple(self._hops(steps, values[slots:], slots))

    def _hops(self, steps: Sequence[tuple[int, int]], scales: Genome, slots: int) -> Sequence[Hop]:
        first = self.pool[steps[0][1]]
        found = [Hop(first.model, first.layer)]
        for (_, before), (slot, place) in pairwise(steps):
            time = (slot + 1) / (slots + 1)
            scale = self.scaling.scale(scales, before, place, time)
            found.append(Hop(self.pool[place].model, self.pool[place].layer, scale))
        return found


def layer_space(
    form: LayerSpace,
    sources: Mapping[str, SourceModel],
    models: Sequence[str],
    base: str | None,
    *,
    merge: MergeForm = PLAIN,
) -> Space:
    """Return the space of paths through the layers of some models.

    Args:
        form: What the search file says.
        sources: The models by reference.
        models: References of the models, at least one; the first gives the ends of every path,
            embeddings, head and tokenizer.
        base: Reference of the base, for the baselines.
        merge: Types to compute in and to write, and the chat template.

    Returns:
        The space.

    Raises:
        MergeError: Layers that are not alike, models without one stack of them.
        RecipeError: A first model of a single layer or of more layers than the limit, ranges
            without positive scales.
    """
    models = tuple(dict.fromkeys(models))
    pool = make_pool(models, sources)
    first = sources[models[0]]
    layers = depth(first)
    _check(form, first.reference, layers)
    scaling = make_scaling(form, tuple(item.name for item in pool))
    return PathSpace(
        form=form,
        pool=pool,
        depth=layers,
        scaling=scaling,
        family=family_of(first.checkpoint.config),
        merge=merge,
        baselines=MappingProxyType(_baselines(sources, models, base, merge)),
        genes=(*_slots(form, pool, layers), *scaling.genes),
    )


def _check(form: LayerSpace, reference: str, layers: int) -> None:
    scale = form.scale
    if form.scaling != "none" and not 0 < scale.low <= scale.start <= scale.high:
        what = f"scales from {scale.low:g} to {scale.high:g}, begun at {scale.start:g}"
        hint = "scales are positive: 0 < low <= start <= high"
        raise RecipeError(Code.RECIPE_PARAMETER, what, where="space.scale", hint=hint)
    if layers < 2:
        what = f"{reference} has a single layer; a path begins and ends with layers of it"
        hint = "put a deeper model first"
        raise RecipeError(Code.RECIPE_LAYERS, what, where="models", hint=hint)
    if 0 < form.limit < layers:
        what = (
            f"at most {form.limit} layers are allowed, but the search begins at {reference} "
            f"with {layers}"
        )
        raise RecipeError(
            Code.RECIPE_LAYERS, what, where="space.limit", hint=f"allow at least {layers}"
        )


def _slots(form: LayerSpace, pool: Sequence[PoolLayer], layers: int) -> list[Gene]:
    """Return the indicators. The outer layers of the first model run anyway, so they start off."""
    return [
        Gene(
            f"use {item.name} in repeat {number + 1}",
            -1.0,
            1.0,
            ON if number == 0 and 0 < place < layers - 1 else OFF,
        )
        for number in range(form.repeats)
        for place, item in enumerate(pool)
    ]


def _baselines(
    sources: Mapping[str, SourceModel], models: Sequence[str], base: str | None, merge: MergeForm
) -> dict[str, Recipe]:
    """Return each model alone, the base if it is none of them, and the average if there is one."""
    found = {model: _alone(model, merge) for model in models}
    if base is not None and base not in models:
        found["base"] = _alone(base, merge)
    if len(models) > 1 and len({depth(sources[model]) for model in models}) == 1:
        found["uniform"] = _average(models, merge)
    return found


def _alone(model: str, merge: MergeForm) -> Recipe:
    return Recipe(
        method="passthrough",
        models=(Source(model=model),),
        dtype=merge.dtype,
        out_dtype=merge.out_dtype,
        chat_template=merge.chat_template,
    )


def _average(models: Sequence[str], merge: MergeForm) -> Recipe:
    weight = (("weight", (Setting(value=1 / len(models)),)),)
    return Recipe(
        method="linear",
        models=tuple(Source(model=model, parameters=weight) for model in models),
        dtype=merge.dtype,
        out_dtype=merge.out_dtype,
        tokenizer_source=merge.tokenizer_source,
        chat_template=merge.chat_template,
    )
