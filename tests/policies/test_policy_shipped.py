"""The policies that come with evoreg, and what the documentation says about policy files."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from docs.schemas import generate_policy
from evoreg.policies.house import PLACES
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.policy import EVERYTHING, Policy
from evoreg.policies.reading.keys import paths
from evoreg.policies.reading.read import PolicyFile, read_policy
from evoreg.policies.reading.shipped import SHIPPED, shipped
from evoreg.policies.reading.trial import run_tests
from evoreg.provenance.records.decision import INTENTS, Verdict

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "policy.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SCHEMA = json.loads(generate_policy.PAGE.read_text("utf-8"))
FILES = [(ROOT / "policies" / f"{name}.yml").read_text("utf-8") for name in SHIPPED]


@pytest.fixture(scope="module")
def files(plain: Knowledge) -> dict[str, PolicyFile]:
    return {name: shipped(name, plain) for name in SHIPPED}


def test_the_default_is_the_policy_of_a_house_that_wrote_none(files: dict[str, Any]) -> None:
    assert files["default"].policy == Policy.default()
    assert files["default"].policy.record_digest() == Policy.default().record_digest()
    assert files["default"].intents == ("commercial",)


def test_every_policy_file_is_listed_and_named(files: dict[str, PolicyFile]) -> None:
    assert sorted(path.stem for path in (ROOT / "policies").glob("*.yml")) == sorted(SHIPPED)
    assert [found.policy.name for found in files.values()] == list(SHIPPED)
    assert [found.file for found in files.values()] == [
        f"{name}.yml (comes with evoreg)" for name in SHIPPED
    ]


@pytest.mark.parametrize("name", SHIPPED)
def test_its_own_cases_pass(name: str, files: dict[str, PolicyFile], plain: Knowledge) -> None:
    found = files[name]
    outcomes = run_tests(found.tests, found.policy, plain)
    assert len(outcomes) >= 4
    assert {outcome.test.name: outcome.differences for outcome in outcomes} == {
        test.name: () for test in found.tests
    }


def test_a_case_that_is_decided_otherwise_is_told(
    files: dict[str, PolicyFile], plain: Knowledge
) -> None:
    found = files["company"]
    (first, *_) = found.tests
    wrong = first.model_copy(
        update={"expect": {"commercial": Verdict.BLOCK}, "reasons": ("NAME_RULE", "DUTIES_OWED")}
    )
    (outcome,) = run_tests([wrong], found.policy, plain)
    assert outcome.differences == (
        "commercial: expected block, got attribute",
        "the reason NAME_RULE was not given",
    )


def test_permissive_only_lists_three_classes_for_every_intent(files: dict[str, PolicyFile]) -> None:
    policy = files["permissive-only"].policy
    assert set(policy.licenses) == set(INTENTS)
    for listing in policy.licenses.values():
        assert set(listing.allow) == {"permissive", "public-domain", "attribution"}
        assert not listing.attribute
        assert not listing.review


def test_research_is_for_research_alone(files: dict[str, PolicyFile]) -> None:
    assert files["research"].intents == ("research",)
    assert list(files["research"].policy.licenses) == ["research"]


def test_a_company_never_takes_what_is_not_commercial(files: dict[str, PolicyFile]) -> None:
    policy = files["company"].policy
    for listing in policy.licenses.values():
        listed = {*listing.allow, *listing.attribute, *listing.review}
        assert not listed & {"nc", "nc-sa", "nc-nd", "nd", "research", "copyleft-network"}
        assert "community" in listing.review
    assert (policy.max_kb_age_days, policy.min_kb_confidence) == (180, "high")


def test_a_stricter_policy_never_decides_better(
    files: dict[str, PolicyFile], plain: Knowledge
) -> None:
    cases = [test for found in files.values() for test in found.tests]
    asked = [test.model_copy(update={"expect": dict.fromkeys(INTENTS, Verdict.ALLOW)})
             for test in cases]  # fmt: skip
    mild = run_tests(asked, files["default"].policy, plain)
    for name in ("permissive-only", "company"):
        for strict, loose in zip(run_tests(asked, files[name].policy, plain), mild, strict=True):
            for intent in INTENTS:
                assert strict.verdicts[intent].severity >= loose.verdicts[intent].severity


def test_an_exception_can_be_tried_before_and_after_its_end(plain: Knowledge) -> None:
    text = """
version: 1
licenses: {research: {allow: [research]}}
exceptions:
  - {model: org/m@0123456, allow: [msrl], intents: [research], reason: told, approved-by: jo,
     expires: 2027-01-31}
