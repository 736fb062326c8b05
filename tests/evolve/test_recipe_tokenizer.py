"""Reading `tokenizer` and `chat_template`: what is meant is kept, all else is refused."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.evolve.recipes.read import read_recipe
from evoreg.evolve.vocabulary.template import BUNDLED
from evoreg.provenance.records.errors import Code, Problem, RecipeError
from evoreg.provenance.records.recipe import Recipe, TokenizerSettings, TokenRow
from tests.evolve.merging import row

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text("utf-8")
SECTION = PAGE.split("## Tokenizer and chat template")[1].split("\n## ")[0]
TOP = "merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: a}, {model: b}]\n"


def read(more: str) -> Recipe:
    return read_recipe(TOP + more, "r.yml").recipe


def problems(more: str) -> tuple[Problem, ...]:
    with pytest.raises(RecipeError) as caught:
        read(more)
    return caught.value.problems


def test_the_whole_grammar() -> None:
    recipe = read(
        """
tokenizer:
  source: org/c@v1
  tokens:
    <s>: {source: {kind: zero}, force: true}
    123: {source: {kind: model_token, model: d, token: "yes"}}
    q: {source: {kind: model_token, model: d, token_id: 0}, force: false}
    '[/INST]': {source: b}
    plain: {}
    bare:
  pad_to_multiple_of: 64
