"""Compares what lies in the folder of a release with what the entries of the ledger say."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from evoreg.provenance.papers.changes import change_words
from evoreg.provenance.papers.escape import plain
from evoreg.provenance.papers.folder import LARGEST_PAPER, LARGEST_RECORD, MOST_OBLIGATIONS
from evoreg.provenance.papers.record import RECORD, Told, read_record
from evoreg.provenance.papers.verify import missing_papers, owed_paths
from evoreg.provenance.papers.words import CHANGES
from evoreg.provenance.records.candidate import Candidate
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.decision import Verdict
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.entry import Entry
from evoreg.provenance.records.errors import Code, EvoregError, Problem
from evoreg.provenance.records.model import File, Model
from evoreg.provenance.records.recipe import ADAPTER_OF
from evoreg.provenance.records.release import Release
from evoreg.registry.models.roles import role_of
from evoreg.registry.releasing.paths import CARRIED
from evoreg.registry.releasing.place import Place, shown

_CHANGED = "restore the file as it was released; whoever changed it shall release it anew"
_WEIGHTS = re.compile(
    r"\.(safetensors|bin|pt|pth|ckpt|pkl|pickle|joblib|gguf|ggml|onnx|h5|hdf5|keras|msgpack|npz|npy"
    r"|tflite|pb|mlmodel|nemo|engine|ot|params)(\.[0-9]+)?$"
)
_CODE = re.compile(r"\.(py|pyc|pyd|so|dll|dylib|sh)$")
_SHAPES = re.compile(r"(config|index|modules|params)\.json$|\.(jinja|model|tiktoken)$")
"""Files, in any folder, that some program asks what a model is, beside those with a role."""
_SHAPING = ("config", "index", "tokenizer", "other")
"""Roles of small files by which a program loads a model otherwise than without them."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the entries of the ledger say about a release."""

    candidate: Candidate
    """What was made."""
    made: Entry
    """The entry that says so."""
    release: Release
    """What was released."""

    @property
    def files(self) -> tuple[File, ...]:
        """The files that the entries speak of: those of the model, then the papers."""
        return (*self.candidate.outputs, *self.release.papers)


def check_files(place: Place, facts: Facts) -> tuple[str, ...]:
    """Compare every file of a release with what was recorded; note all that differs.

    Args:
        place: The folder.
        facts: What the entries say.

    Returns:
        Paths of the files that no entry speaks of and that change nothing about the model, sorted.
    """
    for file in facts.files:
        place.holds(file)
    _check_made(place, facts)
    return _beside(place, facts)


def check_record(place: Place, facts: Facts) -> None:
    """Note where evoreg.json and the entries disagree, and which papers are owed and missing.

    Args:
        place: The folder; what was noted about its files is not noted again.
        facts: What the entries say.
    """
    told = _told(place)
    if told is not None:
        _check_record(place, facts, told)
        _check_owed(place, facts.release, told)


def _check_made(place: Place, facts: Facts) -> None:
    """Note if what was released is another making of the candidate.

    The id of a candidate is that of its recipe: it may have been made in several ways, such as in
    files of other sizes. Which of them was released is what its papers say.
    """
    told = next((paper for paper in facts.release.papers if paper.path == CHANGES), None)
    data = None if told is None else place.read(CHANGES, LARGEST_PAPER)
    if told is None or data is None or digest_of(data) != told.digest:
        return  # told already where it was compared
    if any(file.digest.encode() not in data for file in facts.candidate.outputs):
        what = "it tells of other files than those of this candidate: the release is another one"
        place.tell(Code.VERIFY_DIGEST, what, CHANGES)


def _told(place: Place) -> tuple[Told, Json] | None:
    """Return what evoreg.json says, and the entry that it names."""
    before = len(place.problems)
    data = place.read(RECORD, LARGEST_RECORD)
    if data is None:
        if len(place.problems) == before:
            place.tell(Code.PAPER_MISSING, "there is no record", RECORD)
        return None
    try:
        return read_record(data), json.loads(data).get("entry")
    except EvoregError as error:
        for problem in error.problems:
            place.tell(problem.code, problem.what, RECORD, _CHANGED)
        return None


