"""The situations of cases.yml get the verdict that is written there, for every intent."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from evoreg.policies.context import Context
from evoreg.policies.decide import decide
from evoreg.policies.facts import SourceFacts
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.policy import Policy
from evoreg.policies.question import Question
from evoreg.provenance.records.decision import INTENTS, Decision, Verdict
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.license import LicenseClaim, Rider
from evoreg.provenance.records.model import Card, File, Model

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("cases.yml").read_text())

DEFAULT = {
    "mau": 20000,
    "annual_revenue_usd": 100000,
    "licensee_territory": "JP",
    "release_territory": ["WORLD"],
}


def _claim(model: Model, origin: str, says: str) -> LicenseClaim:
    fields = {"model": model.name, "identity": model.identity, "origin": origin}
    said = {"expression": says, "by": "test", "at": "2026-01-01T00:00:00Z"}
    return LicenseClaim.model_validate({**fields, **said})


def _texts(node: dict[str, Any]) -> tuple[tuple[str, bytes], ...]:
    if "pointer" in node:
        return (("LICENSE", f"The license is at {node['pointer']}\n".encode()),)
    if node.get("text") == "unread":
        return (("LICENSE", b"For personal use only, whoever wrote this."),)
    return (("LICENSE", _stand_in(node["text"]).encode()),) if "text" in node else ()


def _stand_in(key: str) -> str:
    return f"All the words of the licence that is known as {key}."


def source(node: dict[str, Any], number: int, under: Callable[..., SourceFacts]) -> SourceFacts:
    label = node.get("model", f"source-{number}")
    shared = {
        "share": node.get("share"),
        "used": node.get("share") != "0",
        "relation": node.get("relation", "merge"),
        "modality": node.get("modality", "text"),
        "ancestors": tuple(source(a, i, under) for i, a in enumerate(node.get("made_from", ()))),
    }
    if "terms" in node and "claims" not in node and "text" not in node:
        made = under(node["terms"], label, **shared)
        return replace(made, claims=(*made.claims, *_riders(made.model, node)))
    said = node.get("card", {})
    tags = (said["license"],) if said.get("license") else ()
    card = Card(license=tags, license_name=said.get("license_name"))
    weights = File(path="w.safetensors", size=8, digest=digest_of(label.encode()), role="weights")
    model = Model(name=label, origin="local", files=(weights,), card=card)
    claims = tuple(_claim(model, c["origin"], c["says"]) for c in node.get("claims", ()))
    return SourceFacts(label, model, texts=_texts(node), claims=claims, **shared)


def _riders(model: Model, node: dict[str, Any]) -> tuple[LicenseClaim, ...]:
    if "riders" not in node:
        return ()
    said = tuple(Rider(**rider) for rider in node["riders"])
    return (_claim(model, "human", "").model_copy(update={"riders": said}),)


@pytest.fixture(scope="module")
def decisions(
    knowledge: Knowledge, under: Callable[..., SourceFacts]
) -> dict[str, dict[str, Decision]]:
    keys = {node["text"] for case in CASES for node in case["sources"] if "text" in node}
    rows = [row for key in sorted(keys) if (row := knowledge.by_key(key)) is not None]
    book = knowledge
    for row in rows:
        book = book.with_texts({row.expression: _stand_in(row.key)})
    return {case["id"]: judge(case, book, under) for case in CASES}


def _declared(case: dict[str, Any]) -> Card | None:
    said = case.get("declared")
    if said is None:
        return None
    return Card(license=(said["license"],), license_name=said.get("license_name"))


def judge(
    case: dict[str, Any], book: Knowledge, under: Callable[..., SourceFacts]
) -> dict[str, Decision]:
    facts = {**DEFAULT, **case.get("context", {})}
    facts["release_territory"] = tuple(facts["release_territory"])
    sources = [source(node, i, under) for i, node in enumerate(case["sources"])]
    return {
        intent: decide(
            sources,
            Question(
                intent,
                Policy(**case.get("policy", {})),
                Context(**facts),
                case.get("name"),
                case.get("own", ""),
                _declared(case),
            ),
            book,
        )
        for intent in INTENTS
    }


def test_every_situation_is_there() -> None:
    assert len({case["id"] for case in CASES}) == len(CASES) == 45


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_verdicts_reasons_and_outbound(
    case: dict[str, Any], decisions: dict[str, dict[str, Decision]], plain: Knowledge
) -> None:
    made = decisions[case["id"]]
    assert {intent: made[intent].verdict.value for intent in INTENTS} == case["verdicts"]
    names = {reason.name for decision in made.values() for reason in decision.reasons}
    assert set(case.get("reasons", ())) <= names
    if case["verdicts"]["commercial"] != "block" and "outbound" in case:
        assert made["commercial"].outbound.split(" AND ") == case["outbound"]
    for decision in made.values():
        if "outbound" in case:
            assert sorted(decision.outbound.split(" AND ")) == case["outbound"]
    owing = [d for d in made.values() if d.verdict == Verdict.ATTRIBUTE]
    wanted = {_owed(item, plain) for item in case.get("obligations", ())}
    if wanted:
        owed = {(o.kind, o.license) for d in owing for o in d.obligations}
        assert wanted <= owed


def _owed(item: str, plain: Knowledge) -> tuple[str, str]:
    kind, _, key = item.partition(":")
    row = plain.by_key(key)
    return kind, row.expression if row is not None else ""


def test_allowed_means_that_nothing_is_owed(decisions: dict[str, dict[str, Decision]]) -> None:
    every = [d for made in decisions.values() for d in made.values()]
    assert any(d.verdict == Verdict.ALLOW for d in every)
    assert all(not d.obligations for d in every if d.verdict == Verdict.ALLOW)
    assert all(d.obligations for d in every if d.verdict == Verdict.ATTRIBUTE)
