"""`evoreg model`: registering, looking, claiming; and names that no terminal may obey."""

import json
import unicodedata
from pathlib import Path

import pytest

from tests.registry.desk import MODELS, Desk, Said, card, linear, model

ADDRESS = "https://example.org/licence"


def average(second: str | Path) -> dict[str, object]:
    return linear(model("a", weight=1), model(second, weight=1))


@pytest.fixture
def unknown(desk: Desk) -> Path:
    """A model without a licence, registered."""
    folder = desk.copy("b", "unlicensed", README__md=card(None))
    assert desk.run("model", "add", folder).code == 0
    return folder


def claim(desk: Desk, *options: str) -> Said:
    return desk.run("model", "claim", "unlicensed", *options)


def test_add_list_and_show(desk: Desk) -> None:
    first = desk.run("model", "add", MODELS / "a", "--json").json
    again = desk.run("model", "add", str(MODELS / "a"), "--json").json
    assert (first["added"], again["added"], again["entry"]) == (True, False, first["entry"])
    desk.run("model", "add", MODELS / "b")
    listed = desk.run("model", "list", "--json").json["models"]
    assert [item["name"] for item in listed] == ["a", "b"]
    shown = desk.run("model", "show", "a", "--json").json
    assert shown["identity"] == first["identity"] == listed[0]["identity"]
    assert shown["location"] == str(MODELS / "a")
    text = desk.run("model", "show", first["identity"][:20]).out
    assert first["identity"] in text
    assert "apache-2.0 (card)" in text
    table = desk.run("model", "list").out
    assert [line.split()[1] for line in table.splitlines()] == ["model", "a", "b"]


def test_the_list_cuts_no_name(desk: Desk) -> None:
    name = "a-model-with-a-name-of-" + "-".join(["many"] * 20) + "-words"
    desk.patch.setenv("COLUMNS", "60")
    assert desk.run("model", "add", desk.copy("b", name)).code == 0
    assert name in desk.run("model", "list").out


def test_without_a_ledger_there_is_nothing_to_show(desk: Desk) -> None:
    (desk.path(".evoreg") / "ledger.sqlite").unlink()
    for command in (["model", "list"], ["model", "show", "a"], ["ledger", "log"]):
        said = desk.run(*command)
        assert said.code == 5
        assert "there is no ledger here yet" in said.err
    assert not (desk.path(".evoreg") / "ledger.sqlite").exists()


def test_a_claim_turns_refused_into_decided(desk: Desk, unknown: Path) -> None:
    recipe = desk.recipe(average(unknown))
    assert desk.run("merge", recipe, "out").code == 3
    evidence = desk.path("letter.txt")
    evidence.write_text("They may use it under the MIT licence.")
    said = claim(desk, "--license", "mit", "--evidence", str(evidence), "--by", "Ann", "--json")
    assert said.code == 0
    made = said.json["claim"]
    assert (made["expression"], made["by"], made["origin"]) == ("mit", "Ann", "human")
    assert (made["evidence"]["kind"], made["evidence"]["locator"]) == ("file", "letter.txt")
    merged = desk.run("merge", recipe, "out", "--json")
    assert merged.code == 0
    assert merged.json["license"] == "Apache-2.0 AND MIT"
    assert "MIT" in (desk.path("out") / "README.md").read_text("utf-8")
    shown = desk.run("model", "show", "unlicensed").out
    assert "mit  by Ann" in shown
    assert "letter.txt" in shown


def test_a_claim_about_other_weights_changes_nothing(desk: Desk, unknown: Path) -> None:
    assert claim(desk, "--license", "mit", "--evidence", ADDRESS).code == 0
    other = desk.copy("c", "other", README__md=card(None))
    assert desk.run("check", desk.recipe(average(unknown))).code == 0
    assert desk.run("check", desk.recipe(average(other))).code == 3


def test_claims_are_only_ever_added(desk: Desk, unknown: Path) -> None:
    for licence in ("mit", "cc-by-nc-4.0"):
        assert claim(desk, "--license", licence, "--evidence", ADDRESS).code == 0
    claims = desk.run("model", "show", "unlicensed", "--json").json["claims"]
    assert [item["expression"] for item in claims] == ["mit", "cc-by-nc-4.0"]
    assert [entry.kind for entry in desk.entries()] == ["model", "claim", "claim"]
    # People contradict each other: the merge is not simply permitted.
    assert desk.run("check", desk.recipe(average(unknown))).code in (3, 8)


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--license", "mit"], 2, "evidence"),
        (["--license", "mit", "--evidence", ""], 2, "evidence"),
        (["--license", "mit", "--evidence", "absent.pdf"], 5, "neither an address nor a file"),
        (["--license", "mit", "--evidence", "https://"], 2, "no address"),
        (["--license", "no-such-licence", "--evidence", ADDRESS], 2, "unknown licence"),
        (["--license", "mit AND", "--evidence", ADDRESS], 2, "error[EVO-P004]"),
        (["--license", "mit", "--evidence", ADDRESS, "--by", "\x1b[31m"], 2, "invisible"),
        (["--license", "mit", "--evidence", ADDRESS, "--by", " "], 2, "is empty"),
    ],
)
def test_a_claim_needs_evidence_and_sense(
    desk: Desk, unknown: Path, options: list[str], code: int, says: str
) -> None:
    head = desk.head()
    said = claim(desk, *options)
    assert said.code == code
    assert says in said.err
    assert "\x1b" not in said.err
    assert desk.head() == head
    told = claim(desk, *options, "--json")
    assert (told.code, told.json["exit_code"]) == (code, code)


