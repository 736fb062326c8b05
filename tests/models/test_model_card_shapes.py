"""Front matter as people write it, and as people should not: each says exactly this, or nothing."""

import time

import pytest

from evoreg.policies.expressions import parse
from evoreg.policies.knowledge.book import load
from evoreg.provenance.records.errors import Code
from evoreg.provenance.records.model import Card
from evoreg.registry.models.card import LARGEST, LONGEST_PROMPT, UNREADABLE, read_card


def front(text: str) -> bytes:
    return f"---\n{text}\n---\n# Title\n".encode()


def licensed(*names: str) -> Card:
    return Card(license=names)


HUB = """\
license: other
license_name: llama3.1
license_link: https://huggingface.co/meta-llama/Llama-3.1-8B/blob/main/LICENSE
base_model:
- meta-llama/Llama-3.1-8B
base_model_relation: finetune
datasets:
- HuggingFaceH4/ultrachat_200k
- HuggingFaceH4/ultrafeedback_binarized
new_version: org/next-8B
language: [en, de]
pipeline_tag: text-generation
tags: [merge, mergekit]
extra_gated_prompt: |-
  ### LLAMA 3.1 COMMUNITY LICENSE AGREEMENT

  "Agreement" means the terms.\tTab.
extra_gated_fields:
  Country: country
  I accept: checkbox
extra_gated_eu_disallowed: true
model-index:
- name: x
  results: [{task: {type: text-generation}, metrics: [{type: acc, value: 0.5}]}]
"""

# --- what is read without a problem

READ: dict[str, tuple[bytes, Card]] = {
    "everything": (
        front(HUB),
        Card(
            license=("other",),
            license_name="llama3.1",
            license_link="https://huggingface.co/meta-llama/Llama-3.1-8B/blob/main/LICENSE",
            base_model=("meta-llama/Llama-3.1-8B",),
            base_model_relation="finetune",
            datasets=("HuggingFaceH4/ultrachat_200k", "HuggingFaceH4/ultrafeedback_binarized"),
            new_version="org/next-8B",
            gated_prompt='### LLAMA 3.1 COMMUNITY LICENSE AGREEMENT\n\n"Agreement" means the '
            "terms. Tab.",
            eu_disallowed=True,
        ),
    ),
    "list": (front("license:\n- mit\n- apache-2.0"), licensed("mit", "apache-2.0")),
    "list at one level": (front("license:\n  - mit"), licensed("mit")),
    "twice in a list": (front("license: [mit, mit]"), licensed("mit")),
    "null": (front("license: null"), Card()),
    "tilde": (front("license: ~"), Card()),
    "nothing": (front("license:"), Card()),
    "empty text": (front("license: ''"), Card()),
    "empty list": (front("license: []"), Card()),
    "capitals": (front("license: Apache-2.0"), licensed("Apache-2.0")),
    "blanks": (front("license:    '  mit  '   "), licensed("mit")),
    "single quotes": (front("license: 'apache-2.0'"), licensed("apache-2.0")),
    "double quotes": (front('license: "apache-2.0"'), licensed("apache-2.0")),
    "other without a name": (front("license: other"), licensed("other")),
    "name without a licence": (front("license_name: qwen"), Card(license_name="qwen")),
    "name is blank": (front("license: mit\nlicense_name: ''"), licensed("mit")),
    "comment": (front("license: mit  # not cc-by-nc-4.0"), licensed("mit")),
    "comment alone": (front("# license: mit"), Card()),
    "sign without a blank": (front("license: mit#x"), licensed("mit#x")),
    "two in one text": (front("license: apache-2.0, mit"), licensed("apache-2.0, mit")),
    "emoji": (front("license: mit \U0001f917"), licensed("mit \U0001f917")),
    "full width": (front("license: ｍｉｔ"), licensed("ｍｉｔ")),
    "homoglyph": (front("license: m\u0456t"), licensed("m\u0456t")),
    "tag of a text": (front("license: !!str mit"), licensed("mit")),
    "folded block": (front("license: >-\n  mit\n  apache-2.0"), licensed("mit apache-2.0")),
    "literal block of one line": (front("license: |\n  mit\n"), licensed("mit")),
    "flow mapping": (
        front("{license: mit, base_model: a/b}"),
        Card(license=("mit",), base_model=("a/b",)),
    ),
    "windows": (
        front("license: mit\nbase_model: a/b").replace(b"\n", b"\r\n"),
        Card(license=("mit",), base_model=("a/b",)),
    ),
    "old mac": (front("license: mit").replace(b"\n", b"\r"), licensed("mit")),
    "byte order mark": (b"\xef\xbb\xbf" + front("license: mit"), licensed("mit")),
    "blank lines before": (b"\n\n" + front("license: mit"), licensed("mit")),
    "template": (
        front("# For reference see the specification\nlicense: [More Information Needed]"),
        licensed("More Information Needed"),
    ),
    "border inside a text": (
        front('license: mit\nextra_gated_prompt: "a --- b"'),
        Card(license=("mit",), gated_prompt="a --- b"),
    ),
    "indented border inside a text": (
        front("extra_gated_prompt: |\n  a\n  ---\n  b\nlicense: mit"),
        Card(license=("mit",), gated_prompt="a\n---\nb"),
    ),
    "after text": (b"# Title\n" + front("license: mit"), Card()),
    "after a comment of the page": (b"<!-- x -->\n" + front("license: mit"), Card()),
    "address as parent": (
        front("base_model: https://huggingface.co/a/b"),
        Card(base_model=("https://huggingface.co/a/b",)),
    ),
    "relation nobody knows": (
        front("base_model: a/b\nbase_model_relation: stirred"),
        Card(base_model=("a/b",), base_model_relation="stirred"),
    ),
    "authors of two keys": (
        front("author: Ada\nauthors: [Bob, Ada]"),
        Card(authors=("Ada", "Bob")),
    ),
    "not disallowed": (front("extra_gated_eu_disallowed: false"), Card()),
    "keys of two languages": (front("license: mit\nlizenz: cc-by-nc-4.0"), licensed("mit")),
    "no front matter": (b"# Title\nlicense: mit", Card()),
    "long body": (front("license: mit") + b"---\nx\n" * 300_000, licensed("mit")),
    "many parents": (
        front("base_model:\n" + "\n".join(f"- org/m{n}" for n in range(1000))),
        Card(base_model=tuple(f"org/m{n}" for n in range(1000))),
    ),
}


