"""The space of a method's parameters: for each model, parameter, group of layers and component.

Every candidate is a recipe over whole models whose filters and gradients give each tensor exactly
the value of its group. What lies outside the layers has groups of its own as soon as layers are
told apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.searchfile.form import GeneRange, ParameterSpace, SearchForm
from evoreg.evolve.searchfile.usual import may_vary, usual_genes
from evoreg.evolve.spaces.baselines import (
    as_settings,
    baselines_of,
    contract_of,
    said_parameters,
    uniform,
    varied_models,
    whole_recipe,
)
from evoreg.evolve.spaces.blend import Blend, cut
from evoreg.evolve.spaces.grouping import Grouping, Tie, group_sites, starts_of
from evoreg.evolve.spaces.limits import apart, check_writable
from evoreg.evolve.spaces.sites import Site, model_labels, sites_of
from evoreg.evolve.spaces.space import Gene, Genome
from evoreg.evolve.spaces.tracks import Track, track
from evoreg.provenance.records.errors import Code, RecipeError, UsageError
from evoreg.provenance.records.recipe import Recipe, Settings

Value = tuple[str, str | None, str]
"""Parameter, model (nothing if all share it), and tensor of the result."""


@dataclass(frozen=True)
class MethodSpace:
    """Parameters of a merge method."""

    form: SearchForm
    """The search file."""
    sites: tuple[Site, ...]
    """The tensors."""
    genes: tuple[Gene, ...]
    """The genes."""
    tracks: tuple[Track, ...]
    """Each parameter of each model."""

    @property
    def baselines(self) -> Mapping[str, Recipe]:
        """What candidates are compared with; see `Space`."""
        return baselines_of(self.form)

    def recipe(self, genome: Genome) -> Recipe:
        """Return the recipe of a genome.

        Args:
            genome: A value for each gene; cut to its range.

        Returns:
            The recipe.

        Raises:
            ValueError: Another number of values, or one that is not a number.
        """
        values = cut(genome, self.genes)
        own: dict[str, Settings] = {}
        shared = as_settings(said_parameters(self.form))
        for item in self.tracks:
            setting = (item.parameter, item.settings(values, self.genes))
            if item.model is None:
                shared = tuple(sorted((*shared, setting)))
            else:
                own[item.model] = tuple(sorted((*own.get(item.model, ()), setting)))
        return whole_recipe(self.form, own, shared)

    def values(self, genome: Genome) -> dict[Value, float]:
        """Return what each tensor gets, told by the genes and not by a recipe.

        Args:
            genome: A value for each gene; cut to its range.

        Returns:
            The value of each varied parameter for each tensor.

        Raises:
            ValueError: As `recipe`.
        """
        cutted = cut(genome, self.genes)
        return {
            (item.parameter, item.model, name): blend.value(cutted, self.genes)
            for item in self.tracks
            for name, blend in item.rules.items()
        }


def method_space(form: SearchForm, sources: Mapping[str, SourceModel]) -> MethodSpace:
    """Return the space that a search file with ``kind: parameters`` describes.

    Args:
        form: The search file.
        sources: The models, by reference.

    Returns:
        The space.

    Raises:
        RecipeError: A component that no tensor is of, nothing to vary, or models that are absent.
        MergeError: The models cannot be merged.
        UsageError: Another kind of space.
    """
    space = form.space
    if not isinstance(space, ParameterSpace):
        raise UsageError(Code.USAGE, f"the space has the kind {space.kind}, not parameters")
    sites = sites_of(uniform(form), sources)
    grouping = Grouping(space.granularity, space.knots, space.smooth, space.components)
    return built(form, sites, grouping)


def gene_ranges(form: SearchForm) -> dict[str, GeneRange]:
    """Return the parameters that a search varies, those of a file that names none too.

    Args:
        form: A search file over parameters.

    Returns:
        Ranges by parameter, in the order of the method.

    Raises:
        RecipeError: No such method, nothing that can be varied, or a gene that it has not.
    """
    contract = contract_of(form)
    said = form.space.genes if isinstance(form.space, ParameterSpace) else {}
    count = max(1, len(varied_models(form)))
    found = dict(said) or usual_genes(contract, said_parameters(form), count)
    order = [item.name for item in contract.parameters if may_vary(item)]
    odd = [name for name in found if name not in order]
    if odd or not found:
        what = (
            f"no {', '.join(odd)} that can be varied" if odd else "no parameter with a usual range"
        )
        raise RecipeError(
            Code.RECIPE_PARAMETER,
            f"{contract.name} has {what}",
            where="space.genes",
            hint="give ranges under space: {genes: {NAME: {low: ..., high: ..., start: ...}}}",
        )
    return {name: found[name] for name in order if name in found}


@dataclass
class _Desk:
    """Takes genes as they are needed."""

    genes: list[Gene] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)

    def place(self, name: str, reach: GeneRange, start: float) -> int:
        """Return the place of a gene, new or known."""
        if name not in self.places:
            self.places[name] = len(self.genes)
            start = min(max(start, reach.low), reach.high)
            self.genes.append(Gene(name, reach.low, reach.high, start))
        return self.places[name]

    def rules(
        self, label: str, reach: GeneRange, ties: Mapping[str, Tie], coarse: Mapping[str, float]
    ) -> dict[str, Blend]:
        """Return what each tensor gets; genes begin where they come closest to `coarse`."""
        starts = starts_of(ties, coarse)
        found = {}
        for name, tie in ties.items():
            first, second = (
                self.place(f"{label} {end}".strip(), reach, starts.get(end, reach.start))
                for end in (tie.first, tie.second)
            )
            found[name] = Blend(first, second, tie.part)
        genes = tuple(self.genes)
        begin = tuple(gene.start for gene in genes)
        for name, value in coarse.items():
            start = found[name].value(begin, genes)
            if start != value:
                found[name] = replace(found[name], shift=(value, start))
        return found


def built(
    form: SearchForm,
    sites: tuple[Site, ...],
    grouping: Grouping,
    coarse: Mapping[Value, float] = MappingProxyType({}),
) -> MethodSpace:
    """Return a space of a given fineness.

    Args:
        form: The search file.
        sites: The tensors.
        grouping: How fine.
        coarse: The value of every parameter for every tensor that the space begins with; empty
            for the usual starts.

    Returns:
        The space.

    Raises:
        RecipeError: A component that no tensor is of, nothing to vary, or recipes that are too
            long for a file.
    """
    ranges = gene_ranges(form)
    ties = group_sites(sites, grouping)
    labels = model_labels(form.models)
    contract = contract_of(form)
    shared = {p.name for p in contract.parameters if p.scope == "shared"}
    whom: tuple[str | None, ...] = (*varied_models(form), None)
    desk = _Desk()
    tracks = []
    for model in whom:
        for name in [name for name in ranges if (name in shared) is (model is None)]:
            own = _own(ties, sites, model)
            begin = {s: coarse[name, model, s] for s in own if (name, model, s) in coarse}
            label = name if model is None else f"{labels[model]} {name}"
            rules = desk.rules(label, ranges[name], own, begin)
            tracks.append(track(name, model, sites, rules))
    space = MethodSpace(form, sites, tuple(desk.genes), tuple(tracks))
    check_writable(space.recipe(apart(space.genes)))
    return space


def _own(ties: Mapping[str, Tie], sites: Sequence[Site], model: str | None) -> dict[str, Tie]:
    """Return the tensors that a model has a part in."""
    names = {site.name for site in sites if model is None or model in site.inputs}
    return {name: tie for name, tie in ties.items() if name in names}
