"""What the ledger remembers of a source: a new card alone does not wash a licence off."""

import json
import shutil
from pathlib import Path

import pytest

from evoreg.registry.cli.main import answer
from evoreg.registry.demo import models_folder

NC = "pocket-ja-nc"


def recipe(folder: Path, *models: str) -> str:
    lines = "".join(f"- model: ./{name}\n  parameters: {{weight: 1.0}}\n" for name in models)
    (folder / "recipe.yml").write_text(f"merge_method: linear\nmodels:\n{lines}")
    return "recipe.yml"


def copy(folder: Path, name: str, license_: str, **more: str) -> None:
    """Copy the non-commercial demo model's weights under a card of our own, without its papers."""
    shutil.copytree(models_folder() / NC, folder / name)
    (folder / name / "LICENSE").unlink()
    card = "".join(f"{key}: {value}\n" for key, value in {"license": license_, **more}.items())
    (folder / name / "README.md").write_text(f"---\n{card}---\n")


def verdict(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object]]:
    capsys.readouterr()
    code = answer(["check", *arguments, "--json"])
    document: dict[str, object] = json.loads(capsys.readouterr().out)
    return code, document


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EVOREG_LEDGER", raising=False)
    return tmp_path


def test_the_same_weights_keep_the_licence_that_they_were_registered_under(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy(here, "twin", "apache-2.0")
    assert verdict(capsys, recipe(here, "twin"))[0] == 0
    assert answer(["model", "add", str(models_folder() / NC)]) == 0
    code, document = verdict(capsys, recipe(here, "twin"))
    assert code == 3
    assert "COMMERCIAL_USE_FORBIDDEN" in str(document["decision"])


def test_a_twin_without_a_licence_takes_nothing_away(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy(here, "plain", "apache-2.0")
    copy(here, "silent", "apache-2.0")
    (here / "silent" / "README.md").unlink()
    assert answer(["model", "add", "./silent"]) == 0
    assert verdict(capsys, recipe(here, "plain"))[0] == 0


def test_the_result_of_a_recorded_merge_keeps_the_terms_of_its_sources(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(models_folder() / NC, here / NC)
    assert answer(["merge", recipe(here, NC), "merged", "--intent", "research"]) == 0
    washed = here / "washed"
    washed.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copy(here / "merged" / name, washed)
    (washed / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    assert verdict(capsys, recipe(here, "washed"))[0] == 3
    assert verdict(capsys, recipe(here, "washed"), "--intent", "research")[0] == 0


def test_a_registered_parent_counts_and_an_unknown_one_is_told(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(models_folder() / "pocket-math", here / "child")
    (here / "child" / "LICENSE").unlink()
    (here / "child" / "README.md").write_text(f"---\nlicense: mit\nbase_model: {NC}\n---\n")
    capsys.readouterr()
    assert answer(["check", recipe(here, "child")]) == 0
    told = capsys.readouterr().err
    assert "EVO-P005" in told
    assert NC in told
    assert answer(["model", "add", str(models_folder() / NC)]) == 0
    code, document = verdict(capsys, recipe(here, "child"))
    assert code == 3
    assert "TRANSITIVE" in str(document["decision"])


def test_parents_in_a_circle_end(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, parent, source in (("x", "y", "pocket-math"), ("y", "x", "pocket-ja")):
        shutil.copytree(models_folder() / source, here / name)
        (here / name / "LICENSE").unlink()
        (here / name / "README.md").write_text(f"---\nlicense: mit\nbase_model: {parent}\n---\n")
        assert answer(["model", "add", f"./{name}"]) == 0
    assert verdict(capsys, recipe(here, "x", "y"))[0] == 0


def test_nothing_of_the_users_disk_is_published(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = here / "deep" / "secret-place" / "mine"
    shutil.copytree(models_folder() / "pocket-math", source)
    for name, key in (("config.json", "_name_or_path"), ("tokenizer_config.json", "name_or_path")):
        facts = json.loads((source / name).read_text())
        (source / name).write_text(json.dumps({**facts, key: "/home/alice/secret-place"}))
    work = here / "work"
    work.mkdir()
    (work / "recipe.yml").write_text(
        "# kept in /home/alice/secret-place\n"
        "merge_method: passthrough\nmodels:\n- model: ../deep/secret-place/mine\n"
    )
    assert answer(["merge", "work/recipe.yml", "out"]) == 0
    for path in sorted((here / "out").rglob("*")):
        if path.is_file():
            assert b"secret-place" not in path.read_bytes(), path
            assert str(here).encode() not in path.read_bytes(), path


def test_a_folder_that_lies_in_two_places_is_told(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = here / "work"
    work.mkdir()
    for place, source in ((here, "pocket-math"), (work, "pocket-ja")):
        shutil.copytree(models_folder() / source, place / "mine")
    recipe(work, "mine")
    capsys.readouterr()
    assert answer(["check", "work/recipe.yml"]) == 0
    assert "beside the recipe" in capsys.readouterr().err
