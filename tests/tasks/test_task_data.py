"""Items: read as they are written, each once, and divided so that order does not matter."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped] # it has no stubs
import pytest
from datasets import Dataset, config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from evoreg.evolve.tasks import paths, rows
from evoreg.evolve.tasks.item import SPLITS
from evoreg.evolve.tasks.itemised import ItemisedTask
from evoreg.evolve.tasks.rows import hub_rows, read_rows
from evoreg.evolve.tasks.task import Task
from evoreg.provenance.records.errors import Code, EvoregError, InputError
from tests.tasks.asking import task_of, write_lines

ALL = {"fractions": (1.0, 0.0, 0.0)}


def _items(task: Task, split: Any = "train") -> list[tuple[str, str]]:
    assert isinstance(task, ItemisedTask)
    return sorted((item.prompt, item.answer) for item in task.splits[split].items)


def _sums(count: int) -> list[dict[str, str]]:
    return [{"prompt": f"{at} + 1 =", "answer": str(at + 1)} for at in range(count)]


WRITTEN = {
    "a.jsonl": '{"prompt": "a", "answer": "007"}\n\n{"prompt": "b", "answer": "2024-01-05"}\n',
    "a.json": '[{"prompt": "a", "answer": "007"}, {"prompt": "b", "answer": "2024-01-05"}]',
    "a.csv": 'prompt,answer\na,007\n"b",2024-01-05\n',
}


@pytest.mark.parametrize("name", WRITTEN)
def test_answers_stay_the_text_that_they_are(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(WRITTEN[name], "utf-8")
    assert _items(task_of(tmp_path, {"path": name, **ALL})) == [("a", "007"), ("b", "2024-01-05")]


def test_a_csv_keeps_what_others_call_missing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('\ufeffprompt,answer\nNA,null\n"x, ""y""\nz",1.50\n', "utf-8")
    found = _items(task_of(tmp_path, {"path": "a.csv", **ALL}))
    assert found == [("NA", "null"), ('x, "y"\nz', "1.50")]


def test_parquet_is_read_by_type_and_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    columns = {"prompt": ["a", "b"], "answer": [7, 8], "d": [Decimal("1.50"), None]}
    Dataset.from_dict(columns).to_parquet(tmp_path / "a.parquet")
    assert _items(task_of(tmp_path, {"path": "a.parquet", **ALL})) == [("a", "7"), ("b", "8")]
    assert [row["d"] for row, _ in read_rows(tmp_path / "a.parquet")] == ["1.50", None]
    assert [path.name for path in tmp_path.rglob("*")] == ["a.parquet"]


def test_a_text_may_hold_any_line_separator(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", [{"prompt": "a\u2028b\u0085c", "answer": "x"}])
    assert _items(task_of(tmp_path, {"path": "a.jsonl", **ALL})) == [("a\u2028b\u0085c", "x")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", b'{"prompt": "a"'),
        ("a.jsonl", b'["a"]\n'),
        ("a.jsonl", b"\xff\xfe"),
        ("a.jsonl", b"[" * 100_000),
        ("a.json", b'{"prompt": "a"}'),
        ("a.csv", b"prompt,answer\na,b,c\n"),
        ("a.csv", b"prompt,answer\na\n"),
        ("a.csv", b"a,a\n1,2\n"),
        ("a.csv", b'a\n"b'),
        ("a.parquet", b"PAR1 and nothing more"),
        ("a.pkl", b"\x80\x04."),
        ("a", b""),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        task_of(tmp_path, {"path": name})
    assert caught.value.code is Code.INPUT_UNREADABLE


def test_a_file_may_be_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_lines(tmp_path / "a.jsonl", _sums(3))
    monkeypatch.setattr(rows, "MOST", 2)
    with pytest.raises(InputError, match="more than 2 rows"):
        task_of(tmp_path, {"path": "a.jsonl"})
    monkeypatch.setattr(paths, "LARGEST", 20)
    with pytest.raises(InputError, match="bytes, more than 20"):
        task_of(tmp_path, {"path": "a.jsonl"})


def test_paths_stay_in_the_folder_unless_named_in_full(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    outside = write_lines(tmp_path / "out.jsonl", _sums(3))
    (home / "link.jsonl").symlink_to(outside)
    for path in ("../out.jsonl", "link.jsonl"):
        with pytest.raises(InputError) as caught:
            task_of(home, {"path": path})
        assert caught.value.code is Code.INPUT_ESCAPES
    assert len(_items(task_of(home, {"path": str(outside), **ALL}))) == 3
    with pytest.raises(InputError) as caught:
        task_of(home, {"path": str(home), "train": "../out.jsonl"})
    assert caught.value.code is Code.INPUT_ESCAPES


@pytest.mark.parametrize("path", ["none.jsonl", ".", "nul\0.jsonl"])
def test_what_is_no_file_is_told(tmp_path: Path, path: str) -> None:
    with pytest.raises(InputError) as caught:
        task_of(tmp_path, {"path": path})
    assert caught.value.code in (Code.INPUT_MISSING, Code.INPUT_UNREADABLE)


def test_each_split_may_have_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    write_lines(folder / "a.jsonl", _sums(5)[:2])
    write_lines(folder / "b.jsonl", _sums(5)[2:])
    task = task_of(tmp_path, {"path": "data", "train": "a.jsonl", "test": "b.jsonl"})
    assert [len(task.ids(split)) for split in SPLITS] == [2, 0, 3]


def test_repeated_items_are_dropped_and_counted(tmp_path: Path) -> None:
    again = [{**row, "note": "again"} for row in _sums(4)[1:]]
    write_lines(tmp_path / "a.jsonl", [*_sums(4), *again])
    task = task_of(tmp_path, {"path": "a.jsonl", **ALL})
    (train, *_others) = task.record.splits
    assert (train.count, train.dropped) == (4, 3)
    assert task.ids("train") == tuple(sorted(set(task.ids("train"))))


_rows = st.lists(st.integers(0, 200), min_size=1, max_size=40)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(_rows, st.randoms(use_true_random=False), st.booleans())
def test_neither_order_nor_additions_move_an_item(
    tmp_path: Path, numbers: list[int], random: Any, grouped: bool
) -> None:
    data = {"path": "a.jsonl", "group": "g" if grouped else None}

    def divided(chosen: list[int]) -> dict[str, set[str]]:
        made = [{"prompt": str(n), "answer": "x", "g": n % 7} for n in chosen]
        write_lines(tmp_path / "a.jsonl", made)
        task = task_of(tmp_path, data)
        return {split: {prompt for prompt, _ in _items(task, split)} for split in SPLITS}

    before = divided(numbers)
    shuffled = [*numbers, *range(300, 310)]
    random.shuffle(shuffled)
    after = divided(shuffled)
    assert all(before[split] <= after[split] for split in SPLITS)
    assert sum(map(len, after.values())) == len(set(shuffled))
    if grouped:
        homes = [{int(prompt) % 7 for prompt in after[split]} for split in SPLITS]
        assert sum(map(len, homes)) == len(set.union(*homes))


def test_the_same_file_gives_the_same_record_in_any_order(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", _sums(50))
    write_lines(tmp_path / "b.jsonl", _sums(50)[::-1])
    one, other = (task_of(tmp_path, {"path": name}) for name in ("a.jsonl", "b.jsonl"))
    assert one.record == other.record
    assert one.ids("test") == other.ids("test")


@pytest.mark.parametrize(
    ("fractions", "expected"),
    [
        ((0.6, 0.2, 0.2), (0.6, 0.2, 0.2)),
        ((0.5, 0.0, 0.1), (0.5, 0.0, 0.1)),
        ((0.0, 0.0, 1.0), (0.0, 0.0, 1.0)),
    ],
)
def test_a_file_is_divided_by_fractions(
    tmp_path: Path, fractions: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    write_lines(tmp_path / "a.jsonl", _sums(2000))
    task = task_of(tmp_path, {"path": "a.jsonl", "fractions": fractions})
    parts = [len(task.ids(split)) / 2000 for split in SPLITS]
    assert parts == pytest.approx(expected, abs=0.04)
    if sum(fractions) == pytest.approx(1):
        assert sum(parts) == 1
    assert [part == 0 for part in parts] == [each == 0 for each in expected]


def test_a_limit_takes_the_same_items_whatever_their_order(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", _sums(50))
    whole = task_of(tmp_path, {"path": "a.jsonl"})
    part = task_of(tmp_path, {"path": "a.jsonl", "limit": 5})
    for split in SPLITS:
        assert part.ids(split) == whole.ids(split)[:5]


def test_groups_are_the_items_themselves_if_none_are_named(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", [{**row, "g": 1} for row in _sums(5)])
    alone = task_of(tmp_path, {"path": "a.jsonl", **ALL})
    assert alone.groups("train") == alone.ids("train")
    grouped = task_of(tmp_path, {"path": "a.jsonl", "group": "g", **ALL})
    assert grouped.groups("train") == ("1",) * 5


@pytest.mark.parametrize(
    ("row", "form"),
    [
        ({"prompt": "a"}, {}),
        ({"answer": "a"}, {}),
        ({"prompt": "a", "answer": ""}, {}),
        ({"prompt": "a", "answer": "none"}, {"metric": "number"}),
        ({"prompt": "a", "answer": "b"}, {"variants": ("{{ other }}",)}),
        ({"prompt": "a", "answer": "b"}, {"data": {"group": "g"}}),
    ],
)
def test_rows_that_do_not_fit_are_told_together(
    tmp_path: Path, row: dict[str, str], form: dict[str, Any]
) -> None:
    write_lines(tmp_path / "a.jsonl", [{**_sums(1)[0], "other": "o", "g": "g"}, *[row] * 30])
    with pytest.raises(InputError) as caught:
        task_of(tmp_path, {"path": "a.jsonl", **form.pop("data", {})}, **form)
    problems = caught.value.problems
    assert {problem.code for problem in problems} == {Code.DATA_ITEM}
    assert [problem.where for problem in problems[:2]] == ["a.jsonl:2", "a.jsonl:3"]
    assert len(problems) == 21
    assert problems[-1].what == "and 10 more rows"


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"path": "a.jsonl", "hub": f"org/name@{'0' * 40}"},
        {"train": "a.jsonl", "hub": f"org/name@{'0' * 40}"},
        {"path": "a.jsonl", "fractions": (0.9, 0.2, 0.0)},
    ],
)
def test_data_that_cannot_be_meant_are_refused(tmp_path: Path, data: dict[str, Any]) -> None:
    write_lines(tmp_path / "a.jsonl", _sums(3))
    with pytest.raises(InputError) as caught:
        task_of(tmp_path, data)
    assert caught.value.code is Code.DATA_SPLIT


@pytest.mark.parametrize(
    ("hub", "offline", "code"),
    [
        ("org/name", False, Code.HUB_REVISION),
        ("org/name@main", False, Code.HUB_REVISION),
        (f"../name@{'0' * 40}", False, Code.HUB_REVISION),
        (f"org/name@{'0' * 40}", True, Code.HUB_UNREACHABLE),
        (f"org/name@{'0' * 40}", False, Code.HUB_UNREACHABLE),
    ],
)
def test_the_hub_needs_a_commit_and_a_network(
    monkeypatch: pytest.MonkeyPatch, hub: str, offline: bool, code: Code
) -> None:
    monkeypatch.setattr(config, "HF_HUB_OFFLINE", True)
    with pytest.raises(EvoregError) as caught:
        hub_rows(hub, None, "train", offline)
    assert caught.value.code is code


def test_a_folder_is_not_taken_for_a_data_set_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "org" / "name").mkdir(parents=True)
    write_lines(tmp_path / "org" / "name" / "train.jsonl", _sums(3))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="local folder"):
        hub_rows(f"org/name@{'0' * 40}", None, "train", False)


def test_fields_that_are_no_text_are_refused_or_told_as_text(tmp_path: Path) -> None:
    Dataset.from_dict({"prompt": [b"\x00"]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="neither text nor number"):
        read_rows(tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text(json.dumps({"prompt": {"a": [1, None, True, "x"]}}))
    ((row, where),) = read_rows(tmp_path / "a.jsonl")
    assert (row, where) == ({"prompt": {"a": [1, None, True, "x"]}}, "a.jsonl:1")


def test_a_row_that_cannot_be_recorded_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": "b"}\n{"prompt": "\\ud800"}\n')
    with pytest.raises(InputError, match=r"row 2: .*surrogates"):
        read_rows(tmp_path / "a.jsonl")
    (tmp_path / "a.jsonl").write_text('\n{"prompt": "a", "answer": "1", "g": NaN}\n')
    with pytest.raises(InputError) as caught:
        task_of(tmp_path, {"path": "a.jsonl", "group": "g"})
    assert [problem.where for problem in caught.value.problems] == ["a.jsonl:2"]


def _sound(path: Path) -> Path:
    """Write rows whose type says sound; where no decoder is installed they cannot be taken out."""
    told = {"info": {"features": {"a": {"_type": "Audio"}}}}
    table = pa.table({"a": pa.array([{"bytes": b"junk", "path": None}])})
    named = table.replace_schema_metadata({"huggingface": json.dumps(told)})
    parquet.write_table(named, path)
    return path


def test_rows_that_cannot_be_decoded_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _sound(tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet"):
        read_rows(path)
    sound = Dataset.from_parquet(str(path), cache_dir=str(tmp_path / "cache"))
    for taken in (sound, [{"a": b"x"}]):
        monkeypatch.setattr(rows, "_loaded", lambda *_, taken=taken: taken)
        with pytest.raises(InputError, match="a row cannot be read"):
            hub_rows(f"org/name@{'0' * 40}", None, "train", False)


@pytest.mark.parametrize("line", ['{"prompt": ', "[1]", "7", "[" * 100_000])
def test_a_broken_line_is_told_by_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text('{"prompt": "a", "answer": "b"}\n\n' + line + "\n", "utf-8")
    with pytest.raises(InputError) as caught:
        read_rows(path)
    (problem,) = caught.value.problems
    assert problem.where == "broken.jsonl:3"
    assert problem.what.startswith("this line is not a JSON object: ")
    assert "one JSON object a line" in problem.hint


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\xff\xfe\n")
    with pytest.raises(InputError, match="not UTF-8"):
        read_rows(tmp_path / "a.jsonl")


@pytest.mark.parametrize(
    ("data", "key"), [({"path": "none.jsonl"}, "path"), ({"train": "none.jsonl"}, "train")]
)
def test_a_missing_file_is_told_with_its_task(
    tmp_path: Path, data: dict[str, Any], key: str
) -> None:
    with pytest.raises(InputError) as caught:
        task_of(tmp_path, data)
    (problem,) = caught.value.problems
    assert problem.what == "there is no such file"
    assert problem.where == f"task sums, data.{key}: {tmp_path / 'none.jsonl'}"
