"""SCE: select where sources differ, calculate weights from their energy, erase minority signs.

Positions: of each tensor, those with the largest variance over the sources. Weights:
a_i = mean(D_i^2) / sum_j mean(D_j^2), D_i being what is selected of the difference d_i. Signs:
s = sign(sum_i D_i), zero counting as plus, and M_i = [sign(D_i) = s]. Then
c_i = a_i M_i / max(sum_j a_j M_j, 1e-6) where selected, 0 elsewhere (arXiv 2408.07990).
"""

from collections.abc import Callable, Iterator, Sequence

import torch

from evoreg.evolve.methods.group import Coefficient, Group, Rule, constant
from evoreg.evolve.methods.largest import Threshold, largest
from evoreg.evolve.methods.products import products

_FAINT = 1e-6

Choice = Callable[[slice, Sequence[torch.Tensor]], Sequence[torch.Tensor]]
"""Given a block and the deltas in it, what is selected of each."""


def sce(group: Group) -> Rule:
    """Return the rule of SCE.

    Args:
        group: Base and parts; shared ``select_topk``.

    Returns:
        One coefficient an element; energies that sum to less than 1e-6 give equal weights.
    """
    count = len(group.parts)
    nominal = (1 / count,) * count
    topk = float(group.parameters["select_topk"])
    choice = _choice(group, topk)
    if choice is None:
        return constant([0.0] * count, nominal)
    weights = group.recall(group.parts, ("sce energies", topk), lambda: _energies(group, choice))

    def coefficients(block: slice, deltas: Sequence[torch.Tensor]) -> list[Coefficient]:
        chosen = choice(block, deltas)
        total = chosen[0].clone()
        for item in chosen[1:]:
            total += item
        sign = total.ge_(0).mul_(2).sub_(1)
        masks = [
            (item * sign).gt_(0).mul_(weight) for item, weight in zip(chosen, weights, strict=True)
        ]
        divisor = torch.zeros_like(sign)
        for mask in masks:
            divisor += mask
        share = divisor.clamp_(min=_FAINT).reciprocal_()
        return [mask.mul_(share) for mask in masks]

    return Rule(coefficients, nominal)


def _choice(group: Group, share: float) -> Choice | None:
    """Return the selection, or nothing if it takes no element."""
    if share >= 1 or not group.elements:
        return lambda _block, deltas: deltas
    threshold = group.recall(group.parts, ("sce", share), lambda: _threshold(group, share))
    if threshold is None:
        return None

    def choice(block: slice, deltas: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        taken = threshold.mask(block, _variance(deltas))
        return [delta * taken for delta in deltas]

    return choice


def _threshold(group: Group, share: float) -> Threshold | None:
    count = int(share * sum(int((values > 0).sum()) for _, values in _variances(group)))
    return largest(lambda: _variances(group), count, group.work) if count > 0 else None


def _variances(group: Group) -> Iterator[tuple[slice, torch.Tensor]]:
    for block in group.blocks():
        yield block, _variance([group.delta(part, block) for part in group.parts])


def _variance(deltas: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the population variance over the parts, elementwise."""
    mean = sum(deltas[1:], deltas[0]) / len(deltas)
    squares = [(delta - mean).square_() for delta in deltas]
    return sum(squares[1:], squares[0]) / len(deltas)


def _energies(group: Group, choice: Choice) -> list[float]:
    """Return the weights of the parts."""
    squares = [0.0] * len(group.parts)
    for block in group.blocks():
        chosen = choice(block, [group.delta(part, block) for part in group.parts])
        for place, item in enumerate(chosen):
            squares[place] += float(products([item]))
    total = sum(squares)
    if total < _FAINT * group.elements or not total:
        return [1 / len(squares)] * len(squares)
    return [square / total for square in squares]
