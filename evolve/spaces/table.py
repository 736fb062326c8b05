"""The spaces over parameters and tensors, by kind, and how a coarse one becomes finer."""

from collections.abc import Mapping

from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.searchfile.form import Refinement, SearchForm
from evoreg.evolve.spaces.grouping import Grouping
from evoreg.evolve.spaces.parameters import MethodSpace, built, method_space
from evoreg.evolve.spaces.space import Genome, Space
from evoreg.evolve.spaces.tensors import WeightSpace, weight_space
from evoreg.provenance.records.errors import Code, UsageError


def parameter_space(form: SearchForm, sources: Mapping[str, SourceModel]) -> MethodSpace:
    """Return the space of a search file with ``kind: parameters``; see `method_space`."""
    return method_space(form, sources)


def tensor_space(form: SearchForm, sources: Mapping[str, SourceModel]) -> WeightSpace:
    """Return the space of a search file with ``kind: tensors``; see `weight_space`."""
    return weight_space(form, sources)


def refined(space: Space, refinement: Refinement, start: Genome) -> MethodSpace:
    """Return a finer space that begins where a coarse one ended.

    Its genes begin where ``finer.recipe(starts)`` gives every tensor the very values that
    ``space.recipe(start)`` gives it. Where lines between knots cannot pass through these values,
    the finer genes say by how much a tensor differs from them.

    Args:
        space: A space over parameters, perhaps itself refined.
        refinement: How fine.
        start: A genome of `space`.

    Returns:
        The finer space.

    Raises:
        UsageError: Not a space over parameters.
        RecipeError: A component that no tensor is of.
        ValueError: `start` is no genome of `space`.
    """
    if not isinstance(space, MethodSpace):
        raise UsageError(Code.USAGE, "only a space over parameters can be refined")
    grouping = Grouping(refinement.granularity, refinement.knots, components=refinement.components)
    return built(space.form, space.sites, grouping, space.values(start))
