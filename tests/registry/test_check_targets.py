"""`evoreg check` on folders, models of the cache and several targets: kinds, exit codes, papers."""

import json
import os
import shutil
from pathlib import Path

import pytest

from evoreg.registry.checking.targets import kind_of
from tests.registry.desk import MODELS, Desk, Said, card, linear, model, process
from tests.registry.test_release_papers import rare_text


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("recipe.yml", "recipe"),
        ("absent.yml", "recipe"),
        ("absent.YAML", "recipe"),
        ("models", "folder"),
        ("models.yml", "folder"),
        ("linked", "folder"),
        ("notes", "recipe"),
        ("org/name", "hub"),
        ("org/name@main", "hub"),
        ("models+models", "hub"),
        ("x" * 5000, "hub"),
        ("bad\0name", "hub"),
    ],
)
def test_a_target_is_what_lies_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("models", "models.yml"):
        (tmp_path / name).mkdir()
    (tmp_path / "linked").symlink_to("models")
    for name in ("recipe.yml", "notes"):
        (tmp_path / name).write_text("")
    assert kind_of(target) == kind


# --- any model


@pytest.mark.parametrize(
    ("licence", "options", "code", "word"),
    [
        ("apache-2.0", [], 0, "attribute"),
        ("cc-by-nc-4.0", [], 3, "block"),
        ("cc-by-nc-4.0", ["--intent", "research"], 0, "attribute"),
        ("llama3.1", [], 8, "review"),
        ("llama3.1", ["--users", "5"], 8, "review"),  # nobody has the text
        (None, [], 3, "block"),
    ],
)
def test_a_model_is_judged_like_the_one_source_of_a_result(
    desk: Desk, licence: str | None, options: list[str], code: int, word: str
) -> None:
    desk.copy("a", "mine", README__md=card(licence))
    said = desk.run("check", "mine", *options)
    intent = "research" if "research" in options else "commercial"
    assert (said.code, said.out) == (code, f"{word}: {intent}\n")
    assert desk.run("check", "./mine/", *options).code == code


def test_a_folder_that_is_no_model(desk: Desk) -> None:
    desk.path("empty").mkdir()
    said = desk.run("check", "empty")
    assert said.code == 5
    assert said.err.startswith("error[EVO-I")
    told = desk.run("check", "empty", "--json")
    assert (told.code, told.json["schema"], told.err) == (5, "evoreg/error/1", "")


def test_a_model_of_the_hub_that_is_not_at_hand(desk: Desk) -> None:
    desk.patch.setenv("HF_HUB_CACHE", str(desk.path("cache")))
    said = desk.run("check", "org/name", "--offline")
    assert (said.code, said.out) == (5, "")
    assert "org/name" in said.err


def test_all_intents_of_a_model(desk: Desk) -> None:
    desk.copy("a", "mine", README__md=card("cc-by-nc-4.0"))
    said = desk.run("check", "mine", "--all-intents")
    assert said.code == 3
    assert [line.split() for line in said.out.splitlines()] == [
        ["research", "commercial", "hosted"],
        ["mine", "attribute", "block", "block"],
    ]
    assert said.err.count("error[EVL104 ") == 1
    assert "= intents: commercial, hosted" in said.err


def test_the_licence_of_the_own_contribution_counts(desk: Desk) -> None:
    desk.copy("a", "mine", README__md=card("apache-2.0"))
    assert desk.run("check", "mine", "--own-license", "MIT").code == 0
    said = desk.run("check", "mine", "--own-license", "CC-BY-NC-4.0")
    assert said.code == 3
    assert "error[EVL504 OWN_LICENSE_NC]" in said.err


def test_a_policy_decides(desk: Desk) -> None:
    desk.copy("a", "mine", README__md=card("llama3.1"))
    said = desk.run("check", "mine", "--policy", "permissive-only", "--users", "5")
    assert said.code == 3
    assert "[EVL110 LICENSE_NOT_LISTED]" in said.err
    assert "block   policy permissive-only\n" in said.err
    told = desk.run("check", "mine", "--policy", "permissive-only", "--users", "5", "--json")
    assert told.json["policy"]["name"] == "permissive-only"
    assert desk.run("check", "mine", "--policy", "nobodys").code == 2


