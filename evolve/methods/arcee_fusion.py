"""Arcee Fusion: take over only what is outstandingly important.

The importance of an element is |x - b| times the divergence KL(p || q) of its row, with
p = softmax(x) + 1e-8 and q = softmax(b) + 1e-8 along the row. Elements at or above
median + 1.5 (Q3 - Q1) of the importances of the tensor are taken, c = 1; the others stay, c = 0.
The quartiles are exact: of n numbers in ascending order those at int(q (n - 1)).
(https://www.arcee.ai/blog/meet-mergekit-v0-1-arcee-fusion-expanded-model-support-multi-gpu-acceleration)
"""

from collections.abc import Iterator, Sequence

import torch

from evoreg.evolve.methods.group import BLOCK, Coefficient, Group, Operand, Rule, constant
from evoreg.evolve.methods.lines import Lines
from evoreg.evolve.methods.quantiles import order_statistics
from evoreg.evolve.methods.values import Values

_FLOOR = 1e-8
_QUARTILES = (0.25, 0.5, 0.75)


def arcee_fusion(group: Group) -> Rule:
    """Return the rule of Arcee Fusion.

    Args:
        group: Base and one part.

    Returns:
        One coefficient an element, 0 or 1.
    """
    (part,) = group.parts
    if not group.elements or group.base is None:
        return constant([1.0], [1.0])
    lines = Lines.rows(group.shape)
    divergence = _divergence(group, part, group.base, lines)

    def importance(block: slice, delta: torch.Tensor) -> torch.Tensor:
        return lines.spread(divergence, block, group.work).mul_(delta.abs())

    def blocks() -> Iterator[torch.Tensor]:
        return (importance(block, group.delta(part, block)) for block in group.blocks())

    ranks = [int(share * (group.elements - 1)) for share in _QUARTILES]
    low, middle, high = order_statistics(blocks, ranks, group.work)
    threshold = middle + 1.5 * (high - low)

    def coefficients(block: slice, deltas: Sequence[torch.Tensor]) -> list[Coefficient]:
        return [(importance(block, deltas[0]) >= threshold).to(group.work)]

    return Rule(coefficients, (1.0,))


def _divergence(group: Group, part: Operand, base: Values, lines: Lines) -> torch.Tensor:
    """Return KL(p || q) of each row; it is never negative but for rounding, which counts as 0."""
    if lines.width > BLOCK:
        return _of_long_rows(group, part, base, lines).clamp_(min=0.0)
    found = []
    step = BLOCK // lines.width * lines.width
    for start in range(0, group.elements, step):
        rows = slice(start, min(start + step, group.elements))
        p, q = (
            group.own(values, rows).view(-1, lines.width).softmax(1).add_(_FLOOR)
            for values in (part.values, base)
        )
        found.append((p * (p / q).log_()).sum(1))
    return torch.cat(found).clamp_(min=0.0)


def _of_long_rows(group: Group, part: Operand, base: Values, lines: Lines) -> torch.Tensor:
    """Return KL(p || q) of rows that are longer than a block, read block by block, in float64."""
    norms = [_log_norms(group, values, lines) for values in (part.values, base)]
    total = torch.zeros_like(norms[0])
    for block in group.blocks():
        found = [group.own(values, block).to(torch.float64) for values in (part.values, base)]
        for grid in lines.grids(block):
            reach = lines.reach(grid)
            p, q = (
                (values[grid.place].view(grid.shape) - norm[reach].unsqueeze(1)).exp_().add_(_FLOOR)
                for values, norm in zip(found, norms, strict=True)
            )
            total[reach] += (p * (p / q).log_()).sum(1)
    return total


def _log_norms(group: Group, values: Values, lines: Lines) -> torch.Tensor:
    """Return log sum exp of each row, float64."""
    found: list[torch.Tensor] = []
    for block in group.blocks():
        own = group.own(values, block).to(torch.float64)
        found = found or [own.new_full((lines.count,), -torch.inf)]
        for grid in lines.grids(block):
            reach = lines.reach(grid)
            part = own[grid.place].view(grid.shape).logsumexp(1)
            found[0][reach] = torch.logaddexp(found[0][reach], part)
    return found[0]
