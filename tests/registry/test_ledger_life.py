"""`evoreg ledger export, import, copy, prune, publications`: the books carried on, and thinned."""

import json
import os
import stat
import subprocess
from base64 import b64decode
from pathlib import Path

import pytest

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.publications import abandon, confirm, prepare
from evoreg.provenance.ledger.search_tables import item_scores
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.records.candidate import Candidate, Census, Engine
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.model import File
from evoreg.provenance.records.publication import Publication
from evoreg.provenance.records.recipe import Recipe
from evoreg.provenance.records.release import Release
from evoreg.provenance.records.search import Search
from evoreg.provenance.records.text import HeldText
from tests.registry.desk import MODULE, Desk
from tests.searches_made import MadeSearch, Shape, made_search

SMALL = Shape(generations=2, population=3, layers=1, items=3)


def record(ledger: Ledger, made: MadeSearch) -> None:
    for batch in made.batches():
        ledger.append(batch)


@pytest.fixture
def books(desk: Desk) -> Desk:
    """A desk whose ledger holds two searches and a text."""
    with desk.ledger() as ledger:
        record(ledger, made_search("one", shape=SMALL))
        record(ledger, made_search("two", shape=SMALL))
        ledger.append([NewEntry("text", HeldText.of("Ünïcode \u202e\n".encode()))])
    return desk


def scores(desk: Desk) -> int:
    with desk.ledger() as ledger, ledger.store.reading() as connection:
        return len(connection.execute(item_scores.select()).all())


def names(desk: Desk) -> list[str]:
    return sorted(path.name for path in desk.folder.iterdir())


def test_out_and_in_again(books: Desk) -> None:
    said = books.run("ledger", "export", "books.jsonl")
    count = len(books.entries())
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"✓ books.jsonl: {count} entries, root ")
    told = books.run("ledger", "export", "again.jsonl", "--json").json
    assert (told["schema"], told["ok"], told["file"], told["entries"]) == (
        "evoreg/ledger-export/1",
        True,
        "again.jsonl",
        count,
    )
    assert told["head"] == books.head().hash
    assert len(b64decode(told["root"])) == 32
    assert told["root"] in said.out
    written = books.path("books.jsonl").read_bytes()
    assert books.path("again.jsonl").read_bytes() == written
    assert f'{{"root":"{told["root"]}","size":{count}}}\n'.encode() == written.splitlines(True)[-1]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(books.path("books.jsonl").stat().st_mode) == 0o666 & ~mask
    elsewhere = f"sqlite:///{books.path('new')}/ledger.db"
    taken = books.run("ledger", "import", "books.jsonl", "--into", elsewhere, "--json").json
    assert (taken["schema"], taken["added"], taken["entries"]) == (
        "evoreg/ledger-import/1",
        count,
        count,
    )
    assert (taken["head"], taken["root"], taken["ledger"]) == (
        told["head"],
        told["root"],
        elsewhere,
    )
    assert books.entries(elsewhere) == books.entries()
    again = books.run("ledger", "import", "books.jsonl", "--into", elsewhere)
    assert again.out.startswith(f"✓ {elsewhere}: 0 entries added, {count} in all, root ")


def test_through_a_pipe_into_a_new_project(books: Desk) -> None:
    """The bytes do not depend on what the terminal can show."""
    there = books.path("there")
    there.mkdir()
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    out = subprocess.run(
        [*MODULE, "ledger", "export"],
        cwd=books.folder,
        env=ascii_only,
        capture_output=True,
        check=True,
    )
    assert books.run("ledger", "export", "books.jsonl").code == 0
    assert out.stdout == books.path("books.jsonl").read_bytes()
    assert b"entries, root" in out.stderr
    taken = subprocess.run(
        [*MODULE, "ledger", "import", "-"], cwd=there, input=out.stdout, capture_output=True
    )
    assert taken.returncode == 0
    assert f": {len(books.entries())} entries added, ".encode() in taken.stdout
    assert books.entries(f"sqlite:///{there}/.evoreg/ledger.sqlite") == books.entries()


