"""docs/flow.md against the program."""

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

from evoreg.evolve.flow.families import FAMILIES
from evoreg.evolve.flow.path import INPUT, path_of
from evoreg.evolve.flow.runtime import Flow
from evoreg.evolve.recipes.read import read_recipe
from evoreg.evolve.searchfile.form import HybridSpace, LayerSpace, SpaceForm

PAGE = (Path(__file__).parents[2] / "docs" / "flow.md").read_text("utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_the_examples_are_spaces_and_recipes() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(SpaceForm)
    layers, hybrid = (adapter.validate_python(yaml.safe_load(b)["space"]) for b in BLOCKS[:2])
    assert layers == LayerSpace()  # the defaults are told as they are
    assert isinstance(hybrid, HybridSpace)
    recipe = read_recipe(BLOCKS[2], "flow.md").recipe
    assert [(hop.model, hop.layer) for hop in path_of(recipe)] == [
        ("./math", 0), ("./math", 1), ("./japanese", 1)
    ]  # fmt: skip
    (setting,) = yaml.safe_load(BLOCKS[3])["parameters"]["scale"]
    assert setting["filter"] == INPUT


def test_every_setting_is_told() -> None:
    assert all(f"{name}:" in BLOCKS[0] for name in LayerSpace.model_fields)
    assert all(f"{name}:" in BLOCKS[1] for name in HybridSpace.model_fields)


def test_every_family_is_told() -> None:
    table = PAGE.split("### Families")[1].split("Networks with norms")[0]
    rows = re.findall(r"^\| ([a-z0-9_, ]+) \| `?[a-z]", table, re.M)
    assert {name for row in rows for name in row.split(", ")} - {"families"} == set(FAMILIES)


def test_every_key_of_a_flow_is_told() -> None:
    told = re.findall(r"^\| `(\w+)` \| ", PAGE.split("`flow.json`, written by")[1], re.M)
    assert set(told[:3]) == set(Flow.model_fields)
