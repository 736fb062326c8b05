"""`evoreg demo`: the main job on the models that ship with evoreg, twice in one folder."""

import json

import pytest

from tests.registry.desk import Desk


@pytest.fixture(autouse=True)
def few_problems(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    """Score a few problems only: how good the models are is tested elsewhere."""
    from evoreg.registry.cli import showcase
    from evoreg.registry.demo import problems_file

    short = desk.path("problems.jsonl")
    lines = problems_file().read_text("utf-8").splitlines(keepends=True)
    short.write_text("".join(lines[::25]), "utf-8")
    monkeypatch.setattr(showcase, "problems_file", lambda: short)


def test_demo_works_twice(desk: Desk) -> None:
    desk.patch.setenv("EVOREG_LEDGER", f"sqlite:///{desk.path('books-of-others.sqlite')}")
    first = desk.run("demo", "shown")
    assert first.code == 0
    for text in (
        "1. Register three sources",
        "6. The books",
        "pocket-merged",
        "points over the better parent",
        "every hash recomputed",
    ):
        assert text in first.out
    assert "error[EVL104 COMMERCIAL_USE_FORBIDDEN]" in first.err
    assert "Refused: 1 reason" in first.err
    results = {"pocket-merged", "pocket-evolved"}
    assert {path.name for path in desk.path("shown").iterdir()} == {".evoreg", *results}
    record = json.loads((desk.path("shown") / "pocket-merged" / "evoreg.json").read_text("utf-8"))
    second = desk.run("demo", "shown", "--json")
    assert (second.code, second.err) == (0, "")
    told = second.json
    assert told["merge"]["repeated"] is True
    assert told["merge"]["candidate"] == record["candidate_id"]
    assert told["merge"]["entry"] == record["entry"]["seq"]
    assert len(told["refused"]) == 1
    assert told["search"]["known"] is True  # nothing is searched twice
    assert told["search"]["merge"]["candidate"] == told["search"]["result"]["winner"]
    accuracy = told["accuracy"]
    assert set(accuracy) == {"pocket-base", "pocket-math", "pocket-ja", "pocket-merged"}
    assert accuracy["pocket-merged"] > max(accuracy["pocket-math"], accuracy["pocket-ja"])
    shares = {item["reference"]: item["effective"] for item in told["merge"]["contributions"]}
    assert sum(map(float, shares.values())) == pytest.approx(1)
    assert not desk.path("books-of-others.sqlite").exists()
    desk.patch.delenv("EVOREG_LEDGER")
    desk.patch.chdir(desk.path("shown"))
    assert desk.run("ledger", "verify").code == 0


def test_demo_touches_nothing_of_others(desk: Desk) -> None:
    mine = desk.path("shown") / "pocket-merged"
    mine.mkdir(parents=True)
    (mine / "thesis.txt").write_text("mine")
    said = desk.run("demo", "shown", "--json")
    assert said.code == 2
    assert said.json["errors"][0]["code"] == "EVO-O001"
    assert (mine / "thesis.txt").read_text() == "mine"


def test_demo_where_nothing_can_be_written(desk: Desk) -> None:
    desk.path("file").write_text("mine")
    for place in ("file", "file/shown"):
        said = desk.run("demo", place)
        assert said.code == 2
        assert "error[EVO-O00" in said.err
