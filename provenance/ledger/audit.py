"""The walk of `verify` along the chain: each row is checked for itself and against the last."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from evoreg.provenance.ledger.body import Body, read_body, spelt_again
from evoreg.provenance.ledger.chain import EntryRow, to_entry
from evoreg.provenance.ledger.spelling import value_of
from evoreg.provenance.ledger.values import Head
from evoreg.provenance.records.entry import Entry, EntryKind, entry_hash
from evoreg.provenance.records.errors import (
    Code,
    EvoregError,
    InputError,
    Problem,
    VerificationError,
)

_HINT = "restore a backup that agrees with an anchor, and find out who changed the database"


@dataclass
class Walk:
    """A walk along entries, from some entry to a later one; `problems` grows on the way."""

    anchor: Head
    """A head that was noted earlier."""
    last: Head = field(default_factory=Head)
    """The entry that was looked at last; at first the one before the walk."""
    prev: str = ""
    """The predecessor that this entry names."""
    count: int = 0
    """Rows looked at."""
    gapless: bool = True
    """Whether each row had the number that comes next."""
    problems: list[Problem] = field(default_factory=list)
    """What is wrong, in the order of the entries."""

    def step(self, row: EntryRow) -> Body | None:
        """Check one row.

        Args:
            row: The next row, in the order of the numbers.

        Returns:
            What the entry says if its record can be read, otherwise nothing.
        """
        self.count += 1
        seq, prev, _, _, digest = row
        if seq == self.last.seq + 1 and prev == self.last.hash and seq != self.anchor.seq:
            sound = _sound(row)
            if sound is not None:
                self.prev, self.last = prev, Head(seq, digest)
                return sound
        return self._look_closely(row)

    def _look_closely(self, row: EntryRow) -> Body | None:
        if not isinstance(row.seq, int):
            self._note("the number of an entry is no number", "table entries")
            self.gapless = False
            return None
        body, found = _content(row)
        for what in (*self._order(row), *found, *self._anchored(row)):
            self._note(what, f"entry {row.seq}")
        self.gapless &= row.seq == self.last.seq + 1
        self.prev, self.last = row.prev, Head(row.seq, row.hash)
        return body

    def _order(self, row: EntryRow) -> Iterator[str]:
        expected = self.last.seq + 1
        if row.seq > expected:
            missing = row.seq - 1
            yield (
                f"entry {missing} before it is missing"
                if missing == expected
                else f"entries {expected} to {missing} before it are missing"
            )
        elif row.seq < expected:
            yield "the number of this entry is not unique" if row.seq > 0 else "numbers begin at 1"
        if row.prev == self.prev:
            yield "the chain forks: this entry and the one before it have the same predecessor"
        elif row.seq == expected and row.prev != self.last.hash:
            yield "the chain is broken: this entry does not follow the one before it"

    def _anchored(self, row: EntryRow) -> Iterator[str]:
        if row.seq == self.anchor.seq and row.hash != self.anchor.hash:
            yield "differs from the anchor: the history up to this entry was rewritten"

    def _note(self, what: str, where: str) -> None:
        self.problems.append(broken_entry(what, where))


def broken_entry(what: str, where: str) -> Problem:
    """Return a problem with an entry.

    Args:
        what: One sentence.
        where: Which entry.

    Returns:
        A problem with the code LEDGER_BROKEN.
    """
    return Problem(Code.LEDGER_BROKEN, what, where, _HINT)


def _sound(row: EntryRow) -> Body | None:
    """Return what an entry says if nothing is wrong with it, by the quickest way.

    A row whose hash fits has texts and a number in its columns, for that is what was hashed.
    """
    seq, prev, kind, text, digest = row
    try:
        if entry_hash(seq, prev, kind, text) != digest:
            return None
        told: EntryKind = kind  # type: ignore[assignment]  # a wrong one is refused on reading
        body = read_body(told, text)
        return body if spelt_again(told, body) == text else None
    except (EvoregError, RecursionError, TypeError, ValueError, AttributeError):
        return None  # whatever it is, the closer look will tell


def _content(row: EntryRow) -> tuple[Body | None, list[str]]:
    try:
        entry = to_entry(row)
    except VerificationError as error:
        return None, [error.problems[0].what]
    found = []
    if entry_hash(entry.seq, entry.prev, entry.kind, entry.body) != entry.hash:
        found.append("the hash does not fit the content: the entry was changed")
    try:
        body = read_body(entry.kind, entry.body)
        if _as_written(entry, body):
            return body, found
        value = value_of(entry.body)
    except (InputError, RecursionError) as error:
        what = error.problems[0].what if isinstance(error, InputError) else "too deeply nested"
        return None, [*found, what]
    if not isinstance(value, dict) or value["record"] != body.record.to_json():
        found.append("the record leaves out fields that evoreg always writes")
    return body, found


def _as_written(entry: Entry, body: Body) -> bool:
    """Return whether it is spelt as evoreg would; if not, `value_of` has a closer look."""
    try:
        return spelt_again(entry.kind, body) == entry.body
    except InputError:  # the digits of a large float beside the record, read as a whole number
        return False
