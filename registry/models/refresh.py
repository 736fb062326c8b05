"""Refreshing: looking again at registered models, and telling what changed since.

Licences change at the Hub: a card is edited, a LICENSE file replaced, a model withdrawn. What is
seen is registered as a further observation, and nothing is ever removed: what a model was once
licensed under stays known.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.values import RegisteredModel
from evoreg.provenance.records.digest import short
from evoreg.provenance.records.errors import Code, EvoregError, InputError
from evoreg.provenance.records.model import Model
from evoreg.registry.models.catalogue import add_model
from evoreg.registry.models.hashing import Hasher
from evoreg.registry.models.hub import HubSettings, using_cache
from evoreg.registry.models.hub_client import Client
from evoreg.registry.models.peek import peek
from evoreg.registry.models.reference import HubPlace, LocalPlace, Place, Reference
from evoreg.registry.models.resolve import ResolvedModel
from evoreg.registry.models.roles import ADAPTER_CONFIG

State = Literal["unchanged", "changed", "gone", "refused", "unseen", "skipped"]
"""What looking again led to; ``gone`` from the Hub, ``refused`` by it, ``unseen`` for any other
reason, ``skipped`` because the Hub may not be asked."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that is not as it was registered."""

    what: str
    """Which fact: licence, licence text, parents, weights and so on."""
    before: str
    """What was registered; empty for nothing."""
    after: str
    """What is there now; empty for nothing."""
    licence: bool = False
    """True if the terms may be others now, so that a person must look."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """One model, looked at again."""

    entry: RegisteredModel
    """The registration that it was compared with."""
    state: State
    """What came of it."""
    changes: tuple[Change, ...] = ()
    """What is not as it was."""
    why: str = ""
    """Why nothing could be seen."""
    recorded: int | None = None
    """Number of the entry of the new observation, if there is one."""

    @property
    def alarming(self) -> bool:
        """True if a person must look: terms changed or vanished, or the Hub shows it no more."""
        return self.state in ("gone", "refused") or any(c.licence for c in self.changes)


@dataclass(frozen=True, slots=True)
class Lookout:
    """How models are looked at."""

    hasher: Hasher
    """Measures files of folders."""
    offline: bool = False
    """Ask nothing of the Hub."""
    hub: HubSettings | None = None
    """How to reach the Hub; nothing: as the environment says."""


def refresh(ledger: Ledger, names: Sequence[str], lookout: Lookout) -> Iterator[Refreshed]:
    """Look again at registered models, and register what is seen if it is not as it was.

    Args:
        ledger: An open ledger.
        names: Names of models; none means all.
        lookout: How to look.

    Yields:
        Each model, sorted by name, as soon as it was looked at.

    Raises:
        InputError: The ledger has no model of a given name (MODEL_UNKNOWN).
    """
    newest = {_key(entry): entry for entry in ledger.models()}
    wanted = [entry for entry in newest.values() if not names or entry.model.name in names]
    for name in names:
        if not any(entry.model.name == name for entry in wanted):
            raise InputError(
                Code.MODEL_UNKNOWN,
                "the ledger has no such model",
                where=repr(name[:200]),
                hint="evoreg model list shows all names",
            )
    for entry in sorted(wanted, key=_key):
        yield _again(ledger, entry, lookout)


def changes(old: Model, new: Model) -> tuple[Change, ...]:
    """Compare two states of a model.

    Args:
        old: As it was registered.
        new: As it is.

    Returns:
        What differs, licences first; that of an adapter too.
    """
    found = [*_terms(old, new), *_papers(old, new), *_others(old, new)]
    if old.adapter is not None and new.adapter is not None:
        found += changes(old.adapter, new.adapter)
    return tuple(sorted(found, key=lambda change: not change.licence))


def _key(entry: RegisteredModel) -> tuple[str, str, str]:
    model = entry.model
    adapter = model.adapter.name if model.adapter is not None else ""
    return model.name, adapter, entry.location if model.origin == "local" else ""


def _again(ledger: Ledger, entry: RegisteredModel, lookout: Lookout) -> Refreshed:
    try:
        places = _places(entry)
        remote = [place for place in places if isinstance(place, HubPlace)]
        if remote and lookout.offline:
            return Refreshed(entry, "skipped", why="the Hub is not asked while offline")
        gated = [place for place in remote if _is_gated(place, lookout)]
        found = _look(places, lookout)
    except EvoregError as error:
        return Refreshed(entry, _state(error, entry), why=error.problems[0].what)
    differ = changes(entry.model, found.model)
    done = add_model(ledger, found) if differ else None
    if gated and not entry.model.card.gated_prompt:
        differ = (*differ, Change("access", "", "the Hub asks for consent before a download"))
    recorded = done.entry.seq if done is not None and done.added else None
    return Refreshed(entry, "changed" if differ else "unchanged", differ, recorded=recorded)


def _state(error: EvoregError, entry: RegisteredModel) -> State:
    if entry.model.origin == "hub" and error.code is Code.INPUT_MISSING:
        return "gone"
    return "refused" if error.code is Code.HUB_DENIED else "unseen"


def _places(entry: RegisteredModel) -> list[Place]:
    """Return where a model lies, and where its adapter does."""
    parts = [entry.model] if entry.model.adapter is None else [entry.model, entry.model.adapter]
    folders = [entry.location] if len(parts) == 1 else entry.location.split("+")
    if len(folders) != len(parts) and any(part.origin == "local" for part in parts):
        raise InputError(
            Code.INPUT_MISSING,
            "the ledger does not say where its folders lie",
            where=entry.model.label,
            hint="register it again: evoreg model add REFERENCE",
        )
    return [
        HubPlace(part.name, None) if part.origin == "hub" else LocalPlace(Path(folders[at]))
        for at, part in enumerate(parts)
    ]


def _look(places: Sequence[Place], lookout: Lookout) -> ResolvedModel:
    text = " + ".join(_shown(place) for place in places)
    adapter = places[1] if len(places) > 1 else None
    return peek(
        Reference(text, places[0], adapter),
        base_folder=Path(),
        hasher=lookout.hasher,
        offline=lookout.offline,
        hub=lookout.hub,
        weightless=True,
    )


def _shown(place: Place) -> str:
    return place.repository if isinstance(place, HubPlace) else str(place.folder)


def _is_gated(place: HubPlace, lookout: Lookout) -> bool:
    client = Client(place, lookout.hub or HubSettings(), lookout.offline)
    with using_cache(place.repository), client.doors():
        return client.is_gated()


def _terms(old: Model, new: Model) -> Iterator[Change]:
    for what, key in (("licence", "license"), ("licence name", "license_name")):
        before, after = _text(getattr(old.card, key)), _text(getattr(new.card, key))
        if before.casefold() != after.casefold():
            yield Change(what, before, after, licence=True)
    before, after = _text(old.card.license_link), _text(new.card.license_link)
    if before != after:
        yield Change("licence link", before, after, licence=True)


def _papers(old: Model, new: Model) -> Iterator[Change]:
    before = {file.path: file for file in old.files if file.role in ("license", "notice")}
    after = {file.path: file for file in new.files if file.role in ("license", "notice")}
    for path in sorted({*before, *after}):
        one, other = before.get(path), after.get(path)
        if one is not None and other is not None and one.digest == other.digest:
            continue
        role = (one or other or before[path]).role
        was, now = short(one.digest) if one else "", short(other.digest) if other else ""
        word = "licence text" if role == "license" else "notice"
        yield Change(f"{word} {path}", was, now, licence=role == "license")


def _others(old: Model, new: Model) -> Iterator[Change]:
    pairs = (
        ("parents", _text(old.card.base_model), _text(new.card.base_model)),
        ("recipe", _recipes(old), _recipes(new)),
        ("relation", old.card.base_model_relation, new.card.base_model_relation),
        ("data sets", _text(old.card.datasets), _text(new.card.datasets)),
        ("gate", old.card.gated_prompt, new.card.gated_prompt),
        ("successor", old.card.new_version, new.card.new_version),
        ("weights", _weights(old), _weights(new)),
        ("commit", old.revision, new.revision),
    )
    for what, before, after in pairs:
        if (before or "") != (after or ""):
            yield Change(what, before or "", after or "")


def _recipes(model: Model) -> str:
    """Return the files beside the card that name parents."""
    found = (f for f in model.files if f.role == "recipe" or f.path == ADAPTER_CONFIG)
    return ", ".join(f"{file.path} {short(file.digest)}" for file in found)


def _weights(model: Model) -> str:
    return short(model.identity) if model.weights else ""


def _text(value: tuple[str, ...] | str | None) -> str:
    return ", ".join(value) if isinstance(value, tuple) else (value or "").strip()
