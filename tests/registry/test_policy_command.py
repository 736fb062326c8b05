"""`evoreg policy`, and where the policy of a command comes from."""

import json
from pathlib import Path

import pytest

from evoreg.policies.context import Context
from evoreg.policies.reading.read import LARGEST
from evoreg.policies.reading.shipped import SHIPPED, shipped
from evoreg.provenance.records.errors import InputError, PolicyError, UsageError
from evoreg.registry.cli import asked
from evoreg.registry.policy import POLICY, load_policy, policy_source
from tests.registry.desk import Desk

OURS = """version: 1
intents: [research]
licenses:
  research: {allow: [permissive], attribute: [llama3.1], review: [rail]}
exceptions:
  - {model: org/m@0123456, allow: [msrl], intents: [research], reason: told, approved-by: jo,
     expires: 2001-01-31}
rules: [{id: law, when: source.license.governing_law == "California", then: review}]
tests:
  - {name: simple, sources: [{license: mit}], expect: {research: attribute}}
"""


# Where it comes from ----------------------------------------------------------------------------


def test_the_first_that_is_there_is_taken(tmp_path: Path) -> None:
    environment = {"EVOREG_POLICY": "research"}
    assert load_policy(None, {}, tmp_path).policy.name == "default"
    (tmp_path / POLICY).write_text(OURS)
    found = load_policy(None, {}, tmp_path)
    assert (found.policy.name, found.file) == ("evoreg-policy", POLICY)
    assert load_policy(None, environment, tmp_path).policy.name == "research"
    assert load_policy("company", environment, tmp_path).policy.name == "company"
    (tmp_path / "company").write_text(OURS)
    assert load_policy("company", {}, tmp_path) == shipped("company")
    assert load_policy("./company", {}, tmp_path).file == "./company"
    assert load_policy(str(tmp_path / POLICY), {}, Path("/")).policy.name == "evoreg-policy"


def test_who_chose_it_is_told(tmp_path: Path) -> None:
    assert policy_source("x", {"EVOREG_POLICY": "y"}, tmp_path).why == "--policy"
    assert policy_source(None, {"EVOREG_POLICY": "y"}, tmp_path).why == "EVOREG_POLICY"
    assert policy_source(None, {}, tmp_path).why == "nobody chose another"


@pytest.mark.parametrize(("name", "environment"), [(" ", {}), (None, {"EVOREG_POLICY": ""})])
def test_an_empty_name_is_refused(
    name: str | None, environment: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="is empty"):
        load_policy(name, environment, tmp_path)


def test_a_policy_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no policy 'compny'.*did you mean 'company'"):
        load_policy("compny", {}, tmp_path)
    with pytest.raises(UsageError, match="from EVOREG_POLICY"):
        load_policy(None, {"EVOREG_POLICY": "folder/p.yml"}, tmp_path)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a file"):
        load_policy(".", {}, tmp_path)
    (tmp_path / "p.yml").write_bytes(b"version: \xff")
    with pytest.raises(InputError, match="not UTF-8"):
        load_policy("p.yml", {}, tmp_path)
    (tmp_path / "p.yml").write_bytes("é".encode() * LARGEST)
    with pytest.raises(PolicyError, match="larger than 1024 KiB"):
        load_policy("p.yml", {}, tmp_path)


# What was asked ---------------------------------------------------------------------------------


def test_the_first_intent_of_the_policy_is_meant_if_none_is_given() -> None:
    assert asked.intent(None, shipped("research")) == "research"
    assert asked.intent("hosted", shipped("research")) == "hosted"
    assert asked.intent(None) == "commercial"
    with pytest.raises(UsageError, match="no intent 'x'"):
        asked.intent("x", shipped("default"))


def test_options_say_otherwise_than_the_file() -> None:
    base = Context(kind="company", mau=5, annual_revenue_usd=7, licensee_territory="JP")
    assert asked.context(None, None, None, None, base) == Context(
        kind="company", mau=5, annual_revenue_usd=7, licensee_territory="JP",
        release_territory=("WORLD",),
    )  # fmt: skip
    other = Context(release_territory=("JP",))
    assert asked.context(0, 0, "UK", None, other) == Context(
        mau=0, annual_revenue_usd=0, licensee_territory="UK", release_territory=("JP",)
    )
    assert asked.context(None, None, None, ["EU"], other).release_territory == ("EU",)
    assert asked.context(None, None, None, []).release_territory == ("WORLD",)


@pytest.mark.parametrize("code", ["XX", "jp", "JPN", "", "world"])
def test_what_is_no_place_is_refused(code: str) -> None:
    with pytest.raises(UsageError, match="--domicile"):
        asked.context(None, None, code, None)
    with pytest.raises(UsageError, match="--territory"):
        asked.context(None, None, None, ["JP", code])


# The commands -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHIPPED)
def test_show_tells_switches_and_lists(desk: Desk, name: str) -> None:
    said = desk.run("policy", "show", name)
    assert said.code == 0
    assert said.out.startswith(f"Policy {name}\n")
    assert f"{name}.yml (comes with evoreg)" in said.out
    assert "improve-other-models" in said.out
    found = desk.run("policy", "show", name, "--json").json
    assert found["schema"] == "evoreg/policy/1"
    assert found["policy"] == shipped(name).policy.to_json()
    assert found["digest"] == shipped(name).policy.record_digest()


def test_show_tells_what_a_file_adds(desk: Desk) -> None:
    desk.path(POLICY).write_text(OURS)
    said = desk.run("policy", "show").out
    assert "the working folder" in said
    assert "msrl for research, expired on 2001-01-31: told (approved by jo)" in " ".join(
        said.split()
    )
    assert "law" in said
    assert desk.run("policy", "show", "--json").json["expired"] == ["org/m@0123456"]


