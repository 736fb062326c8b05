"""A check as one JSON document; docs/schemas/check.json describes it."""

from collections.abc import Sequence

from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import Problem
from evoreg.registry.checking.checked import Checked, Judged, Request
from evoreg.registry.cli.screen import problem_json
from evoreg.registry.cli.steps import stages_json
from evoreg.registry.settings import evoreg_version

SCHEMA = "evoreg/check/2"
"""Name and version of the form."""


def check_json(checked: Sequence[Checked], request: Request, code: int) -> dict[str, Json]:
    """Return a check as JSON.

    Args:
        checked: The targets.
        request: What was asked.
        code: The exit code.

    Returns:
        The document.
    """
    known = next((item for target in checked for item in target.decisions), None)
    return {
        "schema": SCHEMA,
        "ok": code == 0,
        "exit_code": code,
        "evoreg": evoreg_version(),
        "today": request.today,
        "policy": {"name": request.policy.name, "digest": request.policy.record_digest()},
        "knowledge": None
        if known is None
        else {"version": known.knowledge_version, "digest": known.knowledge},
        "targets": [_target(item) for item in checked],
    }


def _target(checked: Checked) -> dict[str, Json]:
    verdict = checked.verdict
    found: dict[str, Json] = {
        "target": checked.target,
        "kind": checked.kind,
        "verdict": None if verdict is None else str(verdict),
        "intents": [_judged(item) for item in checked.judged],
        "card_fields": _card(checked.judged),
        "missing": _problems(checked.missing),
        "warnings": _problems(_warnings(checked)),
        "problems": _problems(checked.failure.problems if checked.failure else ()),
    }
    if checked.worse:
        found["earlier"] = [{"name": item.stage, **_judged(item)} for item in checked.worse]
    if checked.shares:
        found["shares"] = dict(checked.shares)
    if checked.seen is not None:
        found["tensors"] = len(checked.seen.final.plan.outputs)
        found["bytes"] = checked.seen.final.plan.size
        found["stages"] = stages_json(checked.seen)
    return found


def _judged(item: Judged) -> dict[str, Json]:
    decision = item.decision
    return {
        "intent": decision.intent,
        "verdict": str(item.verdict),
        "decision": decision.to_json(),
    }


def _card(judged: Sequence[Judged]) -> Json:
    return judged[0].card.to_json() if judged else None


def _warnings(checked: Checked) -> tuple[Problem, ...]:
    return (*checked.warnings, *(checked.seen.warnings if checked.seen else ()))


def _problems(problems: Sequence[Problem]) -> list[Json]:
    return [problem_json(problem) for problem in problems]
