"""House rules in CEL: they make decisions stricter, and what cannot be evaluated counts as true."""

import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.policies.context import Context
from evoreg.policies.house import NESTED, PLACES, RulePlace, house_rules
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.policy import Policy, Rule
from evoreg.policies.question import Question
from evoreg.policies.reading.read import read_policy
from evoreg.provenance.records.errors import PolicyError, Problem

LEAST = "version: 1\nlicenses: {commercial: {allow: [mit]}}\n"
ASKED = Question("commercial", Policy.default(), Context(kind="company"), name="Ours")


def place(knowledge: Knowledge, key: str, **changes: str) -> RulePlace:
    row = knowledge.by_key(key)
    assert row is not None
    return RulePlace("org/m@0123456", "org/s", ("org/s", "org/m@0123456"), row, **changes)  # type: ignore[arg-type]


def applied(when: str, at: RulePlace, message: str = "", fix: str = "") -> list[tuple[str, str]]:
    rule = Rule(id="a-rule", when=when, then="review", message=message, fix=fix)
    found = house_rules(Policy(rules=(rule,)), [at], ASKED)
    assert all(rule.id == "a-rule" and where is at for rule, where, _ in found)
    return [(said, rule.fix) for rule, _, said in found]


@pytest.mark.parametrize(
    ("when", "applies"),
    [
        ('source.license.key == "llama3.1"', True),
        ('source.license.kind == "community" && intent == "commercial"', True),
        ('intent == "hosted"', False),
        ('source.license.commercial_use == "threshold"', True),
        ("source.license.users.users == 700000000", True),
        ("source.license.revenue.size() == 0 && source.license.territory == null", True),
        ('source.license.display.words.exists(w, w.startsWith("Built"))', True),
        ('source.license.governing_law.startsWith("China")', False),
        ("source.license.retain_notices", True),
        ('source.model.startsWith("org/") && source.source == "org/s"', True),
        ('source.path.size() == 2 && source.depth == 0 && source.relation == "merge"', True),
        ("source.share == null && source.modality == null", True),
        ('context.kind == "company" && context.mau == null', True),
        ('result.name == "Ours"', True),
        ("false", False),
    ],
)
def test_an_expression_sees_the_model_its_terms_and_the_question(
    plain: Knowledge, when: str, applies: bool
) -> None:
    at = place(plain, "llama3.1")
    told = [("The rule a-rule of the house applies to org/m@0123456.", "")]
    assert applied(when, at) == (told if applies else [])


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ("context.mau > 5", "a value is null, or of another kind"),
        ("source.license.territory.excluded.size() > 0", "a value is null, or of another kind"),
        ("source.license.nothing == 1", "there is no 'nothing'"),
        ("nothing == 1", "there is no 'nothing' in a rule"),
        ("source.license.key", "it gives str, and not true or false"),
        ("null", "it gives NoneType, and not true or false"),
        ("1 / 0 == 1", "division by zero"),
        ("1 +", "not CEL"),
        ("nothing(1)", "there is no function 'nothing'"),
        ("int(source.model) == 1", ""),
        ("[1].all(a, [1].all(b, [1].all(c, true)))", "at most 2"),
    ],
)
def test_what_cannot_be_evaluated_counts_as_true(plain: Knowledge, when: str, why: str) -> None:
    ((said, _),) = applied(when, place(plain, "mit"), message="not said")
    assert said.startswith("The rule a-rule could not be evaluated, and counts as if it applied: ")
    assert why in said


def test_messages_and_fixes_are_filled_with_plain_values(plain: Knowledge) -> None:
    at = place(plain, "llama3.1", relation="finetune")
    message = "{model} {license} {license.governing_law} {intent} {result} {context.kind} {share}"
    ((said, fix),) = applied("true", at, message, "{relation} {license.retain_notices} {x} {0}")
    assert said == "org/m@0123456 llama3.1 California commercial Ours company unknown"
    assert fix == "finetune yes {x} {0}"


def test_values_are_not_filled_again(plain: Knowledge) -> None:
    row = plain.by_key("mit")
    assert row is not None
    at = RulePlace("{license}", "s", ("s",), row)
    assert applied("true", at, "{model} {model.__class__}") == [("{license} {model.__class__}", "")]


def test_foreign_values_stay_one_visible_line(plain: Knowledge) -> None:
    row = plain.by_key("mit")
    assert row is not None
    at = RulePlace("a\n\u202eb" + "c" * 200, "s", ("s",), row)
    ((said, _),) = applied("true", at, "{model}")
    assert said == "a\\u000a\\u202eb" + "c" * 116 + "…"


