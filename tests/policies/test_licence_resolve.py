"""Evidence is weighed in order, and what disagrees is taken at its strictest, aloud."""

from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.policies.facts import SourceFacts, parts
from evoreg.policies.knowledge.book import Knowledge, load
from evoreg.policies.outbound import card_fields
from evoreg.policies.policy import Policy
from evoreg.policies.resolution import Resolution
from evoreg.policies.resolve import resolve
from evoreg.provenance.papers.license_texts import corpus
from evoreg.provenance.records.decision import Verdict
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.license import Evidence, LicenseClaim
from evoreg.provenance.records.model import Card, File, Model

APACHE = files("evoreg.policies").joinpath("../LICENSE").read_bytes()
FLUX = "https://huggingface.co/black-forest-labs/FLUX.1-dev/blob/main/LICENSE.md"


NC = b"You may share it, and never for money."
NC_BOOK = load().with_texts({"CC-BY-NC-4.0": NC.decode()})
ADDRESS = "https://name:word@example.org/x?token=1"
LETTER = Evidence(kind="file", locator="/home/os-user/letter", digest=digest_of(b"letter"))


def facts(card: Card | None = None, **changes: Any) -> SourceFacts:
    weights = File(path="w.safetensors", size=1, digest=digest_of(b"w"), role="weights")
    model = Model(name="m", origin="local", files=(weights,), card=card or Card())
    return SourceFacts("m", model, **changes)


def said(source: SourceFacts, says: str, **changes: Any) -> LicenseClaim:
    fields = {
        "model": "m",
        "identity": source.model.identity,
        "expression": says,
        "origin": "human",
        "by": "jo",
        "at": "2026-01-01T00:00:00Z",
        **changes,
    }
    return LicenseClaim.model_validate(fields)


def claimed(source: SourceFacts, *says: str, **changes: Any) -> SourceFacts:
    return replace(source, claims=tuple(said(source, text, **changes) for text in says))


def found(source: SourceFacts, knowledge: Knowledge | None = None) -> Resolution:
    return resolve(source, knowledge or load(), Policy.default())


def keys(resolution: Resolution) -> list[list[list[str]]]:
    return [[[row.key for row in choice] for choice in r] for r in resolution.readings]


def names(resolution: Resolution) -> dict[str, str]:
    return {reason.name: reason.effect.value for reason in resolution.reasons}


@pytest.mark.parametrize(
    ("card", "readings", "reasons"),
    [
        (Card(license=("apache-2.0",)), [[["apache-2.0"]]], {}),
        (Card(license=("Apache-2.0",)), [[["apache-2.0"]]], {}),
        (Card(license=("mit", "gpl-3.0")), [[["mit", "gpl-3.0"]]], {}),
        (Card(license=("mit OR gpl-3.0",)), [[["gpl-3.0"], ["mit"]]], {}),
        (Card(), [], {"UNKNOWN_LICENSE": "block"}),
        (Card(license=("other",)), [], {"UNKNOWN_LICENSE": "block"}),
        (Card(license=("strange",)), [], {"UNKNOWN_LICENSE": "block"}),
        (Card(license=("mit", "strange")), [[["mit", "unknown"]]], {"UNKNOWN_LICENSE": "block"}),
        (Card(license=("mit",) * 17), [[["mit", "unknown"]]], {"UNKNOWN_LICENSE": "block"}),
        (
            Card(license=("other",), license_name="strange"),
            [],
            {"UNRESOLVED_LICENSE_NAME": "block"},
        ),
        (Card(license=("other",), license_name="kimi-k3"), [[["kimi-k3"]]], {}),
        (Card(license_name="kimi-k3"), [[["kimi-k3"]]], {}),
        (
            Card(license=("other",), license_name="exaone"),
            [[["exaone-1.1-nc"]], [["exaone-1.2-nc"]]],
            {"AMBIGUOUS_LICENSE_NAME": "review"},
        ),
        (
            Card(license=("mit",), license_name="kimi-k3"),
            [[["mit"]], [["kimi-k3"]]],
            {"METADATA_CONTRADICTION": "review"},
        ),
        (
            Card(license=("mit",), license_name="strange"),
            [[["mit"]]],
            {"METADATA_CONTRADICTION": "review"},
        ),
        (
            Card(license=("other",), license_name="apache-2.0"),
            [[["apache-2.0"]]],
            {"METADATA_CONTRADICTION": "review"},
        ),
        (Card(license=("llama3.1",), license_name="llama3.1"), [[["llama3.1"]]], {}),
    ],
)
def test_cards(card: Card, readings: list[list[list[str]]], reasons: dict[str, str]) -> None:
    resolution = found(facts(card))
    assert keys(resolution) == readings
    assert names(resolution) == reasons


