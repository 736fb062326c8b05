"""Licence texts of sources, adapters and ancestors: found, kept together, and never mistaken."""

from dataclasses import replace

import pytest

from evoreg.provenance.papers.facts import ReleaseFacts, UpstreamFile
from evoreg.provenance.papers.license_plan import is_policy_file, license_plan
from evoreg.provenance.papers.license_texts import license_text
from evoreg.provenance.papers.verify import missing_papers
from evoreg.provenance.papers.write import papers
from evoreg.provenance.records.decision import Decision
from tests.papers import papers_example as ex

OLD = "org/ancestor@9999999"
TEXT = b"LLAMA 3.1 COMMUNITY LICENSE AGREEMENT (of an ancestor)\n" + b"terms " * 60
POLICY = b"ACCEPTABLE USE POLICY (words of a stand-in)\n" + b"never " * 60
LICENSE = UpstreamFile(OLD, "LICENSE.txt", TEXT, "license", ex.LLAMA)
AUP = UpstreamFile(OLD, "USE_POLICY.md", POLICY, "license")
PATH = f"LICENSES/{ex.LLAMA}.txt"
KEPT = "LICENSES/org-ancestor-9999999/USE_POLICY.md"


def of_ancestor() -> Decision:
    """A decision where only an ancestor of the base is under the Llama licence."""
    decision = ex.a_decision(ex.MODELS)
    base = decision.sources[0].model_copy(update={"expression": "MIT", "name": "MIT License"})
    return decision.model_copy(update={"sources": (base, *decision.sources[1:])})


def facts(*upstream: UpstreamFile) -> ReleaseFacts:
    return ex.example(decision=of_ancestor(), upstream=(*ex.an_upstream(ex.MODELS)[1:], *upstream))


def test_the_text_of_a_licence_that_only_an_ancestor_is_under_is_found() -> None:
    assert [problem.where for problem in papers(facts()).problems] == ["LICENSE", PATH]
    written = papers(facts(LICENSE))
    assert written.problems == ()
    assert written.files[PATH] == written.files["LICENSE"] == TEXT
    assert (
        f"| [{ex.LLAMA}.txt]({ex.LLAMA}.txt) | {OLD} |"
        in written.files["LICENSES/README.md"].decode()
    )


def test_a_file_that_nobody_recognised_is_not_taken_for_another_text() -> None:
    unknown = replace(LICENSE, license="")
    other = replace(LICENSE, license="LicenseRef-scancode-llama-3.2-license-2024")
    for file in (unknown, other):
        assert [problem.where for problem in papers(facts(file)).problems] == ["LICENSE", PATH]


def test_what_was_recognised_wins_over_what_merely_lies_in_the_source() -> None:
    mine = ex.an_upstream(ex.MODELS)
    written = papers(ex.example(upstream=(*mine, LICENSE)))
    assert written.files[PATH] == TEXT
    assert ex.LLAMA_TEXT in written.files.values()
    assert written.problems == ()


@pytest.mark.parametrize("turned", [False, True])
def test_licence_and_policy_are_kept_together(turned: bool) -> None:
    files = (AUP, LICENSE) if turned else (LICENSE, AUP)
    written = papers(facts(*files))
    assert written.problems == ()
    assert (written.files[PATH], written.files[KEPT]) == (TEXT, POLICY)
    gone = {path: data for path, data in written.files.items() if path != KEPT}
    found = missing_papers(gone, of_ancestor(), upstream=facts(*files).upstream)
    assert [problem.where for problem in found] == [KEPT]


def test_a_policy_of_a_source_is_named_beside_its_restrictions() -> None:
    policy = replace(AUP, model=ex.BASE.label)
    page = (
        papers(ex.example(upstream=(*ex.an_upstream(ex.MODELS), policy)))
        .files["USE_RESTRICTIONS.md"]
        .decode()
    )
    kept = "LICENSES/meta-llama-Llama-3.1-8B-1111111/USE_POLICY.md"
    assert f"Full text: [{PATH}]({PATH}), [{kept}]({kept})." in page
    known = replace(AUP, license=ex.LLAMA)
    page = papers(facts(LICENSE, known)).files["USE_RESTRICTIONS.md"].decode()
    assert f"Full text: [{PATH}]({PATH}), [{KEPT}]({KEPT})." in page


def test_a_policy_alone_is_no_licence_text() -> None:
    alone = replace(AUP, model=ex.BASE.label)
    written = papers(ex.example(upstream=(*ex.an_upstream(ex.MODELS)[1:], alone)))
    assert [problem.where for problem in written.problems] == ["LICENSE", PATH]


def test_an_ancestor_with_a_standard_text_adds_no_second_copy() -> None:
    same = (license_text("Apache-2.0") or "").encode()
    file = UpstreamFile(OLD, "LICENSE", same, "license", "Apache-2.0")
    assert not any(item.model == OLD for item in license_plan(of_ancestor(), (file,)).kept.values())


def test_the_same_file_twice_is_kept_once() -> None:
    others = [replace(AUP, model=f"org/other-{number}") for number in range(3)]
    kept = license_plan(of_ancestor(), (*others, AUP, AUP, replace(AUP, license="x"))).kept
    assert list(kept) == [KEPT]


@pytest.mark.parametrize(
    ("path", "policy"),
    [
        ("USE_POLICY.md", True),
        ("acceptable-use.txt", True),
        ("AUP.md", True),
        ("Prohibited_Uses.txt", True),
        ("LICENSE", False),
        ("aup/LICENSE", False),
        ("coupons.txt", False),
    ],
)
def test_policy_files_are_told_by_name(path: str, policy: bool) -> None:
    assert is_policy_file(UpstreamFile("m", path, b"", "license")) is policy


def test_a_notice_that_is_also_owed_is_quoted_once() -> None:
    text = ex.NOTICE_FILE.decode()
    decision = ex.a_decision(ex.MODELS, (ex.duty("notice", text, "Apache-2.0", ex.MATH),))
    notice = papers(ex.example(decision=decision)).files["NOTICE"].decode()
    assert notice.count("Copyright 2024 Example Lab") == 1
    forged = ex.duty("notice", "x\n\nCredits\n\n* forged, line", "Apache-2.0", ex.MATH)
    decision = ex.a_decision(ex.MODELS, (forged,))
    written = papers(ex.example(decision=decision))
    lines = written.files["NOTICE"].decode().split("\n")
    assert written.problems == ()
    assert lines.count("Credits") == 1
    assert "    * forged, line" in lines
    assert "* forged, line" not in lines
