"""`evoreg check` is the gate alone: it decides as `merge` does and loads no tensors."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tests.registry.desk import MODELS, Desk, card, linear, model

HEAVY = ("torch", "transformers", "datasets", "huggingface_hub", "cma")

SCRIPT = """
import json, sys
from evoreg.registry.cli.main import answer
code = answer(json.loads(sys.argv[1]))
names = json.loads(sys.argv[2])
sys.stderr.write("\\n" + json.dumps([code, sorted(set(names) & set(sys.modules))]))
"""


def loaded(folder: Path, names: tuple[str, ...], *arguments: str | Path) -> list[object]:
    """Run a command in a fresh process; return its exit code and what it imported of `names`."""
    texts = json.dumps([str(item) for item in arguments])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, texts, json.dumps(names)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[object] = json.loads(done.stderr.splitlines()[-1])
    return found


def average(second: str | Path) -> dict[str, object]:
    return linear(model("a", weight=1), model(second, weight=1))


def test_check_needs_no_tensors(desk: Desk) -> None:
    recipe = desk.recipe(average("b"))
    assert loaded(desk.folder, HEAVY, "check", recipe) == [0, []]


@pytest.mark.parametrize("form", ["text", "sarif", "markdown"])
def test_a_check_of_models_needs_no_tensors(desk: Desk, form: str) -> None:
    desk.copy("a", "mine")
    assert loaded(desk.folder, HEAVY, "check", "mine", "--format", form) == [0, []]


def test_a_refused_merge_needs_no_tensors(desk: Desk) -> None:
    second = desk.copy("b", "second", README__md=card("cc-by-nc-4.0"))
    assert loaded(desk.folder, HEAVY, "merge", desk.recipe(average(second)), "out") == [3, []]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []])
def test_help_loads_next_to_nothing(tmp_path: Path, arguments: list[str]) -> None:
    names = (*HEAVY, "pydantic", "sqlalchemy", "alembic", "numpy", "yaml", "jinja2")
    more = ("safetensors", "rich.progress", "evoreg.evolve", "evoreg.policies")
    code = 0 if arguments else 2
    assert loaded(tmp_path, (*names, *more), *arguments) == [code, []]
    assert list(tmp_path.iterdir()) == []


def test_check_writes_nothing_of_small_models(desk: Desk) -> None:
    """Not even a ledger, where there is none; and no digests of files as small as these."""
    recipe = desk.recipe(average("b"))
    (desk.path(".evoreg") / "ledger.sqlite").unlink()
    before = desk.things()
    assert desk.run("check", recipe).code == 0
    assert desk.things() == before
    assert [path.name for path in desk.path(".evoreg").iterdir()] == []


def test_check_leaves_the_ledger_alone(desk: Desk) -> None:
    desk.run("model", "add", MODELS / "c")
    head = desk.head()
    assert desk.run("check", desk.recipe(average("b"))).code == 0
    assert desk.head() == head


@pytest.mark.parametrize(
    ("licence", "options", "code", "word"),
    [
        ("mit", [], 0, "attribute"),
        ("cc-by-nc-4.0", [], 3, "block"),
        ("cc-by-nc-4.0", ["--intent", "research"], 0, "attribute"),
        ("gpl-3.0", [], 0, "attribute"),
        ("llama3.1", ["--name", "Llama-x"], 8, "review"),
        ("llama3.1", ["--name", "x", "--users", "5"], 3, "block"),
        ("unheard-of", [], 3, "block"),
    ],
)
def test_check_decides_as_merge_does(
    desk: Desk, licence: str, options: list[str], code: int, word: str
) -> None:
    second = desk.copy("b", "second", README__md=card(licence))
    recipe = desk.recipe(average(second))
    said = desk.run("check", recipe, *options)
    assert said.code == code
    intent = "research" if "research" in options else "commercial"
    assert said.out == f"{word}: {intent} (39 tensors, 238,720 bytes)\n"
    told = desk.run("check", recipe, "--json", *options)
    assert (told.code, told.err) == (code, "")
    assert (told.json["ok"], told.json["exit_code"]) == (code == 0, code)
    (target,) = told.json["targets"]
    (judged,) = target["intents"]
    assert (judged["verdict"], judged["decision"]["verdict"]) == (word, word)
    assert (target["tensors"], target["bytes"]) == (39, 238_720)
    assert desk.run("merge", recipe, "out", *options).code == code


def test_a_name_that_nobody_chose_is_a_duty_only(desk: Desk) -> None:
    second = desk.copy("b", "second", README__md=card("llama3.1"))
    recipe = desk.recipe(average(second))
    (target,) = desk.run("check", recipe, "--users", "5", "--json").json["targets"]
    (text,) = target["missing"]  # of the name nothing is said
    assert text["where"].startswith("LICENSES/LicenseRef-")
    duties = target["intents"][0]["decision"]["obligations"]
    assert "name_prefix" in [item["kind"] for item in duties]
    told = desk.run("check", recipe, "--users", "5")
    assert "! name prefix: Llama (second)" in told.err
    assert "must begin" not in told.err
    named = desk.run("check", recipe, "--users", "5", "--name", "x")
    assert (named.code, "[EVL502 NAME_RULE]" in named.err) == (3, True)


def test_what_helps_before_a_merge(desk: Desk) -> None:
    second = desk.copy("b", "second", README__md=card("llama3.1"))
    said = desk.run("check", desk.recipe(average(second)), "--users", "5")
    assert said.code == 8
    fixes = {line.strip() for line in said.err.splitlines() if "= fix:" in line}
    assert fixes == {"= fix: put the licence file into the folder of the source"}


@pytest.mark.parametrize(
    ("licence", "code", "told"), [("llama3.1", 8, True), ("cc-by-nc-4.0", 3, False)]
)
def test_duties_are_told_unless_it_is_forbidden(
    desk: Desk, licence: str, code: int, told: bool
) -> None:
    desk.copy("a", "mine", README__md=card(licence))
    said = desk.run("check", "mine")
    assert (said.code, "! credits:" in said.err) == (code, told)
    page = desk.run("check", "mine", "--format", "markdown").out
    assert ("### What a release owes" in page) == told


def test_check_sees_what_would_not_merge(desk: Desk) -> None:
    second = desk.copy("b", "second")
    data = (second / "model.safetensors").read_bytes()
    (second / "model.safetensors").write_bytes(data[:-1])
    assert desk.run("check", desk.recipe(average(second))).code == 5
    assert desk.run("check", desk.recipe(linear(model("a", weight=0)))).code == 2
    third = desk.copy("b", "third")
    tensors = load_file(third / "model.safetensors")
    tensors.pop("model.norm.weight")
    save_file(tensors, third / "model.safetensors")
    assert desk.run("check", desk.recipe(average(third))).code == 6


def test_a_notice_of_many_pages_is_cut_on_the_screen_only(desk: Desk) -> None:
    pages = "\n".join(f"Line {number} of a very long notice." for number in range(500))
    second = desk.copy("b", "second", README__md=card("apache-2.0"), NOTICE=pages)
    recipe = desk.recipe(average(second))
    told = desk.run("check", recipe)
    assert told.code == 0
    assert "Line 3 of a very long notice." in " ".join(told.err.split())
    assert len(told.err) < 4000
    assert "Line 499 of a very long notice." in desk.run("check", recipe, "--json").out
