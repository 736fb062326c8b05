"""Models with different vocabularies: rows meet by token, and are counted for whom they are of."""

import json
from collections.abc import Mapping

import pytest
import torch
from tokenizers import Tokenizer

from evoreg.provenance.records.errors import Code, MergeError
from tests.evolve.merging import Bench, recipe, row
from tests.evolve.speaking import EMBED, HEAD, linear, rows_of, speaker, tokenizer


@pytest.fixture
def two(bench: Bench) -> Bench:
    """A bench with a (u, x, y) and b (u, y, x, new)."""
    speaker(bench, "a", {"u": 1, "x": 2, "y": 3})
    speaker(bench, "b", {"u": 10, "y": 30, "x": 20, "new": 40})
    return bench


def test_different_vocabularies_are_refused_unless_a_tokenizer_is_chosen(two: Bench) -> None:
    with pytest.raises(MergeError) as caught:
        two.merge(linear("a", "b"))
    assert {p.code for p in caught.value.problems} == {Code.MERGE_SHAPE}
    assert "tokenizer_source" in caught.value.problems[0].hint


def test_a_union_merges_rows_by_token(two: Bench) -> None:
    result = two.merge(linear("a", "b", tokenizer_source="union"))
    assert rows_of(result.tensors[EMBED]) == [5.5, 11.0, 16.5, 40.0]
    assert rows_of(result.tensors[HEAD]) == [55.0, 110.0, 165.0, 400.0]
    assert result.config["vocab_size"] == 4
    made = Tokenizer.from_file(str(result.folder / "tokenizer.json"))
    assert made.get_vocab() == {"u": 0, "x": 1, "y": 2, "new": 3}


def test_the_base_keeps_its_ids_and_the_others_follow_in_recipe_order(bench: Bench) -> None:
    speaker(bench, "a", {"u": 1, "a2": 2, "a1": 3})
    speaker(bench, "b", {"b2": 4, "u": 5, "b1": 6})
    speaker(bench, "c", {"u": 7, "c1": 8, "b1": 9})
    expected = {
        (("a", "b", "c"), None): ["u", "a2", "a1", "b2", "b1", "c1"],
        (("a", "c", "b"), None): ["u", "a2", "a1", "c1", "b1", "b2"],
        (("a", "c", "b"), "b"): ["b2", "u", "b1", "a2", "a1", "c1"],
    }
    for (names, base), tokens in expected.items():
        more = {"base_model": base} if base else {}
        result = bench.merge(linear(*names, tokenizer_source="union", **more))
        made = Tokenizer.from_file(str(result.folder / "tokenizer.json"))
        assert sorted(made.get_vocab(), key=made.get_vocab().__getitem__) == tokens


def test_the_settings_of_added_tokens_come_along(bench: Bench) -> None:
    speaker(bench, "a", {"u": 1})
    speaker(bench, "b", {"u": 1, "<s>": 2, "w": 3}, added={"<s>": True, "w": False})
    result = bench.merge(linear("a", "b", tokenizer_source="union"))
    value = json.loads((result.folder / "tokenizer.json").read_text())
    assert [(t["id"], t["content"], t["special"]) for t in value["added_tokens"]] == [
        (1, "<s>", True),
        (2, "w", False),
    ]


@pytest.mark.parametrize(
    ("source", "base", "tokens"),
    [
        ("base", None, "u x y"),
        ("base", "b", "u y x new"),
        ("a", "b", "u x y"),
        ("b", None, "u y x new"),
    ],
)
def test_one_models_tokenizer_can_be_kept(
    source: str, base: str | None, tokens: str, two: Bench
) -> None:
    more = {"base_model": base} if base else {}
    result = two.merge(linear("a", "b", tokenizer_source=source, **more))
    made = Tokenizer.from_file(str(result.folder / "tokenizer.json"))
    names = tokens.split()
    assert made.get_vocab() == {token: i for i, token in enumerate(names)}
    mean = {"u": 5.5, "x": 11.0, "y": 16.5, "new": 40.0}
    assert rows_of(result.tensors[EMBED]) == [mean[token] for token in names]
    assert result.config["vocab_size"] == len(names)


def test_a_model_may_give_its_tokenizer_alone(two: Bench) -> None:
    speaker(two, "c", {"y": 7, "u": 8})
    result = two.merge(linear("a", "b", tokenizer_source="c"))
    assert rows_of(result.tensors[EMBED]) == [16.5, 5.5]
    made = Tokenizer.from_file(str(result.folder / "tokenizer.json"))
    assert made.get_vocab() == {"y": 0, "u": 1}
    assert result.config["vocab_size"] == 2
    assert (result.effective("c"), result.share("c").nominal) == (0.0, "0.000000000")


