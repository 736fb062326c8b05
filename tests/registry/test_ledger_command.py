"""`evoreg ledger`: the books can be read, proved and rebuilt; changed books are told."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from evoreg.provenance.proofs.keys import SigningKey
from evoreg.provenance.proofs.merkle import Frontier, leaf_hash
from tests.registry.desk import MODELS, Desk, linear, model


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a ledger with one merge will be kept."""
    return tmp_path_factory.mktemp("merged") / "ledger.sqlite"


@pytest.fixture
def books(desk: Desk, merged: Path) -> Desk:
    """A desk whose ledger holds one merge."""
    path = desk.path(".evoreg") / "ledger.sqlite"
    if not merged.exists():
        recipe = desk.recipe(linear(model("a", weight=1), model("b", weight=1)))
        assert desk.run("merge", recipe, "out").code == 0
        shutil.copyfile(path, merged)
    shutil.copyfile(merged, path)
    return desk


def change(desk: Desk, *statements: str) -> None:
    """What somebody with full rights may do to the file."""
    link = sqlite3.connect(desk.path(".evoreg") / "ledger.sqlite")
    triggers = link.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        link.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        link.execute(statement)
    for _, sql in triggers:
        link.execute(sql)
    link.commit()
    link.close()


def anchor(desk: Desk) -> str:
    found = re.search(r"anchor (\d+:sha256:[0-9a-f]{64})", desk.run("ledger", "verify").out)
    assert found
    return found[1]


def test_whole_books(books: Desk) -> None:
    said = books.run("ledger", "verify")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("✓ the ledger is whole: 5 entries\n  anchor 5:sha256:")
    told = books.run("ledger", "verify", "--json").json
    assert (told["ok"], told["entries"], told["errors"]) == (True, 5, [])
    assert anchor(books) == f"5:{told['head']}"
    assert books.run("ledger", "verify", "--anchor", anchor(books)).code == 0


def cut(desk: Desk) -> None:
    """Take the last entry away, so well that the ledger alone cannot tell."""
    file = desk.path(".evoreg") / "ledger.sqlite"
    link = sqlite3.connect(file)
    hashes = [row[0] for row in link.execute("SELECT hash FROM entries WHERE seq < 5 ORDER BY seq")]
    tables = [
        name
        for (name,) in link.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if any(row[1] == "seq" for row in link.execute(f"PRAGMA table_info({name})"))
    ]
    link.close()
    tree = Frontier()
    tree.extend(map(leaf_hash, hashes))
    change(
        desk,
        *(f"DELETE FROM {name} WHERE seq = 5" for name in tables if name != "head"),
        f"UPDATE head SET seq = 4, hash = '{hashes[-1]}', tree = '{tree}'",
    )


def test_root_and_kept_checkpoints_are_told(books: Desk) -> None:
    shutil.rmtree(books.path(".evoreg") / "checkpoints", ignore_errors=True)
    before = books.run("ledger", "verify")
    assert "\n  compared with no checkpoints: a cut tail" in before.out
    root = books.run("ledger", "checkpoint").out.splitlines()[2]
    after = books.run("ledger", "verify")
    assert after.out.endswith(f"\n  root   {root}\n  compared with 1 checkpoint\n")
    told = books.run("ledger", "verify", "--json").json
    assert (told["root"], told["checkpoints"]) == (root, 1)


def test_a_kept_checkpoint_shows_a_cut_tail(books: Desk) -> None:
    assert books.run("ledger", "checkpoint").code == 0
    cut(books)
    said = books.run("ledger", "verify")
    assert said.code == 4
    assert "checkpoint of 5 entries" in said.err
    assert "the tail was cut off" in said.err


def test_a_checkpoint_from_elsewhere(books: Desk) -> None:
    assert books.run("ledger", "keygen", "--name", "example.org/books").code == 0
    assert books.run("ledger", "checkpoint", "--out", "noted.txt").code == 0
    shutil.rmtree(books.path(".evoreg") / "checkpoints")
    key = (books.path(".evoreg") / "ledger.pub").read_text().strip()
    asked = ("ledger", "verify", "--checkpoint", "noted.txt", "--key")
    assert books.run(*asked, key).code == 0
    other = str(SigningKey("example.org/books", b"1" * 32).verifier)
    wrong = books.run(*asked, other)
    assert (wrong.code, "noted.txt" in wrong.err) == (4, True)
    forged = books.path("noted.txt").read_text().replace("\n5\n", "\n4\n")
    books.path("forged.txt").write_text(forged)
    assert books.run("ledger", "verify", "--checkpoint", "forged.txt", "--key", key).code == 4
    # Without a key its signature is not looked at, but its root is wrong all the same.
    said = books.run("ledger", "verify", "--checkpoint", "forged.txt")
    assert (said.code, "history was rewritten" in said.err) == (4, True)
    cut(books)
    assert books.run("ledger", "verify").code == 0
    assert books.run(*asked, key).code == 4


