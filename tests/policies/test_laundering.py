"""Attempts to make a licence look laxer than it is, each of which must fail."""

import random
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.policies.context import Context
from evoreg.policies.decide import decide
from evoreg.policies.expressions import parse
from evoreg.policies.facts import SourceFacts, Unseen
from evoreg.policies.knowledge.book import Knowledge, load
from evoreg.policies.normal import fingerprint
from evoreg.policies.permissions import Standing
from evoreg.policies.policy import EVERYTHING, Listing, Permission, Policy, Rule, Severity
from evoreg.policies.question import Question
from evoreg.policies.texts import pointer
from evoreg.provenance.papers.license_texts import corpus
from evoreg.provenance.records.decision import INTENTS, Decision, Intent
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.license import Evidence, LicenseClaim, Rider
from evoreg.provenance.records.model import Card, File, Model
from tests.policies.lineages import lineages, questions

COHERE = "All the words of an addendum to a licence without commerce."
WORDS = {
    "CC-BY-NC-4.0": "All the words of a licence without commerce.",
    "LicenseRef-evoreg-cohere-cc-by-nc-aup": COHERE,
}
BOOK = load().with_texts({**corpus(), **WORDS})
MIT = (("LICENSE", corpus()["MIT"].encode()),)
NC = (("LICENSE", WORDS["CC-BY-NC-4.0"].encode()),)
TODAY = "2026-11-22"
BLOCKED = {"UNKNOWN_LICENSE", "COMMERCIAL_USE_FORBIDDEN"}
HOME = Context(licensee_territory="JP", release_territory=("JP",))


def model(name: str, *tags: str, **fields: Any) -> Model:
    file = File(path="m.safetensors", size=8, digest=digest_of(name.encode()), role="weights")
    return Model(name=name, origin="local", files=(file,), card=Card(license=tags, **fields))


def source(*tags: str, name: str = "org/m", link: str | None = None, **facts: Any) -> SourceFacts:
    fields = {} if link is None else {"license_link": link}
    return SourceFacts(name, model(name, *tags, **fields), modality="text", **facts)


def claimed(about: SourceFacts, says: str, **changes: Any) -> SourceFacts:
    told = LicenseClaim(
        model=about.model.name,
        identity=about.model.identity,
        expression=says,
        **{"origin": "human", "by": "jo", "at": "2026-01-01T00:00:00Z", **changes},
    )
    return replace(about, claims=(*about.claims, told))


def on(about: SourceFacts, adapter: SourceFacts) -> SourceFacts:
    pair = about.model.model_copy(update={"adapter": adapter.model})
    return replace(about, model=pair, adapter=adapter)


def ask(
    *sources: SourceFacts, intent: Intent = "commercial", book: Knowledge = BOOK, **asked: Any
) -> Decision:
    asked = {"policy": Policy.default(), "context": HOME, "today": TODAY, **asked}
    return decide(sources, Question(intent, **asked), book)


def names(decision: Decision, effect: str) -> set[str]:
    return {reason.name for reason in decision.reasons if reason.effect == effect}


def permission(about: Model, *keys: str) -> Permission:
    return Permission(
        model=f"{about.name}@{about.identity}",
        allow=keys,
        intents=("commercial",),
        reason="a letter",
        approved_by="jo",
        expires="2027-01-01",
    )


def test_a_card_that_cannot_be_read_whole_keeps_the_part_that_can() -> None:
    strange = source("cc-by-nc-4.0", "nobody-knows-this")
    many = source("cc-by-nc-4.0", *["MIT OR Apache-2.0 OR BSD-2-Clause OR ISC OR Zlib"] * 3)
    padded = source(*["mit"] * 16, "cc-by-nc-4.0")
    for card in (strange, many, padded):
        assert ask(card).verdict == "block"
        assert ask(card, policy=Policy(unknown="review")).verdict == "block"
        assert ask(card).outbound == "NOASSERTION"
        assert ask(replace(card, texts=MIT)).verdict == "block"
        assert ask(claimed(card, "mit")).verdict == "block"
    endless = source("cc-by-nc-4.0", *["MIT OR Apache-2.0 OR BSD-2-Clause OR ISC OR Zlib"] * 15)
    start = time.process_time()
    assert ask(replace(endless, texts=MIT)).verdict == "block"
    assert time.process_time() - start < 2
    other = source("cc-by-nc-4.0", "other", link="https://opensource.org/licenses/MIT")
    assert ask(other).verdict == "block"
    assert ask(claimed(other, "mit")).verdict == "block"
    read = Evidence(kind="file", locator="LICENSE", digest=digest_of(MIT[0][1]))
    assert ask(claimed(strange, "mit", evidence=read)).verdict == "attribute"


