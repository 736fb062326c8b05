"""The stages of a search: its spaces one after the other, each with a model in memory.

Parameters may become finer, and in a hybrid search layers follow parameters; whole tensors and
layers alone are one stage.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from evoreg.evolve.flow.host import LayerHost
from evoreg.evolve.flow.made import Making, made_source
from evoreg.evolve.flow.space import layer_space
from evoreg.evolve.optimisers.optimiser import Optimiser
from evoreg.evolve.optimisers.table import OPTIMISERS, make_optimiser
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.resident.geometry import Geometry, geometry
from evoreg.evolve.resident.parameters import ParameterHost
from evoreg.evolve.search.setup import Stage
from evoreg.evolve.search.warm import started
from evoreg.evolve.searchfile.form import (
    HybridSpace,
    LayerSpace,
    ParameterSpace,
    SearchForm,
    TensorSpace,
)
from evoreg.evolve.spaces.baselines import base_of, contract_of, varied_models
from evoreg.evolve.spaces.space import Gene, Genome, Space
from evoreg.evolve.spaces.table import parameter_space, refined, tensor_space
from evoreg.provenance.records.candidate import Engine
from evoreg.provenance.records.evaluation import NamedRecipe
from evoreg.provenance.records.recipe import Ingredient
from evoreg.registry.merging.output import output_error
from evoreg.registry.merging.seeds import seed_for, seed_of_search

MERGED = "merged"
"""What a hybrid search calls the result of its first part."""


@dataclass(frozen=True)
class Begun:
    """Where the first stage begins, if not where the search file says."""

    start: Genome = ()
    """A value for each gene; empty for the usual one."""
    injected: tuple[Genome, ...] = ()
    """Genomes that are tried first."""


@dataclass(frozen=True)
class Ground:
    """What all stages of a search stand on."""

    form: SearchForm
    """The search over the permitted models, by their recorded references."""
    sources: Mapping[str, SourceModel]
    """The models."""
    ingredients: Sequence[Ingredient]
    """The models as they are recorded."""
    engine: Engine
    """Who merges."""
    merge_seed: int
    """Seed of random masks."""
    folder: Path
    """Where the first result of a hybrid search is kept."""
    device: str = "cpu"
    """Where models run."""
    threads: int = 1
    """Workers."""


@dataclass
class SearchStages:
    """Makes the stages of a search; what it opens stays open until `close`."""

    ground: Ground
    """What they stand on."""
    best_parent: Callable[[Sequence[str]], str]
    """Tells which of some models did best as a baseline."""
    begun: Begun = Begun()
    """Where the first stage begins."""
    _hosts: list[ParameterHost | LayerHost] = field(default_factory=list)
    _first: Stage | None = None

    def first(self) -> Stage:
        """Return the first stage; the same if it is asked for again."""
        if self._first is None:
            self._first = self._begin()
        return self._first

    def _begin(self) -> Stage:
        form, space = self.ground.form, first_space(self.ground)
        first: Stage
        if isinstance(form.space, LayerSpace):
            first = Stage(0, space, self._layers({}), self._optimiser(0, space.genes))
        else:
            genes = started(space.genes, self.begun.start) if self.begun.start else space.genes
            optimiser = self._optimiser(0, genes)
            length, gain = self._length(0)
            first = Stage(0, space, self._parameters(), optimiser, length, gain)
        return replace(first, injected=self.begun.injected)

    def following(self, stage: Stage, returned: Genome) -> Stage | None:
        """Return the next stage, begun at what the last one returned; nothing after the last."""
        form = self.ground.form
        parameters = _parameters_of(form)
        if parameters is None or isinstance(stage.host, LayerHost):
            return None
        number = stage.number + 1
        if stage.number < len(parameters.refine):
            space = refined(stage.space, parameters.refine[stage.number], returned)
            length, gain = self._length(number)
            optimiser = self._optimiser(number, space.genes)
            return Stage(number, space, stage.host, optimiser, length, gain)
        if isinstance(form.space, HybridSpace):
            return self._second(form.space, stage, returned)
        return None

    def close(self) -> None:
        """Give back all models."""
        for host in self._hosts:
            host.close()
        self._hosts.clear()

    def _length(self, number: int) -> tuple[int | None, float]:
        """Return after how many generations a stage of parameters ends, and the gain to stay."""
        space = _parameters_of(self.ground.form)
        if space is not None and number < len(space.refine):
            return space.refine[number].generations, space.refine[number].gain
        hybrid = self.ground.form.space
        return (hybrid.generations if isinstance(hybrid, HybridSpace) else None), 0.0

    def _second(self, space: HybridSpace, stage: Stage, returned: Genome) -> Stage:
        """Return the stage of layers, whose first model is the result of the parameters."""
        ground = self.ground
        named = NamedRecipe(name=_free_name(ground.sources), recipe=stage.space.recipe(returned))
        seed = seed_for(ground.merge_seed, named.name)
        making = Making(seed, ground.engine, ground.ingredients, ground.threads, ground.device)
        try:
            ground.folder.mkdir(parents=True, exist_ok=True)
            made = made_source(named, ground.sources, ground.folder, making)
        except OSError as error:
            raise output_error(error, ground.folder) from error
        partner = space.partner or self.best_parent(ground.form.models)
        layers = layer_space(
            space.layers,
            {**ground.sources, named.name: made},
            (named.name, partner),
            ground.form.base_model,
            merge=ground.form.merge,
        )
        host = self._layers({named.name: made})
        optimiser = self._optimiser(stage.number + 1, layers.genes)
        return Stage(stage.number + 1, layers, host, optimiser, earlier=(named,))

    def _optimiser(self, number: int, genes: Sequence[Gene]) -> Optimiser:
        ground = self.ground
        form = ground.form.optimiser
        row = OPTIMISERS[form.kind]
        return make_optimiser(
            form,
            genes,
            seed_of_search(ground.form.seed, "optimiser", number),
            geometry=self._geometry() if row.geometry else None,
            objectives=len(ground.form.tasks) if row.several else 1,
        )

    def _geometry(self) -> Geometry | None:
        form = self.ground.form
        if not isinstance(form.space, TensorSpace):
            return None
        models = varied_models(form)
        used = base_of(form, contract_of(form))
        base = [] if used is None else [used]
        found = geometry({name: self.ground.sources[name] for name in [*models, *base]}, *base)
        keep = len(models)
        return Geometry(
            found.tensors,
            models,
            found.gram[:, :keep, :keep],
            found.deltas[:, :keep, :keep],
        )

    def _parameters(self) -> ParameterHost:
        g = self.ground
        host = ParameterHost.open(
            g.sources, g.merge_seed, g.engine, g.device, g.form.compute, g.threads
        )
        host.name_ingredients(g.ingredients)
        self._hosts.append(host)
        return host

    def _layers(self, more: Mapping[str, SourceModel]) -> LayerHost:
        g = self.ground
        host = LayerHost.open(
            {**g.sources, **more}, g.merge_seed, g.engine, g.device, g.form.compute, g.threads
        )
        host.name_ingredients(g.ingredients)
        self._hosts.append(host)
        return host


def first_space(ground: Ground) -> Space:
    """Return the space that a search begins with.

    Args:
        ground: What the search stands on.

    Returns:
        The space.

    Raises:
        RecipeError: The search file does not fit the models.
        MergeError: The models do not fit each other.
    """
    form, sources = ground.form, ground.sources
    match form.space:
        case HybridSpace() as hybrid:
            # The second space is made in vain, so that what is wrong with it is told now.
            pair = (form.models[0], hybrid.partner or form.models[-1])
            layer_space(hybrid.layers, sources, pair, form.base_model, merge=form.merge)
            return parameter_space(form.model_copy(update={"space": hybrid.parameters}), sources)
        case LayerSpace() as layers:
            return layer_space(layers, sources, form.models, form.base_model, merge=form.merge)
        case TensorSpace():
            return tensor_space(form, sources)
        case _:
            return parameter_space(form, sources)


def _parameters_of(form: SearchForm) -> ParameterSpace | None:
    if isinstance(form.space, HybridSpace):
        return form.space.parameters
    return form.space if isinstance(form.space, ParameterSpace) else None


def _free_name(names: Mapping[str, SourceModel]) -> str:
    name, number = MERGED, 2
    while name in names:
        name, number = f"{MERGED}-{number}", number + 1
    return name
