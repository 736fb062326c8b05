"""A check in SARIF 2.1.0, the form in which code hosts show findings beside a file.

Locations are relative to the working folder, which should be the root of the repository.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from evoreg.policies.codes import NUMBERS
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.decision import Verdict
from evoreg.provenance.records.errors import Code, Problem
from evoreg.registry.checking.checked import Checked
from evoreg.registry.checking.rules import MEANINGS
from evoreg.registry.cli.report_text import Finding, findings, path_of, share_of
from evoreg.registry.cli.screen import plain
from evoreg.registry.settings import evoreg_version

_LEVELS = {
    Verdict.ALLOW: "note",
    Verdict.ATTRIBUTE: "note",
    Verdict.REVIEW: "warning",
    Verdict.BLOCK: "error",
}
_ORDER = ("note", "warning", "error")


def check_sarif(checked: Sequence[Checked], code: int) -> dict[str, Json]:
    """Return a check as a SARIF log with one run.

    Args:
        checked: The targets.
        code: The exit code.

    Returns:
        The log; what could not be checked is a notification of the tool.
    """
    results = [result for item in checked for result in _results(item)]
    failed = [note for item in checked for note in _notes(item)]
    invocation: dict[str, Json] = {
        "executionSuccessful": all(item.failure is None for item in checked),
        "exitCode": code,
    }
    if failed:
        invocation["toolExecutionNotifications"] = [*failed]
    driver: dict[str, Json] = {
        "name": "evoreg",
        "version": evoreg_version(),
        "rules": [*_rules(checked)],
    }
    run: dict[str, Json] = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "results": [*results],
        "columnKind": "unicodeCodePoints",
        "properties": {"verdict": _worst(checked)},
    }
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return {"$schema": schema, "version": "2.1.0", "runs": [run]}


def _worst(checked: Sequence[Checked]) -> str:
    """Return the worst verdict; ``error`` if something could not be checked and nothing blocks."""
    found = [item.verdict for item in checked]
    known = [verdict for verdict in found if verdict is not None]
    worst = max(known, key=lambda verdict: verdict.severity, default=Verdict.ALLOW)
    return str(worst) if None not in found or worst is Verdict.BLOCK else "error"


def _level(finding: Finding) -> str:
    return "warning" if finding.warns else _LEVELS[finding.reason.effect]


def _shown(checked: Checked) -> Iterator[Finding]:
    return (finding for finding in findings(checked) if finding.told)


def _rules(checked: Sequence[Checked]) -> Iterator[dict[str, Json]]:
    """Yield the rules that were met, by number; each has the worst level it was met with."""
    levels: dict[str, str] = {}
    for finding in (finding for item in checked for finding in _shown(item)):
        code, level = finding.reason.code, _level(finding)
        levels[code] = max(levels.get(code, "note"), level, key=_ORDER.index)
    found = {number: finding for finding, number in NUMBERS.items()}
    for code in sorted(levels):
        yield _rule(code, str(found[code]), MEANINGS[found[code]], levels[code])
    for code in sorted({str(problem.code) for item in checked for problem in item.missing}):
        owed = code == Code.PAPER_MISSING
        meaning = "A paper is owed and missing." if owed else "Files are not as they were recorded."
        yield _rule(code, Code(code).name, meaning, "warning")


def _rule(code: str, name: str, meaning: str, level: str) -> dict[str, Json]:
    about = f"{meaning} This is no legal advice."
    return {
        "id": code,
        "name": "".join(part.capitalize() for part in name.split("_")),
        "shortDescription": {"text": meaning},
        "fullDescription": {"text": about},
        "help": {"text": f"{about} `evoreg check` shows licence, clause, evidence and ways on."},
        "defaultConfiguration": {"level": level},
        "properties": {"tags": ["licence"]},
    }


def _results(checked: Checked) -> Iterator[dict[str, Json]]:
    for finding in _shown(checked):
        yield _result(checked, finding)
    for problem in checked.missing:
        yield _missing(checked, problem)


def _result(checked: Checked, finding: Finding) -> dict[str, Json]:
    reason = finding.reason
    path = path_of(checked, reason)
    properties: dict[str, Json] = {
        "target": plain(checked.target),
        "verdict": str(reason.effect),
        "intents": [*finding.intents],
        "model": plain(reason.model),
        "license": plain(reason.license),
        "clause": plain(reason.clause),
        "evidence": [plain(item) for item in reason.evidence],
        "path": [plain(name) for name in path],
        "fixes": [plain(fix) for fix in reason.fixes],
    }
    share = share_of(checked, reason.model)
    if share:
        properties["share"] = share
    return {
        "ruleId": reason.code,
        "level": _level(finding),
        "message": {"text": _message(finding, path)},
        "locations": [_location(checked, reason.model)],
        "partialFingerprints": {
            "evoreg/1": _fingerprint(
                checked.target, reason.code, reason.model, reason.license, *reason.path
            )
        },
        "properties": properties,
    }


def _message(finding: Finding, path: Sequence[str]) -> str:
    reason = finding.reason
    lines = [plain(reason.message)]
    lines += [f"Path: {' <- '.join(plain(name) for name in path)}."] if path else []
    lines += [f"Fix: {plain(fix)}." for fix in reason.fixes]
    return "\n".join(lines)


def _missing(checked: Checked, problem: Problem) -> dict[str, Json]:
    where = f"{plain(problem.where)}: " if problem.where else ""
    hint = f"\nFix: {plain(problem.hint)}." if problem.hint else ""
    return {
        "ruleId": str(problem.code),
        "level": "warning",
        "message": {"text": f"{where}{plain(problem.what)}{hint}"},
        "locations": [_location(checked, "")],
        "partialFingerprints": {
            "evoreg/1": _fingerprint(checked.target, str(problem.code), problem.where, problem.what)
        },
        "properties": {"target": plain(checked.target), "fixes": [plain(problem.hint)]},
    }


def _location(checked: Checked, label: str) -> dict[str, Json]:
    """Return where a finding belongs: the line of the recipe, else the file of the target."""
    spot = checked.spots.get(label)
    place: dict[str, Json] = {
        "artifactLocation": {"uri": _uri(spot.mark.file if spot else checked.place)}
    }
    if spot is not None:
        place["region"] = {
            "startLine": spot.mark.line,
            "startColumn": spot.mark.column,
            "snippet": {"text": plain(spot.line)},
        }
    elif checked.kind != "hub":
        place["region"] = {"startLine": 1}
    found: dict[str, Json] = {"physicalLocation": place}
    if label:
        found["logicalLocations"] = [{"fullyQualifiedName": plain(label), "kind": "module"}]
    return found


def _uri(place: str) -> str:
    """Return a file as a reference from the working folder, or as an address."""
    if place.startswith("https://"):
        return quote(place, safe=":/@%")
    path = Path(place)
    here = Path.cwd()
    full = path if path.is_absolute() else here / path
    if full.is_relative_to(here):
        return quote(os.fsencode(full.relative_to(here).as_posix()))
    return full.as_uri()


def _fingerprint(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _notes(checked: Checked) -> Iterator[dict[str, Json]]:
    """Yield what was odd, and why a target could not be checked."""
    seen = checked.seen.warnings if checked.seen else ()
    for problem in (*checked.warnings, *seen):
        yield _note(checked, problem, "warning")
    for problem in checked.failure.problems if checked.failure else ():
        yield _note(checked, problem, "error")


def _note(checked: Checked, problem: Problem, level: str) -> dict[str, Json]:
    parts = (plain(part) for part in (checked.target, problem.where, problem.what) if part)
    hint = f" ({plain(problem.hint)})" if problem.hint else ""
    return {
        "descriptor": {"id": str(problem.code)},
        "level": level,
        "message": {"text": ": ".join(parts) + hint},
    }