tests:
  - name: others
    sources: [{license: msrl, model: org/other@0123456}]
    expect: {research: block}
  - name: named, with more digits of the commit
    sources: [{license: msrl, model: org/m@0123456789}]
    expect: {research: attribute}
  - name: the last day
    sources: [{license: msrl, model: org/m@0123456}]
    expect: {research: attribute}
    today: 2027-01-31
  - name: over
    sources: [{license: msrl, model: org/m@0123456}]
    expect: {research: block}
    reasons: [PERMISSION_EXPIRED]
    today: 2027-02-01
"""
    found = read_policy(text, "p.yml")
    outcomes = run_tests(found.tests, found.policy, plain)
    assert [outcome.differences for outcome in outcomes] == [()] * 4


# Documentation ----------------------------------------------------------------------------------


def told() -> list[tuple[str, ...]]:
    """Return the rows of the tables of keys."""
    tables = re.findall(r"^\| key \| value .*\n\|---.*\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [
        tuple(cell.strip() for cell in line.strip("|").split(" | "))
        for table in tables
        for line in table.splitlines()
    ]


def test_every_key_is_documented_and_no_other() -> None:
    assert sorted(row[0] for row in told()) == sorted(f"`{path}`" for path, _ in paths())


def test_keys_are_told_with_values_defaults_and_effects() -> None:
    rows = {row[0].strip("`"): row[1:] for row in told()}
    defaults = Policy.default().to_json()
    for path, key in paths():
        value, default, effect = rows[path]
        assert effect == key.meaning
        assert (default == "required") == key.required
        if key.kind in ("choice", "choices") and key.name != "reasons":
            assert re.findall(r"`([^`]+)`", value) == list(key.values)
        if key.kind == "choice" and path.replace("-", "_") in defaults:
            assert default == f"`{defaults[path.replace('-', '_')]}`"


def test_classes_and_places_of_messages_are_told() -> None:
    assert all(f"`{name}`" in PAGE for name in EVERYTHING)
    assert all(f"`{name}`" in PAGE for name in PLACES if "." not in name)
    assert all(f"`{name}`" in PAGE for name in SHIPPED)


def written(value: object, before: str = "") -> set[str]:
    """Return the dotted paths of all keys of a document."""
    if isinstance(value, list):
        return {path for item in value for path in written(item, f"{before}[]")}
    if not isinstance(value, dict):
        return set()
    found = set()
    for key, item in value.items():
        path = f"{before}.{key}" if before else key
        found |= {path} | written(item, path)
    return found


def test_the_examples_are_read_and_show_every_key(plain: Knowledge) -> None:
    assert len(EXAMPLES) >= 8
    for text in EXAMPLES:
        found = read_policy(text, "docs/policy.md", knowledge=plain)
        outcomes = run_tests(found.tests, found.policy, plain)
        assert [outcome.differences for outcome in outcomes] == [()] * len(outcomes)
    shown = {path for text in EXAMPLES for path in written(yaml.safe_load(text))}
    lists = {path for path, _ in paths() if re.fullmatch(r"licenses\.\w+\.\w+", path)}
    deep = {path for path, _ in paths() if path.startswith("tests[].context.")}
    assert {path for path, _ in paths()} - lists - deep <= shown


def test_the_schema_is_that_of_the_table() -> None:
    assert generate_policy.PAGE.read_text("utf-8") == generate_policy.page()
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


class _Plain(yaml.SafeLoader):
    """YAML as editors read it: days and words such as NO are texts."""


_Plain.yaml_implicit_resolvers = {
    sign: [(tag, rule) for tag, rule in rules if not tag.endswith((":timestamp", ":bool"))]
    for sign, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@pytest.mark.parametrize("text", [*FILES, *EXAMPLES])
def test_the_schema_takes_what_the_reader_takes(text: str) -> None:
    jsonschema.validate(yaml.load(text, _Plain), SCHEMA)


@pytest.mark.parametrize(
    "change",
    [{"version": 2}, {"unknown": "allow"}, {"unknwon": "block"}, {"intents": ["x"]},
     {"exceptions": [{}]}, {"context": {"organisation": {"domicile": "XX"}}}, {"licenses": None}],
)  # fmt: skip
def test_the_schema_refuses_what_the_reader_refuses(change: dict[str, Any]) -> None:
    least = {"version": 1, "licenses": {"commercial": {"allow": ["mit"]}}}
    jsonschema.validate(least, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**least, **change}, SCHEMA)
