"""A model in memory that becomes one candidate of a search after the other.

A candidate is a recipe; its tensors are computed into the parameters of one transformers model,
and they are the very numbers that a merge of the recipe writes, converted to the type that the
model runs in. Only tensors whose inputs changed since the last candidate are computed again.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Self

import torch

from evoreg.evolve.execution.memory import keep_blocks
from evoreg.evolve.execution.run import givers
from evoreg.evolve.execution.shares import Shares
from evoreg.evolve.execution.tally import Tally
from evoreg.evolve.execution.weights import TORCH
from evoreg.evolve.planning.build import make_plan
from evoreg.evolve.planning.plan import OutputTensor, Plan, SourceModel
from evoreg.evolve.resident.bodies import Bodies
from evoreg.evolve.resident.filling import Filler, Workers
from evoreg.evolve.resident.host import Applied
from evoreg.evolve.resident.identity import plan_id
from evoreg.evolve.resident.kept import Kept
from evoreg.evolve.resident.mapped import Mapped
from evoreg.evolve.resident.papers import KeptPapers
from evoreg.provenance.records.candidate import Contribution, Engine
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Code, InputError, RecipeError, UsageError
from evoreg.provenance.records.recipe import Ingredient, Recipe

BUDGET = 2**31
"""Bytes that thresholds, masks and norms may take, which are kept from candidate to candidate."""


class ParameterHost:
    """A `Host` for recipes over a fixed set of models."""

    def __init__(self, mapped: Mapped, bodies: Bodies, workers: Workers) -> None:
        """Use `open` instead."""
        self._mapped, self._bodies, self._workers = mapped, bodies, workers
        self.memory = Kept(BUDGET)
        """What is known about the sources; its budget may be changed."""
        self._sources: Mapping[str, SourceModel] = {}
        self._ingredients: dict[str, Ingredient] = {}
        self._seed = 0
        self._engine = Engine(version="", rules=0)
        self._papers = KeptPapers()
        self._keys: dict[str, Hashable] = {}
        self._tallies: dict[str, Tally] = {}
        self._plan: Plan | None = None

    @classmethod
    def open(
        cls,
        sources: Mapping[str, SourceModel],
        seed: int,
        engine: Engine,
        device: str = "cpu",
        compute: str = "auto",
        threads: int = 1,
    ) -> Self:
        """Open the sources; the model is built when the first recipe is applied.

        Args:
            sources: Every model that recipes may name, by reference.
            seed: Seed of random masks, for recipes that are applied without one.
            engine: Who merges.
            device: Where the model and the work are, as torch names it.
            compute: Type that the model runs in: ``auto`` (float32 on processors, else the merge's
                own), ``float32``, ``bfloat16`` or ``float16``.
            threads: Workers on a processor, at least 1.

        Returns:
            A host that holds no candidate yet.

        Raises:
            InputError: A weight file cannot be read.
        """
        keep_blocks()
        host = cls(Mapped(sources.values()), Bodies(device, compute), Workers(device, threads))
        host._sources, host._seed, host._engine = dict(sources), seed, engine
        return host

    def name_ingredients(self, ingredients: Sequence[Ingredient]) -> None:
        """Tell the exact models and adapters, as a merge will record them.

        Only models with adapters need it: the id of their candidates names both apart.

        Args:
            ingredients: One for each source, and one for each adapter.
        """
        self._ingredients = {item.reference: item for item in ingredients}

    @property
    def model(self) -> Any:  # noqa: ANN401 - transformers declares no types
        """The transformers model of the candidate, in evaluation mode, on `device`."""
        return self._bodies.current.model

    @property
    def tokenizer(self) -> Any:  # noqa: ANN401 - transformers declares no types
        """The candidate's fast tokenizer, padding on the left, with a padding token."""
        if self._bodies.current.tokenizer is None:
            raise InputError(Code.INPUT_MISSING, "the candidate has no tokenizer")
        return self._bodies.current.tokenizer

    @property
    def device(self) -> str:
        """Where the model is, as torch names it."""
        return self._bodies.device

    def apply(self, recipe: Recipe, seed: int | None = None) -> Applied:
        """Become the result of a recipe, as `Host.apply`."""
        self._plan = None
        self.memory.advance()
        unknown = [name for name in recipe.references if name not in self._sources]
        if unknown:
            what = f"the search has no model {', '.join(unknown):.200}"
            raise RecipeError(Code.RECIPE_REFERENCE, what, hint="name models of the search alone")
        chosen = self._seed if seed is None else seed
        plan = make_plan(recipe, self._own(recipe), chosen, papers=self._papers)
        self._bodies.enter(plan)
        wanted = {output.name: self._key(plan, output) for output in plan.outputs}
        dirty = {name: key for name, key in wanted.items() if key != self._keys.get(name)}
        self._fill(plan, dirty)
        self._plan = plan
        return Applied(
            self._candidate(plan), self._contributions(plan), len(dirty), len(plan.outputs)
        )

    def _own(self, recipe: Recipe) -> dict[str, SourceModel]:
        return {name: self._sources[name] for name in recipe.references}

    def _fill(self, plan: Plan, dirty: Mapping[str, Hashable]) -> None:
        """Compute some tensors; one that fails, and all that were to come, stay to be done."""
        for name in dirty:
            self._keys.pop(name, None)
        seats = self._bodies.seats
        filler = Filler(plan, self._mapped, self.memory, seats.views)
        outputs = [output for output in plan.outputs if output.name in dirty]
        try:
            with closing(self._workers.run(outputs, filler.fill)) as done:
                for output, tally in done:
                    self._keys[output.name], self._tallies[output.name] = dirty[output.name], tally
            seats.hand_on(self._bodies.current.model, dirty)
        except BaseException:
            # What was written but not handed on is not in the model.
            for name in seats.own:
                self._keys.pop(name, None)
            raise

    def _key(self, plan: Plan, output: OutputTensor) -> Hashable:
        """Return everything that decides the numbers of a tensor."""
        inputs = tuple(
            (self._mapped.key(item), item.name, tuple(sorted(item.parameters.items())))
            for item in output.inputs
        )
        seed = plan.seed if plan.contract.random else None
        return (
            *(output.method, output.shape, output.dtype, output.double, output.copied),
            *(output.base, output.parts, tuple(sorted(output.parameters.items()))),
            *(seed, plan.contract.commutative, inputs),
        )

    def _candidate(self, plan: Plan) -> Digest:
        return plan_id(plan, tuple(self._ingredients.values()), self._engine)

    def _contributions(self, plan: Plan) -> tuple[Contribution, ...]:
        shares = Shares()
        for output in plan.outputs:
            references = [item.source.reference for item in output.inputs]
            shares.add(output.group, references, self._tallies[output.name])
        return shares.contributions(plan.recipe.references, givers(plan))

    def tensors(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield name and values of every tensor as a merge would write it, sorted by name."""
        plan = self._held()
        for output in plan.outputs:
            seat = self._bodies.seats.views[output.name]
            kind = TORCH[output.dtype]
            if torch.promote_types(kind, seat.dtype) == seat.dtype:
                yield output.name, seat.detach().to("cpu", kind, copy=True).contiguous()
            else:
                yield output.name, self._again(plan, output)

    def _again(self, plan: Plan, output: OutputTensor) -> torch.Tensor:
        """Compute a tensor in the type that is written, where the model runs in a narrower one."""
        values = torch.empty(output.shape, dtype=TORCH[output.dtype])
        filler = Filler(plan, self._mapped, self.memory, {output.name: values})
        with closing(self._workers.run([output], filler.fill)) as done:
            list(done)
        return values

    def _held(self) -> Plan:
        if self._plan is None:
            raise UsageError(Code.USAGE, "the host holds no candidate", hint="apply a recipe first")
        return self._plan

    def close(self) -> None:
        """Give back memory and files."""
        self._workers.close()
        self._mapped.close()
        self.memory.clear()
        self._bodies.close()
        self._keys.clear()
        self._plan = None