def test_a_recognised_text_beats_silence_and_agrees_with_its_card() -> None:
    for card in (Card(), Card(license=("apache-2.0",)), Card(license=("other",))):
        resolution = found(facts(card, texts=(("LICENSE", APACHE),)))
        assert keys(resolution) == [[["apache-2.0"]]]
        assert names(resolution) == {}
        assert "LICENSE (sha256 " in resolution.evidence[0]


def test_a_text_against_the_card_leaves_both_readings() -> None:
    resolution = found(facts(Card(license=("cc-by-nc-4.0",)), texts=(("LICENSE", APACHE),)))
    assert keys(resolution) == [[["cc-by-nc-4.0"]], [["apache-2.0"]]]
    assert names(resolution) == {"METADATA_CONTRADICTION": "review"}
    strange = found(facts(Card(license=("strange",)), texts=(("LICENSE", APACHE),)))
    assert names(strange) == {"METADATA_CONTRADICTION": "review"}


@pytest.mark.parametrize(
    "path",
    [
        "LICENSES/x.txt",
        "MODEL_LICENSE",
        "MODEL_LICENSE.txt",
        "UNLICENSE.txt",
        "TERMS_OF_USE.md",
        "EULA.txt",
        "COPYRIGHT",
        "LEGAL.md",
        "NOTICE",
        "NOTICE.txt",
        "USE_POLICY.md",
        "LICENSE.data-and-model",
        "LICENSES/README.md",
    ],
)
def test_a_recognised_text_counts_whatever_its_file_is_called(path: str) -> None:
    card = Card(license=("apache-2.0",))
    resolution = found(facts(card, texts=(("LICENSE", APACHE), (path, NC))), NC_BOOK)
    assert keys(resolution) == [[["apache-2.0"]], [["apache-2.0", "cc-by-nc-4.0"]]]
    assert names(resolution) == {"METADATA_CONTRADICTION": "review"}
    alone = found(facts(Card(license=("other",)), texts=((path, NC),)), NC_BOOK)
    assert keys(alone) == [[["cc-by-nc-4.0"]]]


@pytest.mark.parametrize("path", ["LICENSE-CODE", "LICENSE-DATA", "license_dataset.txt"])
def test_a_text_for_code_or_data_only_does_not_count(path: str) -> None:
    resolution = found(facts(Card(license=("apache-2.0",)), texts=((path, NC),)), NC_BOOK)
    assert keys(resolution) == [[["apache-2.0"]]]
    assert names(resolution) == {}


@pytest.mark.parametrize("path", ["EULA.txt", "LICENSES/x.txt", "TERMS", "MODEL_LICENSE"])
def test_an_extra_file_that_nobody_knows_is_asked_about(path: str) -> None:
    texts = (("LICENSE", APACHE), (path, b"Never for money, whoever wrote this."))
    resolution = found(facts(Card(license=("apache-2.0",)), texts=texts))
    assert names(resolution) == {"METADATA_CONTRADICTION": "review"}
    assert path in resolution.reasons[0].message


