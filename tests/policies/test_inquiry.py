"""Inquiries: a decision that is made again from what was written down is the same decision."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from evoreg.policies.context import Context
from evoreg.policies.decide import decide
from evoreg.policies.facts import SourceFacts, Unseen
from evoreg.policies.inquiry import (
    inquiry_digest,
    inquiry_from,
    inquiry_json,
    inquiry_texts,
    texts_of,
)
from evoreg.policies.inquiry_form import SCHEMA
from evoreg.policies.knowledge.book import Knowledge, load
from evoreg.policies.policy import Policy
from evoreg.policies.question import Question
from evoreg.provenance.records.canonical import from_canonical, to_canonical
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.errors import Code, InputError, VerificationError
from evoreg.provenance.records.model import Card
from tests.policies.lineages import TEXTS, claim, lineages, model, questions


@settings(max_examples=150)
@given(lineages((*TEXTS, b"\xff\xfe")), questions)
def test_a_decision_can_be_made_again(sources: list[SourceFacts], question: Question) -> None:
    knowledge = load()
    value = inquiry_json(sources, question, knowledge)
    told = from_canonical(to_canonical(value))
    assert isinstance(told, dict)
    asked = inquiry_from(told, texts_of(sources))
    assert decide(asked.sources, asked.question, knowledge) == decide(sources, question, knowledge)
    assert asked.question == question
    assert inquiry_json(asked.sources, asked.question, knowledge) == value
    assert set(inquiry_texts(told)) == set(texts_of(sources))
    assert (asked.knowledge, asked.version, asked.date) == (
        knowledge.digest,
        knowledge.version,
        knowledge.date,
    )


def question() -> Question:
    return Question("commercial", Policy.default(), Context(), today="2026-11-22")


def written(sources: Sequence[SourceFacts], knowledge: Knowledge) -> dict[str, Any]:
    return inquiry_json(sources, question(), knowledge)


def facts(name: str = "m", **changes: Any) -> SourceFacts:
    return SourceFacts(name, model(name, "mit"), **changes)


def test_a_diamond_stays_a_diamond(plain: Knowledge) -> None:
    top = facts("top")
    left, right = facts("left", ancestors=(top,)), facts("right", ancestors=(top,))
    value = written([left, right], plain)
    assert len(value["nodes"]) == 3
    found = inquiry_from(value, {}).sources
    assert found[0].ancestors[0] is found[1].ancestors[0]


def test_equal_models_that_are_two_nodes_stay_two(plain: Knowledge) -> None:
    one, two = facts(), facts()
    value = written([one, two, one], plain)
    assert (len(value["nodes"]), len(value["models"]), value["sources"]) == (2, 1, [0, 1, 0])


def test_a_long_chain_and_a_lattice_are_written_once(plain: Knowledge) -> None:
    """Ten thousand generations do not recurse, and 2**60 paths are 120 models."""
    chain = facts("0")
    for number in range(1, 10_000):
        chain = SourceFacts(str(number), chain.model, ancestors=(chain,))
    value = written([chain], plain)
    assert (len(value["nodes"]), len(value["models"])) == (10_000, 1)
    assert inquiry_from(value, {}).sources[0].label == "9999"
    pair = (facts("a"), facts("b"))
    for _ in range(59):
        pair = (facts("a", ancestors=pair), facts("b", ancestors=pair))
    assert len(written(pair, plain)["nodes"]) == 120


def test_every_fact_changes_the_digest(plain: Knowledge) -> None:
    """Whatever `decide` may look at is covered."""
    base, asked = facts(), question()
    other = [
        replace(base, label="n"),
        replace(base, model=model("m", "apache-2.0")),
        replace(base, texts=(("LICENSE", b"x"),)),
        replace(base, texts=(("LICENSE", b"y"),)),
        replace(base, unread=(("LICENSE", digest_of(b"x")),)),
        replace(base, claims=(claim(base.model, "mit", rider=False),)),
        replace(base, claims=(claim(base.model, "mit", rider=True),)),
        replace(base, share="0.500000000"),
        replace(base, relation="finetune"),
        replace(base, ancestors=(facts("n"),)),
        replace(base, unseen=(Unseen("n", "merge", "so"),)),
        replace(base, used=False),
        replace(base, modality="text"),
        replace(base, adapter=facts("n")),
    ]
    # What `parts` fills in while a decision is made is no fact of its own.
    assert set(SourceFacts.__slots__) - {"about_pair"} == {
        *("label", "model", "texts", "unread", "claims", "share", "relation"),
        *("ancestors", "unseen", "used", "modality", "adapter"),
    }
    found = {inquiry_digest(inquiry_json([one], asked, plain)) for one in (base, *other)}
    questions = [
        replace(asked, intent="hosted"),
        replace(asked, policy=Policy(name="x")),
        replace(asked, context=Context(mau=1)),
        replace(asked, name="x"),
        replace(asked, own="mit"),
        replace(asked, declared=Card()),
        replace(asked, today=""),
    ]
    assert len(questions) == len(Question.__slots__)
    found |= {inquiry_digest(inquiry_json([base], one, plain)) for one in questions}
    found.add(inquiry_digest(inquiry_json([base], asked, replace(plain, digest=digest_of(b"")))))
    found.add(inquiry_digest(inquiry_json([base, base], asked, plain)))
    assert len(found) == 1 + len(other) + len(questions) + 2


def test_a_text_that_is_gone_or_changed_is_told(plain: Knowledge) -> None:
    source = facts(texts=(("LICENSE", b"words"),))
    value = written([source], plain)
    with pytest.raises(VerificationError, match="not at hand"):
        inquiry_from(value, {})
    with pytest.raises(VerificationError, match="other words"):
        inquiry_from(value, {digest_of(b"words"): b"others"})


def broken(**changes: Any) -> Mapping[str, Any]:
    source = facts(ancestors=(facts("n"),))
    whole: dict[str, Any] = json.loads(json.dumps(inquiry_json([source], question(), load())))
    for path, value in changes.items():
        *way, last = path.split("__")
        place: Any = whole
        for step in way:
            place = place[int(step) if step.isdigit() else step]
        if value is None:
            del place[last]
        else:
            place[int(last) if last.isdigit() else last] = value
    return whole


DEEP: Any = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "evoreg/inquiry/2"},
        {"schema": None},
        {"schema": [1]},
        {"nodes": None},
        {"nodes": {}},
        {"nodes": DEEP},
        {"sources": [2]},
        {"sources": [-1]},
        {"sources": [True]},
        {"sources": ["0"]},
        {"sources": [10**400]},
        {"more": 1},
        {"nodes__0__ancestors": [0]},
        {"nodes__0__ancestors": [1]},
        {"nodes__0__ancestors": [2]},
        {"nodes__1__ancestors": [1]},
        {"nodes__1__adapter": 1},
        {"nodes__1__adapter": 9},
        {"nodes__1__model": 2},
        {"nodes__1__claims": [0]},
        {"nodes__1__relation": "cousin"},
        {"nodes__1__used": 1},
        {"nodes__1__label": 7},
        {"nodes__1__texts": [["LICENSE"]]},
        {"nodes__1__texts": [["LICENSE", "sha256:00"]]},
        {"nodes__1__more": 1},
        {"question": None},
        {"question__intent": "war"},
        {"question__policy": {"unknown": "allow"}},
        {"question__context__mau": -1},
        {"question__today": 7},
        {"knowledge__digest": "x"},
        {"models": [1, 2]},
        {"models__0__adapter": DEEP},
        {"claims": [{}]},
        {"knowledge__version": float("nan")},
        {"knowledge__version": b"bytes"},
        {"knowledge__version": "\ud800"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_is_no_inquiry_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError) as error:
        inquiry_from(broken(**changes), {})
    assert error.value.code is Code.NOT_A_RECORD


def test_the_unbroken_one_is_read() -> None:
    assert broken()["schema"] == SCHEMA
    assert [source.label for source in inquiry_from(broken(), {}).sources] == ["m"]
