"""How findings are laid out: lines are cut at blanks only, and carets stand under names."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from evoreg.policies.codes import Finding as Code
from evoreg.policies.codes import reason
from evoreg.policies.outbound import CardFields
from evoreg.provenance.records.decision import Decision, Intent, Reason, Verdict
from evoreg.provenance.records.marked import Mark
from evoreg.registry.checking.checked import Checked, Judged, Spot
from evoreg.registry.cli.report_text import (
    Finding,
    Pen,
    carets,
    disclaimer,
    findings,
    path_of,
    share_of,
    wrapped,
)

SIGNS = {"bar": "|"}
ZERO = "sha256:" + "0" * 64
WORDS = st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=30), max_size=20)


def judged(intent: Intent, *reasons: Reason) -> Judged:
    decision = Decision(
        intent=intent,
        verdict=Verdict.BLOCK,
        sources=(),
        reasons=reasons,
        obligations=(),
        outbound="NOASSERTION",
        policy=ZERO,
        knowledge=ZERO,
        knowledge_version="2026.11",
    )
    return Judged(decision, CardFields(license="unknown"))


def said(
    effect: Verdict = Verdict.BLOCK,
    evidence: tuple[str, ...] = (),
    path: tuple[str, ...] = (),
    fixes: tuple[str, ...] = (),
) -> Reason:
    return reason(
        Code.COMMERCIAL_USE_FORBIDDEN, effect, "org/m@1234567", "No.",
        license="x-1.0", evidence=evidence, path=path, fixes=fixes,
    )  # fmt: skip


@given(WORDS, st.integers(10, 200), st.integers(0, 20))
def test_lines_are_cut_at_blanks_only(words: list[str], width: int, indent: int) -> None:
    text = " ".join(words)
    lines = wrapped(text, width, indent)
    assert " ".join(lines) == " ".join(filter(None, text.split(" ")))
    room = max(width - indent, 24)
    assert all(cell_len(line) <= room or " " not in line.strip() for line in lines)


@given(st.text(st.characters(exclude_categories=["C"]), max_size=60), st.integers(1, 70))
def test_carets_stand_under_the_name(line: str, column: int) -> None:
    under = carets(Spot(Mark("r.yml", 1, column), line))
    assert set(under) <= {" ", "^"}
    assert under.endswith("^")
    assert under.index("^") == cell_len(line[: column - 1])


def test_wide_names_are_underlined_whole() -> None:
    under = carets(Spot(Mark("r.yml", 1, 10), "- model: 日本/名 # 40 %"))
    assert under == " " * 9 + "^" * 7


def test_a_reason_of_several_intents_is_told_once_with_its_worst_effect() -> None:
    mild = said(Verdict.REVIEW, fixes=("ask",))
    hard = said(fixes=("leave it out",))
    checked = Checked(
        "t", "hub", "t", judged=(judged("research", mild), judged("commercial", hard))
    )
    (found,) = findings(checked)
    assert found.intents == ("research", "commercial")
    assert found.reason.effect is Verdict.BLOCK
    assert found.reason.fixes == ("ask", "leave it out")


def test_a_path_begins_with_the_result() -> None:
    one = said(path=("org/m@1234567", "org/p"))
    recipe = Checked("r.yml", "recipe", "r.yml", subject="mine")
    single = Checked("org/m", "hub", "org/m")
    assert path_of(recipe, one) == ("mine", "org/m@1234567", "org/p")
    assert path_of(recipe, said()) == ("mine", "org/m@1234567")
    assert path_of(single, one) == ("org/m@1234567", "org/p")
    assert path_of(single, said()) == ()


def test_a_share_is_found_under_a_longer_label() -> None:
    checked = Checked("t", "folder", "t", shares={"org/m@1234567": "0.314159265"})
    assert share_of(checked, "org/m@1234567") == "31.4 %"
    assert share_of(checked, "org/m@1234567 (ledger entry 3)") == "31.4 %"
    assert share_of(checked, "org/other") == ""


def test_long_evidence_stays_inside_the_terminal() -> None:
    long = ("LICENSE " + "sha256:" + "4be1" * 16 + " " + "and so on " * 30, "card: license: x")
    many = tuple(f"org/model-{number}@1234567 (ledger entry {number})" for number in range(12))
    one = said(evidence=long, path=many, fixes=("do this " * 40,))
    checked = Checked(
        "t", "recipe", "t", subject="result", judged=(judged("commercial", one),),
        shares={"org/m@1234567": "0.250000000"},
    )  # fmt: skip
    for width in (80, 100):
        lines = [line.plain for line in Pen(checked, width, SIGNS).finding(Finding(one, ()))]
        assert all(cell_len(line) <= width for line in lines if "sha256" not in line)
        assert "  --> org/m@1234567  share 25.0 %" in lines
        assert lines[-1] == ""
        cut = [line for line in lines if "ledger" in line]
        assert all(line.count("(") == line.count(")") for line in cut)
        text = " ".join(" ".join(lines).split())
        assert " <- ".join(("result", *many)) in text


def test_the_disclaimer_tells_what_was_read_and_when() -> None:
    checked = [Checked("t", "hub", "t", judged=(judged("commercial"),))]
    assert disclaimer(checked, "2026-11-22") == (
        "evoreg reports what recorded licence texts say about recorded sources, as read by "
        "knowledge base version 2026.11 on 2026-11-22; it is not legal advice"
    )
    assert "version" not in disclaimer([], "2026-11-22")