def test_a_reader_that_goes_away(books: Desk) -> None:
    with subprocess.Popen(
        [*MODULE, "ledger", "export"],
        cwd=books.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as child:
        assert child.stdout
        child.stdout.close()
        assert child.wait() == 141


def test_both_on_stdout(books: Desk) -> None:
    said = books.run("ledger", "export", "--json")
    assert (said.code, said.json["errors"][0]["code"]) == (2, "EVO-U001")
    assert books.run("ledger", "export", "-").out.splitlines()[0].startswith('{"form":')


def test_a_file_that_is_there_stays(books: Desk) -> None:
    books.path("kept.jsonl").write_text("mine")
    books.path("folder").mkdir()
    for name in ("kept.jsonl", "folder"):
        said = books.run("ledger", "export", name)
        assert said.code == 2
        assert "error[EVO-O001]" in said.err
    assert books.path("kept.jsonl").read_text() == "mine"
    assert books.run("ledger", "export", "folder", "--force").code == 2
    assert books.run("ledger", "export", "kept.jsonl", "--force").code == 0
    assert books.path("kept.jsonl").read_text().startswith('{"form":')


def test_a_place_that_takes_nothing(books: Desk) -> None:
    before = names(books)
    said = books.run("ledger", "export", "nowhere/books.jsonl")
    assert (said.code, "error[EVO-O002]" in said.err) == (2, True)
    if Path("/dev/full").exists():
        said = books.run("ledger", "export", "/dev/full")
        assert (said.code, "error[EVO-O003]" in said.err) == (2, True)
    assert names(books) == before


def test_broken_books_leave_no_file(books: Desk) -> None:
    books.path("kept.jsonl").write_text("mine")
    before = names(books)
    with books.ledger() as ledger, ledger.store.writing() as connection:
        connection.exec_driver_sql("UPDATE head SET tree = ''")
    for arguments in (("books.jsonl",), ("kept.jsonl", "--force")):
        said = books.run("ledger", "export", *arguments)
        assert (said.code, "error[EVO-L001]" in said.err) == (4, True)
    assert names(books) == before
    assert books.path("kept.jsonl").read_text() == "mine"


def test_what_cannot_be_taken_in(books: Desk) -> None:
    assert books.run("ledger", "export", "books.jsonl").code == 0
    lines = books.path("books.jsonl").read_bytes().splitlines(keepends=True)
    books.path("cut.jsonl").write_bytes(b"".join(lines[:-1]))
    books.path("text.jsonl").write_text("just a text\n")
    with books.ledger(f"sqlite:///{books.path('other.db')}") as other:
        record(other, made_search("three", shape=SMALL))
        before = list(other.entries())
    new, other_url = f"sqlite:///{books.path('new.db')}", f"sqlite:///{books.path('other.db')}"
    for file, into, code, word in (
        ("missing.jsonl", new, 5, "EVO-I001"),
        (".", new, 5, "EVO-I002"),
        ("text.jsonl", new, 5, "EVO-I002"),
        ("cut.jsonl", new, 4, "EVO-L001"),
        ("books.jsonl", other_url, 5, "EVO-L006"),
        ("books.jsonl", "mysql://x/y", 2, "EVO-U001"),
    ):
        said = books.run("ledger", "import", file, "--into", into)
        assert (said.code, f"error[{word}]" in said.err) == (code, True), said.err
        told = books.run("ledger", "import", file, "--into", into, "--json")
        assert (told.code, told.json["errors"][0]["code"]) == (code, word)
    assert books.entries(new) == []
    assert books.entries(other_url) == before


def test_to_a_server_and_back(books: Desk, postgres_url: str) -> None:
    count = len(books.entries())
    said = books.run("ledger", "copy", postgres_url)
    assert said.code == 0
    assert f": {count} entries added, {count} in all, root " in said.out
    with books.ledger() as ledger:
        ledger.append([NewEntry("text", HeldText.of(b"more"))])
    told = books.run("ledger", "copy", postgres_url, "--json").json
    assert (told["schema"], told["added"], told["entries"]) == (
        "evoreg/ledger-copy/1",
        1,
        count + 1,
    )
    back = f"sqlite:///{books.path('back.db')}"
    books.patch.setenv("EVOREG_LEDGER", postgres_url)
    assert books.run("ledger", "copy", back).code == 0
    assert books.entries(back) == books.entries() == books.entries(postgres_url)
    assert books.run("ledger", "export", "server.jsonl").code == 0
    books.patch.setenv("EVOREG_LEDGER", back)
    assert books.run("ledger", "export", "back.jsonl").code == 0
    assert books.path("server.jsonl").read_bytes() == books.path("back.jsonl").read_bytes()


def test_no_ledger_to_carry(desk: Desk) -> None:
    desk.path(".evoreg/ledger.sqlite").unlink()
    for arguments in (("export",), ("copy", "sqlite:///new.db"), ("publications",)):
        said = desk.run("ledger", *arguments)
        assert (said.code, "error[EVO-I001]" in said.err) == (5, True)
    assert not desk.path("new.db").exists()


def test_pruning(books: Desk) -> None:
    entries, before = books.entries(), scores(books)
    said = books.run("ledger", "prune", "--item-scores", "--search", "one", "--why", " room ")
    assert (said.code, said.err) == (0, "")
    last = len(entries)
    assert said.out == (
        f"✓ item scores up to entry {last} are not kept any more: entry {last + 1} says so\n"
    )
    assert scores(books) == before // 2
    told = books.run("ledger", "prune", "--item-scores", "--why", "x", "--through", "9", "--json")
    assert (told.json["schema"], told.json["entry"], told.json["through"]) == (
        "evoreg/ledger-prune/1",
        last + 2,
        9,
    )
    assert scores(books) == before // 2
    assert books.run("ledger", "prune", "--item-scores", "--why", "all").code == 0
    assert scores(books) == 0
    now = books.entries()
    assert now[:last] == entries
    assert [json.loads(entry.body)["record"]["why"] for entry in now[last:]] == ["room", "x", "all"]
    assert books.run("ledger", "rebuild").code == 0
    assert scores(books) == 0
    assert books.run("ledger", "verify").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--why", "x"), 2, "nothing is named"),
        (("--item-scores",), 2, "--why"),
        (("--item-scores", "--why", " "), 2, "the reason is empty"),
        (("--item-scores", "--why", "x", "--through", "0"), 2, "--through"),
        (("--item-scores", "--why", "x", "--through", "99"), 2, "there is no entry 99"),
        (("--item-scores", "--why", "x", "--search", "none"), 5, "none"),
    ],
)
def test_no_pruning(books: Desk, arguments: tuple[str, ...], code: int, says: str) -> None:
    before = books.head()
    said = books.run("ledger", "prune", *arguments)
    assert (said.code, says in said.err) == (code, True), said.err
    assert books.head() == before


