"""Finding searches and candidates in the ledger, by name or by the first digits of their ids."""

import difflib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import stdev

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.search_values import (
    RecordedEvaluation,
    RecordedResult,
    RecordedSearch,
)
from evoreg.provenance.ledger.values import RecordedCandidate
from evoreg.provenance.records.candidate import Contribution, Engine
from evoreg.provenance.records.digest import Digest, short
from evoreg.provenance.records.errors import Code, InputError, UsageError
from evoreg.provenance.records.evaluation import MILLION, Evaluation, NamedRecipe, TaskScore
from evoreg.provenance.records.recipe import Ingredient, Recipe
from evoreg.provenance.records.search import Search
from evoreg.registry.candidate_recipe import Export, known_places, located
from evoreg.registry.candidate_standing import Standing, standing_of

_DIGITS = re.compile(r"(?:sha256:)?[0-9a-f]{4,64}")
_LISTED = 8
_NO_SEARCH = "`evoreg evolve search.yml` makes one; `evoreg ledger log` shows all entries"


@dataclass(frozen=True)
class Trial:
    """A candidate in a search."""

    recorded: RecordedEvaluation
    """How it was scored."""
    search: RecordedSearch | None
    """The search; nothing if the ledger does not hold it."""
    standing: Standing | None
    """Where it stands; nothing if it has no fitness."""


@dataclass(frozen=True)
class Found:
    """All that the ledger knows about a candidate."""

    candidate: Digest
    """`Candidate.id`."""
    trials: tuple[Trial, ...]
    """How searches scored it, the oldest first."""
    merged: tuple[RecordedCandidate, ...]
    """When it was merged, the oldest first."""
    won: tuple[RecordedResult, ...]
    """Searches that it won."""

    @property
    def recipe(self) -> Recipe:
        """What it is made by."""
        if self.trials:
            return self.trials[0].recorded.evaluation.recipe
        return self.merged[0].candidate.recipe if self.merged else self.won[0].result.recipe

    @property
    def earlier(self) -> tuple[NamedRecipe, ...]:
        """Recipes that it stands on."""
        if self.trials:
            return self.trials[0].recorded.evaluation.earlier
        return () if self.merged else self.won[0].result.earlier

    @property
    def shares(self) -> tuple[Contribution, ...]:
        """Who is inside, as last measured; empty if it never came so far."""
        if self.merged:
            return self.merged[-1].candidate.contributions
        found = (trial.recorded.evaluation.contributions for trial in reversed(self.trials))
        return next((shares for shares in found if shares), ())


def find_search(ledger: Ledger, wanted: str | None) -> tuple[RecordedSearch, int]:
    """Find the search that is meant.

    Args:
        ledger: An open ledger.
        wanted: Its name, or the first digits of its id; nothing means the newest.

    Returns:
        The search; of several runs of one name the newest. And how many are called so.

    Raises:
        InputError: There is no such search (INPUT_MISSING).
        UsageError: The digits mean several searches.
    """
    if wanted is None:
        every = ledger.searches()
        if not every:
            raise InputError(Code.INPUT_MISSING, "no search is recorded here", hint=_NO_SEARCH)
        return every[-1], len(every)
    found = ledger.search(wanted)
    if not found:
        raise _unknown_search(ledger, wanted)
    if len({item.search.name for item in found}) > 1:
        ids = ", ".join(f"{short(item.search.id)} ({item.search.name})" for item in found[:_LISTED])
        what = f"{wanted:.80} means several searches: {ids}"
        raise UsageError(Code.USAGE, what, hint="give more digits, or the name")
    return found[-1], len(found)


def find_candidate(ledger: Ledger, wanted: str) -> Found:
    """Find the candidate that is meant.

    Args:
        ledger: An open ledger.
        wanted: `Candidate.id`, or its first digits (4 at least), with or without ``sha256:``.

    Returns:
        All that is known about it.

    Raises:
        UsageError: No beginning of an id, or that of several candidates.
        InputError: There is no such candidate (INPUT_MISSING).
    """
    if _DIGITS.fullmatch(wanted) is None:
        raise _no_digits(ledger, wanted)
    ids = ledger.candidate_ids(wanted, _LISTED + 1)
    if not ids:
        what = f"there is no candidate {wanted:.80}"
        hint = "`evoreg candidate list SEARCH` shows those of a search"
        raise InputError(Code.INPUT_MISSING, what, hint=hint)
    if len(ids) > 1:
        told = ", ".join(_distinct(ids[:_LISTED])) + (", ..." if len(ids) > _LISTED else "")
        what = f"{wanted:.80} means several candidates: {told}"
        raise UsageError(Code.USAGE, what, hint="give more digits")
    return _found(ledger, ids[0])


