"""Models that do not meet, numbers that are not finite, and types that differ."""

from typing import Any

import pytest
import torch

from evoreg.evolve.checkpoints.tensors import renumber
from evoreg.provenance.records.errors import Code, EvoregError, MergeError, RecipeError
from tests.evolve.merging import Bench, normal, recipe, row, same

PLAIN = recipe("passthrough", [row("a")])


def both(**more: Any) -> dict[str, Any]:
    return recipe("linear", [row("a", weight=0.5), row("b", weight=0.5)], **more)


def refused(bench: Bench, request: Any, kind: type[EvoregError] = MergeError) -> EvoregError:
    with pytest.raises(kind) as caught:
        bench.merge(request)
    return caught.value


# Models that do not meet


def test_every_missing_tensor_and_who_lacks_it_is_told(bench: Bench) -> None:
    bench.model("a", {"x": torch.ones(2), "y": torch.ones(2), "z": torch.ones(2)})
    bench.model("b", {"x": torch.ones(2), "only_b": torch.ones(1)})
    error = refused(bench, both())
    assert [(p.code, p.what) for p in error.problems] == [
        (Code.MERGE_MISSING_TENSOR, "the tensor only_b is missing in a"),
        (Code.MERGE_MISSING_TENSOR, "the tensor y is missing in b"),
        (Code.MERGE_MISSING_TENSOR, "the tensor z is missing in b"),
    ]


def test_every_shape_that_differs_is_told(bench: Bench) -> None:
    bench.model("a", {"x": torch.ones(2, 3), "y": torch.ones(4), "z": torch.ones(1)})
    bench.model("b", {"x": torch.ones(3, 2), "y": torch.ones(4, 1), "z": torch.ones(1)})
    error = refused(bench, both())
    assert [(p.code, p.where) for p in error.problems] == [
        (Code.MERGE_SHAPE, "x"),
        (Code.MERGE_SHAPE, "y"),
    ]
    assert "a [2, 3], b [3, 2]" in error.problems[0].what


def test_a_base_that_is_not_listed_takes_part_in_the_checks(bench: Bench) -> None:
    bench.model("a", {"x": torch.ones(2)})
    bench.model("base", {"x": torch.ones(3)})
    request = recipe("task_arithmetic", [row("a", weight=1)], "base")
    assert refused(bench, request).code == Code.MERGE_SHAPE


@pytest.mark.parametrize("end", [5, 10**9])
def test_a_layer_range_beyond_the_model_is_refused(end: int, llamas: Bench) -> None:
    source = {"model": "a", "layer_range": [3, end]}
    request = {"merge_method": "passthrough", "slices": [{"sources": [source]}]}
    error = refused(llamas, request, RecipeError)
    assert error.code == Code.RECIPE_LAYERS
    assert "beyond the 4 layers of a" in error.problems[0].what
    assert error.problems[0].hint == "end is at most 4"


def test_a_model_with_two_stacks_cannot_be_sliced(bench: Bench) -> None:
    bench.model("a", {"encoder.layers.0.w": torch.ones(1), "decoder.layers.0.w": torch.ones(1)})
    source = {"model": "a", "layer_range": [0, 1]}
    request = {"merge_method": "passthrough", "slices": [{"sources": [source]}]}
    assert refused(bench, request).code == Code.MERGE_ARCHITECTURE


def test_a_tensor_of_unknown_place_stops_stacking_but_not_merging(bench: Bench) -> None:
    bench.model("a", {"model.layers.0.w": torch.ones(1), "mystery": torch.ones(1)})
    source = {"model": "a", "layer_range": [0, 1]}
    error = refused(bench, {"merge_method": "passthrough", "slices": [{"sources": [source]}]})
    assert error.code == Code.MERGE_ARCHITECTURE
    assert "mystery" in error.problems[0].what
    assert sorted(bench.merge(PLAIN).tensors) == ["model.layers.0.w", "mystery"]