def test_a_key_without_a_checkpoint(books: Desk) -> None:
    said = books.run("ledger", "verify", "--key", "x")
    assert (said.code, "add --checkpoint FILE" in said.err) == (2, True)


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE entries SET body = replace(body, 'linear', 'slerp') WHERE seq = 4", "4"),
        ("DELETE FROM entries WHERE seq = 2", "2"),
        ("UPDATE head SET seq = 4", "head"),
        ("UPDATE contributions SET effective = '0.900000000'", "table contributions"),
        ("UPDATE models SET name = 'mine'", "table models"),
    ],
)
def test_changed_books_are_told(books: Desk, statement: str, says: str) -> None:
    change(books, "PRAGMA foreign_keys = OFF", statement)
    said = books.run("ledger", "verify")
    assert said.code == 4
    assert "error[EVO-L001]" in said.err
    assert says in said.err
    assert said.out.startswith("✗ the ledger is broken")
    told = books.run("ledger", "verify", "--json")
    assert (told.code, told.json["exit_code"], told.json["ok"], told.err) == (4, 4, False, "")
    assert {item["code"] for item in told.json["errors"]} == {"EVO-L001"}


def test_missing_triggers_are_told(books: Desk) -> None:
    link = sqlite3.connect(books.path(".evoreg") / "ledger.sqlite")
    for (name,) in link.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        link.execute(f"DROP TRIGGER {name}")
    link.commit()
    link.close()
    assert books.run("ledger", "verify").code == 4
    recipe = books.recipe(linear(model("a", weight=1), model("b", weight=2)))
    assert books.run("merge", recipe, "out2").code == 4
    assert not books.path("out2").exists()


def test_a_cut_tail_shows_against_an_anchor_only(books: Desk) -> None:
    kept = anchor(books)
    shutil.rmtree(books.path(".evoreg") / "checkpoints", ignore_errors=True)
    cut(books)
    assert books.run("ledger", "verify").code == 0
    said = books.run("ledger", "verify", "--anchor", kept)
    assert said.code == 4
    assert "error[EVO-L001]" in said.err


@pytest.mark.parametrize(
    "text_",
    [
        "5",
        "x:sha256:" + "0" * 64,
        "5:sha256:00",
        "5:" + "0" * 71,
        "²:sha256:" + "0" * 64,
        "5:sha256:" + "g" * 64,
        "5:sha256:" + "٣" * 64,
    ],
)
def test_no_anchor(books: Desk, text_: str) -> None:
    said = books.run("ledger", "verify", "--anchor", text_)
    assert said.code == 2
    assert "is no anchor" in said.err


def test_rebuild_mends_the_tables_and_nothing_else(books: Desk) -> None:
    before = books.entries()
    change(books, "UPDATE models SET name = 'mine'", "DELETE FROM contributions")
    assert books.run("ledger", "verify").code == 4
    said = books.run("ledger", "rebuild")
    assert (said.code, said.out) == (0, "✓ rebuilt from 5 entries\n")
    assert books.run("ledger", "verify").code == 0
    assert books.entries() == before
    assert books.run("ledger", "rebuild", "--json").json["entries"] == 5


def test_rebuild_does_not_believe_changed_entries(books: Desk) -> None:
    change(books, "UPDATE entries SET body = replace(body, 'linear', 'slerp') WHERE seq = 4")
    said = books.run("ledger", "rebuild")
    assert said.code == 4
    assert "error[EVO-L001]" in said.err


