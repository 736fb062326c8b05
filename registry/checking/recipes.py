"""Checking a recipe file: everything that a merge would check, without loading a weight."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from evoreg.policies.outbound import card_fields
from evoreg.provenance.papers.words import begins_with, name_prefix
from evoreg.provenance.records.decision import Decision, Intent
from evoreg.provenance.records.errors import Code, Problem
from evoreg.registry.checking.checked import Checked, Judged, Request, Spot
from evoreg.registry.merging.asking import without_idle
from evoreg.registry.merging.course import Course, prepare
from evoreg.registry.merging.prepare import Prepared, Question
from evoreg.registry.merging.survey import survey
from evoreg.registry.settings import Settings


def check_recipe(target: str, request: Request, settings: Settings) -> Checked:
    """Check a recipe: grammar, models, licences, shapes, and the papers that will be owed.

    Args:
        target: Path of the recipe file.
        request: What is asked.
        settings: Where the ledger and the caches are.

    Returns:
        The decisions and plans, whatever the verdicts.

    Raises:
        RecipeError: The recipe is at fault.
        InputError: A model is missing, unreachable, damaged or hostile.
        MergeError: The models do not fit each other.
    """
    path = Path(target)
    name = request.name or path.stem
    courses = _courses(path, request, settings)
    absent = _absent(courses[0])
    plans = () if absent else tuple(survey(c, _title(c, request), None, None) for c in courses)
    found = of_course(courses[0], name)
    missing = [seen.missing for seen in plans] or [()] * len(courses)
    pairs = zip(courses, missing, strict=True)
    return replace(
        found,
        target=target,
        judged=tuple(replace(_whole(course), missing=papers) for course, papers in pairs),
        worse=tuple(item for course in courses for item in _worse(course)),
        warnings=(*found.warnings, *absent),
        seen=plans[0] if plans else None,
    )


def of_course(course: Course, name: str) -> Checked:
    """Return what is known about a recipe once its licences were decided.

    Args:
        course: Recipes, models and decisions.
        name: What the result is called.

    Returns:
        The decisions, without plans and papers.
    """
    whole = course.whole
    return Checked(
        target=whole.read.file,
        kind="recipe",
        place=whole.read.file,
        subject=name,
        judged=(_whole(course),),
        worse=tuple(_worse(course)),
        spots=_spots(whole),
        bases=_bases(whole),
        warnings=(*course.stream.warnings, *whole.problems),
    )


def _courses(path: Path, request: Request, settings: Settings) -> list[Course]:
    """Return the decisions for each intent; the models are looked for once."""
    question = Question(
        path,
        request.intents[0],
        request.name,
        request.context,
        policy=request.policy,
        own=request.own,
        today=request.today,
        lenient=request.lenient,
        papers_only=True,
    )
    first = prepare(question, settings, lambda _model: None)
    others = (_again(first, intent) for intent in request.intents[1:])
    return [without_idle(course) for course in (first, *others)]


def _again(course: Course, intent: Intent) -> Course:
    """Ask about another intent."""
    judge = replace(course.judge, question=replace(course.judge.question, intent=intent))
    whole = replace(course.whole, decision=judge.decide("", tuple(course.whole.models)))
    decisions = {
        stage.name: judge.decide(stage.name, course.leaves(stage))
        for stage in course.stream.stages[:-1]
    }
    return replace(course, whole=whole, decisions=decisions, judge=judge)


def _title(course: Course, request: Request) -> str:
    """Return the name that the papers are checked under.

    Where none was chosen, a naming rule is a duty like others: the file's name is made to keep it.
    """
    if request.name:
        return request.name
    decisions = (course.whole.decision, *course.decisions.values())
    owed = (item for found in decisions for item in found.obligations)
    prefixes = {name_prefix(item) for item in owed if item.kind == "name_prefix"}
    longest = max(prefixes, key=lambda prefix: (len(prefix), prefix), default="")
    own = course.judge.question.recipe.stem
    return own if begins_with(own, longest) else f"{longest}-{own}"


def _absent(course: Course) -> tuple[Problem, ...]:
    """Return a note if weights are not here: then nothing but the licences can be checked."""
    names = [found.model.label for found in course.whole.models.values() if not found.complete]
    if not names:
        return ()
    what = f"the weights of {', '.join(names)} are not here: shapes and sizes were not checked"
    return (Problem(Code.INPUT_MISSING, what, course.whole.read.file, "evoreg merge fetches them"),)


def _whole(course: Course) -> Judged:
    return _judged(course, course.whole.decision)


def _worse(course: Course) -> Iterator[Judged]:
    """Yield the decisions about earlier results that are worse than the one about the whole."""
    for name, decision in course.decisions.items():
        if decision.verdict.severity > course.whole.decision.verdict.severity:
            yield _judged(course, decision, name)


def _judged(course: Course, decision: Decision, stage: str = "") -> Judged:
    return Judged(decision, card_fields(decision.outbound, course.whole.knowledge), stage)


def _spots(prepared: Prepared) -> Mapping[str, Spot]:
    """Return where each model of a recipe stands first, by label."""
    lines = prepared.read.text.splitlines()
    found: dict[str, Spot] = {}
    for model in prepared.models.values():
        mark = prepared.read.places.get(model.reference)
        if mark is not None:
            line = lines[mark.line - 1] if mark.line <= len(lines) else ""
            found.setdefault(model.model.label, Spot(mark, line))
    return found


def _bases(prepared: Prepared) -> frozenset[str]:
    base = prepared.recipe.base_model
    found = prepared.models.get(base) if base is not None else None
    return frozenset() if found is None else frozenset({found.model.label})