def test_layers_are_counted_and_renumbered() -> None:
    assert renumber("model.layers.10.mlp.experts.3.w", 2) == "model.layers.2.mlp.experts.3.w"


# Numbers


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("guilty", ["a", "b", "base"])
def test_numbers_that_are_not_finite_name_their_model(
    bad: float, guilty: str, bench: Bench
) -> None:
    for name in ("a", "b", "base"):
        tensor = normal(1, 10)
        tensor[7] = bad if name == guilty else 1.0
        bench.model(name, {"fine": torch.ones(1), "w": tensor})
    error = refused(bench, recipe("ties", [row("a", weight=1), row("b", weight=1)], "base"))
    assert (error.code, error.problems[0].where) == (Code.MERGE_NOT_FINITE, "w")
    assert error.problems[0].what == f"{guilty} holds NaN or infinite numbers"


def test_a_result_that_does_not_fit_its_type_is_refused(bench: Bench) -> None:
    bench.model("a", {"w": torch.tensor([40000.0, 1.0])})
    request = recipe("passthrough", [row("a", scale=2)], out_dtype="float16")
    error = refused(bench, request)
    assert error.code == Code.MERGE_NOT_FINITE
    assert "does not fit F16" in error.problems[0].what
    assert bench.merge({**request, "out_dtype": "bfloat16"}).only[0] == 79872.0  # 80000 rounded


@pytest.mark.parametrize("size", [1e25, 1e-30])
def test_very_large_and_very_small_numbers_have_shares_too(size: float, bench: Bench) -> None:
    """Their squares do not fit float32."""
    bench.model("a", {"w": torch.tensor([size, size])})
    bench.model("b", {"w": torch.tensor([size, -size])})
    result = bench.merge(both())
    assert result.effective("a") == result.effective("b") == 0.5
    assert float(result.share("a").alignment) == pytest.approx(0.5)


def test_quantised_weights_are_refused_and_buffers_are_copied(bench: Bench) -> None:
    ids = torch.arange(5)
    ints = torch.arange(4, dtype=torch.int8)
    for name in "ab":
        bench.model(name, {"ids": ids, "ok": torch.ones(1), "w": ints if name == "a" else ints + 1})
    error = refused(bench, both())
    assert (error.code, error.problems[0].where) == (Code.MERGE_BUFFER, "w")
    again = Bench(bench.root / "again")
    for name in "ab":
        again.model(name, {"ids": ids, "mask": ids > 2, "ok": torch.ones(1), "w": ints})
    result = again.merge(both())
    assert same(
        {k: v for k, v in result.tensors.items() if k != "ok"},
        {"ids": ids, "mask": ids > 2, "w": ints},
    )
    assert result.merged.census.copied == 3
    assert result.merged.census.tensors == 4
    assert result.merged.census.parameters == 15


@pytest.mark.parametrize(
    "other", [torch.arange(5, dtype=torch.int32), torch.arange(4), torch.ones(5)]
)
def test_buffers_of_different_types_or_shapes_are_refused(
    other: torch.Tensor, bench: Bench
) -> None:
    bench.model("a", {"ids": torch.arange(5)})
    bench.model("b", {"ids": other})
    error = refused(bench, both())
    assert (error.code, error.problems[0].where) == (Code.MERGE_DTYPE, "ids")


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (torch.bfloat16, torch.bfloat16, torch.bfloat16),
        (torch.bfloat16, torch.float16, torch.float32),
        (torch.bfloat16, torch.float32, torch.float32),
        (torch.float16, torch.float64, torch.float64),
    ],
)
def test_mixed_types_are_promoted_and_config_says_so(
    first: torch.dtype, second: torch.dtype, expected: torch.dtype, bench: Bench
) -> None:
    x = normal(1, 64).to(first)
    y = normal(2, 64).to(second)
    bench.model("a", {"w": x}, {"torch_dtype": "bfloat16"})
    bench.model("b", {"w": y}, {"torch_dtype": "float16"})
    result = bench.merge(both())
    assert result.only.dtype == expected
    mean = ((x.double() + y.double()) / 2).to(expected)
    torch.testing.assert_close(result.only, mean, rtol=2**-8 if first == second else 1e-6, atol=0)
    assert result.config == {"torch_dtype": str(expected).removeprefix("torch.")}


