"""YAML that is broken, hostile or merely odd: it is read, or refused with a `RecipeError`."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evoreg.evolve.recipes import marked
from evoreg.evolve.recipes.contracts import CONTRACTS, Parameter
from evoreg.evolve.recipes.read import read_recipe
from evoreg.provenance.records import marked as reading
from evoreg.provenance.records.errors import Code, Problem, RecipeError
from evoreg.provenance.records.recipe import (
    Module,
    Recipe,
    Scalar,
    Setting,
    Settings,
    Slice,
    Source,
)

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


# Limits

PARSERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]
NESTED = [
    "a: " + "[" * 50 + "]" * 50,
    "a: " + "[" * 1500,
    "a: " + "{b: " * 1500,
    "a:\n" + ("- " * 20 + "1\n") * 5000,
    "? " * 1500,
    "\n".join(" " * depth + "a:" for depth in range(700)),
]
MANY = [
    "a: [" + "1," * 130_000 + "]",
    "a: [" + "{}," * 80_000 + "]",
    "models: [" + "0," * 10_000 + "]",
    "x: &a 1\ny: [" + "*a," * 80_000 + "]",
    "".join(f"k{number}: \n" for number in range(20_000)),
]
LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)
)


@pytest.fixture(params=PARSERS, ids=lambda parser: parser.__name__)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type:
    """Read with this parser, as where libyaml is there and where it is not."""
    monkeypatch.setattr(reading, "PARSER", request.param)
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def events(parser: type, monkeypatch: pytest.MonkeyPatch) -> list[yaml.Event]:
    """Collect the events that are looked at, and fail if anything is built from them."""
    seen: list[yaml.Event] = []

    class Watched(parser):  # type: ignore[misc]
        def get_event(self) -> yaml.Event:
            seen.append(super().get_event())
            return seen[-1]

        def get_single_node(self) -> None:
            pytest.fail("nodes were built")

    monkeypatch.setattr(reading, "PARSER", Watched)
    return seen


@pytest.mark.parametrize("text", NESTED)
def test_deep_nesting_is_refused_before_anything_is_built(
    events: list[yaml.Event], text: str
) -> None:
    problem = problem_of(text)
    assert (problem.code, problem.what) == (
        Code.RECIPE_SYNTAX,
        "the recipe is nested too deeply or has too many values",
    )
    assert problem.where.startswith("r.yml:")
    assert "20 levels" in problem.hint
    assert len(events) < 100


@pytest.mark.parametrize("text", MANY)
def test_many_values_are_refused_before_anything_is_built(
    events: list[yaml.Event], text: str
) -> None:
    problem = problem_of(text)
    assert problem.code == Code.RECIPE_SYNTAX
    assert problem.where.startswith("r.yml:")
    assert "10000 keys and values" in problem.hint
    assert sum(isinstance(event, yaml.NodeEvent) for event in events) == 10_001


def test_the_limits_are_where_they_are_said_to_be(parser: type) -> None:
    levels = "merge_method: linear\na: " + "[" * 20 + "]" * 20
    assert problem_of(levels).code == Code.RECIPE_UNKNOWN_KEY
    assert problem_of(levels.replace("[]", "[[]]")).where == "r.yml:2:24"
    values = "a: [" + "0," * 9_997 + "]"
    assert problem_of(values).code == Code.RECIPE_UNKNOWN_KEY
    assert problem_of(values.replace("[", "[0,")).where == "r.yml:1:19999"
    size = LINEAR % 1 + "#"
    full = size + "x" * (2**18 - len(size))
    assert read_recipe(full, "r.yml").recipe.method == "linear"
    assert problem_of(full + "x").what == "the recipe is larger than 256 KiB"
    assert problem_of("a: " + "ü" * 2**17).what == "the recipe is larger than 256 KiB"


@pytest.mark.parametrize("text", ["&a [*a]", "&a {merge_method: linear, models: *a}", LAUGHS])
def test_aliases_do_not_explode(parser: type, text: str) -> None:
    assert problem_of(text).code == Code.RECIPE_SYNTAX


def test_many_directives_are_refused_before_parsing(events: list[yaml.Event]) -> None:
    text = "".join(f"%TAG !{number}! x\n" for number in range(10_000)) + "---\na: 1\n"
    problem = problem_of(text)
    assert (problem.where, problem.what) == ("r.yml:21:1", "too many directives")
    assert events == []


def test_many_documents_are_refused_at_the_second(events: list[yaml.Event]) -> None:
    problem = problem_of("---\n" * 10_000)
    assert (problem.code, problem.where) == (Code.RECIPE_UNSUPPORTED, "r.yml:2:1")
    assert len(events) < 10


def test_the_digits_of_a_long_number_are_not_computed(parser: type) -> None:
    """In YAML 1.1 1:1:1 is a number to base 60; its digits would cost quadratic time."""
    problem = problem_of(LINEAR % ("1" + ":1" * 100_000))
    assert (problem.what, problem.where) == ("this number is too long", "r.yml:2:42")


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-5", "1e-5"), ("1.0e-5", 1e-5), ("yes", True), ("0x10", 16), ("010", 8), ("~", None),
     ("1_000", 1000), ("'1:30'", "1:30"), ("!!str 1:30", "1:30"), ("!!float 2", 2.0), ("on", True),
     ("a:b", "a:b")],
)  # fmt: skip
def test_each_parser_reads_the_same_values_at_the_same_place(
    parser: type, text: str, value: Scalar | None
) -> None:
    leaf = marked.load_marked(f"a: &x\n  é: {text}\nb: *x\n", "r.yml").pairs["b"]
    assert isinstance(leaf, marked.Table)
    assert leaf.pairs["é"] == marked.Leaf(marked.Mark("r.yml", 2, 6), value)


@pytest.mark.parametrize("value", ["1:30", "-1:30", "1:30.5", "190:20:30", "!!int '1:30'"])
def test_a_number_to_base_60_is_refused(parser: type, value: str) -> None:
    problem = problem_of(LINEAR % value)
    assert (problem.code, problem.where) == (Code.RECIPE_SYNTAX, "r.yml:2:42")
    assert "base 60" in problem.what
    assert "quotes" in problem.hint


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


def values_of(parameter: Parameter) -> st.SearchStrategy[Any]:
    """Return values that a parameter may have."""
    if parameter.kind == "bool":
        return TRUTHS
    if parameter.kind == "int":
        return st.integers(0, 100) | st.sampled_from(["7", 3.0])
    low, high = parameter.low, parameter.high
    return NUMBERS if low is None else st.floats(low, 100 if high is None else high)


@st.composite
def settings_of(draw: st.DrawFn, method: str, scopes: tuple[str, ...]) -> Settings:
    found = []
    for parameter in CONTRACTS[method].parameters:
        if parameter.scope not in scopes or not draw(st.booleans()):
            continue
        one = values_of(parameter)
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
    optional = contract.base == "optional" and draw(st.booleans())
    count += optional  # a base that is there is one model more
    names = draw(st.lists(NAMES, min_size=count, max_size=count, unique=True))
    base = names[0] if optional or contract.base == "required" else None
    if contract.base == "ignored":
        base = draw(st.none() | NAMES)
    own_base = st.none() if base is None and contract.base == "optional" else st.just(names[0])
    types = st.none() | st.sampled_from(["float32", "bfloat16", "float16", "float64"])

    def lines(span: tuple[int, int] | None) -> tuple[Source, ...]:
        return tuple(
            Source(model=n, layer_range=span, parameters=draw(settings_of(method, own)))
            for n in names
        )

    def pieces() -> tuple[Slice, ...]:
        starts = draw(st.lists(st.integers(0, 5), min_size=1, max_size=3))
        return tuple(
            Slice(
                sources=lines((first, first + draw(st.integers(1, 3)))),
                base_model=draw(st.none() | own_base),
                parameters=draw(settings_of(method, shared)),
            )
            for first in starts
        )

    def part(name: str) -> Module:
        flat = draw(st.booleans())
        return Module(
            name=name,
            models=lines(None) if flat else (),
            slices=() if flat else pieces(),
            parameters=draw(settings_of(method, shared)),
        )

    form = draw(st.sampled_from(["models", "slices", "modules"]))
    labels = draw(st.lists(NAMES, min_size=1, max_size=2, unique=True))
    return Recipe(
        method=method,
        models=lines(None) if form == "models" else (),
        slices=pieces() if form == "slices" else (),
        modules=tuple(part(name) for name in labels) if form == "modules" else (),
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

    def module(part: Module) -> object:
        return {
            "models": [line(source) for source in part.models],
            "slices": [piece(inner) for inner in part.slices],
            "parameters": block(part.parameters),
        }

    value = {
        "merge_method": recipe.method,
        "modules": {part.name: module(part) for part in recipe.modules},
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
