"""How large a space is, in words for people: before a search that may take days."""

from collections.abc import Mapping, Sequence

from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.searchfile.form import HybridSpace, ParameterSpace, SearchForm, TensorSpace
from evoreg.evolve.spaces.grouping import Grouping
from evoreg.evolve.spaces.parameters import MethodSpace, built, method_space
from evoreg.evolve.spaces.space import Gene, Space
from evoreg.evolve.spaces.tensors import weight_space
from evoreg.provenance.records.errors import Code, UsageError

MOST_GENES = 40
"""Genes that are told one by one."""
_MANY = 300


def genome_size(form: SearchForm, sources: Mapping[str, SourceModel]) -> int:
    """Return how many genes the first stage of a search has.

    Args:
        form: The search file.
        sources: The models, by reference.

    Returns:
        At least 1.

    Raises:
        RecipeError: The search file does not fit the models.
        MergeError: The models cannot be merged.
        UsageError: A space of layers, whose size the data-flow space tells.
    """
    return stage_sizes(form, sources)[0]


def stage_sizes(form: SearchForm, sources: Mapping[str, SourceModel]) -> tuple[int, ...]:
    """Return how many genes each stage over parameters or tensors has.

    Args:
        form: The search file.
        sources: The models, by reference.

    Returns:
        The first stage, then each refinement; of a hybrid search the first stage alone.

    Raises:
        RecipeError: The search file does not fit the models.
        MergeError: The models cannot be merged.
        UsageError: A space of layers.
    """
    if isinstance(form.space, TensorSpace):
        return (len(weight_space(form, sources).genes),)
    space = method_space(first_stage(form), sources)
    finer = form.space.refine if isinstance(form.space, ParameterSpace) else ()
    found = [len(space.genes)]
    for part in finer:
        grouping = Grouping(part.granularity, part.knots, components=part.components)
        found.append(len(built(space.form, space.sites, grouping).genes))
    return tuple(found)


def first_stage(form: SearchForm) -> SearchForm:
    """Return the search file whose space is the first stage over parameters.

    Args:
        form: A search file.

    Returns:
        The same for parameters; with the inner space for a hybrid search.

    Raises:
        UsageError: It has no stage over parameters.
    """
    if isinstance(form.space, ParameterSpace):
        return form
    if isinstance(form.space, HybridSpace):
        return form.model_copy(update={"space": form.space.parameters})
    raise UsageError(Code.USAGE, f"a space of the kind {form.space.kind} varies no parameters")


def describe(space: Space) -> tuple[str, ...]:
    """Return what a space varies, one line for each gene.

    Args:
        space: Any space.

    Returns:
        Lines without colours; of more than `MOST_GENES` genes the first and the last ones.
    """
    genes = space.genes
    noun = "gene" if len(genes) == 1 else "genes"
    found = [f"{len(genes)} {noun}{_of(space)}"]
    width = max(len(gene.name) for gene in _shown(genes))
    if len(genes) <= MOST_GENES:
        found += [_line(gene, width) for gene in genes]
    else:
        half = MOST_GENES // 2
        found += [_line(gene, width) for gene in genes[:half]]
        found.append(f"  ... {len(genes) - MOST_GENES} more ...")
        found += [_line(gene, width) for gene in genes[-half:]]
    if len(genes) > _MANY and isinstance(space, MethodSpace):
        found.append(f"  more than {_MANY} genes: fewer groups or knots are found sooner")
    return tuple(found)


def _shown(genes: Sequence[Gene]) -> Sequence[Gene]:
    half = MOST_GENES // 2
    return genes if len(genes) <= MOST_GENES else (*genes[:half], *genes[-half:])


def _of(space: Space) -> str:
    if not isinstance(space, MethodSpace):
        return ""
    names = list(dict.fromkeys(track.parameter for track in space.tracks))
    models = {track.model for track in space.tracks} - {None}
    whom = f" of {len(models)} models" if len(models) > 1 else ""
    return f": {' and '.join(names)}{whom} over {len(space.sites)} tensors"


def _line(gene: Gene, width: int) -> str:
    return f"  {gene.name:<{width}}  {gene.low:g} to {gene.high:g}, from {gene.start:g}"
