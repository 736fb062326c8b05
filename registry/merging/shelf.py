"""Where the results of earlier recipes are kept, and how one is known again.

A folder is used again only if the ledger recorded the very same candidate (recipe, weights, seed
and engine) and every file in it is, byte for byte, what was recorded. That a folder of the right
name exists says nothing.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evoreg.provenance.ledger.values import RecordedCandidate
from evoreg.provenance.papers.facts import Earlier
from evoreg.provenance.records.candidate import Candidate
from evoreg.provenance.records.canonical import to_canonical
from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.errors import Code, InputError, OutputError, Problem
from evoreg.registry.merging.course import Result
from evoreg.registry.merging.made import RECORD
from evoreg.registry.merging.output import remove_unlocked, translated
from evoreg.registry.merging.prepare import Prepared
from evoreg.registry.models.folder import read_folder
from evoreg.registry.models.hashing import DigestCache
from evoreg.registry.models.resolve import ResolvedModel
from evoreg.registry.releasing.paths import CARRIED
from evoreg.registry.settings import Settings, now

FOLDER = "intermediate"
"""Name of the default place, in the project folder."""

_DIGITS = 16
_SHAPING = ("config", "tokenizer", "other")
"""Roles of the small files of a source that decide about the result."""
_PARTIAL = re.compile(r"\.(?:.+-)?[0-9a-f]{16}\.partial-[0-9a-f]{8}")


@dataclass(frozen=True)
class Kept:
    """An earlier result that is whole."""

    result: Result
    """The model and what it was made from."""
    candidate: Candidate
    """The candidate as recorded."""
    entry: int
    """Number of its entry."""
    folder: Path
    """Where it lies."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The folder of the results of earlier recipes."""

    folder: Path
    """Where they lie, one folder each."""
    settings: Settings
    """Where ledger and caches are."""
    rules: int
    """Number of the arithmetic, which is a part of each candidate's id."""

    def place(self, name: str, prepared: Prepared, candidate: Digest) -> Path:
        """Return where a result belongs: its name, as far as it is ASCII, and digits of its key."""
        digits = self.key(prepared, candidate).removeprefix("sha256:")[:_DIGITS]
        plain = name.replace(" ", "_")
        return self.folder / (f"{plain}-{digits}" if plain.isascii() else digits)

    def key(self, prepared: Prepared, candidate: Digest) -> Digest:
        """Return what a result is known by: the candidate, and the small files that shape it.

        The id of a candidate knows the weights alone, but config and tokenizer of a source decide
        about the result too.

        Args:
            prepared: The recipe with its models.
            candidate: Id of the candidate.

        Returns:
            A digest.
        """
        shaping = {
            reference: {
                file.path: file.digest
                for part in (found.model, found.model.adapter)
                if part is not None
                for file in part.files
                if file.role in _SHAPING
            }
            for reference, found in prepared.models.items()
        }
        return digest_of(to_canonical({"candidate": candidate, "files": shaping}))

    def find(self, prepared: Prepared, name: str, candidate: Digest) -> Kept | Problem | None:
        """Look for a result.

        Args:
            prepared: The recipe with its models.
            name: Name of the recipe.
            candidate: Id of the candidate that is wanted.

        Returns:
            The result if it is there and whole; what is wrong with it; or nothing.

        Raises:
            InputError: The ledger cannot be read.
        """
        place = self.place(name, prepared, candidate)
        if not os.path.lexists(place):
            return None
        recorded = self._whole(place, candidate)
        if isinstance(recorded, str):
            hint = "it is set aside and the recipe carried out again"
            what = f"an intermediate result is not used again: {recorded}"
            return Problem(Code.INPUT_CHANGED, what, str(place), hint)
        cache = DigestCache(self.settings.project / "digests.sqlite")
        reading = read_folder(place, name=name, origin="local", revision=None, hasher=cache.digest)
        model = ResolvedModel(name, reading.model, place.resolve(), (), reading.problems)
        sources = {reference: found.model for reference, found in prepared.models.items()}
        made = Earlier(name, recorded.candidate, sources)
        return Kept(Result(model, made), recorded.candidate, recorded.seq, place)

    def tidy(self) -> None:
        """Remove what a killed run left half-made; what is being written is left alone."""
        if self.folder.is_dir():
            parts = sorted(self.folder.glob(".*.partial-*"))
            remove_unlocked([path for path in parts if _PARTIAL.fullmatch(path.name)])

    def set_aside(self, place: Path) -> Path:
        """Move what stands in the place of a result away; nothing is removed.

        Args:
            place: The folder.

        Returns:
            Where it is now.

        Raises:
            OutputError: It cannot be moved.
        """
        number = 1
        while os.path.lexists(aside := place.with_name(f"{place.name}.aside-{number}")):
            number += 1
        with translated(place):
            place.rename(aside)
        return aside

    def _whole(self, place: Path, candidate: Digest) -> RecordedCandidate | str:
        """Return the recording that describes all files, or what is wrong."""
        if not self.settings.ledger_exists:
            return "there is no ledger that knows it"
        # SQLAlchemy is heavy, and a check looks for no results on any shelf.
        from evoreg.provenance.ledger.opening import open_ledger

        with open_ledger(self.settings.ledger, actor=self.settings.actor, clock=now) as ledger:
            recordings = ledger.candidate(candidate)
            releases = ledger.releases(candidate)
        if not recordings:
            return "the ledger does not know it"
        try:
            present = dict(self._files(place))
        except (InputError, OSError) as error:
            return f"it cannot be read: {error}"
        for recording in reversed(recordings):
            written = {file.path: file.digest for file in recording.candidate.outputs}
            for release in releases:
                papers = {file.path: file.digest for file in release.release.papers}
                if present == {**written, **papers}:
                    return recording
        return "its files are not those that were recorded"

    def _files(self, place: Path) -> Iterator[tuple[str, Digest]]:
        """Yield path and digest of every file but the records and what a file browser leaves."""
        cache = DigestCache(self.settings.project / "digests.sqlite")
        for path in sorted(place.rglob("*")):
            relative = path.relative_to(place)
            if path.is_symlink():
                raise InputError(Code.INPUT_ESCAPES, "there is a link in it", where=str(relative))
            name = relative.as_posix()
            if path.is_dir() or name in (RECORD, ".DS_Store") or name in CARRIED:
                continue
            yield name, cache.digest(path)


def shelf_of(folder: Path | None, settings: Settings, rules: int) -> Shelf:
    """Return the place of intermediate results.

    Args:
        folder: Where the user wants it.
        settings: Knows the project folder.
        rules: Number of the arithmetic.

    Returns:
        That place; by default ``.evoreg/intermediate``.

    Raises:
        OutputError: There is something else of that name.
    """
    place = folder if folder is not None else settings.project / FOLDER
    if os.path.lexists(place) and not place.is_dir():
        raise OutputError(
            Code.OUTPUT_UNWRITABLE,
            "the place of the intermediate results is no folder",
            where=str(place),
            hint="choose another folder with --intermediate-dir",
        )
    return Shelf(place, settings, rules)