def test_what_is_odd_about_the_policy_itself_warns(desk: Desk) -> None:
    desk.copy("a", "mine", README__md=card("apache-2.0"))
    lines = [
        "version: 1",
        "name: house",
        "intents: [commercial]",
        "licenses:",
        "  commercial: {allow: [permissive, gpl-3.0]}",
        "exceptions:",
        "- model: org/gone@1234567",
        "  allow: [cc-by-nc-4.0]",
        "  intents: [commercial]",
        "  reason: a letter",
        "  approved-by: the board",
        "  expires: 2999-01-01",
    ]
    desk.path("evoreg-policy.yml").write_text("\n".join(lines) + "\n")
    said = desk.run("check", "mine")
    assert said.code == 0, said.err
    assert "warning[EVL703 PERMISSION_UNUSED]" in said.err
    assert "warning[EVL705 ALLOWANCE_UNUSED]" in said.err
    sarif = desk.run("check", "mine", "--format", "sarif").json
    found = {item["ruleId"]: item["level"] for item in sarif["runs"][0]["results"]}
    assert found == {"EVL703": "warning", "EVL705": "warning"}
    table = desk.run("check", "mine", "--all-intents")
    assert table.out.split() == ["commercial", "mine", "attribute"]


# --- a folder that evoreg merged


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A merge of two models under different licences, and the ledger that knows it."""
    folder = tmp_path_factory.mktemp("made")
    shutil.copytree(MODELS / "b", folder / "second", copy_function=shutil.copyfile)
    (folder / "second").chmod(0o755)
    (folder / "second" / "README.md").write_text(card("mit"))
    recipe = linear(model("a", weight=1), model("./second", weight=1))
    (folder / "recipe.yml").write_text(json.dumps(recipe))
    assert process(folder, "merge", "recipe.yml", "out", HF_HUB_OFFLINE="1").code == 0
    return folder


@pytest.fixture
def merged(desk: Desk, made: Path) -> Path:
    """The same on this desk."""
    for name in ("second", "out"):
        shutil.copytree(made / name, desk.path(name))
    for name in ("recipe.yml", ".evoreg/ledger.sqlite"):
        shutil.copyfile(made / name, desk.path(name))
    return desk.path("out")


def without_ledger(desk: Desk) -> None:
    (desk.path(".evoreg") / "ledger.sqlite").unlink()


def missing(said: Said) -> list[str]:
    """The papers that are told as missing."""
    lines = said.err.splitlines()
    heads = [number for number, line in enumerate(lines) if line.startswith("review[EVO-V00")]
    return [lines[number + 1].removeprefix("  --> ") for number in heads]


def test_a_merged_folder_passes_with_its_papers(desk: Desk, merged: Path) -> None:
    said = desk.run("check", "out")
    assert (said.code, said.out) == (0, "attribute: commercial\n")
    told = desk.run("check", "out", "--json").json
    (target,) = told["targets"]
    assert (target["kind"], target["missing"]) == ("folder", [])
    assert sorted(target["shares"]) == ["a", "second"]
    assert sum(float(share) for share in target["shares"].values()) == pytest.approx(1)


@pytest.mark.parametrize("path", ["NOTICE", "MODIFICATIONS.md", "LICENSES/MIT.txt", "README.md"])
def test_a_paper_that_is_gone_is_named(desk: Desk, merged: Path, path: str) -> None:
    (merged / path).unlink()
    said = desk.run("check", "out")
    assert (said.code, said.out) == (8, "review: commercial\n")
    assert path in missing(said)
    assert "fix: restore the file, or merge again" in said.err
    assert "papers again" not in said.err
    target = desk.run("check", "out", "--json").json["targets"][0]
    assert target["verdict"] == "review"
    assert path in [item["where"] for item in target["missing"]]


def test_a_changed_paper_is_named(desk: Desk, merged: Path) -> None:
    """Also if its digest in the record of the folder was changed too: the ledger has another."""
    path = merged / "MODIFICATIONS.md"
    path.write_text(path.read_text() + "Nothing is owed to anybody.\n")
    assert missing(desk.run("check", "out")) == ["MODIFICATIONS.md"]


def test_duties_cannot_be_taken_out_of_the_record(desk: Desk, merged: Path) -> None:
    path = merged / "evoreg.json"
    record = json.loads(path.read_text())
    record["decision"]["obligations"] = []
    path.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")
    (merged / "NOTICE").unlink()
    said = desk.run("check", "out")
    assert said.code == 8
    assert "NOTICE" in missing(said)


def test_a_label_that_grants_too_much(desk: Desk, merged: Path) -> None:
    second = desk.path("second") / "README.md"
    second.write_text(card("cc-by-nc-4.0"))
    recipe = desk.path("recipe.yml")
    assert desk.run("merge", recipe, "restricted", "--intent", "research").code == 0
    path = desk.path("restricted") / "README.md"
    text = path.read_text()
    start, _, rest = text.partition("license: ")
    path.write_text(start + "license: mit\n" + rest.partition("\n")[2])
    said = desk.run("check", "restricted", "--intent", "research")
    assert "[EVL503 DECLARED_TOO_PERMISSIVE]" in said.err
    assert said.code in (3, 8)


def test_a_stranger_knows_the_sources_by_name_only(desk: Desk, merged: Path) -> None:
    without_ledger(desk)
    said = desk.run("check", "out")
    assert said.code == 8
    assert "[EVL405 PARENT_UNSEEN]" in said.err
    assert "out <- " in said.err


def test_other_weights_are_not_covered_by_the_record(desk: Desk, merged: Path) -> None:
    shutil.copyfile(MODELS / "c" / "model.safetensors", merged / "model.safetensors")
    said = desk.run("check", "out")
    assert (said.code, said.out) == (8, "review: commercial\n")
    assert "review[EVO-V001]: the weights are not those" in said.err
    assert "evoreg model parent" in said.err
    sources = said.err.partition("Sources\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in sources] == ["out", "a", "second"]


@pytest.mark.parametrize("ledger", [True, False])
def test_changed_weights_launder_nothing(desk: Desk, merged: Path, ledger: bool) -> None:
    (desk.path("second") / "README.md").write_text(card("cc-by-nc-4.0"))
    assert desk.run("merge", "recipe.yml", "x", "--intent", "research").code == 0
    path = desk.path("x") / "model.safetensors"
    path.write_bytes(path.read_bytes() + b"y")
    (desk.path("x") / "README.md").write_text(card("mit"))
    shutil.rmtree(desk.path("x") / "LICENSES")
    for name in ("recipe.yml", "second"):
        desk.path(name).rename(desk.path(f"{name}-gone"))
    if not ledger:
        without_ledger(desk)
    said = desk.run("check", "x")
    assert (said.code, said.out) == (3, "block: commercial\n")
    assert "[EVL104 COMMERCIAL_USE_FORBIDDEN]" in said.err
    target = desk.run("check", "x", "--intent", "research", "--json").json["targets"][0]
    assert target["verdict"] != "attribute"
    assert "EVO-V001" in [item["code"] for item in target["missing"]]
    assert "shares" not in target


def test_an_earlier_result_stands_for_what_went_into_it(desk: Desk) -> None:
    desk.copy("b", "never", README__md=card("cc-by-nc-4.0"))
    first = linear(model("a", weight=1), model("./never", weight=1), name="step")
    last = linear(model("step", weight=1), model("a", weight=1))
    desk.recipe(f"{json.dumps(first)}\n---\n{json.dumps(last)}\n")
    assert desk.run("merge", "recipe.yml", "x", "--intent", "research").code == 0
    shutil.rmtree(desk.path(".evoreg"))
    desk.path("never").rename(desk.path("gone"))
    path = desk.path("x") / "model.safetensors"
    path.write_bytes(path.read_bytes() + b"y")
    said = desk.run("check", "x", "--json")
    assert said.code == 3
    decision = said.json["targets"][0]["intents"][0]["decision"]
    assert "never (as evoreg.json tells)" in [item["model"] for item in decision["sources"]]


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"null", b'{"schema": "evoreg/record/1"}', b"\xff", b"[" * 100_000]
)
def test_a_broken_record_is_told(desk: Desk, merged: Path, data: bytes) -> None:
    (merged / "evoreg.json").write_bytes(data)
    said = desk.run("check", "out")
    assert said.code == 5
    assert "error[EVO-I013]" in said.err
    assert "evoreg.json" in said.err


def test_a_record_that_is_a_link_is_not_followed(desk: Desk, merged: Path) -> None:
    secret = desk.path("secret")
    shutil.move(merged / "evoreg.json", secret)
    (merged / "evoreg.json").symlink_to(secret)
    said = desk.run("check", "out")
    assert said.code == 5


def test_a_record_that_is_a_pipe_is_not_waited_for(desk: Desk, merged: Path) -> None:
    (merged / "evoreg.json").unlink()
    os.mkfifo(merged / "evoreg.json")
    assert desk.run("check", "out").code == 5


# --- licence texts that nobody has


def test_a_licence_text_that_is_owed_must_be_at_hand(desk: Desk) -> None:
    """As a recipe of the model alone asks for it."""
    desk.copy("a", "gem", README__md=card("gemma"))
    said = desk.run("check", "gem")
    assert (said.code, said.out) == (8, "review: commercial\n")
    (path,) = missing(said)
    assert path.startswith("LICENSES/LicenseRef-")
    assert "put the licence file into the folder of the source" in said.err
    recipe = desk.recipe(linear(model("./gem", weight=1)))
    assert path in missing(desk.run("check", recipe))


@pytest.mark.parametrize("text", [True, False])
def test_the_text_may_lie_beside_what_it_was_made_from(desk: Desk, text: bool) -> None:
    root = card("other", "license_name: modified-mit") if text else card("gemma")
    desk.copy("b", "root", README__md=root, **({"LICENSE": rare_text()[1]} if text else {}))
    assert desk.run("model", "add", "root").code == 0
    desk.copy("a", "tuned", README__md=card("mit"))
    assert desk.run("model", "add", "tuned").code == 0
    proof = ("--relation", "finetune", "--evidence", "https://example.org/how")
    assert desk.run("model", "parent", "tuned", "root", *proof).code == 0
    said = desk.run("check", "tuned", "--intent", "research")
    assert said.code == (0 if text else 8), said.err
    assert len(missing(said)) == (0 if text else 1)


# --- several targets


def test_the_worst_target_decides(desk: Desk) -> None:
    for name, licence in (("free", "mit"), ("asks", "llama3.1"), ("never", "cc-by-nc-4.0")):
        desk.copy("a", name, README__md=card(licence))
    assert desk.run("check", "free", "free").code == 0
    assert desk.run("check", "free", "asks").code == 8
    assert desk.run("check", "never", "asks", "free").code == 3
    assert desk.run("check", "asks", "absent.yml").code == 5
    assert desk.run("check", "absent.yml", "never").code == 3


def test_each_target_is_told_once(desk: Desk) -> None:
    desk.copy("a", "free", README__md=card("mit"))
    recipe = desk.recipe(linear(model("a", weight=1), model("b", weight=1)))
    (desk.path("notes.yml")).write_text("just: notes\n")
    said = desk.run("check", "free", recipe, "notes.yml", "free")
    assert said.code == 2
    assert said.out.splitlines() == [
        "free: attribute: commercial",
        f"{recipe}: attribute: commercial (39 tensors, 238,720 bytes)",
        "notes.yml: could not be checked",
    ]
    assert "error[EVO-R" in said.err
    document = desk.run("check", "free", recipe, "notes.yml", "--json").json
    assert (document["ok"], document["exit_code"]) == (False, 2)
    kinds = [(item["target"], item["kind"], item["verdict"]) for item in document["targets"]]
    assert kinds == [
        ("free", "folder", "attribute"),
        (str(recipe), "recipe", "attribute"),
        ("notes.yml", "recipe", None),
    ]
    assert document["targets"][2]["problems"][0]["code"].startswith("EVO-R")


# --- forms and files


@pytest.mark.parametrize("form", ["text", "json", "sarif", "markdown"])
def test_a_report_in_a_file_appears_whole(desk: Desk, form: str) -> None:
    desk.copy("a", "never", README__md=card("cc-by-nc-4.0"))
    before = sorted(desk.things())
    path = desk.path("report")
    path.write_text("older")
    said = desk.run("check", "never", "--format", form, "--output", path)
    assert (said.code, said.out) == (3, "block: commercial\n")
    assert "COMMERCIAL_USE_FORBIDDEN" in said.err
    text = path.read_text("utf-8")
    if form != "text":
        assert text == desk.run("check", "never", "--format", form).out
    assert "EVL104" in text
    assert "\x1b" not in text
    assert sorted(desk.things()) == sorted([*before, "report"])


def test_a_report_that_cannot_be_written(desk: Desk) -> None:
    desk.copy("a", "free", README__md=card("mit"))
    said = desk.run("check", "free", "--output", desk.path("no") / "report")
    assert said.code == 2
    assert "error[EVO-O002]" in said.err


def test_a_device_is_no_file_to_replace(desk: Desk) -> None:
    desk.copy("a", "free", README__md=card("mit"))
    assert desk.run("check", "free", "--json", "--output", "/dev/null").code == 0
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize(
    "arguments",
    [["--format", "xml"], ["--json", "--format", "sarif"], ["--intent", "fun"], ["--policy", ""]],
)
def test_misuse(desk: Desk, arguments: list[str]) -> None:
    desk.copy("a", "free", README__md=card("mit"))
    said = desk.run("check", "free", *arguments)
    assert said.code == 2


@pytest.mark.parametrize("spelling", [["--json"], ["--format", "json"], ["--format=json"]])
def test_errors_are_json_where_json_was_asked_for(desk: Desk, spelling: list[str]) -> None:
    said = desk.run("check", "no.yml", *spelling)
    assert (said.code, said.json["schema"], said.err) == (5, "evoreg/error/1", "")


@pytest.mark.parametrize("form", ["text", "json", "sarif", "markdown"])
def test_hostile_words_reach_no_reader(desk: Desk, form: str) -> None:
    text = card("other", 'license_name: "\\e[5m\\u202E</details><b>x"', "base_model: <i>|`x`")
    desk.copy("a", "a|<b>`x`", README__md=text)
    said = desk.run("check", "a|<b>`x`", "evil\x1b[31m\u202e.yml", "--format", form)
    assert said.code == 3
    for shown in (said.out, said.err):
        assert not {"\x1b", "\u202e"} & set(shown)
    if form == "markdown":
        assert not any(word in said.out for word in ("<b>`x`", "</details><b>x", "<i>"))
