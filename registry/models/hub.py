"""Fetching a model from the Hugging Face Hub, through its client and into its cache.

A branch or tag is first turned into a commit, and everything else is asked of that commit. What
is in the cache is not asked for again: a model whose commit is complete there needs no network.
Only files that evoreg reads are fetched; code and pickles never are.
"""

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from evoreg.provenance.records.errors import Code, InputError, OutputError, Problem
from evoreg.registry.models.hub_client import Client, HubSettings
from evoreg.registry.models.reference import HubPlace

__all__ = ["HubSettings", "Snapshot", "fetch", "in_cache", "using_cache"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A model in the cache, at one commit."""

    folder: Path
    """Its folder."""
    commit: str
    """40 hexadecimal digits."""
    problems: tuple[Problem, ...] = ()
    """What could not be made sure of."""


def fetch(place: HubPlace, *, offline: bool, settings: HubSettings) -> Snapshot:
    """Bring a model of the Hub into the cache, if it is not there.

    Args:
        place: Which model, at which revision.
        offline: Make no network call; ``HF_HUB_OFFLINE`` in the environment means the same.
        settings: How to reach the Hub.

    Returns:
        Where it lies, and its commit. Problems: the Hub did not answer and a branch was read as
        it was last seen (HUB_UNREACHABLE), or files may be missing from the cache (INPUT_MISSING).

    Raises:
        InputError: There is no such model, or it is not in the cache and `offline`
            (INPUT_MISSING), no such revision (HUB_REVISION), no permission (HUB_DENIED), no answer
            (HUB_UNREACHABLE), or only pickles (INPUT_PICKLE).
        OutputError: The disk is full.
    """
    client = Client(place, settings, offline)
    with using_cache(place.repository), client.doors():
        commit, problems = client.pin()
        folder, unsure = client.gather(commit)
        client.note(commit)
        return Snapshot(folder, commit, (*problems, *unsure))


@contextmanager
def using_cache(repository: str) -> Iterator[None]:
    """Turn errors of the disk, while the Hub cache is in use, into errors of evoreg.

    Args:
        repository: The model that is read.

    Yields:
        Once.

    Raises:
        InputError: The cache cannot be read.
        OutputError: The disk is full.
    """
    try:
        yield
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        kind = OutputError if full else InputError
        code = Code.OUTPUT_FULL if full else Code.INPUT_UNREADABLE
        raise kind(
            code,
            f"the Hub cache cannot be used: {error.strerror or error}",
            where=repository,
            hint="make room, or point HF_HUB_CACHE at another disk",
        ) from error


def in_cache(repository: str, settings: HubSettings) -> bool:
    """Tell whether the Hub cache holds anything of a model, without loading the Hub client.

    Args:
        repository: ``org/name``.
        settings: Where the cache is; nothing: as the environment says.

    Returns:
        True if there is a folder for it; whether it is complete is not known.
    """
    folder = settings.folder or _cache_folder(os.environ)
    return (folder.expanduser() / ("models--" + repository.replace("/", "--"))).is_dir()


def _cache_folder(environment: Mapping[str, str]) -> Path:
    """Return where the Hub client keeps its cache, by the rules that it documents."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if environment.get(name):
            return Path(os.path.expandvars(environment[name]))
    base = environment.get("XDG_CACHE_HOME") or "~/.cache"
    home = environment.get("HF_HOME") or str(Path(base) / "huggingface")
    return Path(os.path.expandvars(home)) / "hub"