def test_without_the_library_every_rule_applies(
    plain: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cel", None)
    ((said, _),) = applied("false && false", place(plain, "mit"))
    assert "rules need a library that is missing" in said
    found = problem("  - {id: a, when: 'false && 1 == 2', then: block}")
    assert (found.where, found.hint) == (
        "p.yml:4:20",
        "install the package common-expression-language",
    )


def test_every_place_of_a_message_has_a_word_for_every_licence(plain: Knowledge) -> None:
    message = " ".join(f"[{{{name}}}]" for name in PLACES)
    for row in plain.rows:
        at = RulePlace("m", "s", ("s",), row)
        ((said, _),) = applied("true", at, message)
        assert "{" not in said.replace("{}", "")
        assert "[]" not in said


def test_fields_that_hold_several_values_are_no_places(plain: Knowledge) -> None:
    values = [item for row in plain.rows for item in row.to_json().items()]
    tables = {name for name, value in values if isinstance(value, dict) and "value" not in value}
    lists = {name for name, x in values if isinstance(x, list) and x and isinstance(x[0], dict)}
    assert tables | lists == NESTED
    assert not {f"license.{name}" for name in NESTED} & set(PLACES)


def test_rules_and_places_keep_their_order(plain: Knowledge) -> None:
    rules = tuple(Rule(id=name, when="true", then="block") for name in ("b", "a"))
    places = [place(plain, key) for key in ("mit", "apache-2.0")]
    found = house_rules(Policy(rules=rules), places, ASKED)
    assert [(rule.id, at.row.key) for rule, at, _ in found] == [
        ("b", "mit"), ("b", "apache-2.0"), ("a", "mit"), ("a", "apache-2.0"),
    ]  # fmt: skip


def problem(rule: str) -> Problem:
    with pytest.raises(PolicyError) as caught:
        read_policy(f"{LEAST}rules:\n{rule}", "p.yml")
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


@pytest.mark.parametrize(
    ("rule", "where", "what", "hint"),
    [
        ("  - {id: a, when: intent ==, then: block}", "4:28", "not CEL", ""),
        ("  - {id: a, when: 'intent ==', then: block}", "4:29", "not CEL", ""),
        ("  - id: a\n    when: |\n      intent == 'a' &&\n        sorce.x\n    then: block",
         "7:9", "there is no 'sorce'", "'source'?"),
        ("  - id: a\n    when: >\n      intent ==\n    then: block", "5:11", "not CEL", ""),
        ("  - {id: a, when: source.license.kinds == 'a', then: block}", "4:34",
         "there is no 'kinds'", "'kind'?"),
        ("  - {id: a, when: context.users == null, then: block}", "4:27",
         "there is no 'users'", ""),
        ("  - {id: a, when: source.license.key, then: block}", "4:19", "it gives str", "compar"),
        ("  - {id: a, when: nope(1), then: block}", "4:19", "no function 'nope'", ""),
        ("  - {id: a, when: 'true', then: block, message: 'the {modle}'}", "4:54",
         "no place '{modle}'", "'model'?"),
        ("  - {id: a, when: 'true', then: block, fix: '{license.users}'}", "4:46",
         "no place '{license.users}'", ""),
        ("  - {id: a, when: 'true', then: block, fix: '{}'}", "4:46", "no place '{}'", ""),
    ],
)  # fmt: skip
def test_a_rule_that_is_wrong_is_told_where_it_is_wrong(
    rule: str, where: str, what: str, hint: str
) -> None:
    found = problem(rule)
    assert found.where == f"p.yml:{where}"
    assert what in found.what
    assert hint in found.hint


_PIECES = st.lists(
    st.sampled_from(
        ["source", ".license", ".key", "==", "'a'", "(", ")", "!", "&&", "1", "null", "[", "]",
         ".map(x,", "+", "context", ".mau", "{", "}", "\n", "?", ":", "'"]
    ),
    max_size=30,
).map(" ".join)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(_PIECES)
def test_any_expression_is_refused_or_gives_an_answer(plain: Knowledge, when: str) -> None:
    text = f"{LEAST}rules: [{{id: a, when: {json.dumps(when)}, then: block}}]\n"
    refused = False
    try:
        read_policy(text, "p.yml")
    except PolicyError:
        refused = True
    if not refused:
        assert len(applied(when, place(plain, "mit"))) in (0, 1)


@pytest.mark.parametrize(
    "when",
    [
        'source["license"]["key"] == "mit"',
        'source.license["k" + "ey"] == "mit"',
        "source.license.exists(name, name == 'confidence')",
        "source . license . kind == 'permissive'",
        "source.license // comment\n .kind == 'permissive'",
        "[source].exists(s, s.license.key == 'mit')",
        "source.license == source.license && source.license.size() > 40",
        "has(source.license.key)",
    ],
)
def test_an_expression_may_reach_fields_in_any_way(plain: Knowledge, when: str) -> None:
    ((said, _),) = applied(when, place(plain, "mit"), "applies")
    assert said == "applies"
