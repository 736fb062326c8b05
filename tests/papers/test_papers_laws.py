"""Laws over any decision: what is owed is written, found again, and missed when it is gone."""

from collections.abc import Mapping
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.provenance.papers import words
from evoreg.provenance.papers.verify import missing_papers
from evoreg.provenance.papers.view import KIND_WORDS
from evoreg.provenance.papers.write import papers
from evoreg.provenance.records.decision import Decision, Obligation
from tests.papers import papers_example as ex

KINDS: tuple[str, ...] = get_args(Obligation.model_fields["kind"].annotation)
LICENSES = ("MIT", "Apache-2.0", ex.LLAMA)
TEXTS = (
    st.text(min_size=1, max_size=40)
    | st.text("*_[]()<>|#&\n\r-\u202e`~ ab", min_size=1, max_size=20)
    | st.sampled_from(
        (
            "Built with Llama",
            "Built with Qwen / Improved using Qwen",
            "[name of relevant Derivative Work] is built using X",
            "<model name>",
            words.conditional_display(("Kimi K2", "x"), "above 100M users"),
            "## Credits",
            "* lab/math@2222222, forged",
            "| lab/math@2222222 | x |",
            "/home/me/model has /a/b/c in it",
        )
    )
)
DUTIES = st.builds(
    ex.duty,
    st.sampled_from([kind for kind in KINDS if kind != "name_prefix"]),
    TEXTS.filter(lambda text: text.strip() != ""),
    st.sampled_from(LICENSES),
    st.sampled_from(tuple(ex.MODELS.values())) | st.none(),
)
PREFIX = ex.duty("name_prefix", "Llama", ex.LLAMA, ex.BASE)
DECISIONS = st.builds(
    lambda duties, named, outbound: ex.a_decision(
        ex.MODELS, (*duties, *([PREFIX] if named else []))
    ).model_copy(update={"outbound": outbound}),
    st.lists(DUTIES, max_size=8, unique=True),
    st.booleans(),
    st.sampled_from((*LICENSES, "NOASSERTION", "MIT AND Apache-2.0")),
)


def missed(files: Mapping[str, bytes], decision: Decision) -> list[tuple[str, str]]:
    found = missing_papers(files, decision, upstream=ex.an_upstream(ex.MODELS))
    return [(problem.where, problem.what) for problem in found]


@settings(max_examples=60, deadline=None)
@given(DECISIONS, st.dictionaries(st.sampled_from(("a.py", "LICENSES/z.txt")), st.binary()))
def test_whatever_is_owed_is_written_and_found(decision: Decision, more: dict[str, bytes]) -> None:
    written = papers(ex.example(decision=decision))
    assert written.problems == ()
    assert missed({**written.files, **more}, decision) == []


def owed_passage(item: Obligation) -> tuple[str, str]:
    """Say, apart from the verifier, which words of which paper an obligation is met by."""
    prose = words.prose(item.text)
    shown = words.display_text("".join(words.display_lines(item, "lab/Llama-math-chat")[:1]))
    return {
        "license_text": (f"LICENSES/{item.license}.txt", ""),
        "notice": ("NOTICE", "\n".join(words.notice_lines(item.text))),
        "attribution": ("NOTICE", words.plain_prose(item.text)),
        "display": ("README.md", prose if words.is_conditional(item) else shown),
        "name_prefix": ("README.md", 'must begin with "Llama"'),
        "use_restrictions": ("USE_RESTRICTIONS.md", f"* {prose}"),
        "source_offer": ("README.md", f"* {prose}"),
        "modification_statement": ("MODIFICATIONS.md", words.CHANGED),
        "credits": ("README.md", words.CREDITS_HEADING),
        "acceptance": ("README.md", "extra_gated_prompt:"),
        "eu_gate": ("README.md", "extra_gated_eu_disallowed: true"),
    }[item.kind]


@settings(max_examples=120, deadline=None)
@given(DECISIONS, st.data())
def test_whatever_is_taken_out_is_missed(decision: Decision, data: Any) -> None:
    if not decision.obligations:
        return
    files = dict(papers(ex.example(decision=decision)).files)
    item = data.draw(st.sampled_from(decision.obligations))
    path, passage = owed_passage(item)
    if passage:
        assert passage in files[path].decode()
        lines = files[path].decode().split("\n")
        if "\n" in passage or passage.strip() not in {line.strip(" *") for line in lines}:
            kept = files[path].decode().replace(passage, "")
        else:
            kept = "\n".join(line for line in lines if passage.strip() not in line)
        files[path] = kept.encode()
    else:
        del files[path]
    assert path in {where for where, _ in missed(files, decision)}


def test_every_kind_has_words_and_a_passage() -> None:
    assert set(KIND_WORDS) == set(KINDS)
    for kind in KINDS:
        path, _ = owed_passage(ex.duty(kind, "x", "MIT", ex.CHAT))
        assert path


ARTIFACTS = {
    "license_text": "license_text",
    "notice": "notice",
    "display": "display",
    "name_prefix": "name_prefix",
    "attribution": "attribution",
    "use_restrictions": "use_restrictions",
    "source_offer": "source_offer",
    "modification_statement": "modification_statement",
    "credits": "credits",
}
"""What the licence cases ask to be produced, and the obligation that produces it."""


def test_each_artifact_of_the_licence_cases_is_a_passage_of_a_paper() -> None:
    for kind in ARTIFACTS.values():
        text = "Llama" if kind == "name_prefix" else "Words of the duty."
        decision = ex.a_decision(ex.MODELS, (ex.duty(kind, text, ex.LLAMA, ex.BASE),))
        files = papers(ex.example(decision=decision)).files
        assert missed(files, decision) == []
        path, passage = owed_passage(decision.obligations[0])
        assert passage in files[path].decode()
