"""Policy files: what they say, and every mistake with its line and column."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.policies.context import Context
from evoreg.policies.policy import EVERYTHING, Policy
from evoreg.policies.reading.places import AREAS, COUNTRIES, is_place
from evoreg.policies.reading.read import LARGEST, read_policy
from evoreg.provenance.records.decision import INTENTS
from evoreg.provenance.records.errors import Code, PolicyError, Problem

LEAST = "version: 1\nlicenses: {commercial: {allow: [mit]}}\n"


def problems_of(text: str) -> tuple[Problem, ...]:
    with pytest.raises(PolicyError) as caught:
        read_policy(text, "p.yml")
    assert all(problem.code is Code.POLICY_FILE for problem in caught.value.problems)
    return caught.value.problems


FULL = """
version: 1
name: ours
context:
  organisation: {kind: company, domicile: NO, annual-revenue-usd: 0, monthly-active-users: 7}
  release: {territory: [EU, JP]}
intents: [hosted, research]
licenses:
  hosted: {allow: [permissive, MIT], attribute: [CC-BY-4.0], review: [llama3.1]}
  research: {allow: []}
unknown: review
unseen-parent: block
improve-other-models: review
nc-for-companies: review
min-kb-confidence: high
max-kb-age-days: 30
exceptions:
  - model: a/b@0123456
    allow: [MSRL]
    intents: [research]
    reason: told so
    approved-by: jo
    expires: 2028-02-29
clarify:
  - model: a/b@sha256:0123456789ab
    expression: Apache-2.0 AND MIT
    license-files: [{path: LICENSE, sha256: %s}]
rules:
  - {id: a-1, when: intent == "hosted", then: block, message: "no {model}", fix: "x"}
