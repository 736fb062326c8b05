"""The gate of a search: the base stays in every candidate, also if it stands among the models."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from evoreg.evolve.flow.families import family_of
from evoreg.evolve.flow.path import Hop, path_recipe
from evoreg.registry.cli.evolve_text import warn_of_runtime
from evoreg.registry.cli.screen import Screen
from evoreg.registry.searching.setup import template_of_all
from tests.registry.evolve_room import Room, entered, pocket, task


@pytest.fixture
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with entered(tmp_path_factory.mktemp("gate")) as found:
        yield found


def test_a_refused_base_is_refused_though_it_is_one_of_the_models(room: Room) -> None:
    base = pocket("ja-nc")
    said = room.evolve("out", "--dry-run", base_model=base, models=[base, pocket("math")])
    assert said.code == 3
    assert "EVL104" in said.err
    assert "left out" not in said.err


def test_a_base_among_the_models_does_not_make_enough_of_them(room: Room) -> None:
    base = pocket("base")
    said = room.evolve("out", "--dry-run", base_model=base, models=[base, pocket("ja-nc")])
    assert said.code == 3
    assert "policy leaves 1 of 2 models" in said.err


def test_every_set_has_a_model_beside_the_base(room: Room) -> None:
    models = [pocket("base"), pocket("math"), pocket("ja-nc")]
    said = room.evolve("--per-outbound", "--dry-run", "--json", models=models, intent="research")
    assert said.code == 0
    told = [row["models"] for row in said.json["outbound"]]
    assert told
    assert ["./pocket-base"] not in told
    assert all("./pocket-base" in row for row in told)


def test_a_chat_template_that_all_models_share_stands_in_the_record(room: Room) -> None:
    folders = [room.copy(name, f"pocket-{name}") for name in ("base", "math")]
    assert template_of_all(folders) is None
    for folder in folders:
        path = folder / "tokenizer_config.json"
        told = json.loads(path.read_text("utf-8"))
        path.write_text(json.dumps({**told, "chat_template": "{{ messages[0].content }}"}), "utf-8")
    assert template_of_all(folders) == "{{ messages[0].content }}"
    changes = {"base_model": "./pocket-base", "models": ["./pocket-math"]}
    chat = {"tasks": [task(chat=True, max_new_tokens=2)], "budget": {"generations": 1}}
    digests = []
    for number, template in enumerate(("{{ messages[0].content }}", "{{ messages[-1].content }}!")):
        for folder in folders:
            path = folder / "tokenizer_config.json"
            told = json.loads(path.read_text("utf-8"))
            path.write_text(json.dumps({**told, "chat_template": template}), "utf-8")
        said = room.evolve(f"out-{number}", "--again", name=f"chat-{number}", **changes, **chat)
        assert said.code == 0, said.err
        with room.ledger() as ledger:
            digests.append(ledger.searches()[-1].search.tasks[0].template)
    assert digests[0] != digests[1]


def test_a_winner_that_plain_weights_cannot_hold_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = (Hop("./a", 0), Hop("./b", 0, 1.5))
    screen = Screen.open(as_json=False)
    warn_of_runtime(screen, path_recipe(path, family_of({"model_type": "llama"})), Path("won"))
    warn_of_runtime(screen, path_recipe(path[:1], None), Path("won"))
    assert capsys.readouterr().err == ""
    warn_of_runtime(screen, path_recipe(path, None), Path("won"))
    told = capsys.readouterr().err
    assert "won" in told
    assert "load_flow" in told


def test_a_project_folder_that_takes_no_lock_is_told(room: Room) -> None:
    room.path(".evoreg").mkdir()
    room.path(".evoreg/searches").write_text("in the way", "utf-8")
    said = room.evolve("out")
    assert said.code not in (0, 1)
    assert "searches" in said.err
    assert room.entries() == []


def test_a_project_folder_that_takes_no_first_result_is_told(room: Room) -> None:
    room.path(".evoreg").mkdir()
    room.path(".evoreg/stages").write_text("in the way", "utf-8")
    said = room.evolve(
        "out",
        space={"kind": "hybrid", "generations": 1, "layers": {"kind": "layers", "repeats": 1}},
        tasks=[task(max_new_tokens=2)],
        economy={"items": 2, "finalists": 0, "collapse": 0},
    )
    assert said.code not in (0, 1), said.err
    assert "stages" in said.err