def test_a_tokenizer_with_tokens_that_no_model_knows_is_refused(two: Bench) -> None:
    speaker(two, "c", {"u": 7, "strange": 8})
    with pytest.raises(MergeError) as caught:
        two.merge(linear("a", "b", tokenizer_source="c"))
    assert caught.value.code == Code.MERGE_VOCABULARY
    assert "no merged model has a row for the tokens 'strange'" in caught.value.problems[0].what


def test_a_token_of_several_models_is_a_mean_for_the_one_that_lacks_it(bench: Bench) -> None:
    speaker(bench, "base", {"u": 1})
    speaker(bench, "b", {"u": 2, "n": 4})
    speaker(bench, "c", {"u": 3, "n": 8})
    lines = [row("b", weight=1), row("c", weight=1)]
    # The base lacks n: its row is the mean 6, the differences are -2 and +2.
    result = bench.merge(recipe("task_arithmetic", lines, "base", tokenizer_source="union"))
    assert rows_of(result.tensors[EMBED]) == [1 + 1 + 2, 6 - 2 + 2]
    result = bench.merge(
        recipe("linear", [row("base", weight=2), *lines], tokenizer_source="union")
    )
    assert rows_of(result.tensors[EMBED])[1] == (2 * 6 + 4 + 8) / 4
    # Weights 1/2, 1/4, 1/4. Row u gives base 0.5, b 0.5, c 0.75; row n: the base's 3 is half b's
    # and half c's mean, b's own is 1, c's own 2.
    b = float(next(g for g in result.share("b").groups if g.group == "head").effective)
    assert b == pytest.approx((0.5 + 1.5 + 1) / 7.75)


def test_the_bases_row_stands_in_before_a_mean(bench: Bench) -> None:
    speaker(bench, "base", {"u": 1, "n": 2})
    speaker(bench, "b", {"u": 5, "n": 4})
    speaker(bench, "c", {"u": 9})
    lines = [row("b", weight=1), row("c", weight=1)]
    result = bench.merge(recipe("task_arithmetic", lines, "base", tokenizer_source="union"))
    assert rows_of(result.tensors[EMBED]) == [1 + 4 + 8, 2 + 2 + 0]


def test_rows_are_counted_for_their_owner(bench: Bench) -> None:
    speaker(bench, "a", {"u": 1})
    speaker(bench, "b", {"u": 1, "n": 3})
    request = recipe("linear", [row("a", weight=1), row("b", weight=1)], tokenizer_source="union")
    groups = {g.group: float(g.effective) for g in bench.merge(request).share("b").groups}
    # |u| is shared half and half; the row of n is b's alone, also where it stands in for a's.
    assert groups["embeddings"] == pytest.approx((0.5 + 3) / 4)
    assert groups["head"] == pytest.approx((0.5 + 3) / 4)
    assert groups["norm"] == 0.5


def test_a_model_whose_rows_stand_in_is_used_whatever_its_weight(bench: Bench) -> None:
    speaker(bench, "a", {"u": 1})
    speaker(bench, "b", {"u": 1, "n": 3})
    lines = [row("a", weight=1), row("b", weight=0)]
    result = bench.merge(recipe("linear", lines, tokenizer_source="union"))
    assert rows_of(result.tensors[EMBED]) == [1.0, 3.0]
    assert result.share("b").used
    assert result.effective("b") > 0


@pytest.mark.parametrize("method", ["task_arithmetic", "ties", "dare_linear"])
def test_rows_that_are_lent_to_the_base_are_used_whatever_the_weight(
    method: str, bench: Bench
) -> None:
    """The rows of b are in the result, so its licence counts: it must not be told as unused."""
    speaker(bench, "base", {"u": 1})
    speaker(bench, "b", {"u": 2, "n": 3})
    lines = [row("b", weight=0)]
    result = bench.merge(recipe(method, lines, "base", tokenizer_source="union"))
    assert rows_of(result.tensors[EMBED]) == [1.0, 3.0]
    assert result.share("b").used


def test_a_mean_does_not_depend_on_the_order_of_the_models(bench: Bench) -> None:
    """Summed in recipe order, three float32 numbers give different bits."""
    speaker(bench, "base", {"u": 1, "n": 1})
    values = {"b": 0.1, "c": 1e7, "d": -1e7 + 0.3, "e": 0.7}
    for name, value in values.items():
        speaker(bench, name, {"u": 1, "n": value})
    speaker(bench, "f", {"u": 1})
    found = set()
    for order in ("bcdef", "edcbf", "fcbde", "dfbec"):
        lines = [row(name, weight=float(name == "f")) for name in order]  # the mean alone
        result = bench.merge(recipe("linear", lines, "base", tokenizer_source="base"))
        found.add(tuple(result.tensors[EMBED].reshape(-1).tolist()))
    assert len(found) == 1


