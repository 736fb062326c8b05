"""Reordered rows: every block is the part of the whole that it should be, whatever the blocks."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.evolve.execution.reordered import Reordered, Table
from evoreg.evolve.methods.values import Flat
from evoreg.evolve.vocabulary.owners import row_shares
from evoreg.evolve.vocabulary.rows import FILL, MEAN, ZERO, Rows


class Slow:
    """Values that can only be read in blocks, as those with an adapter."""

    def __init__(self, numbers: torch.Tensor) -> None:
        self.numbers = numbers

    @property
    def count(self) -> int:
        return self.numbers.numel()

    def block(self, block: slice) -> torch.Tensor:
        return self.numbers[block].clone()


def whole(rows: Rows, tensors: list[torch.Tensor]) -> torch.Tensor:
    """Return the reordered tensor, row by row, in float64."""
    made = torch.zeros(rows.count, tensors[0].shape[1], dtype=torch.float64)
    for row, owner in enumerate(rows.owner):
        if owner >= 0:
            made[row] = tensors[owner][rows.index[row]]
        elif owner == MEAN:
            made[row] = sum(tensors[p][i].double() for p, i in rows.donors[row]) / len(
                rows.donors[row]
            )
    known = [row for row, owner in enumerate(rows.owner) if owner != FILL]
    for row, owner in enumerate(rows.owner):
        if owner == FILL and known:
            made[row] = made[known].mean(dim=0)
    return made


@st.composite
def tables(draw: st.DrawFn) -> tuple[Rows, list[torch.Tensor]]:
    width = draw(st.integers(1, 3))
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    whole_numbers = [
        torch.arange(size * width, dtype=torch.float64).reshape(size, width) + 100 * place
        for place, size in enumerate(sizes)
    ]
    kinds = [draw(st.sampled_from([torch.float32, torch.bfloat16])) for _ in sizes]
    pairs = [(place, row) for place, size in enumerate(sizes) for row in range(size)]
    owner, index, donors = [], [], {}
    for row in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from(["own", "own", "own", "mean", "zero", "fill"]))
        place, at = draw(st.sampled_from(pairs))
        owner.append({"own": place, "mean": MEAN, "zero": ZERO, "fill": FILL}[kind])
        index.append(at if kind == "own" else 0)
        if kind == "mean":
            donors[row] = tuple(draw(st.permutations([(p, s - 1) for p, s in enumerate(sizes)])))
    tensors = [t.to(k) for t, k in zip(whole_numbers, kinds, strict=True)]
    return Rows(tuple(owner), tuple(index), donors), tensors


@settings(deadline=None)
@given(tables(), st.integers(1, 7), st.booleans())
def test_blocks_are_parts_of_the_whole(
    case: tuple[Rows, list[torch.Tensor]], step: int, slow: bool
) -> None:
    rows, tensors = case
    kind = Slow if slow else Flat
    inputs = [Table(kind(tensor.reshape(-1)), tensor.dtype) for tensor in tensors]
    values = Reordered(rows, inputs, tensors[0].shape[1])
    expected = whole(rows, tensors).reshape(-1)
    parts = [
        values.block(slice(i, min(i + step, len(expected)))) for i in range(0, len(expected), step)
    ]
    torch.testing.assert_close(torch.cat(parts).double(), expected, rtol=1e-6, atol=1e-5)
    assert values.block(slice(0, 0)).numel() == 0


@settings(deadline=None)
@given(tables())
def test_shares_of_a_row_sum_to_one_or_are_nobodys(
    case: tuple[Rows, list[torch.Tensor]],
) -> None:
    rows, tensors = case
    table = row_shares(rows, len(tensors))
    assert table.shape == (rows.count, len(tensors))
    some = any(owner >= 0 or owner == MEAN for owner in rows.owner)
    for row, owner in enumerate(rows.owner):
        empty = owner == ZERO or (owner == FILL and not some)
        assert table[row].sum() == pytest.approx(0.0 if empty else 1.0)
        if owner >= 0:
            assert table[row, owner] == 1.0


def test_rows_that_lie_side_by_side_are_not_copied() -> None:
    numbers = torch.arange(12, dtype=torch.bfloat16)
    values = Reordered(Rows((0, 0, 0), (1, 2, 3), {}), [Table(Flat(numbers), numbers.dtype)], 3)
    found = values.block(slice(3, 9))
    assert found.tolist() == [6, 7, 8, 9, 10, 11]
    assert found.data_ptr() == numbers[6:].data_ptr()


def test_exact_rows_keep_their_type_and_means_get_a_wider_one() -> None:
    narrow = torch.tensor([1.0, 1.0078125], dtype=torch.bfloat16)
    inputs = [Table(Flat(narrow), narrow.dtype), Table(Flat(narrow.double()), torch.float64)]
    assert (
        Reordered(Rows((0, ZERO), (1, 0), {}), inputs, 1).block(slice(0, 2)).dtype == narrow.dtype
    )
    mean = Rows((MEAN,), (0,), {0: ((0, 0), (0, 1))})
    assert Reordered(mean, inputs, 1).block(slice(0, 1)).tolist() == [1.00390625]
    wide = Reordered(Rows((0, 1), (0, 1), {}), inputs, 1).block(slice(0, 2))
    assert wide.dtype == torch.float64


@pytest.mark.parametrize("change", ["owner", "index", "fewer", "more"])
def test_unchanged_means_every_row_in_its_place(change: str) -> None:
    assert Rows((1, 1, 1), (0, 1, 2), {}).unchanged(1, 3)
    other = {
        "owner": Rows((1, 0, 1), (0, 1, 2), {}),
        "index": Rows((1, 1, 1), (0, 2, 1), {}),
        "fewer": Rows((1, 1), (0, 1), {}),
        "more": Rows((1, 1, 1, FILL), (0, 1, 2, 0), {}),
    }[change]
    assert not other.unchanged(1, 3)
