"""What a search will cost, as far as sizes tell it before a weight is read."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evoreg.evolve.checkpoints.tensors import BYTES, FLOATS
from evoreg.evolve.optimisers.table import OPTIMISERS
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.searchfile.form import SearchForm
from evoreg.evolve.spaces.baselines import varied_models
from evoreg.evolve.tasks.task import Task
from evoreg.registry.searching.setup import Draft

_FLOP = 2
"""Floating-point operations for a parameter and a token: a product and a sum."""


@dataclass(frozen=True)
class Estimate:
    """What a search will cost at most."""

    genes: int
    """Numbers that are varied in the first stage."""
    population: int
    """Candidates of a generation in the first stage."""
    generations: int | None
    """Generations that fit into the budget; nothing if time alone ends the search."""
    candidates: int | None
    """Candidates of all generations, baselines and final ones not counted."""
    items_each: int
    """Items that a candidate is asked."""
    items: int | None
    """Items of all candidates."""
    overhead: int
    """Items of baselines before, and of the final choice and test after the search."""
    parameters: int
    """Numbers of the largest model."""
    apply_bytes: int
    """Bytes that are read and written at most to make the weights of one candidate."""
    tokens: int
    """Tokens that a candidate writes at most; its prompts are not counted."""

    @property
    def flop(self) -> int:
        """Operations to score one candidate: two for each parameter and token written."""
        return _FLOP * self.parameters * self.tokens


def estimate(draft: Draft) -> Estimate:
    """Return what a search will cost at most.

    Args:
        draft: The search.

    Returns:
        Numbers from sizes alone; nothing is measured.
    """
    form, genes = draft.gate.form, len(draft.space.genes)
    population, first = _sizes(form, genes)
    each = sum(_asked(form, task) for task in draft.tasks)
    generations = _generations(form, population, first, each)
    sources = draft.ground.sources
    largest = max(_numbers(source) for source in sources.values())
    sizes = [_bytes(source) for source in sources.values()]
    candidates = None if generations is None else first + (generations - 1) * population
    return Estimate(
        genes=genes,
        population=population,
        generations=generations,
        candidates=candidates,
        items_each=each,
        items=None if candidates is None else candidates * each,
        overhead=_overhead(draft),
        parameters=largest,
        apply_bytes=sum(sizes) + max(sizes),
        tokens=sum(
            _asked(form, task) * said.max_new_tokens
            for task, said in zip(draft.tasks, form.tasks, strict=True)
            if said.kind == "generate"
        ),
    )


def _asked(form: SearchForm, task: Task) -> int:
    count = len(task.ids("train"))
    return min(form.economy.items or count, count)


def _sizes(form: SearchForm, genes: int) -> tuple[int, int]:
    """Return the candidates of a generation, and those of the first.

    Optimisers that breed pairs score each model alone first.
    """
    row = OPTIMISERS[form.optimiser.kind]
    usual = form.optimiser.population or max(row.smallest, row.population(genes))
    if not row.geometry:
        return usual, usual
    children = {option.name: option.default for option in row.options}.get("children", usual)
    return int(form.optimiser.options.get("children", children)), len(varied_models(form))


def _generations(form: SearchForm, population: int, first: int, each: int) -> int | None:
    budget = form.budget
    limits = (budget.candidates, budget.items and math.ceil(budget.items / (each or 1)))
    told = [
        1 + max(0, math.ceil((limit - first) / population)) for limit in limits if limit is not None
    ]
    told += [] if budget.generations is None else [budget.generations]
    return min(told) if told else None


def _overhead(draft: Draft) -> int:
    rivals = len(draft.space.baselines)
    finalists = 1 + draft.gate.form.economy.finalists
    return (
        rivals * _count(draft.tasks, "train")
        + finalists * _count(draft.tasks, "validation")
        + (rivals + 1) * _count(draft.tasks, "test")
    )


def _count(tasks: Sequence[Task], split: Literal["train", "validation", "test"]) -> int:
    return sum(len(task.ids(split)) for task in tasks)


def _numbers(source: SourceModel) -> int:
    tensors = source.checkpoint.tensors.values()
    return sum(info.elements for info in tensors if info.dtype in FLOATS)


def _bytes(source: SourceModel) -> int:
    tensors = source.checkpoint.tensors.values()
    return sum(info.elements * BYTES[info.dtype] for info in tensors)
