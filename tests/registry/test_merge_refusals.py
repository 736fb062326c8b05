"""Whatever stops a merge: the message, the exit code, and not a byte left behind."""

import errno
import json
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.registry.desk import MODELS, MODULE, Desk, Said, card, linear, model

Content = str | Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """Something that cannot be merged."""

    name: str
    prepare: Callable[[Desk], Content]
    code: int
    says: tuple[str, ...]
    options: tuple[str, ...] = ()


def average(second: str | Path) -> dict[str, Any]:
    return linear(model("a", weight=1), model(second, weight=1))


def slices(*ranges: list[int]) -> dict[str, Any]:
    pieces = [{"sources": [{"model": str(MODELS / "a"), "layer_range": each}]} for each in ranges]
    return {"merge_method": "passthrough", "slices": pieces}


def changed(desk: Desk, change: Callable[[dict[str, torch.Tensor]], object]) -> Content:
    """A recipe with a copy of b whose tensors were changed."""
    folder = desk.copy("b", "changed")
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return average(folder)


def truncated(desk: Desk) -> Content:
    folder = desk.copy("b", "short")
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    return average(folder)


def escaping(desk: Desk) -> Content:
    folder = desk.copy("b", "escaping", model__safetensors=None)
    shutil.copyfile(MODELS / "b" / "model.safetensors", desk.path("outside.safetensors"))
    names = load_file(MODELS / "b" / "model.safetensors")
    index = {"weight_map": dict.fromkeys(names, "../outside.safetensors")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return average(folder)


def linked(desk: Desk) -> Content:
    folder = desk.copy("b", "linked", model__safetensors=None)
    (folder / "model.safetensors").symlink_to(MODELS / "b" / "model.safetensors")
    return average(folder)


def pickled(desk: Desk) -> Content:
    folder = desk.copy("b", "pickled", model__safetensors=None)
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    return average(folder)


def with_card(licence: str | None, *lines: str) -> Callable[[Desk], Content]:
    return lambda desk: average(desk.copy("b", "licensed", README__md=card(licence, *lines)))


def always(content: Content) -> Callable[[Desk], Content]:
    return lambda _desk: content


def family(desk: Desk) -> Content:
    return average(desk.copy("b", "licensed", README__md=card("llama3.1")))


def spoil(name: str, value: float) -> Callable[[Desk], Content]:
    return lambda desk: changed(desk, lambda tensors: tensors[name].view(-1)[3:4].fill_(value))


NORM = "model.norm.weight"

CASES = [
    Case(
        "misspelt-key",
        always({"merge_method": "linear", "modells": []}),
        2,
        ("error[EVO-R002]: unknown key 'modells'", "recipe.yml:1:", "did you mean 'models'?"),
    ),
    Case(
        "misspelt-parameter",
        always(linear(model("a", wieght=1), model("b", weight=1))),
        2,
        ("error[EVO-R002]", "'wieght'", "did you mean 'weight'?"),
    ),
    Case(
        "misspelt-method",
        always({**average("b"), "merge_method": "liner"}),
        2,
        ("error[EVO-R004]", "liner", "linear"),
    ),
    Case(
        "missing-tensor",
        lambda desk: changed(desk, lambda tensors: tensors.pop(NORM)),
        6,
        ("error[EVO-M001]", NORM, "./changed"),
    ),
    Case(
        "mismatched-shape",
        lambda desk: changed(desk, lambda tensors: tensors.update({NORM: torch.ones(16)})),
        6,
        ("error[EVO-M002]", NORM, "[32]", "[16]"),
    ),
    Case("not-a-number", spoil(NORM, float("nan")), 6, ("error[EVO-M003]", NORM, "./changed")),
    Case("infinite", spoil("lm_head.weight", float("inf")), 6, ("EVO-M003", "lm_head.weight")),
    Case(
        "zero-sum",
        always(linear(model("a", weight=1), model("b", weight=-1))),
        2,
        ("error[EVO-R008]: the weights add up to zero", "normalize: false"),
    ),
    Case("negative-layer", always(slices([0, -1])), 2, ("error[EVO-R009]", "[0, -1]")),
    Case("layer-beyond", always(slices([0, 5])), 2, ("error[EVO-R009]", "4 layers", "at most 4")),
    Case("no-layer", always(slices([2, 2])), 2, ("error[EVO-R009]", "no layer")),
    Case("truncated", truncated, 5, ("error[EVO-I002]: not a whole safetensors file", "short")),
    Case("index-outside", escaping, 5, ("error[EVO-I004]", "outside", "recipe.yml:1:")),
    Case("link-outside", linked, 5, ("error[EVO-I004]", "outside the model folder")),
    Case("pickle", pickled, 5, ("error[EVO-I003]", "pickle", "convert")),
    Case("no-models", always(""), 2, ("error[EVO-R001]",)),
    Case("model-missing", always(average("./absent")), 5, ("error[EVO-I001]", "no such model")),
    Case("model-nowhere", always(average("org/absent")), 5, ("error[EVO-I001]", "offline")),
    Case("model-empty", always(average("./.evoreg")), 5, ("error[EVO-I001]", "no safetensors")),
    Case(
        "unknown-licence",
        with_card("my-own-licence"),
        3,
        ("error[EVL301 UNKNOWN_LICENSE]", "my-own-licence", "Refused: 1 reason", "recipe.yml:1:"),
    ),
    Case("other-licence", with_card("other"), 3, ("error[EVL301 UNKNOWN_LICENSE]",)),
    Case("missing-licence", with_card(None), 3, ("error[EVL301", "No licence is named anywhere")),
    Case(
        "non-commercial",
        with_card("cc-by-nc-4.0"),
        3,
        ("error[EVL104 COMMERCIAL_USE_FORBIDDEN]", "leave the source out", "out was not written"),
    ),
    Case(
        "llama-name-rule",
        family,
        3,
        ("error[EVL502 NAME_RULE]", 'must begin with "Llama"', "Llama-out"),
        ("--users", "10"),
    ),
    Case(
        "llama-with-unknown-users",
        family,
        8,
        ("review[EVL203 THRESHOLD_CONTEXT_MISSING]", "700,000,000", "Needs review: 1 reason"),
        ("--name", "Llama-x"),
    ),
]


@pytest.fixture
def settled(desk: Desk) -> Desk:
    """A desk whose ledger holds something."""
    assert desk.run("model", "add", MODELS / "c").code == 0
    return desk


def check_nothing(desk: Desk, before: dict[str, str], head: object) -> None:
    assert desk.things() == before
    assert desk.head() == head
    assert len(desk.entries()) == 1


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_refused_with_reason_and_without_trace(settled: Desk, case: Case) -> None:
    recipe = settled.recipe(case.prepare(settled))
    before, head = settled.things(), settled.head()
    said = settled.run("merge", recipe, "out", *case.options)
    assert (said.code, said.out) == (case.code, "")
    for text in case.says:
        assert text in said.err
    told = settled.run("merge", recipe, "out", "--json", *case.options)
    assert told.err == ""
    assert (told.code, told.json["exit_code"], told.json["ok"]) == (case.code, case.code, False)
    assert told.json["schema"] == "evoreg/error/1"
    assert all(set(item) == {"code", "what", "where", "hint"} for item in told.json["errors"])
    assert told.json["errors"][0]["what"]
    if case.code in (3, 8):
        assert all(item["hint"] for item in told.json["errors"])
    check_nothing(settled, before, head)


def test_non_commercial_is_permitted_for_research(settled: Desk) -> None:
    recipe = settled.recipe(with_card("cc-by-nc-4.0")(settled))
    said = settled.run("merge", recipe, "out", "--intent", "research", "--json")
    assert said.code == 0
    assert said.json["license"] == "Apache-2.0 AND CC-BY-NC-4.0"


def test_a_missing_licence_text_is_told_before_the_merge(settled: Desk) -> None:
    """Its text is owed, and neither the model nor evoreg has it."""
    recipe = settled.recipe(family(settled))
    before, head = settled.things(), settled.head()
    wish = ("--name", "Llama-x", "--users", "10")
    for said in (settled.run("merge", recipe, "out", *wish), settled.run("check", recipe, *wish)):
        assert said.code == 8
        assert "review[EVO-V002]" in said.err
        assert "LICENSES/LicenseRef-" in said.err
        assert "Merge " not in said.err
    told = settled.run("merge", recipe, "out", *wish, "--json")
    assert told.json["errors"][0]["code"] == "EVO-V002"
    check_nothing(settled, before, head)


def test_llama_is_permitted_with_name_users_and_text(settled: Desk) -> None:
    recipe = settled.recipe(family(settled))
    text = "LLAMA 3.1 COMMUNITY LICENSE AGREEMENT\n" + "You agree to what stands here.\n" * 100
    (settled.path("licensed") / "LICENSE").write_text(text)
    options = ("--name", "Llama-x", "--users", "10", "--json")
    # These are not the words of the licence, so somebody must say that the file grants it.
    assert settled.run("merge", recipe, "out", *options).code == 8
    assert settled.run("model", "add", "./licensed").code == 0
    claim = ("model", "claim", "licensed", "--license", "llama3.1", "--evidence")
    assert settled.run(*claim, settled.path("licensed") / "LICENSE").code == 0
    said = settled.run("merge", recipe, "out", *options)
    assert said.code == 0
    name = "LicenseRef-scancode-llama-3.1-license-2024"
    assert said.json["license"] == f"Apache-2.0 AND {name}"
    assert (settled.path("out") / "LICENSES" / f"{name}.txt").read_text() == text
    card_text = (settled.path("out") / "README.md").read_text("utf-8")
    assert "Built with Llama" in card_text


# --- recipes that are no files


def test_recipe_missing(settled: Desk) -> None:
    said = settled.run("merge", "absent.yml", "out")
    assert said.code == 5
    assert "error[EVO-I001]: the recipe cannot be read" in said.err
    assert "absent.yml" in said.err


def test_recipe_is_a_folder(settled: Desk) -> None:
    said = settled.run("merge", settled.folder, "out")
    assert said.code == 5
    assert "Is a directory" in said.err


@pytest.mark.parametrize("data", [b"\xff\xfe\x00\x01", b"\x89PNG\r\n\x1a\n\x00", b"a: \x00"])
def test_recipe_is_binary(settled: Desk, data: bytes) -> None:
    settled.path("recipe.yml").write_bytes(data)
    before, head = settled.things(), settled.head()
    said = settled.run("merge", "recipe.yml", "out")
    assert said.code == 2
    assert "error[EVO-R001]" in said.err
    check_nothing(settled, before, head)


def test_recipe_is_huge(settled: Desk) -> None:
    with settled.path("recipe.yml").open("wb") as file:
        file.truncate(1 << 40)
    assert settled.run("merge", "recipe.yml", "out").code == 2


# --- places that cannot take a result


def taken_by_file(desk: Desk) -> str:
    desk.path("out").write_text("mine")
    return "something is there already"


def taken_by_folder(desk: Desk) -> str:
    desk.path("out").mkdir()
    (desk.path("out") / "mine").write_text("mine")
    return "something is there already"


def taken_by_link(desk: Desk) -> str:
    desk.path("elsewhere").mkdir()
    desk.path("out").symlink_to("elsewhere")
    return "something is there already"


def taken_by_dead_link(desk: Desk) -> str:
    desk.path("out").symlink_to("nowhere")
    return "something is there already"


@pytest.mark.parametrize(
    "take", [taken_by_file, taken_by_folder, taken_by_link, taken_by_dead_link]
)
def test_place_is_taken(settled: Desk, take: Callable[[Desk], str]) -> None:
    recipe = settled.recipe(average("b"))
    text = take(settled)
    before, head = settled.things(), settled.head()
    said = settled.run("merge", recipe, "out")
    assert said.code == 2
    assert f"error[EVO-O001]: {text}" in said.err
    assert "Sources" not in said.err
    check_nothing(settled, before, head)


@pytest.mark.parametrize("out", ["file/out", "file/deeper/out", "dead/out"])
def test_no_folder_above(settled: Desk, out: str) -> None:
    recipe = settled.recipe(average("b"))
    settled.path("file").write_text("mine")
    settled.path("dead").symlink_to("nowhere")
    before, head = settled.things(), settled.head()
    said = settled.run("merge", recipe, out)
    assert said.code == 2
    assert "error[EVO-O002]" in said.err
    assert "is no folder" in said.err
    check_nothing(settled, before, head)


def test_name_too_long(settled: Desk) -> None:
    recipe = settled.recipe(average("b"))
    before, head = settled.things(), settled.head()
    said = settled.run("merge", recipe, "x" * 300)
    assert said.code == 2
    assert "error[EVO-O002]" in said.err
    check_nothing(settled, before, head)


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A small disk of its own; skips where one may not mount."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)]
    if shutil.which("mount") is None:
        pytest.skip("there is no mount")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a disk cannot be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_read_only_disk(settled: Desk) -> None:
    recipe = settled.recipe(average("b"))
    head = settled.head()
    with mounted(settled.path("disk"), "-o", "ro"):
        said = settled.run("merge", recipe, Path("disk") / "deep" / "out")
        assert list(settled.path("disk").iterdir()) == []
    assert said.code == 2
    assert "error[EVO-O002]: the folder cannot be written" in said.err
    assert settled.head() == head


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_closed_folder(settled: Desk) -> None:
    recipe = settled.recipe(average("b"))
    settled.path("closed").mkdir(mode=0o500)
    head = settled.head()
    said = settled.run("merge", recipe, Path("closed") / "out")
    assert said.code == 2
    assert "error[EVO-O002]: the folder cannot be written" in said.err
    assert list(settled.path("closed").iterdir()) == []
    assert settled.head() == head


def test_too_little_room(settled: Desk) -> None:
    recipe = settled.recipe(average("b"))
    head = settled.head()
    with mounted(settled.path("disk"), "-o", "size=512k"):
        said = settled.run("merge", recipe, Path("disk") / "new" / "out")
        assert list(settled.path("disk").iterdir()) == []
    assert said.code == 2
    assert (
        "error[EVO-O003]: the result needs 1,287,296 bytes, the disk has 524,288 left" in said.err
    )
    assert settled.head() == head


def test_disk_fills_up_meanwhile(settled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = settled.recipe(average("b"))
    head = settled.head()
    with mounted(settled.path("disk"), "-o", "size=1400k"):
        # Another program takes the room after evoreg has looked.
        room = shutil.disk_usage

        def greedy(path: Path) -> Any:
            found = room(path)
            (settled.path("disk") / "other").write_bytes(b"x" * (1200 << 10))
            return found

        with monkeypatch.context() as patch:
            patch.setattr(shutil, "disk_usage", greedy)
            said = settled.run("merge", recipe, Path("disk") / "out")
        assert [path.name for path in settled.path("disk").iterdir()] == ["other"]
    assert said.code == 2
    assert "error[EVO-O003]: the disk is full" in said.err
    assert settled.head() == head


def test_file_larger_than_allowed(settled: Desk) -> None:
    recipe = settled.recipe(average("b"))
    head = settled.head()
    before = settled.things()
    limit = 150_000  # less than the weights, more than the ledger and each paper

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run(
        [*MODULE, "merge", str(recipe), "out"],
        cwd=settled.folder,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limited,
    )
    assert done.returncode == 2
    assert "error[EVO-O003]: the disk is full" in done.stderr
    assert os.strerror(errno.EFBIG) not in done.stdout
    check_nothing(settled, before, head)


# --- ledgers that cannot take the entries


def refused_by_ledger(desk: Desk, url: str) -> Said:
    recipe = desk.recipe(average("b"))
    before = desk.things()
    desk.patch.setenv("EVOREG_LEDGER", url)
    said = desk.run("merge", recipe, "out")
    assert desk.things() == before
    told = desk.run("merge", recipe, "out", "--json")
    assert (told.code, told.json["exit_code"]) == (said.code, said.code)
    assert "secret" not in said.err + told.out
    return said


def test_ledger_is_a_text_file(desk: Desk) -> None:
    path = desk.path("notes.txt")
    path.write_text("this is no database but a long enough text " * 20)
    said = refused_by_ledger(desk, f"sqlite:///{path}")
    assert said.code == 5
    assert "error[EVO-L003]: this file is not a ledger" in said.err


def test_ledger_of_a_newer_evoreg(desk: Desk, empty_ledger: Path) -> None:
    path = desk.path("newer.sqlite")
    shutil.copyfile(empty_ledger, path)
    link = sqlite3.connect(path)
    link.execute("UPDATE ledger_version SET version_num = '9999'")
    link.commit()
    link.close()
    said = refused_by_ledger(desk, f"sqlite:///{path}")
    assert said.code == 5
    assert "error[EVO-L003]" in said.err
    assert "use the newer evoreg" in said.err


def test_ledger_at_a_closed_port(desk: Desk) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and never listens
        port = taken.getsockname()[1]
        said = refused_by_ledger(desk, f"postgresql://me:secret@127.0.0.1:{port}/books")
    assert said.code == 5
    assert "error[EVO-L002]" in said.err
    assert "check address" in said.err


@pytest.mark.parametrize(
    ("url", "says"),
    [("", "EVOREG_LEDGER is empty"), ("mysql://x/y", "not in mysql"), ("books", "not the address")],
)
def test_ledger_has_no_address(desk: Desk, url: str, says: str) -> None:
    said = refused_by_ledger(desk, url)
    assert said.code == 2
    assert says in said.err


def test_python_is_the_one_that_runs_the_tests() -> None:
    assert MODULE[0] == sys.executable
