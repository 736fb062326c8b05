"""How the check of a release looks on the screen and as JSON."""

from pathlib import Path

from rich.text import Text

from evoreg.provenance.proofs.note import to_base64
from evoreg.provenance.records.canonical import Json
from evoreg.registry.cli.exits import INPUT, OK, UNVERIFIED
from evoreg.registry.cli.screen import Screen, plain, problem_json, styled
from evoreg.registry.releasing.evidence import Evidence
from evoreg.registry.releasing.verify import ReleaseReport

_MOST_BESIDE = 10


def tell(screen: Screen, report: ReleaseReport, folder: Path) -> int:
    """Print what was found out about a release.

    Args:
        screen: Where to print; one JSON document if it is asked for.
        report: What was found.
        folder: The folder as the user named it.

    Returns:
        The exit code: 0 if the release holds, 5 if only something to compare with is missing,
        otherwise 4.
    """
    code = OK if report.holds else INPUT if report.incomplete else UNVERIFIED
    if screen.json:
        screen.raw(
            {
                "schema": "evoreg/release-verify/1",
                "ok": report.holds,
                "exit_code": code,
                "folder": str(folder),
                **report_json(report),
            }
        )
        return code
    for problem in report.problems:
        screen.problem(problem, "error", "bold red")
    _show_checks(screen, report)
    _show_beside(screen, report)
    _show_verdict(screen, report, folder)
    return code


def _show_checks(screen: Screen, report: ReleaseReport) -> None:
    signs = {True: ("ok", "green"), False: ("no", "red"), None: ("dot", "dim")}
    for check in report.checks:
        sign, style = signs[check.ok]
        line = Text.assemble((screen.signs[sign], style), f" {check.about:<10} ")
        screen.data.print(line.append_text(styled(check.text)))


def _show_beside(screen: Screen, report: ReleaseReport) -> None:
    if not report.beside:
        return
    names = ", ".join(report.beside[:_MOST_BESIDE])
    more = len(report.beside) - _MOST_BESIDE
    rest = f" and {more} more" if more > 0 else ""
    line = f"{screen.signs['dot']} {'beside':<10} no entry speaks of {names}{rest}"
    screen.data.print(styled(line))


def _show_verdict(screen: Screen, report: ReleaseReport, folder: Path) -> None:
    release = report.evidence.release
    name = plain(str(folder))
    if release is not None and release.name != folder.name:
        name += f" ({plain(release.name)})"
    if report.holds and release is not None:
        told = f"{name} is what was recorded: {release.license}, for {release.intent} use"
        screen.data.print(styled(f"{screen.signs['ok']} {told}", "bold green"))
    elif report.incomplete:
        told = f"{name} could not be compared with all that was asked for"
        screen.data.print(styled(f"{screen.signs['no']} {told}", "bold yellow"))
    else:
        count = len(report.problems)
        told = f"{name} does not hold: {count} problem{'s' if count != 1 else ''}"
        screen.data.print(styled(f"{screen.signs['no']} {told}", "bold red"))


def report_json(report: ReleaseReport) -> dict[str, Json]:
    """Return what was found out as JSON.

    Args:
        report: What was found.

    Returns:
        The fields of ``evoreg/release-verify/1`` beside those that every document has.
    """
    evidence = report.evidence
    candidate, release, signed = evidence.candidate, evidence.release, evidence.signed
    return {
        "name": release.name if release is not None else None,
        "license": release.license if release is not None else None,
        "intent": release.intent if release is not None else None,
        "candidate": candidate.id if candidate is not None else None,
        "decision": release.decision if release is not None else None,
        "entries": _entries(evidence),
        "checkpoint": _checkpoint(evidence),
        "signers": [*signed.signers] if signed is not None else [],
        "checks": [{"about": one.about, "ok": one.ok, "text": one.text} for one in report.checks],
        "beside": [*report.beside],
        "errors": [problem_json(problem) for problem in report.problems],
    }


def _entries(evidence: Evidence) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for kind, entry in evidence.entries.items():
        body = evidence.bodies.get(kind)
        said = {"at": body.at, "by": body.by} if body is not None else {}
        found[kind] = {"seq": entry.seq, "hash": entry.hash, **said}
    return found


def _checkpoint(evidence: Evidence) -> Json:
    checkpoint = evidence.checkpoint
    if checkpoint is None:
        return None
    root = to_base64(checkpoint.root)
    return {"origin": checkpoint.origin, "size": checkpoint.size, "root": root}
