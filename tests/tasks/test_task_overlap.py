"""Splits must be disjoint, and those that are needed must not be empty."""

import re
from pathlib import Path
from typing import Any

import pytest

from evoreg.evolve.tasks.overlap import check_splits
from evoreg.provenance.records.errors import Code
from tests.tasks.asking import task_of, write_lines

A, B, C, D = ({"prompt": p, "answer": "x", "g": p} for p in "abcd")
FILES = {"train": "train.jsonl", "validation": "validation.jsonl", "test": "test.jsonl"}


def _write(folder: Path, **splits: list[dict[str, str]]) -> None:
    for split, made in splits.items():
        write_lines(folder / FILES[split], made)


def test_disjoint_splits_are_well(tmp_path: Path) -> None:
    _write(tmp_path, train=[A, A], validation=[B], test=[C])
    assert check_splits([task_of(tmp_path, FILES)]) == ()
    assert check_splits([task_of(tmp_path, {**FILES, "group": "g"})]) == ()


def test_an_empty_split_is_told_where_it_is_needed(tmp_path: Path) -> None:
    _write(tmp_path, train=[A], validation=[], test=[C])
    task = task_of(tmp_path, FILES)
    (problem,) = check_splits([task])
    assert problem.code is Code.DATA_SPLIT
    assert problem.what == (
        "the split validation has no items: the file 'validation.jsonl' is empty"
    )
    assert problem.hint == "put items into the file"
    assert problem.where == "task sums"
    assert check_splits([task], ["train", "test"]) == ()


def test_an_item_in_two_splits_is_told_once(tmp_path: Path) -> None:
    _write(tmp_path, train=[A, B], validation=[B, A, C], test=[D])
    (problem,) = check_splits([task_of(tmp_path, {**FILES, "group": "g"})])
    assert problem.code is Code.DATA_OVERLAP
    assert problem.what.startswith("2 items of validation are in train too, such as ")
    assert re.search(r"such as '[ab]' \(validation\.jsonl:[12]\)$", problem.what)


def test_an_example_of_an_overlap_is_short_and_harmless(tmp_path: Path) -> None:
    long = {"prompt": "\x1b[31m" + "long " * 50, "answer": "x"}
    _write(tmp_path, train=[long], validation=[B], test=[C, long])
    (problem,) = check_splits([task_of(tmp_path, FILES)])
    assert problem.what.isprintable()
    assert problem.what.endswith("...' (test.jsonl:2)")
    assert len(problem.what) < 140


def test_a_question_with_another_answer_is_an_overlap(tmp_path: Path) -> None:
    _write(tmp_path, train=[A], validation=[B], test=[{**A, "answer": "y"}])
    (problem,) = check_splits([task_of(tmp_path, FILES)])
    assert problem.code is Code.DATA_OVERLAP
    assert problem.what.startswith("1 questions, with other answers, of test are in train too")


def test_a_group_in_two_splits_is_an_overlap(tmp_path: Path) -> None:
    _write(tmp_path, train=[A], validation=[{**B, "g": "a"}], test=[C])
    (problem,) = check_splits([task_of(tmp_path, {**FILES, "group": "g"})])
    assert problem.what == "1 groups of validation are in train too, such as 'a'"


def test_tasks_must_divide_the_same_items_alike(tmp_path: Path) -> None:
    _write(tmp_path, train=[A], validation=[B], test=[C])
    one = task_of(tmp_path, FILES, name="one")
    swapped = {**FILES, "train": FILES["test"], "test": FILES["train"]}
    other = task_of(tmp_path, swapped, name="other", metric="contains")
    same = task_of(tmp_path, FILES, name="same", metric="contains")
    assert check_splits([one, same]) == ()
    problems = check_splits([one, other])
    assert [problem.where for problem in problems] == ["task other"] * 2
    assert problems[0].what.startswith("1 items of test are in train of task one too")


@pytest.mark.parametrize("kind", ["perplexity", "generate"])
def test_other_templates_do_not_hide_that_a_row_is_in_two_splits(tmp_path: Path, kind: str) -> None:
    write_lines(tmp_path / "a.jsonl", [{"q": f"{at}", "a": "x", "g": at} for at in range(60)])
    ways: list[dict[str, Any]] = [
        {"name": "one", "prompt": "{{ q }}", "answer": "{{ a }}"},
        {"name": "other", "kind": kind, "answer": "{{ q }}", "prompt": "Q: {{ q }}"},
    ]
    apart = [task_of(tmp_path, {"path": "a.jsonl"}, **way) for way in ways]
    assert {problem.code for problem in check_splits(apart)} == {Code.DATA_OVERLAP}
    alike = [task_of(tmp_path, {"path": "a.jsonl", "group": "g"}, **way) for way in ways]
    assert check_splits(alike) == ()


def test_a_text_without_a_prompt_is_found_in_another_task(tmp_path: Path) -> None:
    rows = [{"text": "one", "q": "x"}, {"text": "two", "q": "y"}, {"text": "three", "q": "z"}]
    for name, row in zip(FILES.values(), rows, strict=True):
        write_lines(tmp_path / name, [row])
    swapped = {**FILES, "train": FILES["test"], "test": FILES["train"]}
    one = task_of(tmp_path, FILES, name="one", kind="perplexity", answer="{{ text }}")
    other = task_of(tmp_path, swapped, name="other", prompt="{{ q }}", answer="{{ text }}")
    assert len(check_splits([one, other])) == 2
