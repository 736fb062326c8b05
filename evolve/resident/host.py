"""What can hold a candidate: a model in memory that becomes one recipe after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from evoreg.provenance.records.candidate import Contribution
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.recipe import Recipe


@dataclass(frozen=True)
class Applied:
    """What came of a recipe."""

    candidate: Digest
    """`Candidate.id` that a merge of this recipe with the host's seed will have."""
    contributions: tuple[Contribution, ...]
    """Who is inside."""
    recomputed: int
    """Tensors that had to be computed."""
    tensors: int
    """Tensors of the model."""


class Host(Protocol):
    """A model in memory. Not thread-safe; one candidate at a time."""

    @property
    def model(self) -> Any:  # noqa: ANN401 - transformers declares no types
        """The transformers model, in evaluation mode, on `device`."""
        ...

    @property
    def tokenizer(self) -> Any:  # noqa: ANN401 - transformers declares no types
        """Its fast tokenizer, padding on the left, with a padding token."""
        ...

    @property
    def device(self) -> str:
        """Where it runs, as torch names it."""
        ...

    def apply(self, recipe: Recipe, seed: int | None = None) -> Applied:
        """Become the result of a recipe.

        Args:
            recipe: A recipe over the host's models.
            seed: Seed of random masks; nothing takes the host's own.

        Returns:
            Id and shares.

        Raises:
            MergeError: Numbers that are not finite, parts that do not meet. The host then holds no
                candidate, but can take the next one.
            RecipeError: The recipe does not fit the models.
        """
        ...

    def tensors(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield name and values of every tensor as a merge would write it, sorted by name."""
        ...

    def close(self) -> None:
        """Give back memory and files."""
        ...
