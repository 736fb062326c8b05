"""A task with items of its own: what the kinds generate, choice, perplexity and python share."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from statistics import fmean

from evoreg.evolve.searchfile.form import TaskForm
from evoreg.evolve.tasks.data import Splits
from evoreg.evolve.tasks.item import SPLITS, Item, check_places
from evoreg.evolve.tasks.task import Answer, Player
from evoreg.provenance.records.candidate import fraction
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.search import Split, TaskRecord


def _row(item: Item) -> str:
    # Perplexity gives rows an empty prompt. Rows may hold numbers that no record can.
    said = {key: value for key, value in item.fields.items() if (key, value) != ("prompt", "")}
    return digest_of(json.dumps(said, sort_keys=True).encode())


class ItemisedTask(ABC):
    """A task over items; each kind adds how they are asked."""

    def __init__(self, form: TaskForm, splits: Splits, *, metric: str, maximise: bool) -> None:
        self.form = form
        self.splits = splits
        self._metric = metric
        self._maximise = maximise if form.maximise is None else form.maximise

    @property
    def name(self) -> str:
        """Name, unique in a search."""
        return self.form.name

    @property
    def weight(self) -> float:
        """Weight in the fitness."""
        return self.form.weight

    @property
    def soft(self) -> float:
        """How much of `Answer.soft` is added for the search; 0 for none."""
        return self.form.soft

    @property
    def maximise(self) -> bool:
        """Whether more is better."""
        return self._maximise

    @property
    def variants(self) -> int:
        """Number of other prompts."""
        return len(self.form.variants)

    @property
    @abstractmethod
    def template(self) -> Digest:
        """Digest of everything that makes the text of a question."""

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, Json]:
        """What else decides a score of this kind of task."""

    @property
    def record(self) -> TaskRecord:
        """Everything that decides a score."""
        return TaskRecord(
            name=self.name,
            kind=self.form.kind,
            metric=self._metric,
            maximise=self.maximise,
            weight=fraction(self.weight),
            splits=tuple(self.splits[split].record(split) for split in SPLITS),
            template=self.template,
            settings={
                "soft": self.soft,
                "batch": self.form.batch,
                "hub": self.form.data.hub,
                **self.settings,
            },
        )

    def ids(self, split: Split) -> tuple[Digest, ...]:
        """Return the ids of the items of a split, in a fixed order."""
        return self.splits[split].ids

    def groups(self, split: Split) -> tuple[str, ...]:
        """Return the group of each item; each its own if none is said."""
        found = self.splits[split]
        pairs = zip(found.items, found.ids, strict=True)
        return tuple(id if item.group is None else item.group for item, id in pairs)

    def prompts(self, split: Split) -> tuple[Digest | None, ...]:
        """Return a digest of the question of each item; nothing where it asks none."""
        items = self.splits[split].items
        return tuple(digest_of(item.prompt.encode()) if item.prompt else None for item in items)

    def rows(self, split: Split) -> tuple[str, ...]:
        """Return a digest of the row of each item: other templates make other items of it."""
        return tuple(map(_row, self.splits[split].items))

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
            An answer for each place, in this order.

        Raises:
            EvaluationError: The model cannot be asked, or its numbers are not finite.
            UsageError: There is no such place or variant.
        """
        items = self.splits[split].items
        check_places(self.name, places, len(items), variant, self.variants)
        return self.answered(player, [items[at] for at in places], soft=soft, variant=variant)

    def too_long(self, player: Player, items: Sequence[Item], variant: int) -> tuple[Item, ...]:
        """Return the items that do not fit into a model's window; none if the kind cannot tell."""
        del player, items, variant
        return ()

    @abstractmethod
    def answered(
        self, player: Player, items: Sequence[Item], *, soft: bool, variant: int
    ) -> tuple[Answer, ...]:
        """Let a model answer items; each kind has its own way."""

    def total(self, values: Sequence[float]) -> float:
        """Return the metric over several items: the mean of theirs; 0 for none."""
        return fmean(values) if values else 0.0
