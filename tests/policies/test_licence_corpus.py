"""Texts are recognised in the forms that they are found in, and in no form that adds a word."""

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.policies.knowledge.book import Knowledge, load
from evoreg.policies.knowledge.elsewhere import known_elsewhere
from evoreg.policies.normal import MAX_LENGTH, MAX_PARTS, fingerprint, fingerprints, parts
from evoreg.provenance.papers.license_texts import corpus
from evoreg.provenance.records.errors import PolicyError

TEXTS = corpus()
UNKNOWN_TEXTS = {
    # No text of their own: families, placeholders, and rows that stand on another row's text.
    "bsd", "cc", "gfdl", "gpl", "lgpl", "openrail", "other", "unknown",
    "cohere-cc-by-nc-aup", "internlm", "solar-10.7b-instruct", "tulu-3",
    # Texts that were not at hand as a file.
    "ai2-impact-lr", "apple-ascl", "baichuan2-community", "exaone-1.2-nc",
    "falcon-180b", "flux-dev-nc-2.0", "glm-5.3",
    "grok2-community", "h-research", "hunyuan-community-a13b", "intel-research", "jamba-open",
    "kimi-k3", "lfm-open-1.0", "minimax-model-2025", "mistral-modified-mit", "mnpl-0.1",
    "nomerge", "nvidia-nemotron-oml", "qwen-community-1.0", "qwen-research-2024",
    "qwen-research-2026", "qwen3.8-max", "yi-license",
    "flux-1-dev-nc-1.1.1",
}  # fmt: skip


def test_the_rows_without_a_known_text_are_these(plain: Knowledge) -> None:
    assert {row.key for row in plain.rows if not plain.knows_text_of(row)} == UNKNOWN_TEXTS


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_every_shipped_text_is_recognised(plain: Knowledge, name: str) -> None:
    row = plain.by_text(TEXTS[name].encode())
    assert row is not None
    assert row.expression == name


FORMS: dict[str, Callable[[str], str]] = {
    "capitals": str.upper,
    "windows line ends": lambda text: text.replace("\n", "\r\n"),
    "a mark at the beginning": lambda text: f"\ufeff{text}",
    "quoted": lambda text: "".join(f"> {line}\n" for line in text.splitlines()),
    "emphasis": lambda text: re.sub(r"(?m)^(\w[^\n]*)$", r"**\1**", text),
    "its owner": lambda text: f"Copyright (c) 2024 Jo Doe and contributors\n\n{text}",
}


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize("name", ["Apache-2.0", "MIT", "BSD-3-Clause", "CC-BY-4.0", "MPL-2.0"])
def test_layout_does_not_count(plain: Knowledge, name: str, form: str) -> None:
    row = plain.by_text(FORMS[form](TEXTS[name]).encode())
    assert row is not None
    assert row.expression == name


@pytest.mark.parametrize("name", ["Apache-2.0", "BSD-3-Clause", "CC-BY-2.0", "CDLA-Permissive-2.0"])
def test_other_list_labels_are_the_same_text(plain: Knowledge, name: str) -> None:
    label = re.compile(r"(?m)^(\s*)\(?(\d{1,2}|[a-h])[.)](\s)")
    assert label.search(TEXTS[name])
    for new in (r"\1\3", r"\1**\2)**\3", r"\1- \3"):
        row = plain.by_text(label.sub(new, TEXTS[name]).encode())
        assert row is not None
        assert row.expression == name


HOLDERS = [
    "Copyright (c) 2020 Will May",
    "Portions Copyright 2007-2011 Can Grant <jo@example.org>",
    "(c) 2023 Jo Doe and contributors",
    "© 2024 Example GmbH & Co. KG. All rights reserved.",
    "Copyright [yyyy] [name of copyright owner]",
    "Copyright (c) <year> <owner>",
]


@pytest.mark.parametrize("line", HOLDERS)
def test_who_holds_the_rights_does_not_count(plain: Knowledge, line: str) -> None:
    row = plain.by_text(f"{line}\n\n{TEXTS['MIT']}".encode())
    assert row is not None
    assert row.key == "mit"


def test_a_number_inside_a_sentence_is_no_label() -> None:
    assert set(fingerprints("as in Section\n5. Pay")).isdisjoint(fingerprints("as in Section\nPay"))
    assert set(fingerprints("more than\n10. No")).isdisjoint(fingerprints("more than\n20. No"))
    assert fingerprints("Terms.\n5. Pay")[-1] == fingerprint("Terms.\nPay")
    assert fingerprints("Terms.\n500. Pay")[-1] != fingerprint("Terms.\nPay")