def test_errors_of_a_file_are_told_together(desk: Desk) -> None:
    desk.path(POLICY).write_text("version: 1\nunknwon: block\nlicenses: {hosted: {allow: [x]}}\n")
    said = desk.run("policy", "show")
    assert said.code == 2
    assert "error[EVO-P003]: unknown key 'unknwon'\n  --> evoreg-policy.yml:2:1\n" in said.err
    assert "evoreg-policy.yml:3:29" in said.err
    assert "did you mean 'unknown'?" in said.err
    errors = desk.run("policy", "show", "--json").json["errors"]
    assert [error["where"] for error in errors] == [f"{POLICY}:2:1", f"{POLICY}:3:29"]


def test_explain_tells_the_terms_and_every_verdict(desk: Desk) -> None:
    said = desk.run("policy", "explain", "llama3.1", "--users", "5")
    assert said.code == 0
    assert said.out.startswith("Llama 3.1 Community License Agreement 2024-07-23\n")
    for words in ("700,000,000", "governing law", "California", "name prefix", "Built with Llama"):
        assert words in said.out
    found = desk.run("policy", "explain", "llama3.1", "--users", "5", "--json").json
    assert found["license"]["key"] == "llama3.1"
    verdicts = {name: item["decision"]["verdict"] for name, item in found["intents"].items()}
    assert verdicts == {"research": "attribute", "commercial": "attribute", "hosted": "attribute"}
    assert found["intents"]["commercial"]["list"] == "allow"


@pytest.mark.parametrize(
    ("policy", "users", "verdict", "place", "reason"),
    [
        ("default", 800_000_000, "block", "allow", "MAU_THRESHOLD"),
        ("default", None, "review", "allow", "THRESHOLD_CONTEXT_MISSING"),
        ("permissive-only", 5, "block", None, "LICENSE_NOT_LISTED"),
        ("company", 5, "review", "review", "LICENSE_LISTED"),
    ],
)
def test_explain_asks_the_policy(
    desk: Desk, policy: str, users: int | None, verdict: str, place: str | None, reason: str
) -> None:
    more = () if users is None else ("--users", str(users))
    said = desk.run("policy", "explain", "llama3.1", "--policy", policy, *more, "--json").json
    told = said["intents"]["commercial"]
    assert (told["decision"]["verdict"], told["list"]) == (verdict, place)
    assert reason in {item["name"] for item in told["decision"]["reasons"]}


@pytest.mark.parametrize("name", ["Apache-2.0", "apache-2.0", "APACHE-2.0"])
def test_explain_finds_a_licence_by_any_of_its_names(desk: Desk, name: str) -> None:
    assert desk.run("policy", "explain", name, "--json").json["license"]["key"] == "apache-2.0"


def test_explain_of_a_name_that_is_unknown_or_ambiguous(desk: Desk) -> None:
    said = desk.run("policy", "explain", "apache")
    assert said.code == 2
    assert "unknown licence 'apache'" in said.err
    several = desk.run("policy", "explain", "exaone")
    assert several.code == 2
    assert "stands for several licences" in several.err
    assert "exaone-1.1-nc (" in several.err


def test_the_rules_of_a_house_are_asked(desk: Desk) -> None:
    desk.path(POLICY).write_text(OURS)
    said = desk.run("policy", "explain", "llama3.1", "--users", "5", "--json").json
    told = said["intents"]["research"]["decision"]
    assert told["verdict"] == "review"
    assert "HOUSE_RULE" in {item["name"] for item in told["reasons"]}


def test_test_tries_the_cases(desk: Desk) -> None:
    desk.path(POLICY).write_text(OURS)
    said = desk.run("policy", "test", POLICY, "company")
    assert said.code == 0
    assert "simple" in said.out
    assert "1 of 1 tests passed" in said.out
    desk.path(POLICY).write_text(OURS.replace("research: attribute}", "research: allow}"))
    failed = desk.run("policy", "test")
    assert failed.code == 4
    assert "research: expected allow, got attribute" in failed.out
    assert "0 of 1 tests passed" in failed.out
    found = desk.run("policy", "test", "--json")
    assert (found.code, found.json["ok"], found.json["exit_code"]) == (4, False, 4)
    (test,) = found.json["policies"][0]["tests"]
    assert test["expected"] == {"research": "allow"}
    assert test["verdicts"] == {"research": "attribute"}


def test_one_bad_file_does_not_keep_the_others_from_being_tried(desk: Desk) -> None:
    desk.path("bad.yml").write_text("version: 1\nlicences: {}\n")
    desk.path("none.yml").write_text("version: 1\nlicenses: {research: {allow: [mit]}}\n")
    said = desk.run("policy", "test", "bad.yml", "absent.yml", "company", "none.yml")
    assert said.code == 2
    assert "tests passed" in said.out
    assert "it carries no tests" in said.out
    assert "bad.yml:2:1" in said.err
    assert "absent.yml" in said.err
    told = desk.run("policy", "test", "bad.yml", "company", "--json")
    assert (told.code, told.json["schema"]) == (2, "evoreg/error/1")


def test_foreign_words_do_not_reach_the_terminal_as_they_are(desk: Desk) -> None:
    rows = json.dumps({"id": "a", "when": "true", "then": "block", "message": "[bold]x[/bold]"})
    desk.path(POLICY).write_text(f"{OURS.split('rules:')[0]}rules: [{rows}]\n")
    assert desk.run("policy", "show").code == 0
    told = desk.run("policy", "explain", "mit").out
    assert "[bold]x[/bold]" in told