@pytest.mark.parametrize("name", READ)
def test_card_is_read_as_it_stands(name: str) -> None:
    data, card = READ[name]
    assert read_card(data) == (card, ())


# --- what counts as nothing at all, and is told once

REFUSED: dict[str, tuple[bytes, str]] = {
    "anchor": (front("x: &x mit\nlicense: mit"), "anchors"),
    "alias": (front("license: *x"), "anchors"),
    "merge key": (front("<<: {license: mit}"), "merge keys"),
    "merge of a list": (front("<<: [{license: mit}, {license: gpl}]"), "merge keys"),
    "program": (front("license: !!python/object/apply:os.system [id]"), "constructor"),
    "tag": (front("license: !secret mit"), "constructor"),
    "twice": (front("license: mit\nlicense: cc-by-nc-4.0"), "written twice"),
    "twice with quotes": (front('license: mit\n"license": mit'), "written twice"),
    "tab": (front("license:\n\t- mit"), "(line 3)"),
    "utf-16": (b"\xff\xfe" + front("license: mit").decode().encode("utf-16-le"), "UTF-16"),
    "utf-16 without a mark": (front("license: mit").decode().encode("utf-16-be"), "UTF-16"),
    "latin-1": (front("author: J\u00f6rg").decode().encode("latin-1"), "decode"),
    "no end": (b"---\nlicense: mit\n", "no line --- ends it"),
    "end of dots": (b"---\nlicense: mit\n...\n", "no line --- ends it"),
    "two documents": (front("license: mit\n...\n%YAML 1.1"), ""),
    "blanks behind the border": (b"---\nlicense: mit\n--- \nx: 1\n---\n", "blanks follow"),
    "blanks behind the first border": (b"---  \nlicense: mit\n---\n", "blanks follow"),
    "line end of YAML 1.1": (front("# \u2028license: mit"), "line ends"),
    "another one": (front("x: a\x85license: mit"), "line ends"),
    "escape": (front("license: mit\x1b[31m"), ""),
    "list": (front("- license: mit"), "not a mapping"),
    "deep": (front("x: " + "[" * 40 + "]" * 40), "nested deeper"),
    "very deep": (front("x: " + "{a: " * 50_000), "nested deeper"),
    "bomb": (
        front("a: &a [x, x]\n" + "\n".join(f"b{n}: [*a, *a]" for n in range(9))),
        "anchors",
    ),
    "unquoted": (front("license: @mit"), "cannot start any token"),
    "open quote": (front('license: "mit'), "end of stream"),
    "open list": (front("license: [mit, "), ""),
    "placeholder of a template": (front("license: {{ license }}"), ""),
    "one megabyte of text": (b"---\nx: " + b"y" * LARGEST + b"\nlicense: mit\n---\n", "first"),
    "day that is none": (front("license: mit\ndate: 2026-13-45"), "month"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_card_that_leaves_a_doubt_has_no_licence_that_can_be_read(name: str) -> None:
    data, why = REFUSED[name]
    card, problems = read_card(data)
    doubtful = Card(license=(UNREADABLE,))
    assert (card, [problem.code for problem in problems]) == (doubtful, [Code.INPUT_CARD])
    assert why in problems[0].what
    assert str(problems[0]).isprintable()


# --- licences of which a part cannot be read: nothing of it counts, and it contradicts all else

DOUBTFUL: dict[str, str] = {
    "number": "license: 5",
    "float": "license_name: 1.0\nlicense: other",
    "yes": "license: yes",
    "no": "license: no",
    "day": "license: 2026-01-01",
    "mapping": "license: {id: mit}",
    "list with a number": "license: [mit, 5]",
    "list with nothing": "license: [mit, null]",
    "nested list": "license: [[mit]]",
    "list with a mapping": "license:\n- mit\n- other: cc-by-nc-4.0",
    "list with a long text": f"license: [mit, {'x' * 3000}]",
    "list with a hidden sign": 'license: [mit, "cc-by-nc\\u200b-4.0"]',
    "list without end": "license: [" + "mit, " * 1001 + "]",
    "zero width": "license: mi\u200bt",
    "bidi": "license: \u202etim",
    "bytes": "license: !!binary bWl0",
    "set": "license: !!set {mit, apache-2.0}",
    "two lines": "license: |\n  mit\n  apache-2.0",
    "name that is a list": "license: mit\nlicense_name: [cc-by-nc-4.0]",
    "name that is permissive beside what cannot be read": "license: [5]\nlicense_name: mit",
    "two spellings": "license: mit\nlicence: cc-by-nc-4.0",
    "two cases": "license: mit\nLicense: cc-by-nc-4.0",
    "plural": "licenses: [mit, cc-by-nc-4.0]\nlicense: mit",
    "two names": "license: other\nlicense_name: a\nlicense-name: b",
}


@pytest.mark.parametrize("name", DOUBTFUL)
def test_licence_is_taken_whole_or_not_at_all(name: str) -> None:
    card, problems = read_card(front(f"{DOUBTFUL[name]}\nbase_model: a/b\nlicense_link: LICENSE"))
    assert card == Card(license=(UNREADABLE,), base_model=("a/b",))
    assert [problem.code for problem in problems] == [Code.INPUT_CARD]
    assert "counts as unreadable" in problems[0].what


def test_no_licence_is_called_like_the_unreadable_one() -> None:
    found = parse(UNREADABLE, load())
    assert not found.known


@pytest.mark.parametrize("key", ["licence", "License", "LICENSE", "licenses", "license "])
def test_misspelt_licence_is_told_and_not_read(key: str) -> None:
    card, (problem,) = read_card(front(f'"{key}": mit'))
    assert card == Card()
    assert "is not read" in problem.what
    assert problem.hint == "write license if that is meant"


def test_misspelt_licence_that_agrees_changes_nothing() -> None:
    card, problems = read_card(front("license: mit\nlicence: mit"))
    assert (card, len(problems)) == (licensed("mit"), 1)


# --- other values that cannot be taken: they alone are left out


@pytest.mark.parametrize(
    ("text", "card"),
    [
        ("base_model: {name: a/b}", Card(base_model=(UNREADABLE,))),
        ("base_model: [a/b, {name: c/d}, 5]", Card(base_model=("a/b", UNREADABLE))),
        ("base_model: [" + "a/b, " * 1001 + "]", Card(base_model=("a/b", UNREADABLE))),
        ("base_model: a/b\nbase_model_relation: [merge]", Card(base_model=("a/b",))),
        ("base_model: a/b\nlicense_link: 5", Card(base_model=("a/b",))),
        ('base_model: ["a/b", "c/\\u202ed"]', Card(base_model=("a/b", UNREADABLE))),
        ("datasets: [x/y, {name: z}]", Card(datasets=("x/y",))),
        ("new_version: [a/b]", Card()),
        ("extra_gated_prompt: [I agree]", Card()),
        ("extra_gated_prompt: true", Card()),
        ("extra_gated_eu_disallowed: maybe", Card(eu_disallowed=True)),
        ("extra_gated_eu_disallowed: 'false'", Card(eu_disallowed=True)),
        ("extra_gated_eu_disallowed: 1", Card(eu_disallowed=True)),
        ("extra_gated_eu_disallowed: []", Card(eu_disallowed=True)),
    ],
)
def test_other_values_are_left_out_alone(text: str, card: Card) -> None:
    found, problems = read_card(front(f"license: mit\n{text}"))
    assert found == card.model_copy(update={"license": ("mit",)})
    assert [problem.code for problem in problems] == [Code.INPUT_CARD]


def test_prompt_keeps_its_lines_and_loses_what_a_terminal_obeys() -> None:
    card, problems = read_card(
        front('extra_gated_prompt: "a\\n\\e[31mb\\u202ec\\td\\r\\n"\nlicense: mit')
    )
    assert (card.gated_prompt, problems) == ("a\n\ufffd[31mb\ufffdc d", ())


def test_prompt_that_is_too_long_is_cut_and_told() -> None:
    card, (problem,) = read_card(front(f"extra_gated_prompt: {'ab ' * LONGEST_PROMPT}"))
    assert card.gated_prompt == ("ab " * LONGEST_PROMPT)[:LONGEST_PROMPT]
    assert "is cut" in problem.what


def test_a_megabyte_of_values_is_read_in_time() -> None:
    text = "license: mit\nmodel-index:\n" + "- {a: 1, b: [x, 2.5, null]}\n" * 30_000
    assert 800_000 < len(text) < LARGEST
    started = time.perf_counter()
    assert read_card(front(text)) == (licensed("mit"), ())
    assert time.perf_counter() - started < 20