CONDITIONS = [
    "Commercial use is forbidden.",
    "5. Pay a fee.",
    "Copyright 2024 Somebody. Non-commercial use only.",
    "Copyright (c) 2024 Somebody, royalties of ten per cent are owed",
    "(c) 2024 nobody may merge this",
    "© 2024 all rights reserved, no training",
    "All rights reserved except research.",
    "Copyright 2024 Acme, who May revoke this",
    "Copyright (c) 2024 Jo, no sale",
    "Copyright 2024 Jo, \uff4e\uff4f\uff54 for bots",
    "Commer\u200bcial use is fine",
    "Copyright 2024 " + "Jo " * 20,
    "MIT License with conditions",
    "No.",
]


@pytest.mark.parametrize("addition", CONDITIONS)
@pytest.mark.parametrize("name", ["Apache-2.0", "MIT", "BSD-2-Clause", "ISC"])
def test_a_text_with_a_condition_is_another_text(
    plain: Knowledge, name: str, addition: str
) -> None:
    lines = TEXTS[name].splitlines()
    middle = len(lines) // 2
    for form in (
        [addition, *lines],
        [*lines, addition],
        [*lines[:middle], "", addition, "", *lines[middle:]],
    ):
        assert plain.rows_of_text("\n".join(form).encode()) == ()


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["Apache-2.0", "MIT", "BSD-3-Clause", "OpenMDW-1.0", "Zlib"]),
    st.integers(0, 5000),
    st.sampled_from(["not", "commercial", "except", "research", "pay", "2000", "Llama", "non"]),
)
def test_one_word_more_or_less_is_another_text(name: str, place: int, word: str) -> None:
    words = TEXTS[name].split(" ")
    at = place % len(words)
    more = " ".join([*words[:at], word, *words[at:]])
    line = more[: len(" ".join(words[:at]))].count("\n")
    # A line that names a holder may hold another name.
    in_a_name = "copyright" in more.splitlines()[line].casefold()
    assert in_a_name or load().rows_of_text(more.encode()) == ()


def test_a_text_may_have_its_own_addition_behind_it(plain: Knowledge) -> None:
    policy = "Use policy. Do no harm."
    known = replace(plain, _additions={fingerprint(policy): "cc-by-4.0"})
    row = known.by_text(f"{TEXTS['CC-BY-4.0']}\n\n## {policy}\n".encode())
    assert row is not None
    assert row.key == "cc-by-4.0"
    others = (
        policy,
        f"{TEXTS['MIT']}\n{policy}",
        f"{policy}\n{TEXTS['CC-BY-4.0']}",
        f"{TEXTS['CC-BY-4.0']}\n{policy}\nNo commerce.",
        f"{TEXTS['CC-BY-4.0']}\nUse policy.",
    )
    assert [known.rows_of_text(text.encode()) for text in others] == [()] * len(others)


def test_texts_in_one_file_all_apply(plain: Knowledge) -> None:
    both = f"{TEXTS['MIT']}\n\n---\n\n{TEXTS['CC-BY-4.0']}"
    assert [row.key for row in plain.rows_of_text(both.encode())] == ["mit", "cc-by-4.0"]
    assert plain.by_text(both.encode()) is None
    twice = f"{TEXTS['MIT']}\n{TEXTS['MIT']}"
    assert [row.key for row in plain.rows_of_text(twice.encode())] == ["mit"]
    assert plain.rows_of_text(f"{both}\nUse it for good.".encode()) == ()
    assert plain.rows_of_text("\n".join([TEXTS["MIT"]] * MAX_PARTS).encode()) != ()
    assert plain.rows_of_text("\n".join([TEXTS["MIT"]] * (MAX_PARTS + 1)).encode()) == ()
    assert plain.rows_of_text((TEXTS["MIT"] + "\n" * MAX_LENGTH).encode()) == ()


def test_an_addition_is_no_licence() -> None:
    marks = {fingerprint("You may use it."): "licence", fingerprint("Be kind."): "policy"}
    assert [marks[m] for m in parts("You may use it.\nBe kind.", marks)] == ["licence", "policy"]
    assert parts("You may use it. Be kind.", marks) == ()
    assert parts("You may use it.\nBe unkind.", marks) == ()
    assert parts("", marks) == ()


def test_additions_belong_to_rows_whose_text_is_known(plain: Knowledge) -> None:
    assert set(plain._additions.values()) <= set(plain._texts.values())
    assert set(plain._additions).isdisjoint(plain._texts)
    assert all(re.fullmatch("[0-9a-f]{64}", mark) for mark in (*plain._texts, *plain._additions))


# Rows that may share something, because evoreg sends all of it to a person or to the Hub's row.
MAY_SHARE = {
    frozenset({"apache-2.0", "internlm"}),
    frozenset({"cc-by-nc-4.0", "solar-10.7b-instruct"}),
    frozenset({"llama3.1", "tulu-3"}),
}


