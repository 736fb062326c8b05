"""Every licence that is known: what its decision says is owed is written, and found again."""

from dataclasses import replace

import pytest

from evoreg.policies.context import Context
from evoreg.policies.decide import decide
from evoreg.policies.facts import SourceFacts
from evoreg.policies.knowledge.book import load
from evoreg.policies.policy import Policy
from evoreg.policies.question import Question
from evoreg.policies.terms import Terms
from evoreg.provenance.papers import words
from evoreg.provenance.papers.facts import ReleaseFacts, UpstreamFile
from evoreg.provenance.papers.gate import front_of
from evoreg.provenance.papers.license_plan import license_plan
from evoreg.provenance.papers.verify import missing_papers
from evoreg.provenance.papers.write import papers
from evoreg.provenance.records.decision import Decision, Verdict
from evoreg.provenance.records.license import LicenseClaim
from evoreg.provenance.records.model import Model
from tests.papers import papers_example as ex

ROWS = load().rows
ALONE = ("display", "name_prefix", "use_restrictions", "acceptance", "eu_gate", "source_offer")
PLACES = {"README.md", "USE_RESTRICTIONS.md"}
ABROAD = Context(
    kind="academic",
    mau=10,
    annual_revenue_usd=0,
    licensee_territory="JP",
    release_territory=("JP",),
)


def known(model: Model, key: str, **fields: object) -> SourceFacts:
    claim = LicenseClaim(
        model=model.name,
        identity=model.identity,
        expression=key,
        origin="human",
        by="jo@example.org",
        at="2026-01-01T00:00:00Z",
    )
    facts = SourceFacts(model.label, model, claims=(claim,), modality="text")
    return replace(facts, **fields)  # type: ignore[arg-type]


def decided(row: Terms, modality: str = "text") -> Decision:
    first = known(ex.BASE, row.key, modality=modality)
    sources = (first, known(ex.MATH, "apache-2.0"), known(ex.CHAT, "mit"))
    question = Question("research", Policy.default(), ABROAD, name(row))
    return decide(sources, question, load())


def name(row: Terms) -> str:
    return f"lab/{row.name_rule.prefix if row.name_rule else ''}-math"


def released(row: Terms, decision: Decision) -> ReleaseFacts:
    """Facts for the papers, whatever the verdict: here only the duties are looked at."""
    allowed = decision.model_copy(update={"verdict": Verdict.ATTRIBUTE})
    text = UpstreamFile("org/ancestor", "LICENSE", b"terms " * 60, "license", row.expression)
    upstream = (*ex.an_upstream(ex.MODELS)[1:], text)
    return ex.example(name=name(row), decision=allowed, upstream=upstream)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_what_a_licence_asks_for_is_written_and_found(row: Terms) -> None:
    facts = released(row, decided(row))
    written = papers(facts)
    assert written.problems == ()
    plan = license_plan(facts.decision, facts.upstream)
    assert all(text.data is not None for text in plan.texts if text.owed)
    for item in facts.decision.obligations:
        if item.kind not in ALONE:
            continue
        others = tuple(one for one in facts.decision.obligations if one != item)
        less = facts.decision.model_copy(update={"obligations": others})
        again = papers(replace(facts, decision=less))
        found = missing_papers(again.files, facts.decision, upstream=facts.upstream)
        assert {problem.where for problem in found} & PLACES, item


def test_flow_down_and_display_of_real_licences() -> None:
    book = {row.key: row for row in ROWS}
    gemma = released(book["gemma"], decided(book["gemma"]))
    card = papers(gemma).files["README.md"].decode()
    front = front_of(card)
    assert "Gemma" in str(front["extra_gated_prompt"])
    assert front["extra_gated_fields"] == {words.AGREE: "checkbox"}
    assert "extra_gated_eu_disallowed" not in front
    qwen = released(book["qwen-2024"], decided(book["qwen-2024"]))
    files = dict(papers(qwen).files)
    assert b"\n**Built with Qwen**\n" in files["README.md"]
    files["README.md"] = files["README.md"].replace(b"**Built with", b"**Improved using")
    assert missing_papers(files, qwen.decision, upstream=qwen.upstream) == ()
    kimi = released(book["kimi-k3"], decided(book["kimi-k3"]))
    card = papers(kimi).files["README.md"].decode()
    assert "**Kimi K3**" not in card
    assert "Only under a condition (UI of products" in card
    assert 'show "Kimi K3".' in card


@pytest.mark.parametrize(
    ("key", "modality", "gated"),
    [
        ("hunyuan-community-a13b", "text", True),
        ("hunyuan3d-2.0", "text", True),
        ("llama3.2", "multimodal", True),
        ("llama3.2", "text", False),
        ("llama3.1", "multimodal", False),
        ("gemma", "text", False),
    ],
)
def test_who_gives_nothing_in_the_union_is_gated(key: str, modality: str, gated: bool) -> None:
    row = load().by_key(key)
    assert row is not None
    facts = released(row, decided(row, modality))
    front = front_of(papers(facts).files["README.md"].decode())
    assert (front.get("extra_gated_eu_disallowed") is True) is gated
    assert ("the European Union" in str(front.get("extra_gated_prompt"))) is gated