def test_pruning_one_of_several_runs(books: Desk) -> None:
    again: Search = made_search("one", run=1, shape=SMALL).search
    with books.ledger() as ledger:
        ledger.append([NewEntry("search", again)])
    before = scores(books)
    said = books.run("ledger", "prune", "--item-scores", "--search", "one", "--why", "x")
    assert (said.code, "2 runs are called one" in said.err) == (2, True)
    first = made_search("one", shape=SMALL).search.id
    arguments = ("ledger", "prune", "--item-scores", "--why", "x", "--search")
    assert books.run(*arguments, again.id[7:23]).code == 0
    assert scores(books) == before
    assert books.run(*arguments, first).code == 0
    assert scores(books) == before // 2


def file(path: str, size: int) -> File:
    return File(path=path, size=size, digest=digest_of(path.encode()), role="other")


@pytest.fixture
def sent(desk: Desk) -> Desk:
    """A desk with a release: one publication is confirmed, one abandoned, one under way."""
    made = Candidate(
        recipe=Recipe(method="linear", models=()),
        ingredients=(),
        seed=0,
        engine=Engine(version="0.1.0", rules=1),
        contributions=(),
        census=Census(tensors=0, parameters=0, copied=0),
        outputs=(),
    )
    release = Release(
        candidate=made.id,
        decision=digest_of(b"decision"),
        intent="research",
        name="org/merged",
        license="mit",
        papers=(),
    )
    targets = ("hf://org/one", "hf://org/two", "hf://org/\x1b[31mthree")
    with desk.ledger() as ledger:
        ledger.append([NewEntry("candidate", made), NewEntry("release", release)])
        steps = [
            prepare(
                ledger,
                Publication(
                    release=release.record_digest(),
                    target=target,
                    branch="" if number else "main",
                    state="prepared",
                    files=(file("README.md", 10), file("model.safetensors", 90)),
                ),
            )
            for number, target in enumerate(targets)
        ]
        confirm(ledger, steps[0].seq, "0123abcd")
        abandon(ledger, steps[1].seq, "nothing arrived")
    return desk


def test_publications(sent: Desk) -> None:
    said = sent.run("ledger", "publications")
    assert (said.code, said.err) == (0, "")
    first, second, third = said.out.splitlines()
    assert first.split()[:2] == ["3", "confirmed"]
    assert first.endswith("hf://org/one (main)  2 files, 100 bytes  0123abcd")
    assert second.split()[:2] == ["4", "abandoned"]
    assert second.endswith("hf://org/two  2 files, 100 bytes  nothing arrived")
    assert third.split()[:2] == ["5", "prepared"]
    assert third.endswith("hf://org/?[31mthree  2 files, 100 bytes")
    told = sent.run("ledger", "publications", "--json").json
    assert told["schema"] == "evoreg/ledger-publications/1"
    assert [(row["entry"], row["state"], row["settled"]) for row in told["publications"]] == [
        (3, "confirmed", 6),
        (4, "abandoned", 7),
        (5, "prepared", None),
    ]
    assert told["publications"][0]["commit"] == "0123abcd"
    assert told["publications"][1]["why"] == "nothing arrived"
    assert sent.run("ledger", "publications", "-n", "1").out.splitlines() == [third]
    assert sent.run("ledger", "publications", "--pending").out.splitlines() == [third]


def test_publications_are_carried_on(sent: Desk) -> None:
    there = f"sqlite:///{sent.path('there.db')}"
    said = sent.run("ledger", "publications")
    assert sent.run("ledger", "copy", there).code == 0
    sent.patch.setenv("EVOREG_LEDGER", there)
    assert sent.run("ledger", "publications").out == said.out
