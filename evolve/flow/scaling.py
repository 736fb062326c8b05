"""What the input of a layer is multiplied with: nothing, a number for each pair, a small network.

The network is W(i, j, t) = g(v . tanh(U (i, j, t, 1)) + b) with the places i and j of the two
layers in the pool and the slot t, each spread over -1 to 1. g bends the real numbers into the
range of the scales: g(0) is the start, g(z) = start + (high - start) tanh(z) above and
start + (start - low) tanh(z) below. All genes start at 0, so every scale starts at g(0).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from evoreg.evolve.searchfile.form import GeneRange, LayerSpace
from evoreg.evolve.spaces.space import Gene

_STEEP = 3.0
"""Range of the weights of the network: tanh is close to its ends there."""


class Scaling(Protocol):
    """Gives the scales of a path."""

    @property
    def genes(self) -> tuple[Gene, ...]:
        """The genes that decide them."""
        ...

    def scale(self, genome: Sequence[float], before: int, layer: int, time: float) -> float:
        """Return what the input of a layer is multiplied with.

        Args:
            genome: Values of `genes`.
            before: Place of the layer before it in the pool.
            layer: Its own place in the pool.
            time: Its slot, as a fraction of all slots, from 0 to 1.

        Returns:
            A number in the range of the scales.
        """
        ...


@dataclass(frozen=True)
class Unscaled:
    """Multiplies nothing."""

    @property
    def genes(self) -> tuple[Gene, ...]:
        """No genes."""
        return ()

    def scale(self, genome: Sequence[float], before: int, layer: int, time: float) -> float:
        """Return 1."""
        del genome, before, layer, time
        return 1.0


@dataclass(frozen=True)
class Matrix:
    """One gene for each ordered pair of layers of the pool."""

    pool: tuple[str, ...]
    """Names of the layers."""
    bounds: GeneRange
    """Range of the scales."""

    @property
    def genes(self) -> tuple[Gene, ...]:
        """As many as the square of the layers, row by row: the layer before is the row."""
        low, high, start = self.bounds.low, self.bounds.high, self.bounds.start
        return tuple(
            Gene(f"scale from {before} to {layer}", low, high, start)
            for before in self.pool
            for layer in self.pool
        )

    def scale(self, genome: Sequence[float], before: int, layer: int, time: float) -> float:
        """Return the number of the pair."""
        del time
        return genome[before * len(self.pool) + layer]


@dataclass(frozen=True)
class Network:
    """A small network of the pair and the slot."""

    layers: int
    """Layers of the pool."""
    hidden: int
    """Units."""
    bounds: GeneRange
    """Range of the scales."""

    @property
    def genes(self) -> tuple[Gene, ...]:
        """Four for each unit, then one for each unit, then one."""
        inner = [
            f"scale network unit {unit} from {source}"
            for unit in range(self.hidden)
            for source in ("layer before", "layer", "slot", "constant")
        ]
        outer = [f"scale network output from unit {unit}" for unit in range(self.hidden)]
        names = (*inner, *outer, "scale network output from constant")
        return tuple(Gene(name, -_STEEP, _STEEP, 0.0) for name in names)

    def scale(self, genome: Sequence[float], before: int, layer: int, time: float) -> float:
        """Return the output of the network."""
        seen = (self._spread(before), self._spread(layer), 2 * time - 1, 1.0)
        total = genome[5 * self.hidden]
        for unit in range(self.hidden):
            weights = genome[4 * unit : 4 * unit + 4]
            inner = math.fsum(w * x for w, x in zip(weights, seen, strict=True))
            total += genome[4 * self.hidden + unit] * math.tanh(inner)
        low, high, start = self.bounds.low, self.bounds.high, self.bounds.start
        return start + (high - start if total > 0 else start - low) * math.tanh(total)

    def _spread(self, place: int) -> float:
        return 2 * place / (self.layers - 1) - 1 if self.layers > 1 else 0.0


def make_scaling(form: LayerSpace, pool: tuple[str, ...]) -> Scaling:
    """Return the scaling that a search file asks for.

    Args:
        form: The space.
        pool: Names of the layers of the pool.

    Returns:
        Its scaling.
    """
    if form.scaling == "matrix":
        return Matrix(pool, form.scale)
    if form.scaling == "network":
        return Network(len(pool), form.hidden, form.scale)
    return Unscaled()
