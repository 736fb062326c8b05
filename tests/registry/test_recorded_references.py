"""References as they are recorded and published: no path of anybody's disk, in any form."""

import yaml

from evoreg.evolve.recipes.read import read_recipe
from evoreg.registry.merging.references import published, renamed, without_paths

TEXT = """\
merge_method: linear
base_model: {model: /secret/base}
modules:
  text_decoder:
    models:
      - model: {model: {path: /secret/a}, lora: /secret/tuned}
        parameters: {weight: {value: 1, filter: mlp}}
      - model: org/b@v1
        parameters: {weight: 1}
  default:
    slices:
      - base_model: /secret/c
        sources:
          - {model: /secret/c, layer_range: [0, 1], parameters: {weight: 1}}
tokenizer:
  source: /secret/c
  tokens:
    "<a>": {source: {kind: model_token, model: /secret/a, token: "<b>"}}
    "<c>": {source: {model: {path: /secret/a}}}
"""


def test_every_reference_is_renamed_and_nothing_of_the_disk_remains() -> None:
    read = read_recipe(TEXT, "r.yml")
    names = without_paths(read.recipe.references)
    assert names == {
        "/secret/base": "./base",
        "/secret/c": "./c",
        "/secret/a+/secret/tuned": "./a+./tuned",
        "org/b@v1": "org/b@v1",
        "/secret/a": "./a",
    }
    recipe = renamed(read.recipe, names)
    assert "secret" not in recipe.canonical().decode()
    assert recipe.references == tuple(names[reference] for reference in read.recipe.references)


def test_what_is_published_reads_back_as_the_renamed_recipe() -> None:
    read = read_recipe(TEXT, "r.yml")
    names = without_paths(read.recipe.references)
    text = published(TEXT, names)
    assert "secret" not in text
    assert read_recipe(text, "r.yml").recipe == renamed(read.recipe, names)
    first = yaml.safe_load(text)["modules"]["text_decoder"]["models"][0]
    assert first["model"] == "./a+./tuned"


def test_a_recipe_without_paths_is_published_letter_by_letter() -> None:
    text = TEXT.replace("/secret/", "org/") + "# a remark\n"
    names = without_paths(read_recipe(text, "r.yml").recipe.references)
    assert published(text, names) == text
