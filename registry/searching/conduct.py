"""Carrying a search out, with its books, from the beginning or from where it was stopped."""

import time
from dataclasses import dataclass
from typing import Protocol

from evoreg.evolve.search.checks import refuse_unfit
from evoreg.evolve.search.observer import Observer, Past
from evoreg.evolve.search.run import run_search
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.errors import EvoregError, Problem
from evoreg.provenance.records.result import SearchResult
from evoreg.provenance.records.search import Search
from evoreg.registry.candidate_recipe import Export, recipe_text
from evoreg.registry.ledger_keys import signing_key
from evoreg.registry.merging.asking import ask
from evoreg.registry.merging.course import Inquiry
from evoreg.registry.merging.survey import survey
from evoreg.registry.releasing.carry import check_grown
from evoreg.registry.searching.books import Books, Both, begun_from, past_of
from evoreg.registry.searching.earlier import Begin, Manner, alone, begin, warm_start
from evoreg.registry.searching.setup import Draft, opened
from evoreg.registry.searching.stages import Begun
from evoreg.registry.searching.winner import question_about
from evoreg.registry.settings import Settings, now


class Watch(Observer, Protocol):
    """Shows a search while it runs."""

    def begins(self, search: Search, past: Past, begun: Begun) -> None:
        """Be told that the search begins, or goes on behind what is on record."""
        ...

    def booked(self) -> None:
        """Be told that the search is on record, so that it can go on if it is stopped."""
        ...


@dataclass(frozen=True)
class Conducted:
    """A search that came to its end."""

    search: Search
    """Its record."""
    result: SearchResult
    """What came out."""
    past: Past
    """What was on record before."""
    seconds: float
    """Time that it took now."""
    bookkeeping: float
    """Part of it that was spent on writing the ledger, in seconds."""

    @property
    def known(self) -> bool:
        """Whether the result was on record already."""
        return self.past.result is not None


def conduct(
    found: Draft, inquiry: Inquiry, settings: Settings, manner: Manner, watch: Watch
) -> Conducted:
    """Carry a search out.

    Args:
        found: The search.
        inquiry: What the decision about its models was made from.
        settings: Where the ledger is.
        manner: Whether it must be new, go on, or run once more.
        watch: Is told how it goes; of each generation after it was recorded.

    Returns:
        The result; if it was on record nothing is done.

    Raises:
        UsageError: It was begun before, or never; or another process is at it.
        VerificationError: It does not repeat its past.
        EvaluationError: Nothing could be scored.
        InputError: A model changed or is gone, or the ledger cannot be reached.
        VerificationError: The ledger does not continue the checkpoint that was kept of it.
    """
    began = time.monotonic()
    signing_key(settings)  # what would stop the winner's merge is told before the search
    with open_ledger(settings.ledger, actor=settings.actor, clock=now) as ledger:
        check_grown(ledger, settings)
        chosen = begin(ledger, found.search, manner)
        if chosen.recorded is not None:
            watch.booked()
        with alone(settings, chosen.search):
            books = Books(ledger)
            begun = _begun(ledger, chosen, found)
            past = past_of(ledger, chosen.search.id)
            with opened(found, chosen.search, begun, books.best_parent) as setup:
                if past.result is None:  # what does not go together is told before it is recorded
                    refuse_unfit(setup)
                    setup.stages.first()
                watch.begins(chosen.search, past, begun)
                if chosen.recorded is None:
                    books.begin(chosen.search, found.gate, inquiry, begun)
                    watch.booked()
                result = run_search(setup, Both(books, watch), past, clock=time.monotonic)
    return Conducted(chosen.search, result, past, time.monotonic() - began, books.seconds)


def _begun(ledger: Ledger, chosen: Begin, found: Draft) -> Begun:
    if chosen.recorded is not None:
        return begun_from(chosen.recorded.extra)
    warm = found.gate.form.economy.warm_start
    return warm_start(ledger, chosen.search, found.space) if warm else Begun()


def papers_missing(found: Draft, name: str, settings: Settings) -> tuple[Problem, ...]:
    """Look ahead for papers that the winner will owe and that cannot be written.

    Args:
        found: The search.
        name: Name of the result.
        settings: Where the ledger is.

    Returns:
        What is missing, such as the text of a licence; found on the candidate that the search
        begins at, before anything is scored.
    """
    try:
        recipe = found.space.recipe(tuple(gene.start for gene in found.space.genes))
        seed = found.search.merge_seed
        text = recipe_text(Export(digest_of(b""), recipe, (), seed, "", ""))
        course = ask(question_about(found.gate, text, name), settings, lambda _model: None)
        return survey(course, name, seed, None).missing
    except EvoregError:  # the merge of the winner will tell
        return ()
