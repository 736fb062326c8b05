"""Cards: what front matter says is copied; what is broken or hostile counts as nothing."""

import string
import time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from evoreg.provenance.records.errors import Code
from evoreg.provenance.records.model import Card
from evoreg.registry.models.card import LARGEST, UNREADABLE, read_card


def front(text: str) -> bytes:
    return f"---\n{text}\n---\n# Title\n".encode()


def test_all_fields_are_copied_as_written() -> None:
    card, problems = read_card(
        front(
            "license: other\nlicense_name: Llama 3.1 Community\nlicense_link: LICENSE\n"
            "base_model: [org/a, org/b]\nbase_model_relation: merge\nauthor: Ada\n"
            "authors: [Ada, Bob]\ntags: [merge]\nextra: {anything: [1, 2.5, null, 2026-01-01]}"
        )
    )
    assert problems == ()
    assert card == Card(
        license=("other",),
        license_name="Llama 3.1 Community",
        license_link="LICENSE",
        base_model=("org/a", "org/b"),
        base_model_relation="merge",
        authors=("Ada", "Bob"),
    )


TEXT = st.text(string.ascii_letters + string.digits + " .-_/äé", min_size=1, max_size=30).filter(
    lambda text: bool(text.strip())
)


@given(st.lists(TEXT, max_size=4), TEXT | st.none(), st.booleans())
def test_what_a_yaml_writer_wrote_is_read_back(
    licenses: list[str], name: str | None, windows: bool
) -> None:
    data: dict[str, Any] = {"license": licenses, "license_name": name}
    text = "---\n" + yaml.safe_dump(data, allow_unicode=True) + "---\nbody"
    card, problems = read_card((text.replace("\n", "\r\n") if windows else text).encode())
    assert problems == ()
    assert card.license == tuple(dict.fromkeys(text.strip() for text in licenses))
    assert card.license_name == (name.strip() if name else None)


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda b: b"---\n" + b + b"\n---\n"))
def test_no_bytes_stop_the_reader(data: bytes) -> None:
    card, _ = read_card(data)
    assert Card.from_canonical(card.canonical()) == card


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"# Only a title",
        b"---\n---",
        b"--- x\n---",
        b"\xef\xbb\xbf---\n---\n",
        b"text\n---\nlicense: mit\n---",
    ],
)
def test_a_card_without_front_matter_says_nothing(data: bytes) -> None:
    assert read_card(data) == (Card(), ())


def test_a_byte_order_mark_and_blank_lines_are_passed_over() -> None:
    card, problems = read_card(b"\xef\xbb\xbf\n\n---\nlicense: mit\n---\n")
    assert (card.license, problems) == (("mit",), ())


BROKEN = {
    "unclosed": b"---\nlicense: mit\n",
    "no yaml": front("license: [mit"),
    "twice": front("license: mit\nlicense: cc-by-nc-4.0"),
    "twice, deep": front("license: mit\nx: {a: 1, a: 2}"),
    "list": front("- mit"),
    "text": front("mit"),
    "tag": front("license: !!python/object/apply:os.system ['true']"),
    "alias": front("a: &a [x]\nlicense: *a"),
    "anchor": front("license: &a mit"),
    "merge key": front("a: &a {license: mit}\n<<: *a"),
    "documents": front("license: mit\n...\nlicense: apache-2.0"),
    "not utf-8": b"---\nlicense: \xff\xfe\n---\n",
    "control": front("license: mit\x00"),
    "date": front("date: 2026-99-99"),
    "number": front("n: " + "9" * 5000),
    "deep": front("x: " + "[" * 100 + "]" * 100),
    "very deep": front("x: " + "[" * 200_000),
    "very deep blocks": front("- " * 50_000),
    "key": front("? [a, b]\n: 1"),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_broken_front_matter_counts_as_empty_and_is_told(data: bytes) -> None:
    start = time.perf_counter()
    card, problems = read_card(data, "org/m README.md")
    assert time.perf_counter() - start < 5
    assert card == Card(license=(UNREADABLE,))
    assert [problem.code for problem in problems] == [Code.INPUT_CARD]
    assert problems[0].where == "org/m README.md"
    assert str(problems[0]).isprintable()
    assert len(str(problems[0])) < 600


def test_a_bomb_of_aliases_does_not_go_off() -> None:
    levels = ["l0: &l0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12)]
    card, problems = read_card(front("\n".join([*levels, "license: *l11"])))
    assert card == Card(license=(UNREADABLE,))
    assert "aliases" in problems[0].what


@pytest.mark.parametrize(
    "value",
    ["5", "{id: mit}", "true", "[mit, 5, {a: b}]", '"a\\u202eb"', '"a\\0b"', "a" * 5000],
)
def test_a_licence_of_a_strange_type_is_unreadable_and_told(value: str) -> None:
    card, problems = read_card(front(f"license: {value}\nbase_model: org/a"))
    assert card == Card(license=(UNREADABLE,), base_model=("org/a",))
    assert [problem.code for problem in problems] == [Code.INPUT_CARD]


def test_nothing_is_no_problem() -> None:
    assert read_card(front("license:\nlicense_name: null\nbase_model: []")) == (Card(), ())


def test_a_huge_body_does_not_matter_but_huge_front_matter_does() -> None:
    start = front("license: mit")
    card, problems = read_card(start + "é".encode() * LARGEST)
    assert (card.license, problems) == (("mit",), ())
    card, problems = read_card(b"---\nlicense: mit\nx: " + b"y" * LARGEST + b"\n---\n")
    assert (card, problems[0].code) == (Card(license=(UNREADABLE,)), Code.INPUT_CARD)
