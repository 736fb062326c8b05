"""`evoreg model`: registering, looking, claiming; and names that no terminal may obey."""

import json
import unicodedata
from pathlib import Path

import pytest

from evoreg.provenance.papers import words
from tests.registry.desk import MODELS, Desk, Said, card, linear, model

TEXTS = Path(words.__file__).parent / "texts"
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


@pytest.mark.parametrize(("text", "code"), [("Apache-2.0", 8), (None, 3)])
def test_a_licence_that_cannot_be_read_is_not_made_up_for_by_a_text(
    desk: Desk, text: str | None, code: int
) -> None:
    folder = desk.copy("b", "odd", README__md=card("[apache-2.0, {cc-by-nc-4.0: 1}]"))
    if text is not None:
        (folder / "LICENSE").write_bytes((TEXTS / f"{text}.txt").read_bytes())
    said = desk.run("check", desk.recipe(average(folder)))
    assert said.code == code
    assert "counts as unreadable" in said.err


# --- riders and parents


def test_riders_are_recorded_with_and_without_a_licence(desk: Desk, unknown: Path) -> None:
    said = claim(
        desk, "--rider", "name-prefix=Llama-3-Groq", "--rider", "hosting-forbidden",
        "--evidence", ADDRESS, "--json",
    )  # fmt: skip
    assert said.code == 0
    made = said.json["claim"]
    assert made["expression"] == ""
    assert [(item["kind"], item["value"], item["where"]) for item in made["riders"]] == [
        ("name-prefix", "Llama-3-Groq", ADDRESS),
        ("hosting-forbidden", "", ADDRESS),
    ]
    told = claim(
        desk, "--license", "mit", "--rider", "display=Built = by us", "--evidence", ADDRESS
    )
    assert "unlicensed is under mit and has the rider display" in told.out
    shown = desk.run("model", "show", "unlicensed")
    assert "no licence  by " in shown.out
    assert "rider      name-prefix Llama-3-Groq" in shown.out
    assert "rider      display Built = by us" in shown.out
    assert "has terms beside a licence" in desk.run("ledger", "log").out
    claims = desk.run("model", "show", "unlicensed", "--json").json["claims"]
    assert [len(item.get("riders", [])) for item in claims] == [2, 1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--rider", "hosting-forbiden"], "did you mean hosting-forbidden?"),
        (["--rider", "name_prefix=x"], "did you mean name-prefix?"),
        (["--rider", "zzz"], "one of: commercial-forbidden, display"),
        (["--rider", "name-prefix"], "needs a value"),
        (["--rider", "display= "], "needs a value"),
        (["--rider", "hosting-forbidden=x"], "takes no value"),
        (["--rider", "display=\x1b[31m"], "invisible signs"),
        (["--rider", ""], "there is no rider"),
        ([], "the claim says nothing"),
        (["--license", " "], "the claim says nothing"),
    ],
)
def test_a_rider_that_is_none_is_refused(
    desk: Desk, unknown: Path, options: list[str], says: str
) -> None:
    head = desk.head()
    said = claim(desk, *options, "--evidence", ADDRESS)
    assert (said.code, desk.head()) == (2, head)
    assert says in said.err
    assert visible(said.err)


def parent(desk: Desk, name: str, *options: str) -> Said:
    return desk.run("model", "parent", "unlicensed", name, "--evidence", ADDRESS, *options)


def test_a_parent_of_the_ledger_is_recorded_with_its_weights(desk: Desk, unknown: Path) -> None:
    identity = desk.run("model", "add", MODELS / "a", "--json").json["identity"]
    said = parent(desk, "a", "--relation", "distilled", "--note", "told in the paper", "--json")
    edge = said.json["edge"]
    assert (edge["parent"], edge["parent_identity"]) == ("a", identity)
    assert (edge["relation"], edge["origin"], edge["child"]) == ("distilled", "human", "unlicensed")
    assert edge["evidence"]["locator"] == ADDRESS
    shown = desk.run("model", "show", "unlicensed").out
    assert "parent     distilled       a (by " in shown
    assert "told in the paper" in shown
    assert "unlicensed from a (distilled)" in desk.run("ledger", "log").out
    told = desk.run("model", "show", "unlicensed", "--json").json["edges"]
    assert [item["parent"] for item in told] == ["a"]


