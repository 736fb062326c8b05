"""Functions of the user: only where code is allowed, and judged by what they give."""

from pathlib import Path
from typing import Any

import pytest

from evoreg.evolve.tasks.task import Player, Task
from evoreg.provenance.records.errors import (
    Code,
    EvaluationError,
    InputError,
    RecipeError,
    UsageError,
)
from tests.tasks.asking import every, task_of, write_lines

SOURCE = """
def parameters(player, items):
    count = sum(each.numel() for each in player.model.parameters())
    return [count + item["n"] for item in items]

def few(player, items):
    return [1.0]

def odd(player, items):
    return [float("nan")] * len(items)

def broken(player, items):
    raise KeyError("weights")

number = 3
"""


def _task(folder: Path, function: str | None, **form: Any) -> Task:
    (folder / "score.py").write_text(SOURCE)
    write_lines(folder / "a.jsonl", [{"n": at} for at in range(3)])
    form = {"allow_code": True, "metric": "value", **form}
    return task_of(folder, {"test": "a.jsonl"}, kind="python", function=function, **form)


def test_a_function_scores_the_model(tmp_path: Path, pocket: Player) -> None:
    task = _task(tmp_path, "score.py:parameters")
    assert task.maximise
    answers = task.answers(pocket, "test", every(task, "test"), soft=True)
    count = sum(each.numel() for each in pocket.model.parameters())
    assert sorted(answer.value for answer in answers) == [count, count + 1, count + 2]
    assert {answer.soft for answer in answers} == {None}
    assert task.answers(pocket, "test", [], soft=False) == ()
    assert not _task(tmp_path, "score.py:parameters", maximise=False).maximise


def test_a_function_may_be_in_a_module(tmp_path: Path) -> None:
    task = _task(tmp_path, "statistics:mean")
    assert task.record.settings["function"] == "statistics:mean"


def test_nothing_is_run_unless_code_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text("raise SystemExit('it was run')")
    with pytest.raises(UsageError) as caught:
        _task(tmp_path, "evil.py:f", allow_code=False)
    assert "--allow-code" in caught.value.problems[0].hint


@pytest.mark.parametrize("function", ["few", "odd", "broken"])
def test_a_function_that_fails_fails_the_candidate(
    tmp_path: Path, pocket: Player, function: str
) -> None:
    task = _task(tmp_path, f"score.py:{function}")
    with pytest.raises(EvaluationError) as caught:
        task.answers(pocket, "test", [0, 1], soft=False)
    assert caught.value.code is Code.EVALUATION_FAILED


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (None, RecipeError),
        ("score.py", RecipeError),
        ("score.py:1", RecipeError),
        ("score.py:none", InputError),
        ("score.py:number", InputError),
        ("none.py:f", InputError),
        ("no_such_module:f", InputError),
        ("../score.py:f", InputError),
    ],
)
def test_a_function_that_is_not_there_is_told(
    tmp_path: Path, function: str | None, error: type[Exception]
) -> None:
    with pytest.raises(error):
        _task(tmp_path, function)


def test_a_file_that_fails_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("raise SystemExit(3)")
    with pytest.raises(InputError, match="cannot be imported"):
        _task(tmp_path, "bad.py:f")


def test_another_source_makes_another_record(tmp_path: Path) -> None:
    one = _task(tmp_path, "score.py:few").record
    (tmp_path / "other.py").write_text(SOURCE + "\n")
    other = _task(tmp_path, "other.py:few").record
    assert one.template != other.template
    assert one.splits == other.splits
