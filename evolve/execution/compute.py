"""One output tensor: coefficients applied block by block, shares counted, numbers checked."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from evoreg.evolve.execution.tally import Counter, Tally
from evoreg.evolve.execution.weights import TORCH, Weights
from evoreg.evolve.methods.group import Coefficient, Group, Operand
from evoreg.evolve.methods.table import METHODS
from evoreg.evolve.methods.values import Values
from evoreg.evolve.planning.plan import OutputTensor, Plan
from evoreg.provenance.records.errors import Code, MergeError


@dataclass(frozen=True)
class Computed:
    """A finished tensor."""

    values: torch.Tensor
    """Flat and contiguous, in the type that is written."""
    references: tuple[str, ...]
    """The model of each number of the tally."""
    tally: Tally
    """What each source put in."""


def compute(plan: Plan, output: OutputTensor, weights: Weights) -> Computed:
    """Make one tensor of the result.

    Args:
        plan: The merge.
        output: One of its tensors.
        weights: Open files.

    Returns:
        The tensor and its tally; the same bytes and sums whatever else runs beside it.

    Raises:
        InputError: A source changed since its header was read.
        MergeError: A number that is not finite, or buffers that differ.
    """
    if output.copied:
        return _copy(output, weights)
    loaded = weights.inputs(output.inputs)
    places = _ordered(plan, output)
    parts = tuple(
        Operand(item.source.identity, item.name, loaded[place], item.parameters)
        for place, item in ((place, output.inputs[place]) for place in places)
    )
    base = None if output.base is None else loaded[output.base]
    work = torch.float64 if output.double else torch.float32
    group = Group(base, parts, output.parameters, plan.seed, work, output.shape)
    return _apply(plan, output, places, group)


def _ordered(plan: Plan, output: OutputTensor) -> tuple[int, ...]:
    """Return the parts in the order of adding up: by content where the method is commutative."""
    if not plan.contract.commutative:
        return output.parts

    def content(place: int) -> tuple[str, str, tuple[tuple[str, float], ...]]:
        item = output.inputs[place]
        values = tuple(sorted((name, float(value)) for name, value in item.parameters.items()))
        return item.source.identity, item.name, values

    return tuple(sorted(output.parts, key=content))


def _apply(plan: Plan, output: OutputTensor, places: Sequence[int], group: Group) -> Computed:
    rule = METHODS[plan.contract.name](group)
    kind = TORCH[output.dtype]
    values = torch.empty(group.elements, dtype=kind)
    tally = Tally.of(len(output.inputs))
    width = output.elements // output.shape[0] if output.shape and output.shape[0] else 1
    counter = Counter(tally, max(width, 1), [item.rows for item in output.inputs])
    if output.base is not None:
        counter.note_lent(output.base)
    finite = True
    for block in group.blocks():
        deltas = [group.delta(part, block) for part in group.parts]
        coefficients = rule.coefficients(block, deltas)
        moved = [c * delta for c, delta in zip(coefficients, deltas, strict=True)]
        change = _sum(coefficients, deltas, moved)
        counter.add(block, dict(zip(places, moved, strict=True)), change)
        counter.note_used(block, dict(zip(places, coefficients, strict=True)))
        if group.base is not None:
            change = group.own(group.base, block) + change
        values[block] = change.to(kind)
        finite = finite and _finite(values[block])
    if not finite:
        raise _not_finite(output, places, group)
    for place, share in zip(places, _normalised(rule.nominal), strict=True):
        tally.nominal[place] = share * output.elements
    references = tuple(item.source.reference for item in output.inputs)
    return Computed(values, references, tally)


def _finite(values: torch.Tensor) -> bool:
    """Tell whether all numbers are finite; a finite sum proves it at a third of the cost."""
    if math.isfinite(float(values.sum(dtype=torch.float32))):
        return True
    return bool(torch.isfinite(values).all())


def _sum(
    coefficients: Sequence[Coefficient],
    deltas: Sequence[torch.Tensor],
    moved: Sequence[torch.Tensor],
) -> torch.Tensor:
    """Add up the parts; a constant coefficient is multiplied and added with one rounding."""
    total = moved[0].clone()
    for place in range(1, len(moved)):
        coefficient = coefficients[place]
        if isinstance(coefficient, torch.Tensor):
            total += moved[place]
        else:
            total.add_(deltas[place], alpha=coefficient)
    return total


def _normalised(values: Sequence[float]) -> list[float]:
    total = sum(values)
    return [value / total if total else 1 / len(values) for value in values]


def _not_finite(output: OutputTensor, places: Sequence[int], group: Group) -> MergeError:
    names = [output.inputs[place].source.reference for place in places]
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


def _copy(output: OutputTensor, weights: Weights) -> Computed:
    """Copy a buffer that is the same in all sources; it counts for nobody's share."""
    tensors = [weights.tensor(item.tensor).reshape(-1) for item in output.inputs]
    if any(not torch.equal(tensor, tensors[0]) for tensor in tensors[1:]):
        raise MergeError(
            Code.MERGE_BUFFER,
            f"the sources hold different {output.dtype} numbers, which cannot be averaged",
            where=output.name,
            hint="convert quantised weights to floating point first",
        )
    references = tuple(item.source.reference for item in output.inputs)
    return Computed(tensors[0].clone(), references, Tally.of(len(references)))
