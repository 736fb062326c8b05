"""The reports of `evoreg check` for programs: they fit their schemas and lose nothing."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from evoreg.policies.codes import NUMBERS, Finding
from evoreg.policies.context import Context
from evoreg.policies.knowledge.book import load
from evoreg.policies.policy import Policy
from evoreg.provenance.records.decision import INTENTS, Verdict
from evoreg.registry.checking.checked import Request
from evoreg.registry.checking.rules import MEANINGS
from evoreg.registry.checking.targets import check_target
from evoreg.registry.settings import settings_from
from tests.registry.desk import Desk, card, linear, model

ROOT = Path(__file__).parents[2]
CHECK = json.loads((ROOT / "docs" / "schemas" / "check.json").read_text("utf-8"))
SARIF = json.loads(
    (Path(__file__).parent / "schemas" / "sarif-2.1.0-rtm.5.json").read_text("utf-8")
)


def test_the_schema_is_up_to_date() -> None:
    place = ROOT / "docs" / "schemas" / "generate.py"
    spec = importlib.util.spec_from_file_location("schemas_generate", place)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert made.page() == (ROOT / "docs" / "schemas" / "check.json").read_text("utf-8")
    jsonschema.Draft202012Validator.check_schema(CHECK)


def test_every_finding_has_a_meaning() -> None:
    assert list(MEANINGS) == list(Finding) == list(NUMBERS)
    assert all(text.endswith(".") for text in MEANINGS.values())


@pytest.fixture
def targets(desk: Desk) -> list[str]:
    """A bit of everything: a recipe, a merged folder without a paper, models, what is not there."""
    for name, licence in (("asks", "llama3.1"), ("never", "cc-by-nc-4.0"), ("nobody", None)):
        desk.copy("b", name, README__md=card(licence))
    desk.path("some recipes").mkdir()
    desk.recipe(linear(model("a", weight=1), model("b", weight=1)), "plain.yml")
    text = "merge_method: linear\nmodels:\n- model: never\n  parameters: {weight: 1}\n"
    text += "- model: asks\n  parameters: {weight: 1}\n"
    desk.recipe(text, "some recipes/merge.yml")
    assert desk.run("merge", "plain.yml", "out").code == 0
    (desk.path("out") / "NOTICE").unlink()
    return ["some recipes/merge.yml", "plain.yml", "out", "asks", "never", "nobody", "absent.yml"]


def test_json_fits_its_schema(desk: Desk, targets: list[str]) -> None:
    validator = jsonschema.Draft202012Validator(CHECK)
    for options in ([], ["--all-intents"], ["--intent", "hosted", "--users", "1"]):
        said = desk.run("check", *targets, "--json", *options)
        assert (said.code, said.err) == (said.json["exit_code"], "")
        validator.validate(said.json)
    for target in targets[:-1]:
        validator.validate(desk.run("check", target, "--json").json)


def test_json_has_everything(desk: Desk, targets: list[str]) -> None:
    document = desk.run("check", *targets, "--json", "--all-intents").json
    found = {item["target"]: item for item in document["targets"]}
    assert list(found) == targets
    merge = found["some recipes/merge.yml"]
    assert [item["intent"] for item in merge["intents"]] == ["research", "commercial", "hosted"]
    assert (merge["tensors"], merge["bytes"], merge["stages"]) == (39, 238_720, [])
    assert found["plain.yml"]["card_fields"] == {
        "license": "apache-2.0",
        "license_name": None,
        "license_link": None,
    }
    assert [item["where"] for item in found["out"]["missing"]] == ["NOTICE"]
    decision = merge["intents"][1]["decision"]
    assert decision["policy"] == document["policy"]["digest"]
    assert decision["knowledge"] == document["knowledge"]["digest"]


def results(document: dict[str, Any]) -> list[dict[str, Any]]:
    (run,) = document["runs"]
    found: list[dict[str, Any]] = run["results"]
    return found


def test_sarif_fits_its_schema(desk: Desk, targets: list[str]) -> None:
    said = desk.run("check", *targets, "--format", "sarif")
    assert (said.code, said.err) == (3, "")
    jsonschema.Draft4Validator(SARIF, format_checker=jsonschema.FormatChecker()).validate(said.json)
    desk.patch.chdir(desk.path("some recipes"))
    outside = desk.run("check", "../never", "--format", "sarif").json
    jsonschema.Draft4Validator(SARIF, format_checker=jsonschema.FormatChecker()).validate(outside)
    place = results(outside)[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert place.startswith("file:///")
    assert place.endswith("/never/README.md")


def test_sarif_shows_each_finding_at_its_place(desk: Desk, targets: list[str]) -> None:
    document = desk.run("check", *targets, "--format", "sarif").json
    (run,) = document["runs"]
    driver = run["tool"]["driver"]
    rules = {rule["id"]: rule for rule in driver["rules"]}
    assert driver["name"] == "evoreg"
    assert rules["EVL104"]["name"] == "CommercialUseForbidden"
    assert rules["EVL104"]["defaultConfiguration"] == {"level": "error"}
    assert {item["ruleId"] for item in results(document)} == set(rules)
    banned = next(item for item in results(document) if item["ruleId"] == "EVL104")
    place = banned["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "some%20recipes/merge.yml"}
    assert (place["region"]["startLine"], place["region"]["startColumn"]) == (3, 10)
    assert (banned["level"], banned["properties"]["license"]) == ("error", "cc-by-nc-4.0")
    assert banned["properties"]["path"] == ["merge", "never"]
    assert banned["properties"]["fixes"]
    paper = next(item for item in results(document) if item["ruleId"] == "EVO-V002")
    assert paper["level"] == "warning"
    assert "NOTICE" in paper["message"]["text"]
    (invocation,) = run["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 3)
    notes = invocation["toolExecutionNotifications"]
    assert [note["descriptor"]["id"] for note in notes if note["level"] == "error"] == ["EVO-I001"]
    prints = [item["partialFingerprints"]["evoreg/1"] for item in results(document)]
    assert len(set(prints)) == len(prints)


def test_a_clean_target_has_no_results(desk: Desk) -> None:
    desk.copy("a", "free", README__md=card("mit"))
    document = desk.run("check", "free", "--format", "sarif").json
    assert results(document) == []
    assert document["runs"][0]["properties"] == {"verdict": "attribute"}


def test_reports_are_the_same_again(desk: Desk, targets: list[str]) -> None:
    few = ("asks", "out", "absent.yml")
    for form in ("json", "sarif", "markdown"):
        one, two = (desk.run("check", *few, "--format", form).out for _ in range(2))
        assert one == two


def test_whatever_stops_a_release_has_a_way_on(desk: Desk) -> None:
    """Over all licences that the knowledge base has, as a card would name them."""
    settings = settings_from({}, desk.folder, offline=True)
    request = Request(INTENTS, Policy.default(), Context(kind="company"), "x", today="2026-11-22")
    folder = desk.copy("a", "mine")
    tags = sorted({row.tag for row in load().rows if row.tag} | {"nonsense", "other"})
    seen: set[str] = set()
    for tag in tags:
        (folder / "README.md").write_text(card(tag, "base_model: org/unseen"))
        for decision in check_target("mine", request, settings).decisions:
            for reason in decision.reasons:
                if reason.effect in (Verdict.REVIEW, Verdict.BLOCK):
                    assert any(fix.strip() for fix in reason.fixes), (tag, reason)
                    seen.add(reason.name)
    assert len(seen) > 12