def test_rows_beyond_the_tokens_are_dropped(bench: Bench) -> None:
    """Many models pad their embedding: vocab_size counts rows that no token has."""
    speaker(bench, "a", {"u": 1, "x": 2}, extra=[7, 7])
    speaker(bench, "b", {"u": 3, "x": 4})
    result = bench.merge(linear("a", "b", tokenizer_source="base"))
    assert rows_of(result.tensors[EMBED]) == [2.0, 3.0]
    assert result.config["vocab_size"] == 2


@pytest.mark.parametrize("size", [2, 5])
def test_vocab_size_is_the_number_of_rows_or_the_merge_is_refused(size: int, bench: Bench) -> None:
    """Here config.json does not tell the number of rows."""
    speaker(bench, "a", {"u": 1, "x": 2, "y": 3}, config={"vocab_size": size})
    speaker(bench, "b", {"u": 1, "x": 2, "y": 3}, config={"vocab_size": size})
    try:
        result = bench.merge(linear("a", "b", tokenizer_source="union"))
    except MergeError as error:
        assert error.code in (Code.MERGE_VOCABULARY, Code.MERGE_SHAPE)  # noqa: PT017
    else:
        assert result.config["vocab_size"] == result.tensors[EMBED].shape[0]


@pytest.mark.parametrize("name", ["output.weight", "shared.weight", "transformer.tokens.weight"])
def test_a_token_table_of_another_name_is_reordered_or_refused(name: str, bench: Bench) -> None:
    """It has a row for each token; merged row by row it would mix the rows of different tokens."""
    for model, tokens, table in (("a", "ux", [1.0, 2.0]), ("b", "xu", [4.0, 3.0])):
        column = torch.tensor(table).reshape(2, 1)
        bench.model(
            model,
            {EMBED: column, name: column.clone(), "model.norm.weight": torch.ones(1)},
            {"vocab_size": 2, "tie_word_embeddings": False},
            {"tokenizer.json": tokenizer(tokens)},
        )
    try:
        result = bench.merge(linear("a", "b", tokenizer_source="union"))
    except MergeError:
        return
    assert rows_of(result.tensors[EMBED]) == [2.0, 3.0]
    assert rows_of(result.tensors[name]) == [2.0, 3.0]


def test_tokens_without_a_row_leave_the_kept_tokenizer_too(bench: Bench) -> None:
    """Without vocab_size only the tensor tells how many rows there are."""
    for name in "ab":
        tensors = {EMBED: torch.ones(2, 3), HEAD: torch.ones(2, 3)}
        bench.model(name, tensors, {}, {"tokenizer.json": tokenizer(["u", "x", "y"])})
    result = bench.merge(linear("a", "b", tokenizer_source="union"))
    made = Tokenizer.from_file(str(result.folder / "tokenizer.json"))
    assert made.get_vocab() == {"u": 0, "x": 1}
    assert result.tensors[EMBED].shape == (2, 3)


def test_tokens_without_a_row_are_left_out(bench: Bench) -> None:
    speaker(bench, "a", {"u": 1, "x": 2})
    folder = bench.root / "b"
    speaker(bench, "b", {"u": 3, "x": 4})
    (folder / "tokenizer.json").write_bytes(tokenizer(["u", "x", "rowless"]))
    result = bench.merge(linear("a", "b", tokenizer_source="union"))
    made = Tokenizer.from_file(str(result.folder / "tokenizer.json"))
    assert made.get_vocab() == {"u": 0, "x": 1}
    assert result.tensors[EMBED].shape == (2, 3)


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff", b'{"model": 5}'])
def test_a_tokenizer_that_cannot_be_read_is_refused(content: bytes | None, two: Bench) -> None:
    path = two.root / "b" / "tokenizer.json"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(MergeError) as caught:
        two.merge(linear("a", "b", tokenizer_source="union"))
    assert caught.value.code == Code.MERGE_VOCABULARY
    told = " that can be read: " if content is not None else ""
    assert caught.value.problems[0].what.startswith(f"b has no tokenizer.json{told}")


def gap(bench: Bench, name: str, ids: Mapping[str, int]) -> None:
    """Give a model other ids."""
    path = bench.root / name / "tokenizer.json"
    value = json.loads(path.read_text())
    value["model"]["vocab"] = dict(ids)
    path.write_text(json.dumps(value))