def standard_error(score: TaskScore) -> float | None:
    """Return how exact a score is, as far as the number of its items says.

    Args:
        score: A score with the metric of each item.

    Returns:
        The standard error of the mean over the items; nothing for less than two items, or if the
        score is not the mean of its items, as with perplexity.
    """
    count = len(score.items)
    if count < 2 or abs(sum(score.items) / MILLION / count - float(score.value)) > 1e-6:
        return None
    return stdev(score.items) / MILLION / math.sqrt(count)


def gene_names(search: Search | None, evaluation: Evaluation) -> tuple[str, ...]:
    """Return the names of the genes of a genome.

    Args:
        search: Knows the genes of the first stage.
        evaluation: Has the genome.

    Returns:
        One name for each value. Genes of later stages are not recorded by name, and are numbered.
    """
    if search is not None and evaluation.stage == 0 and len(search.genes) == len(evaluation.genome):
        return tuple(gene.name for gene in search.genes)
    return tuple(f"gene {number}" for number in range(1, len(evaluation.genome) + 1))


def export_of(ledger: Ledger, found: Found, here: Path) -> Export:
    """Return what a recipe file of a candidate says.

    Args:
        ledger: Knows where models lie.
        found: The candidate.
        here: Where relative references start.

    Returns:
        The recipe with its seed. Folders that were recorded by their last name alone are named in
        full, if the ledger knows where they lie.
    """
    seed, engine, ingredients = _circumstances(found)
    name = next((t.search.search.name for t in found.trials if t.search), "")
    told = (
        f"{engine.name} {engine.version}, rules {engine.rules}" if engine else "an unknown evoreg"
    )
    export = Export(found.candidate, found.recipe, found.earlier, seed, name, told)
    identities = {item.reference: item.identity for item in ingredients}
    return located(export, known_places(ledger, identities, here))


def _circumstances(found: Found) -> tuple[int, Engine | None, Sequence[Ingredient]]:
    """Return merge seed, engine and ingredients."""
    for trial in found.trials:
        if trial.search is not None:
            search = trial.search.search
            return search.merge_seed, search.engine, search.ingredients
    if found.merged:
        made = found.merged[0].candidate
        return made.seed, made.engine, made.ingredients
    if found.won:
        return found.won[0].result.merge_seed, None, ()
    what = "the search that this candidate belongs to is not recorded, so its seed is not known"
    hint = "run evoreg ledger verify"
    raise InputError(Code.INPUT_MISSING, what, where=found.candidate, hint=hint)


def _found(ledger: Ledger, candidate: Digest) -> Found:
    searches: dict[Digest, RecordedSearch | None] = {}
    trials = []
    for recorded in ledger.evaluation(candidate):
        wanted = recorded.evaluation.search
        if wanted not in searches:
            searches[wanted] = next(iter(ledger.search(wanted)), None)
        trials.append(Trial(recorded, searches[wanted], standing_of(ledger, recorded.evaluation)))
    return Found(
        candidate, tuple(trials), ledger.candidate(candidate), ledger.results_with(candidate)
    )


def _unknown_search(ledger: Ledger, wanted: str) -> InputError:
    names = sorted({item.search.name for item in ledger.searches()})
    hint = _NO_SEARCH
    if names:
        near = difflib.get_close_matches(wanted, names, n=3)
        known = "`evoreg candidate searches` lists all"
        hint = f"did you mean {', '.join(map(repr, near))}? {known}" if near else known
    what = f"there is no search {wanted!r:.80}"
    return InputError(Code.INPUT_MISSING, what, hint=hint)


def _no_digits(ledger: Ledger, wanted: str) -> UsageError:
    hint = "give 4 digits of its id, or more; `evoreg candidate list` shows the ids"
    if ledger.search(wanted):
        hint = f"it is a search: evoreg candidate list {wanted!r:.80}"
    return UsageError(Code.USAGE, f"{wanted!r:.80} is no id of a candidate", hint=hint)


def _distinct(ids: Sequence[Digest]) -> list[str]:
    """Return ids as short as they can be told apart."""
    digits = [item.removeprefix("sha256:") for item in ids]
    length = next((n for n in range(12, 65) if len({d[:n] for d in digits}) == len(digits)), 64)
    return [item[:length] for item in digits]


def versions_of(search: Search) -> Mapping[str, str]:
    """Return evoreg and the libraries that decided scores and genomes, by name."""
    engine = search.engine
    return {engine.name: f"{engine.version} (rules {engine.rules})", **search.versions}
