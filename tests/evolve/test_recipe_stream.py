"""Files of several recipes: which uses which, which is last, and what is refused."""

import random
from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoreg.evolve.recipes.read import read_recipe
from evoreg.evolve.recipes.stream import Stream, read_stream
from evoreg.provenance.records.errors import Code, Problem, RecipeError


def linear(name: str | None, *models: str, rest: str = "") -> str:
    head = "" if name is None else f"name: {name}\n"
    lines = "".join(f"- {{model: {model}, parameters: {{weight: 1}}}}\n" for model in models)
    return f"{head}merge_method: linear\nmodels:\n{lines}{rest}"


def read(*documents: str, lenient: bool = False) -> Stream:
    return read_stream("---\n".join(documents), "r.yml", lenient=lenient)


def names(stream: Stream) -> list[str]:
    return [stage.name for stage in stream.stages]


def problems(*documents: str, lenient: bool = False) -> tuple[Problem, ...]:
    with pytest.raises(RecipeError) as caught:
        read(*documents, lenient=lenient)
    return caught.value.problems


def only(*documents: str) -> Problem:
    (problem,) = problems(*documents)
    return problem


CHAIN = (linear("one", "a", "b"), linear("two", "one", "c"), linear(None, "two", "d"))
DIAMOND = (
    linear("root", "a", "b"),
    linear("left", "root", "c"),
    linear("right", "root", "d"),
    linear(None, "left", "right"),
)


def test_a_chain_and_a_diamond() -> None:
    stream = read(*CHAIN)
    assert names(stream) == ["one", "two", ""]
    assert [stage.uses for stage in stream.stages] == [(), ("one",), ("two",)]
    assert stream.leaves == ("a", "b", "c", "d")
    diamond = read(*DIAMOND)
    assert names(diamond) == ["root", "left", "right", ""]
    left, final = diamond.stages[1], diamond.final
    assert [stage.name for stage in diamond.below(left)] == ["root"]
    assert [stage.name for stage in diamond.below(final)] == ["root", "left", "right"]


@pytest.mark.parametrize("seed", range(5))
def test_the_order_in_the_file_does_not_matter(seed: int) -> None:
    documents = list(DIAMOND)
    random.Random(seed).shuffle(documents)
    found = names(read(*documents))
    assert found[0] == "root"
    assert set(found[1:3]) == {"left", "right"}
    assert found[3] == ""


def test_places_are_those_in_the_whole_file() -> None:
    stream = read(*CHAIN)
    assert str(stream.places["one"]) == "r.yml:10:11"
    assert str(stream.places["d"]) == "r.yml:16:11"
    assert [stage.number for stage in stream.stages] == [0, 1, 2]
    assert stream.documents == 3


def test_all_may_be_named_if_one_is_used_by_no_other() -> None:
    assert names(read(linear("top", "low", "a"), linear("low", "b", "c"))) == ["low", "top"]
    problem = only(linear("x", "a", "b"), linear("y", "c", "d"))
    assert problem.code == Code.RECIPE_STRUCTURE
    assert "'x' (r.yml:1:7), 'y' (r.yml:7:7)" in problem.what
    assert "leave the name" in problem.hint


def test_one_document_is_read_as_ever() -> None:
    """Its name may be anything; a reference equal to it is still a model."""
    text = linear("'./what ever/'", "a", "b")
    stream = read(text)
    assert stream.final.read == read_recipe(text, "r.yml")
    assert (stream.final.name, stream.final.uses, stream.documents) == ("", (), 1)
    assert read(linear("a", "a", "b")).final.uses == ()


@pytest.mark.parametrize("empty", ["", "# nothing\n", "null\n", "~\n"])
def test_empty_documents_do_not_count(empty: str) -> None:
    assert names(read(linear(None, "a", "b"), empty)) == [""]
    assert names(read(empty, *CHAIN, empty)) == ["one", "two", ""]


# Names are looked for in references alone


def test_a_name_may_be_that_of_a_method_or_a_key() -> None:
    stream = read(
        linear("linear", "a", "b"), linear("models", "linear", "c"), linear(None, "models")
    )
    assert names(stream) == ["linear", "models", ""]
    assert [stage.read.recipe.method for stage in stream.stages] == ["linear"] * 3


def test_a_name_in_another_place_is_no_reference() -> None:
    filtered = (
        "merge_method: linear\nmodels:\n- model: a\n- model: one\n"
        "parameters:\n  weight:\n  - {filter: one, value: 1}\n  - value: 2\n"
    )
    (setting, _) = read(linear("one", "b"), filtered).final.read.recipe.parameters[0][1]
    assert setting.filter == "one"
    problem = only(linear("one", "b"), filtered.replace("model: one", "model: two"))
    assert "'one' is not used" in problem.what


def test_base_and_tokenizer_are_references() -> None:
    rest = "base_model: one\ntokenizer_source: two\n"
    last = linear(None, "a", rest=rest).replace("linear", "task_arithmetic")
    stream = read(linear("two", "c"), linear("one", "b"), last)
    assert stream.final.uses == ("one", "two")
    assert stream.leaves == ("c", "b", "a")


def test_words_of_the_tokenizer_stay_words() -> None:
    last = linear(None, "a", rest="tokenizer_source: union\n")
    assert "'union' is not used" in only(linear("union", "b"), last).what


# What is refused


