"""Laws of a decision, whatever the sources are."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.policies.context import Context
from evoreg.policies.decide import decide
from evoreg.policies.facts import SourceFacts
from evoreg.policies.knowledge.book import Knowledge, load
from evoreg.policies.outbound import card_fields
from evoreg.policies.policy import Policy
from evoreg.policies.question import Question
from evoreg.provenance.records.decision import INTENTS, Decision, Intent, Verdict
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.model import Card, File, Model

Under = Callable[..., SourceFacts]
SMALL = Context(
    mau=10, annual_revenue_usd=0, licensee_territory="JP", release_territory=("US", "JP")
)
KEYS = sorted(row.key for row in load().rows)


def ask(
    sources: list[SourceFacts],
    knowledge: Knowledge,
    intent: Intent = "commercial",
    *,
    context: Context = SMALL,
    policy: Policy | None = None,
    name: str | None = None,
) -> Decision:
    return decide(
        sources,
        Question(intent, policy or Policy.default(), context, name),
        knowledge,
    )


def reasons(decision: Decision) -> dict[str, str]:
    """Return the worst effect of each finding, without the notes."""
    found: dict[str, str] = {}
    for reason in reversed(decision.reasons):
        if reason.effect not in (Verdict.ALLOW, Verdict.ATTRIBUTE):
            found[reason.name] = reason.effect.value
    return found


@pytest.mark.parametrize("key", KEYS)
def test_every_row_decides_on_every_intent(key: str, knowledge: Knowledge, under: Under) -> None:
    row = knowledge.by_key(key)
    assert row is not None
    for intent in INTENTS:
        for name in (None, "org/Some-Model"):
            decision = ask([under(key)], knowledge, intent, name=name)
            assert Decision.from_canonical(decision.canonical()) == decision
            assert decision.verdict == max(
                (r.effect for r in decision.reasons), key=lambda v: v.severity, default="allow"
            )
            assert decision.knowledge == knowledge.digest
            if row.kind in ("unknown", "other"):
                assert decision.verdict == Verdict.BLOCK
                assert decision.outbound == "NOASSERTION"
            else:
                assert decision.outbound == row.expression
                assert [s.key for s in decision.sources] == [key]


@pytest.mark.parametrize("intent", INTENTS)
def test_unknown_never_passes_whatever_the_policy(
    intent: Intent, knowledge: Knowledge, under: Under
) -> None:
    mild = Policy(
        unknown="review",
        improve_other_models="review",
        nc_for_companies="review",
        min_kb_confidence="low",
    )
    nothing = replace(under("mit"), model=under("mit").model.model_copy(update={"card": Card()}))
    for source in (under("unknown"), under("other"), nothing):
        assert ask([source, under("mit")], knowledge, intent).verdict == Verdict.BLOCK
        assert ask([source], knowledge, intent, policy=mild).verdict == Verdict.REVIEW
    assert ask([], knowledge, intent, policy=mild).verdict == Verdict.BLOCK


CHOICES = st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True)


@settings(max_examples=120, deadline=None)
@given(
    keys=CHOICES, more=st.sampled_from(KEYS), intent=st.sampled_from(INTENTS), seed=st.integers()
)
def test_laws(
    keys: list[str], more: str, intent: Intent, seed: int, knowledge: Knowledge, under: Under
) -> None:
    sources = [under(key) for key in keys]
    decision = ask(sources, knowledge, intent, name="Llama-3-X")
    # A source more never helps, as a source or as an ancestor.
    worse = ask([*sources, under(more, "one more")], knowledge, intent, name="Llama-3-X")
    assert worse.verdict.severity >= decision.verdict.severity
    child = replace(sources[0], ancestors=(under(more, "one more"),))
    if more not in keys:
        below = ask([child, *sources[1:]], knowledge, intent, name="Llama-3-X")
        if not any(r.name == "IMPROVE_OTHER_MODEL_BAN" for r in decision.reasons):
            assert below.verdict.severity >= decision.verdict.severity
    # Order and repetition change nothing.
    mixed = [*sources, *sources]
    random.Random(seed).shuffle(mixed)
    again = ask(mixed, knowledge, intent, name="Llama-3-X")
    assert again.reasons == decision.reasons
    assert again.obligations == decision.obligations
    assert again.outbound == decision.outbound
    assert sorted(again.sources, key=lambda s: s.model) == sorted(
        decision.sources, key=lambda s: s.model
    )
    assert Decision.from_canonical(decision.canonical()) == decision
    severities = [reason.effect.severity for reason in decision.reasons]
    assert severities == sorted(severities, reverse=True)


@settings(max_examples=60, deadline=None)
@given(keys=CHOICES, intent=st.sampled_from(INTENTS))
def test_missing_facts_are_never_better_than_small_ones(
    keys: list[str], intent: Intent, knowledge: Knowledge, under: Under
) -> None:
    sources = [under(key) for key in keys]
    known = ask(sources, knowledge, intent)
    unknown = ask(sources, knowledge, intent, context=Context())
    assert unknown.verdict.severity >= known.verdict.severity


def test_a_choice_takes_the_best_and_says_so(knowledge: Knowledge, under: Under) -> None:
    base = under("mit", "dual")
    dual = replace(base, model=base.model.model_copy(update={"card": _card("mit OR gpl-2.0")}))
    decision = ask([dual, under("apache-2.0")], knowledge)
    assert decision.verdict == Verdict.ATTRIBUTE
    assert decision.outbound == "Apache-2.0 AND MIT"
    (choice,) = [r for r in decision.reasons if r.name == "LICENSE_CHOICE"]
    assert choice.message == "Of GPL-2.0-only OR MIT, MIT was chosen."
    with_gpl3 = replace(base, model=base.model.model_copy(update={"card": _card("gpl-2.0+")}))
    assert ask([with_gpl3, under("apache-2.0")], knowledge).outbound == "GPL-3.0-only"
    every = [_renamed(dual, f"dual-{i}") for i in range(9)]
    refused = ask(every, knowledge)
    assert reasons(refused)["UNKNOWN_LICENSE"] == "block"


def _card(license: str) -> Card:
    return Card(license=(license,))


def _renamed(source: SourceFacts, label: str) -> SourceFacts:
    return replace(source, label=label)


def test_several_licences_of_one_card_all_apply(knowledge: Knowledge) -> None:
    weights = File(path="w.safetensors", size=1, digest=digest_of(b"w"), role="weights")
    card = Card(license=("gpl-2.0", "apache-2.0"))
    model = Model(name="m", origin="local", files=(weights,), card=card)
    decision = ask([SourceFacts("m", model)], knowledge)
    assert reasons(decision) == {"NO_COMPATIBLE_OUTBOUND": "block"}


def test_only_an_exact_zero_drops_out(knowledge: Knowledge, under: Under) -> None:
    none = replace(under("cc-by-nc-4.0"), share="0.000000000")
    apache = under("apache-2.0")
    assert ask([none, apache], knowledge).verdict == Verdict.BLOCK
    decision = ask([replace(none, used=False), apache], knowledge)
    assert decision.verdict == Verdict.ATTRIBUTE
    assert [s.key for s in decision.sources] == ["apache-2.0"]
    assert "SOURCE_NOT_USED" in {reason.name for reason in decision.reasons}


@pytest.mark.parametrize(
    ("mau", "revenue", "verdict"),
    [(99, 1_000_000, "attribute"), (99, 1_000_001, "block"), (None, 5, "attribute"),
     (99, None, "review")],
)  # fmt: skip
def test_revenue_limits(
    mau: int | None, revenue: int | None, verdict: str, knowledge: Knowledge, under: Under
) -> None:
    context = SMALL.model_copy(update={"mau": mau, "annual_revenue_usd": revenue})
    sources = [under("stability-community-2024")]
    assert ask(sources, knowledge, context=context).verdict.value == verdict


def test_a_monthly_limit_and_a_year_between(knowledge: Knowledge, under: Under) -> None:
    policy = Policy(min_kb_confidence="low")
    verdicts = [
        ask(
            [under("mistral-modified-mit")],
            knowledge,
            policy=policy,
            context=SMALL.model_copy(update={"annual_revenue_usd": revenue}),
        ).verdict.value
        for revenue in (20_000_000, 20_000_001, 240_000_000, 240_000_001)
    ]
    assert verdicts == ["attribute", "review", "review", "block"]


def test_user_limits_bind_research_only_where_no_right_remains(
    knowledge: Knowledge, under: Under
) -> None:
    huge = SMALL.model_copy(update={"mau": 800_000_000})
    llama, qwen = [under("llama3.1")], [under("qwen-2024")]
    for intent in INTENTS:
        assert reasons(ask(llama, knowledge, intent, context=huge)) == {"MAU_THRESHOLD": "block"}
    assert ask(qwen, knowledge, "research", context=huge).verdict == Verdict.ATTRIBUTE
    assert ask(qwen, knowledge, "hosted", context=huge).verdict == Verdict.BLOCK
    # A limit that only asks for a display never blocks.
    assert ask([under("kimi-k2-modified-mit")], knowledge, context=huge).verdict == "attribute"


@pytest.mark.parametrize(
    ("home", "reach", "found"),
    [
        ("JP", ("US",), {}),
        ("JP", ("US", "GB"), {"TERRITORY_EXCLUDED": "block"}),
        ("JP", ("DE",), {"TERRITORY_EXCLUDED": "block"}),
        ("FR", ("US",), {"TERRITORY_EXCLUDED": "block"}),
        ("JP", ("WORLD",), {"TERRITORY_EXCLUDED": "block"}),
        (None, ("US",), {"TERRITORY_CONTEXT_MISSING": "review"}),
        ("JP", None, {"TERRITORY_CONTEXT_MISSING": "review"}),
        ("JP", ("CH",), {}),
    ],
)
def test_territories(
    home: str | None,
    reach: tuple[str, ...] | None,
    found: dict[str, str],
    knowledge: Knowledge,
    under: Under,
) -> None:
    context = SMALL.model_copy(update={"licensee_territory": home, "release_territory": reach})
    for intent in INTENTS:
        decision = ask([under("hunyuan-community-a13b")], knowledge, intent, context=context)
        assert reasons(decision) == found


def test_a_licensee_in_the_eu_and_a_model_of_unknown_kind(
    knowledge: Knowledge, under: Under
) -> None:
    context = SMALL.model_copy(update={"licensee_territory": "DE"})
    for modality, effect in (("text", None), ("multimodal", "block"), (None, "review")):
        source = under("llama3.2", modality=modality)
        found = reasons(ask([source], knowledge, context=context))
        assert found == ({"TERRITORY_EXCLUDED_LICENSEE": effect} if effect else {})


def test_a_ban_hidden_in_the_lineage_is_found(knowledge: Knowledge, under: Under) -> None:
    merged = replace(
        under("apache-2.0", "laundered"),
        ancestors=(under("llama2", "a llama"), under("mit", "a stranger")),
    )
    decision = ask([merged], knowledge, "research")
    (ban,) = [r for r in decision.reasons if r.name == "IMPROVE_OTHER_MODEL_BAN"]
    assert (ban.model, ban.path) == ("laundered", ("laundered", "a llama"))
    assert "a stranger" in ban.message
    assert {"TRANSITIVE", "LINEAGE_CONFLICT"} <= {r.name for r in decision.reasons}


def test_names_that_exclude_each_other_can_never_be_met(knowledge: Knowledge, under: Under) -> None:
    sources = [under("exaone-1.2-nc"), under("llama3.1")]
    assert reasons(ask(sources, knowledge, "research")) == {"NAME_RULE": "block"}
    both = [under("llama3"), replace(under("llama3", "x"), ancestors=(under("llama3.1"),))]
    assert ask(both, knowledge, "research", name="LLAMA_3--x").verdict == Verdict.ATTRIBUTE
    broken = ask(both, knowledge, "research", name="org/Llama-x")
    (rule,) = {r.fixes for r in broken.reasons if r.name == "NAME_RULE"}
    assert rule == ("rename it, for example to Llama-3-Llama-x",)
    avoided = under("qwen-research-2026")
    assert reasons(ask([avoided], knowledge, "research", name="Qwen-x")) == {"NAME_RULE": "block"}
    assert reasons(ask([avoided], knowledge, "research", name="X-of-Qwen")) == {}


def test_clauses_about_outputs_travel_alone(knowledge: Knowledge, under: Under) -> None:
    def taught_by(key: str, name: str) -> dict[str, str]:
        teacher = under(key, "teacher", relation="synthetic_data")
        return reasons(ask([under("mit"), teacher], knowledge, name=name))

    assert taught_by("llama3.1", "X") == {"OUTPUT_INFLUENCE_NAME_RULE": "review"}
    assert taught_by("llama3.1", "Llama-X") == {}
    assert taught_by("qwen-2024", "X") == {"OUTPUT_INFLUENCE_DISPLAY": "review"}
    assert taught_by("llama2", "X") == {"OUTPUT_INFLUENCE_BAN": "review"}
    assert taught_by("gemma", "X") == {"OUTPUT_INFLUENCE_DERIVATIVE": "review"}
    assert taught_by("mrl-0.1", "X") == {"OUTPUT_INFLUENCE_USE": "review"}
    assert taught_by("cc-by-nc-4.0", "X") == {}
    assert taught_by("unknown", "X") == {}
    data = under("gpl-3.0", relation="dataset")
    assert reasons(ask([under("mit"), data], knowledge)) == {}
    alone = under("mit", relation="distilled")
    assert ask([alone], knowledge).verdict == Verdict.BLOCK


def test_an_adapter_brings_its_terms(knowledge: Knowledge, under: Under) -> None:
    nc = under("cc-by-nc-4.0", "adapter").model
    base = under("llama2", "base")
    pair = replace(base, model=base.model.model_copy(update={"adapter": nc}))
    decision = ask([pair], knowledge)
    assert reasons(decision) == {"COMMERCIAL_USE_FORBIDDEN": "block"}
    assert decision.outbound == "CC-BY-NC-4.0 AND LicenseRef-scancode-llama-2-license-2023"
    (settled,) = decision.sources
    assert settled.expression == decision.outbound
    assert settled.identity == pair.model.identity


def test_policy_may_leave_a_companys_free_release_open(knowledge: Knowledge, under: Under) -> None:
    policy = Policy(nc_for_companies="review")
    nc, flux = [under("cc-by-nc-4.0")], [under("flux-1-dev-nc-1.1.1")]
    assert ask(nc, knowledge, policy=policy).verdict == Verdict.REVIEW
    assert ask(nc, knowledge, "hosted", policy=policy).verdict == Verdict.BLOCK
    assert ask(flux, knowledge, policy=policy).verdict == Verdict.BLOCK


@pytest.mark.parametrize(
    ("keys", "outbound"),
    [
        (["cc-by-sa-4.0", "mit"], "CC-BY-SA-4.0"),
        (["cc-by-nc-sa-4.0", "cc-by-nc-4.0"], "CC-BY-NC-SA-4.0"),
        (["cc-by-nc-sa-4.0", "flux-1-dev-nc-1.1.1"], "NOASSERTION"),
        (["gpl-3.0", "agpl-3.0"], "AGPL-3.0-only"),
        (["cc-by-sa-4.0", "llama3.1"], "NOASSERTION"),
        (["creativeml-openrail-m", "mit"], "LicenseRef-scancode-stable-diffusion-2022-08-22 AND "
         "MIT"),
        (["gpl-2.0", "gpl-3.0"], "NOASSERTION"),
    ],
)  # fmt: skip
def test_outbound(keys: list[str], outbound: str, knowledge: Knowledge, under: Under) -> None:
    decision = ask([under(key) for key in keys], knowledge, "research")
    assert decision.outbound == outbound
    assert (outbound == "NOASSERTION") == ("NO_COMPATIBLE_OUTBOUND" in reasons(decision))


@pytest.mark.parametrize(
    ("expression", "fields"),
    [
        ("Apache-2.0", ("apache-2.0", None, None)),
        ("GPL-3.0-only", ("gpl-3.0", None, None)),
        ("LicenseRef-scancode-llama-3.1-license-2024", ("llama3.1", None, None)),
        ("LicenseRef-evoreg-kimi-k3", ("other", "kimi-k3", "LICENSE")),
        ("Apache-2.0 AND MIT", ("other", "apache-2.0-and-mit", "LICENSES/README.md")),
        ("LicenseRef-evoreg-mistral-modified-mit", ("other", "mistral-modified-mit", "LICENSE")),
        ("NOASSERTION", ("unknown", None, None)),
        ("nonsense", ("unknown", None, None)),
    ],
)
def test_card_fields(
    expression: str, fields: tuple[str, str | None, str | None], plain: Knowledge
) -> None:
    found = card_fields(expression, plain)
    assert (found.license, found.license_name, found.license_link) == fields


def test_notices_are_carried_word_for_word(knowledge: Knowledge, under: Under) -> None:
    notice = "Product X\nCopyright 2024 Y\n"
    apache = replace(under("apache-2.0"), texts=(("NOTICE.txt", notice.encode()),))
    decision = ask([apache, under("llama3.1")], knowledge, name="Llama-X")
    texts = [o.text for o in decision.obligations if o.kind == "notice"]
    assert texts == [
        notice,
        "Llama 3.1 is licensed under the Llama 3.1 Community License, Copyright © Meta Platforms, "
        "Inc. All Rights Reserved.",
    ]
    kinds = {(o.kind, o.text) for o in decision.obligations}
    assert {("name_prefix", "Llama"), ("display", "Built with Llama")} <= kinds


def test_a_service_owes_gemma_the_terms_and_not_the_notice_file(
    knowledge: Knowledge, under: Under
) -> None:
    kinds = {o.kind for o in ask([under("gemma")], knowledge, "hosted").obligations}
    assert kinds == {"license_text", "use_restrictions", "attribution"}


@pytest.mark.parametrize(
    ("key", "intent", "found"),
    [
        ("odbl", "research", {"LICENSE_TYPE_MISMATCH": "review"}),
        ("bsd", "research", {"LICENSE_FAMILY": "review", "LOW_CONFIDENCE": "review"}),
        ("h-research", "research", {"CONDITIONAL_TERMS": "review", "LOW_CONFIDENCE": "review"}),
        ("mrl-0.1", "research", {"CONDITIONAL_TERMS": "review"}),
        ("baichuan2-community", "hosted", {"CONDITIONAL_TERMS": "review"}),
        ("playground-v2", "commercial", {"THRESHOLD_CONTEXT_MISSING": "review"}),
        ("cc-by-nd-4.0", "hosted", {"CONDITIONAL_TERMS": "review"}),
        (
            "cc-by-nc-4.0",
            "hosted",
            {"COMMERCIAL_USE_FORBIDDEN": "block", "HOSTING_FORBIDDEN": "block"},
        ),
        ("falcon-180b", "hosted", {"HOSTING_FORBIDDEN": "block"}),
        ("falcon-180b", "commercial", {}),
        ("afl-3.0", "hosted", {}),
        ("intel-research", "hosted", {
            "COMMERCIAL_USE_FORBIDDEN": "block", "HOSTING_FORBIDDEN": "block",
            "DERIVATIVES_NOT_GRANTED": "block", "MERGE_FORBIDDEN": "block",
        }),
    ],
)  # fmt: skip
def test_single_rows(
    key: str, intent: Intent, found: dict[str, str], knowledge: Knowledge, under: Under
) -> None:
    assert reasons(ask([under(key)], knowledge, intent)) == found


def test_the_policy_says_how_well_a_row_must_have_been_read(
    knowledge: Knowledge, under: Under
) -> None:
    zlib, glm = [under("zlib")], [under("nvidia-nemotron-oml")]
    strict, mild = Policy(min_kb_confidence="high"), Policy(min_kb_confidence="low")
    assert reasons(ask(zlib, knowledge)) == {}
    assert reasons(ask(zlib, knowledge, policy=strict)) == {"LOW_CONFIDENCE": "review"}
    assert reasons(ask(glm, knowledge)) == {"LOW_CONFIDENCE": "review"}
    assert reasons(ask(glm, knowledge, policy=mild)) == {}
