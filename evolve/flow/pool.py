"""The pool of layers that a path may take: the layers of several models, one after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evoreg.evolve.checkpoints.tensors import layer_of, renumber, stacks
from evoreg.evolve.planning.plan import SourceModel
from evoreg.provenance.records.errors import Code, MergeError, Problem

_Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class PoolLayer:
    """One layer of the pool."""

    model: str
    """Reference of its model."""
    layer: int
    """Its number there."""

    @property
    def name(self) -> str:
        """What genes call it."""
        return f"{self.model} layer {self.layer}"


def depth(source: SourceModel) -> int:
    """Return the number of layers of a model.

    Args:
        source: A model with one stack of layers.

    Returns:
        At least 1.

    Raises:
        MergeError: It has no layers, or several stacks of them.
    """
    found = stacks(source.checkpoint.tensors)
    if len(found) != 1:
        told = f"several stacks of layers: {', '.join(found)}" if found else "no layers"
        what = f"{source.reference} has {told}"
        hint = "paths are for models with one stack of layers; search its parameters instead"
        raise MergeError(Code.MERGE_ARCHITECTURE, what, hint=hint)
    return next(iter(found.values()))


def make_pool(models: Sequence[str], sources: Mapping[str, SourceModel]) -> tuple[PoolLayer, ...]:
    """Return the pool of some models.

    Args:
        models: References, the first model first.
        sources: The models by reference.

    Returns:
        All layers of the first model, then those of the next.

    Raises:
        MergeError: A model without one stack of layers, or layers that are not alike: a result has
            one config.json, which describes all of its layers.
    """
    pool = [PoolLayer(model, layer) for model in models for layer in range(depth(sources[model]))]
    wanted = _shapes(sources[models[0]], 0)
    problems = [
        _unlike(sources[item.model], item.layer, wanted)
        for item in pool
        if _shapes(sources[item.model], item.layer) != wanted
    ]
    if problems:
        raise MergeError.of(problems)
    return tuple(pool)


def _shapes(source: SourceModel, layer: int) -> _Shapes:
    tensors = source.checkpoint.tensors.items()
    return {renumber(name, 0): info.shape for name, info in tensors if layer_of(name) == layer}


def _unlike(source: SourceModel, layer: int, wanted: _Shapes) -> Problem:
    own = _shapes(source, layer)
    names = sorted({*own, *wanted})
    name = next(name for name in names if own.get(name) != wanted.get(name))
    told = [list(found[name]) if name in found else "nothing" for found in (own, wanted)]
    what = f"layer {layer} has {told[0]} for {name}, the first layer of the first model {told[1]}"
    hint = "paths need layers of one shape: models of one architecture and size"
    return Problem(Code.MERGE_SHAPE, what, source.reference, hint)
