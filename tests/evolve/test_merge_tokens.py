"""Single tokens, padding and borrowed rows: each row has the right numbers and the right owner."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.provenance.records.errors import Code, InputError, MergeError
from tests.evolve.merging import Bench, recipe, row
from tests.evolve.speaking import (
    EMBED,
    HEAD,
    linear,
    rows_of,
    speaker,
    table,
    tokenizer,
    vocabulary,
)


@pytest.fixture
def three(bench: Bench) -> Bench:
    """A bench with a (u, x, y), b (u, y, x, new) and c (u, x, only)."""
    speaker(bench, "a", {"u": 1, "x": 2, "y": 3})
    speaker(bench, "b", {"u": 10, "y": 30, "x": 20, "new": 40})
    speaker(bench, "c", {"u": 100, "x": 200, "only": 300})
    return bench


def said(tokens: dict[str, Any], source: str = "union", **more: Any) -> dict[str, Any]:
    return linear("a", "b", tokenizer={"source": source, "tokens": tokens, **more})


def of(model: str, **which: Any) -> dict[str, Any]:
    return {"kind": "model_token", "model": model, **which}


# Each row: what the recipe says of one token; the row that the average of a and b gets for it.
WORDS: list[tuple[str, dict[str, Any], float]] = [
    ("new", {"source": {"kind": "zero"}}, (0 + 40) / 2),
    ("new", {"source": {"kind": "zero"}, "force": True}, 0),
    ("new", {"source": "b"}, 40),
    ("new", {"source": of("a", token="x")}, (2 + 40) / 2),
    ("new", {"source": of("b", token="y")}, (30 + 40) / 2),
    ("new", {"source": of("b", token="y"), "force": True}, 30),
    ("new", {"source": of("c", token="only")}, (300 + 40) / 2),
    ("new", {"source": of("c", token_id=2), "force": True}, 300),
    ("new", {}, 40),
    ("x", {"source": "c"}, (2 + 20) / 2),
    ("x", {"source": "c", "force": True}, 200),
    ("x", {"source": "a", "force": True}, 2),
    ("x", {}, 11),
    ("only", {"source": "c"}, 300),
    ("fresh", {"source": {"kind": "zero"}}, 0),
    ("fresh", {"source": of("b", token_id=0)}, 10),
]


@pytest.mark.parametrize(("token", "words", "expected"), WORDS)
def test_a_row_comes_from_where_the_recipe_says(
    token: str, words: dict[str, Any], expected: float, three: Bench
) -> None:
    result = three.merge(said({token: words}))
    ids = vocabulary(result)
    usual = {"u": 5.5, "x": 11.0, "y": 16.5, "new": 40.0, token: expected}
    assert list(ids) == list(usual)  # what the recipe alone names comes last
    assert rows_of(result.tensors[EMBED]) == list(usual.values())
    assert rows_of(result.tensors[HEAD]) == [10 * value for value in usual.values()]
    assert result.config["vocab_size"] == len(usual)


def test_tokens_are_added_in_the_order_of_the_recipe_and_texts_may_be_anything(
    three: Bench,
) -> None:
    texts = ["../../etc/passwd", "\x1b[31m", "\u202e", " ", "123", "true", "ü\n"]
    result = three.merge(said({text: {"source": {"kind": "zero"}} for text in texts}, "base"))
    assert list(vocabulary(result)) == ["u", "x", "y", *texts]
    assert rows_of(result.tensors[EMBED])[3:] == [0.0] * len(texts)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({}, "no merged model knows the token 'fresh', and the recipe gives it no source"),
        (None, "no merged model knows the token 'fresh', and the recipe gives it no source"),
        ({"source": "c"}, "c has no row for 'fresh', the source of 'fresh'"),
        ({"source": of("c", token="y")}, "c has no row for 'y', the source of 'fresh'"),
        ({"source": of("c", token_id=3)}, "c has 3 rows and no token_id 3"),
    ],
)
def test_a_source_that_lacks_the_row_is_found_while_planning(
    words: dict[str, Any] | None, told: str, three: Bench
) -> None:
    with pytest.raises(MergeError) as caught:
        three.plan(said({"fresh": words}))
    (problem,) = caught.value.problems
    assert (problem.code, problem.what) == (Code.MERGE_VOCABULARY, told)
    assert problem.hint


def test_all_tokens_without_a_source_are_told_at_once(three: Bench) -> None:
    with pytest.raises(MergeError) as caught:
        three.plan(said({"p": {}, "q": {"source": of("c", token_id=9)}, "x": {}}))
    assert len(caught.value.problems) == 2


def test_a_lender_of_another_width_or_without_tables_is_refused(three: Bench) -> None:
    file = {"tokenizer.json": tokenizer(["u"])}
    three.model("wide", {EMBED: torch.ones(1, 4), HEAD: torch.ones(1, 4)}, {}, file)
    three.model("none", {"model.norm.weight": torch.ones(3)}, {}, file)
    for name, code in (("wide", Code.MERGE_SHAPE), ("none", Code.MERGE_VOCABULARY)):
        with pytest.raises(MergeError) as caught:
            three.plan(said({"fresh": {"source": of(name, token="u")}}))
        assert caught.value.code == code
        assert name in caught.value.problems[0].what


# Shares ---------------------------------------------------------------------------------------


def embedding_shares(result: Any) -> dict[str, float]:
    found = {}
    for share in result.merged.contributions:
        groups = {group.group: float(group.effective) for group in share.groups}
        found[share.reference] = groups.get("embeddings", 0.0)
    return found


def test_a_row_of_a_model_that_is_not_merged_counts_for_it(three: Bench) -> None:
    result = three.merge(said({"fresh": {"source": of("c", token="only")}}, "base"))
    # u: 0.5 + 5, x: 1 + 10, y: 1.5 + 15 of a and b; fresh: 150 in the place of each, all c's.
    whole = 33 + 300
    assert embedding_shares(result) == pytest.approx(
        {"a": 3 / whole, "b": 30 / whole, "c": 300 / whole}
    )
    assert result.share("c").used
    assert result.share("c").nominal == "0.000000000"
    assert sum(float(c.effective) for c in result.merged.contributions) == pytest.approx(1)


def test_a_forced_row_counts_for_its_owner_alone(three: Bench) -> None:
    words = {token: {"source": "c", "force": True} for token in "ux"}
    result = three.merge(said({**words, "y": {"source": {"kind": "zero"}, "force": True}}, "base"))
    assert rows_of(result.tensors[EMBED]) == [100.0, 200.0, 0.0]
    assert embedding_shares(result) == {"a": 0.0, "b": 0.0, "c": 1.0}


def test_a_model_whose_lent_row_is_not_needed_is_unused(three: Bench) -> None:
    result = three.merge(said({"x": {"source": "c"}}, "base"))
    assert not result.share("c").used
    assert result.effective("c") == 0.0


def test_rows_of_zeros_count_for_nobody(three: Bench) -> None:
    result = three.merge(said({"new": {"source": {"kind": "zero"}}}))
    # In row new a's half is zeros that are nobody's; b's is 20.
    assert embedding_shares(result) == pytest.approx({"a": 3 / 53, "b": 50 / 53})


def test_padding_counts_as_the_rows_that_it_is_the_mean_of(three: Bench) -> None:
    result = three.merge(linear("a", "b", tokenizer={"source": "union", "pad_to_multiple_of": 8}))
    # a's rows with b's new: 1, 2, 3, 40; of the mean one quarter is b's, three quarters are a's.
    mean_a, mean_b = 46 / 4, 100 / 4
    a = (1 + 2 + 3) + 4 * mean_a * 3 / 4
    b = 40 + (10 + 20 + 30 + 40) + 4 * mean_b + 4 * mean_a / 4
    assert embedding_shares(result) == pytest.approx({"a": a / (a + b), "b": b / (a + b)})


def test_the_base_lends_and_borrows_in_methods_with_differences(three: Bench) -> None:
    lines = [row("b", weight=0.5), row("c", weight=0.5)]
    words = {"x": {"source": "c"}, "q": {"source": {"kind": "zero"}}}
    wanted = {"source": "union", "tokens": words}
    result = three.merge(recipe("task_arithmetic", lines, "a", tokenizer=wanted))
    assert list(vocabulary(result)) == ["u", "x", "y", "new", "only", "q"]
    # y: c lacks it and takes the base's 3; new is b's, only is c's in all three.
    expected = [1 + 4.5 + 49.5, 2 + 9 + 99, 3 + 13.5 + 0, 40, 300, 0]
    assert rows_of(result.tensors[EMBED]) == expected


# Padding and sizes ----------------------------------------------------------------------------


@pytest.mark.parametrize(("step", "rows"), [(1, 4), (2, 4), (3, 6), (4, 4), (64, 64)])
def test_padding_is_the_mean_of_all_rows(step: int, rows: int, three: Bench) -> None:
    request = linear("a", "b", tokenizer={"source": "union", "pad_to_multiple_of": step})
    result = three.merge(request)
    got = rows_of(result.tensors[EMBED])
    mean = round(((1 + 2 + 3 + 40) / 4 + (10 + 20 + 30 + 40) / 4) / 2, 6)
    assert got == [5.5, 11.0, 16.5, 40.0] + [mean] * (rows - 4)
    assert result.config["vocab_size"] == rows
    assert len(vocabulary(result)) == 4


def test_a_padded_checkpoint_loses_its_padding_unless_some_is_asked_for(bench: Bench) -> None:
    """Embeddings are often padded: vocab_size counts rows that no token has."""
    speaker(bench, "a", {"u": 1, "x": 2}, extra=[7, 7])
    speaker(bench, "b", {"u": 3, "x": 4, "n": 5}, extra=[9])
    for source, tokens in (("base", ["u", "x"]), ("union", ["u", "x", "n"])):
        result = bench.merge(linear("a", "b", tokenizer_source=source))
        assert list(vocabulary(result)) == tokens
        assert rows_of(result.tensors[EMBED]) == [2.0, 3.0, 5.0][: len(tokens)]
        assert result.config["vocab_size"] == len(tokens)
        request = linear("a", "b", tokenizer={"source": source, "pad_to_multiple_of": 4})
        assert bench.merge(request).config["vocab_size"] == 4


def test_equal_vocabularies_keep_tables_that_are_not_known(bench: Bench) -> None:
    """Nothing is reordered, so nothing can be mixed up."""
    for name, value in (("a", 1.0), ("b", 3.0)):
        tensors = {EMBED: table([value] * 2), "encoder.tokens.weight": table([value] * 2)}
        bench.model(name, tensors, {"vocab_size": 2}, {"tokenizer.json": tokenizer(["u", "x"])})
    result = bench.merge(linear("a", "b", tokenizer_source="base"))
    assert rows_of(result.tensors["encoder.tokens.weight"]) == [2.0, 2.0]


def test_the_bias_of_a_head_is_reordered_too(bench: Bench) -> None:
    for name, tokens, values in (("a", "ux", [1.0, 2.0]), ("b", "xun", [4.0, 3.0, 5.0])):
        tensors = {EMBED: table(values), HEAD: table(values), "lm_head.bias": torch.tensor(values)}
        facts = {"vocab_size": len(values), "tie_word_embeddings": False}
        bench.model(name, tensors, facts, {"tokenizer.json": tokenizer(tokens)})
    wanted = {"tokens": {"n": {"source": of("a", token="u")}}, "pad_to_multiple_of": 4}
    result = bench.merge(linear("a", "b", tokenizer=wanted))
    expected = [2.0, 3.0, (1 + 5) / 2, ((1 + 2 + 1) / 3 + (3 + 4 + 5) / 3) / 2]
    assert result.tensors["lm_head.bias"].tolist() == pytest.approx(expected)
    assert rows_of(result.tensors[HEAD]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", ["final_logits_bias", "cls.predictions.bias"])
def test_a_bias_of_another_name_is_refused(name: str, bench: Bench) -> None:
    for model, tokens in (("a", "ux"), ("b", "xu")):
        tensors = {EMBED: table([1, 2]), name: torch.ones(1, 2)}
        bench.model(model, tensors, {"vocab_size": 2}, {"tokenizer.json": tokenizer(tokens)})
    with pytest.raises(MergeError) as caught:
        bench.plan(linear("a", "b", tokenizer_source="union"))
    assert f"{name} may have a row for each token" in caught.value.problems[0].what


def test_a_table_of_integers_cannot_be_reordered(bench: Bench) -> None:
    for model, tokens in (("a", "ux"), ("b", "xu")):
        tensors = {EMBED: torch.ones(2, 3, dtype=torch.int8)}
        bench.model(model, tensors, {"vocab_size": 2}, {"tokenizer.json": tokenizer(tokens)})
    with pytest.raises(MergeError) as caught:
        bench.plan(linear("a", "b", tokenizer_source="union"))
    assert "its type is I8" in caught.value.problems[0].what


def test_tied_models_borrow_from_untied_ones_and_the_other_way(bench: Bench) -> None:
    file = {"tokenizer.json": tokenizer(["u", "x"])}
    for name, value in (("s", 1.0), ("t", 3.0)):
        bench.model(name, {EMBED: table([value, 2 * value])}, {"tie_word_embeddings": True}, file)
    speaker(bench, "v", {"u": 5, "n": 7})
    words: dict[str, Any] = {"n": {"source": "v"}}
    tied = bench.merge(linear("s", "t", tokenizer={"source": "base", "tokens": words}))
    assert set(tied.tensors) == {EMBED}
    assert rows_of(tied.tensors[EMBED]) == [2.0, 4.0, 7.0]
    speaker(bench, "w", {"u": 5, "n": 9})
    words = {"n": {"source": of("t", token="x"), "force": True}}
    untied = bench.merge(linear("v", "w", tokenizer={"tokens": words}))
    assert rows_of(untied.tensors[EMBED]) == [5.0, 6.0]
    assert rows_of(untied.tensors[HEAD]) == [50.0, 6.0]  # a tied embedding is the head


def test_a_language_model_under_a_prefix_has_its_vocabulary_in_text_config(bench: Bench) -> None:
    def text(count: int) -> dict[str, Any]:
        inner = {"vocab_size": count, "tie_word_embeddings": False}
        return {"text_config": inner}

    kind: dict[str, Any] = {
        "prefix": "language_model.",
        "without": ["vocab_size", "tie_word_embeddings"],
    }
    speaker(bench, "a", {"u": 1, "x": 2}, config=text(2), **kind)
    speaker(bench, "b", {"x": 4, "u": 3, "n": 5}, config=text(3), **kind)
    speaker(bench, "plain", {"u": 7, "q": 8})
    words = {"q": {"source": "plain"}}
    result = bench.merge(linear("a", "b", tokenizer={"tokens": words, "pad_to_multiple_of": 2}))
    assert rows_of(result.tensors[f"language_model.{EMBED}"]) == [2.0, 3.0, 5.0, 8.0]
    assert rows_of(result.tensors[f"language_model.{HEAD}"]) == [20.0, 30.0, 50.0, 80.0]
    assert result.config["text_config"]["vocab_size"] == 4
    assert "vocab_size" not in result.config


# Hostile tokenizers ---------------------------------------------------------------------------


def test_huge_ids_have_no_row(bench: Bench) -> None:
    for name in "ab":
        speaker(bench, name, {"u": 1, "x": 2})
    path = bench.root / "b" / "tokenizer.json"
    value = json.loads(path.read_text())
    value["model"]["vocab"] = {"u": 0, "x": 1, "far": 2**32 - 1}
    path.write_text(json.dumps(value))
    for names in ("ab", "ba"):
        result = bench.merge(linear(*names, tokenizer_source="union"))
        assert vocabulary(result) == {"u": 0, "x": 1}


def test_a_deeply_nested_tokenizer_is_refused(bench: Bench) -> None:
    for name in "ab":
        speaker(bench, name, {"u": 1})
    (bench.root / "b" / "tokenizer.json").write_text("[" * 100_000)
    with pytest.raises(MergeError) as caught:
        bench.plan(linear("a", "b", tokenizer_source="union"))
    assert caught.value.code == Code.MERGE_VOCABULARY


def test_a_model_without_the_form_that_is_read_is_refused_with_the_way_to_it(bench: Bench) -> None:
    for name in "ab":
        speaker(bench, name, {"u": 1}, files={"tokenizer.model": b"\x0a"})
    (bench.root / "b" / "tokenizer.json").unlink()
    with pytest.raises(MergeError) as caught:
        bench.plan(linear("a", "b", tokenizer_source="union"))
    (problem,) = caught.value.problems
    assert problem.what == "b has no tokenizer.json, only tokenizer.model"
    assert "save_pretrained" in problem.hint


def mutated(draw: st.DrawFn, value: Any) -> Any:
    """Return a JSON value with something in it replaced."""
    strange: st.SearchStrategy[Any] = st.sampled_from(
        [None, -1, 2**40, "", "\ud800", [], {}, True, 1e308, "u"]
    )
    if isinstance(value, dict) and value and draw(st.booleans()):
        key = draw(st.sampled_from(sorted(value)))
        return {**value, key: mutated(draw, value[key])}
    if isinstance(value, list) and value and draw(st.booleans()):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], mutated(draw, value[place]), *value[place + 1 :]]
    return draw(strange)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_broken_tokenizer_is_a_clear_error_or_a_right_merge(data: st.DataObject) -> None:
    facts = json.loads(tokenizer(["u", "x", "y"], {"<s>": True}))
    more = {
        "added_tokens_decoder": {"3": {"content": "<s>"}},
        "pad_token": "y",
        "chat_template": "a",
    }
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        files = {
            "tokenizer.json": json.dumps(data.draw(st.composite(mutated)(facts))).encode(),
            "tokenizer_config.json": json.dumps(data.draw(st.composite(mutated)(more))).encode(),
        }
        speaker(bench, "a", {"u": 1, "x": 2, "y": 3, "<s>": 4}, files=files)
        speaker(bench, "b", {"u": 1, "n": 2})
        names = data.draw(st.permutations(["a", "b"]))
        try:
            result = bench.merge(linear(*names, tokenizer_source="union", chat_template="chatml"))
        except (MergeError, InputError) as error:
            told = error.problems
        else:
            told = ()
            rows = result.tensors[EMBED].shape[0]
            assert rows == result.config["vocab_size"] == max(vocabulary(result).values()) + 1
    assert all(problem.what for problem in told)
