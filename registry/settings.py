"""Where evoreg keeps its books, who writes into them, and whether it may use the network."""

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from evoreg.provenance.records.errors import Code, UsageError

PROJECT = ".evoreg"
"""Folder of ledger and caches, in the working folder."""

_TRUE = ("1", "true", "yes", "on")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says."""

    project: Path
    """Folder of ledger and caches."""
    ledger: str
    """SQLAlchemy URL of the ledger."""
    actor: str
    """Who writes into the ledger."""
    offline: bool
    """True if nothing may be fetched."""

    @property
    def ledger_exists(self) -> bool:
        """False only if the ledger is a SQLite file that is not there yet."""
        path = self.ledger.removeprefix("sqlite:///")
        return path == self.ledger or Path(path).exists()


def settings_from(environment: Mapping[str, str], folder: Path, *, offline: bool) -> Settings:
    """Read the settings.

    Args:
        environment: Reads ``EVOREG_LEDGER``, ``EVOREG_ACTOR``, ``EVOREG_OFFLINE`` and
            ``HF_HUB_OFFLINE``.
        folder: The working folder.
        offline: True if the user asked for it on the command line.

    Returns:
        The settings; by default the ledger is ``.evoreg/ledger.sqlite`` in the working folder.

    Raises:
        UsageError: ``EVOREG_LEDGER`` is set to nothing.
    """
    project = folder / PROJECT
    url = environment.get("EVOREG_LEDGER", f"sqlite:///{project / 'ledger.sqlite'}")
    if not url.strip():
        raise UsageError(
            Code.USAGE, "EVOREG_LEDGER is empty", hint="unset it, or give a SQLAlchemy URL"
        )
    asked = (environment.get(name, "").lower() for name in ("EVOREG_OFFLINE", "HF_HUB_OFFLINE"))
    return Settings(
        project=project,
        ledger=url,
        actor=environment.get("EVOREG_ACTOR", "").strip() or _user(),
        offline=offline or any(value in _TRUE for value in asked),
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container user without a name
        return "unknown"


def evoreg_version() -> str:
    """Return the version of the installed distribution."""
    return version("evoreg")


def now() -> datetime:
    """Return the present time in UTC; the only clock of evoreg."""
    return datetime.now(UTC)
