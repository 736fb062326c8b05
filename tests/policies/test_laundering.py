"""Attempts to make a licence look laxer than it is, each of which must fail."""

import time
from dataclasses import replace
from typing import Any

import pytest

from evoreg.policies.context import Context
from evoreg.policies.decide import decide
from evoreg.policies.expressions import parse
from evoreg.policies.facts import SourceFacts, Unseen
from evoreg.policies.knowledge.book import Knowledge, load
from evoreg.policies.normal import fingerprint
from evoreg.policies.permissions import Standing
from evoreg.policies.policy import Permission, Policy, Rule
from evoreg.policies.question import Question
from evoreg.policies.texts import pointer
from evoreg.provenance.papers.license_texts import corpus
from evoreg.provenance.records.decision import Decision, Intent
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.license import Evidence, LicenseClaim, Rider
from evoreg.provenance.records.model import Card, File, Model

COHERE = "All the words of an addendum to a licence without commerce."
WORDS = {
    "CC-BY-NC-4.0": "All the words of a licence without commerce.",
    "LicenseRef-evoreg-cohere-cc-by-nc-aup": COHERE,
}
BOOK = load().with_texts({**corpus(), **WORDS})
MIT = (("LICENSE", corpus()["MIT"].encode()),)
NC = (("LICENSE", WORDS["CC-BY-NC-4.0"].encode()),)
TODAY = "2026-11-22"
HOME = Context(licensee_territory="JP", release_territory=("JP",))


def model(name: str, *tags: str, **fields: str) -> Model:
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
