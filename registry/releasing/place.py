"""The folder of a release that somebody else put there: looked into without being led astray.

Links may lead to other places of the folder, and those of a Hub cache into its blobs; no file is
read past its limit. What is wrong is collected, for it is a finding and not a failure.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from evoreg.provenance.papers.escape import plain
from evoreg.provenance.records.errors import Code, InputError, Problem
from evoreg.provenance.records.model import File
from evoreg.registry.models.hashing import measure, open_regular
from evoreg.registry.models.inside import Item, check_place, item_of, root_of

MOST_FILES = 20_000
"""Files and folders in a release that are looked at."""

_DEEPEST = 16
_LONGEST_PATH = 1000
_LONGEST_PART = 255
_ASIDE = (".git", ".cache")
"""Folders of git and of the Hub's client, which no program loads a model from."""
_HINT = "fetch the release again, or ask whoever released it"


@dataclass(frozen=True, slots=True)
class Place:
    """A folder, and what was found to be wrong with it so far."""

    root: Path
    """The folder, all links resolved."""
    problems: list[Problem] = field(default_factory=list)
    """What is wrong, in the order in which it was found."""

    @classmethod
    def at(cls, folder: Path) -> "Place":
        """Look at a folder.

        Args:
            folder: As the user named it; it may itself be a link.

        Returns:
            The place, without problems yet.

        Raises:
            InputError: There is no such folder.
        """
        try:
            return cls(root_of(folder))
        except InputError as error:
            hint = "name the folder that evoreg merge wrote, or a copy of it"
            told = [
                replace(one, what="there is no such folder", hint=hint) for one in error.problems
            ]
            raise InputError.of(told) from error

    def tell(self, code: Code, what: str, path: str = "", hint: str = _HINT) -> None:
        """Note something that is wrong.

        Args:
            code: Its code.
            what: One sentence.
            path: The file, as anybody may have named it.
            hint: What to do about it.
        """
        self.problems.append(Problem(code, what, plain(path), hint))

    def has(self, path: str) -> bool:
        """Tell whether anything lies at a path of evoreg's own, whatever it is."""
        return os.path.lexists(self.root / path)

    def read(self, path: str, most: int) -> bytes | None:
        """Read a file.

        Args:
            path: Relative to the folder, as anybody may have written it.
            most: Most bytes that it may have.

        Returns:
            Its content; nothing if there is none, or if it was noted as a problem.
        """
        item = self._item(path)
        if item is None:
            return None
        if item.size > most:
            self.tell(Code.INPUT_UNREADABLE, f"longer than {most:,} bytes", path)
            return None
        try:
            return _content(item, most)
        except InputError as error:
            self._tell_of(error, path)
            return None

    def holds(self, file: File) -> bool:
        """Tell whether a file is there as it was recorded, and note it if it is not.

        Args:
            file: Path, size and digest as recorded.

        Returns:
            True if every byte is that of the recorded file.
        """
        before = len(self.problems)
        item = self._item(file.path)
        if item is None:
            if len(self.problems) == before:
                self.tell(Code.PAPER_MISSING, "this file was recorded and is missing", file.path)
            return False
        try:
            same = item.size == file.size and measure(item.real) == file.digest
        except InputError as error:
            self._tell_of(error, file.path)
            return False
        if not same:
            what = "this file is not the one that was recorded"
            self.tell(Code.VERIFY_DIGEST, what, file.path)
        return same

    def files(self) -> tuple[str, ...]:
        """List all files; a link to a folder is noted as a problem and not followed.

        Returns:
            POSIX paths, sorted, without what git and the client of the Hub keep for themselves.
        """
        found: list[str] = []
        try:
            for path in self._walk("", 0):
                found.append(path)
                if len(found) > MOST_FILES:
                    self.tell(Code.INPUT_UNREADABLE, f"more than {MOST_FILES:,} files")
                    break
        except OSError as error:
            what = f"the folder cannot be listed: {error.strerror or error}"
            self.tell(Code.INPUT_UNREADABLE, what, shown(str(error.filename or "")))
        return tuple(sorted(found))

    def _walk(self, above: str, depth: int) -> Iterator[str]:
        if depth > _DEEPEST:
            self.tell(Code.INPUT_UNREADABLE, f"folders deeper than {_DEEPEST}", above)
            return
        with os.scandir(self.root / above) as entries:
            inside = sorted(entries, key=lambda entry: entry.name)
        for entry in inside:
            path = f"{above}/{entry.name}" if above else entry.name
            if entry.is_dir(follow_symlinks=False):
                if path not in _ASIDE:
                    yield from self._walk(path, depth + 1)
            elif entry.is_symlink() and entry.is_dir():
                self.tell(Code.INPUT_ESCAPES, "a link to a folder is not followed", shown(path))
            else:
                yield path

    def _item(self, path: str) -> Item | None:
        if not _is_path(path):
            self.tell(Code.INPUT_ESCAPES, "this is no path inside a release", path)
            return None
        if not os.path.lexists(self.root / path):
            return None
        try:
            check_place(self.root, PurePosixPath(path))
            item = item_of(self.root, path, "other")
        except InputError as error:
            self._tell_of(error, path)
            return None
        if item is None:
            self.tell(Code.INPUT_UNREADABLE, "a folder stands where a file was expected", path)
        return item

    def _tell_of(self, error: InputError, path: str) -> None:
        for problem in error.problems:
            self.tell(problem.code, problem.what, path)


def shown(path: str) -> str:
    """Return a path as valid text, whatever bytes its name holds."""
    return path.encode(errors="backslashreplace").decode()


def _is_path(path: str) -> bool:
    parts = path.split("/")
    return (
        len(path) <= _LONGEST_PATH
        and path.isprintable()
        and all(
            part not in ("", ".", "..") and len(part.encode()) <= _LONGEST_PART for part in parts
        )
    )


def _content(item: Item, most: int) -> bytes:
    with open_regular(item.real) as source:
        data = bytearray()
        while len(data) <= most and (piece := source.read(most + 1 - len(data))):
            data += piece
    if len(data) > most:
        raise InputError(Code.INPUT_UNREADABLE, f"longer than {most:,} bytes")
    return bytes(data)
