"""Metrics of replies, by table."""

from typing import Any

import pytest

from evoreg.evolve.searchfile.form import TaskForm
from evoreg.evolve.tasks.metrics import METRICS, MOST_WORDS, metric, words
from evoreg.provenance.records.errors import RecipeError


@pytest.mark.parametrize(
    ("name", "reply", "answer", "value"),
    [
        ("exact_match", " 18\n", "18", 1),
        ("exact_match", "１８", "18", 1),
        ("exact_match", "18.", "18", 0),
        ("exact_match", "", "18", 0),
        ("number", "so it is 5.0", "#### 5", 1),
        ("number", "1,000 yen", "1000", 1),
        ("number", "5 or 6", "5", 0),
        ("number", "five", "5", 0),
        ("number", "-5", "5", 0),
        ("contains", "it is Tokyo.", "Tokyo", 1),
        ("contains", "it is tokyo.", "Tokyo", 0),
        ("contains", "Ｔｏｋｙｏ", "Tokyo", 1),
        ("rouge_l", "the cat sat", "the cat sat", 1),
        ("rouge_l", "the cat", "the cat sat on it", 2 * 1 * 0.4 / 1.4),
        ("rouge_l", "猫が寝る", "猫が走る", 0.75),
        ("rouge_l", "", "the cat", 0),
    ],
)
def test_a_reply_is_judged(name: str, reply: str, answer: str, value: float) -> None:
    judge = metric(TaskForm(name="t", metric=name)).judge
    assert judge(reply, answer) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(
    ("reply", "answer", "value"),
    [("A: b. A: c", "A: c", 1), ("A: b. A: c", "b", 0), ("A: c", "c", 1), ("c", "c", 0)],
)
def test_a_pattern_finds_the_answer(reply: str, answer: str, value: float) -> None:
    form = TaskForm(name="t", metric="regex", pattern=r"A: (\w)")
    assert metric(form).judge(reply, answer) == value


@pytest.mark.parametrize("name", METRICS)
def test_what_is_empty_cannot_be_the_right_answer(name: str) -> None:
    assert METRICS[name].check(" ")
    assert not METRICS[name].check("the 18th")


def test_words_are_counted_by_script() -> None:
    assert words("The cat's 2 猫が Ｘ") == ["the", "cat", "s", "2", "猫", "が", "x"]
    assert words("ไทย") == list("ไทย")
    assert words("한국어 단어") == ["한국어", "단어"]


@pytest.mark.parametrize(
    "form",
    [{"metric": "bleu"}, {"metric": "regex"}, {"metric": "regex", "pattern": "("}],
)
def test_a_metric_that_cannot_be_meant_is_refused(form: dict[str, Any]) -> None:
    with pytest.raises(RecipeError):
        metric(TaskForm(name="t", **form))


def test_rouge_looks_at_so_many_words_and_no_more() -> None:
    form = TaskForm(name="long", metric="rouge_l")
    judge = metric(form).judge
    words = " ".join(["a"] * MOST_WORDS)
    assert judge(words + " b" * 1_000_000, words + " c") == 1.0
