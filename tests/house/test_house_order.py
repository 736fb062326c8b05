"""Order in the files: sizes, names, and words that no file of the project may hold."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.house.house import ROOT, project_files, room_modules

LONGEST_MODULE = 300
LONGEST_FUNCTION = 60
LONG_ON_PURPOSE: tuple[str, ...] = ()
"""Modules that are data tables and may be longer."""

# Put together here, so that this file does not hold them.
FORBIDDEN = tuple(
    "".join(parts)
    for parts in (
        ("/wo", "rk/"),
        ("/tmp/", "research"),
        ("/ro", "ot/"),
        ("sha", "red/notes"),
        ("py", "pi.org"),
        ("py", "thonhosted"),
        ("/opt/", "pypi"),
        ("npm", "js."),
        ("ana", "conda.org"),
    )
)
"""Folders of one machine, and hosts of package registries."""

# Texts of strangers are kept as they are: licences, and the weights and tokenizers of models.
AS_THEY_ARE = re.compile(r"provenance/papers/texts/.*\.txt|.*\.safetensors")


def python_files() -> tuple[str, ...]:
    tools = [
        name for name in project_files() if name.startswith(("benchmarks/", "examples/", "docs/"))
    ]
    return (*room_modules(), *(name for name in tools if name.endswith(".py")))


def test_no_file_speaks_of_what_is_not_its_own() -> None:
    found = [
        f"{name}: {word}"
        for name in project_files()
        if not AS_THEY_ARE.fullmatch(name)
        for word in _spoken(name)
    ]
    assert found == []


def _spoken(name: str) -> Iterator[str]:
    text = f"{name}\n" + (ROOT / name).read_bytes().decode("utf-8", "replace")
    lower = text.lower()
    yield from (word for word in FORBIDDEN if word.lower() in lower)


def test_a_forbidden_word_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(_spoken("tests/house/test_house_order.py")) == []
    monkeypatch.setattr(f"{__name__}.FORBIDDEN", ("Folders OF one", "no such word".upper() * 2))
    assert list(_spoken("tests/house/test_house_order.py")) == ["Folders OF one"]


@pytest.mark.parametrize("name", python_files())
def test_a_module_is_short_and_so_are_its_functions(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    if name not in LONG_ON_PURPOSE:
        assert len(text.splitlines()) <= LONGEST_MODULE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{node.name} has {length} lines"


def test_the_exceptions_are_needed() -> None:
    for name in LONG_ON_PURPOSE:
        assert len((ROOT / name).read_text("utf-8").splitlines()) > LONGEST_MODULE


@pytest.mark.parametrize("name", python_files())
def test_a_module_is_called_by_what_it_holds(name: str) -> None:
    words = set(re.split(r"[/_.]", name.removesuffix(".py")))
    assert (
        words & {"util", "utils", "common", "helper", "helpers", "manager", "base", "misc"} == set()
    )


@pytest.mark.parametrize("name", python_files())
def test_a_module_says_first_what_it_is(name: str) -> None:
    said = ast.get_docstring(ast.parse((ROOT / name).read_text("utf-8"))) or ""
    assert re.match(r".{20,}", said), "no docstring"
    assert said.split("\n\n")[0].rstrip().endswith((".", "::", ":")), "not a sentence"


def test_no_test_file_hides_another() -> None:
    """Two files of one name would be one module to some tools."""
    names = [name.rsplit("/", 1)[-1] for name in project_files() if name.startswith("tests/")]
    tests = [name for name in names if name.startswith("test_") and name.endswith(".py")]
    assert sorted(tests) == sorted(set(tests))