def test_a_text_behind_a_tag_does_not_hide_the_other_tags() -> None:
    texts = (("LICENSE", COHERE.encode()),)
    assert ask(source("cc-by-nc-4.0", texts=texts), intent="research").verdict == "attribute"
    both = source("cc-by-nc-nd-4.0", "cc-by-nc-4.0", texts=texts)
    assert ask(both, intent="research").verdict == "block"


def test_a_card_offers_no_choice_that_its_text_does_not_give() -> None:
    assert ask(source("MIT OR cc-by-nc-4.0")).outbound == "MIT"
    assert ask(source("MIT OR cc-by-nc-4.0", texts=MIT)).verdict == "review"
    assert ask(source("MIT OR cc-by-nc-4.0", texts=NC)).verdict == "block"
    both = (*MIT, ("LICENSE-NC", NC[0][1]))
    assert ask(source("MIT OR cc-by-nc-4.0", texts=both)).outbound == "MIT"
    gpl = (("COPYING", corpus()["GPL-2.0-only"].encode()),) if "GPL-2.0-only" in corpus() else ()
    assert ask(source("gpl-2.0+", texts=gpl)).verdict == "attribute"


@pytest.mark.parametrize(
    "text",
    [
        "Commercial use is prohibited. See https://opensource.org/licenses/MIT",
        "https://opensource.org/licenses/MIT and you owe us ten percent",
        "MIT License (https://opensource.org/licenses/MIT), non-commercial",
    ],
)
def test_a_condition_beside_a_link_is_a_text_that_nobody_read(text: str) -> None:
    assert pointer(text.encode()) is None
    decision = ask(source("mit", texts=(("LICENSE", text.encode()),)))
    assert names(decision, "review") == {"METADATA_CONTRADICTION"}


@pytest.mark.parametrize(
    "text",
    [
        "https://opensource.org/licenses/MIT",
        "Please see the full licence text at https://example.org/terms.",
        "This model is released under the license found here: <https://example.org/terms>",
    ],
)
def test_a_link_with_plain_words_is_a_pointer(text: str) -> None:
    assert pointer(text.encode()) is not None


def test_a_claim_about_a_pair_does_not_hide_the_adapter() -> None:
    """A rider, an outdated claim or one without a file are no reason to forget a licence."""
    pair = on(source("mit"), source("cc-by-nc-4.0", name="org/a"))
    rider = Rider(kind="name-prefix", value="Acme")
    gone = Evidence(kind="file", locator="LICENSE", digest=digest_of(b"another state"))
    for told in (
        pair,
        claimed(pair, "", riders=(rider,)),
        claimed(pair, "mit", origin="clarification", evidence=gone),
        claimed(pair, "mit"),
    ):
        assert ask(told).verdict == "block"
    decision = ask(claimed(pair, "", riders=(rider,)))
    assert [o.text for o in decision.obligations if o.kind == "name_prefix"] == ["Acme"]
    proven = Evidence(kind="file", locator="letter.txt", digest=digest_of(b"a letter"))
    assert ask(claimed(pair, "mit", evidence=proven)).verdict == "attribute"
    none = ask(claimed(pair, "NONE"))
    assert "NO_LICENSE_GRANT" in names(none, "block")


def test_a_claim_about_a_pair_does_not_hide_what_the_adapter_was_made_from() -> None:
    adapter = source("mit", name="org/a", ancestors=(source("cc-by-nc-4.0", name="org/far"),))
    assert ask(claimed(on(source("mit"), adapter), "mit")).verdict == "block"
    blind = source("mit", name="org/a", unseen=(Unseen("org/x", "finetune", "its card"),))
    assert ask(claimed(on(source("mit"), blind), "mit")).verdict == "review"


def test_an_exception_for_a_base_does_not_cover_an_adapter_on_it() -> None:
    base, adapter = source("cc-by-nc-4.0"), source("cc-by-nc-4.0", name="org/a")
    pair = on(base, adapter)

    def verdict(*models: Model) -> str:
        given = tuple(permission(item, "cc-by-nc-4.0") for item in models)
        return ask(pair, policy=Policy(exceptions=given)).verdict

    assert verdict(base.model) == "block"
    assert verdict(adapter.model) == "block"
    assert verdict(base.model, adapter.model) == "attribute"
    assert verdict(pair.model) == "attribute"
    child = source("cc-by-nc-4.0", name="org/child", ancestors=(pair,))
    above = Policy(exceptions=(permission(child.model, "cc-by-nc-4.0"),))
    assert ask(child, policy=above).verdict == "attribute"
    # Reached beside the exception as well, the adapter is not covered.
    assert ask(child, pair, policy=above).verdict == "block"
    wide = source("mit", name="org/top", ancestors=(child, pair))
    assert ask(wide, policy=above).verdict == "block"


