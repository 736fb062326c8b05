"""`evoreg evolve`: a small search from the file to the merged winner, and its books."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from evoreg.evolve.execution.run import RULES
from evoreg.evolve.resident.parameters import ParameterHost
from evoreg.provenance.records.candidate import Engine
from evoreg.provenance.records.errors import Code
from evoreg.provenance.records.recipe import Recipe
from evoreg.provenance.records.result import Interval
from evoreg.registry.cli.evolve_text import lead
from evoreg.registry.merging.adapted import source_model
from evoreg.registry.models.hashing import measure
from evoreg.registry.models.resolve import resolve
from evoreg.registry.settings import evoreg_version
from tests.registry.desk import Said, card
from tests.registry.evolve_room import Room, entered, files_of, pocket, search, task, tensors_of


@dataclass(frozen=True)
class Searched:
    """A room in which the small search was carried out."""

    room: Room
    said: Said

    @property
    def told(self) -> Any:
        return self.said.json


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searched]:
    with entered(tmp_path_factory.mktemp("searched")) as room:
        models = [pocket("math"), pocket("ja-nc"), pocket("ja")]
        yield Searched(room, room.evolve("out", "--json", models=models))


@pytest.fixture
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with entered(tmp_path_factory.mktemp("room")) as found:
        yield found


def test_the_winner_is_merged_and_told(searched: Searched) -> None:
    said, told = searched.said, searched.told
    assert (said.code, said.err) == (0, "")
    assert (told["schema"], told["ok"], told["run"], told["known"]) == (
        "evoreg/evolve/1",
        True,
        0,
        False,
    )
    assert told["merge"]["candidate"] == told["result"]["winner"]
    assert told["merge"]["seed"] == told["result"]["merge_seed"]
    labels = [item["label"] for item in told["tested"]]
    assert labels[1:5] == ["./pocket-math", "./pocket-ja", "base", "uniform"]
    assert told["tested"][0]["candidate"] == told["result"]["winner"]
    assert told["result"]["stability"]["tried"] == 8
    assert told["bookkeeping_seconds"] < told["seconds"]
    papers = {path.name for path in searched.room.path("out").iterdir()}
    assert {"README.md", "NOTICE", "LICENSES", "mergekit_config.yml", "evoreg.json"} <= papers


def test_a_source_that_policy_forbids_never_enters(searched: Searched) -> None:
    gate = searched.told["gate"]
    assert gate["models"] == ["./pocket-base", "./pocket-math", "./pocket-ja"]
    (out,) = gate["excluded"]
    assert out["reference"] == "./pocket-ja-nc"
    assert "EVL104 COMMERCIAL_USE_FORBIDDEN" in out["reasons"][0]
    assert "s1(i)" in out["reasons"][0]  # the clause
    with searched.room.ledger() as ledger:
        (recorded,) = ledger.searches()
        assert [item.reference for item in recorded.search.excluded] == ["./pocket-ja-nc"]
        names = [item.reference for item in recorded.search.ingredients]
        assert names == ["./pocket-base", "./pocket-math", "./pocket-ja"]
        for item in ledger.evaluations(recorded.search.id):
            assert "./pocket-ja-nc" not in item.evaluation.recipe.references


def test_what_was_evaluated_is_what_was_merged(searched: Searched) -> None:
    told = searched.told
    recipe = Recipe.model_validate_json(json.dumps(told["result"]["recipe"]))
    sources = {
        f"./pocket-{name}": source_model(
            f"./pocket-{name}",
            resolve(pocket(name), base_folder=searched.room.folder, hasher=measure),
        )
        for name in ("base", "math", "ja")
    }
    engine = Engine(version=evoreg_version(), rules=RULES)
    host = ParameterHost.open(sources, told["result"]["merge_seed"], engine)
    try:
        applied = host.apply(recipe)
        held = {name: values.clone() for name, values in host.tensors()}
    finally:
        host.close()
    assert applied.candidate == told["result"]["winner"]
    merged = tensors_of(searched.room.path("out"))
    assert held.keys() == merged.keys()
    for name, values in merged.items():
        assert values.dtype == held[name].dtype == torch.bfloat16
        assert torch.equal(values.view(torch.uint8), held[name].view(torch.uint8)), name


def test_the_books_tell_the_search_in_order(searched: Searched) -> None:
    entries = searched.room.entries()
    kinds = [entry.kind for entry in entries if entry.kind != "text"]
    assert kinds[:6] == ["model"] * 4 + ["decision", "search"]
    course = kinds[6:]
    # baselines, two generations of four, two finalists, then the last test
    ends = [place for place, kind in enumerate(course) if kind == "generation"]
    assert len(ends) == 5
    assert [stop - start for start, stop in zip([-1, *ends], ends, strict=False)][:3] == [5, 5, 5]
    assert course[ends[-1] + 1] == "result"
    assert set(course[ends[-1] + 2 :]) <= {"decision", "candidate", "release"}
    body = json.loads(next(e.body for e in entries if e.kind == "evaluation"))
    assert body["apply_seconds"] >= 0
    assert body["score_seconds"] > 0
    assert str(searched.room.folder) not in "".join(
        entry.body for entry in entries if entry.kind != "model"
    )


def test_the_decision_can_be_made_again(searched: Searched) -> None:
    with searched.room.ledger() as ledger:
        (recorded,) = ledger.searches()
        assert recorded.search.decision is not None
        (decision,) = ledger.decision(recorded.search.decision)
        assert decision.inquiry is not None
        assert decision.decision.outbound == recorded.search.outbound
        assert recorded.extra["budget"] == {"generations": 2}
        assert "budget" not in recorded.search.settings


def test_the_recipe_beside_the_winner_merges_to_the_same(searched: Searched) -> None:
    room, told = searched.room, searched.told
    for name in ("base", "math", "ja"):
        room.path(f"pocket-{name}").symlink_to(pocket(name))
    recipe = room.path("out") / "mergekit_config.yml"
    seed = told["result"]["merge_seed"]
    said = room.run("merge", recipe, "merged", "--seed", str(seed), "--name", "out", "--json")
    assert said.code == 0
    assert said.json["candidate"] == told["result"]["winner"]
    mine = files_of(room.path("out"))
    assert files_of(room.path("merged"))["model.safetensors"] == mine["model.safetensors"]


def test_a_search_that_ended_is_not_searched_again(searched: Searched) -> None:
    room = searched.room
    before = room.course()
    models = [pocket("math"), pocket("ja-nc"), pocket("ja")]
    said = room.evolve("other", "--name", "out", "--json", models=models)
    assert said.code == 0
    assert said.json["known"] is True
    assert said.json["result"] == searched.told["result"]
    assert room.course() == before
    assert files_of(room.path("other")) == files_of(room.path("out"))
    there = room.evolve("out", "--resume", models=models)
    assert there.code == 0
    assert "came to its end before" in there.err
    larger = room.evolve("out", "--resume", "--budget", "generations=9", models=models)
    assert larger.code == 0
    assert "budget is not extended; --again begins a new run" in " ".join(larger.err.split())
    assert "9 generations" not in larger.err
    assert room.course() == before
    winner = searched.told["result"]["winner"]
    assert f"evoreg candidate show {winner[7:19]}" in larger.out
    assert "merged     before" in there.out


def test_a_new_run_comes_to_the_same(searched: Searched) -> None:
    room = searched.room
    models = [pocket("math"), pocket("ja-nc"), pocket("ja")]
    said = room.evolve("again", "--again", "--json", models=models)
    assert said.code == 0
    assert said.json["run"] == 1
    assert said.json["search"] != searched.told["search"]
    assert said.json["result"]["winner"] == searched.told["result"]["winner"]
    assert said.json["result"]["test"] == searched.told["result"]["test"]


def test_research_lets_the_forbidden_source_in_and_tables_are_printed(room: Room) -> None:
    models = [pocket("math"), pocket("ja-nc")]
    said = room.evolve("out", "--intent", "research", models=models)
    assert said.code == 0
    assert "CC-BY-NC-4.0" in said.err
    assert "left out" not in said.err
    for word in (
        "generation 1",
        "generation 2",
        "to pass, on all of train  best parent",
        "baselines (all of train)",
        "finalists (validation)",
        "on 4 items",
    ):
        assert word in said.err
    for word in ("winner's lead (95 %)", "./pocket-ja-nc", "uniform", "drift", "8 candidates"):
        assert word in said.out
    assert said.out.count("sha256:") >= 3


@pytest.mark.parametrize(
    ("maximise", "told"),
    [(True, "-2.0000 [-3.0000, -0.5000]"), (False, "+2.0000 [+0.5000, +3.0000]")],
)
def test_a_lead_is_positive_where_the_winner_is_better(*, maximise: bool, told: str) -> None:
    found = Interval(
        against="base",
        task="fluency",
        difference="-2.000000000",
        low="-3.000000000",
        high="-0.500000000",
        samples=1000,
    )
    assert lead(found, maximise=maximise) == told


def test_dry_run_writes_nothing(room: Room) -> None:
    file = room.file(search())
    before = sorted(path.name for path in room.folder.rglob("*"))
    said = room.run("evolve", file, "--dry-run", "--json")
    assert said.code == 0
    told = said.json
    assert told["dry_run"] is True
    assert [gene["name"] for gene in told["genes"]] == [
        "pocket-math weight",
        "pocket-ja weight",
    ]
    assert (told["population"], told["candidates"], told["items_each"]) == (4, 8, 4)
    assert told["estimate"]["parameters"] == 498_528
    assert told["estimate"]["tokens"] == 4 * 8
    assert told["gate"]["license"] == "Apache-2.0 AND CC-BY-4.0 AND MIT"
    shown = room.run("evolve", file, "--dry-run")
    assert (shown.code, shown.out) == (0, "")
    assert "estimated from sizes" in shown.err
    after = {path.name for path in room.folder.rglob("*")} - {".evoreg", "digests.sqlite"}
    assert sorted(after) == sorted(set(before))


def test_too_few_models_are_left(room: Room) -> None:
    said = room.evolve("out", models=[pocket("ja-nc")])
    assert said.code == 3
    assert "policy leaves 0 of 1 models" in said.err
    assert "EVL104" in said.err
    assert not room.path("out").exists()


def test_a_refused_base_stops_the_search(room: Room) -> None:
    said = room.evolve("out", base_model=pocket("ja-nc"), models=[pocket("math")])
    assert said.code == 3
    assert "Refused" in said.err
    assert "out was not written" in said.err
    assert not room.path(".evoreg/ledger.sqlite").exists()


def test_what_nobody_knows_is_left_out_and_what_is_unclear_needs_a_person(room: Room) -> None:
    copied = room.copy("ja", "unclear")
    for name in ("README.md", "LICENSE"):
        (copied / name).unlink()
    models = [pocket("math"), "./unclear"]
    unknown = room.evolve("--dry-run", "--json", models=models)
    assert unknown.code == 0
    (out,) = unknown.json["gate"]["excluded"]
    assert "EVL301" in out["reasons"][0]
    (copied / "README.md").write_text(card("cc-by-4.0", "license_name: mine"), "utf-8")
    said = room.evolve("out", "--json", models=models)
    assert said.code == 8
    assert "EVL306" in said.json["errors"][0]["what"]
    shown = room.evolve("out", models=models)
    assert (shown.code, "Needs review" in shown.err) == (8, True)
    assert not room.path("out").exists()
    assert not room.path(".evoreg/ledger.sqlite").exists()


def test_the_place_is_looked_at_first(room: Room) -> None:
    room.path("out").mkdir()
    (room.path("out") / "thesis.txt").write_text("mine")
    said = room.evolve("out")
    assert (said.code, "EVO-O001" in said.err) == (2, True)
    assert not room.path(".evoreg").exists()
    resumed = room.evolve("out", "--resume")
    assert (resumed.code, "EVO-U004" in resumed.err) == (2, True)


@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        (["--resume", "--again"], "EVO-U001", "choose one"),
        (["--budget", "generation=3"], "EVO-U001", "is no budget"),
        (["--budget", "generations=none"], "EVO-U001", "generations=none"),
        (["--device", "tpu"], "EVO-U001", "no device"),
        (["--resume"], "EVO-U004", "no search on record"),
    ],
)
def test_misuse(room: Room, options: list[str], code: str, word: str) -> None:
    said = room.evolve("out", *options)
    assert said.code == 2
    assert code in said.err
    assert word in said.err


def test_misspelt_keys_are_told_with_their_places(room: Room) -> None:
    said = room.evolve("out", "--json", optimizer={"kind": "random"}, tasks=[task(metrik="number")])
    assert said.code == 2
    told = [error["what"] + error["hint"] for error in said.json["errors"]]
    assert len(told) == 2
    assert any("optimiser" in text for text in told)
    assert any("metric" in text for text in told)
    assert all("search.yml:1:" in error["where"] for error in said.json["errors"])


def test_data_that_overlap_or_lack_are_refused(room: Room) -> None:
    train = (room.path("data") / "train.jsonl").read_text("utf-8")
    room.data("test", train)
    said = room.evolve("out")
    assert said.code == 5
    assert "train" in said.err
    assert "test" in said.err
    (room.path("data") / "test.jsonl").unlink()
    missing = room.evolve("out")
    assert missing.code == 5
    assert "test.jsonl" in missing.err
    assert not room.path(".evoreg/ledger.sqlite").exists()


def test_a_source_with_numbers_that_are_not_finite(room: Room) -> None:
    broken = room.copy("ja", "broken")
    tensors = load_file(broken / "model.safetensors")
    tensors["model.norm.weight"][3] = float("nan")
    save_file(tensors, broken / "model.safetensors", {"format": "pt"})
    said = room.evolve("out", "--json", models=[pocket("math"), "./broken"])
    assert said.code == 7
    assert said.json["errors"][0]["code"] == str(Code.SEARCH_NO_RESULT)
    assert not room.path("out").exists()
    with room.ledger() as ledger:
        (recorded,) = ledger.searches()
        found = [item.evaluation for item in ledger.evaluations(recorded.search.id)]
    failed = {item.label for item in found if item.failure is not None}
    assert {"./broken", "uniform"} <= failed
    assert all(item.failure.code == "EVO-M003" for item in found if item.failure is not None)
    assert all(item.failure is None for item in found if item.label in ("base", "./pocket-math"))
