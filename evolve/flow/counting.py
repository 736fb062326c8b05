"""Who is inside a path, counted as a merge counts it, from sums that are taken once a tensor.

A merge of a path copies tensors, some of them times a factor c. The sums of a copy, taken by the
engine itself, give those of every factor: |c x|_1 = |c| |x|_1 and |c x|^2 = c^2 |x|^2.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import torch

from evoreg.evolve.execution.compute import compute
from evoreg.evolve.execution.run import one_thread_each
from evoreg.evolve.execution.shares import Shares
from evoreg.evolve.execution.tally import Tally
from evoreg.evolve.execution.task import begin
from evoreg.evolve.execution.weights import TORCH, Weights
from evoreg.evolve.methods.values import read_here
from evoreg.evolve.planning.plan import OutputTensor, Plan
from evoreg.provenance.records.candidate import Contribution
from evoreg.provenance.records.errors import Code, MergeError


@dataclass(frozen=True, slots=True)
class Measured:
    """A tensor of a source."""

    tally: Tally
    """Its sums in a copy."""
    largest: float
    """Its largest magnitude."""


def written(plan: Plan, output: OutputTensor, weights: Weights) -> tuple[torch.Tensor, Tally]:
    """Compute one tensor as a merge does.

    Args:
        plan: The merge.
        output: One of its tensors.
        weights: Open files.

    Returns:
        The values in the type that is written, not to be written to, and what each source put in.

    Raises:
        InputError: A source changed since its header was read.
        MergeError: Numbers that are not finite, buffers that differ.
    """
    with one_thread_each():
        task = begin(plan, output, weights, read_here)
        tally = task.tally()
        parts = []
        for stretch in task.stretches():
            done = compute(task, stretch)
            tally.add(done.tally)
            parts.append(done.values)
        values = parts[0] if len(parts) == 1 else torch.cat(parts)
    return values.reshape(output.shape), tally


def measured(values: torch.Tensor, tally: Tally) -> Measured:
    """Return what is kept of a tensor that was copied.

    Args:
        values: The tensor.
        tally: What the engine counted.

    Returns:
        Its sums and its largest magnitude.
    """
    floats = values.numel() and values.is_floating_point()
    return Measured(tally, float(values.abs().max()) if floats else 0.0)


def scaled(found: Measured, output: OutputTensor) -> Tally:
    """Return the sums of a tensor that is copied with a factor.

    Args:
        found: The tensor in its source.
        output: What is made of it.

    Returns:
        Its tally.

    Raises:
        MergeError: The factor takes it out of the range of its type.
    """
    if output.copied:
        return found.tally
    factor = float(output.inputs[0].parameters["scale"])
    reach = abs(factor) * found.largest
    if not math.isfinite(reach) or reach > torch.finfo(TORCH[output.dtype]).max:
        what = f"the result does not fit {output.dtype}: {factor:g} times {found.largest:g}"
        hint = "keep the range of the scales nearer to 1"
        raise MergeError(Code.MERGE_NOT_FINITE, what, where=output.name, hint=hint)
    own = found.tally
    return replace(
        own,
        mass=[abs(factor) * value for value in own.mass],
        product=[factor * factor * value for value in own.product],
        used=[factor != 0 and used for used in own.used],
        energy=factor * factor * own.energy,
    )


def contributions(
    plan: Plan, sources: Mapping[tuple[str, str], Measured]
) -> tuple[Contribution, ...]:
    """Return the shares of the sources in a path.

    Args:
        plan: A plan of copies, each of one tensor.
        sources: What was measured, by reference and name of the tensor.

    Returns:
        What a merge would count, but for rounding.

    Raises:
        MergeError: A factor takes a tensor out of the range of its type.
    """
    shares = Shares()
    for output in plan.outputs:
        (item,) = output.inputs
        tally = scaled(sources[item.source.reference, item.tensor.name], output)
        shares.add(output.group, (item.source.reference,), tally)
    return shares.contributions(plan.recipe.references, plan.bases)


def single(outputs: Iterable[OutputTensor]) -> bool:
    """Tell whether every tensor of some is made of one tensor of one source, row by row."""
    return all(len(item.inputs) == 1 and item.inputs[0].rows is None for item in outputs)
