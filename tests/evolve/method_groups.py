"""Groups of tensors in memory, and what a method makes of them, for the tests of the methods."""

from collections.abc import Mapping, Sequence

import torch

from evoreg.evolve.methods.group import Group, Operand
from evoreg.evolve.methods.table import METHODS
from evoreg.evolve.methods.values import Flat
from evoreg.evolve.recipes.contracts import CONTRACTS
from evoreg.provenance.records.digest import digest_of
from tests.evolve.merging import normal

Value = float | bool


def identity(place: int) -> str:
    return digest_of(str(place).encode())


def group_of(
    method: str,
    parts: Sequence[torch.Tensor],
    base: torch.Tensor | None = None,
    own: Sequence[Mapping[str, Value]] = (),
    **shared: Value,
) -> Group:
    """Return the group of a method: parameters that are not given have their defaults."""
    contract = CONTRACTS[method]
    rest: dict[str, Value] = {"weight": 1.0, "t": 0.5}
    for parameter in contract.parameters:
        if isinstance(parameter.default, bool | int | float):
            rest[parameter.name] = parameter.default
    operands = tuple(
        Operand(identity(place), "w", Flat(part.reshape(-1)), {**rest, **chosen})
        for place, (part, chosen) in enumerate(zip(parts, own or [{}] * len(parts), strict=True))
    )
    work = torch.float64 if parts[0].dtype == torch.float64 else torch.float32
    under = None if base is None else Flat(base.reshape(-1))
    return Group(under, operands, {**rest, **shared}, 7, work, tuple(parts[0].shape))


def result_of(method: str, group: Group) -> torch.Tensor:
    """Return base + sum c_i (x_i - base), block by block, in float64."""
    rule = METHODS[method](group)
    found = []
    for block in group.blocks():
        base, deltas = group.deltas(block)
        coefficients = rule.coefficients(block, deltas)
        moved = [c * d.double() for c, d in zip(coefficients, deltas, strict=True)]
        found.append(sum(moved[1:], moved[0]) + (0.0 if base is None else base.double()))
    return torch.cat(found or [torch.zeros(0, dtype=torch.float64)]).view(group.shape)


def merged(
    method: str,
    parts: Sequence[torch.Tensor],
    base: torch.Tensor | None = None,
    own: Sequence[Mapping[str, Value]] = (),
    **shared: Value,
) -> torch.Tensor:
    """Merge tensors in memory; float64."""
    return result_of(method, group_of(method, parts, base, own, **shared))


def family(
    shape: tuple[int, ...], count: int, dtype: torch.dtype, seed: int = 0
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Return a base and some tensors near it."""
    base = normal(100 + seed, *shape).to(dtype)
    return base, [
        base + (0.1 * normal(200 + seed + place, *shape)).to(dtype) for place in range(count)
    ]
