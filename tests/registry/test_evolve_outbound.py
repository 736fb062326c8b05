"""`evoreg evolve --per-outbound`: one search for each licence that a result can have."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from evoreg.provenance.records.errors import UsageError
from evoreg.registry.searching import outbound
from evoreg.registry.searching.outbound import slug
from tests.registry.evolve_room import Room, entered, pocket, task

FREE = "Apache-2.0 AND CC-BY-4.0 AND MIT"
BOUND = "Apache-2.0 AND CC-BY-NC-4.0 AND MIT"
ALL = "Apache-2.0 AND CC-BY-4.0 AND CC-BY-NC-4.0 AND MIT"
MODELS = [pocket("math"), pocket("ja"), pocket("ja-nc")]
CHANGES = {
    "models": MODELS,
    "tasks": [task(max_new_tokens=4)],
    "budget": {"generations": 1},
    "intent": "research",
}


@pytest.fixture
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with entered(tmp_path_factory.mktemp("outbound")) as found:
        yield found


def test_each_licence_has_its_largest_set(room: Room) -> None:
    said = room.evolve("--per-outbound", "--dry-run", "--json", **CHANGES)
    assert said.code == 0
    told = {row["license"]: row["models"] for row in said.json["outbound"]}
    base, math, ja, nc = "./pocket-base", "./pocket-math", "./pocket-ja", "./pocket-ja-nc"
    assert told == {
        "Apache-2.0 AND CC-BY-4.0": [base, ja],
        "Apache-2.0 AND CC-BY-4.0 AND CC-BY-NC-4.0": [base, ja, nc],
        ALL: [base, math, ja, nc],
        FREE: [base, math, ja],
        "Apache-2.0 AND CC-BY-NC-4.0": [base, nc],
        BOUND: [base, math, nc],
        "Apache-2.0 AND MIT": [base, math],
    }
    assert not room.path(".evoreg/ledger.sqlite").exists()


def test_a_search_for_each_and_one_table(room: Room) -> None:
    changes = {**CHANGES, "models": [pocket("math")], "intent": "commercial"}
    first = room.evolve("out", "--per-outbound", **changes)
    assert first.code == 0
    assert "Licence of the result" in first.out
    assert "Apache-2.0 AND MIT" in first.out
    folder = room.path("out") / "Apache-2.0-AND-MIT"
    assert (folder / "evoreg.json").is_file()
    with room.ledger() as ledger:
        (recorded,) = ledger.searches()
    assert recorded.search.name == "small-Apache-2.0-AND-MIT"
    assert recorded.search.outbound == "Apache-2.0 AND MIT"
    before = room.course()
    said = room.evolve("out", "--per-outbound", "--resume", "--json", **changes)
    assert said.code == 0
    (row,) = said.json["outbound"]
    assert (row["license"], row["known"], row["merge"]) == ("Apache-2.0 AND MIT", True, None)
    assert Path(row["out"]).name == "Apache-2.0-AND-MIT"
    assert room.course() == before


def test_too_many_models_are_refused(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "MOST", 2)
    said = room.evolve("--per-outbound", "--dry-run", **CHANGES)
    assert said.code == 2
    assert "3 models have too many sets" in said.err
    assert UsageError.__name__ not in said.err


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        (FREE, "Apache-2.0-AND-CC-BY-4.0-AND-MIT"),
        ("LicenseRef-Llama-3 OR (MIT)", "LicenseRef-Llama-3-OR-MIT"),
        ("../..", "result"),
        ("..", "result"),
        ("", "result"),
        ("a" * 200, "a" * 80),
    ],
)
def test_folders_are_named_safely(expression: str, name: str) -> None:
    assert slug(expression) == name
