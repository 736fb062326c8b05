"""One parameter of one model over all tensors: its rules as settings of a recipe.

Where layers differ the setting is a gradient with one value for each layer. A gradient is read at
k / (m - 1) for layer k of m, times the number of its values less one; where rounding makes that
another number than k, the layer would get a trace of its neighbour, and has a setting of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evoreg.evolve.spaces.blend import Blend
from evoreg.evolve.spaces.filters import filters_for
from evoreg.evolve.spaces.sites import Site
from evoreg.evolve.spaces.space import Gene, Genome
from evoreg.provenance.records.recipe import Setting

Rules = Mapping[str, Blend]
"""What each tensor of the result gets, by its name."""


@dataclass(frozen=True, slots=True)
class Line:
    """One setting: a value, or a gradient over layers."""

    filter: str | None
    """Part of a tensor name."""
    blends: tuple[Blend, ...]
    """One, or one for each layer."""


@dataclass(frozen=True)
class Track:
    """One parameter of one model, or of all models together."""

    parameter: str
    """Name of the parameter."""
    model: str | None
    """Reference of the model; nothing if all share the value."""
    rules: Rules
    """What each tensor gets."""
    lines: tuple[Line, ...]
    """The same as settings, in their order."""

    def settings(self, genome: Genome, genes: tuple[Gene, ...]) -> tuple[Setting, ...]:
        """Return the settings for a genome, its values within their ranges."""
        found = []
        for line in self.lines:
            values = tuple(blend.value(genome, genes) for blend in line.blends)
            # One value needs no gradient, and is then read without any rounding.
            same = len(set(values)) == 1
            found.append(Setting(value=values[0] if same else values, filter=line.filter))
        return tuple(found)


def track(parameter: str, model: str | None, sites: Sequence[Site], rules: Rules) -> Track:
    """Return a track whose settings give every tensor what its rule says.

    Args:
        parameter: Name of the parameter.
        model: Reference of the model; nothing if all share the value.
        sites: The tensors; those that the model has no part in are left out.
        rules: A rule for each tensor.

    Returns:
        The track.
    """
    own = [site for site in sites if model is None or model in site.inputs]
    cells = _cells(own, rules)
    names = [[_name(site, model) for site in held] for _, held in cells]
    lines = [Line(text, cells[place][0]) for text, place in filters_for(names)]
    return Track(parameter, model, {site.name: rules[site.name] for site in own}, tuple(lines))


def _name(site: Site, model: str | None) -> str:
    return site.name if model is None else site.inputs[model]


def _cells(sites: Sequence[Site], rules: Rules) -> list[tuple[tuple[Blend, ...], list[Site]]]:
    """Return the tensors by what they get: one value, or one gradient for all their layers."""
    profiles = _profiles(sites, rules)
    cells: dict[tuple[Blend, ...], list[Site]] = {}
    for site in sites:
        blend = rules[site.name]
        profile = profiles.get(site.name, (blend,))
        alone = len(profile) > 1 and site.layer is not None and not _exact(site)
        cells.setdefault((blend,) if alone else profile, []).append(site)
    return list(cells.items())


def _kind(site: Site) -> tuple[str, str]:
    return site.stack, site.name.replace(f"{site.stack}.{site.layer}.", "", 1)


def _exact(site: Site) -> bool:
    """Tell whether a gradient with a value for each layer is read right at the site's layer."""
    return site.position * (site.depth - 1) == site.layer


def _profiles(sites: Sequence[Site], rules: Rules) -> dict[str, tuple[Blend, ...]]:
    """Return what the tensors of one kind get from layer to layer, by name."""
    kinds: dict[tuple[str, str], dict[int, Site]] = {}
    for site in sites:
        if site.layer is not None:
            kinds.setdefault(_kind(site), {})[site.layer] = site
    found: dict[str, tuple[Blend, ...]] = {}
    for members in kinds.values():
        profile = _profile(members, rules)
        found.update((site.name, profile) for site in members.values())
    return found


def _profile(members: Mapping[int, Site], rules: Rules) -> tuple[Blend, ...]:
    """Return one rule for each layer; layers without such a tensor get that of the one before."""
    layers = sorted(members)
    if len({rules[site.name] for site in members.values()}) == 1:
        return (rules[members[layers[0]].name],)
    found = []
    last = members[layers[0]]
    for layer in range(last.depth):
        last = members.get(layer, last)
        found.append(rules[last.name])
    return tuple(found)