def _check_record(place: Place, facts: Facts, found: tuple[Told, Json]) -> None:
    """Note where evoreg.json and the entries disagree."""
    told, entry = found
    release, decision = facts.release, told.decision
    rows = (
        (told.candidate == facts.candidate, "the candidate"),
        (entry == {"seq": facts.made.seq, "hash": facts.made.hash}, "the entry of the ledger"),
        (decision.record_digest() == release.decision, "the decision"),
        (decision.intent == release.intent, "the intent"),
        (decision.outbound == release.license, "the licence of the result"),
        (not told.papers or set(told.papers) == set(release.papers), "the list of papers"),
        (_inside(told), "an earlier result"),
    )
    for same, name in rows:
        if not same:
            what = f"{name} in it is not what the ledger recorded"
            place.tell(Code.VERIFY_DIGEST, what, RECORD, _CHANGED)
    if decision.verdict in (Verdict.BLOCK, Verdict.REVIEW):
        what = f"the decision is {decision.verdict}, which permits no release"
        place.tell(Code.POLICY_REFUSED, what, RECORD, "do not use it for what was asked about")


def _inside(told: Told) -> bool:
    """Tell whether each earlier result went into the candidate, or into another earlier result."""
    earlier = [candidate for _, candidate in told.earlier]
    used = [item for one in (told.candidate, *earlier) for item in one.ingredients]
    if any(item.reference.startswith(ADAPTER_OF) for item in used):
        return True  # the weights of a model and of its adapter are known by one identity only
    known = {item.identity for item in used}
    return all(_identity(candidate) in known for candidate in earlier)


def _identity(candidate: Candidate) -> str:
    return Model(name="earlier", origin="local", files=candidate.outputs).identity


def _check_owed(place: Place, release: Release, found: tuple[Told, Json]) -> None:
    """Note what the decision says is owed and the papers do not hold."""
    told = found[0]
    if told.decision.record_digest() != release.decision:
        return  # told already; what another decision asks for says nothing
    if max(len(told.decision.obligations), len(told.decision.sources)) > MOST_OBLIGATIONS:
        place.tell(Code.INPUT_UNREADABLE, f"more than {MOST_OBLIGATIONS:,} obligations", RECORD)
        return
    try:
        problems = _owed(place, release, told)
    except EvoregError as error:
        problems = error.problems
    known = {problem.where for problem in place.problems}
    for problem in problems:
        if problem.where not in known:
            place.tell(problem.code, plain(problem.what, 600), problem.where, _CHANGED)


def _owed(place: Place, release: Release, told: Told) -> tuple[Problem, ...]:
    read = {path: place.read(path, LARGEST_PAPER) for path in owed_paths(told.decision)}
    files: Mapping[str, bytes] = {path: data for path, data in read.items() if data is not None}
    statement = change_words(told.candidate, told.earlier)
    return missing_papers(files, told.decision, name=release.name, statement=statement)


def _beside(place: Place, facts: Facts) -> tuple[str, ...]:
    """Note extra files that change what a program loads; return the other extra files."""
    listed = {file.path for file in facts.files}
    harmless = []
    for path in place.files():
        if path in listed or path in CARRIED or path == RECORD:
            continue
        kind = _kind(path)
        if kind:
            hint = "remove it, unless you know who put it there; it was not released"
            place.tell(Code.VERIFY_DIGEST, f"{kind} that no entry speaks of", shown(path), hint)
        else:
            harmless.append(plain(shown(path)))
    return tuple(harmless)


def _kind(path: str) -> str:
    """Return what an extra file looks like; nothing if it changes nothing about the model."""
    name = path.lower()
    if _WEIGHTS.search(name):
        return "a file that looks like weights"
    if _CODE.search(name):
        return "a program"
    if role_of(PurePosixPath(path)) in _SHAPING or _SHAPES.search(name):
        return "a file that shapes the model"
    return ""
