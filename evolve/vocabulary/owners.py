"""Whose the rows of a reordered embedding are, as numbers; apart, because plans need no numpy."""

import numpy as np
from numpy.typing import NDArray

from evoreg.evolve.vocabulary.rows import FILL, Rows


def row_shares(rows: Rows, inputs: int) -> NDArray[np.float64]:
    """Return whose each row is.

    A mean is divided evenly among the models that it is made of; a row of zeros is nobody's;
    a row that no token has is divided as all the others are together.

    Args:
        rows: Where each row comes from.
        inputs: Number of inputs of the tensor.

    Returns:
        Shape (count, inputs); each row sums to 1, or to 0 if it is nobody's.
    """
    table = np.zeros((rows.count, inputs), dtype=np.float64)
    owner = np.array(rows.owner, dtype=np.int64)
    (single,) = np.nonzero(owner >= 0)
    table[single, owner[single]] = 1.0
    for row, donors in rows.donors.items():
        for place, _ in donors:
            table[row, place] = 1.0 / len(donors)
    whole = table[owner != FILL].sum(axis=0)
    if whole.sum() > 0:
        table[owner == FILL] = whole / whole.sum()
    return table
