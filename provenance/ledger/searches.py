"""Questions to the ledger about searches: what was looked for, tried and found."""

from sqlalchemy import select

from evoreg.provenance.ledger import search_queries as queries
from evoreg.provenance.ledger import tallies
from evoreg.provenance.ledger.course import past_of
from evoreg.provenance.ledger.search_tables import evaluations, generations, results, searches
from evoreg.provenance.ledger.search_values import (
    EvaluationRow,
    PastSearch,
    RecordedEvaluation,
    RecordedGeneration,
    RecordedResult,
    RecordedSearch,
    Tally,
    Wanted,
)
from evoreg.provenance.ledger.store import Store
from evoreg.provenance.ledger.stored import storable
from evoreg.provenance.records.candidate import Fraction
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.evaluation import Origin


class SearchReader:
    """The part of a ledger that answers questions about searches."""

    store: Store

    def searches(self) -> tuple[RecordedSearch, ...]:
        """Return all searches, in the order of their recording."""
        with self.store.reading() as connection:
            return queries.find_searches(connection)

    def search(self, wanted: str) -> tuple[RecordedSearch, ...]:
        """Return the searches that are called so.

        Args:
            wanted: `Search.name`, exactly; or `Search.id`, or its first digits with or without
                ``sha256:``.

        Returns:
            The searches, the oldest first: those of this name if there are any, otherwise those
            whose id begins so. Several have the same name if one was run again.
        """
        with self.store.reading() as connection:
            found = queries.find_searches(connection, searches.c.name == storable(wanted))
            digits = queries.begins(searches.c.id, wanted)
            if found or digits is None:
                return found
            return queries.find_searches(connection, digits)

    def evaluations(
        self,
        search: Digest,
        *,
        stage: int | None = None,
        generation: int | None = None,
        origin: Origin | None = None,
        best: int | None = None,
    ) -> tuple[RecordedEvaluation, ...]:
        """Return what a search tried.

        Args:
            search: `Search.id`.
            stage: Only those of this stage.
            generation: Only those of this generation.
            origin: Only those that came from there.
            best: Only so many, those with the highest first objective.

        Returns:
            The evaluations in the order of their recording; with `best` those that did not fail,
            the best first, of equal ones the older first.
        """
        wanted = Wanted(stage, generation, origin)
        if best is not None:
            wanted = Wanted(stage, generation, origin, False, "fitness", best)
        with self.store.reading() as connection:
            return queries.find_evaluations(connection, queries.numbers(search, wanted))

    def evaluation_rows(
        self, search: Digest, wanted: Wanted | None = None
    ) -> tuple[EvaluationRow, ...]:
        """Return a list of what a search tried, without reading the entries.

        Args:
            search: `Search.id`.
            wanted: Which, and in which order; nothing means all as they were recorded.

        Returns:
            The rows. They say what the index tables say, which `verify` compares with the entries.
        """
        with self.store.reading() as connection:
            return queries.evaluation_rows(connection, search, wanted or Wanted())

    def evaluation(self, candidate: str) -> tuple[RecordedEvaluation, ...]:
        """Return every scoring of a candidate, in whatever search.

        Args:
            candidate: `Candidate.id`, or its first digits with or without ``sha256:``.

        Returns:
            The evaluations in the order of their recording; those of several candidates if
            several ids begin so, and none if the text is no beginning of a digest.
        """
        found = queries.begins(evaluations.c.candidate, candidate)
        if found is None:
            return ()
        query = select(evaluations.c.seq).where(found).order_by(evaluations.c.seq)
        with self.store.reading() as connection:
            return queries.find_evaluations(connection, query)

    def candidate_ids(self, beginning: str, limit: int = 10) -> tuple[Digest, ...]:
        """Return the ids of scored or merged candidates that begin so.

        Args:
            beginning: First digits of `Candidate.id`, with or without ``sha256:``.
            limit: At most so many.

        Returns:
            The ids, sorted, each once; none if the text is no beginning of a digest.
        """
        with self.store.reading() as connection:
            return queries.candidate_ids(connection, beginning, limit)

    def generations(self, search: Digest) -> tuple[RecordedGeneration, ...]:
        """Return the complete generations of a search.

        Args:
            search: `Search.id`.

        Returns:
            Their ends, in the order of their recording.
        """
        query = select(generations.c.seq).where(generations.c.search == search)
        with self.store.reading() as connection:
            return queries.find_generations(connection, query)

    def result(self, search: Digest) -> RecordedResult | None:
        """Return what came out of a search.

        Args:
            search: `Search.id`.

        Returns:
            The result, or nothing if the search did not come to an end.
        """
        query = select(results.c.seq).where(results.c.search == search)
        with self.store.reading() as connection:
            found = queries.find_results(connection, query)
        return found[0] if found else None

    def results_with(self, winner: Digest) -> tuple[RecordedResult, ...]:
        """Return the results that a candidate won.

        Args:
            winner: `Candidate.id`.

        Returns:
            The results, the oldest first.
        """
        query = select(results.c.seq).where(results.c.winner == winner)
        with self.store.reading() as connection:
            return queries.find_results(connection, query)

    def past(self, search: Digest) -> PastSearch:
        """Return how far a search has come: what continuing it begins with.

        Args:
            search: `Search.id`.

        Returns:
            Its complete generations with all their evaluations, and its result. Evaluations of a
            generation that was never closed are left out.

        Raises:
            VerificationError: Generations are missing, doubled, or not as long as they say.
        """
        with self.store.reading() as connection:
            return past_of(queries.course(connection, search), search)

    def standing(
        self, search: Digest, fitness: Fraction, generation: int | None = None
    ) -> tuple[int, int]:
        """Return where a first objective stands among those of a search.

        Args:
            search: `Search.id`.
            fitness: The first objective of a candidate.
            generation: Only among those of this generation.

        Returns:
            Its place, from 1 for the best (equal ones share a place), and how many there are.
        """
        with self.store.reading() as connection:
            return tallies.standing(connection, search, fitness, generation)

    def tally(self, search: Digest) -> Tally:
        """Return what a search amounts to so far, without reading the entries.

        Args:
            search: `Search.id`.

        Returns:
            The numbers.
        """
        with self.store.reading() as connection:
            return tallies.tally(connection, search)
