"""`evoreg evolve` with other tasks: less is better, several objectives, code, mergekit-evolve."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.registry.evolve_room import Room, entered, pocket, task


@pytest.fixture
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with entered(tmp_path_factory.mktemp("tasks")) as found:
        yield found


def read(name: str, **changes: Any) -> dict[str, Any]:
    """A task that measures text."""
    told = task(**{"name": name, "kind": "perplexity", **changes})
    told["answer"] = "{{ prompt }} {{ answer }}"
    return {key: value for key, value in told.items() if key not in ("max_new_tokens", "soft")}


def test_less_is_better(room: Room) -> None:
    said = room.evolve("out", "--json", tasks=[read("text")])
    assert said.code == 0
    winner = float(said.json["result"]["validation"][0]["value"])
    with room.ledger() as ledger:
        (recorded,) = ledger.searches()
        assert recorded.search.tasks[0].maximise is False
        for item in ledger.evaluations(recorded.search.id, generation=1):
            (fitness,) = item.evaluation.fitness
            assert float(fitness) == pytest.approx(-float(item.evaluation.scores[0].value))
        finalists = ledger.evaluations(recorded.search.id, origin="finalist", generation=3)
    values = [float(item.evaluation.scores[0].value) for item in finalists]
    assert len(values) == 2
    assert winner == min(values) > 1


def test_several_objectives_have_a_front(room: Room) -> None:
    said = room.evolve(
        "out",
        "--json",
        tasks=[read("text"), task(max_new_tokens=4)],
        optimiser={"kind": "nsga2", "population": 4},
        economy={"items": 0, "rotate": False, "finalists": 1},
    )
    assert said.code == 0, said.out
    assert said.json["result"]["front"]
    assert [score["task"] for score in said.json["result"]["test"]] == ["text", "sums"]


def test_code_runs_only_if_it_is_allowed(room: Room) -> None:
    room.path("judge.py").write_text("raise SystemExit('it ran')\n", "utf-8")
    said = room.evolve("out", tasks=[read("own", kind="python", function="judge.py:score")])
    assert said.code == 2
    assert "--allow-code" in said.err
    assert "it ran" not in said.err
    assert not room.path(".evoreg/ledger.sqlite").exists()


def test_what_does_not_go_together_is_told_before_anything_is_recorded(room: Room) -> None:
    said = room.evolve("out", optimiser={"kind": "nsga2"})
    assert said.code == 2
    assert "nsga2" in said.err
    with_options = room.evolve("out", optimiser={"kind": "cma-es", "options": {"presision": 1}})
    assert with_options.code == 2
    assert "precision" in with_options.err
    if room.path(".evoreg/ledger.sqlite").exists():
        assert room.entries() == []


def test_files_of_mergekit_evolve_are_read(room: Room) -> None:
    file = room.file(
        {
            "genome": {
                "models": [pocket("math"), pocket("ja")],
                "merge_method": "task_arithmetic",
                "base_model": pocket("base"),
                "layer_granularity": 2,
            },
            "tasks": [{"name": "my_sums", "metric": "acc,none"}],
        },
        "genome.yml",
    )
    said = room.run("evolve", file, "--dry-run", "--json")
    # The harness is an extra; with it, it knows no such task.
    assert said.code in (2, 5)
    assert "my_sums" in said.out or "lm-eval" in said.out


def test_files_that_are_missing_are_told_of_all_tasks_with_their_lines(room: Room) -> None:
    lost = [read(name, data={"path": f"{name}-lost.jsonl"}) for name in ("one", "two")]
    said = room.evolve("--dry-run", tasks=lost)
    assert said.code == 5
    for name in ("one", "two"):
        assert re.search(rf"search\.yml:1:\d+: task {name}, data\.path: ", said.err)
        assert f"{name}-lost.jsonl" in said.err
