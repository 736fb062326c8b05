"""A task of the harness, with its own small definition and local data, asked of a real model."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from evoreg.evolve.tasks.item import SPLITS
from evoreg.evolve.tasks.overlap import check_splits
from evoreg.evolve.tasks.task import Player, Task
from evoreg.provenance.records.errors import (
    Code,
    EvaluationError,
    InputError,
    RecipeError,
    UsageError,
)
from tests.tasks.asking import DEMO, every, task_of

pytest.importorskip("lm_eval")
LINES = (DEMO / "japanese-maths-test.jsonl").read_text("utf-8").splitlines()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with definitions of two tasks and their data."""
    folder = tmp_path_factory.mktemp("harness")
    tasks = folder / "tasks"
    tasks.mkdir()
    (folder / "train.jsonl").write_text("\n".join([*LINES[:8], LINES[0]]), "utf-8")
    (folder / "test.jsonl").write_text("\n".join(LINES[20:32]), "utf-8")
    (folder / "dev.jsonl").write_text("\n".join(LINES[40:43]), "utf-8")
    data = {
        "dataset_path": "json",
        "dataset_kwargs": {
            "data_files": {
                name: str(folder / f"{name}.jsonl") for name in ("train", "dev", "test")
            },
            "cache_dir": str(folder / "cache"),
        },
        "training_split": "train",
        "validation_split": "dev",
        "test_split": "test",
        "doc_to_text": "{{prompt}}",
    }
    writing = {
        **data,
        "task": "tiny_writing",
        "output_type": "generate_until",
        "doc_to_target": "{{answer}}",
        "generation_kwargs": {"until": ["\n"], "max_gen_toks": 20},
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
    }
    choosing = {
        **data,
        "task": "tiny_choice",
        "output_type": "multiple_choice",
        "doc_to_choice": ["1", "2", "3"],
        "doc_to_target": 0,
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
    }
    drawing = {**writing, "task": "tiny_drawing"}
    drawing["generation_kwargs"] = {"until": ["\n"], "do_sample": True, "temperature": 1.0}
    lone = {key: each for key, each in writing.items() if key != "validation_split"}
    for each in (writing, choosing, drawing, {**lone, "task": "tiny_divided"}):
        (tasks / f"{each['task']}.yaml").write_text(yaml.safe_dump(each), "utf-8")
    return folder


def _task(home: Path, name: str | None, metric: str, **form: Any) -> Task:
    more = {"include": "tasks", "allow_code": True, **form}
    return task_of(home, {}, kind="lm-eval", task=name, metric=metric, **more)


def test_the_harness_scores_as_a_task_of_evoreg_does(
    home: Path, pocket: Player, capsys: pytest.CaptureFixture[str]
) -> None:
    before = random.getstate(), torch.random.get_rng_state().tolist()
    task = _task(home, "tiny_writing", "exact_match,none")
    counts = [(each.split, each.count, each.dropped) for each in task.record.splits]
    assert counts == [("train", 8, 1), ("validation", 3, 0), ("test", 12, 0)]
    assert task.maximise
    answers = task.answers(pocket, "test", every(task, "test"), soft=True)
    own = task_of(home, {"test": "test.jsonl"}, max_new_tokens=20, stop=("\n",))
    expected = own.answers(pocket, "test", every(own, "test"), soft=False)
    assert sorted((a.reply, a.value, a.tokens, a.truncated) for a in answers) == sorted(
        (a.reply, a.value, a.tokens, a.truncated) for a in expected
    )
    values = [answer.value for answer in answers]
    assert 0 < task.total(values) == sum(values) / 12 < 1
    assert task.answers(pocket, "test", [7, 2, 7], soft=False) == tuple(
        answers[at] for at in (7, 2, 7)
    )
    train = task.answers(pocket, "train", every(task, "train"), soft=False)
    assert len({answer.reply for answer in train} | {a.reply for a in answers}) > 12
    assert task.answers(pocket, "test", [], soft=False) == ()
    with pytest.raises(UsageError):
        task.answers(pocket, "validation", [3], soft=False)
    assert check_splits([task]) == ()
    assert (random.getstate(), torch.random.get_rng_state().tolist()) == before
    assert capsys.readouterr() == ("", "")