def test_wrong_names_get_a_suggestion(desk: Desk, unknown: Path) -> None:
    for command in (
        ["show", "unlicenced"],
        ["claim", "unlicenced", "--license", "mit", "--evidence", ADDRESS],
    ):
        said = desk.run("model", *command)
        assert said.code == 5
        assert "did you mean unlicensed?" in said.err
    assert "did you mean" not in desk.run("model", "show", "zzz").err


# --- hostile text

NAMES = {
    "markup": "[red]bold[/red] [/] [link=https://evil.example]here[/link]",
    "control": "\\e[2J\\e]0;title\\a name",
    "bidi": "\\u202Egnp.exe\\u2066",
    "emoji": ":smiley: :warning:",
}


def visible(text: str) -> bool:
    """True if a terminal would obey nothing in a text."""
    return all(unicodedata.category(sign) not in ("Cc", "Cf") or sign == "\n" for sign in text)


@pytest.mark.parametrize("name", NAMES)
def test_hostile_cards_do_not_reach_the_terminal(desk: Desk, name: str) -> None:
    text = NAMES[name]
    lines = [f'license_name: "{text}"', f'base_model: "org/{text}"', f'author: "{text}"']
    folder = desk.copy("b", "hostile", README__md=card(f'"{text}"', *lines))
    said = [
        desk.run("model", "add", folder),
        desk.run("model", "list"),
        desk.run("model", "show", "hostile"),
        desk.run("check", desk.recipe(average(folder))),
        desk.run("merge", desk.recipe(average(folder)), "out"),
        desk.run("ledger", "log"),
    ]
    assert [item.code for item in said] == [0, 0, 0, 3, 3, 0]
    assert all(visible(item.out) and visible(item.err) for item in said)
    if name in ("markup", "emoji"):
        assert text in said[1].out
        assert text in said[2].out
    json.loads(desk.run("model", "show", "hostile", "--json").out)


@pytest.mark.parametrize("name", ["[red]x[bold]", "a\x1b[31mred", "right\u202eleft", "new\nline"])
def test_hostile_folder_names_do_not_reach_the_terminal(desk: Desk, name: str) -> None:
    folder = desk.copy("b", name)
    desk.patch.chdir(folder)  # a name that a reference may not hold can be entered
    desk.patch.setenv("EVOREG_LEDGER", f"sqlite:///{desk.path('.evoreg')}/ledger.sqlite")
    said = [desk.run("model", "add", "."), desk.run("model", "list"), desk.run("ledger", "log")]
    assert [item.code for item in said] == [0, 0, 0]
    assert all(visible(item.out) and visible(item.err) for item in said)
    if name.isprintable():
        assert all(name in item.out for item in said)


def test_hostile_recipes_do_not_reach_the_terminal(desk: Desk) -> None:
    text = 'merge_method: "[red]x[/] \\e[31m \\u202E"\nmodels: [{model: "\\e[2J"}]\n'
    said = desk.run("merge", desk.recipe(text), "out")
    assert said.code == 2
    assert visible(said.err)


# --- adapters


def adapter(desk: Desk) -> Path:
    """A LoRA adapter, as far as evoreg looks at one."""
    config = json.dumps({"peft_type": "LORA", "base_model_name_or_path": "b", "r": 1})
    folder = desk.copy("b", "lora", config__json=None, model__safetensors=None)
    (folder / "adapter_config.json").write_text(config)
    data = (MODELS / "b" / "model.safetensors").read_bytes()
    (folder / "adapter_model.safetensors").write_bytes(data)
    return folder


def test_an_adapter_is_registered_with_its_model(desk: Desk) -> None:
    adapter(desk)
    desk.copy("b", "plain")
    said = desk.run("model", "add", "./plain+./lora", "--json")
    assert said.code == 0
    assert said.json["model"]["adapter"]["name"] == "lora"
    shown = desk.run("model", "show", "plain", "--json").json
    assert shown["location"] == f"{desk.path('plain').resolve()}+{desk.path('lora').resolve()}"
    plain = desk.run("model", "add", "./plain", "--json").json
    assert plain["identity"] != said.json["identity"]


def test_an_adapter_that_is_none_is_refused_in_a_merge(desk: Desk) -> None:
    adapter(desk)
    desk.copy("b", "plain")
    recipe = desk.recipe(average("./plain+./lora"))
    for said in (desk.run("merge", recipe, "out"), desk.run("check", recipe)):
        assert said.code == 5
        assert "error[EVO-I005]: " in said.err
        assert "modules_to_save" in said.err
        assert "recipe.yml:1:" in said.err
    assert not desk.path("out").exists()
    assert desk.head().seq == 0
