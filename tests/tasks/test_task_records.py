"""The contract of every kind of task, and records that hold all that decides a score."""

from pathlib import Path
from typing import Any, get_args

import pytest

from evoreg.evolve.searchfile.form import TaskForm
from evoreg.evolve.tasks.item import SPLITS
from evoreg.evolve.tasks.table import TASKS
from evoreg.evolve.tasks.task import Player, Task
from evoreg.provenance.records.search import TaskRecord
from tests.tasks.asking import DEMO, every, task_of, write_lines

KINDS: dict[str, dict[str, Any]] = {
    "generate": {"max_new_tokens": 12},
    "choice": {"metric": "accuracy", "choices": "{{ answer }}|||1 2|||か", "answer": "0"},
    "perplexity": {"metric": "perplexity"},
    "python": {"metric": "value", "function": "score.py:score", "allow_code": True},
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with data and a function."""
    lines = (DEMO / "japanese-maths-test.jsonl").read_text("utf-8").splitlines()[:30]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), "utf-8")
    (tmp_path / "score.py").write_text(
        "def score(player, items):\n    return [len(item['prompt']) for item in items]\n"
    )
    return tmp_path


def _task(home: Path, kind: str, **form: Any) -> Task:
    return task_of(home, {"path": "a.jsonl"}, kind=kind, **{**KINDS[kind], **form})


def test_every_kind_of_the_search_file_is_in_the_table() -> None:
    assert set(TASKS) == set(get_args(TaskForm.model_fields["kind"].annotation))
    assert set(TASKS) == {*KINDS, "lm-eval"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_contract_of_a_task(home: Path, pocket: Player, kind: str) -> None:
    soft = 0.0 if kind == "python" else 0.25
    task = _task(home, kind, name="a name", weight=0.5, soft=soft)
    assert (task.name, task.weight, task.soft, task.variants) == ("a name", 0.5, soft, 0)
    assert task.maximise == (kind != "perplexity")
    for split in SPLITS:
        ids = task.ids(split)
        assert ids == tuple(sorted(set(ids)))
        assert len(task.groups(split)) == len(ids) > 0
    places = every(task, "train")
    answers = task.answers(pocket, "train", places, soft=True)
    assert len(answers) == len(places)
    backwards = task.answers(pocket, "train", places[::-1], soft=True)[::-1]
    for one, other in zip(answers, backwards, strict=True):
        assert one.value == pytest.approx(other.value, abs=1e-5)
        assert one.soft == pytest.approx(other.soft, abs=1e-5)
    assert task.answers(pocket, "train", places, soft=True) == answers
    assert task.answers(pocket, "train", [], soft=True) == ()
    assert isinstance(task.total([answer.value for answer in answers]), float)


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_is_canonical_and_the_same_again(home: Path, kind: str) -> None:
    record = _task(home, kind).record
    assert TaskRecord.from_canonical(record.canonical()) == record
    assert _task(home, kind).record.canonical() == record.canonical()
    assert [each.split for each in record.splits] == list(SPLITS)
    assert str(home) not in record.canonical().decode()


CHANGES: dict[str, list[dict[str, Any]]] = {
    "generate": [
        {"name": "other"},
        {"metric": "contains"},
        {"maximise": False},
        {"weight": 2.0},
        {"soft": 0.5},
        {"batch": 3},
        {"prompt": "{{ prompt }} "},
        {"answer": "{{ answer }}."},
        {"variants": ("{{ prompt }}!",)},
        {"metric": "regex", "pattern": "(.)"},
        {"metric": "regex", "pattern": "."},
        {"language": "ja"},
        {"language": "en"},
        {"max_new_tokens": 13},
        {"stop": ("x",)},
        {"stop": ("x", "y")},
        {"fewshot": 1},
        {"chat": True},
        {"chat": True, "system": "x"},
    ],
    "choice": [
        {"normalise": "characters"},
        {"normalise": "tokens"},
        {"choices": "{{ answer }}|||1 3|||か"},
        {"choices": "{{ answer }}|||1 2"},
    ],
    "perplexity": [{"answer": "{{ prompt }}"}, {"maximise": True}, {"prompt": "x"}],
    "python": [{"function": "./score.py:score"}],
}


@pytest.mark.parametrize("kind", CHANGES)
def test_whatever_decides_a_score_is_in_the_record(home: Path, kind: str) -> None:
    forms = [{}, *CHANGES[kind]]
    records = [_task(home, kind, **form).record.record_digest() for form in forms]
    assert len(set(records)) == len(forms)


def test_other_items_make_another_record(home: Path) -> None:
    before = _task(home, "generate").record
    write_lines(home / "b.jsonl", [{"prompt": "x", "answer": "y"}])
    with (home / "a.jsonl").open("a", encoding="utf-8") as file:
        file.write("\n" + (home / "b.jsonl").read_text("utf-8"))
    after = _task(home, "generate").record
    assert after != before
    assert after.model_copy(update={"splits": before.splits}) == before
