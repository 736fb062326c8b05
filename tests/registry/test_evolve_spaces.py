"""`evoreg evolve` over layers, tensors and finer parameters: the winner is what was evaluated."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.registry.evolve_room import Room, entered, search, task

SHORT = {"tasks": [task(max_new_tokens=4, soft=0.5)], "budget": {"generations": 2}}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with entered(tmp_path_factory.mktemp("spaces")) as found:
        yield found


def searched(room: Room, name: str, **changes: Any) -> Any:
    file = room.file(search(name=name, **{**SHORT, **changes}), f"{name}.yml")
    said = room.run("evolve", file, name, "--json")
    assert said.code == 0, said.out
    assert said.json["merge"]["candidate"] == said.json["result"]["winner"]
    return said.json


def stages(room: Room, name: str) -> list[int]:
    """Stage of each recorded generation."""
    with room.ledger() as ledger:
        (recorded,) = ledger.search(name)
        ends = ledger.generations(recorded.search.id)
    return [item.generation.stage for item in ends]


def test_finer_parameters_follow(room: Room) -> None:
    refine = [{"granularity": 2, "generations": 1}]
    searched(room, "finer", space={"kind": "parameters", "refine": refine})
    assert stages(room, "finer")[:3] == [0, 0, 1]
    with room.ledger() as ledger:
        (recorded,) = ledger.search("finer")
        sizes = {
            item.evaluation.stage: len(item.evaluation.genome)
            for item in ledger.evaluations(recorded.search.id, origin="sampled")
        }
    assert sizes[0] == 2
    assert sizes[1] > sizes[0]


def test_layers(room: Room) -> None:
    told = searched(room, "layers", space={"kind": "layers", "repeats": 1, "scaling": "none"})
    assert told["result"]["recipe"]["slices"]


def test_hybrid_stands_on_its_first_result(room: Room) -> None:
    space = {
        "kind": "hybrid",
        "generations": 1,
        "layers": {"kind": "layers", "repeats": 1, "scaling": "none"},
    }
    told = searched(room, "hybrid", space=space, economy={"items": 4, "finalists": 3})
    assert 1 in stages(room, "hybrid")
    with room.ledger() as ledger:
        (recorded,) = ledger.search("hybrid")
        second = [
            item.evaluation
            for item in ledger.evaluations(recorded.search.id, stage=1)
            if item.evaluation.origin == "sampled"
        ]
    assert second
    assert all(len(item.earlier) == 1 for item in second)
    references = {ref for item in second for ref in item.recipe.references}
    assert "merged" in references
    assert len(told["merge"]["stages"]) == len(told["result"]["earlier"])


def test_a_hybrid_winner_is_merged_with_what_it_stands_on(room: Room) -> None:
    """Whatever won, the last candidate of layers must merge to what was evaluated."""
    from evoreg.registry.cli.main import answer

    with room.ledger() as ledger:
        (recorded,) = ledger.search("hybrid")
        found = [
            item.evaluation
            for item in ledger.evaluations(recorded.search.id, stage=1)
            if item.evaluation.origin == "sampled" and item.evaluation.failure is None
            if "merged" in item.evaluation.recipe.references
        ]
    wanted = found[-1].candidate
    assert answer(["candidate", "export", wanted, "exported.yml"]) == 0
    seed = recorded.search.merge_seed
    said = room.run("merge", "exported.yml", "exported", "--seed", str(seed), "--json")
    assert said.code == 0, said.out
    assert said.json["candidate"] == wanted


def test_a_warm_start_is_recorded_and_repeated(tmp_path: Path) -> None:
    # In a room of its own: whatever the others searched would be learnt from too.
    with entered(tmp_path) as room:
        warm_start(room)


def warm_start(room: Room) -> None:
    economy = {"items": 4, "finalists": 1, "warm_start": True}
    searched(room, "cold")
    told = searched(room, "warm", economy=economy)
    with room.ledger() as ledger:
        (cold,) = ledger.search("cold")
        (warm,) = ledger.search("warm")
        assert "warm" not in cold.extra
        begun = warm.extra["warm"]
        injected = [
            item.evaluation.genome for item in ledger.evaluations(warm.search.id, origin="injected")
        ]
        known = {
            item.evaluation.genome
            for item in ledger.evaluations(cold.search.id)
            if item.evaluation.fitness and item.evaluation.origin == "sampled"
        }
    assert isinstance(begun, dict)
    # The best tenth is one candidate that was scored on the train split, not a finalist.
    assert begun["start"] == begun["injected"][0]
    assert len(begun["injected"]) == min(3, len(known))
    assert tuple(begun["start"]) in known
    assert injected
    suggested = begun["injected"]
    assert isinstance(suggested, list)
    assert set(injected) == {tuple(genome) for genome in suggested if isinstance(genome, list)}
    assert set(injected) <= known
    # What was learnt since does not change where a recorded search began.
    searched(room, "colder", seed=5)
    again = room.run("evolve", "warm.yml", "warm-again", "--resume", "--json")
    assert again.code == 0
    assert again.json["search"] == told["search"]


def test_whole_tensors_are_bred(room: Room) -> None:
    told = searched(
        room,
        "bred",
        space={"kind": "tensors"},
        optimiser={"kind": "m2n2", "population": 4},
        economy={"items": 4, "rotate": False, "finalists": 1},
    )
    assert told["result"]["stability"]["tried"] >= 4
    with room.ledger() as ledger:
        (recorded,) = ledger.search("bred")
        found = [item.evaluation for item in ledger.evaluations(recorded.search.id)]
    assert len(recorded.search.genes) == 2 * told["result"]["stability"]["tensors"]
    assert all(len(item.parents) in (0, 2) for item in found)


def test_random_masks_are_those_of_the_winner(room: Room) -> None:
    told = searched(room, "masks", method="dare_linear", optimiser={"kind": "random"})
    assert told["merge"]["seed"] == told["result"]["merge_seed"]
    text = (room.path("masks") / "mergekit_config.yml").read_text("utf-8")
    assert f"--seed {told['result']['merge_seed']}" in text
    assert json.loads((room.path("masks") / "evoreg.json").read_text("utf-8"))