BOTH = (
    ("LICENSES/Apache-2.0.txt", APACHE),
    ("LICENSES/CC-BY-NC-4.0.txt", NC),
    ("LICENSES/README.md", b"# Licence texts"),
    ("NOTICE", b"Made from several models."),
)


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("apache-2.0-and-cc-by-nc-4.0", {}),
        ("Apache-2.0-and-CC-BY-NC-4.0", {}),
        ("apache-2.0-and-strange", {"UNRESOLVED_LICENSE_NAME": "review"}),
        ("apache-2.0-and-other", {"UNRESOLVED_LICENSE_NAME": "review"}),
        ("apache-2.0-and-mit-and-cc-by-nc-4.0", {}),
        ("-and-".join(["mit"] * 5000), {"UNRESOLVED_LICENSE_NAME": "review"}),
        ("strange", {"UNRESOLVED_LICENSE_NAME": "review"}),
    ],
)
def test_texts_decide_what_an_unknown_name_means(name: str, reasons: dict[str, str]) -> None:
    card = Card(license=("other",), license_name=name)
    resolution = found(facts(card, texts=BOTH), NC_BOOK)
    (only,) = keys(resolution)
    assert {"apache-2.0", "cc-by-nc-4.0"} <= set(only[0])
    assert names(resolution) == reasons
    alone = {} if not reasons else {"UNRESOLVED_LICENSE_NAME": "block"}
    assert names(found(facts(card), NC_BOOK)) == alone


def test_a_name_that_joins_keys_means_all_of_them_with_and_without_texts() -> None:
    card = Card(license=("other",), license_name="apache-2.0-and-gpl-3.0")
    assert keys(found(facts(card), NC_BOOK)) == [[["apache-2.0", "gpl-3.0"]]]
    against = found(facts(card, texts=BOTH), NC_BOOK)
    assert keys(against) == [[["apache-2.0", "gpl-3.0"]], [["apache-2.0", "cc-by-nc-4.0"]]]
    assert names(against) == {"METADATA_CONTRADICTION": "review"}


def test_a_release_of_three_licences_is_a_source_again() -> None:
    whole = corpus()
    book = load().with_texts(whole)
    ids = ("Apache-2.0", "CC-BY-4.0", "MIT")
    texts = [(f"LICENSES/{name}.txt", whole[name].encode()) for name in ids]
    fields = card_fields(" AND ".join(ids), book)
    assert fields.license_name == "apache-2.0-and-cc-by-4.0-and-mit"
    card = Card(license=(fields.license,), license_name=fields.license_name)
    resolution = found(facts(card, texts=(*texts, ("LICENSES/README.md", b"# Texts"))), book)
    assert keys(resolution) == [[["apache-2.0", "cc-by-4.0", "mit"]]]
    assert names(resolution) == {}


def test_a_licence_beside_other_is_not_lost_to_a_text() -> None:
    card = Card(license=("cc-by-nc-4.0", "other"))
    resolution = found(facts(card, texts=(("LICENSE", APACHE),)))
    assert keys(resolution) == [[["apache-2.0", "cc-by-nc-4.0"]]]
    assert names(resolution) == {"UNRESOLVED_LICENSE_NAME": "review"}


def test_a_text_settles_an_ambiguous_name() -> None:
    book = load().with_texts({"LicenseRef-evoreg-exaone-1.2-nc": "Words of EXAONE."})
    card = Card(license=("other",), license_name="exaone")
    resolution = found(facts(card, texts=(("LICENSE", b"words of exaone"),)), book)
    assert keys(resolution) == [[["exaone-1.2-nc"]]]
    assert names(resolution) == {}


def test_a_stricter_text_behind_its_own_tag_simply_applies() -> None:
    book = load().with_texts({"LicenseRef-evoreg-cohere-cc-by-nc-aup": "NC and more."})
    card = Card(license=("cc-by-nc-4.0",))
    resolution = found(facts(card, texts=(("LICENSE", b"nc and more"),)), book)
    assert keys(resolution) == [[["cohere-cc-by-nc-aup"]]]
    assert names(resolution) == {"TAG_HIDES_AUP": "allow"}


