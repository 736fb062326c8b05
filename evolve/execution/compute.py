"""One output tensor, stretch by stretch: coefficients applied, shares counted, numbers checked."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from evoreg.evolve.execution.tally import Counter, Part, Tally
from evoreg.evolve.execution.weights import TORCH, Weights
from evoreg.evolve.methods.group import BLOCK, Coefficient, Group, Operand, Rule
from evoreg.evolve.methods.table import METHODS
from evoreg.evolve.methods.values import Flat, Reader, Values
from evoreg.evolve.planning.plan import OutputTensor, Plan
from evoreg.provenance.records.errors import Code, MergeError

_STRETCH = 4 * BLOCK
"""Elements that are handed to the writer at a time."""
_SURELY_FITS = {
    torch.float64: 1e300, torch.float32: 1e30, torch.bfloat16: 1e30, torch.float16: 4e9,
}  # fmt: skip
"""If the squares of some numbers sum to less, all of them are finite in the type."""


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


@dataclass(frozen=True)
class Stretch:
    """Some finished numbers of a tensor."""

    values: torch.Tensor
    """Flat and contiguous, in ordinary memory, in the type that is written."""
    tally: Tally
    """What each source put in."""


def stretch_count(output: OutputTensor) -> int:
    """Return the number of stretches of a tensor, at least 1."""
    return max(1, -(-output.elements // _STRETCH))


def begin(plan: Plan, output: OutputTensor, weights: Weights, read: Reader) -> Task:
    """Let the method look at one tensor of the result.

    Args:
        plan: The merge.
        output: One of its tensors.
        weights: Open files.
        read: Brings numbers to where the work is done.

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
    group = Group(base, parts, output.parameters, plan.seed, work, output.shape, read)
    return Task(output, group, METHODS[output.method](group), places, counter)


def compute(task: Task, stretch: slice) -> Stretch:
    """Make a stretch of a tensor.

    Args:
        task: The tensor.
        stretch: One of its stretches.

    Returns:
        Numbers and tally; the same bytes and sums whatever else runs beside it.

    Raises:
        MergeError: A number that is not finite.
    """
    if task.rule is None:
        values = task.group.parts[0].values.block(stretch)
        tally = Tally.of(len(task.output.inputs))
        # Whoever holds these very bits is in the result, though nothing was measured.
        tally.used = [values.numel() > 0] * len(tally.used)
        return Stretch(values, tally)
    kind = TORCH[task.output.dtype]
    same = _unchanged(task, kind)
    values = same.block(stretch) if same else _room(stretch.stop - stretch.start, kind)
    tally = Tally.of(len(task.output.inputs))
    for start in range(stretch.start, stretch.stop, BLOCK):
        block = slice(start, min(start + BLOCK, stretch.stop))
        target = values[block.start - stretch.start : block.stop - stretch.start]
        base, deltas = task.group.deltas(block)
        parts, change = _moved(task.places, task.rule.coefficients(block, deltas), deltas)
        counted = task.counter.count(block, parts, change)
        tally.add(counted)
        square = counted.energy
        if base is not None:
            change = change.add_(base)
            square = float(torch.dot(change, change))
        if same is None:
            target.copy_(change)
        if not square < _SURELY_FITS[kind] and not bool(torch.isfinite(target).all()):
            raise _not_finite(task)
    return Stretch(values, tally)


def _room(count: int, kind: torch.dtype) -> torch.Tensor:
    """Return memory for a stretch; where there is a graphics card, such as it can write to fast."""
    card = torch.cuda.is_initialized()  # type: ignore[no-untyped-call] # torch declares no types
    return torch.empty(count, dtype=kind, pin_memory=card)


def _ordered(plan: Plan, output: OutputTensor) -> tuple[int, ...]:
    """Return the parts in the order of adding up: by content where the method is commutative."""
    if not plan.contract.commutative:
        return output.parts

    def content(place: int) -> tuple[str, str, tuple[tuple[str, float], ...]]:
        item = output.inputs[place]
        values = tuple(sorted((name, float(value)) for name, value in item.parameters.items()))
        return item.source.identity, item.name, values

    return tuple(sorted(output.parts, key=content))


def _unchanged(task: Task, kind: torch.dtype) -> Flat | None:
    """Return the numbers themselves if they are only copied, bit for bit."""
    first = task.group.parts[0].values
    alone = len(task.group.parts) == 1 and task.group.base is None
    copied = alone and task.rule is not None and task.rule.fixed == (1.0,)
    return first if copied and isinstance(first, Flat) and first.numbers.dtype == kind else None


def _moved(
    places: Sequence[int], coefficients: Sequence[Coefficient], deltas: Sequence[torch.Tensor]
) -> tuple[list[Part], torch.Tensor]:
    """Return what each part puts in, and the sum.

    A constant coefficient is multiplied and added with one rounding.
    """
    parts: list[Part] = []
    change: torch.Tensor | None = None
    for place, coefficient, delta in zip(places, coefficients, deltas, strict=True):
        if isinstance(coefficient, torch.Tensor):
            delta.mul_(coefficient)
            change = delta.clone() if change is None else change.add_(delta)
        elif coefficient == 0.0:
            # A negative number times zero is a negative zero: without the sum the signs of
            # weights that are not in the result would be in it.
            nothing = delta.mul(0.0).add_(0.0)
            change = nothing if change is None else change.add_(nothing)
        else:
            change = (
                delta * coefficient if change is None else change.add_(delta, alpha=coefficient)
            )
        parts.append(Part(place, coefficient, delta))
    if change is None:
        raise ValueError("a tensor has at least one part")
    return parts, change


def _normalised(values: Sequence[float]) -> list[float]:
    total = math.fsum(values)
    return [value / total if total else 1 / len(values) for value in values]


def _not_finite(task: Task) -> MergeError:
    output, group = task.output, task.group
    names = [output.inputs[place].source.reference for place in task.places]
    sources = list(zip(names, (part.values for part in group.parts), strict=True))
    if output.base is not None and group.base is not None:
        sources.append((output.inputs[output.base].source.reference, group.base))
    guilty = [name for name, values in sources if not _all_finite(values, group)]
    if guilty:
        what = f"{', '.join(guilty)} holds NaN or infinite numbers"
        hint = "the model is damaged; download it again or leave it out"
    else:
        what = f"the result does not fit {output.dtype}: it has NaN or infinite numbers"
        hint = "use smaller weights, or out_dtype: bfloat16 or float32"
    return MergeError(Code.MERGE_NOT_FINITE, what, where=output.name, hint=hint)


def _all_finite(values: Values, group: Group) -> bool:
    return all(bool(torch.isfinite(values.block(block)).all()) for block in group.blocks())


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
