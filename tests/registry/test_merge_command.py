"""`evoreg merge` from end to end: what it leaves behind, and that the books agree with it."""

import json
import struct
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from evoreg.provenance.records.candidate import Candidate
from evoreg.provenance.records.digest import digest_of
from evoreg.registry.settings import evoreg_version
from tests.registry.desk import MODELS, ORACLE, Desk, linear, model

PAPERS = {"README.md", "NOTICE", "LICENSE", "MODIFICATIONS.md", "mergekit_config.yml"}


def record_of(folder: Path) -> Any:
    return json.loads((folder / "evoreg.json").read_text("utf-8"))


def header_of(path: Path) -> Any:
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        return json.loads(file.read(length))


def tensors_of(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        found.update(load_file(path))
    return found


def same_tensors(one: Path, other: Path) -> bool:
    first, second = tensors_of(one), tensors_of(other)
    return first.keys() == second.keys() and all(
        first[name].dtype == second[name].dtype
        and torch.equal(first[name].view(torch.uint8), second[name].view(torch.uint8))
        for name in first
    )


@pytest.fixture
def recipe(desk: Desk) -> Path:
    return desk.recipe(linear(model("a", weight=0.6), model("b", weight=0.4)))


def test_everything_is_left_behind_and_nothing_else(desk: Desk, recipe: Path) -> None:
    assert desk.run("merge", recipe, "out").code == 0
    found = {path.name for path in desk.path("out").iterdir()}
    beside = {"generation_config.json", "tokenizer.json", "tokenizer_config.json"}
    weights = {"model.safetensors", "config.json"}
    assert found == PAPERS | beside | weights | {"LICENSES", "evoreg.json", "provenance"}
    assert (desk.path("out") / "LICENSES" / "Apache-2.0.txt").stat().st_size > 9000
    assert sorted(path.name for path in desk.folder.iterdir()) == [".evoreg", "out", "recipe.yml"]


def test_the_numbers_are_those_of_the_definition(desk: Desk, recipe: Path) -> None:
    desk.run("merge", recipe, "out")
    a, b = (load_file(MODELS / name / "model.safetensors") for name in "ab")
    for name, merged in tensors_of(desk.path("out")).items():
        assert torch.allclose(merged, 0.6 * a[name] + 0.4 * b[name], rtol=0, atol=1e-6)


def test_the_ledger_tells_the_whole_story(desk: Desk, recipe: Path) -> None:
    desk.run("merge", recipe, "out", "--name", "my-merge")
    entries = desk.entries()
    assert [entry.kind for entry in entries] == [
        "model",
        "model",
        "decision",
        "candidate",
        "release",
    ]
    bodies = [json.loads(entry.body) for entry in entries]
    assert [body["record"]["name"] for body in bodies[:2]] == ["a", "b"]
    assert {body["by"] for body in bodies} == {"the tests"}
    assert bodies[2]["record"]["verdict"] == "attribute"
    assert bodies[4]["record"]["name"] == "my-merge"
    assert bodies[4]["record"]["license"] == "Apache-2.0"


def test_record_ledger_header_and_files_agree(desk: Desk, recipe: Path) -> None:
    said = desk.run("merge", recipe, "out", "--json").json
    record = record_of(desk.path("out"))
    entry = desk.entries()[said["entry"] - 1]
    assert record["entry"] == {"seq": entry.seq, "hash": entry.hash}
    in_ledger = json.loads(entry.body)["record"]
    assert record["candidate"] == in_ledger
    candidate = Candidate.model_validate_json(json.dumps(in_ledger))
    assert candidate.id == record["candidate_id"] == said["candidate"]
    assert [(file.path, file.size, file.digest) for file in candidate.outputs] == [
        (path.name, path.stat().st_size, digest_of(path.read_bytes()))
        for path in sorted(desk.path("out").iterdir())
        if path.name in {file.path for file in candidate.outputs}
    ]
    assert header_of(desk.path("out") / "model.safetensors")["__metadata__"] == {
        "format": "pt",
        "evoreg_candidate": candidate.id,
        "evoreg_version": evoreg_version(),
    }


def test_the_digests_of_the_papers_are_in_the_release(desk: Desk, recipe: Path) -> None:
    said = desk.run("merge", recipe, "out", "--json").json
    papers = json.loads(desk.entries()[-1].body)["record"]["papers"]
    assert {file["path"] for file in papers} == set(said["papers"])
    assert set(said["papers"]) >= PAPERS | {"LICENSES/Apache-2.0.txt"}
    for file in papers:
        assert digest_of((desk.path("out") / file["path"]).read_bytes()) == file["digest"]


def test_the_card_credits_both_sources(desk: Desk, recipe: Path) -> None:
    desk.run("merge", recipe, "out")
    text = (desk.path("out") / "README.md").read_text("utf-8")
    front = yaml.safe_load(text.split("---\n")[1])
    assert (front["license"], front["base_model_relation"]) == ("apache-2.0", "merge")
    rows = [line for line in text.splitlines() if line.startswith(("| a |", "| b |"))]
    assert ["60.00 %" in rows[0], "40.00 %" in rows[1]] == [True, True]
    assert str(desk.folder) not in text


def test_transformers_loads_the_result(desk: Desk, recipe: Path) -> None:
    desk.run("merge", recipe, "out")
    out = desk.path("out")
    loaded = AutoModelForCausalLM.from_pretrained(out, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(out, local_files_only=True)
    state, wanted = loaded.state_dict(), tensors_of(out)
    assert all(torch.equal(state[name], wanted[name]) for name in wanted)
    with torch.no_grad():
        logits = loaded(torch.tensor([[1, 2, 3]])).logits
    assert logits.shape == (1, 3, len(tokenizer.get_vocab()))


def test_a_repeat_is_the_same_and_adds_no_candidate(desk: Desk, recipe: Path) -> None:
    first = desk.run("merge", recipe, "one", "--json").json
    second = desk.run("merge", recipe, "two", "--json").json
    assert (first["repeated"], second["repeated"]) == (False, True)
    assert first["candidate"] == second["candidate"]
    assert first["entry"] == second["entry"]
    weights = [desk.path(name) / "model.safetensors" for name in ("one", "two")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    kinds = [entry.kind for entry in desk.entries()]
    assert kinds.count("candidate") == 1
    assert kinds.count("release") == 2
    assert kinds.count("decision") == 2  # licences may say how a result is called
    assert kinds.count("model") == 2


def test_the_same_again_under_the_same_name_adds_nothing(desk: Desk, recipe: Path) -> None:
    desk.run("merge", recipe, "one", "--name", "x")
    head = desk.head()
    assert desk.run("merge", recipe, "two", "--name", "x").code == 0
    assert desk.head() == head
    assert record_of(desk.path("one")) == record_of(desk.path("two"))


@pytest.mark.parametrize(
    "name",
    [
        "linear",
        "slerp_gradients",
        "task_arithmetic",
        "ties",
        "passthrough_slices",
        "slices_gradient",
    ],
)
def test_shares_add_up_to_one(desk: Desk, name: str) -> None:
    for place in MODELS.iterdir():
        desk.path(place.name).symlink_to(place)
    said = desk.run("merge", ORACLE / "recipes" / f"{name}.yml", "out", "--json").json
    shares: list[Decimal] = [Decimal(item["effective"]) for item in said["contributions"]]
    assert all(share >= 0 for share in shares)
    assert abs(sum(shares, Decimal(-1))) < Decimal("0.000000001")


@pytest.mark.parametrize(
    "options", [["--threads", "2"], ["--shard-size", "40K"], ["-j", "3", "--shard-size", "1"]]
)
def test_threads_and_shards_change_no_tensor(desk: Desk, recipe: Path, options: list[str]) -> None:
    first = desk.run("merge", recipe, "one", "--json").json
    second = desk.run("merge", recipe, "two", "--json", *options).json
    assert first["candidate"] == second["candidate"]
    assert first["contributions"] == second["contributions"]
    assert same_tensors(desk.path("one"), desk.path("two"))
    if "--shard-size" in options:
        shards = sorted(desk.path("two").glob("model-*-of-*.safetensors"))
        index = json.loads((desk.path("two") / "model.safetensors.index.json").read_text())
        assert len(shards) > 3
        assert set(index["weight_map"].values()) == {path.name for path in shards}
        ids = {header_of(path)["__metadata__"]["evoreg_candidate"] for path in shards}
        assert ids == {first["candidate"]}
    assert desk.entries()


DARE = {
    "merge_method": "dare_linear",
    "base_model": str(MODELS / "base"),
    "models": [
        {"model": str(MODELS / name), "parameters": {"weight": 0.5, "density": 0.5}}
        for name in "ab"
    ],
}


def test_a_seed_is_recorded_and_decides_about_the_masks(desk: Desk) -> None:
    recipe = desk.recipe(DARE)
    said = {
        name: desk.run("merge", recipe, name, "--json", *options).json
        for name, options in {
            "none": [],
            "again": [],
            "seven": ["--seed", "7"],
            "mergekit": ["--random-seed", "7"],
        }.items()
    }
    assert said["seven"]["seed"] == 7
    assert record_of(desk.path("seven"))["candidate"]["seed"] == 7
    assert "| seed | 7 |" in (desk.path("seven") / "README.md").read_text("utf-8")
    assert said["none"]["seed"] == said["again"]["seed"] != 7
    assert said["seven"]["candidate"] == said["mergekit"]["candidate"] != said["none"]["candidate"]
    assert same_tensors(desk.path("none"), desk.path("again"))
    assert same_tensors(desk.path("seven"), desk.path("mergekit"))
    assert not same_tensors(desk.path("none"), desk.path("seven"))


def test_an_empty_folder_is_taken_and_missing_ones_are_made(desk: Desk, recipe: Path) -> None:
    desk.path("empty").mkdir()
    assert desk.run("merge", recipe, "empty").code == 0
    assert desk.run("merge", recipe, Path("deep") / "er" / "out").code == 0
    assert same_tensors(desk.path("empty"), desk.path("deep") / "er" / "out")


def test_relative_models_start_here_or_beside_the_recipe(desk: Desk) -> None:
    desk.copy("a", "here")
    (desk.path("there")).mkdir()
    desk.copy("b", "there/beside")
    recipe = desk.recipe(
        linear(model("./here", weight=1), model("./beside", weight=1)), "there/recipe.yml"
    )
    said = desk.run("merge", recipe, "out", "--json")
    assert said.code == 0
    names = [item["reference"] for item in said.json["contributions"]]
    assert names == ["./here", "./beside"]


def test_an_unknown_key_is_forgiven_on_request_only(desk: Desk) -> None:
    recipe = desk.recipe(linear(model("a", weight=1), model("b", weight=1), colour="red"))
    assert desk.run("merge", recipe, "out").code == 2
    lenient = desk.run("merge", recipe, "out", "--lenient")
    assert lenient.code == 0
    assert "warning[EVO-R002]" in lenient.err
