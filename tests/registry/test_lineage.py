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


def orphan(folder: Path, *names: str) -> None:
    """Copy demo models whose cards name no parent."""
    for name in names:
        shutil.copytree(models_folder() / name, folder / name)
        card = folder / name / "README.md"
        lines = card.read_text().splitlines(keepends=True)
        card.write_text("".join(line for line in lines if not line.startswith("base_model")))


def verdict(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Return the exit code of a check, and what it says as JSON."""
    capsys.readouterr()
    code = answer(["check", *arguments, "--json"])
    return code, capsys.readouterr().out


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
    assert "COMMERCIAL_USE_FORBIDDEN" in document


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
    orphan(here, NC)
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
    code, document = verdict(capsys, recipe(here, "child"))
    assert code == 8
    assert "PARENT_UNSEEN" in document
    assert NC in document
    assert answer(["model", "add", str(models_folder() / NC)]) == 0
    code, document = verdict(capsys, recipe(here, "child"))
    assert code == 3
    assert "TRANSITIVE" in document


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
    orphan(here, "pocket-math")
    shutil.copytree(here / "pocket-math", source)
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
        orphan(here, source)
        shutil.copytree(here / source, place / "mine")
    recipe(work, "mine")
    capsys.readouterr()
    assert answer(["check", "work/recipe.yml"]) == 0
    assert "beside the recipe" in capsys.readouterr().err


def test_a_licence_three_models_up_reaches_the_result_with_its_path(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cards = (
        ("root", NC, "license: cc-by-nc-4.0"),
        ("middle", "pocket-ja", "license: apache-2.0\nbase_model: root"),
        ("top", "pocket-math", "license: mit\nbase_model: middle"),
    )
    for name, weights, card in cards:
        shutil.copytree(models_folder() / weights, here / name)
        (here / name / "LICENSE").unlink()
        (here / name / "README.md").write_text(f"---\n{card}\n---\n")
        assert answer(["model", "add", f"./{name}"]) == 0
    code, document = verdict(capsys, recipe(here, "top"))
    assert code == 3
    (target,) = json.loads(document)["targets"]
    reasons = target["intents"][0]["decision"]["reasons"]
    paths = {tuple(item["path"]) for item in reasons if item["name"] == "COMMERCIAL_USE_FORBIDDEN"}
    assert paths == {("top", "middle (ledger entry 2)", "root (ledger entry 1)")}
    assert any(item["name"] == "LINEAGE_CONFLICT" for item in reasons)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("README.md", "---\nlicense: mit\nbase_model: [{name: org/secret}]\n---\n"),
        ("README.md", '---\nlicense: mit\nbase_model: "org/\\u202esecret"\n---\n'),
        ("mergekit_config.yml", "models: [{model: org/secret}"),
        ("mergekit_config.yml", 'models: [{model: "org/\\u200bsecret"}]'),
    ],
)
def test_a_parent_that_is_named_unreadably_is_a_missing_fact(
    here: Path, capsys: pytest.CaptureFixture[str], name: str, text: str
) -> None:
    copy(here, "plain", "mit")
    assert verdict(capsys, recipe(here, "plain"))[0] == 0
    (here / "plain" / name).write_text(text, encoding="utf-8")
    code, document = verdict(capsys, recipe(here, "plain"))
    assert code == 8
    assert "PARENT_UNSEEN" in document
    assert answer(["model", "add", "./plain"]) == 0  # the ledger keeps it in mind
    copy(here, "again", "mit")
    (here / "again" / "NOTICE").write_text("of the same weights, and silent about parents\n")
    code, document = verdict(capsys, recipe(here, "again"))
    assert (code, "PARENT_UNSEEN" in document) == (8, True)


def test_a_folder_of_that_name_is_not_the_unreadable_parent(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy(here, "plain", "mit")
    shutil.copytree(models_folder() / "pocket-math", here / "(unreadable)")
    (here / "plain" / "mergekit_config.yml").write_text("models: [{model: org/secret}")
    code, document = verdict(capsys, recipe(here, "plain", "(unreadable)"))
    assert (code, "PARENT_UNSEEN" in document) == (8, True)
