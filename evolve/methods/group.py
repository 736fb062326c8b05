"""What a merge method sees and what it gives back, for one output tensor.

Every method is linear in its sources once its masks and angles are known, so it gives back
coefficients: out = b + sum_i c_i (x_i - b) for methods that work on differences from a base b, and
out = sum_i c_i x_i for the others. The executor applies the coefficients and measures the
shares from them; a method cannot change a weight without being counted.
"""

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch

from evoreg.evolve.methods.memory import FORGETFUL, Found, Memory
from evoreg.evolve.methods.values import Reader, Values, read_here
from evoreg.provenance.records.digest import Digest

BLOCK = 2**18
"""Elements that are worked on at a time: a few blocks of float32 fit the second-level cache.

A multiple of 16, so that each block starts on a counter of the random generator.
"""


@dataclass(frozen=True)
class Operand:
    """One source of an output tensor."""

    identity: Digest
    """Identity of the model's weights; keys its random masks."""
    name: str
    """Name of the tensor in the source; keys its random masks."""
    values: Values
    """The weights."""
    parameters: Mapping[str, float | bool]
    """The parameters of this source for this tensor."""

    def number(self, name: str) -> float:
        """Return a parameter as a number."""
        return float(self.parameters[name])


@dataclass(frozen=True)
class Group:
    """The sources of one output tensor, in the order in which they are added up."""

    base: Values | None
    """The base; nothing for methods that do not work on differences."""
    parts: tuple[Operand, ...]
    """At least one source."""
    parameters: Mapping[str, float | bool]
    """The shared parameters for this tensor."""
    seed: int
    """Seed of random masks."""
    work: torch.dtype
    """float32, or float64 if an input or the recipe says so."""
    shape: tuple[int, ...]
    """Sizes of the axes of the tensor."""
    read: Reader = read_here
    """Brings the numbers to where the work is done."""
    memory: Memory = FORGETFUL
    """Keeps what is found out about the numbers."""

    def recall(
        self,
        about: Sequence[Operand],
        key: tuple[Hashable, ...],
        make: Callable[[], Found],
        size: int = 256,
    ) -> Found:
        """Return what is to be found out about some parts, made now or kept from before.

        Args:
            about: The parts, in the order that matters; base and shape count by themselves.
            key: What it is, and every setting that decides it.
            make: Finds it out.
            size: Bytes that it takes.

        Returns:
            What `make` returns.
        """
        if not self.memory.lasting:
            return make()
        # A memory that lasts is given the same objects each time, and holds on to them.
        numbers = (id(self.base), *(id(part.values) for part in about))
        return self.memory.recall((*key, self.work, self.shape, *numbers), make, size)

    @property
    def columns(self) -> int:
        """Length of a row: size of the last axis; 1 for a single number."""
        return self.shape[-1] if self.shape else 1

    @property
    def elements(self) -> int:
        """Number of values of the tensor."""
        return math.prod(self.shape)

    def blocks(self) -> Iterator[slice]:
        """Yield the blocks of the tensor in order."""
        for start in range(0, self.elements, BLOCK):
            yield slice(start, min(start + BLOCK, self.elements))

    def delta(self, part: Operand, block: slice) -> torch.Tensor:
        """Return x - b (x if there is no base) of a part in a block, in the `work` type."""
        values = self.own(part.values, block)
        return values if self.base is None else values.sub_(self.own(self.base, block))

    def deltas(self, block: slice) -> tuple[torch.Tensor | None, list[torch.Tensor]]:
        """Return the base (if there is one) and the deltas of all parts, each read once."""
        values = [self.own(part.values, block) for part in self.parts]
        if self.base is None:
            return None, values
        base = self.own(self.base, block)
        return base, [item.sub_(base) for item in values]

    def own(self, values: Values, block: slice) -> torch.Tensor:
        """Return the numbers of the base, or of a part itself, in a block, as a new tensor."""
        return self.read(values, block, self.work)


Coefficient: TypeAlias = float | torch.Tensor
"""One number for the block, or one for each element."""

Coefficients: TypeAlias = Callable[[slice, Sequence[torch.Tensor]], Sequence[Coefficient]]
"""Given a block and the deltas of the parts in it, the coefficient of each part."""


@dataclass(frozen=True)
class Rule:
    """What a method decided for one output tensor."""

    coefficients: Coefficients
    """The coefficients, block by block; must not depend on the order in which blocks are asked
    for."""
    nominal: tuple[float, ...]
    """What the recipe alone says about the weight of each part; non-negative, not normalised."""
    fixed: tuple[float, ...] | None = None
    """The coefficients, if they are the same numbers in every block."""


Method: TypeAlias = Callable[[Group], Rule]
"""A merge method."""


def constant(values: Sequence[float], nominal: Sequence[float]) -> Rule:
    """Return a rule with one coefficient a part for the whole tensor.

    Args:
        values: One coefficient a part.
        nominal: One weight a part; signs are dropped.

    Returns:
        The rule.
    """
    fixed = tuple(values)
    return Rule(lambda _block, _deltas: fixed, tuple(abs(value) for value in nominal), fixed)
