"""Resolving: from what a recipe says to exact weights on the disk, with their papers."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from evoreg.evolve.checkpoints.adapter_settings import model_of
from evoreg.provenance.records.errors import Code, InputError, Problem
from evoreg.provenance.records.model import Model
from evoreg.registry.models.folder import Reading, Text, read_folder
from evoreg.registry.models.hashing import Hasher
from evoreg.registry.models.hub import HubSettings, fetch
from evoreg.registry.models.reference import LocalPlace, Place, Reference
from evoreg.registry.models.roles import ADAPTER_CONFIG, ADAPTER_WEIGHTS

_HUB_NAME = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A reference and what it stands for."""

    reference: str
    """As written."""
    model: Model
    """The model, its adapter included."""
    folder: Path
    """Where its files lie, links resolved as far as the folder itself."""
    texts: tuple[Text, ...]
    """Licence and notice files of the model itself."""
    problems: tuple[Problem, ...]
    """What is wrong without making it unusable, the adapter's problems included."""
    adapter: "ResolvedModel | None" = None
    """The adapter on top of it."""
    complete: bool = True
    """False if only its papers lie in the folder: the digests of its weights are the Hub's word."""


def resolve(
    reference: Reference | str,
    *,
    base_folder: Path,
    hasher: Hasher,
    offline: bool = False,
    hub: HubSettings | None = None,
) -> ResolvedModel:
    """Find the model that a reference names, fetch it if need be, and read its folder.

    Args:
        reference: A reference, or its text.
        base_folder: Folder that relative folders start from.
        hasher: Measures files, usually `DigestCache.digest`.
        offline: Make no network call.
        hub: How to reach the Hub; nothing: as the environment says.

    Returns:
        The model at one exact state: a model of the Hub is pinned to its commit.

    Raises:
        RecipeError: The text is no reference.
        InputError: The model is missing, refused, unreachable or hostile.
        OutputError: The disk of the Hub cache is full.
    """
    if isinstance(reference, str):
        reference = Reference.parse(reference, base_folder=base_folder)
    errand = _Errand(hasher, offline, hub or HubSettings())
    whole = errand.resolve(reference.text, reference.place)
    if reference.adapter is None:
        return whole
    return joined(whole, errand.resolve(reference.text, reference.adapter))


def joined(whole: ResolvedModel, adapter: ResolvedModel) -> ResolvedModel:
    """Put an adapter on a model.

    Args:
        whole: The model.
        adapter: What stands after the ``+``.

    Returns:
        The model with the adapter.

    Raises:
        InputError: It is no adapter, or shares its folder with other weights.
    """
    _check_adapter(adapter)
    return replace(
        whole,
        model=whole.model.model_copy(update={"adapter": adapter.model}),
        problems=(*whole.problems, *adapter.problems, *_other_model(whole, adapter)),
        adapter=adapter,
        complete=whole.complete and adapter.complete,
    )


@dataclass(frozen=True, slots=True)
class _Errand:
    """How one reference is resolved."""

    hasher: Hasher
    offline: bool
    hub: HubSettings

    def resolve(self, text: str, place: Place) -> ResolvedModel:
        if isinstance(place, LocalPlace):
            return self._local(text, place.folder)
        snapshot = fetch(place, offline=self.offline, settings=self.hub)
        reading = read_folder(
            snapshot.folder,
            name=place.repository,
            origin="hub",
            revision=snapshot.commit,
            hasher=self.hasher,
            trust_cache=self.hub.trust_cache,
        )
        return read_as(text, snapshot.folder, reading, snapshot.problems)

    def _local(self, text: str, folder: Path) -> ResolvedModel:
        folder = folder.resolve()
        name = "".join(sign if sign.isprintable() else "?" for sign in folder.name) or "model"
        reading = read_folder(folder, name=name, origin="local", revision=None, hasher=self.hasher)
        return read_as(text, folder, reading)


def read_as(
    text: str,
    folder: Path,
    reading: Reading,
    problems: tuple[Problem, ...] = (),
    *,
    complete: bool = True,
) -> ResolvedModel:
    """Return what was read from a folder as the answer to a reference.

    Args:
        text: The reference as written.
        folder: Where the files lie.
        reading: What was read.
        problems: What went wrong on the way there.
        complete: False if only papers lie there.

    Returns:
        The model, its problems naming it.
    """
    named = tuple(
        replace(problem, where=f"{reading.model.label}: {problem.where}")
        for problem in reading.problems
    )
    texts, found = reading.texts, (*problems, *named)
    return ResolvedModel(text, reading.model, folder, texts, found, complete=complete)


def _check_adapter(adapter: ResolvedModel) -> None:
    if not any(file.path == ADAPTER_CONFIG for file in adapter.model.files):
        raise InputError(
            Code.INPUT_CONFIG,
            f"what stands after the + is no adapter: it has no {ADAPTER_CONFIG}",
            where=adapter.model.label,
            hint="name a LoRA adapter, or write the model as one of its own",
        )
    weights = [file.path for file in adapter.model.weights]
    if weights != [ADAPTER_WEIGHTS]:
        # What was measured must be what will be applied.
        raise InputError(
            Code.INPUT_CONFIG,
            f"the adapter shares its folder with other weights: {', '.join(weights[:3])}",
            where=adapter.model.label,
            hint=f"put {ADAPTER_CONFIG} and {ADAPTER_WEIGHTS} into a folder of their own",
        )


def _other_model(whole: ResolvedModel, adapter: ResolvedModel) -> tuple[Problem, ...]:
    """Return a note if the adapter says that it was made for another model."""
    named = model_of(adapter.folder)
    wanted = named.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1].split("@")[0]
    own = whole.model.name.rsplit("/", 1)[-1]
    # Folders are called as their owner likes; only two names of the Hub can contradict each other.
    alike = wanted.casefold() == own.casefold()
    if alike or whole.model.origin != "hub" or _HUB_NAME.fullmatch(named) is None:
        return ()
    what = f"the adapter was made for {named}, and is put on {whole.model.name}"
    hint = "its effect on another model is anybody's guess; evaluate the result"
    return (Problem(Code.INPUT_CONFIG, what, adapter.model.label, hint),)