def terms_of(knowledge: Knowledge, key: str) -> dict[str, object]:
    """Return what a row says, without what it is called and where it was read."""
    row = knowledge.by_key(key)
    assert row is not None
    told = {"key", "tag", "names", "title", "version", "source", "notes", "addresses", "confidence"}
    return row.model_dump(exclude=told)


def test_no_symbol_leads_to_two_rows(plain: Knowledge) -> None:
    symbols: dict[str, set[str]] = defaultdict(set)
    for row in plain.rows:
        for symbol in (row.key, row.expression):
            symbols[symbol.casefold()].add(row.key)
    shared = {frozenset(keys) for keys in symbols.values() if len(keys) > 1}
    assert shared == MAY_SHARE
    for keys in shared:
        (hub,) = (key for key in keys if plain.by_hub_id(key) is not None)
        expression = terms_of(plain, hub)["expression"]
        found = plain.by_expression(str(expression))
        assert found is not None
        assert found.key == hub


def test_a_name_of_several_rows_is_resolved_to_none(plain: Knowledge) -> None:
    names = {name for row in plain.rows for name in row.names}
    assert len(names) > 60
    for name in sorted(names):
        rows = plain.by_name(name)
        assert {row.key for row in rows} == {r.key for r in plain.rows if name in r.names}
        if len(rows) > 1:
            assert len({str(terms_of(plain, row.key)) for row in rows}) == len(rows)
            assert plain.by_key(name) is None
            assert plain.by_expression(name) is None
        elif plain.by_key(name) is not None:
            assert plain.by_key(name) is rows[0]


def test_addresses_lead_to_one_row(plain: Knowledge) -> None:
    starts: dict[str, str] = {}
    for row in plain.rows:
        for start in row.addresses:
            assert starts.setdefault(start.casefold(), row.key) == row.key
            assert "://" not in start
            found = plain.by_address(f"https://{start}")
            assert found is row
    for one in starts:
        inside = {starts[two] for two in starts if one.startswith(two)}
        assert inside == {starts[one]}


LOSSY = [
    ("cc-by-sa-4.0", "cc-by-4.0"),
    ("cc-by-nc-4.0", "cc-by-4.0"),
    ("cc-by-nc-sa-4.0", "cc-by-nc-4.0"),
    ("cc-by-nd-4.0", "cc-by-4.0"),
    ("bsd-2-clause", "bsd-3-clause"),
    ("bsd-3-clause", "bsd-3-clause-clear"),
    ("gpl-2.0", "gpl-3.0"),
    ("gpl-3.0", "agpl-3.0"),
    ("lgpl-3.0", "gpl-3.0"),
    ("llama2", "llama3"),
    ("llama3", "llama3.1"),
    ("llama3.1", "llama3.2"),
    ("llama3.2", "llama3.3"),
    ("openrail", "openrail++"),
    ("creativeml-openrail-m", "openrail++"),
    ("qwen-research-2024", "qwen-research-2026"),
]


@pytest.mark.parametrize(("one", "other"), LOSSY)
def test_no_licence_is_folded_into_another(plain: Knowledge, one: str, other: str) -> None:
    first, second = plain.by_key(one), plain.by_key(other)
    assert first is not None
    assert second is not None
    assert first.expression != second.expression
    assert set(first.names).isdisjoint(second.names) or one.startswith("qwen-research")
    assert plain.by_expression(first.expression) is first
    marks = [{m for m, key in plain._texts.items() if key == row.key} for row in (first, second)]
    assert marks[0].isdisjoint(marks[1])


def test_one_text_for_two_rows_is_refused(plain: Knowledge) -> None:
    with pytest.raises(PolicyError, match="two licences"):
        plain.with_texts({"CC-BY-4.0": TEXTS["MIT"]})


def test_the_edition_is_told(plain: Knowledge) -> None:
    assert re.fullmatch(r"20\d\d\.\d\d", plain.version)
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", plain.date)
    assert plain.date.replace("-", ".").startswith(plain.version)


@pytest.mark.parametrize(
    ("symbol", "category"),
    [
        ("SSPL-1.0", "licence (category: source-available)"),
        (" cpal-1.0 ", "licence (category: copyleft)"),
        ("LicenseRef-scancode-flux-1-nc", "licence (category: proprietary free)"),
        ("GPL-1.0+", "licence (category: copyleft)"),
        ("eCos-exception-2.0", "licence exception (category: copyleft limited)"),
    ],
)
def test_a_real_licence_without_terms_is_told_as_such(symbol: str, category: str) -> None:
    assert known_elsewhere(symbol) == f"a known {category} that evoreg has no terms for"


@pytest.mark.parametrize("symbol", ["", "Strange-1.0", "\u202e", "MIT OR Apache-2.0", "unknown"])
def test_what_nobody_knows_is_not_told(symbol: str) -> None:
    assert known_elsewhere(symbol) is None
