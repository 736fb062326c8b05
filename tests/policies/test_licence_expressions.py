"""Expressions are read into alternatives, and what is not known is said."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.policies.expressions import MAX_LENGTH, parse
from evoreg.policies.knowledge.book import Knowledge, load


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("MIT", [["mit"]]),
        ("  apache-2.0 ", [["apache-2.0"]]),
        ("LICENSEREF-scancode-flux-1-nc", [["flux-1-dev-nc-1.1.1"]]),
        ("mit or Apache-2.0", [["apache-2.0"], ["mit"]]),
        ("MIT AND Apache-2.0", [["apache-2.0", "mit"]]),
        ("MIT AND (Apache-2.0 OR GPL-3.0-only)", [["apache-2.0", "mit"], ["gpl-3.0", "mit"]]),
        ("GPL-2.0-or-later", [["gpl-2.0"], ["gpl-3.0"]]),
        ("GPL-2.0+ AND MIT", [["gpl-2.0", "mit"], ["gpl-3.0", "mit"]]),
        ("openrail++ AND llama3.1", [["llama3.1", "openrail++"]]),
        ("Apache-2.0 WITH LLVM-exception", [["apache-2.0"]]),
    ],
)
def test_readable(plain: Knowledge, text: str, keys: list[list[str]]) -> None:
    read = parse(text, plain)
    assert [[row.key for row in choice] for choice in read.alternatives] == keys
    assert read.known
    assert read.unknown == ()
    assert read.problem == ""


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("MIT OR Strange-1.0", ("Strange-1.0",)),
        ("Strange-2.0 AND Strange-1.0", ("Strange-1.0", "Strange-2.0")),
        ("MIT WITH Strange-exception", ("Strange-exception",)),
        ("NONE", ("NONE",)),
    ],
)
def test_unknown_symbols_are_values(plain: Knowledge, text: str, unknown: tuple[str, ...]) -> None:
    read = parse(text, plain)
    assert read.unknown == unknown
    assert not read.known


@pytest.mark.parametrize(
    "text", ["", "AND", "MIT MIT", "MIT AND (", "MIT\u202e OR x", "MIT," * 9, "(" * 900 + "MIT"]
)
def test_what_cannot_be_read_has_a_reason(plain: Knowledge, text: str) -> None:
    read = parse(text, plain)
    assert not read.known
    assert read.problem
    assert "\u202e" not in read.text


def test_too_many_alternatives_are_not_read(plain: Knowledge) -> None:
    read = parse(" AND ".join(["(MIT OR Apache-2.0)"] * 7), plain)
    assert read.problem == "too many alternatives"
    assert parse("MIT OR " * (MAX_LENGTH // 7) + "MIT OR MIT", plain).problem


SYMBOLS = st.sampled_from(sorted(row.expression for row in load().rows if row.kind != "other"))
TREES = st.recursive(
    SYMBOLS,
    lambda inner: st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(
        lambda t: f"({t[0]} {t[1]} {t[2]})"
    ),
    max_leaves=4,
)


@settings(max_examples=60, deadline=None)
@given(TREES)
def test_the_normal_form_is_stable(text: str) -> None:
    read = parse(text, load())
    again = parse(read.text, load())
    assert read.known
    assert {frozenset(r.expression for r in c) for c in again.alternatives} == {
        frozenset(r.expression for r in c) for c in read.alternatives
    }
    assert parse(again.text, load()).text == again.text


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_answered(text: str) -> None:
    read = parse(text, load())
    assert read.known != bool(read.unknown or read.problem)
    assert read.text.isprintable()