def test_log(books: Desk) -> None:
    lines = books.run("ledger", "log").out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["1", "model"],
        ["2", "model"],
        ["3", "decision"],
        ["4", "candidate"],
        ["5", "release"],
    ]
    assert all(re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  the tests  \S", line) for line in lines)
    assert books.run("ledger", "log", "-n", "2").out.splitlines() == lines[-2:]
    told = books.run("ledger", "log", "--json", "--limit", "1").json["entries"]
    assert (len(told), told[0]["seq"], told[0]["kind"]) == (1, 5, "release")
    assert books.run("ledger", "log", "-n", "0").code == 2


def test_a_ledger_in_postgresql(desk: Desk, postgres_url: str) -> None:
    """One merge, its books in a real server: the same entries, the same proof."""
    desk.patch.setenv("EVOREG_LEDGER", postgres_url)
    recipe = desk.recipe(linear(model("a", weight=1), model("b", weight=1)))
    said = desk.run("merge", recipe, "out", "--json")
    assert said.code == 0
    kinds = [entry.kind for entry in desk.entries(postgres_url)]
    assert kinds == ["model", "model", "decision", "candidate", "release"]
    record = json.loads((desk.path("out") / "evoreg.json").read_text("utf-8"))
    assert record["entry"]["hash"] == desk.entries(postgres_url)[3].hash
    again = desk.run("merge", recipe, "again", "--name", "out", "--json").json
    assert (again["repeated"], again["entry"]) == (True, 4)
    assert [item["name"] for item in desk.run("model", "list", "--json").json["models"]] == [
        "a",
        "b",
    ]
    assert len(desk.run("ledger", "log").out.splitlines()) == 5
    assert desk.run("ledger", "verify").code == 0
    assert desk.run("ledger", "rebuild").code == 0
    engine = create_engine(make_url(postgres_url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE models SET name = 'mine'"))
    engine.dispose()
    assert desk.run("ledger", "verify").code == 4
    assert not (desk.path(".evoreg") / "ledger.sqlite-wal").exists()


def test_a_claim_counts_wherever_the_books_are(desk: Desk, postgres_url: str) -> None:
    folder = desk.copy("b", "bare", README__md="# nothing\n")
    recipe = desk.recipe(linear(model("a", weight=1), model(folder, weight=1)))
    desk.patch.setenv("EVOREG_LEDGER", postgres_url)
    assert desk.run("check", recipe).code == 3
    assert desk.run("model", "add", folder).code == 0
    claimed = desk.run(
        "model", "claim", "bare", "--license", "mit", "--evidence", "https://example.org/x"
    )
    assert claimed.code == 0
    assert desk.run("check", recipe).code == 0


Spoil = Callable[[Path], object]


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda path: path.write_text("just a text, and no database at all " * 30), 5),
        (lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]), 4),
        (lambda path: (path.unlink(), path.mkdir()), 5),
    ],
    ids=["text", "half", "folder"],
)
def test_a_file_that_is_no_ledger(books: Desk, spoil: Spoil, code: int) -> None:
    spoil(books.path(".evoreg") / "ledger.sqlite")
    for command in (["verify"], ["log"], ["rebuild"]):
        said = books.run("ledger", *command)
        assert said.code == code
        assert "error[EVO-L00" in said.err
    recipe = books.recipe(linear(model("a", weight=1), model(str(MODELS / "c"), weight=1)))
    assert books.run("merge", recipe, "out3").code == code
    assert not books.path("out3").exists()


@contextmanager
def sealed(folder: Path) -> Iterator[None]:
    """Make a folder read-only, for root too; skips where one may not mount."""
    if os.geteuid():
        folder.chmod(0o500)
        try:
            yield
        finally:
            folder.chmod(0o700)
        return
    if shutil.which("mount") is None:
        pytest.skip("there is no mount")
    done = subprocess.run(["mount", "--bind", folder, folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("a folder cannot be mounted here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_books_in_a_read_only_folder(books: Desk) -> None:
    recipe = books.recipe(linear(model("a", weight=1), model("b", weight=1)))
    commands = (
        ("ledger", "verify"),
        ("ledger", "log"),
        ("model", "list"),
        ("check", recipe),
    )
    expected = [books.run(*command) for command in commands]
    with sealed(books.path(".evoreg")):
        found = [books.run(*command) for command in commands]
        added = books.run("model", "add", MODELS / "c")
        rebuilt = books.run("ledger", "rebuild")
    assert [said.code for said in found] == [0, 0, 0, 0]
    assert [said.out for said in found] == [said.out for said in expected]
    for said in (added, rebuilt):
        assert said.code == 5
        assert "error[EVO-L002]: the ledger can be read here, but not written" in said.err
    assert books.run("ledger", "verify").out == expected[0].out
