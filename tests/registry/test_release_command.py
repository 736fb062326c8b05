"""What a merge leaves for `evoreg release verify`, and what that command answers."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from evoreg.provenance.ledger.tree import checkpoint_of
from evoreg.provenance.proofs.checkpoint import read_checkpoint
from evoreg.registry.releasing.paths import CHECKPOINT, FOLDER, proof_path
from tests.registry.desk import MODELS, Desk, linear, model, process
from tests.registry.release_shop import proof_entry

CANDIDATE, RELEASE = proof_path("candidate"), proof_path("release")
PRIVATE = ("--users", "7654321", "--revenue", "87654321")


@pytest.fixture
def recipe(desk: Desk) -> Path:
    desk.copy("a", "first")
    desk.copy("b", "second")
    return desk.recipe(linear(model("./first", weight=0.6), model("./second", weight=0.4)))


@pytest.fixture
def merged(desk: Desk, recipe: Path) -> Desk:
    """A desk with one release."""
    assert desk.run("merge", recipe, "out").code == 0
    return desk


def carried(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / FOLDER).iterdir())}


# What a merge leaves ---------------------------------------------------------------------------


def test_a_merge_leaves_its_proofs_and_keeps_its_checkpoint(merged: Desk) -> None:
    out = merged.path("out")
    assert sorted(carried(out)) == [
        "candidate.tlog-proof",
        "checkpoint.txt",
        "release.tlog-proof",
    ]
    entries = merged.entries()
    assert proof_entry(out / CANDIDATE) == entries[-2]
    assert proof_entry(out / RELEASE) == entries[-1]
    text = (out / CHECKPOINT).read_text()
    with merged.ledger() as ledger:
        assert read_checkpoint(text).checkpoint == checkpoint_of(ledger)
    (kept,) = merged.path(".evoreg/checkpoints").glob("*/*.txt")
    assert (kept.name, kept.read_text()) == (f"{len(entries)}.txt", text)


def test_what_was_asked_stays_in_the_ledger(desk: Desk, recipe: Path) -> None:
    """The entry of the decision holds the figures; those that are carried say who and when."""
    assert desk.run("merge", recipe, "out", *PRIVATE).code == 0
    assert any("7654321" in entry.body for entry in desk.entries())
    texts = b"".join(carried(desk.path("out")).values())
    for path in (CANDIDATE, RELEASE):
        entry = proof_entry(desk.path("out") / path)
        assert sorted(json.loads(entry.body)) == ["at", "by", "record", "schema"]
        texts += entry.canonical()
    for word in (b"7654321", bytes(desk.folder), b"inquiry"):
        assert word not in texts
    assert b"the tests" in texts


def test_a_repeated_merge_carries_the_same_proofs(merged: Desk, recipe: Path) -> None:
    first = carried(merged.path("out"))
    assert merged.run("merge", recipe, "other").code == 0
    assert merged.run("merge", recipe, "again", "--name", "out").code == 0
    assert carried(merged.path("again")) == first
    assert carried(merged.path("other")) != first
    for name in ("out", "other", "again"):
        assert merged.run("release", "verify", name).code == 0


def test_proofs_that_were_lost_come_back_with_the_same_merge(merged: Desk, recipe: Path) -> None:
    head = merged.head()
    shutil.rmtree(merged.path("out/provenance"))
    assert merged.run("release", "verify", "out").code == 5
    shutil.rmtree(merged.path("out"))
    assert merged.run("merge", recipe, "out").code == 0
    assert merged.run("release", "verify", "out").code == 0
    assert merged.head() == head


def test_intermediate_results_carry_their_proofs_and_are_used_again(desk: Desk) -> None:
    lines = [{"model": str(MODELS / name), "parameters": {"weight": 0.5}} for name in "ab"]
    first = {"name": "first", "merge_method": "linear", "models": lines}
    last = {
        "merge_method": "linear",
        "models": [
            {"model": "first", "parameters": {"weight": 0.5}},
            {"model": str(MODELS / "a"), "parameters": {"weight": 0.5}},
        ],
    }
    recipe = desk.recipe("\n---\n".join(map(json.dumps, (first, last))))
    said = desk.run("merge", recipe, "out", "--json").json
    (step,) = said["stages"]
    for folder in ("out", step["folder"]):
        assert desk.run("release", "verify", folder).code == 0, folder
    again = desk.run("merge", recipe, "again", "--json").json
    assert [item["kept"] for item in again["stages"]] == [True]
    record = desk.path("out/evoreg.json")
    told = json.loads(record.read_text())
    told["earlier"][0]["candidate"] = told["candidate"]
    told["earlier"][0]["candidate_id"] = told["candidate_id"]
    record.write_text(json.dumps(told))
    assert desk.run("release", "verify", "out").code == 4


def test_a_key_that_others_may_read_is_told_before_the_work(desk: Desk, recipe: Path) -> None:
    assert desk.run("ledger", "keygen", "--name", "acme").code == 0
    desk.path(".evoreg/ledger.key").chmod(0o644)
    head = desk.head()
    assert desk.run("merge", recipe, "out").code == 2
    assert (desk.head(), desk.path("out").exists()) == (head, False)


def put(merged: Desk, backup: Path) -> None:
    """Put another ledger in the place of that of a desk."""
    for path in merged.path(".evoreg").glob("ledger.sqlite*"):
        path.unlink()
    shutil.copyfile(backup, merged.path(".evoreg/ledger.sqlite"))


def test_a_ledger_that_is_not_what_it_was_takes_no_release(
    merged: Desk, recipe: Path, empty_ledger: Path
) -> None:
    """A new one in its place, an older backup, and one that went another way are all found."""
    backup = merged.path("backup")
    shutil.copyfile(merged.path(".evoreg/ledger.sqlite"), backup)
    assert merged.run("merge", recipe, "other").code == 0
    whole = shutil.copyfile(merged.path(".evoreg/ledger.sqlite"), merged.path("whole"))
    for ledger, word in ((empty_ledger, "cut off"), (backup, "older backup")):
        put(merged, ledger)
        head = merged.head()
        said = merged.run("merge", recipe, "third")
        assert said.code == 4
        assert "error[EVO-L001]" in said.err
        assert word in said.err
        assert (merged.head(), merged.path("third").exists()) == (head, False)
    merged.path(".evoreg/checkpoints").rename(merged.path("checkpoints"))
    for name in ("third", "fourth"):
        assert merged.run("merge", recipe, name).code == 0
    shutil.rmtree(merged.path(".evoreg/checkpoints"))
    merged.path("checkpoints").rename(merged.path(".evoreg/checkpoints"))
    assert "history was rewritten" in merged.run("merge", recipe, "fifth").err
    put(merged, whole)
    assert merged.run("merge", recipe, "fifth").code == 0


# What the command answers ----------------------------------------------------------------------


def test_a_stranger_needs_the_folder_and_nothing_else(merged: Desk, tmp_path: Path) -> None:
    away = tmp_path / "away"
    shutil.copytree(merged.path("out"), away / "model")
    shutil.rmtree(merged.path(".evoreg"))
    said = process(away, "release", "verify", "model")
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert [line.split()[1] for line in lines[:5]] == [
        "proofs",
        "signature",
        "files",
        "papers",
        "history",
    ]
    assert lines[-1].endswith("model (out) is what was recorded: Apache-2.0, for commercial use")
    assert sorted(path.name for path in away.iterdir()) == ["model"]


def test_a_signed_release_is_checked_with_the_key(desk: Desk, recipe: Path) -> None:
    public = desk.run("ledger", "keygen", "--name", "acme").out.strip()
    assert desk.run("merge", recipe, "out").code == 0
    desk.path("keys").write_text(public + "\n")
    for key in (public, "keys", ".evoreg/ledger.pub"):
        said = desk.run("release", "verify", "out", "--key", key)
        assert said.code == 0
        assert "signed by acme" in said.out
    assert "give the key of acme with --key" in desk.run("release", "verify", "out").out
    desk.path(".evoreg/ledger.key").unlink()
    other = desk.run("ledger", "keygen", "--name", "acme").out.strip()
    said = desk.run("release", "verify", "out", "--key", other)
    assert said.code == 4
    assert "not signed by a given key" in said.out
    assert "holds candidate" in said.out  # the proofs are as good as before
    assert desk.run("release", "verify", "out", "--key", other, "--key", public).code == 0


def test_what_was_kept_and_the_ledger_are_compared(merged: Desk, recipe: Path) -> None:
    verify = ("release", "verify", "out")
    assert merged.run("merge", recipe, "other").code == 0
    (early, late) = sorted(merged.path(".evoreg/checkpoints").glob("*/*.txt"))
    assert (
        early.read_text()
        == merged.path(
            "out",
        )
        .joinpath(CHECKPOINT)
        .read_text()
    )
    assert merged.run(*verify, "--since", early).code == 0
    said = merged.run(*verify, "--since", late)
    assert said.code == 5
    assert "EVO-I001" in said.err
    grown = merged.path("growth")
    grown.write_text(merged.run("ledger", "prove-growth", early).out)
    assert merged.run(*verify, "--since", late, "--growth", grown).code == 0
    ledger = merged.path(".evoreg/ledger.sqlite")
    for name in (str(ledger), f"sqlite:///{ledger}", ".evoreg/ledger.sqlite"):
        said = merged.run(*verify, "--since", late, "--ledger", name)
        assert said.code == 0, said.err
        assert "agrees with the ledger, the checkpoint of" in said.out


def test_the_ledger_is_only_read(merged: Desk, tmp_path: Path) -> None:
    ledger = merged.path(".evoreg/ledger.sqlite")
    before = ledger.read_bytes()
    assert merged.run("release", "verify", "out", "--ledger", ledger).code == 0
    assert ledger.read_bytes() == before
    said = merged.run("release", "verify", "out", "--ledger", "nowhere.sqlite")
    assert said.code == 5
    assert not merged.path("nowhere.sqlite").exists()


def test_another_ledger_does_not_hold_the_release(merged: Desk, empty_ledger: Path) -> None:
    said = merged.run("release", "verify", "out", "--ledger", empty_ledger)
    assert said.code == 4
    assert said.err.count("error[EVO-L001]") == 3
    assert "does not agree with the ledger" in said.out


def test_problems_are_told_with_their_files_and_end_in_4(merged: Desk) -> None:
    with merged.path("out/model.safetensors").open("r+b") as stream:
        stream.seek(-1, os.SEEK_END)
        stream.write(b"\x55")
    merged.path("out/NOTICE").unlink()
    said = merged.run("release", "verify", "out")
    assert said.code == 4
    assert [line for line in said.err.splitlines() if "-->" in line] == [
        "  --> model.safetensors",
        "  --> NOTICE",
    ]
    assert said.out.splitlines()[-1].endswith("out does not hold: 2 problems")


def test_the_document_for_programs(merged: Desk) -> None:
    merged.path("out/notes.txt").write_text("mine")
    said = merged.run("release", "verify", "out", "--json")
    told, entries = said.json, merged.entries()
    assert said.code == 0
    assert (told["schema"], told["ok"], told["exit_code"]) == ("evoreg/release-verify/1", True, 0)
    assert (told["name"], told["license"], told["intent"]) == ("out", "Apache-2.0", "commercial")
    assert told["entries"]["release"]["hash"] == entries[-1].hash
    assert told["entries"]["candidate"]["seq"] == entries[-2].seq
    assert told["entries"]["candidate"]["by"] == "the tests"
    assert told["checkpoint"]["size"] == len(entries)
    lines = merged.path("out").joinpath(CHECKPOINT).read_text().splitlines()
    assert [told["checkpoint"]["origin"], told["checkpoint"]["root"]] == [lines[0], lines[2]]
    assert (told["signers"], told["beside"], told["errors"]) == ([], ["notes.txt"], [])
    assert {item["about"]: item["ok"] for item in told["checks"]} == {
        "proofs": True,
        "signature": None,
        "files": True,
        "papers": True,
        "history": None,
    }
    merged.path("out/config.json").write_text("{}")
    said = merged.run("release", "verify", "out", "--json")
    assert (said.code, said.json["ok"], said.json["exit_code"]) == (4, False, 4)
    assert [item["where"] for item in said.json["errors"]] == ["config.json"]


def test_a_folder_without_proofs_ends_in_5_with_words(merged: Desk) -> None:
    """So does a release of an evoreg that did not write any."""
    shutil.rmtree(merged.path("out/provenance"))
    for name, words in (("out", "carries no proofs"), ("first", "no release"), ("none", "no such")):
        said = merged.run("release", "verify", name)
        assert said.code == 5
        assert words in said.err
        assert merged.run("release", "verify", name, "--json").json["exit_code"] == 5


@pytest.mark.parametrize("option", ["--key", "--since", "--growth"])
def test_what_cannot_be_read_is_told(merged: Desk, option: str) -> None:
    merged.path("junk").write_text("junk\n")
    for name in ("junk", "nowhere", "out"):
        said = merged.run("release", "verify", "out", option, name)
        assert said.code == 5, said.err
        assert name in said.err


def test_the_folder_alone_is_checked_without_heavy_libraries(merged: Desk) -> None:
    program = (
        "import sys; from evoreg.registry.cli.main import answer; "
        "code = answer(['release', 'verify', 'out']); "
        "heavy = {'torch', 'sqlalchemy', 'transformers'} & set(sys.modules); "
        "sys.exit(code or len(heavy))"
    )
    assert os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", program]) == 0
