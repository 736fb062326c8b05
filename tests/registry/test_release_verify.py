"""A release in a folder, checked with that alone: what holds, and everything that does not."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evoreg.provenance.ledger.tree import checkpoint_of, consistency_of
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.proofs.checkpoint import Checkpoint, read_checkpoint, sign_checkpoint
from evoreg.provenance.proofs.consistency import GrowthProof, read_growth, write_growth
from evoreg.provenance.proofs.keys import SigningKey
from evoreg.provenance.records.decision import Verdict
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.entry import entry_hash
from evoreg.provenance.records.errors import Code, InputError
from evoreg.provenance.records.model import File
from evoreg.registry.demo import problems_file
from evoreg.registry.releasing.books import held_by
from evoreg.registry.releasing.history import Trust
from evoreg.registry.releasing.paths import CHECKPOINT, proof_path
from evoreg.registry.releasing.verify import ReleaseReport, verify_release
from tests.registry.evolve_room import entered
from tests.registry.release_shop import (
    Facts,
    edit_record,
    facts_of,
    forge,
    ledger_in,
    proof_entry,
    released,
    told,
    with_entry,
)

DEMO = problems_file().parent
CANDIDATE, RELEASE = proof_path("candidate"), proof_path("release")
RECORD = "evoreg.json"
ANN = SigningKey("ann", bytes(range(32)))
BOB = SigningKey("bob", bytes(32))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a release in ``out``, and a later one of the same model in ``later``."""
    folder = tmp_path_factory.mktemp("shop")
    with entered(folder) as room:
        for name in ("out", "later"):
            said = room.run("merge", DEMO / "recipe.yml", name, "--intent", "commercial")
            assert said.code == 0, said.err
    return folder


@pytest.fixture
def release(shop: Path, tmp_path: Path) -> Path:
    """The release alone, somewhere else."""
    return Path(shutil.copytree(shop / "out", tmp_path / "release"))


def wrong(folder: Path, trust: Trust | None = None) -> list[tuple[str, str]]:
    """Check a release that must not hold; return code and place of each problem."""
    report = verify_release(folder, trust)
    assert not report.holds
    assert any(check.ok is False for check in report.checks)
    return told(report)


def states(report: ReleaseReport) -> dict[str, bool | None]:
    return {check.about: check.ok for check in report.checks}


# What holds ------------------------------------------------------------------------------------


def test_a_release_holds_with_its_folder_alone(release: Path) -> None:
    report = verify_release(release)
    assert report.problems == ()
    assert states(report) == {
        "proofs": True,
        "signature": None,
        "files": True,
        "papers": True,
        "history": None,
    }
    assert report.beside == ()
    assert report.evidence.release is not None
    assert report.evidence.release.name == "out"


def test_the_checkpoint_is_that_of_the_ledger_when_it_was_released(shop: Path) -> None:
    for name in ("out", "later"):
        evidence = verify_release(shop / name).evidence
        with ledger_in(shop) as ledger:
            assert evidence.checkpoint == checkpoint_of(ledger, evidence.entries["release"].seq)
    first, later = (verify_release(shop / name).evidence.checkpoint for name in ("out", "later"))
    assert first is not None
    assert later is not None
    assert (first.origin, first.size) == (later.origin, later.size - 2)


def test_a_snapshot_of_a_hub_cache_holds(release: Path, tmp_path: Path) -> None:
    home = tmp_path / "models--acme--out"
    snapshot, blobs = home / "snapshots" / ("0" * 40), home / "blobs"
    blobs.mkdir(parents=True)
    for path in sorted(path for path in release.rglob("*") if path.is_file()):
        blob = blobs / digest_of(path.read_bytes()).removeprefix("sha256:")
        shutil.copyfile(path, blob)
        link = snapshot / path.relative_to(release)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    assert verify_release(snapshot).problems == ()


