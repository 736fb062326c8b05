"""Who is in the result: copied tensors, heads of the last slice, order and names of models."""

import pytest
import torch

from evoreg.evolve.execution.adapted import Adapted
from evoreg.evolve.execution.device import Ahead
from evoreg.evolve.execution.reordered import Reordered, Table
from evoreg.evolve.methods.group import BLOCK
from evoreg.evolve.methods.values import Flat, Values, read_here
from evoreg.evolve.vocabulary.rows import Rows
from evoreg.provenance.records.errors import InputError
from tests.evolve.merging import Bench, normal, recipe, row

LAYER = "model.layers.{}.mlp.up_proj.weight"


def test_a_source_whose_bits_are_copied_is_used(bench: Bench) -> None:
    """Nothing is measured of float8 and of integers, but their makers are in the result."""
    tensors = {"w": normal(1, 4, 4).to(torch.float8_e4m3fn), "ids": torch.arange(4)}
    bench.model("a", tensors)
    assert bench.merge(recipe("passthrough", [row("a")])).share("a").used


def test_a_source_of_empty_tensors_is_not_used(bench: Bench) -> None:
    bench.model("a", {"ids": torch.zeros(0, dtype=torch.int64)})
    assert not bench.merge(recipe("passthrough", [row("a")])).share("a").used


def test_what_is_multiplied_by_zero_leaves_no_trace(bench: Bench) -> None:
    """Whichever source comes last in the order of adding up."""
    for name, seed in (("a", 1), ("b", 2), ("c", 3)):
        bench.model(name, {"w": normal(seed, 3000)})
    for idle in "abc":
        lines = [row(name, weight=0 if name == idle else 0.5) for name in "abc"]
        found = bench.merge(recipe("linear", lines)).share(idle)
        assert (found.used, found.alignment, found.groups) == (False, "0.000000000", ())


def stack(seed: int, *, tied: bool) -> dict[str, torch.Tensor]:
    found = {LAYER.format(n): normal(seed + n, 6, 4) for n in range(2)}
    found |= {
        "model.embed_tokens.weight": normal(seed + 5, 8, 4),
        "model.norm.weight": normal(9, 4),
    }
    return found if tied else found | {"lm_head.weight": normal(seed + 7, 8, 4)}


def slices(first: str, last: str) -> dict[str, object]:
    pieces = [
        {"sources": [{"model": first, "layer_range": [0, 1]}]},
        {"sources": [{"model": last, "layer_range": [1, 2]}]},
    ]
    return {"merge_method": "passthrough", "slices": pieces}


@pytest.mark.parametrize("first_tied", [False, True])
def test_slices_that_end_in_a_tied_model_get_its_head(bench: Bench, *, first_tied: bool) -> None:
    config = {"num_hidden_layers": 2, "vocab_size": 8}
    bench.model("a", stack(10, tied=first_tied), {**config, "tie_word_embeddings": first_tied})
    bench.model("b", stack(20, tied=True), {**config, "tie_word_embeddings": True})
    result = bench.merge(slices("a", "b"))
    got = result.tensors
    assert got["model.embed_tokens.weight"].equal(stack(10, tied=True)["model.embed_tokens.weight"])
    assert got["lm_head.weight"].equal(stack(20, tied=True)["model.embed_tokens.weight"])
    assert result.config["tie_word_embeddings"] is False
    assert any("lm_head.weight" in note for note in result.merged.census.partial)


def test_slices_of_one_tied_model_stay_tied(bench: Bench) -> None:
    config = {"num_hidden_layers": 2, "vocab_size": 8, "tie_word_embeddings": True}
    bench.model("a", stack(10, tied=True), config)
    result = bench.merge(slices("a", "a"))
    assert "lm_head.weight" not in result.tensors
    assert result.config["tie_word_embeddings"] is True


def test_stacks_that_are_called_layer_are_counted(bench: Bench) -> None:
    bench.model("a", {"layer.0.w": normal(1, 4), "blocks.0.w": normal(2, 4)})
    groups = bench.merge(recipe("passthrough", [row("a")])).share("a").groups
    assert len(groups) == 2


def test_a_tensor_name_beyond_all_measure_is_refused(bench: Bench) -> None:
    bench.model("a", {"a." * 600 + "w": normal(1, 4)})
    with pytest.raises(InputError, match="more than 1024 signs"):
        bench.plan(recipe("passthrough", [row("a")]))


def sources() -> list[Values]:
    size = BLOCK + 1000
    rows = Rows(tuple([0] * size), tuple(reversed(range(size))), {})
    left, right = normal(3, size, 2), normal(4, 2, 1)
    return [
        Flat(normal(1, size)),
        Reordered(rows, [Table(Flat(normal(2, size)), torch.float32)], 1),
        Adapted(normal(5, size, 1), left, right, 0.5),
    ]


@pytest.mark.parametrize("values", sources(), ids=lambda values: type(values).__name__)
def test_all_kinds_of_values_can_be_read_ahead(values: Values) -> None:
    assert values.count == BLOCK + 1000
    ahead = Ahead(torch.device("cpu"))
    for _ in range(2):
        for start in range(0, values.count, BLOCK):
            block = slice(start, min(start + BLOCK, values.count))
            assert ahead(values, block, torch.float32).equal(
                read_here(values, block, torch.float32)
            )
