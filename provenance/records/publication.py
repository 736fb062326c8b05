"""A publication: the steps by which a release leaves this machine, each on record."""

from typing import Annotated, Literal

from pydantic import Field

from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.model import File
from evoreg.provenance.records.record import Record

PublicationState = Literal["prepared", "confirmed", "abandoned"]
"""Prepared before anything leaves the machine; afterwards confirmed, or abandoned if nothing
arrived."""


class Publication(Record):
    """One step of a publication. The files of a step are those of the first one."""

    release: Digest
    """Digest of the release's record."""
    target: str
    """Where to: an address such as ``hf://org/name``."""
    branch: str
    """Branch or pull request there; empty if the place knows none."""
    state: PublicationState
    """How far it has come."""
    files: tuple[File, ...]
    """What is to arrive, sorted by path."""
    before: str | None = None
    """Commit on which it is put, as the place calls it; nothing for an empty place."""
    prepared: Annotated[int, Field(ge=1)] | None = None
    """Number of the entry that says ``prepared``; nothing in that entry itself."""
    commit: str | None = None
    """What the place calls the result; only if confirmed."""
    why: str = ""
    """Why it was abandoned, or how it was found out."""
