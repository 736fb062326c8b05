"""The gate of the page: what must be agreed to and who is kept out, written and found again."""

import yaml
from huggingface_hub import ModelCard
from hypothesis import example, given
from hypothesis import strategies as st

from evoreg.provenance.papers import words
from evoreg.provenance.papers.gate import front_of, gate_fields
from evoreg.provenance.papers.verify import missing_papers
from evoreg.provenance.papers.write import papers
from evoreg.provenance.records.decision import Decision, Obligation
from tests.papers import papers_example as ex

ACCEPT = ex.duty("acceptance", "You agree to the use restrictions of Llama 3.1.", ex.LLAMA, ex.BASE)
AWAY = ex.duty("eu_gate", "No rights are given in the European Union.", "MIT", ex.CHAT)
POINTER = "All restrictions, with the places of the full texts, stand in USE_RESTRICTIONS.md."


def of(*duties: Obligation) -> Decision:
    return ex.a_decision(ex.MODELS, duties)


def card(*duties: Obligation) -> str:
    written = papers(ex.example(decision=of(*duties)))
    assert written.problems == ()
    return written.files["README.md"].decode()


def test_acceptance_and_eu_stand_in_the_front_matter_as_the_hub_reads_it() -> None:
    data = ModelCard(card(ACCEPT, AWAY)).data.to_dict()
    assert data["extra_gated_prompt"].split("\n\n") == [
        f"You agree to the use restrictions of Llama 3.1. ({ex.LLAMA})",
        "No rights are given in the European Union. (MIT)",
        POINTER,
    ]
    assert data["extra_gated_fields"] == {words.AGREE: "checkbox"}
    assert data["extra_gated_eu_disallowed"] is True
    assert data["license"] == "llama3.1"


def test_only_what_is_owed_is_asked_for() -> None:
    assert gate_fields(of()) == {}
    assert "extra_gated" not in card()
    assert gate_fields(of(AWAY)) == {
        "extra_gated_prompt": "No rights are given in the European Union. (MIT)",
        "extra_gated_eu_disallowed": True,
    }
    assert "extra_gated_eu_disallowed" not in gate_fields(of(ACCEPT))


def test_a_licence_that_must_be_accepted_stands_in_the_restrictions() -> None:
    files = papers(ex.example(decision=of(ACCEPT))).files
    page = files["USE_RESTRICTIONS.md"].decode()
    assert f"\n## {ex.LLAMA}\n" in page
    assert words.PROVISION in page
    assert f"Full text: [LICENSES/{ex.LLAMA}.txt]" in page


def missing(text: str, *duties: Obligation) -> set[str]:
    files = {**papers(ex.example(decision=of(*duties))).files, "README.md": text.encode()}
    return {problem.what for problem in missing_papers(files, of(*duties)) if problem.where}


def test_each_altered_part_of_the_gate_is_named() -> None:
    whole = card(ACCEPT, AWAY)
    asks = {
        "the front matter does not ask for this: You agree to the use restrictions of Llama 3.1."
    }
    eu = "the front matter does not ask for this: No rights are given in the European Union."
    assert missing(whole, ACCEPT, AWAY) == set()
    mark = {"the front matter lacks extra_gated_eu_disallowed: true"}
    for old, new, lacks in [
        ("You agree to the use", "You agree to no use", asks),
        ("checkbox", "text", asks),
        ("I agree to the use", "I read the use", asks),
        ("stand in USE_RES", "stood in USE_RES", asks),
        ("No rights are given", "Rights are given", {eu}),
        (
            "disallowed: true",
            "disallowed: false",
            {"the front matter lacks extra_gated_eu_disallowed: true"},
        ),
        (
            "disallowed: true",
            "disallowed: 'true'",
            {"the front matter lacks extra_gated_eu_disallowed: true"},
        ),
    ]:
        assert old in whole
        assert missing(whole.replace(old, new), ACCEPT, AWAY) == lacks
    assert missing(whole.replace("---\n", "...\n", 1), AWAY) == {
        eu,
        *mark,
    }


def test_line_ends_of_windows_change_nothing() -> None:
    assert missing(card(ACCEPT, AWAY).replace("\n", "\r\n"), ACCEPT, AWAY) == set()


@given(st.text(min_size=1, max_size=80))
@example("a\n---\nlicense: mit\n---\n")
@example("<<: &a [*a]")
@example("](javascript:alert(1)) # --- {x: y} | > & * !")
@example("word " * 900 + "--- end")
@example("\ud800\u202e\x00\x1b[31m")
def test_hostile_prompts_stay_one_paragraph_of_text(text: str) -> None:
    item = ex.duty("acceptance", text, "MIT", ex.CHAT)
    written = card(item)
    assert front_of(written)["license"] == "llama3.1"
    data = ModelCard(written).data.to_dict()
    assert data["license"] == "llama3.1"
    assert len(data["extra_gated_prompt"].split("\n\n")) == 2
    assert set(data["extra_gated_fields"]) == {words.AGREE}


BOMB = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [*{past}, *{past}]\n"
    for past, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def test_front_matter_of_strangers_is_read_or_passed_over() -> None:
    for text in [
        "",
        "# no front\n",
        "---\n---\n",
        "---\n- a\n---\n",
        "---\na: [\n---\n",
        f"---\n{BOMB}---\n",
        "---\na: &x {b: 1}\nc: {<<: *x}\n---\n",
        "---\na: " + "[" * 40 + "]" * 40 + "\n---\n",
        "---\na: " + "[" * 30_000 + "\n---\n",
        "---\na: " + "1" * 60_000 + "\n---\n",
        "---\na: " + "x" * 70_000 + "\n---\n",
        "---\na: !!python/object/apply:os.system [x]\n---\n",
        "---\na: 2020-99-99\n---\n",
        "---\n? [a]\n: b\n---\n",
    ]:
        assert front_of(text) == {}, text[:60]
    assert front_of("---\na: 1\n---") == {"a": 1}


def test_the_yaml_is_the_same_each_time() -> None:
    first = yaml.safe_dump(gate_fields(of(ACCEPT, AWAY)))
    assert first == yaml.safe_dump(gate_fields(of(ACCEPT, AWAY)))
    assert card(ACCEPT, AWAY) == card(ACCEPT, AWAY)