def test_a_parent_elsewhere_is_recorded_by_its_name(desk: Desk, unknown: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    for name, relation in (
        (f"org/base@{commit}", "finetune"),
        ("https://huggingface.co/org/other", "merge"),
        ("our chats of 2025", "dataset"),
    ):
        assert parent(desk, name, "--relation", relation, "--by", "Ann").code == 0
    edges = desk.run("model", "show", "unlicensed", "--json").json["edges"]
    assert [(e["parent"], e["revision"], e["relation"], e["by"]) for e in edges] == [
        ("org/base", commit, "finetune", "Ann"),
        ("org/other", None, "merge", "Ann"),
        ("our chats of 2025", None, "dataset", "Ann"),
    ]
    assert "org/base@0123456 (by Ann)" in desk.run("model", "show", "unlicensed").out


@pytest.mark.parametrize(
    ("name", "options", "code", "says"),
    [
        ("org/a", ["--relation", "finetuned"], 2, "did you mean finetune?"),
        ("org/a", ["--relation", "synthetic-data"], 2, "did you mean synthetic_data?"),
        ("org/a", ["--relation", "derived"], 2, "there is no relation"),
        ("unlicensed", ["--relation", "merge"], 2, "not made from itself"),
        ("unlicenced", ["--relation", "merge"], 5, "did you mean unlicensed?"),
        ("sha256:0123456789", ["--relation", "merge"], 5, "no such model"),
        ("/home/me/model", ["--relation", "merge"], 5, "no such model"),
        ("a\x1b[31m/b", ["--relation", "merge"], 2, "invisible signs"),
        ("org/a", ["--relation", "merge", "--by", " "], 2, "is empty"),
        ("org/a", ["--relation", "merge", "--evidence", ""], 2, "needs evidence"),
        ("org/a", [], 2, "relation"),
    ],
)
def test_a_parent_that_is_none_is_refused(
    desk: Desk, unknown: Path, name: str, options: list[str], code: int, says: str
) -> None:
    head = desk.head()
    said = parent(desk, name, *options)
    assert (said.code, desk.head()) == (code, head)
    assert says in said.err
    assert visible(said.err)


def test_add_records_parents_and_texts_once(desk: Desk) -> None:
    text = card("mit", "base_model: [org/x, org/y]", "datasets: org/data")
    recipe = "models: [{model: org/x}, {model: /home/me/z}]\nmerge_method: linear\n"
    folder = desk.copy("b", "told", README__md=text, mergekit_config__yml=recipe, LICENSE="words")
    first = desk.run("model", "add", folder, "--json").json
    assert [(e["parent"], e["relation"], e["origin"]) for e in first["edges"]] == [
        ("org/data", "dataset", "card"),
        ("org/x", "merge", "card"),
        ("org/x", "merge", "recipe"),
        ("org/y", "merge", "card"),
        ("z", "merge", "recipe"),
    ]
    assert len(first["texts"]) == 1
    head = desk.head()
    again = desk.run("model", "add", folder, "--json").json
    assert (again["edges"], again["texts"], desk.head()) == ([], [], head)
    shown = desk.run("model", "show", "told")
    assert "parent     merge           org/x (card)" in shown.out
    assert "parent     dataset         org/data (card)" in shown.out
    assert "made from" not in shown.out
    (line,) = [line for line in shown.out.splitlines() if " LICENSE " in line]
    assert line.endswith("kept")
    (paper,) = desk.run("model", "show", "told", "--json").json["texts"]
    assert (paper["path"], paper["size"], paper["kept"]) == ("LICENSE", 5, True)


def test_add_tells_of_parents_that_cannot_be_read(desk: Desk) -> None:
    folder = desk.copy("b", "broken", mergekit_config__yml="models: [")
    said = desk.run("model", "add", folder)
    assert said.code == 0
    assert "its parents count as unknown" in said.err


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
    config = json.dumps({"peft_type": "LORA", "base_model_name_or_path": "plain", "r": 1})
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
