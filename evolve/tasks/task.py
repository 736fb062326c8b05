"""What a task is: items in three splits, and a judgement of a model's answers to some of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.search import Split, TaskRecord


@dataclass(frozen=True, slots=True)
class Answer:
    """How a model did at one item."""

    value: float
    """The metric: 1 or 0 for right or wrong, else in its own units."""
    soft: float | None = None
    """Mean log-probability of the tokens of the right answer, at most 0."""
    tokens: int = 0
    """Tokens written."""
    truncated: bool = False
    """Whether the generation budget cut the reply off."""
    foreign: bool = False
    """Whether the reply is not in the language asked for."""
    degenerate: bool = False
    """Whether the reply is empty or repeats itself."""
    reply: str = ""
    """What the model wrote."""


@dataclass(frozen=True, slots=True)
class Player:
    """A model that answers."""

    model: Any
    """transformers model in evaluation mode."""
    tokenizer: Any
    """Its fast tokenizer, padding on the left."""
    device: str
    """Where it runs."""


class Task(Protocol):
    """A task with its data."""

    @property
    def name(self) -> str:
        """Name, unique in a search."""
        ...

    @property
    def weight(self) -> float:
        """Weight in the fitness."""
        ...

    @property
    def soft(self) -> float:
        """How much of `Answer.soft` is added for the search; 0 for none."""
        ...

    @property
    def maximise(self) -> bool:
        """Whether more is better."""
        ...

    @property
    def variants(self) -> int:
        """Number of other prompts."""
        ...

    @property
    def record(self) -> TaskRecord:
        """Everything that decides a score."""
        ...

    def ids(self, split: Split) -> tuple[Digest, ...]:
        """Return the ids of the items of a split, in a fixed order."""
        ...

    def groups(self, split: Split) -> tuple[str, ...]:
        """Return the group of each item: what the bootstrap draws; each its own if none is said."""
        ...

    def answers(
        self, player: Player, split: Split, places: Sequence[int], *, soft: bool, variant: int = 0
    ) -> tuple[Answer, ...]:
        """Let a model answer some items.

        Args:
            player: The model.
            split: Which data.
            places: Places of the items in `ids`.
            soft: Whether to take the smooth score too.
            variant: 0 for the prompt of the task, k for its k-th other prompt.

        Returns:
            An answer for each place, in this order; the same whatever was asked before.

        Raises:
            EvaluationError: The model cannot be asked, or its numbers are not finite.
        """
        ...

    def total(self, values: Sequence[float]) -> float:
        """Return the metric over several items from that of each.

        It is a mean, unless the metric says otherwise (perplexity takes the exponential of it).
        """
        ...
