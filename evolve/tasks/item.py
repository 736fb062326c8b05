"""An item of a task: one question with what is right, and the splits that hold the items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evoreg.provenance.records.canonical import Json, to_canonical
from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.errors import Code, UsageError
from evoreg.provenance.records.search import Split, SplitRecord

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
"""All splits, in the order in which a search uses them."""


@dataclass(frozen=True, slots=True)
class Item:
    """A question. Two items with equal content have equal ids, wherever they came from."""

    fields: Mapping[str, Json]
    """What the data says."""
    prompt: str
    """What the model is given, without system message, examples and chat template."""
    answer: str
    """What is right; for choice the right choice; for perplexity the text."""
    choices: tuple[str, ...] = ()
    """What can be chosen."""
    right: int = 0
    """Place of the right choice."""
    group: str | None = None
    """What keeps items together, if the task names it."""
    where: str = ""
    """File and line, for messages; no part of the id."""

    @property
    def id(self) -> Digest:
        """Digest of all that the item asks: prompt, answer and choices."""
        return digest_of(to_canonical([self.prompt, self.answer, list(self.choices)]))


@dataclass(frozen=True, slots=True)
class ItemSplit:
    """The items of one split."""

    ids: tuple[Digest, ...] = ()
    """Their ids, sorted."""
    items: tuple[Item, ...] = ()
    """The items in the order of their ids."""
    dropped: int = 0
    """Items that were left out because they repeat another one."""

    def record(self, split: Split) -> SplitRecord:
        """Return the record of the split.

        Args:
            split: Which one it is.

        Returns:
            Count and digest of the items.
        """
        return split_record(split, self.ids, self.dropped)


def check_places(task: str, places: Sequence[int], count: int, variant: int, variants: int) -> None:
    """Check that what is asked for is there.

    Args:
        task: Name of the task, for the message.
        places: Places of items.
        count: How many items there are.
        variant: Which prompt.
        variants: How many there are besides the first.

    Raises:
        UsageError: There is no such item or prompt.
    """
    if all(0 <= at < count for at in places) and 0 <= variant <= variants:
        return
    raise UsageError(
        Code.USAGE,
        f"there are {count} items and {variants} variants",
        where=f"task {task}",
        hint="both count from 0",
    )


def split_record(split: Split, ids: tuple[Digest, ...], dropped: int = 0) -> SplitRecord:
    """Return the record of some items.

    Args:
        split: Which split they are.
        ids: Their ids, in order.
        dropped: How many repeated another one.

    Returns:
        Count and digest.
    """
    digest = digest_of(to_canonical(list(ids)))
    return SplitRecord(split=split, count=len(ids), digest=digest, dropped=dropped)
