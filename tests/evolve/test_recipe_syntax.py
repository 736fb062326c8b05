"""YAML that is broken, hostile or merely odd: it is read, or refused with a `RecipeError`."""

import json
import time

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evoreg.evolve.recipes.contracts import CONTRACTS
from evoreg.evolve.recipes.read import read_recipe
from evoreg.provenance.records.errors import Code, Problem, RecipeError
from evoreg.provenance.records.recipe import Recipe, Setting, Settings, Slice, Source

LINEAR = "merge_method: linear\nmodels: [{model: a, parameters: {weight: %s}}]\n"


def problem_of(text: str) -> Problem:
    with pytest.raises(RecipeError) as caught:
        read_recipe(text, "r.yml")
    return caught.value.problems[0]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "r.yml"),
        ("# nothing\n", "r.yml"),
        ("just a text", "r.yml"),
        ("- a\n- list\n", "r.yml"),
        ("merge_method: [linear\n", "r.yml:2:1"),
        ("merge_method: linear\n\tmodels: []\n", "r.yml:2:1"),
        ("merge_method: linear\n  models: []\n", "r.yml:2:9"),
        ("merge_method: linear\nmerge_method: ties\n", "r.yml:2:1"),
        ("merge_method: linear\nmodels: [{model: a, model: b}]\n", "r.yml:2:21"),
        ("<<: {merge_method: linear}\n", "r.yml:1:1"),
        ("? [a]\n: b\n", "r.yml:1:3"),
        ("? {a: b}\n: c\n", "r.yml:1:3"),
        ("models: *nowhere\n", "r.yml:1:9"),
        ("a: 'open\n", "r.yml:2:1"),
        ("merge_method: linear\nmodels: @x\n", "r.yml:2:9"),
        ("a: !!python/object/apply:os.system [ls]\n", "r.yml:1:4"),
        (LINEAR % "!foo 1", "r.yml:2:42"),
        (LINEAR % "2001-01-01", "r.yml:2:42"),
        (LINEAR % "9007199254740992", "r.yml:2:42"),
        (LINEAR % ("9" * 5000), "r.yml:2:42"),
    ],
)
def test_broken_yaml_is_refused_where_it_breaks(text: str, where: str) -> None:
    problem = problem_of(text)
    assert problem.where == where or "!!python" in text
    assert problem.code in (Code.RECIPE_SYNTAX, Code.RECIPE_UNKNOWN_KEY)


@pytest.mark.parametrize(
    "value",
    ['!!int ""', '!!float ""', "!!bool x", "!!timestamp x", "!!int x", "!!binary '\\xff'",
     "1" + ":1" * 300 + ".5", "0x_", "-_", "!!null x", "!!float x", "1:99"],
)  # fmt: skip
def test_values_that_yaml_promises_and_does_not_keep_are_refused(value: str) -> None:
    problem = problem_of(LINEAR % value)
    assert problem.code in (Code.RECIPE_SYNTAX, Code.RECIPE_PARAMETER)
    assert problem.where == "r.yml:2:42"


@pytest.mark.parametrize("escape", ["\\UFFFFFFFF", "\\U00110000", "\\ud800", "\\udfff"])
@pytest.mark.parametrize("place", ["model: a", "weight: 1"])
def test_escapes_that_are_no_characters_are_refused(escape: str, place: str) -> None:
    """A lone surrogate cannot be written to the ledger, so it must not become part of a recipe."""
    key = place.split(":")[0]
    setting = f'{{value: 1, filter: "{escape}"}}' if key == "weight" else f'"{escape}"'
    problem_of((LINEAR % 1).replace(place, f"{key}: {setting}"))


def test_a_version_with_many_digits_is_refused() -> None:
    assert problem_of("%YAML 1." + "1" * 5000 + "\n---\n" + LINEAR % 1).code == Code.RECIPE_SYNTAX


