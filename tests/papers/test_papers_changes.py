"""What became of the weights: a merge, parts, or a copy, and never a change that did not happen."""

from dataclasses import replace
from typing import Any

import pytest

from evoreg.provenance.papers import words
from evoreg.provenance.papers.changes import change_words
from evoreg.provenance.papers.verify import missing_papers
from evoreg.provenance.papers.write import papers
from evoreg.provenance.records.candidate import Candidate
from evoreg.provenance.records.recipe import Ingredient, Recipe, Setting, Slice, Source
from tests.papers import papers_example as ex

WHOLE = ex.a_candidate(ex.MODELS)


def made(
    method: str = "passthrough", used: tuple[bool, ...] = (True, True, True), **changes: Any
) -> Candidate:
    recipe = Recipe(method=method, models=tuple(Source(model=ref) for ref in ex.REFERENCES))
    parts = tuple(
        part.model_copy(update={"used": one})
        for part, one in zip(WHOLE.contributions, used, strict=True)
    )
    fields = {"recipe": recipe.model_copy(update=changes), "contributions": parts}
    return WHOLE.model_copy(update=fields)


SCALED = (("scale", (Setting(value=0.5),)),)
ALONE = (False, True, False)
ADDED = f"adapter of {ex.REFERENCES[1]}"


def layers(source: Source) -> Candidate:
    return made(models=(), slices=(Slice(sources=(source,)),))


@pytest.mark.parametrize(
    ("candidate", "statement"),
    [
        (WHOLE, words.CHANGED),
        (made("linear"), words.CHANGED),
        (made(), words.ASSEMBLED),
        (made(parameters=SCALED), words.CHANGED),
        (made(models=(Source(model="x", parameters=SCALED),)), words.CHANGED),
        (
            made(models=(), slices=(Slice(sources=(Source(model="x", parameters=SCALED),)),)),
            words.CHANGED,
        ),
        (
            made(models=(), slices=(Slice(sources=(Source(model="x", layer_range=(0, 2)),)),)),
            words.ASSEMBLED,
        ),
        (made(used=ALONE), words.SINGLE),
        (made("linear", ALONE), words.SINGLE),
        (made(used=(False, False, False)), words.CHANGED),
    ],
)
def test_the_statement_is_true(candidate: Candidate, statement: str) -> None:
    assert change_words(candidate) == statement


def test_an_adapter_that_was_merged_in_is_a_change() -> None:
    added = Ingredient(
        reference=f"adapter of {ex.REFERENCES[1]}",
        name="a",
        revision=None,
        identity=ex.MATH.identity,
    )
    alone = made(used=ALONE)
    candidate = alone.model_copy(update={"ingredients": (*alone.ingredients, added)})
    assert change_words(candidate) == words.CHANGED


def test_a_copy_of_a_merge_is_a_merge() -> None:
    step = ex.REFERENCES[1]
    assert change_words(made(used=ALONE), [(step, WHOLE)]) == words.CHANGED
    assert change_words(made(used=ALONE), [(step, made())]) == words.ASSEMBLED
    assert change_words(made(used=ALONE), [(step, made(used=ALONE))]) == words.SINGLE
    assert change_words(made(), [(step, WHOLE)]) == words.CHANGED


def test_the_papers_of_a_copy_claim_no_merge_and_no_change() -> None:
    facts = replace(ex.example(), candidate=made(used=ALONE))
    written = papers(facts)
    assert written.problems == ()
    for path in ("README.md", "MODIFICATIONS.md"):
        text = written.files[path].decode()
        assert words.SINGLE in text
        assert "changed by merging" not in text
    rows = written.files["MODIFICATIONS.md"].decode().split("\n")
    assert [row.split(" | ")[-1] for row in rows if row.startswith("| ")][1:4] == [
        "considered, not in the result |",
        "taken over into the result |",
        "considered, not in the result |",
    ]
    assert "is made from 1 model by the method passthrough" in written.files["README.md"].decode()
    assert "made by merging" not in written.files["NOTICE"].decode()


def test_parts_are_not_told_as_merged() -> None:
    text = papers(replace(ex.example(), candidate=made())).files["MODIFICATIONS.md"].decode()
    assert text.count("| parts of it taken over into the result |") == 3
    assert words.ASSEMBLED in text
    assert "merged into" not in text


def test_a_false_statement_is_found_where_the_truth_is_known() -> None:
    files = dict(papers(ex.example()).files)
    files["MODIFICATIONS.md"] = files["MODIFICATIONS.md"].replace(
        words.CHANGED.encode(), words.SINGLE.encode()
    )
    decision = ex.example().decision
    assert missing_papers(files, decision) == ()
    found = missing_papers(files, decision, statement=words.CHANGED)
    assert [(p.where, p.what) for p in found] == [
        ("MODIFICATIONS.md", "the statement of what became of the weights is not there")
    ]
