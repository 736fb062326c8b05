"""What a house's policy does to a decision: lists, exceptions, clarifications, warnings."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.policies.context import Context
from evoreg.policies.decide import decide
from evoreg.policies.facts import SourceFacts
from evoreg.policies.knowledge.book import Knowledge, load
from evoreg.policies.policy import (
    EVERYTHING,
    Clarification,
    Listing,
    Permission,
    PinnedFile,
    Policy,
    Rule,
)
from evoreg.policies.question import Question
from evoreg.provenance.records.decision import INTENTS, Decision, Intent, Verdict
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.model import Card

Under = Callable[..., SourceFacts]
HOME = Context(
    mau=10, annual_revenue_usd=0, licensee_territory="JP", release_territory=("US", "JP")
)
TODAY = "2026-11-22"
KEYS = sorted(row.key for row in load().rows)


def ask(
    sources: list[SourceFacts],
    knowledge: Knowledge,
    policy: Policy,
    intent: Intent = "commercial",
    today: str = TODAY,
) -> Decision:
    return decide(sources, Question(intent, policy, HOME, "Llama-3-X", today=today), knowledge)


def names(decision: Decision, effect: Verdict | None = None) -> set[str]:
    return {r.name for r in decision.reasons if effect is None or r.effect == effect}


def lists(**listing: tuple[str, ...]) -> Policy:
    return Policy(licenses={intent: Listing(**listing) for intent in INTENTS})


def permission(source: SourceFacts, *keys: str, expires: str = "2027-01-01") -> Permission:
    return Permission(
        model=f"{source.model.name}@{source.model.identity[:20]}",
        allow=keys,
        intents=INTENTS,
        reason="letter of the authors, LEGAL-12",
        approved_by="j.doe@example.org",
        expires=expires,
    )


def test_what_stands_in_no_list_is_refused(knowledge: Knowledge, under: Under) -> None:
    policy = lists(allow=("permissive",))
    assert ask([under("mit")], knowledge, policy).verdict == Verdict.ATTRIBUTE
    for key in ("cc-by-4.0", "cc0-1.0", "llama3.1"):
        refused = ask([under(key)], knowledge, policy)
        assert names(refused, Verdict.BLOCK) == {"LICENSE_NOT_LISTED"}
    nothing = ask([under("mit")], knowledge, Policy(licenses={}))
    assert names(nothing, Verdict.BLOCK) == {"LICENSE_NOT_LISTED"}


def test_a_name_beats_its_class_and_the_stricter_list_wins(
    knowledge: Knowledge, under: Under
) -> None:
    policy = lists(allow=("community", "permissive"), review=("llama3.1",), attribute=("cc0-1.0",))
    assert ask([under("qwen-2024")], knowledge, policy).verdict == Verdict.ATTRIBUTE
    asked = ask([under("llama3.1")], knowledge, policy)
    assert names(asked, Verdict.REVIEW) == {"LICENSE_LISTED"}
    by_id = lists(allow=("MIT",))
    assert ask([under("mit")], knowledge, by_id).verdict == Verdict.ATTRIBUTE
    free = ask([under("cc0-1.0")], knowledge, policy)
    assert free.verdict == Verdict.ATTRIBUTE
    assert "credits" in {item.kind for item in free.obligations}


@settings(max_examples=80, deadline=None)
@given(
    keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True),
    intent=st.sampled_from(INTENTS),
    allow=st.lists(st.sampled_from(EVERYTHING), unique=True).map(tuple),
    review=st.lists(st.sampled_from(EVERYTHING), unique=True).map(tuple),
)
def test_lists_only_tighten(
    keys: list[str],
    intent: Intent,
    allow: tuple[str, ...],
    review: tuple[str, ...],
    knowledge: Knowledge,
    under: Under,
) -> None:
    sources = [under(key) for key in keys]
    plain = ask(sources, knowledge, Policy.default(), intent)
    listed = ask(sources, knowledge, lists(allow=allow, review=review), intent)
    assert listed.verdict.severity >= plain.verdict.severity
    assert {r for r in plain.reasons if r.effect == Verdict.BLOCK} <= set(listed.reasons)


def test_an_exception_sets_one_licence_of_one_model_aside(
    knowledge: Knowledge, under: Under
) -> None:
    source = under("msrl", "org/math")
    blocked = ask([source, under("mit")], knowledge, Policy.default(), "research")
    assert "REDISTRIBUTION_NOT_GRANTED" in names(blocked, Verdict.BLOCK)
    policy = Policy(exceptions=(permission(source, "msrl"),))
    for intent in INTENTS:
        allowed = ask([source, under("mit")], knowledge, policy, intent)
        assert allowed.verdict == Verdict.ATTRIBUTE
        assert "PERMISSION_USED" in names(allowed)
        used = next(r for r in allowed.reasons if r.name == "PERMISSION_USED")
        # Who approved it and why stands in the policy, and not in what may be published.
        assert source.model.identity[:20] in used.message
        published = allowed.canonical().decode()
        assert "LEGAL-12" not in published
        assert "j.doe" not in published
    # Another model under the same licence, another licence of the model, another day: no.
    twin = ask([source, under("msrl", "org/other")], knowledge, policy, "research")
    assert {r.model for r in twin.reasons if r.effect == Verdict.BLOCK} == {"org/other"}
    wrong = Policy(exceptions=(permission(source, "mit"),))
    assert ask([source], knowledge, wrong).verdict == Verdict.BLOCK
    late = ask([source], knowledge, policy, today="2027-01-02")
    assert late.verdict == Verdict.BLOCK
    assert "PERMISSION_EXPIRED" in names(late, Verdict.ALLOW)
    assert ask([source], knowledge, policy, today="2027-01-01").verdict == Verdict.ATTRIBUTE
    assert ask([source], knowledge, policy, today="").verdict == Verdict.BLOCK


def test_an_exception_covers_what_the_model_was_made_from(
    knowledge: Knowledge, under: Under
) -> None:
    math = under("msrl", "org/math")
    merged = replace(under("msrl", "org/merged"), ancestors=(math, under("mit", "org/mit")))
    policy = Policy(exceptions=(permission(merged, "msrl"),))
    assert ask([merged], knowledge, policy, "research").verdict == Verdict.ATTRIBUTE
    # Reached on another way, the same ancestor is not covered.
    beside = replace(under("mit", "org/beside"), ancestors=(math,))
    both = ask([merged, beside], knowledge, policy, "research")
    assert {r.path for r in both.reasons if r.effect == Verdict.BLOCK} == {
        ("org/beside", "org/math")
    }
    # An exception for the ancestor does not cover the label of the model itself.
    below = Policy(exceptions=(permission(math, "msrl"),))
    assert ask([merged], knowledge, below, "research").verdict == Verdict.BLOCK


def test_an_exception_does_not_settle_what_two_licences_have_against_each_other(
    knowledge: Knowledge, under: Under
) -> None:
    rail = under("creativeml-openrail-m", "org/rail")
    policy = Policy(exceptions=(permission(rail, "creativeml-openrail-m"),))
    decision = ask([rail, under("gpl-3.0")], knowledge, policy)
    assert names(decision, Verdict.BLOCK) == {"NO_COMPATIBLE_OUTBOUND"}


def test_an_identity_is_the_same_whatever_the_model_is_called(
    knowledge: Knowledge, under: Under
) -> None:
    source = under("msrl", "org/math")
    named = permission(source, "msrl").model_copy(
        update={"model": f"another/name@{source.model.identity[:19]}"}
    )
    assert ask([source], knowledge, Policy(exceptions=(named,))).verdict == Verdict.ATTRIBUTE


def test_lines_that_meet_nothing_warn_or_do_what_the_policy_says(
    knowledge: Knowledge, under: Under
) -> None:
    stranger = under("msrl", "org/stranger")
    listing = Listing(allow=(*EVERYTHING, "zlib", "mit"))
    pinned = Clarification(
        model="org/none@0123456",
        expression="MIT",
        license_files=(PinnedFile(path="LICENSE", sha256="0" * 64),),
    )
    fields = {
        "licenses": {"commercial": listing},
        "exceptions": (permission(stranger, "msrl"),),
        "clarify": (pinned,),
    }
    found = {"PERMISSION_UNUSED", "CLARIFICATION_UNUSED", "ALLOWANCE_UNUSED"}
    warned = ask([under("mit")], knowledge, Policy.model_validate(fields))
    assert warned.verdict == Verdict.ATTRIBUTE
    assert found <= names(warned, Verdict.ALLOW)
    (allowance,) = [r for r in warned.reasons if r.name == "ALLOWANCE_UNUSED"]
    assert "zlib" in allowance.message
    for level, effect in (("review", Verdict.REVIEW), ("block", Verdict.BLOCK)):
        levels = {"unused_exception": level, "unused_allow": level}
        strict = ask([under("mit")], knowledge, Policy.model_validate({**fields, **levels}))
        assert names(strict, effect) == found
    quiet = {"unused_exception": "ignore", "unused_allow": "ignore"}
    silent = ask([under("mit")], knowledge, Policy.model_validate({**fields, **quiet}))
    assert not found & names(silent)


def test_a_clarification_is_a_claim_that_its_files_hold_up(
    knowledge: Knowledge, under: Under
) -> None:
    text = b"Words that nobody knows."
    bare = under("mit", "org/odd")
    card = Card(license=("other",), license_name="odd-license")
    odd = replace(
        bare, model=bare.model.model_copy(update={"card": card}), texts=(("LICENSE", text),)
    )
    pinned = Clarification(
        model=f"org/odd@{odd.model.identity[:20]}",
        expression="Apache-2.0 AND CC-BY-4.0",
        license_files=(PinnedFile(path="LICENSE", sha256=digest_of(text)[7:]),),
    )
    policy = Policy(clarify=(pinned,))
    assert ask([odd], knowledge, Policy.default()).verdict == Verdict.BLOCK
    clear = ask([odd], knowledge, policy)
    assert (clear.verdict, clear.outbound) == (Verdict.ATTRIBUTE, "Apache-2.0 AND CC-BY-4.0")
    changed = ask([replace(odd, texts=(("LICENSE", text + b"!"),))], knowledge, policy)
    assert changed.verdict == Verdict.BLOCK
    assert "CLAIM_OUTDATED" in names(changed, Verdict.ALLOW)
    # It beats the card, and says so.
    mislabelled = replace(odd, model=bare.model.model_copy(update={"card": Card(license=("mit",))}))
    told = ask([mislabelled], knowledge, policy)
    assert told.outbound == "Apache-2.0 AND CC-BY-4.0"
    assert "CARD_OVERRULED" in names(told, Verdict.ALLOW)


@pytest.mark.parametrize(
    ("days", "today", "verdict"),
    [(None, "2030-01-01", "attribute"), (10, "2026-11-30", "attribute"),
     (10, "2026-12-24", "review"), (10, "", "review")],
)  # fmt: skip
def test_knowledge_grows_old(
    days: int | None, today: str, verdict: str, knowledge: Knowledge, under: Under
) -> None:
    book = replace(knowledge, date="2026-11-22")
    policy = Policy(max_kb_age_days=days)
    assert ask([under("mit")], book, policy, today=today).verdict.value == verdict


def test_rules_of_the_house_only_tighten(knowledge: Knowledge, under: Under) -> None:
    def ruled(when: str) -> Decision:
        rule = Rule(id="law", when=when, then="review", message="{model}: {license}", fix="ask")
        return ask([under("llama3.1", "org/l")], knowledge, Policy(rules=(rule,)))

    hit = ruled("source.license.governing_law.startsWith('California')")
    (reason,) = [r for r in hit.reasons if r.name == "HOUSE_RULE"]
    assert (reason.effect, reason.fixes) == (Verdict.REVIEW, ("ask",))
    assert reason.message == "org/l: llama3.1"
    assert ruled("source.license.governing_law == 'China'").verdict == Verdict.ATTRIBUTE
    # What cannot be evaluated counts as if it applied.
    assert ruled("source.nothing == 1").verdict == Verdict.REVIEW
    assert ruled("1 + 1").verdict == Verdict.REVIEW


def test_rules_see_every_ancestor_and_not_only_the_nearest(
    knowledge: Knowledge, under: Under
) -> None:
    deep = replace(under("mit", "top"), ancestors=(under("mit", "middle"),))
    rule = Rule(id="deep", when="source.model == 'middle' && source.depth == 1", then="block")
    decision = ask([deep], knowledge, Policy(rules=(rule,)))
    assert {r.path for r in decision.reasons if r.effect == Verdict.BLOCK} == {("top", "middle")}


def test_a_company_does_hardly_anything_that_is_not_commercial(
    knowledge: Knowledge, under: Under
) -> None:
    company = HOME.model_copy(update={"kind": "company"})
    policy = Policy(nc_for_companies="review")
    for key, wanted in (("cc-by-nc-4.0", "review"), ("flux-1-dev-nc-1.1.1", "block")):
        question = Question("research", policy, company, "X")
        assert decide([under(key)], question, knowledge).verdict.value == wanted
        school = Question("research", policy, HOME.model_copy(update={"kind": "academic"}), "X")
        assert decide([under(key)], school, knowledge).verdict == Verdict.ATTRIBUTE
