"""The winner: the recipe that a search found goes the ordinary way of a merge.

Policy is asked again, the papers are written, and what is merged must be the candidate that was
evaluated: recipe, weights, seed and engine make its id, which is compared before anything is
written.
"""

from dataclasses import replace
from pathlib import Path

from evoreg.evolve.execution.run import RULES
from evoreg.provenance.records.digest import Digest, short
from evoreg.provenance.records.errors import Code, VerificationError
from evoreg.provenance.records.result import SearchResult
from evoreg.provenance.records.search import Search
from evoreg.registry.candidate_recipe import Export, recipe_text
from evoreg.registry.merging.asking import ask, recorded
from evoreg.registry.merging.course import Course
from evoreg.registry.merging.made import Made, refuse
from evoreg.registry.merging.prepare import Question
from evoreg.registry.merging.survey import Survey, identity_of
from evoreg.registry.searching.gate import Gate
from evoreg.registry.settings import Settings


def winner_text(search: Search, result: SearchResult) -> str:
    """Return the recipe file of the winner: several documents if it stands on earlier results.

    Args:
        search: The search.
        result: What came out of it.

    Returns:
        YAML that `evoreg merge` makes the winner of.
    """
    engine = search.engine
    told = f"{engine.name} {engine.version}, rules {engine.rules}"
    export = Export(
        result.winner, result.recipe, result.earlier, result.merge_seed, search.name, told
    )
    return recipe_text(export, "mergekit_config.yml")


def question_about(gate: Gate, text: str, name: str) -> Question:
    """Return what a merge of a candidate asks.

    Args:
        gate: The models; those that the recipe names are taken as they were found.
        text: The recipe file.
        name: Name of the result.

    Returns:
        Recipe and intent, under the same policy.
    """
    asked = gate.field.wanted.question
    return replace(
        asked,
        recipe=Path(f"the winner of {gate.form.name}"),
        name=name,
        text=text,
        found=gate.inside,
    )


def winner_course(question: Question, settings: Settings) -> Course:
    """Ask policy about the winner, as every merge does.

    Args:
        question: The recipe and the intent.
        settings: Where the ledger is.

    Returns:
        Recipes, models and decisions, ready to be recorded.

    Raises:
        RefusedError: Policy forbids it.
        ReviewError: Evidence is missing.
    """
    course = recorded(ask(question, settings, lambda _model: None))
    for decision in (course.whole.decision, *course.decisions.values()):
        refuse(decision)
    return course


def check_planned(seen: Survey, wanted: Digest) -> None:
    """Check before a merge that it will make the winner.

    Args:
        seen: The plans. A recipe that stands on a result which is still to be made cannot be
            checked yet.
        wanted: `Candidate.id` of the winner.

    Raises:
        VerificationError: It will not.
    """
    leg = seen.final
    if leg.real:
        _check(identity_of(leg.prepared, leg.plan, RULES), wanted)


def check_made(made: Made, wanted: Digest) -> None:
    """Check after a merge that it made the winner.

    Args:
        made: The merge.
        wanted: `Candidate.id` of the winner.

    Raises:
        VerificationError: It did not.
    """
    _check(made.candidate.id, wanted)


def _check(found: Digest, wanted: Digest) -> None:
    if found != wanted:
        raise VerificationError(
            Code.VERIFY_DIGEST,
            f"the merge is candidate {short(found)}, but the search evaluated {short(wanted)}",
            where="the winner's recipe",
            hint="models or evoreg changed since the search; run the search again with --again",
        )