unused-exception: ignore
unused-allow: block
""" % ("0" * 63 + "f")


def test_everything_that_a_file_says_is_read() -> None:
    found = read_policy(FULL, "p.yml", name="p")
    policy = found.policy
    assert found.intents == ("hosted", "research")
    assert found.context == Context(
        kind="company",
        mau=7,
        annual_revenue_usd=0,
        licensee_territory="NO",
        release_territory=("EU", "JP"),
    )
    assert policy.name == "ours"
    assert list(policy.licenses) == ["hosted", "research"]
    hosted = policy.licenses["hosted"]
    assert hosted.allow == ("permissive", "mit")
    assert hosted.attribute == ("cc-by-4.0",)
    assert hosted.review == ("llama3.1",)
    switches = (policy.unknown, policy.unseen_parent, policy.improve_other_models)
    assert switches == ("review", "block", "review")
    assert (policy.nc_for_companies, policy.min_kb_confidence) == ("review", "high")
    assert policy.max_kb_age_days == 30
    assert policy.exceptions[0].allow == ("msrl",)
    assert policy.exceptions[0].expires == "2028-02-29"
    assert policy.clarify[0].expression == "Apache-2.0 AND MIT"
    assert policy.clarify[0].license_files[0].digest == "sha256:" + "0" * 63 + "f"
    assert policy.rules[0].message == "no {model}"
    assert (policy.unused_exception, policy.unused_allow) == ("ignore", "block")


def test_what_a_file_leaves_out() -> None:
    found = read_policy(LEAST, "p.yml", name="stem")
    assert found.policy.name == "stem"
    assert found.intents == ("commercial",)
    assert found.context == Context()
    assert found.tests == ()
    assert found.policy == Policy(name="stem", licenses=found.policy.licenses)


def test_every_part_has_a_place() -> None:
    marks = read_policy(FULL, "p.yml").marks
    assert str(marks["exceptions[0]"]) == "p.yml:18:5"
    assert str(marks["exceptions[0].allow[0]"]) == "p.yml:19:13"
    assert str(marks["clarify[0]"]) == "p.yml:25:5"
    assert str(marks["rules[0]"]) == "p.yml:29:5"
    assert str(marks["licenses.hosted.allow[1]"]) == "p.yml:9:32"


@pytest.mark.parametrize(
    ("text", "where", "what", "hint"),
    [
        ("", "", "a policy is a YAML mapping", ""),
        ("- a", "", "a policy is a YAML mapping", ""),
        ("a: [\n", "2:1", "not valid YAML", ""),
        (LEAST + "name: *a\n", "3:7", "undefined alias", ""),
        (LEAST + "unknown: block\nunknown: block\n", "4:1", "given twice", "keep one"),
        (LEAST + "<<: {unknown: block}\n", "3:1", "merge keys", "write the keys out"),
        (LEAST + "---\n" + LEAST, "3:1", "holds several policies", "one policy a file"),
        (LEAST + "name: !!python/object:os.system x\n", "3:7", "not a plain value", ""),
        ("a: " + "[" * 30 + "]" * 30, "1:24", "nested too deeply", "20 levels"),
        ("licenses: {}\n", "1:1", "version is missing", ""),
        ("version: 1\n", "1:1", "licenses is missing", ""),
        ("version: 2\nlicenses: {}\n", "1:10", "version cannot be 2", "write 1"),
        ("version: '1'\nlicenses: {}\n", "1:10", "version is a whole number", "without quotes"),
        ("version: 1\nlicenses: []\n", "2:11", "licenses is a mapping", "keys: research"),
        ("version: 1\nlicenses: {comercial: {}}\n", "2:12", "'comercial'", "'commercial'?"),
        ("version: 1\nlicenses: {hosted: {alow: []}}\n", "2:21", "'alow'", "'allow'?"),
        (LEAST + "unknwon: block\n", "3:1", "unknown key 'unknwon'", "did you mean 'unknown'?"),
        (LEAST + "unseen_parent: block\n", "3:1", "'unseen_parent'", "'unseen-parent'?"),
        (LEAST + "unknown: allow\n", "3:10", "unknown cannot be 'allow'", "block, review"),
        (LEAST + "unknown: [block]\n", "3:10", "unknown takes a text", ""),
        (LEAST + "unknown:\n", "3:9", "unknown has no value", "leave the key out"),
        (LEAST + "unused-allow: wran\n", "3:15", "'wran'", "did you mean 'warn'?"),
        (LEAST + "name: 12\n", "3:7", "name takes a text", "quotes"),
        (LEAST + "name: ' '\n", "3:7", "name is empty", ""),
        (LEAST + 'name: "a\\u202eb"\n', "3:7", "cannot be seen", "leave it out"),
        (LEAST + 'name: "a\\eb"\n', "3:7", "cannot be seen", "leave it out"),
        (LEAST + f"name: {'a' * 81}\n", "3:7", "name is too long", "80"),
        (LEAST + "max-kb-age-days: 0\n", "3:18", "cannot be 0", "from 1"),
        (LEAST + "max-kb-age-days: yes\n", "3:18", "is a whole number", ""),
        (LEAST + "max-kb-age-days: 1.5\n", "3:18", "is a whole number", ""),
        (LEAST + "min-kb-confidence: higher\n", "3:20", "'higher'", "did you mean 'high'?"),
        (LEAST + "intents: research\n", "3:10", "intents is a list", "[one, another]"),
        (LEAST + "intents: []\n", "3:10", "intents is empty", ""),
        (LEAST + "intents: [comercial]\n", "3:11", "'comercial'", "did you mean 'commercial'?"),
        (LEAST + "intents: [hosted]\n", "3:11", "the intent hosted has no lists", "leave the"),
        (LEAST + "intents: [commercial, commercial]\n", "3:23", "listed twice", "keep one"),
        (LEAST + "context: {organisation: {kind: compny}}\n", "3:32", "'compny'", "'company'?"),
        (LEAST + "context: {organisation: {domicile: Japan}}\n", "3:36", "'Japan'", "'JP'?"),
        (LEAST + "context: {organisation: {domicile: XX}}\n", "3:36", "'XX'", "ISO 3166"),
        (LEAST + "context: {release: {territory: [JP, jp]}}\n", "3:37", "'jp'", "'JP'?"),
        (LEAST + "context: {release: {territory: JP}}\n", "3:32", "territory is a list", ""),
        (
            LEAST + "context: {organisation: {annual-revenue-usd: -1}}\n",
            "3:46", "cannot be -1", "from 0",
        ),
        (
            LEAST + "context: {organisation: {monthly-active-users: 1e6}}\n",
            "3:48", "is a whole number", "exponent",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_told_where_it_is(text: str, where: str, what: str, hint: str) -> None:
    first = problems_of(text)[0]
    assert first.where == f"p.yml:{where}".rstrip(":")
    assert what in first.what
    assert hint in first.hint


@pytest.mark.parametrize(
    ("names", "where", "hint"),
    [
        ("allow: [permisive]", "3:24", "did you mean 'permissive'?"),
        ("allow: [apache2]", "3:24", "did you mean 'apache-2.0'?"),
        ("allow: [LLAMA-3.1]", "3:24", "did you mean 'llama3.1'?"),
        ("allow: [unknown]", "3:24", "cannot be listed"),
        ("allow: [other]", "3:24", "cannot be listed"),
        ("allow: [qqqqqqqqq]", "3:24", "classes: permissive, public-domain"),
        ("allow: [mit, MIT]", "3:29", "line 3, column 24"),
        ("allow: [mit], review: [MIT]", "3:39", "line 3, column 24"),
        ("allow: [Apache-2.0, apache-2.0]", "3:36", "line 3, column 24"),
        ("allow: [nc], attribute: [nc]", "3:41", "line 3, column 24"),
    ],
)
def test_a_list_holds_licences_that_are_known_once(names: str, where: str, hint: str) -> None:
    (first,) = problems_of(f"version: 1\nlicenses:\n  commercial: {{{names}}}\n")
    assert first.where == f"p.yml:{where}"
    assert hint in first.hint


def test_an_id_that_licences_share_means_all_of_them() -> None:
    shared = "LicenseRef-scancode-llama-3.1-license-2024"
    text = f"version: 1\nlicenses: {{hosted: {{allow: [{shared}, CC-BY-4.0]}}}}"
    assert read_policy(text, "p.yml").policy.licenses["hosted"].allow == (shared, "cc-by-4.0")


def test_the_name_of_a_card_is_no_licence_but_a_hint() -> None:
    (first,) = problems_of("version: 1\nlicenses: {hosted: {allow: [exaone]}}")
    assert first.hint == "did you mean 'exaone-1.1-nc' or 'exaone-1.2-nc'?"


def test_one_licence_may_stand_apart_from_its_class_and_in_another_intent() -> None:
    lists = "{commercial: {allow: [mit], review: [permissive]}, hosted: {review: [mit]}}"
    text = f"version: 1\nlicenses: {lists}"
    licenses = read_policy(text, "p.yml").policy.licenses
    assert licenses["commercial"].review == ("permissive",)
    assert licenses["hosted"].review == ("mit",)


EXCEPTION = {
    "model": "a/b@0123456", "allow": ["msrl"], "intents": ["research"], "reason": "told",
    "approved-by": "jo", "expires": "2027-01-01",
}  # fmt: skip
FILES = [{"path": "LICENSE", "sha256": "0" * 64}]
CLARIFY = {"model": "a/b@0123456", "expression": "mit", "license-files": FILES}
RULE = {"id": "a", "when": "true", "then": "block"}
CASE = {"name": "x", "sources": [{"license": "mit"}], "expect": {"commercial": "attribute"}}


@pytest.mark.parametrize(
    ("key", "row", "changes", "what", "hint"),
    [
        *(("exceptions", EXCEPTION, {key: None}, f"{key} is missing", "") for key in EXCEPTION),
        ("exceptions", EXCEPTION, {"model": "a/b"}, "'a/b'", "digits of the commit"),
        ("exceptions", EXCEPTION, {"model": "a/b@012345"}, "'a/b@012345'", "7 to 40"),
        ("exceptions", EXCEPTION, {"model": "a b@0123456"}, "model cannot be", "NAME@"),
        ("exceptions", EXCEPTION, {"allow": []}, "allow is empty", ""),
        ("exceptions", EXCEPTION, {"allow": ["research"]}, "'research'", "not a class"),
        ("exceptions", EXCEPTION, {"allow": ["msrll"]}, "'msrll'", "'msrl'?"),
        ("exceptions", EXCEPTION, {"intents": []}, "intents is empty", ""),
        ("exceptions", EXCEPTION, {"expires": "2027-02-30"}, "2027-02-30", "YYYY-MM-DD"),
        ("exceptions", EXCEPTION, {"expires": "2027-2-3"}, "2027-2-3", "YYYY-MM-DD"),
        ("exceptions", EXCEPTION, {"expires": "never"}, "never", "YYYY-MM-DD"),
        *(("clarify", CLARIFY, {key: None}, f"{key} is missing", "") for key in CLARIFY),
        ("clarify", CLARIFY, {"license-files": []}, "license-files is empty", ""),
        ("clarify", CLARIFY, {"expression": "mit AND"}, "not a licence expression", "join"),
        ("clarify", CLARIFY, {"expression": "mit AND ap"}, "unknown licence 'ap'", ""),
        ("clarify", CLARIFY, {"license-files": [{"path": "a", "sha256": "0"}]}, "'0'", "64"),
        *(("rules", RULE, {key: None}, f"{key} is missing", "") for key in RULE),
        ("rules", RULE, {"id": "A"}, "id cannot be 'A'", "small letters"),
        ("rules", RULE, {"then": "allow"}, "then cannot be 'allow'", "block, review"),
        ("rules", RULE, {"when": "a" * 4001}, "when is too long", "4000"),
        *(("tests", CASE, {key: None}, f"{key} is missing", "") for key in CASE),
        ("tests", CASE, {"sources": []}, "sources is empty", ""),
        ("tests", CASE, {"expect": {}}, "expects nothing", "verdict"),
        ("tests", CASE, {"expect": {"hosted": "yes"}}, "'yes'", "allow, attribute"),
        ("tests", CASE, {"reasons": ["NAME_RUL"]}, "'NAME_RUL'", "'NAME_RULE'?"),
        ("tests", CASE, {"sources": [{"license": "foo"}]}, "'foo'", ""),
        ("tests", CASE, {"sources": [{"license": "mit", "relation": "x"}]}, "'x'", "merge"),
        ("tests", CASE, {"sources": [{"license": "mit", "extra": [{"kind": "display"}]}]},
         "display needs value", ""),
        ("tests", CASE, {"today": "tomorrow"}, "'tomorrow'", "YYYY-MM-DD"),
    ],
)  # fmt: skip
def test_rows_are_whole(
    key: str, row: dict[str, Any], changes: dict[str, Any], what: str, hint: str
) -> None:
    changed = {name: x for name, x in {**row, **changes}.items() if x is not None}
    (first,) = problems_of(f"{LEAST}{key}: [{json.dumps(changed)}]\n")
    line, column = first.where.removeprefix("p.yml:").split(":")
    assert line == "3"
    assert int(column) > len(key) + 2
    assert what in first.what
    assert hint in first.hint


@pytest.mark.parametrize("key", ["exceptions", "clarify", "rules", "tests"])
@pytest.mark.parametrize(
    ("value", "what"), [("{a: b}", "is a list"), ("[a]", "is a mapping"), ("a", "is a list")]
)
def test_rows_are_lists_of_mappings(key: str, value: str, what: str) -> None:
    (first,) = problems_of(f"{LEAST}{key}: {value}\n")
    assert what in first.what
    assert first.where == f"p.yml:3:{len(key) + 3 + (value[0] == '[')}"


def test_two_rules_do_not_share_a_name() -> None:
    (first,) = problems_of(f"{LEAST}rules: [{json.dumps(RULE)}, {json.dumps(RULE)}]\n")
    assert first.what == "two rules are called 'a'"


def test_all_problems_are_told_in_the_order_of_the_file() -> None:
    text = (
        "unknwon: block\nversion: 3\nlicenses: {hosted: {allow: [nope1, nope2]}}\nintents: [x]\n"
        "rules: [{id: a, when: 'foo', then: block}]\n"
    )
    places = [problem.where for problem in problems_of(text)]
    assert places == [f"p.yml:{at}" for at in ("1:1", "2:10", "3:29", "3:36", "4:11", "5:24")]


def test_a_file_that_is_too_large_is_refused() -> None:
    (first,) = problems_of("a: " + "b" * LARGEST)
    assert first.what == "the policy is larger than 1024 KiB"


def test_a_hundred_problems_are_enough() -> None:
    names = ", ".join(f"qqqqq{number}" for number in range(9000))
    found = problems_of(f"version: 1\nlicenses: {{commercial: {{allow: [{names}]}}}}\n")
    assert len(found) == 101
    assert found[-1].what == "there are more problems; these were found first"


def test_aliases_do_not_explode() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{f'*a{n - 1}, ' * 9}]" for n in range(1, 12)]
    assert problems_of("\n".join(lines))[0].where.startswith("p.yml:")


def test_places_are_those_of_the_standard() -> None:
    assert len(COUNTRIES) == 249
    assert all(len(code) == 2 and code.isalpha() and code.isupper() for code in COUNTRIES)
    assert {"JP", "NO", "GB", "US", "XK"} & COUNTRIES == {"JP", "NO", "GB", "US"}
    assert all(is_place(code) for code in AREAS)
    assert not any(is_place(code) for code in ("", "jp", "XX", "JPN", "world"))


def _as_yaml(policy: Policy) -> str:
    """Write a policy in the grammar of files; JSON is also YAML."""

    def dashed(value: Any) -> Any:
        if isinstance(value, dict):
            return {k.replace("_", "-"): dashed(x) for k, x in value.items() if x is not None}
        return [dashed(item) for item in value] if isinstance(value, list) else value

    return json.dumps({"version": 1, **dashed(policy.to_json())})


_LISTS = st.lists(st.sampled_from([*EVERYTHING, "mit", "llama3.1", "msrl"]), unique=True).map(
    lambda names: {"allow": names[::3], "attribute": names[1::3], "review": names[2::3]}
)
_TEXTS = st.text("abcé \"'{:#-\n", min_size=1, max_size=20).filter(str.strip)
_RIGHTS = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["a/b@0123456", "x@sha256:0123456789ab"]),
        "allow": st.just(["msrl"]),
        "intents": st.lists(st.sampled_from(INTENTS), min_size=1, unique=True),
        "reason": _TEXTS,
        "approved_by": _TEXTS,
        "expires": st.dates().map(str),
    }
)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from(INTENTS), _LISTS, min_size=1),
    st.lists(_RIGHTS, max_size=3),
    st.sampled_from(["block", "review"]),
    st.none() | st.integers(1, 36500),
)
def test_what_is_written_is_read_again(
    licenses: dict[str, Any], exceptions: list[Any], unknown: str, age: int | None
) -> None:
    fields = {"licenses": licenses, "exceptions": exceptions, "unknown": unknown, "name": "a"}
    policy = Policy.model_validate_json(json.dumps({**fields, "max_kb_age_days": age}))
    assert read_policy(_as_yaml(policy), "p.yml").policy == policy


@settings(max_examples=100, deadline=None)
@given(st.text("version: 1\nlicenses{}[],'\"|&*!-#%rules\x00é\ud800", max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        read_policy(text, "p.yml")
    except PolicyError as error:
        problems = error.problems
    assert all(problem.where.startswith("p.yml") for problem in problems)
