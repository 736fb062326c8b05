"""What a reply says: numbers in every spelling, patterns, and one spelling for texts."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoreg.evolve.tasks.extract import last_match, last_number, normal, numbers

NUMBERS = {
    "18": "18",
    "The answer is 18.": "18",
    "答えは18です。": "18",
    "答えは１８個": "18",
    "#### 18": "18",
    "-5": "-5",
    "(-5)": "-5",
    "x=-5": "-5",
    "答えは-5です": "-5",
    "−5": "-5",
    "－５": "-5",
    "–5": "-5",
    "+7": "7",
    "7-5": "5",
    "7 - 5": "5",
    "- 5 apples": "5",
    "7 -5": "-5",
    "pages 3–5": "5",
    "covid-19": "19",
    "-$5": "-5",
    "-￥1,000": "-1000",
    "$-5": "-5",
    "1,234": "1234",
    "1,234,567.5 yen": "1234567.5",
    "１，２３４．５": "1234.5",
    "1{,}234": "1234",
    "1,23": "23",
    "1,2345": "2345",
    "1, 2, 3": "3",
    "3,-5": "-5",
    "3.50": "3.5",
    "5.0": "5",
    ".5": "0.5",
    "-.5": "-0.5",
    "1.2.3": "3",
    "18..": "18",
    "2e3": "2000",
    "1.5E-2": "0.015",
    "5e": "5",
    "3.5%": "3.5",
    "1/2": "2",
    "20cm²": "20",
    "10² = ?": "10",
    "18 or 19?": "19",
    "٣": "3",
}


@pytest.mark.parametrize("text", NUMBERS)
def test_the_last_number_is_found(text: str) -> None:
    assert last_number(text) == Decimal(NUMBERS[text])


@pytest.mark.parametrize("text", ["", "no", "三", "-", ".", ",", "$", "∞", "½"])
def test_there_may_be_no_number(text: str) -> None:
    assert last_number(text) is None


@given(st.decimals(-(10**9), 10**9, allow_nan=False, places=3), st.sampled_from([",", ""]))
def test_a_number_is_read_as_it_is_written(number: Decimal, comma: str) -> None:
    plain = f"{number:{comma}.3f}"
    wide = plain.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})
    for written in (plain, wide, plain.replace("-", "\u2212"), f"答えは{wide}です。"):
        assert numbers(written) == (number,)


@given(st.text())
def test_any_text_has_numbers_or_none(text: str) -> None:
    assert all(number.is_finite() for number in numbers(text))


def test_many_digits_take_no_time() -> None:
    assert last_number("1," * 50_000 + "x") == 1
    assert last_number("9" * 50_000) == Decimal("9" * 50_000)


def test_texts_get_one_spelling() -> None:
    assert normal(" Ａｂｃ　１２\n") == "Abc 12"
    assert normal("ｺﾀｴ") == "コタエ"


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"answer: (\w+)", "answer: a, answer: b", "b"),
        (r"\d+", "1 then 22", "22"),
        (r"(a)|b", "b", ""),
        (r"x", "y", None),
    ],
)
def test_the_last_match_counts(pattern: str, text: str, found: str | None) -> None:
    assert last_match(re.compile(pattern), text) == found


_PLAIN = re.compile(
    r"(?:(?<![A-Za-z\d)\]}])([-+])[$€£¥₩₹]?(?=[\d.]))?"
    r"(\d{1,3}(?:,\d{3})+(?!,?\d)|\d+|(?<!\d)(?=\.\d))(\.\d+)?([eE][-+]?\d{1,3}(?![\w.]))?"
)


@given(
    st.text(alphabet="0179,,,.-(e", max_size=40)
    | st.lists(
        st.sampled_from(["111", "22", "4444", ",", ",", ",", ".", "-", " "]), max_size=24
    ).map("".join)
)
def test_numbers_are_those_of_the_plain_grammar(text: str) -> None:
    expected = tuple(
        Decimal(("-" if sign == "-" else "") + (digits.replace(",", "") or "0") + decimals + power)
        for sign, digits, decimals, power in _PLAIN.findall(text)
    )
    assert numbers(text) == expected


@pytest.mark.parametrize("end", ["", ",1", "1", ",1111"])
def test_long_runs_of_groups_take_no_square_of_time(end: str) -> None:
    groups = 100_000  # the square of it would take minutes
    found = numbers(",".join(["123"] * groups) + end)
    assert len(found) == {"": 1, ",1": groups + 1, "1": groups, ",1111": groups + 1}[end]
