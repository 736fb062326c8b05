"""A shop with one real release in it, and what a forger would make of that."""

import base64
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.papers.record import RECORD, record_bytes
from evoreg.provenance.records.candidate import Candidate
from evoreg.provenance.records.decision import Decision
from evoreg.provenance.records.entry import Entry
from evoreg.provenance.records.release import Release
from evoreg.registry.checking.record import read_told
from evoreg.registry.releasing.carry import carried
from evoreg.registry.releasing.evidence import read_evidence
from evoreg.registry.releasing.place import Place
from evoreg.registry.releasing.verify import ReleaseReport
from evoreg.registry.settings import Settings, now

LEDGER = Path(".evoreg") / "ledger.sqlite"


@dataclass(frozen=True)
class Facts:
    """The records of a release."""

    candidate: Candidate
    decision: Decision
    release: Release


def facts_of(folder: Path) -> Facts:
    told = read_told(folder)
    release = read_evidence(Place.at(folder)).release
    assert told is not None
    assert release is not None
    return Facts(told.candidate, told.decision, release)


def settings_in(folder: Path) -> Settings:
    """The settings of a project in a folder."""
    project = folder / ".evoreg"
    return Settings(project, f"sqlite:///{project / 'ledger.sqlite'}", "somebody", offline=True)


@contextmanager
def ledger_in(folder: Path) -> Iterator[Ledger]:
    with open_ledger(settings_in(folder).ledger, actor="somebody", clock=now) as ledger:
        yield ledger


def forge(folder: Path, facts: Facts, project: Path) -> None:
    """Record a release in a ledger of one's own, and put the proofs of that into its folder."""
    with ledger_in(project) as ledger:
        decision, candidate, release = ledger.append(
            [
                NewEntry("decision", facts.decision),
                NewEntry("candidate", facts.candidate),
                NewEntry("release", facts.release),
            ]
        )
        files = carried(ledger, (candidate, decision, release), settings_in(project))
    shutil.rmtree(folder / "provenance", ignore_errors=True)
    (folder / "provenance" / "ledger").mkdir(parents=True)
    for path, data in files.items():
        (folder / path).write_bytes(data)
    (folder / RECORD).write_bytes(record_bytes(facts.candidate, facts.decision, candidate))


def released(facts: Facts, **changes: Any) -> Facts:
    """The same facts with other fields in the release."""
    return replace(facts, release=facts.release.model_copy(update=changes))


def proof_entry(path: Path) -> Entry:
    """The entry that a proof carries."""
    (line,) = [line for line in path.read_text().splitlines() if line.startswith("extra ")]
    return Entry.from_canonical(base64.b64decode(line.removeprefix("extra ")))


def with_entry(path: Path, entry: Entry) -> None:
    """Let a proof carry another entry."""
    lines = path.read_text().splitlines(keepends=True)
    extra = base64.b64encode(entry.canonical()).decode()
    kept = [f"extra {extra}\n" if line.startswith("extra ") else line for line in lines]
    path.write_text("".join(kept))


def edit_record(folder: Path, **changes: Any) -> None:
    """Change fields of evoreg.json by hand."""
    path = folder / RECORD
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def told(report: ReleaseReport) -> list[tuple[str, str]]:
    """Code and place of each problem."""
    return [(str(problem.code), problem.where) for problem in report.problems]
