"""docs/recipes.md tells the grammar as it is: every key, every part, every example."""

import re
from pathlib import Path

import pytest
import yaml

from evoreg.evolve.planning.parts import PART_NAMES
from evoreg.evolve.recipes import form, read, tokenizer, written
from evoreg.evolve.recipes.form import DTYPES, HOME
from evoreg.evolve.recipes.read import read_recipe
from evoreg.evolve.recipes.stream import read_stream

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text("utf-8")
KEYS = {
    *read.TOP, *read.MODULE, *read.MODEL, *read.SOURCE, *read.SLICE,
    *vars(tokenizer)["_KEYS"], *vars(tokenizer)["_TOKEN"], "kind", "token", "token_id",
}  # fmt: skip
"""Every key of the grammar, but for those of references and settings."""


def rows() -> dict[str, str]:
    """Return the rows of the table of keys, by key."""
    found = {}
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 3 and cells[0].startswith("`"):
            found.update(dict.fromkeys(re.findall(r"`(\w+)`", cells[0]), line))
    return found


def test_the_table_has_every_key_and_no_other() -> None:
    assert set(rows()) == KEYS


@pytest.mark.parametrize("key", sorted({*written.KEYS, *written.PATH_KEYS, *form.SETTING}))
def test_the_keys_of_references_and_settings_are_told(key: str) -> None:
    assert re.search(rf"\b{key}\b", PAGE)


@pytest.mark.parametrize("key", sorted(HOME))
def test_a_hint_about_the_place_of_a_key_is_about_a_key(key: str) -> None:
    assert key in {*KEYS, *written.KEYS, *form.SETTING}


@pytest.mark.parametrize("part", PART_NAMES)
def test_every_part_is_told(part: str) -> None:
    section = PAGE.split("## Modules")[1].split("\n## ")[0]
    assert f"`{part}`" in section


@pytest.mark.parametrize("name", DTYPES)
def test_every_type_is_told(name: str) -> None:
    assert f"`{name}`" in rows()["dtype"]


EXAMPLES = re.findall(r"```yaml\n(.+?)```", PAGE, re.DOTALL)


def test_the_examples_are_recipes() -> None:
    whole = [text for text in EXAMPLES if "merge_method" in text]
    assert len(whole) == 3
    for text in whole:
        stream = read_stream(text, "r.yml", lenient=False)
        assert stream.warnings == ()
        assert len(stream.stages) == text.count("merge_method")


def test_the_example_of_a_reference_is_one() -> None:
    (text,) = [text for text in EXAMPLES if "merge_method" not in text]
    value = yaml.safe_load(text)["model"]
    assert written.as_text(value) == "org/name@v1+org/adapter"
    recipe = yaml.safe_dump({"merge_method": "passthrough", "models": [{"model": value}]})
    assert read_recipe(recipe, "r.yml").recipe.models[0].model == "org/name@v1+org/adapter"
