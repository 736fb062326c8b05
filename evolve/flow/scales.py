"""The factors that a plan puts on the weights of each layer of a path."""

from collections.abc import Sequence

from evoreg.evolve.checkpoints.tensors import layer_of
from evoreg.evolve.flow.families import Family
from evoreg.evolve.planning.plan import OutputTensor, Plan
from evoreg.provenance.records.errors import Code, MergeError


def output_factors(plan: Plan, layers: int, family: Family | None) -> tuple[float, ...]:
    """Return what each layer of a path adds, as a multiple of what it adds in its own model.

    Args:
        plan: A plan of copies.
        layers: Layers of the path.
        family: Where the layers add to the hidden state; nothing if that is not known.

    Returns:
        One factor a layer.

    Raises:
        MergeError: Other tensors are scaled, or the tensors behind one layer in different ways:
            that is no path, and it would take weights of its own.
    """
    adding: list[set[float]] = [set() for _ in range(layers)]
    problems: list[str] = []
    for output in plan.outputs:
        factor = _factor(output)
        place = layer_of(output.name)
        if place is not None and family is not None and _adds(output, family):
            adding[place].add(factor)
        elif factor != 1.0:
            problems.append(output.name)
    uneven = [f"layer {place}" for place, found in enumerate(adding) if len(found) > 1]
    _refuse([*problems, *uneven])
    return tuple(next(iter(found), 1.0) for found in adding)


def _factor(output: OutputTensor) -> float:
    return 1.0 if output.copied else float(output.inputs[0].parameters["scale"])


def _adds(output: OutputTensor, family: Family) -> bool:
    return any(part in output.inputs[0].name for part in family.filters)


def _refuse(odd: Sequence[str]) -> None:
    if odd:
        raise MergeError(
            Code.MERGE_ARCHITECTURE,
            f"a path scales what its layers add, all of it alike; here is {odd[0]}",
            hint="merge this recipe to a folder and search around that",
        )