def test_a_gap_among_the_ids_is_kept_with_the_row_of_the_kept_model(two: Bench) -> None:
    gap(two, "a", {"u": 0, "x": 2})
    result = two.merge(linear("a", "b", tokenizer_source="base"))
    # b has a token in row 1, so that its row there means something else.
    assert rows_of(result.tensors[EMBED]) == [5.5, 2.0, (3 + 20) / 2]
    assert result.config["vocab_size"] == 3
    gap(two, "b", {"u": 0, "x": 2})
    result = two.merge(linear("a", "b", tokenizer_source="base"))
    assert rows_of(result.tensors[EMBED]) == [5.5, (2 + 30) / 2, (3 + 20) / 2]


def test_a_union_adds_tokens_behind_a_gap(two: Bench) -> None:
    gap(two, "a", {"u": 0, "x": 2})
    result = two.merge(linear("a", "b", tokenizer_source="union"))
    made = Tokenizer.from_file(str(result.folder / "tokenizer.json"))
    assert made.get_vocab() == {"u": 0, "x": 2, "y": 3, "new": 4}
    assert rows_of(result.tensors[EMBED]) == [5.5, 2.0, (3 + 20) / 2, 30.0, 40.0]


def test_a_gap_of_a_model_that_is_not_merged_is_filled_with_the_mean(two: Bench) -> None:
    speaker(two, "c", {"u": 7, "x": 8, "y": 9})
    gap(two, "c", {"u": 0, "x": 2})
    result = two.merge(linear("a", "b", tokenizer_source="c"))
    # Row 1 is padding to a and b (a token of theirs has it), so each takes the mean of its others.
    assert rows_of(result.tensors[EMBED]) == [5.5, ((1 + 2) / 2 + (10 + 20) / 2) / 2, 11.0]


def test_two_tokens_in_one_row_are_refused_in_the_kept_tokenizer_alone(two: Bench) -> None:
    gap(two, "b", {"u": 0, "y": 1, "x": 1, "new": 3})
    result = two.merge(linear("a", "b", tokenizer_source="base"))
    assert rows_of(result.tensors[EMBED]) == [5.5, (2 + 30) / 2, (3 + 30) / 2]
    gap(two, "a", {"u": 0, "y": 1, "x": 1})
    with pytest.raises(MergeError) as caught:
        two.merge(linear("a", "b", tokenizer_source="base"))
    assert caught.value.problems[0].what == "the tokens 'x' and 'y' of a share the row 1"


def test_rows_of_half_precision_are_copied_exactly(bench: Bench) -> None:
    speaker(bench, "a", {"u": 1, "x": 2}, kind=torch.bfloat16)
    speaker(bench, "b", {"x": 4, "u": 3, "n": 0.1}, kind=torch.bfloat16)
    lines = [row("a", weight=0), row("b", weight=1)]
    result = bench.merge(recipe("linear", lines, tokenizer_source="union"))
    assert result.tensors[EMBED].dtype == torch.bfloat16
    expected = torch.tensor([3.0, 4.0, 0.1], dtype=torch.bfloat16)
    assert result.tensors[EMBED][:, 0].equal(expected)


def test_types_that_differ_meet_in_float32(bench: Bench) -> None:
    speaker(bench, "a", {"u": 1, "x": 2}, kind=torch.bfloat16)
    speaker(bench, "b", {"x": 0.1, "u": 3, "n": 70000.0})
    result = bench.merge(linear("a", "b", tokenizer_source="union"))
    assert result.tensors[EMBED].dtype == torch.float32
    torch.testing.assert_close(result.tensors[EMBED][:, 0], torch.tensor([2.0, 1.05, 70000.0]))


def test_tied_and_untied_models_meet_by_token_too(bench: Bench) -> None:
    tied = {"tie_word_embeddings": True, "vocab_size": 2}
    tensors = {EMBED: torch.tensor([[1.0], [2.0]]), "model.norm.weight": torch.ones(1)}
    bench.model("t", tensors, tied, {"tokenizer.json": tokenizer(["u", "x"])})
    untied = {"tie_word_embeddings": False, "vocab_size": 3}
    tensors = {
        EMBED: torch.tensor([[4.0], [3.0], [5.0]]),
        HEAD: torch.tensor([[40.0], [30.0], [50.0]]),
        "model.norm.weight": torch.ones(1),
    }
    bench.model("v", tensors, untied, {"tokenizer.json": tokenizer(["x", "u", "n"])})
    result = bench.merge(linear("t", "v", tokenizer_source="union"))
    assert rows_of(result.tensors[EMBED]) == [2.0, 3.0, 5.0]
    assert rows_of(result.tensors[HEAD]) == [15.5, 21.0, 50.0]
    assert result.config == {"tie_word_embeddings": False, "vocab_size": 3, "dtype": "float32"}
