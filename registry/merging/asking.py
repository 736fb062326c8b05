"""Asking policy about a recipe file: first about all models, then without those that cannot matter.

A model of which nothing will be in the result, for certain and by the plan alone, is left out of
account. The merge makes sure of it afterwards.
"""

from dataclasses import replace

from evoreg.evolve.planning.idle import idle_sources, may_have_idle
from evoreg.evolve.recipes.stream import Stage
from evoreg.policies.inquiry import inquiry_digest
from evoreg.provenance.records.decision import Decision
from evoreg.provenance.records.errors import EvoregError
from evoreg.registry.merging.course import Course, Inquiry, prepare
from evoreg.registry.merging.prepare import Question, Resolved
from evoreg.registry.merging.survey import survey
from evoreg.registry.settings import Settings


def ask(question: Question, settings: Settings, resolved: Resolved) -> Course:
    """Read a recipe file, find and measure its models, and ask policy about what will be inside.

    Args:
        question: Recipe file and intent.
        settings: Where the ledger and the caches are.
        resolved: Told about each model.

    Returns:
        Recipes, models and decisions, whatever their verdicts.

    Raises:
        RecipeError: The file is at fault.
        InputError: A model is missing, unreachable, damaged or hostile. All such models are told.
    """
    return without_idle(prepare(question, settings, resolved))


def without_idle(course: Course) -> Course:
    """Ask again without the models of which nothing will be in a result, if there are any.

    Args:
        course: Recipes, models and decisions.

    Returns:
        The same with new decisions; as it was if nothing can be planned, for then every model
        counts until the reason is told.
    """
    if not any(may_have_idle(stage.read.recipe) for stage in course.stream.stages):
        return course
    try:
        legs = survey(course, "", None, None, papers=False).legs
    except EvoregError:
        return course
    idle = {leg.stage.name: idle_sources(leg.plan) for leg in legs}
    if not any(idle.values()):
        return course
    found = replace(course, idle=idle)
    final = course.stream.final
    whole = replace(
        course.whole,
        decision=_decided(found, final),
        idle=idle[final.name] if not course.several else frozenset(),
        left_out=found.left_out(final),
    )
    decisions = {stage.name: _decided(found, stage) for stage in course.stream.stages[:-1]}
    return replace(found, whole=whole, decisions=decisions)


def recorded(course: Course) -> Course:
    """Note in every decision what it was made from, so that it can be made again.

    Args:
        course: Recipes, models and decisions.

    Returns:
        The same, ready to be written into the ledger.
    """
    stages = course.stream.stages
    inquiries = {stage.name: _inquiry(course, stage) for stage in stages}
    final = inquiries[course.stream.final.name]
    whole = replace(
        course.whole,
        decision=stamped(course.whole.decision, final),
        inquiry=final.value,
        texts=final.texts,
    )
    decisions = {
        name: stamped(decision, inquiries[name]) for name, decision in course.decisions.items()
    }
    return replace(course, whole=whole, decisions=decisions, inquiries=inquiries)


def _decided(course: Course, stage: Stage) -> Decision:
    return course.judge.decide(*_asked(course, stage))


def _inquiry(course: Course, stage: Stage) -> Inquiry:
    return course.judge.inquiry(*_asked(course, stage))


def _asked(course: Course, stage: Stage) -> tuple[str, tuple[str, ...], frozenset[str]]:
    final = stage is course.stream.final
    leaves = tuple(course.whole.models) if final else course.leaves(stage)
    return "" if final else stage.name, leaves, course.left_out(stage)


def stamped(decision: Decision, inquiry: Inquiry) -> Decision:
    """Return a decision that names what it was made from."""
    return decision.model_copy(update={"inquiry": inquiry_digest(inquiry.value)})