@pytest.mark.parametrize(
    ("dtype", "out_dtype", "expected"),
    [
        (None, "bfloat16", torch.bfloat16),
        ("float16", None, torch.float16),
        ("float64", "float32", torch.float32),
        ("torch.float32", "torch.bfloat16", torch.bfloat16),
        (None, None, torch.float32),
    ],
)
def test_the_type_to_write_is_out_dtype_then_dtype_then_the_inputs(
    dtype: str | None, out_dtype: str | None, expected: torch.dtype, bench: Bench
) -> None:
    x = normal(1, 64)
    bench.model("a", {"w": x}, {"dtype": "float32"})
    asked = {"dtype": dtype, "out_dtype": out_dtype}
    result = bench.merge({**PLAIN, **{key: value for key, value in asked.items() if value}})
    assert result.only.equal(x.to(expected))
    assert result.config["dtype"] == str(expected).removeprefix("torch.")


# Odd shapes and types


def test_empty_tensors_and_single_numbers_are_merged(bench: Bench) -> None:
    for place, name in enumerate("ab"):
        shapes = {"empty": (0,), "hollow": (3, 0, 2), "one": (), "row": (1, 4), "w": (2,)}
        tensors = {key: normal(10 * place + n, *s) for n, (key, s) in enumerate(shapes.items())}
        bench.model(name, tensors, {})
    left, right = (bench.merge(recipe("passthrough", [row(n)])).tensors for n in "ab")
    for method in ("linear", "ties", "slerp", "dare_ties", "della"):
        base = None if method == "linear" else "a"
        lines = [row("b", weight=1)] if base else [row("a", weight=1), row("b", weight=1)]
        more = {"t": 0.5} if method == "slerp" else {}
        if method == "slerp":
            lines = [{"model": "b"}]
        got = bench.merge(recipe(method, lines, base, more)).tensors
        assert {k: v.shape for k, v in got.items()} == {k: v.shape for k, v in left.items()}
        if method == "linear":
            for name, tensor in got.items():
                torch.testing.assert_close(tensor, (left[name] + right[name]) / 2)


@pytest.mark.parametrize("kind", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_float8_is_copied_alone_and_refused_in_company(kind: torch.dtype, bench: Bench) -> None:
    """What its numbers are scaled by lies in other tensors, which other programs know."""
    weight = normal(1, 4, 4).to(kind)
    for name in "ab":
        bench.model(name, {"scale": torch.ones(1), "w": weight}, {"torch_dtype": "x"})
    alone = bench.merge(recipe("passthrough", [row("a")]))
    assert alone.tensors["w"].view(torch.uint8).equal(weight.view(torch.uint8))
    error = refused(bench, both())
    assert [(p.code, p.where) for p in error.problems] == [(Code.MERGE_DTYPE, "w")]
    assert "bfloat16" in error.problems[0].hint


@pytest.mark.parametrize("place", ["x", "model.layers.0.x", "lm_head.x"])
def test_tensors_that_no_one_knows_are_merged_by_name(place: str, bench: Bench) -> None:
    for value, name in ((1.0, "a"), (3.0, "b")):
        bench.model(name, {place: torch.full((2,), value), "model.norm.weight": torch.ones(1)})
    assert bench.merge(both()).tensors[place].tolist() == [2.0, 2.0]


def test_a_float_buffer_beside_an_integer_one_is_refused(bench: Bench) -> None:
    bench.model("a", {"ids": torch.arange(3)})
    bench.model("b", {"ids": torch.arange(3).to(torch.bfloat16)})
    error = refused(bench, both())
    assert (error.code, error.problems[0].where) == (Code.MERGE_DTYPE, "ids")
    assert "BF16[3], I64[3]" in error.problems[0].what