def test_a_file_that_is_not_the_known_text_is_asked_about() -> None:
    changed = APACHE + b"\nCommercial use is forbidden.\n"
    resolution = found(facts(Card(license=("apache-2.0",)), texts=(("LICENSE", changed),)))
    assert names(resolution) == {"METADATA_CONTRADICTION": "review"}
    for path, text in (("NOTICE", changed), ("LICENSE", b" \n"), ("LICENSE-CODE", changed)):
        assert names(found(facts(Card(license=("apache-2.0",)), texts=((path, text),)))) == {}
    # The text of this licence is not known, so its file proves nothing.
    book = load()
    unread = next(r for r in book.rows if r.key == r.tag and not book.knows_text_of(r))
    assert names(found(facts(Card(license=(unread.key,)), texts=(("LICENSE", b"Words"),)))) == {}
    # A file whose words are not at hand is a file that is not the known text.
    lost = facts(Card(license=("apache-2.0",)), unread=(("LICENSE", digest_of(changed)),))
    assert names(found(lost)) == {"METADATA_CONTRADICTION": "review"}


def test_a_pointer_suggests_and_never_proves() -> None:
    card = Card(license=("other",), license_name="non-commercial")
    pointing = (("LICENSE", FLUX.encode()),)
    resolution = found(facts(card, texts=pointing))
    assert keys(resolution) == [[["flux-1-dev-nc-1.1.1"]]]
    assert names(resolution) == {
        "UNRESOLVED_LICENSE_NAME": "review",
        "LICENSE_FILE_IS_POINTER": "allow",
    }
    against = found(facts(Card(license=("mit",), license_link=FLUX)))
    assert keys(against) == [[["mit"]], [["flux-1-dev-nc-1.1.1"]]]
    assert names(against) == {"METADATA_CONTRADICTION": "review"}
    nowhere = found(facts(card, texts=(("LICENSE", b"https://example.org/x"),)))
    assert names(nowhere)["UNRESOLVED_LICENSE_NAME"] == "block"


def test_a_person_beats_text_and_card() -> None:
    source = facts(Card(license=("mit",)), texts=(("LICENSE", APACHE),))
    resolution = found(claimed(source, "Apache-2.0 OR MIT", evidence=LETTER))
    assert keys(resolution) == [[["apache-2.0"], ["mit"]]]
    assert names(resolution) == {"CARD_OVERRULED": "allow"}
    assert resolution.evidence[0].startswith("a person's claim (sha256 ")


def test_a_file_that_says_something_else_holds_no_claim_up() -> None:
    source = facts(Card(license=("apache-2.0",)), texts=(("LICENSE", NC),))
    told = found(claimed(source, "Apache-2.0", evidence=LETTER), NC_BOOK)
    assert keys(told) == [[["apache-2.0"]]]
    assert names(told) == {"CARD_OVERRULED": "allow"}
    assert any("LICENSE (sha256" in line for line in told.evidence)
    for bad in (digest_of(NC), digest_of(b"")):
        belied = Evidence(kind="file", locator="LICENSE", digest=bad)
        asked = found(claimed(source, "Apache-2.0", evidence=belied), NC_BOOK)
        assert keys(asked) == [[["apache-2.0"]], [["cc-by-nc-4.0"]]]
        assert names(asked) == {"METADATA_CONTRADICTION": "review"}
        fits = found(claimed(source, "Apache-2.0 AND CC-BY-NC-4.0", evidence=belied), NC_BOOK)
        assert names(fits) == {}


@pytest.mark.parametrize("evidence", [None, Evidence(kind="url", locator=ADDRESS)])
def test_a_claim_against_the_card_needs_a_file(evidence: Evidence | None) -> None:
    source = facts(Card(license=("cc-by-nc-4.0",)))
    resolution = found(claimed(source, "MIT", evidence=evidence))
    assert keys(resolution) == [[["mit"]], [["cc-by-nc-4.0"]]]
    assert names(resolution) == {"METADATA_CONTRADICTION": "review"}
    more = found(claimed(source, "MIT AND CC-BY-NC-4.0", evidence=evidence))
    assert (keys(more), names(more)) == ([[["cc-by-nc-4.0", "mit"]]], {})
    # What the card leaves open a person may say.
    for card in (Card(), Card(license=("other",), license_name="modified-mit")):
        open_card = found(claimed(facts(card), "kimi-k2-modified-mit", evidence=evidence))
        assert (keys(open_card), names(open_card)) == ([[["kimi-k2-modified-mit"]]], {})