def test_several_documents_are_refused_as_such() -> None:
    problem = problem_of(LINEAR % 1 + "---\n" + LINEAR % 1)
    assert (problem.code, problem.where) == (Code.RECIPE_UNSUPPORTED, "r.yml:3:1")


@pytest.mark.parametrize("text", ["\0", "a: \x07", "\x89PNG\r\n\x1a\n\0\0", "\ud800", "a: \udcff"])
def test_binary_is_refused(text: str) -> None:
    assert problem_of(text).code == Code.RECIPE_SYNTAX


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 50 + "]" * 50,
        "a: " + "[" * 1500,
        "a: " + "{b: " * 1500,
        "\n".join(" " * depth + "a:" for depth in range(700)),
        "&a [*a]",
        "&a {merge_method: linear, models: *a}",
        "models: [" + "0," * 20_100 + "]",
        "# " + "x" * 2**20,
        "a: " + "ü" * 2**19,
    ],
)
def test_too_much_is_refused_at_once(text: str) -> None:
    before = time.process_time()
    assert problem_of(text).code == Code.RECIPE_SYNTAX
    assert time.process_time() - before < 5


def test_a_short_text_does_not_take_long() -> None:
    """In YAML 1.1 1:1:1 is a number to base 60; its digits must not cost quadratic time."""
    before = time.process_time()
    problem_of(LINEAR % ("1" + ":1" * 100_000))
    assert time.process_time() - before < 2


def test_a_billion_laughs_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    before = time.process_time()
    assert problem_of("\n".join(lines)).code == Code.RECIPE_SYNTAX
    assert time.process_time() - before < 5


def test_aliases_are_fine() -> None:
    text = """
merge_method: linear
models:
  - model: a
    parameters: &same {weight: 0.5}
  - model: b
    parameters: *same
"""
    first, second = read_recipe(text, "r.yml").recipe.models
    assert first.parameters == second.parameters == (("weight", (Setting(value=0.5),)),)


# Any text

WORDS = [
    "merge_method: linear\n", "models:", "slices:", "parameters:", "model: a", "weight", "value:",
    "filter:", "layer_range: [0, 1]", "  ", "- ", "\n", ": ", "{", "}", "[", "]", ",", "*a", "&a ",
    "!!int ", "!!float ", "!!bool ", "!!str ", "!!timestamp ", "!!binary ", "!!set ", "!!omap ",
    '"', "'", "\\", "\\u0000", "\\ud800", "\\UFFFFFFFF", "<<: ", "---\n", "%YAML 1.1\n",
    "%TAG ! !!\n", "? ", "| \n", "> \n", "1e-5", "1:60", "0x_", ".nan", "yes", "~", "2001-02-30",
    "\t", "#", "\x00", "tokenizer_source: base\n", "base_model: b\n", "dtype: float32\n",
    "1" + ":1" * 200 + ".0",
]  # fmt: skip
SOUP = st.lists(st.sampled_from(WORDS), max_size=30).map("".join)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), SOUP, SOUP.map(lambda value: LINEAR % value)))
@example("merge_method: linear\nmodels: [{model: a}]\nlayer_range: [0, yes]")
def test_any_text_is_read_or_refused(text: str) -> None:
    for lenient in (False, True):
        try:
            read = read_recipe(text, "r.yml", lenient=lenient)
        except RecipeError as error:
            odd = [p for p in error.problems if not (p.code.startswith("EVO-R") and p.what)]
            if odd or not error.problems:
                pytest.fail(f"refused without a reason: {error}")
        else:
            assert Recipe.from_canonical(read.recipe.canonical()) == read.recipe


# What is written reads back

NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn")), min_size=1, max_size=12
)
NUMBERS = st.floats(-100, 100) | st.integers(-5, 5) | st.sampled_from(["1e-5", "-2.5e3", ".5"])
TRUTHS = st.booleans() | st.sampled_from([0, 1, "yes", "off", "T"])


def numbers_within(low: float | None, high: float | None) -> st.SearchStrategy[float | int | str]:
    return NUMBERS if low is None else st.floats(low, high)


