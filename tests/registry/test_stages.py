"""Several recipes in one file: gate first, each result once, and everybody inside is credited."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from evoreg.provenance.records.errors import Code, OutputError
from evoreg.registry.merging.output import check_room
from tests.registry.desk import MODELS, MODULE, Desk, Said, card, linear, model, process
from tests.registry.test_check_command import HEAVY, loaded


def stream(*documents: dict[str, Any]) -> str:
    """A file of recipes; JSON is also YAML."""
    return "\n---\n".join(json.dumps(document) for document in documents) + "\n"


def named(name: str, recipe: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, **recipe}


def chain(weight: float = 0.5) -> tuple[dict[str, Any], ...]:
    """Three recipes, each using the one before; models a, b, c and the base."""
    return (
        named("first", linear(model("a", weight=weight), model("b", weight=1))),
        named("second", linear(model("first", weight=2), model("c", weight=1))),
        {
            "merge_method": "task_arithmetic",
            "base_model": str(MODELS / "base"),
            "models": [model("second", weight=0.5)],
        },
    )


def pair() -> tuple[dict[str, Any], ...]:
    """Two recipes, the second using the first."""
    return chain()[0], linear(model("first", weight=1), model("c", weight=1))


def diamond() -> tuple[dict[str, Any], ...]:
    return (
        linear(model("left", weight=1), model("right", weight=3)),
        named("right", linear(model("root", weight=1), model("c", weight=1))),
        named("left", linear(model("root", weight=1), model("b", weight=2))),
        named("root", linear(model("a", weight=1), model("b", weight=1))),
    )


def merged(desk: Desk, out: str, *options: str | Path, recipe: str = "recipe.yml") -> Any:
    said = desk.run("merge", recipe, out, "--json", *options)
    assert said.code == 0, said.out
    return said.json


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        found.update(load_file(path))
    return found


def same(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return set(one) == set(two) and all(torch.equal(one[name], two[name]) for name in one)


def kept(document: Any) -> list[tuple[str, bool]]:
    return [(step["name"], step["kept"]) for step in document["stages"]]


def intermediate(desk: Desk) -> Path:
    return desk.path(".evoreg") / "intermediate"


def by_hand(desk: Desk, documents: Sequence[dict[str, Any]], out: str) -> None:
    """Merge the recipes one after the other, as several commands; a name becomes a folder."""
    for document in documents:
        folder = document.get("name", out)
        text = json.dumps({key: item for key, item in document.items() if key != "name"})
        for name in ("first", "second", "root", "left", "right"):
            text = text.replace(f'"{name}"', f'"./{name}"')
        said = desk.run("merge", desk.recipe(text, "one.yml"), folder)
        assert said.code == 0, said.err


# What comes out


def test_a_chain_gives_what_three_commands_give(desk: Desk) -> None:
    desk.recipe(stream(*chain()))
    document = merged(desk, "out")
    assert kept(document) == [("first", False), ("second", False)]
    names = [item["reference"] for item in document["contributions"]]
    assert names == ["./base", "second"]
    assert document["contributions"][1]["effective"] == "1.000000000"
    by_hand(desk, chain(), "three")
    assert same(tensors(desk.path("out")), tensors(desk.path("three")))
    entries = desk.entries()
    assert [entry.kind for entry in entries].count("candidate") >= 3
    ids = {step["candidate"] for step in document["stages"]} | {document["candidate"]}
    with desk.ledger() as ledger:
        assert all(ledger.candidate(name) and ledger.releases(name) for name in ids)
        (final,) = [one.candidate for one in ledger.candidate(document["candidate"])]
        identity = next(i.identity for i in final.ingredients if i.reference == "second")
        assert [one.model.name for one in ledger.models_with(identity)] == ["second"]


def test_a_diamond_in_any_order(desk: Desk) -> None:
    desk.recipe(stream(*diamond()))
    document = merged(desk, "out")
    assert [name for name, _ in kept(document)] == ["root", "right", "left"]
    root = {n: (a + b) / 2 for (n, a), b in zip(*_pair("a", "b"), strict=True)}
    left = {n: (root[n] + 2 * t) / 3 for n, t in tensors(MODELS / "b").items()}
    right = {n: (root[n] + t) / 2 for n, t in tensors(MODELS / "c").items()}
    for name, value in tensors(desk.path("out")).items():
        wanted = (left[name].double() + 3 * right[name].double()) / 4
        assert torch.allclose(value.double(), wanted, atol=0.02, rtol=0.02), name


def _pair(one: str, two: str) -> tuple[list[tuple[str, torch.Tensor]], list[torch.Tensor]]:
    first, second = tensors(MODELS / one), tensors(MODELS / two)
    return sorted(first.items()), [second[name] for name in sorted(first)]


def test_the_terminal_tells_where_it_stands(desk: Desk) -> None:
    desk.recipe(stream(*chain()))
    said = desk.run("merge", "recipe.yml", "out")
    assert said.code == 0
    for text in ("Merge 1 of 3 first", "1 of 3 first: made", "Merge 3 of 3  "):
        assert text in said.err
    assert "  second     sha256:" in said.out


def test_the_terminal_tells_what_was_there(settled: Desk) -> None:
    again = settled.run("merge", "recipe.yml", "again")
    assert "1 of 2 first: made before, used again" in again.err
    assert "Merge 1 of 2" not in again.err


def test_no_byte_depends_on_threads_and_shards(desk: Desk) -> None:
    dare = {
        "merge_method": "dare_linear",
        "base_model": str(MODELS / "base"),
        "models": [model("one", weight=0.5, density=0.5), model("b", weight=0.5, density=0.5)],
    }
    desk.recipe(stream(named("one", linear(model("a", weight=1), model("c", weight=1))), dare))
    plain = merged(desk, "plain")
    shutil.rmtree(intermediate(desk))
    divided = merged(desk, "divided", "--shard-size", "40K", "-j", "2")
    assert plain["candidate"] == divided["candidate"]
    assert len(list(desk.path("divided").glob("*.safetensors"))) > 1
    assert same(tensors(desk.path("plain")), tensors(desk.path("divided")))


def test_each_recipe_takes_its_seed_from_the_one_seed(desk: Desk) -> None:
    def dare(one: str) -> dict[str, Any]:
        lines = [model(name, weight=0.5, density=0.5) for name in (one, "b")]
        return {"merge_method": "dare_linear", "base_model": str(MODELS / "base"), "models": lines}

    desk.recipe(stream(named("one", dare("a")), named("two", dare("c")), dare("one") | {
        "models": [model("one", weight=1, density=0.5), model("two", weight=1, density=0.5)]
    }))  # fmt: skip
    document = merged(desk, "out", "--seed", "7")
    seeds = [_recorded(desk, step["candidate"])["seed"] for step in document["stages"]]
    assert document["seed"] == 7
    assert len({7, *seeds}) == 3
    assert merged(desk, "again", "--seed", "7")["candidate"] == document["candidate"]
    assert merged(desk, "other", "--seed", "8")["candidate"] != document["candidate"]


def _recorded(desk: Desk, candidate: str) -> dict[str, Any]:
    with desk.ledger() as ledger:
        found: dict[str, Any] = ledger.candidate(candidate)[0].candidate.to_json()
        return found


# Used again by identity, never by existence


def test_an_edited_recipe_is_carried_out_again(settled: Desk) -> None:
    settled.recipe(stream(chain(weight=0.25)[0], pair()[1]))
    assert kept(merged(settled, "two")) == [("first", False)]
    assert not same(tensors(settled.path("one")), tensors(settled.path("two")))
    assert len(list(intermediate(settled).iterdir())) == 2
    settled.recipe(stream(pair()[0], {**pair()[1], "dtype": "float32"}))
    assert kept(merged(settled, "three")) == [("first", True)]


def test_changed_weights_of_a_source_are_seen(desk: Desk) -> None:
    source = desk.copy("a", "mine")
    documents = (
        named("first", linear(model("./mine", weight=1), model("b", weight=1))),
        linear(model("first", weight=1), model("c", weight=1)),
    )
    desk.recipe(stream(*documents))
    merged(desk, "one")
    changed = tensors(source)
    changed["model.norm.weight"] = changed["model.norm.weight"] + 1
    save_file(changed, source / "model.safetensors", metadata={"format": "pt"})
    assert kept(merged(desk, "two")) == [("first", False)]
    assert not same(tensors(desk.path("one")), tensors(desk.path("two")))


def flip(path: Path) -> None:
    """Change one bit and nothing that a listing shows."""
    facts = path.stat()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def linked(folder: Path) -> None:
    target = folder.parent.parent / "elsewhere.safetensors"
    shutil.move(folder / "model.safetensors", target)
    (folder / "model.safetensors").symlink_to(target)


def emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def replaced(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("x")


TAMPER: dict[str, Callable[[Path], object]] = {
    "weights": lambda folder: flip(folder / "model.safetensors"),
    "config": lambda folder: (folder / "config.json").write_text("{}"),
    "card": lambda folder: (folder / "README.md").write_text(card("mit")),
    "a file more": lambda folder: (folder / "chat_template.jinja").write_text("{{ x }}"),
    "a file less": lambda folder: (folder / "NOTICE").unlink(),
    "a link": linked,
    "empty": emptied,
    "no folder": replaced,
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder in which a file of two recipes was merged."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "recipe.yml").write_text(stream(*pair()))
    said = process(folder, "merge", "recipe.yml", "one", EVOREG_ACTOR="the tests")
    assert said.code == 0, said.err
    return folder


@pytest.fixture
def settled(desk: Desk, finished: Path) -> Desk:
    """A copy of that folder."""
    shutil.rmtree(desk.path(".evoreg"))
    shutil.copytree(finished, desk.folder, dirs_exist_ok=True)
    return desk


@pytest.mark.parametrize("how", TAMPER)
def test_a_result_that_was_touched_is_not_used_again(settled: Desk, how: str) -> None:
    (folder,) = intermediate(settled).iterdir()
    TAMPER[how](folder)
    said = settled.run("merge", "recipe.yml", "two")
    assert said.code == 0
    assert "warning[EVO-I007]: an intermediate result is not used again" in said.err
    assert "Merge 1 of 2 first" in said.err
    assert folder.with_name(f"{folder.name}.aside-1").exists()
    assert (folder / "model.safetensors").is_file()
    weights = [settled.path(name) / "model.safetensors" for name in ("one", "two")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_what_a_file_browser_leaves_does_no_harm(settled: Desk) -> None:
    (folder,) = intermediate(settled).iterdir()
    (folder / ".DS_Store").write_bytes(b"x")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    again = merged(settled, "two", "--name", "other")
    assert (kept(again), again["repeated"]) == ([("first", True)], True)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_result_that_this_ledger_does_not_know_is_not_used(settled: Desk) -> None:
    settled.patch.setenv("EVOREG_LEDGER", f"sqlite:///{settled.path('other.sqlite')}")
    assert kept(merged(settled, "two")) == [("first", False)]
    names = sorted(path.name.split(".")[-1] for path in intermediate(settled).iterdir())
    assert names[0] == "aside-1"
    assert len(names) == 2


def test_kill_between_the_recipes_and_go_on(desk: Desk) -> None:
    steps = [named("s0", linear(model("a", weight=1), model("b", weight=1)))]
    steps += [
        named(f"s{number}", linear(model(f"s{number - 1}", weight=2), model("c", weight=1)))
        for number in range(1, 6)
    ]
    last = linear(model("s5", weight=1), model("a", weight=1))
    desk.recipe(stream(*steps, last))
    with subprocess.Popen(
        [*MODULE, "merge", "recipe.yml", "out"],
        cwd=desk.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        give_up = time.monotonic() + 300
        while time.monotonic() < give_up and not list(intermediate(desk).glob("s0-*")):
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not desk.path("out").exists()
    document = merged(desk, "out")
    again = [was for _, was in kept(document)]
    assert again[0] is True
    assert again == sorted(again, reverse=True)
    assert not all(again)
    assert not [path for path in intermediate(desk).iterdir() if path.name.startswith(".")]
    shutil.rmtree(intermediate(desk))
    assert merged(desk, "afresh")["candidate"] == document["candidate"]
    assert (desk.path("out") / "model.safetensors").read_bytes() == (
        desk.path("afresh") / "model.safetensors"
    ).read_bytes()
    kinds = [
        json.loads(entry.body)["record"] for entry in desk.entries() if entry.kind == "candidate"
    ]
    assert len(kinds) == 7


# The gate


def with_restricted(desk: Desk) -> Path:
    desk.copy("b", "restricted", README__md=card("cc-by-nc-4.0"))
    return desk.recipe(
        stream(
            named("first", linear(model("./restricted", weight=1), model("a", weight=1))),
            named("second", linear(model("first", weight=1), model("c", weight=1))),
            linear(model("second", weight=1), model("a", weight=3)),
        )
    )


def test_a_licence_is_not_lost_on_the_way(desk: Desk) -> None:
    recipe = with_restricted(desk)
    before, head = desk.things(), desk.head()
    for command in (("check", recipe), ("merge", recipe, "out")):
        said = desk.run(*command)
        assert said.code == 3
        assert "COMMERCIAL_USE_FORBIDDEN" in said.err
        assert "recipe.yml:1:" in said.err
    told = desk.run("merge", recipe, "out", "--json").json
    assert (told["exit_code"], told["schema"]) == (3, "evoreg/error/1")
    assert (desk.things(), desk.head()) == (before, head)
    assert not intermediate(desk).exists()


def test_a_kept_result_keeps_its_terms_in_other_recipes(desk: Desk) -> None:
    recipe = with_restricted(desk)
    document = merged(desk, "out", "--intent", "research", recipe=str(recipe))
    washed = desk.path("washed")
    washed.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copy(Path(document["stages"][1]["folder"]) / name, washed)
    (washed / "README.md").write_text(card("apache-2.0"))
    later = desk.recipe(linear(model("./washed", weight=1)), "later.yml")
    said = desk.run("check", later, "--json")
    assert said.code == 3
    assert "cc-by-nc-4.0" in json.dumps(said.json["targets"])


def test_the_papers_lead_to_everybody_inside(desk: Desk) -> None:
    recipe = with_restricted(desk)
    document = merged(desk, "out", "--intent", "research", recipe=str(recipe))
    assert document["license"] == "Apache-2.0 AND CC-BY-NC-4.0"
    out = desk.path("out")
    readme = (out / "README.md").read_text("utf-8")
    rows = [
        line for line in readme.splitlines() if line.startswith(("| restricted |", "| first |"))
    ]
    assert len(rows) == 2
    assert "100" not in rows[0].split("|")[5]
    assert " of second |" in rows[0]
    assert " of first |" in rows[1]
    assert "CC-BY-NC-4.0" in rows[1]
    assert "made before: first | linear of restricted, a;" in readme
    notice = (out / "NOTICE").read_text("utf-8")
    assert "* restricted, weights" in notice
    changes = (out / "MODIFICATIONS.md").read_text("utf-8")
    assert "merged into first" in changes
    assert (out / "LICENSES" / "CC-BY-NC-4.0.txt").is_file()
    documents = list(yaml.safe_load_all((out / "mergekit_config.yml").read_text("utf-8")))
    assert [item.get("name") for item in documents] == ["first", "second", None]
    record = json.loads((out / "evoreg.json").read_text("utf-8"))
    assert [step["name"] for step in record["earlier"]] == ["first", "second"]
    assert [step["candidate_id"] for step in record["earlier"]] == [
        step["candidate"] for step in document["stages"]
    ]


def test_an_intermediate_result_has_papers_of_its_own(desk: Desk) -> None:
    recipe = with_restricted(desk)
    document = merged(desk, "out", "--intent", "research", recipe=str(recipe))
    first = Path(document["stages"][0]["folder"])
    readme = (first / "README.md").read_text("utf-8")
    assert "# out-first" in readme
    assert yaml.safe_load(readme.split("---\n")[1])["base_model_relation"] == "merge"
    (own,) = yaml.safe_load_all((first / "mergekit_config.yml").read_text("utf-8"))
    assert own["name"] == "first"
    with safe_open(first / "model.safetensors", framework="pt") as file:
        assert file.metadata()["evoreg_candidate"] == document["stages"][0]["candidate"]


def test_nothing_tells_where_the_folders_lie(desk: Desk) -> None:
    recipe = with_restricted(desk)
    merged(desk, "out", "--intent", "research", recipe=str(recipe))
    for place in (desk.path("out"), intermediate(desk)):
        for path in sorted(place.rglob("*")):
            if path.is_file():
                data = path.read_bytes()
                assert str(desk.folder).encode() not in data, path
                assert str(MODELS).encode() not in data, path
                assert b"intermediate/" not in data, path


def test_the_name_that_a_licence_asks_for_reaches_the_intermediate_results(desk: Desk) -> None:
    desk.copy("b", "llama", README__md=card("llama3.1"))
    documents = (
        named("first", linear(model("./llama", weight=1), model("a", weight=1))),
        linear(model("first", weight=1), model("c", weight=1)),
    )
    desk.recipe(stream(*documents))
    assert desk.run("check", "recipe.yml", "--name", "x", "--users", "5").code == 3
    said = desk.run("check", "recipe.yml", "--name", "Llama-x", "--users", "5", "--json")
    judged = said.json["targets"][0]["intents"][0]
    reasons = {item["name"] for item in judged["decision"]["reasons"]}
    assert "NAME_RULE" not in reasons


# Looking ahead


def test_check_plans_all_recipes_and_makes_nothing(desk: Desk) -> None:
    recipe = desk.recipe(stream(*chain()))
    before = desk.things()
    said = desk.run("check", recipe)
    assert (said.code, said.out) == (0, "attribute: commercial (39 tensors, 238,720 bytes)\n")
    assert [line.split()[:2] for line in said.err.splitlines() if "bytes" in line] == [
        ["1", "first"],
        ["2", "second"],
        ["3", "(the"],
    ]
    stages = desk.run("check", recipe, "--json").json["targets"][0]["stages"]
    assert [(item["name"], item["uses"], item["bytes"]) for item in stages] == [
        ("first", [], 238_720),
        ("second", ["first"], 238_720),
    ]
    assert desk.things() == before
    assert not intermediate(desk).exists()


def test_what_does_not_fit_later_is_told_before_the_first_merge(desk: Desk) -> None:
    other = desk.copy("b", "other")
    changed = tensors(other)
    changed["model.norm.weight"] = torch.ones(7)
    save_file(changed, other / "model.safetensors", metadata={"format": "pt"})
    recipe = desk.recipe(
        stream(*chain()[:2], linear(model("second", weight=1), model("./other", weight=1)))
    )
    for command in (("check", recipe), ("merge", recipe, "out")):
        said = desk.run(*command)
        assert said.code == 6
        assert "EVO-M002" in said.err
        assert "recipe.yml:5:1: model.norm.weight" in said.err
        assert "second" in said.err
    assert not intermediate(desk).exists()


def test_an_error_tells_which_recipe_it_is_about(desk: Desk) -> None:
    broken = desk.copy("c", "broken")
    changed = tensors(broken)
    changed["model.norm.weight"].view(-1)[0] = float("nan")
    save_file(changed, broken / "model.safetensors", metadata={"format": "pt"})
    second = named("second", linear(model("first", weight=1), model("./broken", weight=1)))
    recipe = desk.recipe(stream(pair()[0], second, linear(model("second", weight=1))))
    said = desk.run("merge", recipe, "out", "--json")
    assert said.code == 6
    assert said.json["errors"][0]["where"] == "second: model.norm.weight"
    assert [path.name.split("-")[0] for path in intermediate(desk).iterdir()] == ["first"]
    assert not desk.path("out").exists()


def test_looking_ahead_needs_no_tensors(desk: Desk) -> None:
    assert loaded(desk.folder, HEAVY, "check", desk.recipe(stream(*chain()))) == [0, []]
    assert loaded(desk.folder, HEAVY, "merge", with_restricted(desk), "out") == [3, []]


def test_a_vocabulary_of_an_earlier_result_is_known_ahead(desk: Desk) -> None:
    first = named(
        "first",
        {**linear(model("a", weight=1), model("chat", weight=1)), "tokenizer_source": "union"},
    )
    last = {**linear(model("first", weight=1), model("b", weight=1)), "tokenizer_source": "first"}
    desk.recipe(stream(first, last))
    checked = desk.run("check", "recipe.yml", "--json").json["targets"][0]
    document = merged(desk, "out")
    size = sum(t.numel() * t.element_size() for t in tensors(desk.path("out")).values())
    assert checked["bytes"] == size > 238_720
    assert document["stages"][0]["name"] == "first"


def test_the_room_of_all_results_is_asked_for_at_once(tmp_path: Path) -> None:
    check_room([(tmp_path / "deep" / "one", 10), (tmp_path / "two", 10)])
    half = shutil.disk_usage(tmp_path).free * 6 // 10
    check_room([(tmp_path / "one", half)])
    with pytest.raises(OutputError) as caught:
        check_room([(tmp_path / "deep" / "one", half), (tmp_path / "two", half)])
    assert caught.value.code == Code.OUTPUT_FULL


def test_a_missing_model_may_have_meant_a_recipe(desk: Desk) -> None:
    desk.recipe(stream(chain()[0], linear(model("first", weight=1), model("frist", weight=1))))
    said = desk.run("merge", "recipe.yml", "out")
    assert said.code == 5
    assert "did you mean the recipe 'first'?" in said.err
    assert "recipe.yml:3:" in said.err


# Options


def test_intermediate_results_go_where_they_are_wanted(desk: Desk) -> None:
    desk.recipe(stream(*pair()))
    document = merged(desk, "out", "-I", "kept")
    folders = [Path(step["folder"]) for step in document["stages"]]
    assert sorted(path.name for path in desk.path("kept").iterdir()) == sorted(
        folder.name for folder in folders
    )
    assert re.fullmatch("first-[0-9a-f]{16}", folders[0].name)
    assert not intermediate(desk).exists()
    again = merged(desk, "again", "--intermediate-dir", "kept", "--discard-intermediates")
    assert kept(again) == [("first", True)]
    assert list(desk.path("kept").iterdir()) == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["-I", "out"], "would lie in the result"),
        (["-I", "out/inner"], "would lie in the result"),
        (["-I", "recipe.yml"], "is no folder"),
        (["--device", "tpu"], "there is no device 'tpu'"),
        (["--device", "cuda:"], "there is no device 'cuda:'"),
        (["--intermediate", "x"], "--intermediate-dir"),
    ],
)
def test_options_that_cannot_be_meant(desk: Desk, options: list[str], says: str) -> None:
    desk.recipe(stream(*chain()))
    said = desk.run("merge", "recipe.yml", "out", *options)
    assert (said.code, said.out) == (2, "")
    assert says in said.err
    assert not desk.path("out").exists()
    assert not intermediate(desk).exists()


@pytest.mark.parametrize("options", [["--cuda"], ["--device", "cuda"], ["--device", "cuda:99"]])
def test_a_device_that_is_not_there(desk: Desk, options: list[str]) -> None:
    if torch.cuda.device_count() and options[-1] != "cuda:99":
        pytest.skip("there is one")
    desk.recipe(linear(model("a", weight=1), model("b", weight=1)))
    said = desk.run("merge", "recipe.yml", "out", *options)
    assert said.code == 2
    assert "is not there: torch sees" in said.err


def test_the_spellings_of_mergekit_are_taken(desk: Desk) -> None:
    desk.recipe(linear(model("a", weight=1), model("b", weight=1)))
    options = ["--out-shard-size", "40K", "--random-seed", "3", "--num-threads", "2"]
    document = merged(desk, "out", *options, "--device", "cpu")
    assert (document["seed"], document["stages"]) == (3, [])
    assert len(list(desk.path("out").glob("*.safetensors"))) > 1


def test_a_folder_of_the_same_name_is_told(desk: Desk) -> None:
    desk.copy("c", "first")
    desk.recipe(stream(chain()[0], linear(model("first", weight=1), model("c", weight=1))))
    said = desk.run("check", "recipe.yml")
    assert said.code == 0
    assert "warning[EVO-R006]: there is a folder first;" in said.err
    assert "recipe.yml:3:" in said.err


def test_a_recipe_called_like_its_method(desk: Desk) -> None:
    desk.recipe(stream(named("linear", chain()[0] | {}) | {"name": "linear"},
                       linear(model("linear", weight=1), model("c", weight=1))))  # fmt: skip
    assert kept(merged(desk, "out")) == [("linear", False)]


def test_an_unused_recipe_is_forgiven_on_request_only(desk: Desk) -> None:
    desk.recipe(stream(named("spare", chain()[0]) | {"name": "spare"}, *chain()))
    refused: Said = desk.run("merge", "recipe.yml", "out")
    assert refused.code == 2
    assert "error[EVO-R005]: the result of the recipe 'spare' is not used" in refused.err
    said = desk.run("merge", "recipe.yml", "out", "--lenient")
    assert said.code == 0
    text = (desk.path("out") / "mergekit_config.yml").read_text("utf-8")
    assert [item.get("name") for item in yaml.safe_load_all(text)] == ["first", "second", None]


def test_a_file_without_paths_is_published_as_it_was_written(desk: Desk) -> None:
    desk.copy("a", "one")
    desk.copy("b", "two")
    text = (
        "# step one\nname: mix\nmerge_method: linear\n"
        "models:\n- {model: ./one, parameters: {weight: 1e-1}}\n"
        "---\n# step two\nmerge_method: linear\n"
        "models:\n- {model: mix, parameters: {weight: 1}}\n"
        "- {model: ./two, parameters: {weight: 1}}\n"
    )
    desk.recipe(text)
    merged(desk, "out")
    assert (desk.path("out") / "mergekit_config.yml").read_text("utf-8") == text