@pytest.mark.parametrize(
    "evidence",
    [None, Evidence(kind="url", locator=ADDRESS), Evidence(kind="file", locator="letter.txt")],
)
@pytest.mark.parametrize("path", ["LICENSE", "NOTICE", "LICENSES/x.txt"])
def test_a_claim_that_leaves_out_a_recognised_text_is_asked_about(
    path: str, evidence: Evidence | None
) -> None:
    source = facts(Card(license=("mit",)), texts=((path, NC),))
    resolution = found(claimed(source, "MIT", evidence=evidence), NC_BOOK)
    assert keys(resolution) == [[["mit"]], [["cc-by-nc-4.0"]]]
    assert names(resolution) == {"METADATA_CONTRADICTION": "review"}
    told = found(claimed(source, "MIT AND CC-BY-NC-4.0", evidence=evidence), NC_BOOK)
    assert keys(told) == [[["cc-by-nc-4.0", "mit"]]]
    assert names(told) == {}


def test_an_earlier_reading_of_a_text_weighs_like_the_text() -> None:
    source = facts(Card(license=("mit",)))
    earlier = said(source, "CC-BY-NC-4.0", origin="text")
    resolution = found(replace(source, claims=(said(source, "MIT"), earlier)))
    assert keys(resolution) == [[["mit"]], [["cc-by-nc-4.0"]]]
    assert names(resolution) == {"METADATA_CONTRADICTION": "review"}


def test_one_file_does_not_prove_what_somebody_else_claims() -> None:
    source = facts(texts=(("LICENSE", NC),))
    proven = said(source, "CC-BY-NC-4.0", evidence=LETTER)
    loose = said(source, "MIT", by="kim", evidence=Evidence(kind="url", locator=ADDRESS))
    resolution = found(replace(source, claims=(proven, loose)), NC_BOOK)
    assert [r.message for r in resolution.reasons if "leaves out" in r.message]
    assert [["cc-by-nc-4.0"]] in keys(resolution)


@pytest.mark.parametrize("origin", ["human", "clarification", "card", "text"])
def test_published_words_name_neither_the_speaker_nor_an_address(origin: str) -> None:
    source = facts(Card(license=("mit",)) if origin != "card" else None)
    claim = said(
        source, "MIT", origin=origin, by="os-user", evidence=Evidence(kind="url", locator=ADDRESS)
    )
    resolution = found(replace(source, claims=(claim,)))
    words = repr(resolution)
    assert f"(sha256 {claim.record_digest()[7:19]}): MIT" in words
    assert not [
        secret for secret in ("os-user", "name:word", "token", "example") if secret in words
    ]


def test_the_file_of_a_claim_is_named_by_its_digest() -> None:
    resolution = found(claimed(facts(), "MIT", evidence=LETTER, by="os-user"))
    assert resolution.evidence[0].endswith(f"MIT, on a file (sha256 {digest_of(b'letter')[7:19]})")
    stale = found(claimed(facts(), "MIT", evidence=LETTER, by="os-user", origin="clarification"))
    assert names(stale)["CLAIM_OUTDATED"] == "allow"
    assert "os-user" not in repr(stale)


@pytest.mark.parametrize("says", ["strange", "MIT OR strange", "MIT AND (", "x" * 5000, "\x00"])
def test_a_claim_that_cannot_be_used_does_not_pass(says: str) -> None:
    resolution = found(claimed(facts(Card(license=("mit",))), says))
    assert keys(resolution) == []
    assert names(resolution) == {"UNKNOWN_LICENSE": "block"}
    assert all(reason.message.isprintable() for reason in resolution.reasons)


