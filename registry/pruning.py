"""Pruning: rows of the tables that are kept no longer, decided by a person and said in an entry."""

from dataclasses import dataclass

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Code, UsageError
from evoreg.provenance.records.pruning import Pruning
from evoreg.registry.candidates import find_search


@dataclass(frozen=True, slots=True)
class Pruned:
    """A pruning that was done."""

    entry: int
    """Number of the entry that says so."""
    pruning: Pruning
    """What it says."""


def prune_item_scores(ledger: Ledger, search: str | None, through: int | None, why: str) -> Pruned:
    """Keep the scores of single items no longer; the entries that hold them stay.

    Args:
        ledger: An open ledger that can be written.
        search: Only those of this search: its name, or first digits of its id; nothing means all.
        through: Up to the entry of this number; nothing means the newest.
        why: Why, for the record.

    Returns:
        What was written.

    Raises:
        UsageError: The reason is empty, there is no such entry, or several runs are called so.
        InputError: There is no such search, or the ledger cannot be written.
    """
    if not why.strip():
        raise UsageError(Code.USAGE, "the reason is empty", hint="say why: it stands for good")
    pruning = Pruning(
        what="item-scores",
        search=None if search is None else _one_search(ledger, search),
        through=_last(ledger.head().seq, through),
        why=why.strip(),
    )
    (entry,) = ledger.append([NewEntry("pruning", pruning)])
    return Pruned(entry.seq, pruning)


def _one_search(ledger: Ledger, name: str) -> Digest:
    """Return the id of the only search that is called so: what goes does not come back."""
    found, count = find_search(ledger, name)
    if count > 1:
        what = f"{count} runs are called {name:.80}"
        hint = "give digits of the id of one: evoreg candidate searches shows them"
        raise UsageError(Code.USAGE, what, hint=hint)
    return found.search.id


def _last(newest: int, through: int | None) -> int:
    last = newest if through is None else through
    if not 1 <= last <= newest:
        what = f"there is no entry {last}: the newest is {newest}"
        raise UsageError(Code.USAGE, what, hint="evoreg ledger log shows the entries")
    return last