@st.composite
def settings_of(draw: st.DrawFn, method: str, scopes: tuple[str, ...]) -> Settings:
    found = []
    for parameter in CONTRACTS[method].parameters:
        if parameter.scope not in scopes or not draw(st.booleans()):
            continue
        one = TRUTHS if parameter.kind == "bool" else numbers_within(parameter.low, parameter.high)
        value = one | st.lists(one, min_size=1, max_size=4).map(tuple)
        row = st.builds(Setting, value=value, filter=st.none() | NAMES)
        found.append((parameter.name, tuple(draw(st.lists(row, min_size=1, max_size=3)))))
    return tuple(sorted(found))


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    method = draw(st.sampled_from(sorted(CONTRACTS)))
    contract = CONTRACTS[method]
    own, shared = ("input", "part"), ("input", "part", "shared")
    count = draw(st.integers(contract.fewest, contract.most or 4))
    names = draw(st.lists(NAMES, min_size=count, max_size=count, unique=True))
    base = names[0] if contract.base == "required" else draw(st.none() | NAMES)
    types = st.none() | st.sampled_from(["float32", "bfloat16", "float16", "float64"])

    def lines(span: tuple[int, int] | None) -> tuple[Source, ...]:
        return tuple(
            Source(model=n, layer_range=span, parameters=draw(settings_of(method, own)))
            for n in names
        )

    models: tuple[Source, ...] = ()
    stack: list[Slice] = []
    if draw(st.booleans()):
        models = lines(None)
    else:
        starts = draw(st.lists(st.integers(0, 5), min_size=1, max_size=3))
        stack = [
            Slice(
                sources=lines((first, first + draw(st.integers(1, 3)))),
                base_model=draw(st.none() | st.just(names[0])),
                parameters=draw(settings_of(method, shared)),
            )
            for first in starts
        ]
    return Recipe(
        method=method,
        models=models,
        slices=tuple(stack),
        base_model=base,
        parameters=draw(settings_of(method, shared)),
        dtype=draw(types),
        out_dtype=draw(types),
        tokenizer_source=draw(st.none() | st.sampled_from(["union", "base", names[0]])),
    )


def written(recipe: Recipe) -> str:
    """Return a recipe in mergekit's grammar."""

    def block(settings: Settings) -> object:
        return {
            name: [
                {"value": list(s.value) if isinstance(s.value, tuple) else s.value}
                | ({} if s.filter is None else {"filter": s.filter})
                for s in rows
            ]
            for name, rows in settings
        }

    def line(source: Source) -> object:
        span = {} if source.layer_range is None else {"layer_range": list(source.layer_range)}
        return {"model": source.model, **span, "parameters": block(source.parameters)}

    def piece(part: Slice) -> object:
        return {
            "sources": [line(source) for source in part.sources],
            "base_model": part.base_model,
            "parameters": block(part.parameters),
        }

    value = {
        "merge_method": recipe.method,
        "models": [line(source) for source in recipe.models],
        "slices": [piece(part) for part in recipe.slices],
        "base_model": recipe.base_model,
        "parameters": block(recipe.parameters),
        "dtype": recipe.dtype and f"torch.{recipe.dtype}",
        "out_dtype": recipe.out_dtype,
        "tokenizer_source": recipe.tokenizer_source,
    }
    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False)


@settings(max_examples=40, deadline=None)
@given(recipes())
def test_any_recipe_written_as_yaml_reads_back_equal(recipe: Recipe) -> None:
    read = read_recipe(written(recipe), "r.yml")
    assert read.recipe == recipe
    assert read.recipe.canonical() == recipe.canonical()


def test_json_is_yaml() -> None:
    value = {"merge_method": "linear", "models": [{"model": "a", "parameters": {"weight": 1e-05}}]}
    source = read_recipe(json.dumps(value), "r.yml").recipe.models[0]
    assert source.parameters == (("weight", (Setting(value="1e-05"),)),)
