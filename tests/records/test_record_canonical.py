"""Canonical JSON against the examples of RFC 8785, and what has no canonical form."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.provenance.records.canonical import Json, from_canonical, to_canonical
from evoreg.provenance.records.errors import Code, InputError
from evoreg.provenance.records.recipe import Setting

# RFC 8785, appendix B: the bits of a float and its only spelling.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize(("bits", "text"), NUMBERS.items())
def test_numbers_are_spelt_as_in_the_standard(bits: str, text: str) -> None:
    number: float = struct.unpack(">d", bytes.fromhex(bits))[0]
    assert to_canonical(number) == text.encode()
    assert from_canonical(text.encode()) == number


@pytest.mark.parametrize("bits", ["7fffffffffffffff", "7ff0000000000000", "fff0000000000000"])
def test_what_is_no_number_has_no_spelling(bits: str) -> None:
    number: float = struct.unpack(">d", bytes.fromhex(bits))[0]
    with pytest.raises(InputError) as caught:
        to_canonical({"a": [number]})
    assert caught.value.code is Code.NOT_CANONICAL


def test_keys_are_sorted_by_utf_16_units() -> None:
    # RFC 8785, section 3.2.3: the emoji's first unit is smaller than the Hebrew letter.
    value: Json = {
        "€": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "😀": "Emoji: Grinning Face",
        "\u0080": "Control",
        "ö": "Latin Small Letter O With Diaeresis",
    }
    assert to_canonical(value).decode() == (
        '{"\\r":"Carriage Return","1":"One","\u0080":"Control",'
        '"ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign",'
        '"😀":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}'
    )


def test_the_example_of_the_standard() -> None:
    # RFC 8785, sections 3.2.2 and 3.2.4.
    value: Json = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '€$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }
    written = to_canonical(value)
    assert written.hex() == (
        "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b33333333"
        "33333333332e333333333333332c31652b33302c342e352c302e3030322c31652d32375d2c22737472696e6722"
        "3a22e282ac245c75303030665c6e4127425c225c5c5c5c5c222f227d"
    )
    assert from_canonical(written) == value


@pytest.mark.parametrize("number", [2**53, -(2**53), 2**64, 10**400])
def test_an_integer_that_a_float_cannot_hold_has_no_spelling(number: int) -> None:
    with pytest.raises(InputError) as caught:
        to_canonical(number)
    assert caught.value.code is Code.NOT_CANONICAL
    assert from_canonical(to_canonical(2**53 - 1)) == 2**53 - 1


@pytest.mark.parametrize(
    "data",
    [b"9007199254740993", b"-9007199254740993", b"295147905179352825856", b"1" * 400, b"1" * 5000],
)
def test_digits_that_no_float_is_spelt_with_are_refused(data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        from_canonical(data)
    assert caught.value.code is Code.NOT_CANONICAL


@pytest.mark.parametrize(
    "data",
    [
        *(b"1.0", b"1e0", b"-0", b"+1", b"01", b"1E+30", b"1e30", b"0.0000001"),
        *(b"'a'", b"{a:1}", b"[1,]", b"//", b"[1, 2]", b"\xc3"),
        *(b'"\\/"', b'"\\u00e9"', b'"\t"', b'{"b":1,"a":2}'),
    ],
)
def test_other_spellings_are_refused(data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        from_canonical(data)
    assert caught.value.code is Code.NOT_CANONICAL


def test_a_value_that_is_too_deep_is_refused_both_ways() -> None:
    value: Json = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(InputError) as caught:
        to_canonical(value)
    assert caught.value.code is Code.NOT_CANONICAL
    for depth in (2000, 100_000):
        with pytest.raises(InputError) as caught:
            from_canonical(b"[" * depth + b"]" * depth)
        assert caught.value.code is Code.NOT_CANONICAL
    fine = b"[" * 200 + b"]" * 200
    assert to_canonical(from_canonical(fine)) == fine


@pytest.mark.parametrize("depth", range(300, 1000, 35))
def test_near_the_limit_a_value_is_read_or_refused(depth: int) -> None:
    data = b"[" * depth + b"]" * depth
    try:
        value = from_canonical(data)
    except InputError:
        return  # any other exception fails the test
    assert to_canonical(value) == data


@pytest.mark.parametrize("value", [{1: 2}, {"a": {1, 2}}, b"a", object(), {"a": "\ud800"}])
def test_what_is_not_json_is_refused(value: Json) -> None:
    with pytest.raises(InputError) as caught:
        to_canonical(value)
    assert caught.value.code is Code.NOT_CANONICAL


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(_json)
def test_reading_and_writing_are_inverse(value: Json) -> None:
    written = to_canonical(value)
    again = from_canonical(written)
    assert again == value
    assert to_canonical(again) == written


@pytest.mark.parametrize("value", [1e16, 2.0**53, -1e20, 295147905179352830000.0, 1e21, 1e300])
def test_a_large_parameter_comes_back_as_the_same_float(value: float) -> None:
    for setting in (Setting(value=value), Setting(value=(value, 1))):
        assert Setting.from_canonical(setting.canonical()) == setting


@pytest.mark.parametrize("value", [2**53 + 1, -(2**53) - 1, 10**400])
def test_a_large_integer_is_never_rounded_in_silence(value: int) -> None:
    setting = Setting(value=value)
    assert setting.value == value
    with pytest.raises(InputError) as caught:
        setting.canonical()
    assert caught.value.code is Code.NOT_CANONICAL
