"""The verifier: finds all that is owed, and names exactly the paper that is missing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.provenance.papers.verify import missing_papers
from evoreg.provenance.papers.write import papers
from evoreg.provenance.records.decision import Obligation
from evoreg.provenance.records.errors import Code
from tests.papers import papers_example as ex

FACTS = ex.example()
FILES = dict(papers(FACTS).files)
NOT_OWED = {"mergekit_config.yml", "LICENSES/README.md"}
DUTIES = ex.every_obligation(ex.MODELS)


def wheres(files: dict[str, bytes]) -> set[str]:
    found = missing_papers(files, FACTS.decision, upstream=FACTS.upstream)
    assert all(problem.code is Code.PAPER_MISSING and problem.hint for problem in found)
    return {problem.where for problem in found}


def test_nothing_is_missing_from_the_whole() -> None:
    assert wheres(FILES) == set()


@pytest.mark.parametrize("path", sorted(FILES))
def test_removing_a_paper_names_exactly_that_paper(path: str) -> None:
    rest = {key: data for key, data in FILES.items() if key != path}
    assert wheres(rest) == (set() if path in NOT_OWED else {path})


@pytest.mark.parametrize("path", sorted(set(FILES) - NOT_OWED))
def test_emptying_a_paper_names_exactly_that_paper(path: str) -> None:
    assert wheres({**FILES, path: b""}) == {path}


BY_LLAMA = {"notice", "display", "name_prefix", "use_restrictions", "acceptance"}
EXPECTED_PAPERS = {
    "license_text": {"LICENSES/Apache-2.0.txt"},
    "notice": {"NOTICE"},
    "attribution": {"NOTICE", "README.md"},
    "display": {"README.md"},
    "name_prefix": {"README.md"},
    "use_restrictions": {"USE_RESTRICTIONS.md"},
    "source_offer": {"README.md"},
    "modification_statement": {"MODIFICATIONS.md"},
    "credits": {"README.md"},
    "acceptance": {"README.md", "USE_RESTRICTIONS.md"},
    "eu_gate": {"README.md"},
}


@pytest.mark.parametrize("kind", sorted(EXPECTED_PAPERS))
def test_each_obligation_alone_is_found_and_missed(kind: str) -> None:
    item = next(i for i in DUTIES if i.kind == kind and (i.license != ex.LLAMA or kind in BY_LLAMA))
    decision = ex.a_decision(ex.MODELS, (item,)).model_copy(update={"outbound": "NOASSERTION"})
    written = papers(ex.example(decision=decision))
    assert written.problems == ()
    assert {problem.where for problem in missing_papers({}, decision)} == EXPECTED_PAPERS[kind]


@settings(max_examples=40, deadline=None)
@given(st.sets(st.sampled_from(DUTIES)))
def test_whatever_is_owed_is_written(owed: set[Obligation]) -> None:
    duties = tuple(item for item in DUTIES if item in owed)
    decision = ex.a_decision(ex.MODELS, duties)
    assert papers(ex.example(decision=decision)).problems == ()


@pytest.mark.parametrize(
    ("path", "old", "new", "what"),
    [
        ("NOTICE", "Copyright © Meta", "Copyright (c) Meta", "the notice is not there"),
        ("NOTICE", "    Copyright 2024 Example Lab", "", "the NOTICE of lab/math@2222222"),
        ("NOTICE", "* lab/math@2222222, ", "* lab/moth@2222222, ", "no credit line for lab/math"),
        ("NOTICE", "Name the creators", "Name nobody", "the attribution is not there"),
        ("README.md", "**Built with Llama**", "**Built with Lama**", "the line to be shown"),
        ("README.md", "\n**Built with Llama**\n", "\n", "the line to be shown"),
        ("README.md", "# lab/Llama-math", "# lab/math", "the name of the model must begin"),
        ("README.md", "| chat+lab/chat&#95;lora@3333333 |", "| someone |", None),
        ("README.md", "| chat+lab/chat_lora@3333333 |", "| someone |", "does not name the source"),
        ("README.md", "## Source offer", "## Source", "the source offer is not there"),
        ("README.md", "## Credits", "## Debits", "does not name the source"),
        ("MODIFICATIONS.md", "are not the weights", "are the weights", "the statement of what"),
        ("MODIFICATIONS.md", "| lab/math@2222222 |", "| lab |", "does not name the source"),
        ("README.md", "more than 100M", "more than 1M", "the card does not tell of the words"),
        ("README.md", 'must begin with "Llama"', "is free", "the card does not say that names"),
        ("README.md", "checkbox", "text", "the front matter does not ask for this"),
        ("README.md", "eu_disallowed: true", "eu_disallowed: no", "the front matter lacks"),
        ("USE_RESTRICTIONS.md", "you agree to", "you may like", "the provision that binds"),
        ("USE_RESTRICTIONS.md", "you must give", "you may give", "the provision that binds"),
        ("USE_RESTRICTIONS.md", "## LicenseRef", "## License", "the restrictions of"),
        ("USE_RESTRICTIONS.md", "Acceptable Use", "Any Use", "the restrictions of"),
        ("LICENSES/Apache-2.0.txt", "perpetual", "short", "this is not the text of Apache-2.0"),
        ("LICENSE", "terms terms", "terms", "this is not the text of LicenseRef"),
    ],
)
def test_a_changed_passage_is_noticed(path: str, old: str, new: str, what: str | None) -> None:
    text = FILES[path].decode()
    if what is None:
        assert old not in text
        return
    assert old in text
    changed = {**FILES, path: text.replace(old, new).encode()}
    found = missing_papers(changed, FACTS.decision, upstream=FACTS.upstream)
    assert {problem.where for problem in found} == {path}
    assert any(what in problem.what for problem in found)


def test_the_copyright_line_of_a_source_must_stay() -> None:
    path = "LICENSES/chat-lab-chat_lora-3333333/LICENSE.md"
    changed = {**FILES, path: FILES["LICENSES/MIT.txt"]}
    assert wheres(changed) == {path}


def test_without_the_sources_at_hand_the_rest_is_still_checked() -> None:
    assert missing_papers(FILES, FACTS.decision) == ()
    stub = {**FILES, f"LICENSES/{ex.LLAMA}.txt": b"see https://llama.com"}
    found = missing_papers(stub, FACTS.decision)
    assert [problem.where for problem in found] == [f"LICENSES/{ex.LLAMA}.txt"]


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(FILES)), st.binary(max_size=200)))
def test_any_bytes_are_read_without_a_crash(changed: dict[str, bytes]) -> None:
    assert wheres({**FILES, **changed}) == set(changed) - NOT_OWED


def test_an_empty_folder_misses_every_owed_paper() -> None:
    assert wheres({}) == set(FILES) - NOT_OWED


def test_a_release_that_owes_nothing_needs_no_paper() -> None:
    decision = ex.a_decision(ex.MODELS, ()).model_copy(update={"outbound": "NOASSERTION"})
    assert missing_papers({}, decision) == ()
    assert papers(ex.example(decision=decision)).problems == ()


def test_a_wrong_name_is_a_problem_of_the_writer_too() -> None:
    written = papers(ex.example(name="lab/math-chat"))
    assert [problem.what for problem in written.problems] == [
        "the name of the model must begin with 'Llama'"
    ]
    assert [problem.hint for problem in written.problems] == ["choose a name with --name"]


def test_a_card_without_a_title_shows_no_name() -> None:
    item = ex.duty("display", "<model name>", "MIT")
    decision = ex.a_decision(ex.MODELS, (item,))
    files = dict(papers(ex.example(decision=decision)).files)
    assert missing_papers(files, decision) == ()
    files["README.md"] = b"\n\ntext\n"
    assert [p.what for p in missing_papers(files, decision)] == [
        "the line to be shown is not there: <model name>"
    ]


def test_the_name_that_it_goes_out_under_counts_as_well() -> None:
    decision = FACTS.decision
    assert missing_papers(FILES, decision, name="lab/llama_x") == ()
    found = missing_papers(FILES, decision, name="lab/My-\u202eLlama")
    assert [(p.where, p.what) for p in found] == [
        ("lab/My-[U+202E]Llama", "the name must begin with 'Llama'")
    ]


def test_unrelated_files_change_nothing() -> None:
    more = {"x.py": b"1", "LICENSES/other.txt": b"", "docs/README.md": b"# x", ".git/HEAD": b""}
    assert wheres({**FILES, **more}) == set()


def test_line_ends_of_windows_are_no_change() -> None:
    texts = {path: data.replace(b"\n", b"\r\n") for path, data in FILES.items()}
    kept = {path: data for path, data in FILES.items() if path.count("/") > 1}
    assert wheres({**texts, **kept}) == set()


@pytest.mark.parametrize(
    ("name", "good"),
    [("org/llama 3 x", True), ("Llama_3-x", True), ("LLAMA--3", True), ("My-Llama-3", False)],
)
def test_name_prefix_is_compared_loosely(name: str, good: bool) -> None:
    text = 'AI model name must begin with "Llama 3" if Materials are used'
    decision = ex.a_decision(ex.MODELS, (ex.duty("name_prefix", text, ex.LLAMA, ex.BASE),))
    assert (papers(ex.example(name=name, decision=decision)).problems == ()) is good
