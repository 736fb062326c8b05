"""A check as Markdown, for a pull request or the summary of a job.

Names, licences and evidence come from strangers: all of it goes through the escape of the papers.
"""

from collections.abc import Iterator, Sequence

from evoreg.policies.outbound import NOASSERTION
from evoreg.provenance.papers.escape import Markdown, markdown
from evoreg.provenance.records.decision import Verdict
from evoreg.provenance.records.errors import Problem
from evoreg.registry.checking.checked import Checked, Judged
from evoreg.registry.cli.report_text import (
    Finding,
    card_line,
    disclaimer,
    findings,
    obligations,
    path_of,
    share_of,
)

_SIGNS = {
    Verdict.ALLOW: "✅",
    Verdict.ATTRIBUTE: "✅",
    Verdict.REVIEW: "⚠️",
    Verdict.BLOCK: "❌",
}
_LONGEST = 2000
_MOST = 100


def check_markdown(checked: Sequence[Checked], today: str) -> str:
    """Return a check as a Markdown text.

    Args:
        checked: The targets.
        today: The day of the report.

    Returns:
        Headings, tables and folded details; ends in a line end.
    """
    lines = ["# evoreg check", "", *_overview(checked)]
    for item in checked:
        lines += ["", f"## {_safe(item.target)}", ""]
        lines += _target(item) if item.judged else _failure(item)
    lines += ["", f"*{_safe(disclaimer(checked, today))}.*"]
    return "\n".join(lines) + "\n"


def _safe(text: str) -> Markdown:
    return markdown(text, _LONGEST)


def _overview(checked: Sequence[Checked]) -> Iterator[str]:
    intents = list(dict.fromkeys(i.decision.intent for item in checked for i in item.judged))
    yield f"| target | {' | '.join(intents) or 'verdict'} |"
    yield f"|---|{'---|' * max(len(intents), 1)}"
    for item in checked:
        cells = [_cell(item.verdict_for(intent)) for intent in intents if item.judged]
        cells = cells or ["❌ could not be checked"] * max(len(intents), 1)
        yield f"| {_safe(item.target)} | {' | '.join(cells)} |"


def _cell(verdict: Verdict) -> str:
    return f"{_SIGNS[verdict]} {verdict}"


def _failure(checked: Checked) -> Iterator[str]:
    for problem in checked.failure.problems if checked.failure else ():
        yield _problem(problem)


def _problem(problem: Problem) -> str:
    where = f"{_safe(problem.where)}: " if problem.where else ""
    hint = f" *{_safe(problem.hint)}*" if problem.hint else ""
    return f"* `{problem.code}` {where}{_safe(problem.what)}{hint}"


def _target(checked: Checked) -> Iterator[str]:
    yield from _sources(checked)
    told = [finding for finding in findings(checked) if finding.told]
    if told:
        yield from ("", "### Findings", "")
        for finding in told[:_MOST]:
            yield from _finding(checked, finding)
        if len(told) > _MOST:
            yield f"… and {len(told) - _MOST} more; `evoreg check --json` has all of them."
    if checked.missing:
        yield from ("", "### Missing or changed", "")
        yield from (_problem(problem) for problem in checked.missing)
    yield from _result(checked.judged[0])
    yield from _duties(checked)
    if checked.warnings:
        yield from ("", "### Warnings", "")
        yield from (_problem(problem) for problem in checked.warnings)


def _sources(checked: Checked) -> Iterator[str]:
    shares = bool(checked.shares)
    yield f"| source | licence |{' share |' if shares else ''} verdict |"
    yield f"|---|---|{'--:|' if shares else ''}---|"
    for number, source in enumerate(checked.judged[0].decision.sources):
        verdicts = [item.decision.sources[number].verdict for item in checked.judged]
        worst = max(verdicts, key=lambda verdict: verdict.severity)
        base = " *(base)*" if source.model in checked.bases else ""
        share = f" {share_of(checked, source.model)} |" if shares else ""
        name = f"{_safe(source.model)}{base}"
        yield f"| {name} | {_safe(source.expression)} |{share} {_cell(worst)} |"


def _finding(checked: Checked, finding: Finding) -> Iterator[str]:
    """Yield one finding, folded."""
    reason = finding.reason
    sign = "⚠️" if finding.warns else _SIGNS[reason.effect]
    if reason.effect in (Verdict.ALLOW, Verdict.ATTRIBUTE) and not finding.warns:
        sign = "ℹ️"
    head = f"{sign} <b>{reason.code} {_safe(reason.name)}</b>: {_safe(reason.message)}"
    yield from (f"<details><summary>{head}</summary>", "")
    for label, text in _rows(checked, finding):
        yield f"* {label}: {_safe(text)}"
    yield from ("", "</details>", "")


def _rows(checked: Checked, finding: Finding) -> list[tuple[str, str]]:
    reason = finding.reason
    spot = checked.spots.get(reason.model)
    rows = [
        ("where", str(spot.mark) if spot else ""),
        ("model", reason.model),
        ("share", share_of(checked, reason.model)),
        ("licence", reason.license),
        *(("evidence", item) for item in reason.evidence),
        ("clause", reason.clause),
        ("path", " ← ".join(path_of(checked, reason))),
        ("recipe", finding.stage),
        ("intents", ", ".join(finding.intents)),
        *(("fix", fix) for fix in reason.fixes),
    ]
    return [(label, text) for label, text in rows if text]


def _result(item: Judged) -> Iterator[str]:
    if item.decision.outbound == NOASSERTION or item.decision.verdict is Verdict.BLOCK:
        return
    yield from ("", "### Licence of the result", "")
    yield f"* expression: {_safe(item.decision.outbound)}"
    yield f"* card: {_safe(card_line(item.card))}"


def _duties(checked: Checked) -> Iterator[str]:
    owed = obligations(checked)
    if owed:
        yield from ("", "### What a release owes", "")
    for (kind, text), models in owed.items():
        who = f" ({_safe(', '.join(models))})" if models else ""
        yield f"* {kind.replace('_', ' ')}: {_safe(text)}{who}"