def test_an_exception_lifts_neither_rules_of_the_house_nor_what_nobody_knows() -> None:
    nc = source("cc-by-nc-4.0")
    given = (permission(nc.model, "cc-by-nc-4.0"),)
    rule = Rule(id="never", when='source.model == "org/m"', then="block")
    assert ask(nc, policy=Policy(exceptions=given)).verdict == "attribute"
    assert ask(nc, policy=Policy(exceptions=given, rules=(rule,))).verdict == "block"
    nothing = (permission(nc.model, "unknown", "other", "NOASSERTION"),)
    for tag in ("unknown", "other"):
        blank = source(tag)
        assert ask(blank, policy=Policy(exceptions=nothing)).verdict == "block"


def test_rules_see_models_without_a_licence_and_teachers() -> None:
    block = Rule(id="never", when='source.model == "org/m"', then="block")
    mild = Policy(unknown="review", rules=(block,))
    assert ask(source(), policy=mild).verdict == "block"
    taught = source("mit", relation="distilled")
    student = source("mit", name="org/s")
    assert ask(student, taught).verdict == "attribute"
    assert ask(student, taught, policy=mild).verdict == "block"
    kind = Rule(id="taught", when='source.relation == "distilled"', then="review")
    assert ask(student, taught, policy=Policy(rules=(kind,))).verdict == "review"


def test_an_unknown_licence_does_not_reconcile_two_others() -> None:
    mild = Policy(unknown="review")
    against = (source("gpl-3.0", name="org/a"), source("llama3.1", name="org/b"))
    for more in ((), (source("unknown"),), (source(),), (source("gpl-3.0", "strange"),)):
        decision = ask(*against, *more, policy=mild)
        assert "NO_COMPATIBLE_OUTBOUND" in names(decision, "block")


@pytest.mark.parametrize("name", ["Qwen-x", "\u200bQwen-x", "org/\u202eqwen", "\uff31wen-x"])
def test_a_name_that_must_not_be_is_seen_through_its_letters(name: str) -> None:
    decision = ask(claimed(source(), "qwen-research-2026"), intent="research", name=name)
    assert "NAME_RULE" in names(decision, "block")


def test_no_release_territory_is_no_pass() -> None:
    nowhere = Context(licensee_territory="JP", release_territory=())
    hunyuan = claimed(source(), "hunyuan-community-a13b")
    assert "TERRITORY_CONTEXT_MISSING" in names(ask(hunyuan, context=nowhere), "review")


@pytest.mark.parametrize("place", ["AX", "GF", "GP", "MF", "MQ", "RE", "YT", "DE"])
def test_every_part_of_the_european_union_is_in_it(place: str) -> None:
    there = Context(licensee_territory="JP", release_territory=(place,))
    hunyuan = claimed(source(), "hunyuan-community-a13b")
    assert "TERRITORY_EXCLUDED" in names(ask(hunyuan, context=there), "block")


def test_a_total_is_not_settled_by_the_figure_of_one_year() -> None:
    row = BOOK.by_key("glm-5.3")
    assert row is not None
    assert row.revenue[0].period == "total"
    usd = row.revenue[0].usd
    glm = claimed(source(), "glm-5.3")
    for revenue, effect, finding in (
        (usd, "review", "THRESHOLD_CONTEXT_MISSING"),
        (1, "review", "THRESHOLD_CONTEXT_MISSING"),
        (usd + 1, "block", "REVENUE_THRESHOLD"),
    ):
        asked = HOME.model_copy(update={"annual_revenue_usd": revenue, "mau": 1})
        assert finding in names(ask(glm, context=asked), effect)


@pytest.mark.parametrize("own", ["other", "unknown", "mit AND unknown"])
def test_an_own_licence_without_terms_is_refused(own: str) -> None:
    decision = ask(source("mit"), intent="research", own=own)
    assert (decision.verdict, decision.outbound) == ("block", "NOASSERTION")


@pytest.mark.parametrize("text", ["()", "MIT AND ()", "mit OR (())", "(" * 900, "WITH", "mit +"])
def test_broken_expressions_are_values(text: str) -> None:
    assert not parse(text, BOOK).known
    assert ask(source(text)).verdict == "block"


def test_hostile_texts_take_no_time() -> None:
    start = time.process_time()
    for text in ("mit license" + "-" * 250_000 + "x", "all rights reserved " * 12_000 + "x"):
        fingerprint(text)
    assert time.process_time() - start < 2


