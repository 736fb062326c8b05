"""The knowledge base is whole, and no look-up folds two licences into one without saying so."""

import subprocess
import sys
from collections import Counter
from importlib.resources import files

import pytest

from evoreg.policies.knowledge.book import Knowledge, load
from evoreg.policies.normal import fingerprint
from evoreg.policies.terms import Terms
from evoreg.policies.texts import pointer, shown, speaks_of_weights
from evoreg.provenance.records.errors import PolicyError

SHARED = {
    "Apache-2.0": ("apache-2.0", "internlm"),
    "CC-BY-NC-4.0": ("cc-by-nc-4.0", "solar-10.7b-instruct"),
    "LicenseRef-scancode-llama-3.1-license-2024": ("llama3.1", "tulu-3"),
}
AMBIGUOUS = {
    "exaone": ("exaone-1.1-nc", "exaone-1.2-nc"),
    "modified-mit": ("kimi-k2-modified-mit", "minimax-m2-modified-mit", "mistral-modified-mit"),
    "qwen-research": ("qwen-research-2024", "qwen-research-2026"),
    "tencent-hunyuan-community": ("hunyuan-community-a13b", "hunyuan3d-2.0"),
}


def test_all_rows_are_there(plain: Knowledge) -> None:
    assert len(plain.rows) == 129
    assert len({row.key for row in plain.rows}) == 129
    assert Counter(row.confidence for row in plain.rows) == {"high": 61, "medium": 55, "low": 13}
    assert Counter(row.kind for row in plain.rows)["community"] == 28
    for row in plain.rows:
        assert plain.by_key(row.key.upper()) is row
        assert Terms.from_canonical(row.canonical()) == row


def test_all_hub_ids_lead_to_their_row(plain: Knowledge) -> None:
    assert len(plain.hub) == 83
    assert {one.id for one in plain.hub} == {row.key for row in plain.rows if row.key == row.tag}
    for one in plain.hub:
        row = plain.by_hub_id(one.id)
        assert row is not None
        assert row.key == one.id
    assert plain.by_hub_id("kimi-k3") is None
    assert Counter(one.mapping for one in plain.hub) == {
        "direct": 45,
        "deprecated-spelling": 5,
        "other-name": 5,
        "family": 6,
        "license-ref": 20,
        "none": 2,
    }


def test_an_expression_shared_by_rows_means_the_hub_id(plain: Knowledge) -> None:
    by_expression: dict[str, list[str]] = {}
    for row in plain.rows:
        by_expression.setdefault(row.expression, []).append(row.key)
    shared = {name: tuple(sorted(keys)) for name, keys in by_expression.items() if len(keys) > 1}
    assert shared == SHARED
    for name in by_expression:
        meant = plain.by_expression(name)
        assert meant is not None
        assert meant.key == (by_expression[name][0] if name not in SHARED else SHARED[name][0])


def test_an_ambiguous_name_gives_all_candidates(plain: Knowledge) -> None:
    names = {name for row in plain.rows for name in row.names}
    many = {
        name: tuple(row.key for row in plain.by_name(name))
        for name in names
        if len(plain.by_name(name)) > 1
    }
    assert many == AMBIGUOUS
    assert all(name == name.casefold() for name in names)
    assert plain.by_name(" Modified-MIT ") == plain.by_name("modified-mit")
    assert plain.by_name("no such name") == ()


def test_families_are_mapped_to_no_single_licence(plain: Knowledge) -> None:
    for key in ("bsd", "cc", "gpl", "lgpl", "gfdl", "openrail"):
        row = plain.by_hub_id(key)
        assert row is not None
        assert row.expression == f"LicenseRef-evoreg-{key}-family"
        assert row.kind in ("family", "rail")
    assert [plain.by_expression(name) for name in ("BSD", "GPL", "CC-BY")] == [None] * 3


@pytest.mark.parametrize(
    ("key", "field", "value"),
    [
        ("llama3", "notice_text", "Meta Llama 3 is licensed under the Meta Llama 3 Community "
         "License, Copyright © Meta Platforms, Inc. All Rights Reserved."),
        ("gemma", "notice_text", "Gemma is provided under and subject to the Gemma Terms of Use "
         "found at ai.google.dev/gemma/terms"),
        ("nvidia-oml-2025-04", "notice_text", "Licensed by NVIDIA Corporation under the NVIDIA "
         "Open Model License"),
    ],
)  # fmt: skip
def test_notices_are_exact(plain: Knowledge, key: str, field: str, value: str) -> None:
    assert getattr(plain.by_key(key), field) == value