def test_the_harness_compares_likelihoods(home: Path, pocket: Player) -> None:
    task = _task(home, "tiny_choice", "acc,none", batch=5)
    answers = task.answers(pocket, "test", every(task, "test"), soft=False)
    rows = [json.loads(line) for line in LINES[20:32]]
    expected = []
    for row in rows:
        given = pocket.tokenizer(row["prompt"], return_tensors="pt").to(pocket.device)
        with torch.inference_mode():
            logits = pocket.model(**given).logits[0, -1]
        tokens = pocket.tokenizer.convert_tokens_to_ids(["1", "2", "3"])
        expected.append(float(logits[tokens].argmax() == 0))
    assert sorted(answer.value for answer in answers) == sorted(expected)
    assert 0 < sum(expected) < 12


def test_an_item_has_the_same_examples_whatever_else_is_asked(home: Path, pocket: Player) -> None:
    task = _task(home, "tiny_writing", "exact_match,none", fewshot=1)
    assert task.record.settings["fewshot"] == 1
    whole = task.answers(pocket, "train", every(task, "train"), soft=False)
    alone = [task.answers(pocket, "train", [at], soft=False)[0] for at in (5, 1)]
    assert alone == [whole[5], whole[1]]


def test_what_the_harness_evaluates_is_divided_if_it_has_not_three_splits(
    home: Path, pocket: Player
) -> None:
    task = _task(home, "tiny_divided", "exact_match,none")
    whole = _task(home, "tiny_writing", "exact_match,none")
    assert check_splits([task]) == ()
    ids = [id for split in SPLITS for id in task.ids(split)]
    assert sorted(ids) == sorted(whole.ids("test"))
    answers = whole.answers(pocket, "test", every(whole, "test"), soft=False)
    expected = dict(zip(whole.ids("test"), answers, strict=True))
    for split in SPLITS:
        found = task.answers(pocket, split, every(task, split), soft=False)
        assert list(found) == [expected[id] for id in task.ids(split)]


def test_replies_drawn_at_random_are_refused(home: Path, pocket: Player) -> None:
    task = _task(home, "tiny_drawing", "exact_match,none")
    with pytest.raises(EvaluationError, match="at random"):
        task.answers(pocket, "test", [0], soft=False)


def test_definitions_are_code(home: Path) -> None:
    with pytest.raises(UsageError, match="runs code"):
        _task(home, "tiny_writing", "exact_match,none", allow_code=False)


@pytest.mark.parametrize(
    ("name", "form", "error"),
    [
        ("nothing", {"metric": "acc,none"}, InputError),
        ("tiny_writing", {"metric": "acc,none"}, InputError),
        ("tiny_writing", {"metric": "exact_match"}, RecipeError),
        (None, {"metric": "acc,none"}, RecipeError),
        ("tiny_writing", {"metric": "acc,none", "language": "ja"}, RecipeError),
        ("tiny_writing", {"metric": "acc,none", "include": "../tasks"}, InputError),
        ("tiny_writing", {"metric": "acc,none", "include": None}, InputError),
    ],
)
def test_what_the_harness_does_not_know_is_told(
    home: Path, name: str | None, form: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        _task(home, name, **form)


def test_without_the_harness_the_extra_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "lm_eval.tasks", None)
    with pytest.raises(UsageError) as caught:
        _task(home, "tiny_writing", "exact_match,none")
    assert caught.value.code is Code.EXTRA_MISSING
    assert caught.value.problems[0].hint == "pip install 'evoreg[lm-eval]'"