"""
    )
    assert recipe.tokenizer == TokenizerSettings(
        source="org/c@v1",
        tokens=(
            TokenRow(token="<s>", kind="zero", force=True),
            TokenRow(token="123", kind="token", model="d", text="yes"),
            TokenRow(token="q", kind="token", model="d", token_id=0),
            TokenRow(token="[/INST]", kind="model", model="b"),
            TokenRow(token="plain"),
            TokenRow(token="bare"),
        ),
        pad_to_multiple_of=64,
    )
    assert recipe.references == ("a", "b", "org/c@v1", "d")


@pytest.mark.parametrize("more", ["tokenizer:\n", "tokenizer_source:\ntokenizer: null\n"])
def test_silence_is_silence(more: str) -> None:
    assert read(more).vocabulary is None


def test_an_empty_section_is_a_union_and_an_empty_source_too() -> None:
    assert read("tokenizer: {}\n").vocabulary == TokenizerSettings(source="union")
    assert read("tokenizer: {source: null}\ntokenizer_source: null\n").vocabulary is not None


BAD = [
    ("tokenizer: union", Code.RECIPE_VALUE, "4:12", "tokenizer is a mapping"),
    ("tokenizer: {sorce: union}", Code.RECIPE_UNKNOWN_KEY, "4:13", "unknown key 'sorce'"),
    ("tokenizer: {}\ntokenizer_source: base", Code.RECIPE_STRUCTURE, "4:1", "both tokenizer and"),
    ("tokenizer: {source: 5}", Code.RECIPE_REFERENCE, "4:21", "source is not a model reference"),
    ("tokenizer: {tokens: [a]}", Code.RECIPE_VALUE, "4:21", "tokens is a mapping"),
    ("tokenizer: {tokens: {a: b}}", Code.RECIPE_VALUE, "4:25", "about the token 'a' is a mapping"),
    ("tokenizer: {tokens: {'': {}}}", Code.RECIPE_VALUE, "4:22", "'' is no text of a token"),
    ("tokenizer: {tokens: {a: {from: b}}}", Code.RECIPE_UNKNOWN_KEY, "4:26", "key 'from'"),
    ("tokenizer: {tokens: {a: {force: true}}}", Code.RECIPE_VALUE, "4:22", "force needs a source"),
    ("tokenizer: {tokens: {a: {force: 1}}}", Code.RECIPE_VALUE, "4:33", "force is true or false"),
    (
        "tokenizer: {tokens: {a: {source: {kind: zeros}}}}",
        Code.RECIPE_VALUE, "4:41", "unknown kind",
    ),
    (
        "tokenizer: {tokens: {a: {source: {kind: zero, model: b}}}}",
        Code.RECIPE_UNKNOWN_KEY, "4:47", "unknown key 'model'",
    ),
    (
        "tokenizer: {tokens: {a: {source: {kind: model_token, model: b}}}}",
        Code.RECIPE_VALUE, "4:34", "exactly one of token and token_id",
    ),
    (
        "tokenizer: {tokens: {a: {source: {kind: model_token, model: b, token: x, token_id: 1}}}}",
        Code.RECIPE_VALUE, "4:34", "exactly one of token and token_id",
    ),
    (
        "tokenizer: {tokens: {a: {source: {kind: model_token, token: x}}}}",
        Code.RECIPE_STRUCTURE, "4:34", "model is missing",
    ),
    (
        "tokenizer: {tokens: {a: {source: {kind: model_token, model: b, token_id: -1}}}}",
        Code.RECIPE_VALUE, "4:74", "token_id is a whole number from 0",
    ),
    (
        "tokenizer: {tokens: {a: {source: {kind: model_token, model: b, token_id: true}}}}",
        Code.RECIPE_VALUE, "4:74", "token_id is a whole number from 0",
    ),
    (
        "tokenizer: {tokens: {a: {source: {kind: model_token, model: b, token: 5}}}}",
        Code.RECIPE_VALUE, "4:71", "token is a text",
    ),
    ("tokenizer: {pad_to_multiple_of: 0}", Code.RECIPE_VALUE, "4:33", "pad_to_multiple_of is a"),
    ("tokenizer: {pad_to_multiple_of: 1.5}", Code.RECIPE_VALUE, "4:33", "pad_to_multiple_of is a"),
    ("tokenizer: {pad_to_multiple_of: 99999999}", Code.RECIPE_VALUE, "4:33", "pad_to_multiple_of"),
    ("chat_template: [chatml]", Code.RECIPE_VALUE, "4:16", "chat_template is a text"),
    ("chat_template: chatmll", Code.RECIPE_VALUE, "4:16", "neither a bundled name nor a Jinja"),
    ("chat_template: ''", Code.RECIPE_VALUE, "4:16", "neither a bundled name nor a Jinja"),
    ("chat_template: a sentence without any of them", Code.RECIPE_VALUE, "4:16", "neither a"),
    ("chat_template: '{{ messages }}'", Code.RECIPE_VALUE, "4:16", "neither a bundled"),
    ("chat_template: '{% for m in messages %}{{'", Code.RECIPE_VALUE, "4:16", "cannot be parsed"),
    (
        "chat_template: '{% for m in messages %}{{ m | nofilter }}'",
        Code.RECIPE_VALUE, "4:16", "cannot be parsed",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("more", "code", "place", "what"), BAD)
def test_what_cannot_be_meant_is_refused_in_its_place(
    more: str, code: Code, place: str, what: str
) -> None:
    (problem,) = problems(more)
    assert (problem.code, problem.where) == (code, f"r.yml:{place}")
    assert what in problem.what
    assert problem.hint


def test_a_misspelt_name_or_key_gets_a_suggestion() -> None:
    assert problems("chat_template: chatlm")[0].hint == "did you mean 'chatml'?"
    assert problems("tokenizer: {tokens: {a: {sorce: b}}}")[0].hint == "did you mean 'source'?"
    unknown = "tokenizer: {tokens: {a: {source: {kind: zero_token}}}}"
    assert problems(unknown)[0].hint == "did you mean 'model_token'?"


@pytest.mark.parametrize(
    "text",
    [
        "auto",
        "chatml",
        "{% for m in messages %}{{ m['content'] }}{% endfor %}",
        "{% generation %}{% for m in messages %}{% break %}{% endfor %}{% endgeneration %}",
    ],
)
def test_templates_are_kept_as_written(text: str) -> None:
    assert read(f"chat_template: {json.dumps(text)}").chat_template == text


@pytest.mark.parametrize("inner", ["(" * 20_000, "9" * 10_000, "[" * 3000, "{%" * 3000])
def test_hostile_templates_are_refused(inner: str) -> None:
    (problem,) = problems(f"chat_template: {json.dumps('{{ ' + inner + ' }}' + 'x' * 20)}")
    assert "cannot be parsed" in problem.what
    assert len(str(problem)) < 500


def test_a_template_is_parsed_and_never_run() -> None:
    text = "{{ 'a' * 10**9 }}{% for i in range(10**12) %}{{ i }}{% endfor %}"
    assert read(f"chat_template: {json.dumps(text)}").chat_template == text


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "source",
                        "tokens",
                        "pad_to_multiple_of",
                        "kind",
                        "model",
                        "token",
                        "token_id",
                        "x",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_anything_else_is_a_clear_error_or_a_recipe(value: Any) -> None:
    models = [row("a", weight=1), row("b", weight=1)]
    text = yaml.safe_dump(
        {"merge_method": "linear", "models": models, "tokenizer": value, "chat_template": value}
    )
    try:
        recipe = read_recipe(text, "r.yml").recipe
    except RecipeError as error:
        found = [problem for problem in error.problems if not (problem.where and problem.what)]
    else:
        found = []
        assert Recipe.from_canonical(recipe.canonical()) == recipe
    assert found == []


def test_the_example_of_the_page_is_read() -> None:
    (example,) = re.findall(r"```yml\n(.+?)```", SECTION, re.DOTALL)
    recipe = read(example)
    assert recipe.references == ("a", "b", "org/chat")
    tokens = recipe.tokenizer.tokens if recipe.tokenizer else ()
    assert [(item.kind, item.force) for item in tokens] == [
        ("model", False),
        ("token", True),
        ("zero", False),
    ]


@pytest.mark.parametrize("name", BUNDLED)
def test_the_page_names_every_bundled_template(name: str) -> None:
    assert f"`{name}`" in SECTION