def test_limits_are_numbers(plain: Knowledge) -> None:
    kimi, llama = plain.by_key("kimi-k3"), plain.by_key("llama3.1")
    assert kimi is not None
    assert llama is not None
    assert [(x.usd, x.period, x.display_only) for x in kimi.revenue] == [
        (20_000_000, "month", True),
        (20_000_000, "12-months", False),
    ]
    assert llama.users is not None
    assert (llama.users.users, llama.users.display_only) == (700_000_000, False)
    assert llama.name_rule is not None
    assert (llama.name_rule.prefix, llama.outputs) == ("Llama", ("name",))


def test_loading_is_fast() -> None:
    # In a process of its own: what other tests hold in memory makes the collector slow.
    code = (
        "import time; from evoreg.policies.knowledge.book import load; "
        "start = time.process_time(); load(); print(time.process_time() - start)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.15


def test_loading_gives_one_digest() -> None:
    assert load.__wrapped__().digest == load().digest


APACHE = files("evoreg.policies").joinpath("../LICENSE")


def test_apache_is_recognised_in_any_layout(plain: Knowledge) -> None:
    text = APACHE.read_text(encoding="utf-8")
    filled = text.replace("[yyyy] [name of copyright owner]", "2024 Some Research Institute")
    ended = text[: text.index("APPENDIX")]
    for form in (text, filled, ended, text.upper(), text.replace("\n", "\r\n")):
        row = plain.by_text(form.encode())
        assert row is not None
        assert row.key == "apache-2.0"


@pytest.mark.parametrize(
    "addition",
    [
        "Commercial use is forbidden.",
        "Copyright 2024 Somebody. Non-commercial use only.",
        "Copyright (c) 2024 Somebody, for academic research",
        "(c) not for military use 2024",
    ],
)
def test_a_condition_that_was_added_is_never_overlooked(plain: Knowledge, addition: str) -> None:
    text = APACHE.read_text(encoding="utf-8")
    assert plain.by_text(f"{text}\n{addition}\n".encode()) is None
    assert plain.by_text(f"{addition}\n{text}".encode()) is None


def test_text_that_is_no_text_is_not_recognised(plain: Knowledge) -> None:
    assert plain.by_text(b"") is None
    assert plain.by_text(b"\xff\xfe") is None
    assert plain.by_text(b"a" * (1 << 21)) is None


def test_a_corpus_adds_texts_and_changes_the_digest(plain: Knowledge) -> None:
    more = plain.with_texts({"CC-BY-4.0": "Share it and say who.", "Strange-1.0": "What."})
    row = more.by_text(b"share it, AND say who")
    assert row is not None
    assert row.key == "cc-by-4.0"
    assert more.digest != plain.digest
    assert more.by_text(b"What.") is None
    assert plain.by_text(b"share it and say who") is None


def test_one_text_for_two_licences_is_refused(plain: Knowledge) -> None:
    with pytest.raises(PolicyError, match="two licences"):
        plain.with_texts({"CC-BY-4.0": "Same words.", "MIT": "same WORDS"})


def test_addresses_are_hints_by_their_beginning(plain: Knowledge) -> None:
    flux = plain.by_address(
        "https://huggingface.co/black-forest-labs/FLUX.1-dev/blob/main/LICENSE.md"
    )
    assert flux is not None
    assert flux.key == "flux-1-dev-nc-1.1.1"
    assert plain.by_address("https://example.org/www.apache.org/licenses/LICENSE-2.0") is None


def test_a_pointer_holds_one_link_and_hardly_a_word() -> None:
    found = pointer(b"See https://example.org/terms.")
    assert found is not None
    assert found.address == "https://example.org/terms"
    assert pointer(b"https://a.example https://b.example") is None
    assert pointer(b"word " * 30 + b"https://a.example") is None
    assert pointer(b"no link") is None


def test_names_of_licence_files() -> None:
    yes = ("LICENSE", "code/licence.txt", "NOTICE", "LICENSE.data-and-model", "CODE_AND_WEIGHTS")
    no = ("LICENSE-CODE", "LICENSE.data", "license_data.txt", "LICENSES/DATASET_TERMS.md")
    assert [speaks_of_weights(path) for path in yes] == [True] * 5
    assert [speaks_of_weights(path) for path in no] == [False] * 4


def test_shown_text_has_no_invisible_characters() -> None:
    assert shown("a\x1b[31m\u202eb\n") == r"a\u001b[31m\u202eb\u000a"
    assert len(shown("x" * 10_000)) == 121
    assert fingerprint("A  b") == fingerprint("a\nB")
    assert fingerprint("a b") != fingerprint("ab")
