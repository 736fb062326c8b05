"""The scout: looks parents up at the Hub or in its cache, and stops when it has asked enough."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from evoreg.provenance.records.errors import Code, EvoregError
from evoreg.registry.models.hashing import Hasher
from evoreg.registry.models.hub import HubSettings, in_cache
from evoreg.registry.models.peek import peek
from evoreg.registry.models.reference import HubPlace, Reference
from evoreg.registry.models.resolve import ResolvedModel

MOST = 2000
"""Models that are asked for at the Hub in one run."""
_PATIENCE = 3
"""Failures in a row after which the Hub counts as down."""
_NOWHERE = Path("/dev/null")


def _ignore(name: str) -> None:
    """Take the place of a progress callback."""


@dataclass
class Scout:
    """Finds models of the Hub by name; each is asked for once."""

    hasher: Hasher
    """Measures files."""
    offline: bool = False
    """Look only into the cache."""
    hub: HubSettings = field(default_factory=HubSettings)
    """How to reach the Hub."""
    progress: Callable[[str], None] = _ignore
    """Told the name of each model before the Hub is asked."""
    _asked: int = 0
    _failed: int = 0
    _silent: str = ""
    _known: dict[tuple[str, str | None], ResolvedModel | str] = field(default_factory=dict)

    def find(self, name: str, revision: str | None) -> ResolvedModel | str:
        """Look for a model.

        Args:
            name: As somebody named it; anything.
            revision: A commit, or nothing for the default branch.

        Returns:
            Its papers; or, in words, why they could not be looked at.
        """
        key = (name, revision)
        if key not in self._known:
            self._known[key] = self._look(name, revision)
        return self._known[key]

    def _look(self, name: str, revision: str | None) -> ResolvedModel | str:
        place = _hub_place(name)
        if place is None or place.revision is not None:
            return "it is neither registered nor a model of the Hub"
        place = replace(place, revision=revision)
        if self.offline or self._silent or self._asked >= MOST:
            if not in_cache(name, self.hub):
                return self._why_not()
            return self._peek(place, offline=True)
        self._asked += 1
        self.progress(name)
        return self._peek(place, offline=False)

    def _why_not(self) -> str:
        if self.offline:
            return "it is not registered and not in the Hub cache, and evoreg is offline"
        return self._silent or f"more than {MOST} parents would have to be looked up"

    def _peek(self, place: HubPlace, *, offline: bool) -> ResolvedModel | str:
        try:
            found = peek(
                Reference(place.repository, place),
                base_folder=_NOWHERE,
                hasher=self.hasher,
                offline=offline,
                # Names of blobs are good enough to recognise a parent; its weights are not used.
                hub=replace(self.hub, trust_cache=True),
                weightless=True,
            )
            self._failed = 0
            return found
        except EvoregError as error:
            what = error.problems[0].what
            self._failed = self._failed + 1 if error.code is Code.HUB_UNREACHABLE else 0
            if self._failed == _PATIENCE:
                self._silent = what
            return what


def _hub_place(name: str) -> HubPlace | None:
    """Return where a name points to at the Hub; a folder of that name is never meant."""
    try:
        reference = Reference.parse(name, base_folder=_NOWHERE)
    except EvoregError:
        return None
    place = reference.place if reference.adapter is None else None
    return place if isinstance(place, HubPlace) else None
