"""Docs cannot lie: what the program has stands in them, and what they link to exists."""

import posixpath
import re
from collections.abc import Iterator

import pytest

from docs import generate
from evoreg.evolve.recipes.contracts import CONTRACTS
from evoreg.provenance.records import errors
from evoreg.provenance.records.errors import Code, EvoregError
from evoreg.registry.cli.exits import exit_code
from tests.house.house import ROOMS, ROOT, project_files, room_modules

PAGES = sorted(
    name
    for name in project_files()
    if name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
    or (name.startswith("docs/") and name.endswith(".md"))
)
COMMANDS = dict(generate.walk(generate.root(), "evoreg"))


def text_of(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def sections(text: str, level: int) -> dict[str, str]:
    """Return the text under each heading of a level, up to the next of that level or above."""
    parts = re.split(rf"^#{{{level}}} (.+)$", text, flags=re.MULTILINE)
    above = rf"^#{{1,{level}}} "
    bodies = (re.split(above, body, flags=re.MULTILINE)[0] for body in parts[2::2])
    return dict(zip(parts[1::2], bodies, strict=True))


# Errors ----------------------------------------------------------------------------------------

ERRORS = sections(text_of("docs/errors.md"), 3)


def test_the_page_of_errors_has_every_code_and_no_other() -> None:
    assert set(ERRORS) == {f"{code.value} {code.name}" for code in Code}


@pytest.mark.parametrize("code", Code)
def test_a_code_has_cause_example_and_fix(code: Code) -> None:
    body = ERRORS[f"{code.value} {code.name}"]
    form = r"\s*\*\*Cause\.\*\* (.{20,})\n\n```\n(.+?)\n```\n\n\*\*Fix\.\*\* (.{10,})\s*"
    found = re.fullmatch(form, body, re.DOTALL)
    assert found is not None
    cause, example, fix = found.groups()
    lines = example.splitlines()
    assert re.fullmatch(rf"(error|warning)\[{code}\]: \S.*", lines[0])
    assert all(line.startswith(("  --> ", "  = fix: ")) for line in lines[1:])
    number = re.search(r"Exit\scode\s([0-9]+)\.$", cause)
    assert number is not None
    assert int(number[1]) in generate.exit_codes()
    assert fix.strip().endswith(".")


def test_the_tree_of_classes_is_told_with_its_exit_codes() -> None:
    told = re.findall(r"^\| `(\w+)` \| `(\w+)` \| ([0-9]*) ?\|", text_of("docs/errors.md"), re.M)
    kinds = [EvoregError, *(getattr(errors, name) for name, _, _ in told[1:])]
    assert len(kinds) == len(set(kinds)) == len(_tree(EvoregError))
    for kind, (name, parent, number) in zip(kinds, told, strict=True):
        assert (kind.__name__, kind.__bases__[0].__name__) == (name, parent)
        if kind is not EvoregError:
            assert int(number) == exit_code(kind(Code.USAGE, "what"))


def _tree(kind: type[EvoregError]) -> set[type[EvoregError]]:
    return {kind}.union(*(_tree(child) for child in kind.__subclasses__()))


def test_no_page_names_a_code_that_does_not_exist() -> None:
    for page in PAGES:
        assert set(re.findall(r"\bEVO-[A-Z][0-9]+\b", text_of(page))) <= set(Code), page


# The command line ------------------------------------------------------------------------------


def test_the_page_of_commands_is_up_to_date() -> None:
    page = text_of("docs/cli.md")
    assert generate.page(page) == page, "run: python docs/generate.py"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_stands_there_with_every_option(name: str) -> None:
    body = sections(text_of("docs/cli.md"), 3)[name]
    command = COMMANDS[name]
    assert str(vars(command)["help"]).strip() in body
    for parameter in generate.parameters(command):
        facts = vars(parameter)
        assert facts["help"], f"{facts['name']} has no help text"
        (row,) = [line for line in body.splitlines() if generate.spelling(parameter) in line]
        assert generate.meaning(parameter) in row
        if generate.parameters(command) and facts["opts"][0].startswith("-"):
            assert all(f"`{option}`" in row for option in facts["opts"])


def test_the_commands_are_those_that_the_readme_names() -> None:
    readme = text_of("README.md")
    assert len(COMMANDS) > 8
    for name, command in COMMANDS.items():
        if not generate.children(command):
            *group, word = name.split()
            pattern = rf"`{' '.join(group)} [^`]*\b{word}\b"
            assert re.search(pattern, readme), f"{name} is missing in README.md"


@pytest.mark.parametrize("page", ["README.md", "docs/cli.md"])
def test_every_exit_code_is_told(page: str) -> None:
    told = {int(code) for code in re.findall(r"^\| ([0-9]+) \| \w", text_of(page), re.M)}
    codes = generate.exit_codes()
    assert {0, 1, 2, 3, 4, 5, 6, 7, 8, 130, 141} <= set(codes)
    assert told == set(codes)


def _sources(*folders: str) -> Iterator[str]:
    for name in room_modules():
        if name.startswith(folders):
            yield text_of(name)


def test_every_form_of_json_is_told_and_no_other() -> None:
    sources = _sources("registry/", "provenance/papers/")
    found = {form for text in sources for form in re.findall(r'"(evoreg/[\w-]+/\d+)"', text)}
    told = set(re.findall(r"`(evoreg/[\w-]+/\d+)`", text_of("docs/cli.md")))
    assert "evoreg/error/1" in found
    assert told == found


def test_every_variable_of_the_environment_is_told() -> None:
    found = {
        name
        for text in _sources(*ROOMS)
        for name in re.findall(r'["`]((?:EVOREG|HF)_[A-Z_]+)["`]', text)
    }
    told = set(re.findall(r"`((?:EVOREG|HF)_[A-Z_]+)`", text_of("docs/cli.md")))
    assert "EVOREG_LEDGER" in found
    assert found - told == set()
    assert {name for name in told if name.startswith("EVOREG")} <= found


# Methods ---------------------------------------------------------------------------------------

METHODS = sections(text_of("docs/methods.md"), 2)


def test_the_page_of_methods_has_every_method_and_no_other() -> None:
    assert set(METHODS) >= set(CONTRACTS)
    named = set(re.findall(r"^[a-z0-9_]+$", "\n".join(METHODS), re.MULTILINE))
    assert named == set(CONTRACTS)


@pytest.mark.parametrize("method", CONTRACTS)
def test_every_parameter_of_a_method_is_told(method: str) -> None:
    body, seen = METHODS[method], {method}
    while True:  # "Parameters as for ties": that table counts
        others = set(re.findall(r"\bas for `?(\w+)", body)) & set(METHODS) - seen
        if not others:
            break
        seen |= others
        body += "".join(METHODS[other] for other in sorted(others))
    told = set(re.findall(r"`(\w+)`", body))
    assert {item.name for item in CONTRACTS[method].parameters} - told == set()


def test_the_readme_names_every_method() -> None:
    readme = text_of("README.md")
    assert all(f"`{method}`" in readme for method in CONTRACTS)


# Links -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file_of_the_project(page: str) -> None:
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", text_of(page), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page
        assert (ROOT / there).exists(), f"{page} links to {target}"
        held = any(name == there or name.startswith(f"{there}/") for name in project_files())
        assert held, f"{page} links to {target}, which git does not have"
        if anchor:
            assert anchor in _anchors(text_of(there)), f"{page} links to {target}"


def _anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_there_are_pages() -> None:
    assert {"README.md", "CONTRIBUTING.md", "docs/cli.md", "docs/errors.md"} <= set(PAGES)
