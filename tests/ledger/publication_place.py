"""A publisher in a process of its own: python publication_place.py URL SOURCE PLACE HOURS [KILL].

It does what a program does at each start: settle what was under way, then publish the release in
the folder SOURCE to the folder PLACE if that was not done yet. With KILL it kills itself at its
step of that number. HOURS is how late it is.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.publications import (
    carry_out,
    pending,
    prepare,
    publications,
    reconcile,
)
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.errors import Code, InputError, VerificationError
from evoreg.provenance.records.model import File
from evoreg.provenance.records.publication import Publication

Step = Callable[[str], None]
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def files_of(folder: Path) -> tuple[File, ...]:
    """Return what lies in a folder, sorted by path."""
    found = sorted(path for path in folder.iterdir() if path.is_file())
    return tuple(
        File(
            path=path.name,
            size=path.stat().st_size,
            digest=digest_of(path.read_bytes()),
            role="other",
        )
        for path in found
    )


class Shelf:
    """A place that takes commits whole: each is a folder, numbered, and made by a rename."""

    def __init__(self, place: Path, source: Path, step: Step = lambda _: None) -> None:
        self.place, self.source, self.step = place, source, step
        place.mkdir(exist_ok=True)

    def commits(self) -> list[str]:
        """Return all commits, in order."""
        return sorted(path.name for path in self.place.iterdir() if path.name[0] != ".")

    def last(self) -> str | None:
        """Return the last commit."""
        return next(reversed(self.commits()), None)

    def find(self, publication: Publication) -> str | None:
        """Return the commit, if exactly these files arrived behind `before`."""
        behind = (name for name in self.commits() if name > (publication.before or ""))
        same = (n for n in behind if files_of(self.place / n) == publication.files)
        return next(same, None)

    def send(self, publication: Publication) -> str:
        """Copy the files aside, then make them a commit by a rename."""
        self.step("before sending")
        if self.last() != publication.before:
            raise InputError(Code.INPUT_CHANGED, "somebody else was quicker", where=str(self.place))
        aside = self.place / ".incoming"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        for file in publication.files:
            shutil.copy(self.source / file.path, aside)
            self.step(f"{file.path} is on its way")
        name = f"{len(self.commits()) + 1:04}"
        aside.rename(self.place / name)
        self.step("arrived")
        return name


class Heap(Shelf):
    """A place that knows no commits: files lie there one by one, and a part may be there."""

    def find(self, publication: Publication) -> str | None:
        """Return the name of the whole heap; a part of it is not for us to judge."""
        found = files_of(self.place)
        if found and found != publication.files:
            what = f"{len(found)} of {len(publication.files)} files are there"
            raise VerificationError(Code.VERIFY_DIGEST, what, where=str(self.place))
        return "heap" if found else None

    def send(self, publication: Publication) -> str:
        """Copy the files one by one."""
        for file in publication.files:
            shutil.copy(self.source / file.path, self.place)
            self.step(file.path)
        return "heap"


def start(ledger: Ledger, shelf: Shelf, step: Step) -> None:
    """Do what a program does at its start."""
    step("opened")
    reconcile(ledger, shelf)
    step("reconciled")
    if any(course.state == "confirmed" for course in publications(ledger)):
        return
    under_way = pending(ledger)
    if not under_way:
        prepare(ledger, planned(ledger, shelf))
        under_way = pending(ledger)
    step("prepared")
    carry_out(ledger, under_way[0].prepared.seq, shelf)
    step("confirmed")


def planned(ledger: Ledger, shelf: Shelf) -> Publication:
    """Return the publication of the last release on record."""
    release = ledger.releases()[-1].release
    return Publication(
        release=release.record_digest(),
        target=f"shelf://{shelf.place.name}",
        branch="",
        state="prepared",
        files=files_of(shelf.source),
        before=shelf.last(),
    )


def main(url: str, source: str, place: str, hours: str, kill: str = "-1") -> None:
    """Start once."""
    steps = iter(range(1000))

    def step(_name: str) -> None:
        if next(steps) == int(kill):
            os.kill(os.getpid(), signal.SIGKILL)

    now = NOON + timedelta(hours=float(hours))
    with open_ledger(url, actor="ann", clock=lambda: now) as ledger:
        start(ledger, Shelf(Path(place), Path(source), step), step)


if __name__ == "__main__":
    main(*sys.argv[1:])
