"""Bringing numbers to where the work is done; the way to a graphics card, tried here."""

import platform
from dataclasses import dataclass, field

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.evolve.execution.device import Ahead, reader
from evoreg.evolve.execution.memory import keep_blocks, read_ahead
from evoreg.evolve.methods.group import BLOCK
from evoreg.evolve.methods.values import Flat, read_here
from tests.evolve.merging import normal

HERE = torch.device("cpu")


@dataclass
class Counted:
    """Values that remember which blocks were asked for."""

    numbers: torch.Tensor
    asked: list[tuple[int, int]] = field(default_factory=list)

    @property
    def count(self) -> int:
        return self.numbers.numel()

    def block(self, block: slice) -> torch.Tensor:
        found = self.numbers[block]
        self.asked.append((block.start, block.start + found.numel()))
        return found


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from([torch.float32, torch.bfloat16, torch.float64, torch.float16]),
    work=st.sampled_from([torch.float32, torch.float64]),
    asked=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 900), st.integers(0, 100)), max_size=12
    ),
)
def test_any_blocks_in_any_order_are_the_same_as_read_here(
    kind: torch.dtype, work: torch.dtype, asked: list[tuple[int, int, int]]
) -> None:
    ahead = Ahead(HERE, most_lanes=2)
    sources = [Flat(normal(seed, 1000).to(kind)) for seed in range(3)]
    for place, start, size in asked:
        block = slice(start, start + size)
        got = ahead(sources[place], block, work)
        assert got.dtype == work
        assert got.equal(read_here(sources[place], block, work))


def test_the_next_block_is_read_once_and_ahead() -> None:
    values = Counted(normal(1, 3 * BLOCK - 5))
    ahead = Ahead(HERE)
    first = ahead(values, slice(0, BLOCK), torch.float32)
    assert values.asked == [(0, BLOCK), (BLOCK, 2 * BLOCK)]
    first.zero_()  # the caller may write to what it got
    for start in (BLOCK, 2 * BLOCK):
        block = slice(start, min(start + BLOCK, values.numbers.numel()))
        assert ahead(values, block, torch.float32).equal(values.numbers[block])
    assert values.asked[2:] == [(2 * BLOCK, 3 * BLOCK - 5)]


def test_a_second_pass_begins_again() -> None:
    values = Flat(normal(2, 2 * BLOCK))
    ahead = Ahead(HERE)
    for _ in range(2):
        for start in (0, BLOCK):
            block = slice(start, start + BLOCK)
            assert ahead(values, block, torch.float32).equal(values.numbers[block])


def test_reading_here_always_copies() -> None:
    """The rounding of sums may depend on addresses, and those of mapped files on their layout."""
    numbers = normal(3, 64)
    got = read_here(Flat(numbers), slice(3, 60), torch.float32)
    got.zero_()
    assert bool(numbers.any())
    assert got.data_ptr() % 64 == 0


def test_the_processor_needs_no_preparation() -> None:
    with reader("cpu") as read:
        assert read is read_here


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a graphics card")
def test_a_graphics_card_gives_the_same_numbers() -> None:
    values = Flat(normal(4, 3 * BLOCK + 7).bfloat16())
    with reader("cuda:0") as read:
        for start in range(0, values.numbers.numel(), BLOCK):
            block = slice(start, min(start + BLOCK, values.numbers.numel()))
            got = read(values, block, torch.float32)
            assert got.device.type == "cuda"
            assert got.cpu().equal(values.numbers[block].float())


def test_hints_change_no_numbers() -> None:
    numbers = normal(5, 10_000)
    before = numbers.clone()
    assert keep_blocks() is (platform.libc_ver()[0] == "glibc")
    read_ahead(numbers[3:])
    read_ahead(numbers[:0])
    assert numbers.equal(before)
