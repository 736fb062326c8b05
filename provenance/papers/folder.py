"""Checks a release that lies in a folder, whoever put it there.

The folder is hostile: no link is followed, nothing outside is opened, no file is read past its
limit, and whatever it holds gives a list of problems and never an error.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from evoreg.provenance.papers.changes import change_words
from evoreg.provenance.papers.escape import plain
from evoreg.provenance.papers.facts import UpstreamFile
from evoreg.provenance.papers.record import RECORD, Told, read_record
from evoreg.provenance.papers.verify import missing_papers, owed_paths
from evoreg.provenance.records.decision import Decision
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.errors import Code, EvoregError, Problem
from evoreg.provenance.records.model import File

LARGEST_PAPER = 4 * 1024 * 1024
"""Bytes; a longer paper is not read."""

LARGEST_RECORD = 32 * 1024 * 1024
"""Bytes; a longer evoreg.json is not read."""

MOST_OBLIGATIONS = 2_000
"""A record that names more obligations, sources or papers is not checked."""

_PART = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9._+-]{0,199}")
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class _Reader:
    folder: Path
    problems: list[Problem] = field(default_factory=list)

    def read(self, path: str, limit: int = LARGEST_PAPER) -> bytes | None:
        """Return the content of a file; nothing if it is not there, or was told as a problem."""
        if not all(_PART.fullmatch(part) for part in path.split("/")) or path.count("/") > 7:
            self._tell(Code.INPUT_ESCAPES, "this is no path of a paper", path)
            return None
        try:
            return self._opened(path, limit)
        except FileNotFoundError:
            return None
        except OSError as error:
            linked = error.errno in (errno.ELOOP, errno.ENOTDIR)
            code = Code.INPUT_ESCAPES if linked else Code.INPUT_UNREADABLE
            what = (
                "a link, or no folder, stands in the way"
                if linked
                else f"it cannot be read: {error.strerror}"
            )
            self._tell(code, what, path)
            return None

    def _opened(self, path: str, limit: int) -> bytes | None:
        *folders, name = path.split("/")
        with ExitStack() as open_ones:
            # The folder itself is the user's word and may be a link; nothing below it may.
            place = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            open_ones.callback(os.close, place)
            for part in folders:
                place = os.open(part, _FLAGS | os.O_DIRECTORY, dir_fd=place)
                open_ones.callback(os.close, place)
            handle = os.open(name, _FLAGS, dir_fd=place)
            open_ones.callback(os.close, handle)
            return self._content(handle, path, limit)

    def _content(self, handle: int, path: str, limit: int) -> bytes | None:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            self._tell(Code.INPUT_UNREADABLE, "this is no file", path)
            return None
        with os.fdopen(os.dup(handle), "rb") as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            self._tell(Code.INPUT_UNREADABLE, f"longer than {limit} bytes", path)
            return None
        return data

    def _tell(self, code: Code, what: str, path: str) -> None:
        hint = "put the file itself there, as evoreg wrote it"
        self.problems.append(Problem(code, what, plain(path), hint))


def verify_folder(
    folder: Path,
    *,
    decision: Decision | None = None,
    upstream: Sequence[UpstreamFile] = (),
    papers: Sequence[File] = (),
    name: str = "",
) -> tuple[Problem, ...]:
    """Return everything that is missing, changed or unreadable among the papers of a release.

    Weights are not read. That the record in the folder is true is not checked either: whoever
    doubts it passes the decision and the papers that the ledger holds.

    Args:
        folder: Where the release lies.
        decision: What is owed; left out, the decision in its evoreg.json counts.
        upstream: Licence and notice files of the sources, if they are at hand.
        papers: The papers as they were recorded, to compare digests; left out, those that
            evoreg.json lists, if it does.
        name: Name under which it goes out; empty if only the title of the card counts.

    Returns:
        Problems sorted by path: EVO-V002 for what is owed and missing, EVO-V001 for what was
        changed, EVO-I002, I004 and I013 for what cannot be read. Nothing if all is there.
    """
    reader = _Reader(folder)
    told = _told(reader)
    settled = decision or (told.decision if told else None)
    listed = tuple(papers) or (told.papers if told else ())
    found: list[Problem] = []
    if settled is not None:
        try:
            found += _checked(reader, settled, told, upstream, name)
        except EvoregError as error:
            found += [_safe(problem) for problem in error.problems]
    changed = list(_changed(reader, listed))
    return _sorted((*reader.problems, *found, *changed))


def _told(reader: _Reader) -> Told | None:
    before = len(reader.problems)
    data = reader.read(RECORD, LARGEST_RECORD)
    if data is None:
        if len(reader.problems) == before:
            hint = "name the folder that a merge wrote, or merge again"
            reader.problems.append(Problem(Code.PAPER_MISSING, "there is no record", RECORD, hint))
        return None
    try:
        told = read_record(data)
    except EvoregError as error:
        reader.problems.extend(_safe(problem, RECORD) for problem in error.problems)
        return None
    sizes = (told.decision.obligations, told.decision.sources, told.papers)
    if max(map(len, sizes)) > MOST_OBLIGATIONS:
        what = f"more than {MOST_OBLIGATIONS} obligations, sources or papers"
        hint = "restore the file, or merge again"
        reader.problems.append(Problem(Code.INPUT_UNREADABLE, what, RECORD, hint))
        return None
    return told


def _checked(
    reader: _Reader,
    decision: Decision,
    told: Told | None,
    upstream: Sequence[UpstreamFile],
    name: str,
) -> list[Problem]:
    files: dict[str, bytes] = {}
    for path in owed_paths(decision, upstream):
        data = reader.read(path)
        if data is not None:
            files[path] = data
    statement = change_words(told.candidate, told.earlier) if told else ""
    unread = {problem.where for problem in reader.problems}
    problems = missing_papers(files, decision, upstream=upstream, name=name, statement=statement)
    return [_safe(problem) for problem in problems if problem.where not in unread]


def _changed(reader: _Reader, listed: Sequence[File]) -> Iterator[Problem]:
    """Yield the papers that are not, byte by byte, what was recorded."""
    for file in listed:
        before = len(reader.problems)
        data = reader.read(file.path)
        if len(reader.problems) > before:
            continue
        if data is None:
            what, code = "this paper was recorded and is missing", Code.PAPER_MISSING
        elif digest_of(data) != file.digest:
            what, code = "this paper was changed since it was recorded", Code.VERIFY_DIGEST
        else:
            continue
        yield Problem(code, what, plain(file.path), "restore the file, or merge again")


def _safe(problem: Problem, where: str = "") -> Problem:
    """Return a problem whose words a terminal can print, whoever they come from."""
    at = plain(problem.where) or where
    return Problem(problem.code, plain(problem.what, 600), at, plain(problem.hint))


def _sorted(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    each: Mapping[tuple[str, str], Problem] = {(p.where, p.what): p for p in problems}
    gone = {where for where, what in each if what == "this paper is owed and missing"}
    return tuple(
        problem
        for (where, what), problem in sorted(each.items())
        if not (where in gone and what == "this paper was recorded and is missing")
    )
