"""A release that lies in a folder: checked alone, and hostile folders give problems, no errors."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evoreg.provenance.papers import folder as folders
from evoreg.provenance.papers.folder import verify_folder
from evoreg.provenance.papers.record import read_record, record_bytes
from evoreg.provenance.papers.write import papers
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.entry import GENESIS, Entry, entry_hash
from evoreg.provenance.records.errors import Code, EvoregError, Problem
from evoreg.provenance.records.model import File
from tests.papers import papers_example as ex

FACTS = ex.example()
FILES = dict(papers(FACTS).files)
LISTED = tuple(
    File(path=path, size=len(data), digest=digest_of(data), role="other")
    for path, data in FILES.items()
)
BODY = FACTS.candidate.canonical().decode()
ENTRY = Entry(
    seq=1, prev=GENESIS, kind="candidate", body=BODY, hash=entry_hash(1, GENESIS, "candidate", BODY)
)
RECORD = record_bytes(FACTS.candidate, FACTS.decision, ENTRY)
LISTING = record_bytes(FACTS.candidate, FACTS.decision, ENTRY, papers=LISTED)
OWED = set(FILES) - {"mergekit_config.yml", "LICENSES/README.md"}
SMALL = "LICENSES/chat-lab-chat_lora-3333333/LICENSE.md"


def lay(folder: Path, record: bytes = RECORD) -> Path:
    for path, data in {**FILES, "evoreg.json": record}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def told(problems: tuple[Problem, ...]) -> list[tuple[str, str]]:
    assert all(problem.hint for problem in problems)
    return [(problem.where, problem.code.value) for problem in problems]


def test_a_whole_release_has_no_problem(tmp_path: Path) -> None:
    place = lay(tmp_path / "out")
    assert verify_folder(place) == ()
    assert verify_folder(place, upstream=FACTS.upstream, papers=LISTED, name="x/Llama") == ()
    (place / "evoreg.json").write_bytes(LISTING)
    assert verify_folder(place) == ()
    link = tmp_path / "link"
    link.symlink_to(place)
    assert verify_folder(link) == ()


@pytest.mark.parametrize("path", sorted(FILES))
def test_each_removed_paper_is_named_once(tmp_path: Path, path: str) -> None:
    place = lay(tmp_path)
    (place / path).unlink()
    alone = OWED - {SMALL}
    assert told(verify_folder(place)) == ([(path, "EVO-V002")] if path in alone else [])
    named = [(path, "EVO-V002")]
    assert told(verify_folder(place, papers=LISTED)) == named
    assert told(verify_folder(place, upstream=FACTS.upstream)) == (named if path in OWED else [])


@pytest.mark.parametrize("path", sorted(FILES))
def test_each_altered_paper_is_named(tmp_path: Path, path: str) -> None:
    place = lay(tmp_path, LISTING)
    (place / path).write_bytes(FILES[path] + b"\nmore\n")
    found = verify_folder(place)
    assert {problem.where for problem in found} == {path}
    assert Code.VERIFY_DIGEST in {problem.code for problem in found}


def test_the_decision_of_the_caller_counts_more_than_the_record(tmp_path: Path) -> None:
    silent = FACTS.decision.model_copy(update={"obligations": (), "outbound": "NOASSERTION"})
    place = lay(tmp_path, record_bytes(FACTS.candidate, silent, ENTRY))
    for path in FILES:
        (place / path).unlink()
    assert verify_folder(place) == ()
    assert {p.where for p in verify_folder(place, decision=FACTS.decision)} == OWED - {SMALL}


def test_a_copy_must_not_claim_a_merge_in_a_folder_either(tmp_path: Path) -> None:
    parts = FACTS.candidate.contributions
    alone = tuple(p.model_copy(update={"used": p == parts[1]}) for p in parts)
    candidate = FACTS.candidate.model_copy(update={"contributions": alone})
    place = lay(tmp_path, record_bytes(candidate, FACTS.decision, ENTRY))
    assert told(verify_folder(place)) == [("MODIFICATIONS.md", "EVO-V002")]


def test_files_that_are_not_papers_are_never_opened(tmp_path: Path) -> None:
    place = lay(tmp_path, LISTING)
    os.mkfifo(place / "model.safetensors")
    (place / "LICENSES" / "loop").symlink_to(place)
    (place / "x").symlink_to("/nowhere")
    (place / "bad\udcff\n\x1b[31m").write_bytes(b"")
    assert verify_folder(place) == ()


def replaced_by_link(target: Path) -> None:
    target.unlink()
    target.symlink_to(target.parent / "elsewhere")
    (target.parent / "elsewhere").write_bytes(b"x")


def replaced_by_folder(target: Path) -> None:
    target.unlink()
    target.mkdir()


def replaced_by_pipe(target: Path) -> None:
    target.unlink()
    os.mkfifo(target)


def made_huge(target: Path) -> None:
    with target.open("r+b") as stream:
        stream.truncate(2**40)


SPOILT: list[tuple[Callable[[Path], None], str]] = [
    (replaced_by_link, "EVO-I004"),
    (replaced_by_folder, "EVO-I002"),
    (replaced_by_pipe, "EVO-I002"),
    (made_huge, "EVO-I002"),
]


@pytest.mark.parametrize("path", ["NOTICE", "README.md", "LICENSES/MIT.txt", "evoreg.json"])
@pytest.mark.parametrize(("spoil", "code"), SPOILT)
def test_what_is_no_plain_file_is_told_once(
    tmp_path: Path, path: str, spoil: Callable[[Path], None], code: str
) -> None:
    place = lay(tmp_path)
    spoil(place / path)
    assert told(verify_folder(place)) == [(path, code)]


def test_a_linked_folder_of_licences_is_not_followed(tmp_path: Path) -> None:
    place = lay(tmp_path / "out")
    (place / "LICENSES").rename(tmp_path / "away")
    (place / "LICENSES").symlink_to(tmp_path / "away")
    found = told(verify_folder(place))
    assert found == [
        ("LICENSES/Apache-2.0.txt", "EVO-I004"),
        (f"LICENSES/{ex.LLAMA}.txt", "EVO-I004"),
        ("LICENSES/MIT.txt", "EVO-I004"),
    ]


@pytest.mark.parametrize(
    "path",
    ["../outside", "/etc/hostname", "a/../../b", "a\\b", "x\n", "", ".hidden", "a//b", "\x1b"],
)
def test_a_record_cannot_name_a_file_outside(tmp_path: Path, path: str) -> None:
    (tmp_path / "outside").write_bytes(b"x")
    mean = LISTED[0].model_copy(update={"path": path})
    place = lay(tmp_path / "out", record_bytes(FACTS.candidate, FACTS.decision, ENTRY, (), (mean,)))
    found = verify_folder(place)
    assert [problem.code for problem in found] == [Code.INPUT_ESCAPES]
    assert found[0].where.isprintable()


def test_without_a_folder_or_a_record_that_is_the_problem(tmp_path: Path) -> None:
    lacks = [("evoreg.json", "EVO-V002")]
    assert told(verify_folder(tmp_path)) == lacks
    assert told(verify_folder(tmp_path / "nothing")) == lacks
    (tmp_path / "file").write_bytes(b"")
    assert told(verify_folder(tmp_path / "file")) == [("evoreg.json", "EVO-I004")]
    assert told(verify_folder(tmp_path, decision=FACTS.decision))[-1] == lacks[0]


WHOLE = json.loads(RECORD)


def edited(**changes: object) -> bytes:
    return json.dumps({**WHOLE, **changes}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"\xff\xfe",
        b'{"schema": "evoreg/record/1"}',
        b'{"schema": "evoreg/record/2"}',
        edited(candidate=None),
        edited(candidate_id="sha256:" + "0" * 64),
        edited(decision={**WHOLE["decision"], "verdict": "fine"}),
        edited(decision={**WHOLE["decision"], "obligations": [{"kind": "x"}]}),
        edited(earlier={"a": 1}),
        edited(earlier=[{"name": "x"}]),
        edited(papers=[{"path": "x"}]),
        edited(papers=["x"]),
        RECORD.replace(b'"seed": 7', b'"seed": 7.5'),
        RECORD.replace(b'"seed": 7', b'"seed": ' + b"9" * 5000),
        RECORD.replace(b'"seed": 7', b'"seed": NaN'),
        RECORD.replace(b"Llama 3.1 Community", b"\\ud800 Community"),
    ],
)
def test_a_record_that_is_none_is_told(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(EvoregError):
        read_record(data)
    found = verify_folder(lay(tmp_path, data))
    assert len(found) == 1
    assert found[0].where


def test_a_decision_with_an_impossible_licence_is_told(tmp_path: Path) -> None:
    for outbound in ("../../x", "MIT AND", "(" * 19_000, "M" * 10_000_000):
        decision = FACTS.decision.model_copy(update={"outbound": outbound})
        place = lay(tmp_path, record_bytes(FACTS.candidate, decision, ENTRY))
        found = verify_folder(place)
        assert [problem.code for problem in found] == [Code.POLICY_EXPRESSION]
        assert len(str(found[0])) < 2000


def test_a_record_with_too_many_duties_is_not_walked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "MOST_OBLIGATIONS", 10)
    assert told(verify_folder(lay(tmp_path))) == [("evoreg.json", "EVO-I002")]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from([*sorted(FILES), "evoreg.json"]), st.binary(max_size=300))
def test_any_bytes_anywhere_give_problems_and_no_error(
    tmp_path: Path, path: str, data: bytes
) -> None:
    place = lay(tmp_path, LISTING)
    (place / path).write_bytes(data)
    assert {problem.where for problem in verify_folder(place)} == {path}


def test_a_record_is_read_as_it_was_written() -> None:
    assert b"papers" not in RECORD
    found = read_record(LISTING)
    assert (found.candidate, found.decision) == (FACTS.candidate, FACTS.decision)
    assert found.papers == tuple(sorted(LISTED, key=lambda file: file.path))
    assert found.earlier == ()
    assert read_record(RECORD).papers == ()
