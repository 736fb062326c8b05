"""``evoreg check``: everything that ``merge`` would check, without loading a weight."""

import os
from pathlib import Path

import typer

from evoreg.registry.cli import options
from evoreg.registry.cli.exits import OK, REFUSED, REVIEW
from evoreg.registry.cli.screen import Screen, problem_json


def check(
    recipe: options.Recipe,
    intent: options.IntentName = "commercial",
    name: options.CheckedName = None,
    users: options.Users = None,
    revenue: options.Revenue = None,
    domicile: options.Domicile = None,
    territory: options.Territory = None,
    lenient: options.Lenient = False,
    offline: options.Offline = False,
    as_json: options.AsJson = False,
) -> int:
    """Check a recipe: grammar, models, licences. Merges nothing; keeps only digests of files.

    Of several recipes in one file all are checked, each after those that it uses.

    Exit code 0: may be merged for this intent; 3: refused by policy; 8: evidence is incomplete.
    """
    from evoreg.provenance.records.decision import Verdict
    from evoreg.registry.cli import asked
    from evoreg.registry.cli.gate import show_course
    from evoreg.registry.cli.steps import show_stages, stages_json
    from evoreg.registry.merging.course import prepare
    from evoreg.registry.merging.prepare import Question
    from evoreg.registry.merging.survey import survey
    from evoreg.registry.settings import settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=offline)
    context = asked.context(users, revenue, domicile, territory)
    question = Question(recipe, asked.intent(intent), name, context, lenient)
    course = prepare(question, settings, lambda _model: None)
    show_course(screen, course)
    seen = survey(course, name or recipe.stem, None, None)
    show_stages(screen, seen)
    verdict, plan = course.verdict, seen.final.plan
    code = {Verdict.BLOCK: REFUSED, Verdict.REVIEW: REVIEW}.get(verdict, OK)
    missing = seen.missing if code == OK else ()
    for problem in missing:
        screen.problem(problem, "review", "bold yellow")
    code = REVIEW if missing else code
    if as_json:
        screen.raw(
            {
                "schema": "evoreg/check/1",
                "ok": code == OK,
                "exit_code": code,
                "decision": course.whole.decision.to_json(),
                "tensors": len(plan.outputs),
                "bytes": plan.size,
                "missing": [problem_json(item) for item in missing],
                "warnings": [problem_json(x) for x in (*course.stream.warnings, *seen.warnings)],
                "stages": stages_json(seen),
            }
        )
    else:
        size = f"{len(plan.outputs)} tensors, {plan.size:,} bytes"
        word = Verdict.REVIEW if missing else verdict
        screen.data.print(f"{word}: {intent} ({size})")
    raise typer.Exit(code)
