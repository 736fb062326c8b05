"""The books: what the ledger remembers about the models of a lineage, read in few large steps."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from evoreg.provenance.ledger.values import RegisteredModel
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import EvoregError
from evoreg.provenance.records.license import LicenseClaim
from evoreg.registry.lineage.memory import Book, Memory, NoBook, Row

_PATIENCE = 32
"""Steps after which all models are read at once: a lineage that cards alone tell of is long."""

_Item = TypeVar("_Item")


@dataclass
class Books:
    """Answers from the ledger; without one every answer is empty."""

    ledger: Memory | None
    book: Book = field(init=False)
    """Where everything stands."""
    unread: dict[int, str] = field(default_factory=dict)
    """Entries that cannot be read, and why."""
    _models: dict[int, RegisteredModel] = field(default_factory=dict)
    _read: dict[Digest, None] = field(default_factory=dict)
    _steps: int = 0

    def __post_init__(self) -> None:
        """Read where everything stands."""
        self.book = NoBook() if self.ledger is None else self.ledger.lineage()

    def registered(self, identity: Digest) -> tuple[RegisteredModel, ...]:
        """Return the readable registrations of some exact weights, the oldest first."""
        self.read([identity])
        rows = self.book.by_identity.get(identity, ())
        return tuple(self._models[row.seq] for row in rows if row.seq in self._models)

    def lost(self, identity: Digest) -> tuple[str, ...]:
        """Return what could not be read about some weights, in words."""
        seqs = [row.seq for row in self.book.by_identity.get(identity, ())]
        seqs += self.book.claims.get(identity, ())
        return tuple(f"entry {seq} of the ledger" for seq in seqs if seq in self.unread)

    def named(self, name: str, revision: str | None) -> Row | None:
        """Return the last registration under a name, at a commit if one is given."""
        rows = self.book.by_name.get(name, ())
        fit = [row for row in rows if revision is None or row.revision == revision]
        return fit[-1] if fit else None

    def read(self, identities: Iterable[Digest]) -> None:
        """Read the registrations of some weights, and of all that the book leads to from there.

        Args:
            identities: Where to begin.
        """
        seen = dict.fromkeys(one for one in identities if one not in self._read)
        if not seen:
            return
        self._steps += 1
        if self._steps > _PATIENCE:
            seen = dict.fromkeys(self.book.by_identity)
        waiting = list(seen)
        while waiting:
            for parent in self._parents(waiting.pop()):
                if parent not in seen and parent not in self._read:
                    seen[parent] = None
                    waiting.append(parent)
        rows = (row for identity in seen for row in self.book.by_identity.get(identity, ()))
        wanted = [row.seq for row in rows if row.seq not in self._models]
        self._read |= seen
        if self.ledger is not None:
            self._models |= self._bulk(self.ledger.models_at, wanted)

    def _parents(self, identity: Digest) -> list[Digest]:
        found = []
        for edge in self.book.edges.get(identity, ()):
            row = self.named(edge.parent, edge.revision)
            named = row.identity if row is not None else None
            parent = edge.parent_identity or named
            found += [parent] if parent is not None else []
        return found

    def claims(self, identities: Iterable[Digest]) -> dict[Digest, tuple[LicenseClaim, ...]]:
        """Return what was recorded about the licences of some exact weights, the oldest first."""
        wanted = [one for one in dict.fromkeys(identities) if one in self.book.claims]
        if self.ledger is None or not wanted:
            return {}
        seqs = [seq for identity in wanted for seq in self.book.claims[identity]]
        found = self._bulk(self.ledger.claims_at, seqs)
        return {
            identity: tuple(found[seq] for seq in self.book.claims[identity] if seq in found)
            for identity in wanted
        }

    def texts(self, digests: Iterable[Digest]) -> dict[Digest, bytes]:
        """Return the content of those files that the ledger keeps."""
        wanted = tuple(dict.fromkeys(digests))
        if self.ledger is None or not wanted:
            return {}
        try:
            held = self.ledger.texts(wanted)
        except EvoregError:
            return {}  # a text that cannot be read counts as one that is not kept
        return {digest: data for digest, text in held.items() if (data := text.data) is not None}

    def companions(self, identity: Digest) -> tuple[Digest, ...]:
        """Return what was merged together with some weights in recorded merges."""
        merges = self._merges.get(identity, ())
        return tuple(dict.fromkeys(one for seq in merges for one in self.book.inside[seq]))

    @cached_property
    def _merges(self) -> Mapping[Digest, Sequence[int]]:
        found: dict[Digest, list[int]] = {}
        for seq, inside in self.book.inside.items():
            for identity in inside:
                found.setdefault(identity, []).append(seq)
        return found

    def _bulk(
        self, ask: Callable[[Iterable[int]], Mapping[int, _Item]], seqs: Sequence[int]
    ) -> Mapping[int, _Item]:
        """Read many entries; if one of them is broken, read each for itself and note which."""
        try:
            return ask(seqs) if seqs else {}
        except EvoregError:
            found: dict[int, _Item] = {}
        for seq in seqs:
            try:
                found |= ask([seq])
            except EvoregError as error:
                self.unread[seq] = error.problems[0].what
        return found
