"""RAM and RAM+: keep what one source alone changed, average what several changed.

An element of source i is active where |d_i| > epsilon; k counts the active sources. Then c_i = 1
where i alone is active, 1 / k where it is one of several, 0 elsewhere. RAM+ strengthens what is a
source's own: there c_i = 1 + r clamp(shared_i / max(unique_i, epsilon), 0, alpha), with shared_i
and unique_i the numbers of active elements of the two kinds in the tensor (arXiv 2601.13572).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from evoreg.evolve.methods.group import Coefficient, Group, Rule


@dataclass(frozen=True)
class Ram:
    """One member of the family; calling it gives the rule for a tensor."""

    strengthened: bool
    """Whether a source's own elements are strengthened."""

    def __call__(self, group: Group) -> Rule:
        """Return the rule for one tensor.

        Args:
            group: Base and parts; shared ``epsilon``, for RAM+ also ``r`` and ``alpha``.

        Returns:
            One coefficient an element.
        """
        count = len(group.parts)
        epsilon = float(group.parameters["epsilon"])
        factors = _factors(group, epsilon) if self.strengthened else [1.0] * count

        def coefficients(_block: slice, deltas: Sequence[torch.Tensor]) -> list[Coefficient]:
            active, several = _active(deltas, epsilon)
            share = several.clamp(min=1.0).reciprocal_()
            if not self.strengthened:
                return [mine.mul_(share) for mine in active]
            alone = several.le_(1)
            return [
                mine.mul_(torch.add(share, alone, alpha=factor - 1))
                for mine, factor in zip(active, factors, strict=True)
            ]

        return Rule(coefficients, (1 / count,) * count)


def _active(
    deltas: Sequence[torch.Tensor], epsilon: float
) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Return 1 where each part is active, and how many parts are."""
    # Ones and zeros in the type of the deltas are faster than truth values.
    active = [delta.abs().gt_(epsilon) for delta in deltas]
    several = active[0].clone()
    for mine in active[1:]:
        several += mine
    return active, several


def _factors(group: Group, epsilon: float) -> list[float]:
    """Return the factor of each part on what it alone changed."""
    counted = group.recall(group.parts, ("ram", epsilon), lambda: _counts(group, epsilon))
    r, alpha = float(group.parameters["r"]), float(group.parameters["alpha"])
    ratios = [_ratio(several, max(float(alone), epsilon)) for alone, several in counted]
    return [1 + r * min(max(ratio, 0.0), alpha) for ratio in ratios]


def _counts(group: Group, epsilon: float) -> list[tuple[int, int]]:
    """Return how many elements each part alone changed, and how many it changed with others."""
    alone, several = [0] * len(group.parts), [0] * len(group.parts)
    for block in group.blocks():
        active, count = _active([group.delta(part, block) for part in group.parts], epsilon)
        single = count.eq_(1)
        for place, mine in enumerate(active):
            total = int(mine.sum())  # sums of ones in a block are exact
            own = int(mine.mul_(single).sum())
            alone[place] += own
            several[place] += total - own
    return list(zip(alone, several, strict=True))


def _ratio(shared: int, unique: float) -> float:
    if unique:
        return shared / unique
    return float("inf") if shared else 0.0
