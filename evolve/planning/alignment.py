"""Models under one set of names: a plain language model beside one that can also see or hear.

A vision-language model keeps its language model under a prefix. A plain model of the same decoder
meets it there: if one change of prefix maps all its tensors onto the other's, it is read under
those names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from evoreg.evolve.checkpoints.tensors import Checkpoint, TensorInfo, layer_of, stacks
from evoreg.evolve.planning.names import is_head, tied_stand_in
from evoreg.evolve.planning.parts import MULTIMODAL, TEXT, begins_with, part_of, rows_for
from evoreg.evolve.planning.plan import SourceModel
from evoreg.provenance.records.errors import Code, Problem


@dataclass(frozen=True)
class View:
    """A model as a merge sees it."""

    model: SourceModel
    """The model."""
    tensors: Mapping[str, TensorInfo]
    """Its tensors that take part, by their names in the result."""
    whole: Checkpoint
    """All its tensors, by their names in the result."""

    @cached_property
    def layers(self) -> Mapping[int, list[str]]:
        """Names of its tensors by layer."""
        found: dict[int, list[str]] = {}
        for name in self.tensors:
            layer = layer_of(name)
            if layer is not None:
                found.setdefault(layer, []).append(name)
        return found

    def within(self, names: Mapping[str, str], module: str) -> "View":
        """Return the view of the tensors that belong to a module.

        Args:
            names: Module by tensor name.
            module: One of them.

        Returns:
            The same model with those tensors alone.
        """
        own = {name: info for name, info in self.tensors.items() if names.get(name) == module}
        return replace(self, tensors=own)


@dataclass(frozen=True)
class Views:
    """All models of a recipe under one set of names."""

    views: Mapping[str, View]
    """By reference."""
    hosts: tuple[str, ...] = ()
    """Models with eyes or ears, in the order of the recipe, if there are also others."""
    prefix: str = ""
    """Where the language model of the hosts lies."""
    problems: tuple[Problem, ...] = ()
    """Models that fit nowhere."""

    @property
    def names(self) -> list[str]:
        """The names of all tensors, sorted."""
        return sorted({name for view in self.views.values() for name in view.tensors})

    def may_lack(self, reference: str, name: str) -> bool:
        """Tell whether a model need not have a tensor: it has no eyes, and the tensor is of them.

        Args:
            reference: A model.
            name: Name of a tensor of the result.

        Returns:
            True for what lies outside the language model, if the model is nothing else.
        """
        if not self.hosts or reference in self.hosts:
            return False
        part, _ = part_of(name, MULTIMODAL)
        if part is None:
            return bool(self.prefix) and not begins_with(name, self.prefix)
        return part != TEXT


def has_senses(model: SourceModel) -> bool:
    """Tell whether a model has parts besides its language model, such as a vision tower."""
    names = model.checkpoint.tensors
    if rows_for(names) is not MULTIMODAL:
        return False
    return any(part_of(name, MULTIMODAL)[0] not in (None, TEXT) for name in names)


def align(models: Mapping[str, SourceModel]) -> Views:
    """Bring the models of a recipe under one set of names.

    Args:
        models: By reference, in the order of the recipe.

    Returns:
        A view of each. Names change only where plain language models meet others with more parts.
    """
    views = {
        name: View(model, model.checkpoint.tensors, model.checkpoint)
        for name, model in models.items()
    }
    hosts = tuple(name for name, model in models.items() if has_senses(model))
    guests = [name for name in models if name not in hosts]
    if not hosts or not guests:
        return Views(views)
    problems = []
    prefix = ""
    for guest in guests:
        found = _fitting(models[guest], models[hosts[0]])
        if len(found) == 1:
            prefix, tensors = found[0]
            model = models[guest]
            views[guest] = View(model, tensors, replace(model.checkpoint, tensors=tensors))
        else:
            problems.append(_misfit(models[guest], models[hosts[0]], [item[0] for item in found]))
    return Views(views, hosts, prefix, tuple(problems))


def _misfit(guest: SourceModel, host: SourceModel, places: Sequence[str]) -> Problem:
    several = f"fits {host.reference} in several places: {', '.join(places)}"
    none = f"has not the tensors of the language model of {host.reference} under any one prefix"
    what = f"{guest.reference} {several if places else none}"
    hint = "merge models of one architecture, or name modules and list it where it belongs"
    return Problem(Code.MERGE_ARCHITECTURE, what, hint=hint)


def _fitting(guest: SourceModel, host: SourceModel) -> list[tuple[str, dict[str, TensorInfo]]]:
    """Return each place in the host where the guest fits, with the guest's tensors renamed."""
    own = list(stacks(guest.checkpoint.tensors))
    if len(own) != 1:
        return []
    places = [s for s in stacks(host.checkpoint.tensors) if part_of(s, MULTIMODAL)[0] == TEXT]
    found = {}
    for place in places:
        head, other = _heads(own[0], place)
        images = _images(guest.checkpoint, host.checkpoint, head, other)
        if images is not None:
            found[other] = images
    return list(found.items())


def _heads(own: str, other: str) -> tuple[str, str]:
    """Return what differs at the front of two stacks: model.layers, x.model.layers give '', x."""
    left, right = own.split("."), other.split(".")
    while left and right and left[-1] == right[-1]:
        left, right = left[:-1], right[:-1]
    return ".".join(left), ".".join(right)


def _images(
    guest: Checkpoint, host: Checkpoint, head: str, other: str
) -> dict[str, TensorInfo] | None:
    found: dict[str, TensorInfo] = {}
    for name, info in guest.tensors.items():
        moved = _moved(name, head, other)
        image = next((item for item in (moved, name) if item in host.tensors), moved)
        fits = image in host.tensors or (is_head(image) and tied_stand_in(host, image) is not None)
        if not fits or image in found:
            return None
        found[image] = info
    return dict(sorted(found.items()))


def _moved(name: str, head: str, other: str) -> str:
    if not head:
        return f"{other}.{name}" if other else name
    if not begins_with(name, head):
        return name
    rest = name.removeprefix(head).removeprefix(".")
    return f"{other}.{rest}" if other else rest
