"""Escaping: what a reader sees is the name itself, and nothing of a name is structure."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from evoreg.provenance.papers.escape import (
    clipped,
    free_path,
    label_text,
    markdown,
    plain,
    safe_name,
    web_address,
    without_path,
)

ANY = st.text(st.characters(), max_size=60)
SHOWN = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), max_size=60)


@given(SHOWN)
def test_a_table_cell_shows_exactly_the_name(name: str) -> None:
    name = name.strip()
    page = (
        MarkdownIt("commonmark")
        .enable("table")
        .render(f"| a | b |\n|---|---|\n| {markdown(name)} | x |\n")
    )
    cells = re.findall(r"<td>(.*?)</td>", page, flags=re.DOTALL)
    assert [html.unescape(cell) for cell in cells] == [name, "x"]


@given(ANY)
def test_no_name_makes_a_second_line_or_an_active_character(name: str) -> None:
    text = markdown(name)
    assert len(text.splitlines()) <= 1
    assert not re.search(r"[|<>\[\]`*\\]", text)
    text.encode()


@given(ANY, ANY)
def test_names_that_differ_stay_different(one: str, other: str) -> None:
    visible_marks = any("[U+" in name for name in (one, other))
    assert visible_marks or (markdown(one) == markdown(other)) == (one == other)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Llama_3.1-8B", "Llama_3.1-8B"),
        ("a|b", "a&#124;b"),
        ("_a_", "&#95;a&#95;"),
        ("<script>", "&#60;script&#62;"),
        ("](javascript:alert(1))", "&#93;(javascript:alert(1))"),
        ("a\nb", "a&#91;U+000A&#93;b"),
        ("a\u202eb", "a&#91;U+202E&#93;b"),
        ("https://x.example", "https:&#47;&#47;x.example"),
        ("&amp;", "&#38;amp;"),
    ],
)
def test_markdown_values(name: str, shown: str) -> None:
    assert markdown(name) == shown


def test_plain_text_keeps_punctuation_and_shows_controls() -> None:
    assert plain("a|b_<c>\x1b[31m") == "a|b_<c>[U+001B][31m"


def test_long_names_are_cut_and_stay_different() -> None:
    one, other = clipped("x" * 9999 + "1"), clipped("x" * 9999 + "2")
    assert one != other
    assert len(one) == 240 + len("... (sha256 0123456789ab)")
    assert clipped("x" * 240) == "x" * 240


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("/home/me/model", "model"),
        ("C:\\Users\\me\\model", "model"),
        ("/", "folder"),
        ("/a/base+/b/adapter", "base+adapter"),
        ("org/name@1234567", "org/name@1234567"),
        ("./model", "./model"),
    ],
)
def test_labels_lose_absolute_paths(label: str, shown: str) -> None:
    assert label_text(label) == shown


def test_without_path_of_a_plain_word() -> None:
    assert without_path("model") == "model"


@given(ANY)
def test_file_names_are_safe(text: str) -> None:
    name = safe_name(text)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", name)
    assert ".." not in name.split("/")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("../../etc/passwd", "etc-passwd"),
        ("", "unnamed"),
        ("...", "unnamed"),
        ("CON.txt", "_CON.txt"),
        ("sub/LICENSE", "sub-LICENSE"),
        (".hidden", "hidden"),
    ],
)
def test_file_name_values(text: str, name: str) -> None:
    assert safe_name(text) == name


@given(st.lists(st.sampled_from(["a/LICENSE", "a/license", "a/x.txt", "a/X.TXT", "a/x-2.txt"])))
def test_paths_never_collide_in_any_case(wanted: list[str]) -> None:
    taken: set[str] = set()
    paths = [free_path(path, taken) for path in wanted]
    assert len({path.lower() for path in paths}) == len(wanted)


@pytest.mark.parametrize(
    "text",
    ["javascript:alert(1)", "data:text/html,x", "http://", "https://a b", "https://u@h/", "x", ""],
)
def test_what_is_not_an_address(text: str) -> None:
    assert web_address(text) is None


def test_address_cannot_leave_its_parentheses() -> None:
    assert web_address("https://x.example/a)](b|<c>") == "https://x.example/a%29%5D%28b%7C%3Cc%3E"
