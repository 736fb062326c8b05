"""The ledger as its users see it: append facts, ask for them, know how far it reaches."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from sqlalchemy import select

from evoreg.provenance.ledger import queries, tables
from evoreg.provenance.ledger.body import Body, stamp
from evoreg.provenance.ledger.chain import PAGE, append_told, page_after, read_head, told_as
from evoreg.provenance.ledger.lineage import LineageBook, read_lineage
from evoreg.provenance.ledger.searches import SearchReader
from evoreg.provenance.ledger.stillness import uncollected
from evoreg.provenance.ledger.store import Store
from evoreg.provenance.ledger.stored import storable
from evoreg.provenance.ledger.values import (
    Head,
    NewEntry,
    RecordedCandidate,
    RecordedDecision,
    RecordedRelease,
    RegisteredModel,
)
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.entry import Entry, EntryKind
from evoreg.provenance.records.license import LicenseClaim
from evoreg.provenance.records.lineage import Edge
from evoreg.provenance.records.model import Model
from evoreg.provenance.records.text import HeldText


class Ledger(SearchReader):
    """An open ledger; `opening.open_ledger` makes one. Threads may share it.

    Every method raises InputError if the database cannot be reached or stays locked, and
    VerificationError if the books are broken.
    """

    def __init__(self, store: Store, *, actor: str, clock: Callable[[], datetime]) -> None:
        self.store = store
        self._actor = actor
        self._clock = clock

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back all connections; the ledger cannot be used afterwards."""
        self.store.close()

    def signature(self) -> tuple[str, str]:
        """Return who writes here, and the time as an entry written now would say it."""
        return self._actor, stamp(self._clock())

    def append(self, news: Sequence[NewEntry]) -> tuple[Entry, ...]:
        """Write some facts: all of them in one transaction, or none.

        Args:
            news: What to write, in this order; nothing at all is allowed.

        Returns:
            The entries as written.

        Raises:
            InputError: A record does not belong to its kind, is not valid or has no canonical
                form; or the entries of a search do not follow what is on record (LEDGER_ORDER).
        """
        by, at = self.signature()
        with uncollected():
            # Whatever can be done beforehand is: others wait while the transaction is open.
            told = [told_as(new, at, by) for new in news]
            if not told:
                return ()
            with self.store.writing() as connection:
                return append_told(connection, told)

    def head(self) -> Head:
        """Return how far the ledger reaches."""
        with self.store.reading() as connection:
            return read_head(connection)

    def entries(
        self, after: int = 0, kind: EntryKind | None = None, limit: int | None = None
    ) -> Iterator[Entry]:
        """Read entries in order; no transaction stays open between two pages.

        Args:
            after: Number of the entry before the first one wanted.
            kind: Only entries of this kind.
            limit: At most so many; nothing means all.

        Yields:
            Entries, sorted by number.
        """
        left = limit
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            with self.store.reading() as connection:
                page = page_after(connection, after, kind, size)
            yield from page
            if len(page) < size:
                return
            after = page[-1].seq
            left = None if left is None else left - len(page)

    def models(self) -> tuple[RegisteredModel, ...]:
        """Return all registered models, in the order of their registration."""
        with self.store.reading() as connection:
            return queries.find_models(connection)

    def find_model(self, name: str) -> tuple[RegisteredModel, ...]:
        """Return the models that were registered under a name.

        Args:
            name: `Model.name`, exactly.

        Returns:
            Every registration, the oldest first; empty if there is none.
        """
        with self.store.reading() as connection:
            return queries.find_models(connection, tables.models.c.name == storable(name))

    def models_with(self, identity: Digest) -> tuple[RegisteredModel, ...]:
        """Return the models that have some exact weights.

        Args:
            identity: `Model.identity`.

        Returns:
            Every registration, the oldest first; empty if there is none.
        """
        with self.store.reading() as connection:
            return queries.find_models(connection, tables.models.c.identity == identity)

    def claims_for(self, identity: Digest) -> tuple[LicenseClaim, ...]:
        """Return what was claimed about the licence of some exact weights.

        Args:
            identity: `Model.identity`.

        Returns:
            The claims, the oldest first.
        """
        with self.store.reading() as connection:
            return queries.find_claims(connection, tables.claims.c.identity == identity)

    def edges_for(self, identity: Digest) -> tuple[Edge, ...]:
        """Return what was told about the parents of some exact weights.

        Args:
            identity: `Model.identity` of the child.

        Returns:
            The edges, the oldest first.
        """
        with self.store.reading() as connection:
            return queries.find_edges(connection, tables.edges.c.identity == identity)

    def text(self, digest: Digest) -> HeldText | None:
        """Return a held text.

        Args:
            digest: SHA-256 of the file.

        Returns:
            The text, or nothing if the ledger does not hold it.
        """
        return self.texts((digest,)).get(digest)

    def texts(self, digests: Iterable[Digest]) -> dict[Digest, HeldText]:
        """Return several held texts.

        Args:
            digests: SHA-256 of each file.

        Returns:
            Those that the ledger holds, in the order of the digests.
        """
        with self.store.reading() as connection:
            return queries.find_texts(connection, digests)

    def lineage(self) -> LineageBook:
        """Return the way through the lineage of all models, in five queries and one state.

        Ask `models_at`, `claims_at` and `edges_at` for the entries that a walk comes by.
        """
        with self.store.reading() as connection:
            return read_lineage(connection)

    def models_at(self, seqs: Iterable[int]) -> dict[int, RegisteredModel]:
        """Return some registrations.

        Args:
            seqs: Numbers of entries, in any order.

        Returns:
            Number to model, sorted by number, for those of the numbers that are models.
        """
        return {
            seq: RegisteredModel(seq, body.at, body.by, body.record, body.location)
            for seq, body in self._bodies(seqs).items()
            if isinstance(body.record, Model)
        }

    def claims_at(self, seqs: Iterable[int]) -> dict[int, LicenseClaim]:
        """Return some claims; like `models_at`."""
        found = self._bodies(seqs)
        return {s: b.record for s, b in found.items() if isinstance(b.record, LicenseClaim)}

    def edges_at(self, seqs: Iterable[int]) -> dict[int, Edge]:
        """Return some edges; like `models_at`."""
        found = self._bodies(seqs)
        return {s: b.record for s, b in found.items() if isinstance(b.record, Edge)}

    def candidate(self, candidate_id: Digest) -> tuple[RecordedCandidate, ...]:
        """Return every recording of a candidate.

        Args:
            candidate_id: `Candidate.id`.

        Returns:
            The recordings, the oldest first; several if the merge was repeated.
        """
        found = select(tables.candidates.c.seq).where(tables.candidates.c.id == candidate_id)
        with self.store.reading() as connection:
            return queries.find_candidates(connection, tables.entries.c.seq.in_(found))

    def candidates_from(self, identity: Digest) -> tuple[RecordedCandidate, ...]:
        """Return the candidates that some exact weights went into.

        Args:
            identity: `Model.identity` of a source.

        Returns:
            The candidates, the oldest first, those too in which its share is zero.
        """
        shares = tables.contributions.c
        found = select(shares.seq).where(shares.identity == identity)
        with self.store.reading() as connection:
            return queries.find_candidates(connection, tables.entries.c.seq.in_(found))

    def makers_of(self, digest: Digest) -> tuple[RecordedCandidate, ...]:
        """Return the candidates that wrote a file with some exact content.

        Args:
            digest: SHA-256 of the file.

        Returns:
            The candidates, the oldest first.
        """
        found = select(tables.outputs.c.seq).where(tables.outputs.c.digest == digest)
        with self.store.reading() as connection:
            return queries.find_candidates(connection, tables.entries.c.seq.in_(found))

    def decision(self, digest: Digest) -> tuple[RecordedDecision, ...]:
        """Return every recording of a decision.

        Args:
            digest: `Decision.record_digest()`.

        Returns:
            The recordings, the oldest first.
        """
        with self.store.reading() as connection:
            return queries.find_decisions(connection, tables.decisions.c.digest == digest)

    def decisions(self) -> tuple[RecordedDecision, ...]:
        """Return all decisions, in the order of their recording."""
        with self.store.reading() as connection:
            return queries.find_decisions(connection)

    def releases(self, candidate_id: Digest | None = None) -> tuple[RecordedRelease, ...]:
        """Return releases.

        Args:
            candidate_id: Only those of this candidate; nothing means all.

        Returns:
            The releases, the oldest first.
        """
        wanted = tables.releases.c.candidate == candidate_id
        with self.store.reading() as connection:
            return queries.find_releases(connection, *([] if candidate_id is None else [wanted]))

    def _bodies(self, seqs: Iterable[int]) -> dict[int, Body]:
        with self.store.reading() as connection:
            return queries.find_bodies(connection, seqs)
