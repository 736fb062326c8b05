"""The documentation names every code, rule, switch, fact and obligation, and no other."""

import re
from pathlib import Path
from typing import get_args

from evoreg.policies.codes import NUMBERS, Finding
from evoreg.provenance.records.decision import INTENTS, Obligation, Verdict
from evoreg.provenance.records.lineage import Relation

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "licensing.md").read_text(encoding="utf-8")
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


def test_every_code_is_reported_somewhere() -> None:
    assert not {finding for finding in Finding if f"Finding.{finding.value}" not in CODE}


def test_every_rule_is_documented() -> None:
    assert re.findall(r"^\*\*Rule (\d+)\.", TEXT, re.MULTILINE) == [str(n) for n in range(1, 17)]


def test_verdicts_intents_relations_and_obligations_are_documented() -> None:
    kinds = get_args(Obligation.model_fields["kind"].annotation)
    verdicts = [verdict.value for verdict in Verdict]
    told = {name for row in rows() for name in re.split(r"[`, ]+", row)}
    assert {*kinds, *verdicts, *INTENTS, *get_args(Relation)} <= told