def test_the_last_word_of_a_speaker_counts_and_two_speakers_may_disagree() -> None:
    source = facts()
    old, new = said(source, "MIT"), said(source, "GPL-3.0-only", at="2026-02-01T00:00:00Z")
    assert keys(found(replace(source, claims=(new, old)))) == [[["gpl-3.0"]]]
    other = said(source, "Apache-2.0", by="kim")
    resolution = found(replace(source, claims=(other, new)))
    assert keys(resolution) == [[["apache-2.0"]], [["gpl-3.0"]]]
    assert names(resolution) == {"METADATA_CONTRADICTION": "review"}
    assert keys(found(replace(source, claims=(new, other)))) == keys(resolution)


def test_a_claim_about_other_weights_is_silent() -> None:
    source = facts()
    stranger = said(source, "MIT", identity=digest_of(b"else"))
    assert names(found(replace(source, claims=(stranger,)))) == {"UNKNOWN_LICENSE": "block"}
    empty = SourceFacts("e", Model(name="e", origin="local", files=()))
    about_nothing = said(empty, "MIT")
    assert names(found(replace(empty, claims=(about_nothing,)))) == {"UNKNOWN_LICENSE": "block"}


def test_a_clarification_ends_with_its_file() -> None:
    source = facts(Card(license=("other",)), texts=(("LICENSE", b"Words."),))
    pinned = Evidence(kind="file", locator="LICENSE", digest=digest_of(b"Words."))
    held = claimed(source, "MIT", origin="clarification", evidence=pinned)
    assert keys(found(held)) == [[["mit"]]]
    moved = replace(held, texts=(("LICENSE", b"Other words."),))
    assert names(found(moved)) == {"CLAIM_OUTDATED": "allow", "UNKNOWN_LICENSE": "block"}


def test_a_recorded_absence_of_a_grant_beats_everything() -> None:
    source = facts(Card(license=("mit",)))
    resolution = found(claimed(source, "NONE", "MIT"))
    assert keys(resolution) == []
    assert names(resolution) == {"NO_LICENSE_GRANT": "block"}


def test_an_earlier_card_counts_when_todays_is_silent() -> None:
    source = facts()
    resolution = found(claimed(source, "msrl", origin="card"))
    assert keys(resolution) == [[["msrl"]]]
    assert names(resolution) == {"LICENSE_METADATA_REMOVED": "review"}
    now = claimed(facts(Card(license=("mit",))), "msrl", origin="card")
    assert names(found(now)) == {"LICENSE_CHANGED_UPSTREAM": "allow"}
    same = claimed(facts(Card(license=("mit",))), "mit", origin="card")
    assert names(found(same)) == {}


def test_an_adapter_has_a_licence_of_its_own() -> None:
    file = File(path="a.safetensors", size=1, digest=digest_of(b"a"), role="weights")
    adapter = Model(name="a", origin="local", files=(file,), card=Card(license=("mit",)))
    source = facts(Card(license=("apache-2.0",)))
    pair = replace(source, model=source.model.model_copy(update={"adapter": adapter}))
    assert [part.model.card.license for part in parts(pair)] == [("apache-2.0",), ("mit",)]
    about = claimed(pair, "MIT")
    assert [part.own_claims for part in parts(about)] == [about.claims, about.claims]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.text(max_size=40), max_size=3),
    st.none() | st.text(max_size=40),
    st.none() | st.text(max_size=40),
    st.binary(max_size=80),
)
def test_hostile_cards_get_an_answer_that_can_be_shown(
    tags: list[str], name: str | None, link: str | None, data: bytes
) -> None:
    card = Card(license=tuple(tags), license_name=name, license_link=link)
    resolution = found(facts(card, texts=(("LICENSE\x1b\n", data), ("NOTICE", data))))
    assert resolution.readings or max(r.effect.severity for r in resolution.reasons) >= 2
    for reason in resolution.reasons:
        assert reason.message.isprintable()
        assert all(line.isprintable() for line in reason.evidence)
    assert all(line.isprintable() for line in resolution.evidence)


def test_huge_strings_are_cut() -> None:
    resolution = found(facts(Card(license=("x" * 100_000,), license_name="y" * 100_000)))
    assert all(len(line) < 300 for line in resolution.evidence)
    assert Verdict.BLOCK in [reason.effect for reason in resolution.reasons]
    assert resolution.readings == ()
