"""One output tensor, stretch by stretch: coefficients applied, shares counted, numbers checked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from evoreg.evolve.execution.tally import Part, Tally
from evoreg.evolve.execution.task import Task
from evoreg.evolve.execution.weights import TORCH
from evoreg.evolve.methods.group import BLOCK, Coefficient, Group, Rule
from evoreg.evolve.methods.values import Flat, Values
from evoreg.provenance.records.errors import Code, MergeError

_SURELY_FITS = {
    torch.float64: 1e300, torch.float32: 1e30, torch.bfloat16: 1e30, torch.float16: 4e9,
}  # fmt: skip
"""If the squares of some numbers sum to less, all of them are finite in the type."""


@dataclass(frozen=True)
class Stretch:
    """Some finished numbers of a tensor."""

    values: torch.Tensor
    """Flat and contiguous, in ordinary memory, in the type that is written."""
    tally: Tally
    """What each source put in."""


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
    same = unchanged(task)
    values = same.block(stretch) if same else _room(stretch.stop - stretch.start, kind)
    tally = Tally.of(len(task.output.inputs))
    for block in blocks(stretch):
        target = values[block.start - stretch.start : block.stop - stretch.start]
        made, square = counted(task, block, tally)
        if same is None:
            target.copy_(made)
        check_finite(task, target, square)
    return Stretch(values, tally)


def blocks(stretch: slice) -> Iterator[slice]:
    """Yield the blocks of a stretch in order.

    Args:
        stretch: Places in a tensor; its start is that of a block.

    Yields:
        At most `BLOCK` places each.
    """
    for start in range(stretch.start, stretch.stop, BLOCK):
        yield slice(start, min(start + BLOCK, stretch.stop))


def counted(task: Task, block: slice, tally: Tally) -> tuple[torch.Tensor, float]:
    """Make one block of a tensor, and count who put what in.

    Args:
        task: A tensor with a rule.
        block: One of its blocks.
        tally: Takes the sums.

    Returns:
        The numbers in the type of the work, and the sum of their squares, rounded.
    """
    rule = _ruled(task)
    base, deltas = task.group.deltas(block)
    parts, change = _moved(task.places, rule.coefficients(block, deltas), deltas)
    found = task.counter.count(block, parts, change)
    tally.add(found)
    if base is None:
        return change, found.energy
    change = change.add_(base)
    return change, float(torch.dot(change, change))


def uncounted(task: Task, block: slice) -> torch.Tensor:
    """Make one block of a tensor whose coefficients are the same everywhere, and count nothing.

    Args:
        task: A tensor with `Rule.fixed`.
        block: One of its blocks.

    Returns:
        The same numbers as `counted` makes.
    """
    fixed = _ruled(task).fixed
    base, deltas = task.group.deltas(block)
    change: torch.Tensor | None = None
    for coefficient, delta in zip(fixed or (), deltas, strict=True):
        if coefficient == 0.0:
            nothing = delta.mul_(0.0).add_(0.0)
            change = nothing if change is None else change.add_(nothing)
        elif change is None:
            change = delta.mul_(coefficient)
        else:
            change = change.add_(delta, alpha=coefficient)
    if change is None:
        raise ValueError("a tensor has at least one part")
    return change if base is None else change.add_(base)


def _ruled(task: Task) -> Rule:
    if task.rule is None:
        raise ValueError("a buffer is copied, not made")
    return task.rule


def check_finite(task: Task, numbers: torch.Tensor, square: float) -> None:
    """Refuse numbers that are not finite.

    Args:
        task: The tensor.
        numbers: Some of its numbers, in the type that is written.
        square: The sum of their squares, as far as it is known; what is large is looked at.

    Raises:
        MergeError: One is NaN or infinite.
    """
    kind = TORCH[task.output.dtype]
    if not square < _SURELY_FITS[kind] and not bool(torch.isfinite(numbers).all()):
        raise _not_finite(task)


def _room(count: int, kind: torch.dtype) -> torch.Tensor:
    """Return memory for a stretch; where there is a graphics card, such as it can write to fast."""
    card = torch.cuda.is_initialized()  # type: ignore[no-untyped-call] # torch declares no types
    return torch.empty(count, dtype=kind, pin_memory=card)


def unchanged(task: Task) -> Flat | None:
    """Return the numbers themselves if they are only copied, bit for bit.

    Args:
        task: A tensor.

    Returns:
        The numbers as they lie in the file; nothing if anything happens to them.
    """
    kind = TORCH[task.output.dtype]
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
