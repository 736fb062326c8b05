"""Which tensors share a gene: by layers, by component, or along straight lines between knots."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evoreg.evolve.searchfile.form import COMPONENTS
from evoreg.evolve.spaces.components import component_of
from evoreg.evolve.spaces.sites import Site, stack_labels
from evoreg.provenance.records.errors import Code, Problem, RecipeError

OUTSIDE = "outside the layers"
"""Group of what belongs to no layer, once layers are told apart."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """How fine a space is; as in the search file."""

    granularity: int = 0
    knots: int = 0
    smooth: bool = False
    components: tuple[str, ...] = ()

    @property
    def by_layers(self) -> bool:
        """Whether layers are told apart."""
        return self.granularity > 0 or self.knots > 0


@dataclass(frozen=True, slots=True)
class Tie:
    """The groups that a tensor takes its value from."""

    first: str
    """Label of the first group; empty if there is but one."""
    second: str
    """Label of the second; the same if there is none."""
    part: float = 0.0
    """How far from the first to the second, from 0 to less than 1."""


def group_sites(sites: Sequence[Site], grouping: Grouping) -> dict[str, Tie]:
    """Return what each tensor takes its value from.

    Args:
        sites: The tensors.
        grouping: How fine.

    Returns:
        By tensor, layer after layer, what lies outside of them last.

    Raises:
        RecipeError: A component that is part of no tensor name.
    """
    components = {site.name: component_of(site.name, grouping.components) for site in sites}
    _check_components(sites, grouping.components, set(components.values()))
    labels = stack_labels(sites)
    layered = {components[site.name] for site in sites if site.layer is not None}
    found = {}
    for site in sorted(sites, key=_order):
        component = components[site.name]
        ends = _ends(site, grouping, labels)
        if component not in layered:
            ends = Tie("", "")
        found[site.name] = Tie(
            f"{ends.first} {component}".strip(), f"{ends.second} {component}".strip(), ends.part
        )
    return found


def starts_of(ties: Mapping[str, Tie], values: Mapping[str, float]) -> dict[str, float]:
    """Return where groups begin that shall come close to given values.

    Args:
        ties: What each tensor takes its value from.
        values: The value of each tensor, or of none.

    Returns:
        By group: the mean over the tensors that take most from it; their value, if it is one.
    """
    near: dict[str, dict[float, set[float]]] = {}
    for name, value in values.items():
        tie = ties[name]
        near.setdefault(tie.first, {}).setdefault(1 - tie.part, set()).add(value)
        near.setdefault(tie.second, {}).setdefault(tie.part or 1.0, set()).add(value)
    found = {}
    for group, parts in near.items():
        closest = parts[max(parts)]
        low, high = min(closest), max(closest)
        found[group] = low if low == high else math.fsum(closest) / len(closest)
    return found


def _order(site: Site) -> tuple[bool, str, int, str]:
    return site.layer is None, site.stack, site.layer or 0, site.name


def _ends(site: Site, grouping: Grouping, labels: Mapping[str, str]) -> Tie:
    if not grouping.by_layers:
        return Tie("", "")
    if site.layer is None:
        return Tie(OUTSIDE, OUTSIDE)
    stack = labels[site.stack]
    knots = _knots(site, grouping)
    if knots:
        return _between(f"{stack} knot".strip(), site, knots)
    return _group(f"{stack} layer".strip(), site, grouping.granularity)


def _knots(site: Site, grouping: Grouping) -> int:
    """Return the number of knots in the stack of a tensor; 0 if it has groups or one value."""
    knots = grouping.knots
    if grouping.smooth and grouping.granularity:
        knots = -(-site.depth // grouping.granularity)
    knots = min(knots, site.depth)
    return knots if knots > 1 else 0


def _between(label: str, site: Site, knots: int) -> Tie:
    place = site.position * (knots - 1)
    before = min(int(place), knots - 1)
    after = min(before + 1, knots - 1)
    first, second = (f"{label} {number + 1} of {knots}" for number in (before, after))
    part = place - before
    return Tie(first, second if part else first, part)


def _group(label: str, site: Site, granularity: int) -> Tie:
    size = granularity or site.depth
    first = (site.layer or 0) // size * size
    last = min(first + size, site.depth) - 1
    told = f"{label} {first}" if first == last else f"{label}s {first}-{last}"
    return Tie(told, told)


def _check_components(sites: Sequence[Site], components: Sequence[str], used: set[str]) -> None:
    """Refuse parts of names that no tensor has; named components may be absent, as tied heads."""
    problems = []
    for component in components:
        if component in used or component in COMPONENTS:
            continue
        held = any(component in site.name for site in sites)
        what = f"no tensor is left for the component {component!r:.60}"
        hint = "earlier components claim them all; put it first" if held else _shown(sites)
        problems.append(Problem(Code.RECIPE_PARAMETER, what, "space.components", hint))
    if problems:
        raise RecipeError.of(problems)


def _shown(sites: Sequence[Site]) -> str:
    return f"write {', '.join(COMPONENTS)}, or a part of a name such as {sites[0].name}"
