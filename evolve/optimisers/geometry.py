"""What optimisers know of the weights: lengths and angles of whole tensors, never the tensors."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Geometry(Protocol):
    """Inner products of the sources' tensors; `evoreg.evolve.resident.geometry` computes them."""

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the tensors, in the order of their genes."""
        ...

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources, in the order of their genes within a tensor."""
        ...

    @property
    def gram(self) -> NDArray[np.floating[Any]]:
        """Inner products of whole tensors, of shape (tensors, sources, sources)."""
        ...

    @property
    def deltas(self) -> NDArray[np.floating[Any]]:
        """The same for differences from the base."""
        ...