def test_a_condition_in_a_copyright_line_is_a_word_like_others() -> None:
    plain = corpus()["MIT"]
    line = "Copyright (c) 2024 Acme. Everyone owes Acme ten percent of earnings.\n"
    assert BOOK.rows_of_text(f"Copyright (c) 2024 Acme\n{plain}".encode())
    assert BOOK.rows_of_text((line + plain).encode()) == ()


TAGS = st.sampled_from(
    [
        *("mit", "apache-2.0", "cc-by-nc-4.0", "cc-by-nc-nd-4.0", "gpl-3.0", "llama3.1", "strange"),
        *("MIT OR cc-by-nc-4.0", "MIT OR strange", "other", "unknown", "gpl-2.0+"),
    ]
)
TEXTS = (b"Nobody knows these words.", MIT[0][1], NC[0][1], COHERE.encode())


@settings(max_examples=100, deadline=None)
@given(
    tags=st.lists(TAGS, min_size=1, max_size=4).filter(lambda t: {*t} - {"other", "unknown"}),
    more=st.lists(TAGS, min_size=1, max_size=20),
    texts=st.lists(st.sampled_from(TEXTS), max_size=2, unique=True),
    says=st.sampled_from(("", "mit", "cc-by-nc-4.0", "MIT OR cc-by-nc-4.0")),
    intent=st.sampled_from(INTENTS),
    unknown=st.sampled_from(("block", "review")),
)
def test_a_refused_card_stays_refused_whatever_is_added(
    tags: list[str],
    more: list[str],
    texts: list[bytes],
    says: str,
    intent: Intent,
    unknown: Severity,
) -> None:
    files = tuple((f"LICENSE-{number}", data) for number, data in enumerate(texts))

    def verdict(names: list[str]) -> str:
        card = source(*names, texts=files)
        card = claimed(card, says) if says else card
        return ask(card, intent=intent, policy=Policy(unknown=unknown)).verdict

    if verdict(tags) == "block" and "unknown" not in tags:
        assert verdict([*tags, *more]) == "block"


@settings(max_examples=60, deadline=None)
@given(lineages(), questions, st.randoms())
def test_order_and_repetition_change_nothing(
    sources: list[SourceFacts], asked: Question, chance: random.Random
) -> None:
    shuffled = [*sources, chance.choice(sources)]
    chance.shuffle(shuffled)
    first, second = decide(sources, asked, BOOK), decide(shuffled, asked, BOOK)
    assert first.model_copy(update={"sources": ()}) == second.model_copy(update={"sources": ()})
    assert {*first.sources} == {*second.sources}


@settings(max_examples=60, deadline=None)
@given(lineages(), questions, st.integers(0, 5))
def test_one_more_restriction_never_improves(
    sources: list[SourceFacts], asked: Question, which: int
) -> None:
    own = sources[0]
    rider = Rider(kind="sharing-forbidden")
    listing = {intent: Listing(allow=EVERYTHING[1:]) for intent in INTENTS}
    stricter = [
        ([replace(own, unseen=(*own.unseen, Unseen("x", "merge", "y"))), *sources[1:]], asked),
        ([claimed(own, "", riders=(rider,)), *sources[1:]], asked),
        ([claimed(own, "NONE", by="other"), *sources[1:]], asked),
        ([replace(own, ancestors=(*own.ancestors, source("strange"))), *sources[1:]], asked),
        (sources, replace(asked, policy=asked.policy.model_copy(update={"licenses": listing}))),
        ([*sources, source("cc-by-nc-nd-4.0", name="org/more")], asked),
    ]
    before, after = decide(sources, asked, BOOK), decide(*stricter[which], BOOK)
    # What is not used does not count, and a source of weights is better than none.
    if own.used and own.by_weights:
        assert after.verdict.severity >= before.verdict.severity


def test_many_choices_in_a_long_lineage_are_refused_and_not_tried() -> None:
    made = source("mit")
    for number in range(2500):
        tag = "MIT OR cc-by-nc-4.0" if number < 8 else "mit"
        made = source(tag, name=f"org/m{number}", ancestors=(made,), relation="finetune")
    start = time.process_time()
    decision = ask(made)
    assert (decision.verdict, names(decision, "block")) == ("block", BLOCKED)
    assert time.process_time() - start < 5


def test_thousands_of_exceptions_are_looked_up_by_name() -> None:
    given = tuple(
        permission(model(f"org/m{number}"), "cc-by-nc-4.0").model_copy(
            update={"reason": f"letter {number}"}
        )
        for number in range(3000)
    )
    standing = Standing.of(Question("commercial", Policy(exceptions=given), HOME, today=TODAY))
    start = time.process_time()
    for number in range(3000):
        assert standing.at(model(f"org/m{number}")).active == {number}
    assert time.process_time() - start < 3