def test_what_git_and_the_client_of_the_hub_keep_is_left_alone(release: Path) -> None:
    for path in (".git/objects/pack.bin", ".cache/huggingface/model.safetensors", ".gitattributes"):
        (release / path).parent.mkdir(parents=True, exist_ok=True)
        (release / path).write_text("theirs")
    (release / "provenance" / "spdx.json").write_text("{}")
    report = verify_release(release)
    assert report.problems == ()
    assert report.beside == (".gitattributes", "provenance/spdx.json")


# What was changed, taken away or added ---------------------------------------------------------


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_byte_of_any_file_is_found_and_located(release: Path, data: st.DataObject) -> None:
    files = sorted(path for path in release.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    name = str(path.relative_to(release))
    before = path.read_bytes()
    place = data.draw(st.integers(0, len(before) - 1))
    other = bytearray(before)
    other[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(other)
    try:
        report = verify_release(release)
    finally:
        path.write_bytes(before)
    if name == RECORD and report.holds:  # another blank between two words of JSON
        assert json.loads(other) == json.loads(before)
    elif name == CHECKPOINT:  # then each proof ends at another one
        assert {where for _, where in told(report)} & {CHECKPOINT, CANDIDATE, RELEASE}
    else:
        assert name in {where for _, where in told(report)}


def test_each_file_that_is_missing_is_named(release: Path) -> None:
    for path in sorted(path for path in release.rglob("*") if path.is_file()):
        name = str(path.relative_to(release))
        path.rename(release.parent / "away")
        assert wrong(release) == [(Code.PAPER_MISSING, name)]
        (release.parent / "away").rename(path)


@pytest.mark.parametrize(
    "name",
    [
        "model-00002-of-00002.safetensors",
        "pytorch_model.bin",
        "sub/weights.GGUF",
        "adapter_config.json",
        "model.safetensors.index.json",
        "special_tokens_map.json",
        "modeling_pocket.py",
        "quantize_config.json",
        "sub/config.json",
        "modules.json",
        "sub/more.jinja",
    ],
)
def test_what_a_program_would_load_too_is_found(release: Path, name: str) -> None:
    (release / name).parent.mkdir(exist_ok=True)
    (release / name).write_text("{}")
    assert wrong(release) == [(Code.VERIFY_DIGEST, name)]


def test_all_problems_are_told_together(release: Path) -> None:
    (release / "NOTICE").unlink()
    (release / "config.json").write_text("{}")
    (release / "extra.bin").write_text("x")
    edit_record(release, entry={"seq": 1, "hash": "sha256:" + "0" * 64})
    assert wrong(release) == [
        (Code.VERIFY_DIGEST, "config.json"),
        (Code.PAPER_MISSING, "NOTICE"),
        (Code.VERIFY_DIGEST, "extra.bin"),
        (Code.VERIFY_DIGEST, RECORD),
    ]


def test_the_record_must_say_what_the_entries_say(release: Path) -> None:
    whole = json.loads((release / RECORD).read_text())
    candidate, decision = whole["candidate"], whole["decision"]
    changes: list[dict[str, object]] = [
        {"entry": None},
        {"entry": {**whole["entry"], "seq": whole["entry"]["seq"] + 1}},
        {"candidate": {**candidate, "outputs": []}},
        {"candidate_id": "sha256:" + "1" * 64},
        {"decision": {**decision, "obligations": []}},
        {"decision": {**decision, "outbound": "MIT"}},
        {"decision": {**decision, "intent": "research"}},
        {"papers": [whole["candidate"]["outputs"][0]]},
        {"earlier": [{"name": "x", "candidate": candidate, "candidate_id": whole["candidate_id"]}]},
        {"schema": "evoreg/record/9"},
    ]
    for change in changes:
        edit_record(release, **{**whole, **change})
        assert {where for _, where in wrong(release)} == {RECORD}, change


# Proofs ----------------------------------------------------------------------------------------


def test_proofs_of_another_release_do_not_fit(shop: Path, release: Path) -> None:
    later = shop / "later" / "provenance" / "ledger"
    here = release / "provenance" / "ledger"
    shutil.copyfile(later / "release.tlog-proof", here / "release.tlog-proof")
    found = wrong(release)
    assert (Code.PROOF_FALSE, RELEASE) in found
    shutil.copytree(later, here, dirs_exist_ok=True)
    named = {"README.md", "NOTICE", RECORD}  # where the name stands, or the decision about it
    assert {where for _, where in wrong(release)} == named


def test_a_proof_of_another_kind_is_none(release: Path) -> None:
    shutil.copyfile(release / RELEASE, release / CANDIDATE)
    assert wrong(release) == [(Code.PROOF_FALSE, CANDIDATE)]


def test_an_entry_that_was_changed_and_hashed_again_is_not_proven(release: Path) -> None:
    entry = proof_entry(release / RELEASE)
    body = entry.body.replace('"license":"', '"license":"MIT AND ')
    assert body != entry.body
    new = entry_hash(entry.seq, entry.prev, entry.kind, body)
    with_entry(release / RELEASE, entry.model_copy(update={"body": body, "hash": new}))
    found = wrong(release)
    assert (Code.PROOF_FALSE, RELEASE) in found
    assert (Code.VERIFY_DIGEST, RECORD) in found


def test_a_body_in_another_spelling_is_told(release: Path) -> None:
    entry = proof_entry(release / RELEASE)
    body = entry.body.replace(":", ": ", 1)
    new = entry_hash(entry.seq, entry.prev, entry.kind, body)
    with_entry(release / RELEASE, entry.model_copy(update={"body": body, "hash": new}))
    assert (Code.PROOF_FALSE, RELEASE) in wrong(release)


def test_a_candidate_that_is_not_the_released_one(release: Path, tmp_path: Path) -> None:
    facts = facts_of(release)
    forge(release, released(facts, candidate="sha256:" + "a" * 64), tmp_path)
    assert wrong(release) == [(Code.VERIFY_DIGEST, CANDIDATE)]


def test_another_making_of_the_candidate_is_not_the_released_one(
    release: Path, tmp_path: Path
) -> None:
    """Both are on record under one id, such as in one weight file and in several."""
    facts = facts_of(release)
    (release / "config.json").write_text("{}")
    outputs = tuple(
        File(path=one.path, size=2, digest=digest_of(b"{}"), role=one.role)
        if one.path == "config.json"
        else one
        for one in facts.candidate.outputs
    )
    other = facts.candidate.model_copy(update={"outputs": outputs})
    assert other.id == facts.candidate.id
    forge(release, replace(facts, candidate=other), tmp_path)
    assert wrong(release) == [(Code.VERIFY_DIGEST, "MODIFICATIONS.md")]


def test_a_release_before_its_candidate(release: Path, tmp_path: Path) -> None:
    facts = facts_of(release)
    forge(release, facts, tmp_path)
    shutil.copyfile(release / RELEASE, tmp_path / "first")
    shutil.rmtree(tmp_path / ".evoreg" / "checkpoints")
    with ledger_in(tmp_path) as ledger:
        entries = list(ledger.entries())
    assert [entry.kind for entry in entries] == ["decision", "candidate", "release"]
    other = facts.candidate.model_copy(update={"seed": facts.candidate.seed + 1})
    forge(release, replace(facts, candidate=other), tmp_path)
    shutil.copyfile(tmp_path / "first", release / RELEASE)
    found = verify_release(release).problems
    assert "the candidate was recorded after it had been released" in {one.what for one in found}


# Signatures and history ------------------------------------------------------------------------


def sign(folder: Path, *keys: SigningKey) -> Checkpoint:
    """Sign the checkpoint of a release; return it."""
    checkpoint = read_checkpoint((folder / CHECKPOINT).read_text()).checkpoint
    (folder / CHECKPOINT).write_text(sign_checkpoint(checkpoint, keys))
    return checkpoint


def test_a_key_is_asked_for_only_if_it_is_given(release: Path) -> None:
    known = Trust(keys=(ANN.verifier,))
    assert wrong(release, known) == [(Code.PROOF_FALSE, CHECKPOINT)]
    sign(release, ANN, BOB)
    for trust, state in ((None, None), (known, True), (Trust(keys=(BOB.verifier,)), True)):
        report = verify_release(release, trust)
        assert (report.holds, states(report)["signature"]) == (True, state)
    sign(release, BOB)
    assert wrong(release, known) == [(Code.PROOF_FALSE, CHECKPOINT)]


def test_a_signature_under_another_checkpoint_does_not_hold(release: Path) -> None:
    text = (release / CHECKPOINT).read_text()
    checkpoint = read_checkpoint(text).checkpoint
    other = Checkpoint(checkpoint.origin, checkpoint.size + 1, checkpoint.root)
    signature = sign_checkpoint(other, (ANN,)).partition("\n\n")[2]
    (release / CHECKPOINT).write_text(f"{text}\n{signature}")
    report = verify_release(release, Trust(keys=(ANN.verifier,)))
    assert told(report) == [(Code.PROOF_FALSE, CHECKPOINT)]
    assert states(report)["signature"] is False


@pytest.fixture
def grown(shop: Path) -> Iterator[dict[int, Checkpoint]]:
    """Every checkpoint of the ledger of the shop, by size."""
    with ledger_in(shop) as ledger:
        sizes = range(1, ledger.head().seq + 1)
        yield {size: checkpoint_of(ledger, size) for size in sizes}


def growth(shop: Path, old: int, new: Checkpoint) -> GrowthProof:
    with ledger_in(shop) as ledger:
        path = consistency_of(ledger, old, new.size)
    return read_growth(write_growth(old, path, sign_checkpoint(new)))


def test_a_checkpoint_of_any_size_is_compared(
    shop: Path, release: Path, grown: dict[int, Checkpoint]
) -> None:
    own = read_checkpoint((release / CHECKPOINT).read_text()).checkpoint
    for size, kept in grown.items():
        report = verify_release(release, Trust(since=(kept,)))
        assert report.holds == (size == own.size)
        assert report.incomplete == (size != own.size)
        first, last = sorted((own, kept), key=lambda one: one.size)
        proof = growth(shop, first.size, last)
        report = verify_release(release, Trust(since=(kept,), growth=(proof,)))
        assert report.problems == ()
        assert states(report)["history"] is True


def test_two_proofs_of_growth_to_one_later_checkpoint_are_enough(
    shop: Path, release: Path, grown: dict[int, Checkpoint]
) -> None:
    own = read_checkpoint((release / CHECKPOINT).read_text()).checkpoint
    head = grown[max(grown)]
    proofs = tuple(growth(shop, size, head) for size in (2, own.size))
    report = verify_release(release, Trust(since=(grown[2],), growth=proofs))
    assert report.problems == ()
    report = verify_release(release, Trust(since=(grown[2],), growth=proofs[:1]))
    assert report.incomplete


def test_a_proof_of_growth_that_does_not_hold_is_told(
    shop: Path, release: Path, grown: dict[int, Checkpoint]
) -> None:
    own = read_checkpoint((release / CHECKPOINT).read_text()).checkpoint
    proof = growth(shop, own.size, grown[max(grown)])
    false = replace(proof, path=(bytes(32), *proof.path[1:]))
    trust = Trust(since=(grown[max(grown)],), growth=(false,))
    assert (Code.PROOF_FALSE, own.origin) in wrong(release, trust)
    unused = growth(shop, 1, grown[max(grown)])
    assert wrong(release, Trust(growth=(unused,))) == [(Code.PROOF_FALSE, CHECKPOINT)]


def test_two_histories_and_another_ledger_are_told_apart(
    release: Path, grown: dict[int, Checkpoint]
) -> None:
    own = read_checkpoint((release / CHECKPOINT).read_text()).checkpoint
    for other, word in (
        (replace(own, root=bytes(32)), "two histories were shown"),
        (replace(own, origin="evoreg.ledger/other"), "another ledger"),
    ):
        report = verify_release(release, Trust(since=(other,)))
        (problem,) = report.problems
        assert word in problem.what
        assert states(report)["history"] is False


def test_the_ledger_itself_is_compared(
    shop: Path, release: Path, grown: dict[int, Checkpoint]
) -> None:
    with ledger_in(shop) as ledger:
        trust = Trust(since=tuple(grown.values()), ledger=held_by(ledger))
        report = verify_release(release, trust)
    assert report.problems == ()
    assert states(report)["history"] is True


def test_a_release_that_was_made_up_is_found_by_what_others_kept(
    shop: Path, release: Path, tmp_path: Path
) -> None:
    """The folder agrees with itself: only another source can tell."""
    own = sign(release, ANN)
    forge(release, facts_of(release), tmp_path)
    assert verify_release(release).problems == ()
    assert wrong(release, Trust(keys=(ANN.verifier,))) == [(Code.PROOF_FALSE, CHECKPOINT)]
    assert wrong(release, Trust(since=(own,))) == [(Code.PROOF_FALSE, CHECKPOINT)]
    with ledger_in(shop) as ledger:
        found = wrong(release, Trust(ledger=held_by(ledger)))
    assert {code for code, _ in found} == {Code.LEDGER_BROKEN}
    assert len(found) == 4  # the checkpoint and three entries


def test_the_ledger_must_hold_the_decision_too(release: Path, tmp_path: Path) -> None:
    """Its own entry is not carried, so only the ledger can tell."""
    facts = facts_of(release)
    with ledger_in(tmp_path) as ledger:
        entries = ledger.append(
            [NewEntry("candidate", facts.candidate), NewEntry("release", facts.release)]
        )
        (problem,) = held_by(ledger)((), entries)
        assert (problem.code, problem.where) == (Code.LEDGER_BROKEN, "entry 2")
        assert "decision" in problem.what
        ledger.append([NewEntry("decision", facts.decision)])
        assert held_by(ledger)((), entries) == (problem,)  # decided afterwards
        again = ledger.append([NewEntry("release", facts.release)])
        assert held_by(ledger)((), again) == ()


# What policy said ------------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", [Verdict.BLOCK, Verdict.REVIEW])
def test_what_the_decision_forbids_is_no_release(
    release: Path, tmp_path: Path, verdict: Verdict
) -> None:
    facts = facts_of(release)
    decision = facts.decision.model_copy(update={"verdict": verdict})
    changed = replace(facts, decision=decision)
    forge(release, released(changed, decision=decision.record_digest()), tmp_path)
    assert (Code.POLICY_REFUSED, RECORD) in wrong(release)


def test_papers_that_are_owed_and_were_never_written(release: Path, tmp_path: Path) -> None:
    facts = facts_of(release)
    left = tuple(file for file in facts.release.papers if file.path != "NOTICE")
    (release / "NOTICE").unlink()
    forge(release, released(facts, papers=left), tmp_path)
    assert wrong(release) == [(Code.PAPER_MISSING, "NOTICE")]


def test_a_decision_that_holds_nothing_private_is_carried_and_compared(
    release: Path, tmp_path: Path
) -> None:
    facts = facts_of(release)
    forge(release, facts, tmp_path)
    report = verify_release(release)
    assert report.problems == ()
    assert sorted(report.evidence.entries) == ["candidate", "decision", "release"]
    assert report.evidence.decision == facts.decision
    shutil.rmtree(tmp_path / ".evoreg")
    other = facts.decision.model_copy(update={"policy": "sha256:" + "b" * 64})
    forge(release, Facts(facts.candidate, other, facts.release), tmp_path)
    assert set(wrong(release)) == {
        (Code.VERIFY_DIGEST, proof_path("decision")),
        (Code.VERIFY_DIGEST, RECORD),
    }


# Hostile folders -------------------------------------------------------------------------------


def test_no_link_leads_outside(release: Path, tmp_path: Path) -> None:
    for name in ("NOTICE", "model.safetensors", RELEASE, CHECKPOINT, RECORD):
        path = release / name
        outside = tmp_path / "outside"
        path.rename(outside)
        path.symlink_to(outside)
        assert (Code.INPUT_ESCAPES, name) in wrong(release)
        path.unlink()
        outside.rename(path)
    (release / "more").symlink_to(tmp_path, target_is_directory=True)
    assert wrong(release) == [(Code.INPUT_ESCAPES, "more")]


def test_paths_of_entries_that_lead_outside_are_not_opened(release: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    facts = facts_of(release)
    paths = ["../secret", str(secret), "a/../../secret", "x\0y", "", "LICENSES//x", "p" * 2000]
    size, digest = 6, digest_of(b"secret")
    more = tuple(File(path=path, size=size, digest=digest, role="other") for path in paths)
    forge(release, released(facts, papers=(*facts.release.papers, *more)), tmp_path / "forger")
    found = wrong(release)
    assert [code for code, _ in found] == [Code.INPUT_ESCAPES] * len(paths)


@pytest.mark.parametrize("name", ["NOTICE", CHECKPOINT, CANDIDATE, RECORD])
def test_what_is_no_file_or_too_large_is_told(release: Path, name: str) -> None:
    path = release / name
    path.unlink()
    os.mkfifo(path)
    assert (Code.INPUT_UNREADABLE, name) in wrong(release)
    path.unlink()
    path.mkdir()
    assert (Code.INPUT_UNREADABLE, name) in wrong(release)
    path.rmdir()
    with path.open("wb") as stream:
        stream.truncate(10**12)  # a file of holes
    assert {where for _, where in wrong(release)} == {name}


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"null", b"[" * 100_000, b'{"schema": 1e999}', b"\xff", b'"\\ud800"']
)
def test_broken_files_are_told(release: Path, data: bytes) -> None:
    for name in (RECORD, CHECKPOINT, CANDIDATE, RELEASE):
        path = release / name
        before = path.read_bytes()
        path.write_bytes(data)
        assert name in {where for _, where in wrong(release)}
        path.write_bytes(before)


def test_names_that_would_move_the_cursor_are_shown(release: Path) -> None:
    (release / "\x1b[2J\u202e.bin").write_text("x")
    (release / os.fsdecode(b"\xff.txt")).write_text("x")
    report = verify_release(release)
    (problem,) = report.problems
    texts = (problem.where, *report.beside)
    assert all(text.isprintable() and text.isascii() for text in texts)


def test_too_many_files_and_too_deep_folders_are_told(
    release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evoreg.registry.releasing.place.MOST_FILES", 20)
    for number in range(10):
        (release / f"{number}.txt").write_text("x")
    assert wrong(release) == [(Code.INPUT_UNREADABLE, "")]
    monkeypatch.undo()
    (release / "/".join("d" * 30)).mkdir(parents=True)
    assert [code for code, _ in wrong(release)] == [Code.INPUT_UNREADABLE]


# Nothing to check ------------------------------------------------------------------------------


def test_without_proofs_there_is_nothing_to_check(release: Path, tmp_path: Path) -> None:
    shutil.rmtree(release / "provenance")
    with pytest.raises(InputError, match="carries no proofs") as caught:
        verify_release(release)
    assert caught.value.code is Code.INPUT_MISSING
    (release / RECORD).unlink()
    with pytest.raises(InputError, match="no release of evoreg"):
        verify_release(release)
    for place in (tmp_path / "nowhere", release / "NOTICE"):
        with pytest.raises(InputError) as caught:
            verify_release(place)
        assert caught.value.code is Code.INPUT_MISSING


def test_one_proof_alone_is_a_release_without_its_proofs(release: Path) -> None:
    (release / CHECKPOINT).unlink()
    (release / CANDIDATE).unlink()
    assert wrong(release) == [(Code.PAPER_MISSING, CHECKPOINT), (Code.PAPER_MISSING, CANDIDATE)]
