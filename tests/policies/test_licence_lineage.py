"""Lineages: graphs of any form, drift, unseen parents, riders, and terms of the result itself."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.policies.context import Context
from evoreg.policies.decide import decide
from evoreg.policies.facts import SourceFacts, Unseen
from evoreg.policies.knowledge.book import Knowledge, load
from evoreg.policies.policy import Policy
from evoreg.policies.question import Question
from evoreg.policies.terms import Terms
from evoreg.provenance.records.decision import INTENTS, Decision, Intent, Verdict
from evoreg.provenance.records.license import LicenseClaim, Rider
from evoreg.provenance.records.model import Card

Under = Callable[..., SourceFacts]
HOME = Context(
    mau=10, annual_revenue_usd=0, licensee_territory="JP", release_territory=("US", "JP")
)
COMMON = ["mit", "apache-2.0", "llama2", "llama3.1", "gemma", "cc-by-nc-4.0", "gpl-3.0", "unknown"]


def ask(
    sources: list[SourceFacts], knowledge: Knowledge, intent: Intent = "research", **more: Any
) -> Decision:
    policy = more.pop("policy", Policy.default())
    name = more.pop("name", "Llama-X")
    return decide(sources, Question(intent, policy, HOME, name, **more), knowledge)


def found(decision: Decision, name: str) -> list[tuple[str, ...]]:
    return [reason.path for reason in decision.reasons if reason.name == name]


def tree_of(source: SourceFacts) -> SourceFacts:
    """Return the same lineage with every shared ancestor copied for each of its children."""
    return replace(source, ancestors=tuple(tree_of(a) for a in source.ancestors))


@settings(max_examples=60, deadline=None)
@given(
    keys=st.lists(st.sampled_from(COMMON), min_size=2, max_size=7),
    seed=st.integers(0, 10**6),
    intent=st.sampled_from(INTENTS),
)
def test_a_shared_ancestor_counts_like_its_copies(
    keys: list[str], seed: int, intent: Intent, knowledge: Knowledge, under: Under
) -> None:
    rnd = random.Random(seed)
    made: list[SourceFacts] = []
    for number, key in enumerate(keys):
        parents = tuple(rnd.sample(made, min(len(made), rnd.randrange(3))))
        made.append(replace(under(key, f"m{number}"), ancestors=parents))
    sources = made[-2:]
    graph, trees = (
        ask(sources, knowledge, intent),
        ask([tree_of(s) for s in sources], knowledge, intent),
    )
    assert (graph.verdict, graph.outbound) == (trees.verdict, trees.outbound)
    assert graph.obligations == trees.obligations
    strict = {(r.name, r.license, r.model) for r in graph.reasons if r.effect != Verdict.ALLOW}
    assert strict == {
        (r.name, r.license, r.model) for r in trees.reasons if r.effect != Verdict.ALLOW
    }


@settings(max_examples=60, deadline=None)
@given(
    keys=st.lists(st.sampled_from(COMMON), min_size=2, max_size=5),
    gone=st.integers(0, 3),
    intent=st.sampled_from(INTENTS),
)
def test_removing_a_source_never_worsens(
    keys: list[str], gone: int, intent: Intent, knowledge: Knowledge, under: Under
) -> None:
    sources = [under(key, f"m{i}") for i, key in enumerate(keys)]
    fewer = [s for i, s in enumerate(sources) if i != gone % len(sources)]
    whole, part = ask(sources, knowledge, intent), ask(fewer, knowledge, intent)
    assert part.verdict.severity <= whole.verdict.severity


def with_row(book: Knowledge, row: Terms) -> Knowledge:
    """Return the knowledge with other terms for one licence."""
    return replace(
        book,
        rows=tuple(row if old.key == row.key else old for old in book.rows),
        _keys={**book._keys, row.key: row},
        _expressions={**book._expressions, row.expression.casefold(): row},
    )


TIGHTER: dict[str, dict[str, Any]] = {
    "commercial_use": {"value": "no"},
    "derivatives": {"value": "no"},
    "merge": {"value": "no"},
    "redistribute": {"value": "no"},
    "hosted": {"value": "no"},
}


@pytest.mark.parametrize("field", sorted(TIGHTER))
@pytest.mark.parametrize("intent", INTENTS)
def test_a_change_of_one_term_changes_the_verdicts_that_it_should(
    field: str, intent: Intent, plain: Knowledge, under: Under
) -> None:
    """The row of MIT gets one right less; nothing else in the knowledge base moves."""
    touched = {
        "commercial_use": {"commercial", "hosted"},
        "derivatives": {"commercial", "research", "hosted"},
        "merge": {"commercial", "research", "hosted"},
        "redistribute": {"commercial", "research"},
        "hosted": {"hosted"},
    }[field]
    row = plain.by_key("mit")
    assert row is not None
    harder = type(row).model_validate_json(
        row.model_copy(
            update={field: getattr(row, field).model_copy(update=TIGHTER[field])}
        ).model_dump_json()
    )
    book = with_row(plain, harder)
    before, after = ask([under("mit")], plain, intent), ask([under("mit")], book, intent)
    assert after.verdict.severity >= before.verdict.severity
    assert (after.verdict == Verdict.BLOCK) == (intent in touched)
    others = [row.key for row in plain.rows if row.key == row.tag and row.key != "mit"]
    for key in others:
        assert ask([under(key)], plain, intent).verdict == ask([under(key)], book, intent).verdict
    mixed = [under("mit"), under("apache-2.0")]
    assert (ask(mixed, book, intent).verdict == Verdict.BLOCK) == (intent in touched)


def test_drift_is_told_with_its_path(knowledge: Knowledge, under: Under) -> None:
    base = under("llama3.1", "meta/base")
    tuned = replace(under("apache-2.0", "ann/tuned"), ancestors=(base,))
    merged = replace(under("mit", "bob/merged"), ancestors=(tuned,))
    decision = ask([merged], knowledge)
    paths = found(decision, "LINEAGE_CONFLICT")
    assert paths == [("bob/merged", "ann/tuned", "meta/base")]
    reason = next(r for r in decision.reasons if r.name == "LINEAGE_CONFLICT")
    assert "bob/merged is labelled mit" in reason.message
    # A label lost further up is told where it was lost, if the source itself has it.
    kept = replace(under("llama3.1", "cat/kept"), ancestors=(tuned,))
    assert found(ask([kept], knowledge), "LINEAGE_CONFLICT") == [
        ("cat/kept", "ann/tuned", "meta/base")
    ]


def test_a_parent_that_nobody_saw_never_passes(knowledge: Knowledge, under: Under) -> None:
    lost = Unseen("org/gone", "finetune", "named by the card; the Hub knows no such model")
    source = replace(under("mit", "child"), unseen=(lost,))
    decision = ask([source], knowledge)
    assert decision.verdict == Verdict.REVIEW
    assert found(decision, "PARENT_UNSEEN") == [("child", "org/gone")]
    strict = ask([source], knowledge, policy=Policy(unseen_parent="block"))
    assert strict.verdict == Verdict.BLOCK
    above = replace(under("apache-2.0", "top"), ancestors=(source,))
    assert found(ask([above], knowledge), "PARENT_UNSEEN") == [("top", "child", "org/gone")]
    over_outputs = replace(source, unseen=(replace(lost, relation="distilled"),))
    softer = ask([over_outputs], knowledge, policy=Policy(unseen_parent="block"))
    assert softer.verdict == Verdict.REVIEW


def test_many_missing_facts_are_counted_and_not_all_listed(
    knowledge: Knowledge, under: Under
) -> None:
    parents = tuple(under("unknown", f"p{i}") for i in range(100))
    bare = tuple(
        replace(p, model=p.model.model_copy(update={"card": Card()}), claims=()) for p in parents
    )
    decision = ask([replace(under("mit", "child"), ancestors=bare)], knowledge)
    assert len(found(decision, "UNKNOWN_LICENSE")) == 20
    (further,) = [r for r in decision.reasons if r.name == "FURTHER_MODELS"]
    assert further.effect == Verdict.BLOCK
    assert further.message.startswith("80 further findings UNKNOWN_LICENSE")


@pytest.mark.parametrize("form", ["chain", "layers"])
def test_a_lineage_may_be_large(form: str, knowledge: Knowledge, under: Under) -> None:
    made = [under("llama2", "root"), under("llama2", "root-2")]
    plain = under("apache-2.0", "m")
    for number in range(1500):
        parents = (made[-1],) if form == "chain" else (made[-1], made[-2])
        made.append(replace(plain, label=f"m{number}", ancestors=parents))
    decision = ask([made[-1]], knowledge)
    assert decision.verdict == Verdict.ATTRIBUTE
    drift = [r for r in decision.reasons if r.name == "LINEAGE_CONFLICT" and r.model == "m1499"]
    assert drift
    assert all(len(reason.path) <= 65 for reason in decision.reasons)
    mixed = ask([made[-1], under("mit", "stranger")], knowledge)
    assert mixed.verdict == Verdict.BLOCK
    assert found(mixed, "IMPROVE_OTHER_MODEL_BAN")


def rider(source: SourceFacts, *riders: Rider) -> SourceFacts:
    claim = LicenseClaim(
        model=source.model.name,
        identity=source.model.identity,
        expression="",
        origin="human",
        by="jo",
        at="2026-01-01T00:00:00Z",
        riders=riders,
    )
    return replace(source, claims=(*source.claims, claim))


@pytest.mark.parametrize(
    ("kind", "finding", "blocked"),
    [
        ("hosting-forbidden", "HOSTING_FORBIDDEN", {"hosted"}),
        ("commercial-forbidden", "COMMERCIAL_USE_FORBIDDEN", {"commercial", "hosted"}),
        ("sharing-forbidden", "REDISTRIBUTION_NOT_GRANTED", {"commercial", "research"}),
    ],
)
def test_riders_forbid(
    kind: Any, finding: str, blocked: set[str], knowledge: Knowledge, under: Under
) -> None:
    below = rider(under("mit", "below"), Rider(kind=kind, where="README.md"))
    source = replace(under("apache-2.0", "above"), ancestors=(below,))
    for intent in INTENTS:
        decision = ask([source], knowledge, intent)
        assert (decision.verdict == Verdict.BLOCK) == (intent in blocked)
        assert found(decision, "EXTRA_TERMS") == [("above", "below")]
        hit = [r for r in decision.reasons if r.name == finding]
        assert bool(hit) == (intent in blocked)
        assert all(r.clause == "README.md" and r.fixes for r in hit)


def test_prefixes_of_riders_and_licences_must_hold_together(
    knowledge: Knowledge, under: Under
) -> None:
    groq = rider(under("llama3", "groq"), Rider(kind="name-prefix", value="Llama-3-Groq"))
    assert ask([groq], knowledge, name="Llama 3 Groq X").verdict == Verdict.ATTRIBUTE
    assert found(ask([groq], knowledge, name="Llama-3-X"), "NAME_RULE") == [("groq",)]
    clash = rider(under("llama3", "own"), Rider(kind="name-prefix", value="Groq"))
    assert ask([clash], knowledge, name="Llama-3-X").verdict == Verdict.BLOCK
    shown = rider(under("mit", "m"), Rider(kind="display", value="Made with M"))
    owed = {(o.kind, o.text) for o in ask([shown], knowledge).obligations}
    assert ("display", "Made with M") in owed


def test_a_claim_that_only_tells_of_riders_leaves_the_licence_to_the_card(
    knowledge: Knowledge, under: Under
) -> None:
    source = rider(under("mit", "m"), Rider(kind="display", value="Made with M"))
    decision = ask([source], knowledge)
    assert [s.key for s in decision.sources] == ["mit"]
    assert decision.verdict == Verdict.ATTRIBUTE


def test_the_own_licence_is_one_more_set_of_terms(knowledge: Knowledge, under: Under) -> None:
    mit = [under("mit")]
    assert ask(mit, knowledge, "commercial", own="apache-2.0").outbound == "Apache-2.0 AND MIT"
    closed = ask(mit, knowledge, "commercial", own="cc-by-nc-4.0")
    assert found(closed, "OWN_LICENSE_NC") == [()]
    assert ask(mit, knowledge, own="cc-by-nc-4.0").verdict == Verdict.ATTRIBUTE
    unknown = ask(mit, knowledge, own="strange")
    assert (unknown.verdict, unknown.outbound) == (Verdict.BLOCK, "NOASSERTION")
    gemma = [under("gemma")]
    assert found(ask(gemma, knowledge, own="mit"), "FLOWDOWN_MISSING") == [("model-gemma",)]
    assert found(ask(gemma, knowledge, own="gemma"), "FLOWDOWN_MISSING") == []
    gpl = ask([under("creativeml-openrail-m")], knowledge, own="gpl-3.0")
    assert found(gpl, "NO_COMPATIBLE_OUTBOUND") == [()]


@pytest.mark.parametrize(
    ("keys", "card", "drifts"),
    [
        (["llama3.1", "mit"], Card(license=("llama3.1",)), False),
        (["llama3.1", "mit"], Card(license=("mit",)), True),
        (["llama3.1"], Card(), True),
        (["mit", "apache-2.0"], Card(license=("cc0-1.0",)), False),
        (["cc-by-sa-4.0", "gpl-3.0"], Card(license=("gpl-3.0",)), False),
        (["cc-by-sa-4.0", "gpl-3.0"], Card(license=("cc-by-sa-4.0",)), True),
        (["llama3.1", "gemma"], Card(license=("other",), license_name="gemma-and-llama3.1"), False),
        (["llama3.1", "gemma"], Card(license=("gemma",)), True),
        (["gpl-3.0", "llama3.1"], Card(license=("mit",)), True),
    ],
)
def test_the_label_of_the_result_is_compared(
    keys: list[str], card: Card, drifts: bool, knowledge: Knowledge, under: Under
) -> None:
    decision = ask([under(key) for key in keys], knowledge, declared=card)
    assert bool(found(decision, "DECLARED_TOO_PERMISSIVE")) == drifts
    assert bool(found(decision, "LINEAGE_CONFLICT")) == drifts
    plain = ask([under(key) for key in keys], knowledge)
    assert decision.verdict == plain.verdict


def test_every_reason_that_stops_a_merge_tells_a_way_on(knowledge: Knowledge, under: Under) -> None:
    for key in sorted(row.key for row in load().rows):
        for intent in INTENTS:
            for context in (HOME, Context(), Context(licensee_territory="DE", mau=10**10)):
                question = Question(intent, Policy(min_kb_confidence="high"), context, "X")
                decision = decide([under(key), under("mit")], question, knowledge)
                for reason in decision.reasons:
                    stops = reason.effect.severity >= Verdict.REVIEW.severity
                    assert reason.fixes or not stops, reason