def test_circles_are_told_with_their_path() -> None:
    own = only(linear("one", "one", "a"), linear(None, "one"))
    assert (own.what, own.where) == ("the recipe 'one' needs its own result", "r.yml:4:11")
    circle = only(
        linear("x", "z", "a"),
        linear("y", "x"),
        linear("z", "y"),
        linear("s", "q"),
        linear(None, "z", "s"),
    )
    assert circle.what == "the recipes need one another: x -> z -> y -> x"
    assert circle.where == "r.yml:4:11"
    assert "need one another" in only(linear("x", "y"), linear("y", "x")).what


def test_names_are_given_once() -> None:
    problem = only(linear("x", "a"), linear("x", "b"), linear(None, "x"))
    assert (problem.where, "r.yml:1:7" in problem.what) == ("r.yml:6:7", True)
    unnamed = only(linear("x", "a"), linear(None, "x"), linear(None, "x"))
    assert (unnamed.where, "r.yml:6:1" in unnamed.what) == ("r.yml:10:1", True)


@pytest.mark.parametrize(
    "name",
    ["a/b", "./a", "../a", "/a", "'~'", "a+b", "a@b", "''", "' a'", ".a", "a.", "a\\b", "7", "true",
     "1.5", "[a]", "{a: b}", '"a\\0"', '"a\\u202e"', '"a\\nb"', "x" * 81],
)  # fmt: skip
def test_names_are_plain(name: str) -> None:
    found = problems(linear(name, "b"), linear(None, "c"))
    assert found[0].code == Code.RECIPE_STRUCTURE
    assert "not a plain name" in found[0].what
    assert found[0].where.startswith("r.yml:1:")


@pytest.mark.parametrize("name", ["数学", "v1.2 final", "a_b-c", "x" * 80])
def test_plain_names_are_taken(name: str) -> None:
    assert names(read(linear(name, "b"), linear(None, f"'{name}'"))) == [name, ""]


def test_an_unused_recipe_is_refused_or_left_out() -> None:
    documents = (linear("first", "a"), linear("spare", "b"), linear(None, "frist", "first"))
    problem = only(*documents)
    assert (problem.what, problem.where) == (
        "the result of the recipe 'spare' is not used",
        "r.yml:6:7",
    )
    assert "did you mean 'frist'?" in only(linear("first", "a"), linear(None, "frist")).hint
    stream = read(*documents, lenient=True)
    assert names(stream) == ["first", ""]
    assert stream.documents == 3
    (warning,) = stream.warnings
    assert warning.what == f"{problem.what}; it is not made"


def test_an_adapter_on_a_result_is_refused() -> None:
    found = problems(linear("one", "a"), linear(None, "one", "one+./lora"))
    assert [problem.code for problem in found] == [Code.RECIPE_UNSUPPORTED]
    assert found[0].where == "r.yml:9:11"


def test_the_problems_of_all_documents_are_told_together() -> None:
    found = problems(
        linear("x y z/", "a").replace("linear", "liner"),
        linear("two", "a").replace("weight", "wieght"),
        linear(None, "two", rest="colour: red\n"),
    )
    assert [problem.code for problem in found] == [
        Code.RECIPE_STRUCTURE,
        Code.RECIPE_METHOD,
        Code.RECIPE_UNKNOWN_KEY,
        Code.RECIPE_UNKNOWN_KEY,
    ]
    assert [problem.where.split(":")[1] for problem in found] == ["1", "2", "9", "14"]


# Hostile files


def test_the_limits_are_for_the_whole_file() -> None:
    many = [linear(f"n{number}", "a") for number in range(99)]
    uses = linear(None, *(f"n{number}" for number in range(99)))
    assert len(read(*many, uses).stages) == 100
    more = only(*many, linear("n99", "a"), uses)
    assert more.what == "the file holds more than 100 recipes"
    values = "a: [" + "0," * 6000 + "]\n"
    assert "too many values" in only(values, values).what
    large = "#" + "x" * 2**17 + "\n"
    assert only(linear("x", "a") + large, linear(None, "x") + large).what.endswith("256 KiB")
    assert "more than 100" in only("---\n" * 10_000).what


@pytest.mark.parametrize(
    "text",
    [
        "a: &x 1\n---\nb: *x\n",
        "a: 1\n---\n- b\n",
        "a: 1\n--- b\n",
        "a: &a [*a]\n---\nb: 1\n",
        "merge_method: linear\n---\n{" * 50,
        "a: 1\n--- |\n x\n---\n\0",
        "a: 1\n---\n%YAML 9.9\n---\nb\n",
    ],
)
def test_broken_streams_are_syntax_errors(text: str) -> None:
    assert only(text).code == Code.RECIPE_SYNTAX


@given(st.text("abn-: \n{}[]&*#|'\"%~1", max_size=80), st.booleans())
def test_whatever_the_text_it_is_read_or_refused(text: str, lenient: bool) -> None:
    with suppress(RecipeError):
        stream = read_stream(f"{CHAIN[0]}---\n{text}\n---\n{CHAIN[1]}", "r.yml", lenient=lenient)
        assert "one" in names(stream)


@given(st.data())
def test_each_recipe_comes_after_those_that_it_uses(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 8))
    uses: list[Sequence[int]] = [
        data.draw(st.lists(st.integers(0, number - 1), unique=True, max_size=3)) if number else []
        for number in range(count)
    ]
    documents = [
        linear(f"n{number}", f"m{number}", *(f"n{other}" for other in used))
        for number, used in enumerate(uses)
    ]
    last = linear(None, *(f"n{number}" for number in range(count)))
    order = data.draw(st.permutations([*documents, last]))
    stream = read(*order)
    seen: set[str] = set()
    for stage in stream.stages:
        assert set(stage.uses) <= seen
        seen.add(stage.name)
    assert stream.final.name == ""
    assert sorted(stream.leaves) == sorted(f"m{number}" for number in range(count))
