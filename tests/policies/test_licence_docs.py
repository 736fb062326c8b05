"""The documentation names every code, rule, switch, fact and obligation, and no other."""

import re
from pathlib import Path
from typing import get_args

from evoreg.policies.codes import NUMBERS, RESERVED, Finding
from evoreg.policies.context import Context, Policy
from evoreg.provenance.records.decision import INTENTS, Obligation, Verdict

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
CODE = "\n".join(
    path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "policies").glob("*.py"))
    if path.name != "codes.py"
)


def rows() -> list[str]:
    """Return the first column of all tables, without quotes."""
    lines = [line for line in TEXT.splitlines() if line.startswith("| ")]
    return [line.split("|")[1].strip().strip("`") for line in lines]


def test_every_code_is_documented_and_no_other() -> None:
    told = re.findall(r"^\| (EVL\d{3}) \| ([A-Z_]+) \|", TEXT, re.MULTILINE)
    assert told == [(NUMBERS[finding], finding.value) for finding in Finding]
    assert len({number for number, _ in told}) == len(Finding)


def test_codes_are_reported_unless_they_are_reserved() -> None:
    silent = {finding for finding in Finding if f"Finding.{finding.value}" not in CODE}
    assert silent == RESERVED
    reserved = re.findall(r"^\| EVL\d{3} \| ([A-Z_]+) \|.*reserved:", TEXT, re.MULTILINE)
    assert set(reserved) == {finding.value for finding in RESERVED}


def test_every_rule_is_documented() -> None:
    assert re.findall(r"^\*\*Rule (\d+)\.", TEXT, re.MULTILINE) == [str(n) for n in range(1, 16)]


def test_switches_facts_verdicts_intents_and_obligations_are_documented() -> None:
    kinds = get_args(Obligation.model_fields["kind"].annotation)
    verdicts = [verdict.value for verdict in Verdict]
    names = (*Policy.model_fields, *Context.model_fields, *kinds, *verdicts, *INTENTS)
    assert set(names) <= set(rows())


def test_defaults_are_told_as_they_are() -> None:
    for name, value in Policy.default().to_json().items():
        assert re.search(rf"^\| `{name}` \| .* \| `{value}` \|$", TEXT, re.MULTILINE)
