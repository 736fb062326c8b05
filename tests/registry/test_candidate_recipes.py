"""Recipes written as YAML are read as the same recipes, whatever is in them."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evoreg.evolve.recipes.marked import PARSER
from evoreg.evolve.recipes.read import read_recipe
from evoreg.evolve.recipes.stream import read_stream
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.errors import RecipeError
from evoreg.provenance.records.evaluation import NamedRecipe
from evoreg.provenance.records.recipe import Recipe, Setting, Source
from evoreg.registry.candidate_recipe import Export, located, recipe_fields, recipe_text
from evoreg.registry.merging.references import renamed, without_paths

RECIPES = Path(__file__).parents[1] / "oracle" / "recipes"
RICH = """\
merge_method: ties
base_model: org/base
modules:
  text_decoder:
    models:
      - {model: org/a+org/tuned, parameters: {weight: [{filter: mlp, value: [0.1, 1]}, 1e-07]}}
      - {model: "org/b@v1", parameters: {weight: 1, density: []}}
    parameters: {normalize: false}
  default:
    slices:
      - sources:
          - {model: org/base, layer_range: [0, 1]}
          - {model: org/c, layer_range: [0, 1], parameters: {weight: 1.0e+20}}
parameters: {lambda: 0.5}
dtype: bfloat16
out_dtype: float32
tokenizer:
  source: union
  tokens:
    "<a>": {source: {kind: model_token, model: org/a, token: "\\u202e: - #"}, force: true}
    "<b>": {source: {kind: model_token, model: org/a, token_id: 3}}
    "~": {source: {kind: zero}}
    "yes": {source: org/b@v1}
    "1": {}
  pad_to_multiple_of: 64
chat_template: "{% for m in messages %}\\n  {{ m.content }}  \\n{% endfor %}"
"""
RICH = RICH.replace("1e-07]", "{value: 1.0e-07}]")


def exported(recipe: Recipe, *earlier: NamedRecipe) -> Export:
    return Export(digest_of(b"candidate"), recipe, earlier, 3, "a search", "evoreg 0.1.0, rules 1")


def test_everything_that_recipes_can_say_comes_back() -> None:
    recipe = read_recipe(RICH, "r.yml").recipe
    text = recipe_text(exported(recipe))
    assert read_recipe(text, "r.yml").recipe == recipe
    assert "\u202e" not in text


@pytest.mark.parametrize("file", sorted(RECIPES.glob("*.yml")), ids=lambda path: path.stem)
def test_every_kind_of_recipe_comes_back(file: Path) -> None:
    recipe = read_recipe(file.read_text("utf-8"), file.name).recipe
    text = yaml.safe_dump(recipe_fields(recipe), sort_keys=False)
    assert read_recipe(text, file.name).recipe == recipe


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
NUMBERS = st.floats(-1e9, 1e9) | st.integers(-(2**52), 2**52)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    references=st.lists(NAMES, min_size=2, max_size=3, unique=True),
    weights=st.lists(NUMBERS, min_size=1, max_size=4),
    chosen=st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
def test_odd_names_and_numbers_come_back(
    references: list[str], weights: list[float], chosen: str | None
) -> None:
    value = tuple(weights) if len(weights) > 1 else weights[0]
    rest = () if chosen is None else (Setting(value=0.5),)
    parameters = (("weight", (Setting(value=value, filter=chosen), *rest)),)
    lines = tuple(Source(model=name, parameters=parameters) for name in references)
    recipe = Recipe(method="linear", models=lines)
    text = recipe_text(exported(recipe))
    assert read_recipe(text, "r.yml").recipe == recipe
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert len(comments) == 5


def test_recipes_that_stand_on_others_are_several_documents() -> None:
    first = Recipe(method="passthrough", models=(Source(model="org/a"),))
    last = Recipe(method="passthrough", models=(Source(model="stage 1"),))
    text = recipe_text(exported(last, NamedRecipe(name="stage 1", recipe=first)))
    stream = read_stream(text, "r.yml")
    assert [(stage.name, stage.read.recipe) for stage in stream.stages] == [
        ("stage 1", first),
        ("", last),
    ]
    assert len(list(yaml.load_all(text, Loader=PARSER))) == 2


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        ("my recipe.yml", "evoreg merge 'my recipe.yml' OUT --seed 3"),
        ("a\nmerge_method: b.yml", "evoreg merge 'a?merge_method: b.yml' OUT --seed 3"),
        ("$(rm).yml", "evoreg merge '$(rm).yml' OUT --seed 3"),
    ],
)
def test_head_names_the_command(file: str, shown: str) -> None:
    recipe = Recipe(method="passthrough", models=(Source(model="org/a"),))
    text = recipe_text(exported(recipe), file)
    assert f"# to merge   {shown}\n" in text
    assert read_recipe(text, "r.yml").recipe == recipe


def test_hostile_search_name_stays_in_its_comment() -> None:
    recipe = Recipe(method="passthrough", models=(Source(model="org/a"),))
    name = "a\nb\u2028c\u0085d\x1b[31m\u202e"
    text = recipe_text(Export(digest_of(b"c"), recipe, (), 3, name, "x"))
    assert text.splitlines()[0] == "# search     a?b?c?d?[31m?"


def test_recipe_too_large_for_a_file_is_refused() -> None:
    rows = tuple(Setting(value=0.5, filter=f"layers.{n}.") for n in range(6000))
    lines = tuple(Source(model=m, parameters=(("weight", rows),)) for m in ("org/a", "org/b"))
    with pytest.raises(RecipeError):
        recipe_text(exported(Recipe(method="linear", models=lines)))


def test_unknown_method_is_refused() -> None:
    with pytest.raises(RecipeError):
        recipe_text(exported(Recipe(method="future", models=(Source(model="org/a"),))))


def test_places_are_named_only_where_the_record_stays_the_same() -> None:
    lines = tuple(Source(model=m) for m in ("./maths", "org/hub", "./other"))
    export = exported(Recipe(method="linear", models=lines))
    found = located(export, {"./maths": "/models/maths"})
    assert found.recipe.references == ("/models/maths", "org/hub", "./other")
    assert renamed(found.recipe, without_paths(found.recipe.references)) == export.recipe
    # A folder of another name would be recorded as another reference.
    assert located(export, {"./maths": "/models/mathematics"}) == export
    assert json.loads(json.dumps(recipe_fields(export.recipe)))["models"][0] == {"model": "./maths"}
