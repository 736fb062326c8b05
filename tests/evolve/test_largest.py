"""The exact choice of the k largest magnitudes."""

import math
import struct
from collections.abc import Iterable, Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.evolve.methods.largest import largest, patterns
from tests.evolve.merging import normal

Blocks = Iterable[tuple[slice, torch.Tensor]]


def chosen(values: torch.Tensor, count: int, size: int) -> list[int]:
    """Return the indices that are taken, walking in blocks of `size`."""

    def blocks() -> Iterator[tuple[slice, torch.Tensor]]:
        for start in range(0, values.numel(), size):
            block = slice(start, min(start + size, values.numel()))
            yield block, values[block]

    threshold = largest(blocks, count, values.dtype)
    masks = [threshold.mask(block, part) for block, part in blocks()]
    taken: list[int] = torch.cat(masks).nonzero().flatten().tolist()
    return taken


def expected(values: torch.Tensor, count: int) -> list[int]:
    """Sort by magnitude, then by index: of equal magnitudes the later one goes first."""
    form = "<fI" if values.dtype == torch.float32 else "<dQ"
    bits = [
        struct.unpack(f"<{form[2]}", struct.pack(f"<{form[1]}", abs(v)))[0] for v in values.tolist()
    ]
    order = sorted(range(len(bits)), key=lambda index: (bits[index], index), reverse=True)
    return sorted(order[:count])


SPECIAL = [0.0, -0.0, 1e-45, -1e-45, 1e-40, 1.0, -1.0, math.inf, -math.inf, 3.4e38, 1e-320]


@settings(max_examples=150, deadline=None)
@given(
    values=st.lists(
        st.one_of(st.sampled_from(SPECIAL), st.floats(allow_nan=False)), min_size=1, max_size=40
    ),
    kind=st.sampled_from([torch.float32, torch.float64]),
    size=st.integers(1, 50),
    data=st.data(),
)
def test_it_takes_exactly_the_first_k_of_a_sorted_list(
    values: list[float], kind: torch.dtype, size: int, data: st.DataObject
) -> None:
    tensor = torch.tensor(values, dtype=torch.float64).to(kind)
    count = data.draw(st.integers(1, len(values)))
    taken = chosen(tensor, count, size)
    assert len(taken) == count
    assert taken == expected(tensor, count)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_it_is_torchs_top_k_when_no_magnitudes_are_equal(kind: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(1)
    sizes = (torch.randperm(5000, generator=generator).to(kind) + 1) / 7
    values = torch.where(torch.rand(5000, generator=generator) < 0.5, sizes, -sizes)
    assert len(set(values.abs().tolist())) == 5000
    for count in (1, 2, 499, 2500, 4999, 5000):
        top = sorted(values.abs().topk(count).indices.tolist())
        assert chosen(values, count, 512) == top


def test_numbers_that_differ_in_the_last_bit_are_told_apart() -> None:
    one = torch.tensor(1.0)
    values = torch.stack([one, torch.nextafter(one, 2 * one), one, torch.nextafter(one, 0 * one)])
    assert chosen(values, 1, 4) == [1]
    assert chosen(values, 2, 4) == [1, 2]
    assert chosen(values, 3, 4) == [0, 1, 2]
    fine = torch.tensor([1.0, 1.0 + 2**-52, 1.0 - 2**-53], dtype=torch.float64)
    assert chosen(fine, 1, 2) == [1]
    assert chosen(fine, 2, 2) == [0, 1]


def test_of_equal_magnitudes_the_highest_indices_are_taken() -> None:
    values = torch.tensor([2.0, -2.0, 3.0, 2.0, -2.0, 1.0])
    assert chosen(values, 2, 6) == [2, 4]
    assert chosen(values, 3, 1) == [2, 3, 4]
    assert chosen(torch.zeros(9), 4, 2) == [5, 6, 7, 8]


def test_patterns_order_like_magnitudes() -> None:
    values = normal(3, 1000).abs().sort().values
    assert bool((patterns(values).diff() >= 0).all())
    assert patterns(torch.tensor([-0.0])).tolist() == [0]
    assert patterns(torch.tensor([-1.0], dtype=torch.float64)).dtype == torch.int64


@pytest.mark.parametrize("count", [1, 300_000, 599_999])
def test_many_blocks(count: int) -> None:
    values = normal(5, 600_000).to(torch.bfloat16).float()  # many equal magnitudes
    taken = torch.tensor(chosen(values, count, 2**18))
    assert taken.numel() == count
    left = torch.ones(600_000, dtype=torch.bool)
    left[taken] = False
    assert values[taken].abs().min() >= values[left].abs().max()
