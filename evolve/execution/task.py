"""One output tensor, and what its method decided about it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from evoreg.evolve.execution.tally import Counter, Tally
from evoreg.evolve.execution.weights import Weights
from evoreg.evolve.methods.group import BLOCK, Group, Operand, Rule
from evoreg.evolve.methods.memory import FORGETFUL, Memory
from evoreg.evolve.methods.table import METHODS
from evoreg.evolve.methods.values import Flat, Reader
from evoreg.evolve.planning.plan import OutputTensor, Plan
from evoreg.provenance.records.errors import Code, MergeError

_STRETCH = 4 * BLOCK
"""Elements that are handed to the writer at a time."""


@dataclass(frozen=True)
class Task:
    """A tensor about which the method has decided."""

    output: OutputTensor
    """What is to be made."""
    group: Group
    """Its sources."""
    rule: Rule | None
    """The coefficients; nothing for a buffer that is copied."""
    places: tuple[int, ...]
    """The place of each part of the group among the inputs."""
    counter: Counter
    """Counts the shares."""

    @property
    def references(self) -> tuple[str, ...]:
        """The model of each number of a tally."""
        return tuple(item.source.reference for item in self.output.inputs)

    def stretches(self) -> Iterator[slice]:
        """Yield the stretches of the tensor in order; one, without elements, if it is empty."""
        for number in range(stretch_count(self.output)):
            start = number * _STRETCH
            yield slice(start, min(start + _STRETCH, self.output.elements))

    def tally(self) -> Tally:
        """Return a tally that holds what does not depend on the numbers."""
        tally = Tally.of(len(self.output.inputs))
        if self.rule is not None:
            for place, share in zip(self.places, _normalised(self.rule.nominal), strict=True):
                if place != self.output.base:  # a base has no share by what it gives
                    tally.nominal[place] = share * self.output.elements
            if self.output.base is not None:
                self.counter.note_lent(tally, self.output.base)
        return tally


def stretch_count(output: OutputTensor) -> int:
    """Return the number of stretches of a tensor, at least 1."""
    return max(1, -(-output.elements // _STRETCH))


def begin(
    plan: Plan,
    output: OutputTensor,
    weights: Weights,
    read: Reader,
    memory: Memory = FORGETFUL,
) -> Task:
    """Let the method look at one tensor of the result.

    Args:
        plan: The merge.
        output: One of its tensors.
        weights: Open files.
        read: Brings numbers to where the work is done.
        memory: Keeps what the method finds out for the next merge of the same numbers.

    Returns:
        The task.

    Raises:
        InputError: A source changed since its header was read.
        MergeError: Buffers that differ.
    """
    width = output.elements // output.shape[0] if output.shape and output.shape[0] else 1
    counter = Counter(max(width, 1), [item.rows for item in output.inputs])
    work = torch.float64 if output.double else torch.float32
    if output.copied:
        return Task(output, _equal(output, weights, work), None, (), counter)
    loaded = weights.inputs(output.inputs)
    places = _ordered(plan, output)
    parts = tuple(
        Operand(item.source.identity, item.name, loaded[place], item.parameters)
        for place, item in ((place, output.inputs[place]) for place in places)
    )
    base = None if output.base is None else loaded[output.base]
    group = Group(base, parts, output.parameters, plan.seed, work, output.shape, read, memory)
    return Task(output, group, METHODS[output.method](group), places, counter)


def _ordered(plan: Plan, output: OutputTensor) -> tuple[int, ...]:
    """Return the parts in the order of adding up: by content where the method is commutative."""
    if not plan.contract.commutative:
        return output.parts

    def content(place: int) -> tuple[str, str, tuple[tuple[str, float], ...]]:
        item = output.inputs[place]
        values = tuple(sorted((name, float(value)) for name, value in item.parameters.items()))
        return item.source.identity, item.name, values

    return tuple(sorted(output.parts, key=content))


def _normalised(values: Sequence[float]) -> list[float]:
    total = math.fsum(values)
    return [value / total if total else 1 / len(values) for value in values]


def _equal(output: OutputTensor, weights: Weights, work: torch.dtype) -> Group:
    """Return a buffer that is the same in all sources; it counts for nobody's share."""
    tensors = [weights.tensor(item.tensor).reshape(-1) for item in output.inputs]
    if any(not torch.equal(tensor, tensors[0]) for tensor in tensors[1:]):
        raise MergeError(
            Code.MERGE_BUFFER,
            f"the sources hold different {output.dtype} numbers, which cannot be averaged",
            where=output.name,
            hint="convert quantised weights to floating point first",
        )
    first = output.inputs[0]
    part = Operand(first.source.identity, first.name, Flat(tensors[0]), {})
    return Group(None, (part,), {}, 0, work, output.shape)
