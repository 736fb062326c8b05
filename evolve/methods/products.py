"""Lengths and inner products of whole tensors, block by block, in float64.

What methods need before they can give coefficients is mostly the Gram matrix of the differences:
every angle and every length of a combination follows from it. Products are added up in rows of
4096 float32 numbers, the rows in float64, which is near the speed of float32 and near the precision
of float64.
"""

from collections.abc import Sequence

import torch

from evoreg.evolve.methods.group import Group

_ROW = 4096
_FAINT = 1e-30
"""Mean square below which float32 squares lose digits or vanish."""
_LARGEST = 3e38
"""Near the largest float32: a sum of squares above it overflowed in a row, or may have."""


def gram(group: Group) -> torch.Tensor:
    """Return all inner products of the differences (the tensors themselves without a base).

    Args:
        group: The tensor; read once.

    Returns:
        Symmetric, float64, shape (parts, parts), in ordinary memory; not to be written to.
    """
    return group.recall(group.parts, ("gram",), lambda: _gram(group))


def _gram(group: Group) -> torch.Tensor:
    total = torch.zeros(len(group.parts), len(group.parts), dtype=torch.float64)
    for block in group.blocks():
        total += products([group.delta(part, block) for part in group.parts])
    return total


def length(group: Group, weights: Sequence[float]) -> float:
    """Return |sum_i w_i d_i|, added up elementwise in float64.

    Where the differences cancel, the Gram matrix knows this length only to a few digits.

    Args:
        group: The tensor; read once.
        weights: One for each part.

    Returns:
        The length.
    """
    square = 0.0
    for block in group.blocks():
        deltas = [group.delta(part, block).to(torch.float64) for part in group.parts]
        total = torch.zeros_like(deltas[0])
        for delta, weight in zip(deltas, weights, strict=True):
            total += delta * weight
        square += float(torch.dot(total, total))
    return float(square**0.5)


def products(vectors: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return all inner products of some vectors.

    Args:
        vectors: Flat, of one length and one type, float32 or float64.

    Returns:
        Symmetric, float64, shape (vectors, vectors), in ordinary memory.
    """
    size = vectors[0].numel()
    if size >= _ROW and vectors[0].dtype == torch.float32:
        found = _by_rows(vectors, size - size % _ROW)
        # NaN and infinity are not below the largest float32 either.
        if all(_FAINT * size < found[i][i] < _LARGEST for i in range(len(vectors))):
            return torch.tensor(found, dtype=torch.float64)
    wide = torch.stack([vector.to(torch.float64) for vector in vectors])
    return (wide @ wide.T).cpu()


def _by_rows(vectors: Sequence[torch.Tensor], whole: int) -> list[list[float]]:
    rows = [vector[:whole].view(-1, _ROW) for vector in vectors]
    rests = [vector[whole:].to(torch.float64) for vector in vectors]
    found = [[0.0] * len(vectors) for _ in vectors]
    for i, left in enumerate(rows):
        for j, right in enumerate(rows[: i + 1]):
            product = float(torch.linalg.vecdot(left, right).sum(dtype=torch.float64))
            if whole < len(vectors[0]):
                product += float(torch.dot(rests[i], rests[j]))
            found[i][j] = found[j][i] = product
    return found
