"""A model in memory that becomes one path through the layers of its sources after the other.

Each source is loaded once; a path is a model without numbers of its own, whose modules take the
parameters of the modules that they stand for. Factors of a merge's recipe are applied to the
outputs of the layers while the model runs, so what is scored is what a merge will write, but for
the rounding of the scaled weights to the type of the file.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch

from evoreg.evolve.flow.assembly import Frame, Step, fill, make_frame
from evoreg.evolve.flow.counting import contributions, single, written
from evoreg.evolve.flow.families import Family, family_of
from evoreg.evolve.flow.loading import Loaded, Place, load, whole_plan
from evoreg.evolve.flow.path import Hop, path_of
from evoreg.evolve.flow.pool import depth
from evoreg.evolve.flow.scales import output_factors
from evoreg.evolve.planning.build import make_plan
from evoreg.evolve.planning.plan import Plan, SourceModel
from evoreg.evolve.resident.body import body_key, compute_type
from evoreg.evolve.resident.host import Applied
from evoreg.evolve.resident.identity import plan_id
from evoreg.evolve.resident.mapped import Mapped
from evoreg.evolve.resident.parameters import ParameterHost
from evoreg.provenance.records.candidate import Engine
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Code, RecipeError, UsageError
from evoreg.provenance.records.recipe import Ingredient, Recipe

_FRAMES = 32
"""Models without numbers that are kept, one for each length of a path."""


@dataclass(frozen=True)
class _Settings:
    """How a host was opened."""

    seed: int
    engine: Engine
    place: Place
    threads: int


class LayerHost:
    """A `Host` for paths through the layers of a fixed set of models.

    Whatever else is asked for, such as the average of whole models, is handed to a
    `ParameterHost` over the models that it names.
    """

    def __init__(self, sources: Mapping[str, SourceModel], settings: _Settings) -> None:
        """Use `open` instead."""
        self._sources = dict(sources)
        self._settings = settings
        self._mapped = Mapped(sources.values())
        self._ingredients: tuple[Ingredient, ...] = ()
        self._loaded: dict[tuple[str, str | None], Loaded] = {}
        self._frames: OrderedDict[tuple[Digest, torch.dtype], Frame] = OrderedDict()
        self._others: tuple[frozenset[str], ParameterHost] | None = None
        self._plan: Plan | None = None
        self._now: Frame | ParameterHost | None = None

    @classmethod
    def open(  # noqa: PLR0913 - as `ParameterHost.open`, and further models
        cls,
        sources: Mapping[str, SourceModel],
        seed: int,
        engine: Engine,
        device: str = "cpu",
        compute: str = "auto",
        threads: int = 1,
        *,
        resident: Mapping[str, SourceModel] | None = None,
    ) -> Self:
        """Open the sources; each is loaded when a path first runs through it.

        Args:
            sources: Every model that recipes may name, by reference.
            seed: Seed of random masks, for recipes that are applied without one.
            engine: Who merges.
            device: Where the model is, as torch names it.
            compute: Type that it runs in: ``auto`` (float32 on processors, else the merge's own),
                ``float32``, ``bfloat16`` or ``float16``.
            threads: Workers for recipes that are no paths, at least 1.
            resident: Further models, such as `evoreg.evolve.flow.made.made_source` gives.

        Returns:
            A host that holds no candidate yet.

        Raises:
            InputError: A weight file cannot be read.
        """
        settings = _Settings(seed, engine, Place(device, compute), threads)
        return cls({**sources, **(resident or {})}, settings)

    def name_ingredients(self, ingredients: Sequence[Ingredient]) -> None:
        """Tell the exact models and adapters, as `ParameterHost.name_ingredients`."""
        self._ingredients = tuple(ingredients)
        if self._others is not None:
            self._others[1].name_ingredients(ingredients)

    @property
    def model(self) -> Any:  # noqa: ANN401 - transformers declares no types
        """The transformers model of the candidate, in evaluation mode, on `device`."""
        return self._held().model

    @property
    def tokenizer(self) -> Any:  # noqa: ANN401 - transformers declares no types
        """The candidate's fast tokenizer, padding on the left, with a padding token."""
        return self._held().tokenizer

    @property
    def device(self) -> str:
        """Where the model is, as torch names it."""
        return self._settings.place.device

    def apply(self, recipe: Recipe, seed: int | None = None) -> Applied:
        """Become the result of a recipe, as `Host.apply`."""
        self._plan, self._now = None, None
        unknown = [name for name in recipe.references if name not in self._sources]
        if unknown:
            what = f"the search has no model {', '.join(unknown):.200}"
            raise RecipeError(Code.RECIPE_REFERENCE, what, hint="name models of the search alone")
        models = {name: self._sources[name] for name in recipe.references}
        plan = make_plan(recipe, models, self._settings.seed if seed is None else seed)
        if not _is_path(plan):
            others = self._parameters(recipe)
            applied = others.apply(recipe, seed)
            self._now = others
            return applied
        return self._run(plan)

    def _run(self, plan: Plan) -> Applied:
        path = self._path(plan.recipe)
        kind = compute_type(plan, self._settings.place.compute, self.device)
        family = family_of(plan.config or {})
        factors = output_factors(plan, len(path), family)
        used = {name: self._load(name, plan) for name in sorted({hop.model for hop in path})}
        shares = contributions(
            plan,
            {(name, key): found for name in used for key, found in used[name].measured.items()},
        )
        frame = self._frame(plan, kind, family)
        steps = [
            Step(used[hop.model], hop.layer, hop.scale, factor)
            for hop, factor in zip(path, factors, strict=True)
        ]
        fill(frame, steps)
        self._plan, self._now = plan, frame
        name = plan_id(plan, self._ingredients, self._settings.engine)
        return Applied(name, shares, 0, len(plan.outputs))

    def _path(self, recipe: Recipe) -> tuple[Hop, ...]:
        if recipe.slices:
            return path_of(recipe)
        (line,) = recipe.models
        return tuple(Hop(line.model, layer) for layer in range(depth(self._sources[line.model])))

    def _load(self, reference: str, plan: Plan) -> Loaded:
        """Return a source in the types of a recipe, loaded once."""
        key = (reference, plan.recipe.out_dtype or plan.recipe.dtype)
        if key not in self._loaded:
            alone = whole_plan(self._sources[reference], plan.recipe)
            self._loaded[key] = load(alone, self._mapped, self._settings.place)
        return self._loaded[key]

    def _frame(self, plan: Plan, kind: torch.dtype, family: Family | None) -> Frame:
        key = (body_key(plan), kind)
        if key not in self._frames:
            self._frames[key] = make_frame(plan, kind, family)
        self._frames.move_to_end(key)
        while len(self._frames) > _FRAMES:
            self._frames.popitem(last=False)
        return self._frames[key]

    def _parameters(self, recipe: Recipe) -> ParameterHost:
        """Return a host for a recipe that is no path."""
        names = frozenset(recipe.references)
        if self._others is None or self._others[0] != names:
            if self._others is not None:
                self._others[1].close()
            mine = self._settings
            others = ParameterHost.open(
                {name: self._sources[name] for name in sorted(names)},
                mine.seed,
                mine.engine,
                mine.place.device,
                mine.place.compute,
                mine.threads,
            )
            others.name_ingredients(self._ingredients)
            self._others = names, others
        return self._others[1]

    def _held(self) -> Frame | ParameterHost:
        if self._now is None:
            raise UsageError(Code.USAGE, "the host holds no candidate", hint="apply a recipe first")
        return self._now

    def tensors(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield name and values of every tensor as a merge would write it, sorted by name."""
        held = self._held()
        if isinstance(held, ParameterHost):
            yield from held.tensors()
            return
        plan = self._plan
        if plan is not None:
            for output in plan.outputs:
                values, _ = written(plan, output, self._mapped)
                yield output.name, values.clone()

    def close(self) -> None:
        """Give back memory and files."""
        self._plan, self._now = None, None
        self._loaded.clear()
        self._frames.clear()
        if self._others is not None:
            self._others[1].close()
            self._others = None
        self._mapped.close()


def _is_path(plan: Plan) -> bool:
    """Tell whether a merge copies layers, with the vocabulary of one model."""
    recipe = plan.recipe
    copies = recipe.method == "passthrough" and not recipe.modules
    return copies and len(recipe.models) <= 1 and single(plan.outputs)
