"""The quick way to the canonical spelling is the canonical spelling, for every value."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evoreg.provenance.ledger.spelling import canonical_text, value_of
from evoreg.provenance.records.canonical import Json, from_canonical, to_canonical
from evoreg.provenance.records.errors import InputError

NUMBERS = (
    st.integers()
    | st.floats()
    | st.floats(-1e-3, 1e-3)
    | st.floats(1e14, 1e17)
    | st.integers(-(2**54), 2**54).map(float)
)
TEXTS = st.text(st.characters() | st.sampled_from('\0\x1f\x7f"\\\u2028\uffff\U0001f600\ud800'))
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=12,
)


def outcome(spell: object, value: object) -> str:
    try:
        return str(spell(value))  # type: ignore[operator]  # either of two functions
    except InputError as error:
        return f"refused: {error}"


@settings(max_examples=400, deadline=None)
@given(VALUES)
@example({"\U00010000": 1, "\uffff": 2})
@example([1e15, 1e16, 1e21, 1e-4, 9.9e-5, 1e-7, -0.0, 0.1, 2.0**53, 2**53 - 1])
@example({"": {"b": [], "a": {}}})
def test_quick_spelling_is_the_canonical_one(value: Json) -> None:
    assert outcome(canonical_text, value) == outcome(lambda v: to_canonical(v).decode(), value)


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_what_is_spelt_is_read(value: Json) -> None:
    try:
        text = canonical_text(value)
    except InputError:
        return
    assert value_of(text) == from_canonical(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        '{"b":1,"a":2}',
        '{"a":1,"a":1}',
        '{"a": 1}',
        "1.0",
        "01",
        "-0",
        "NaN",
        '"\\u0041"',
        "",
        "[" * 100_000,
        "9007199254740993",
        '"\\ud800"',
        "\ud800",
        '{"a":"\ud800"}',
    ],
)
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        value_of(text)
