"""A check as it was asked for: on the screen or into a file, as text, JSON, SARIF or Markdown."""

import io
import json
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.decision import Verdict
from evoreg.provenance.records.errors import Code, UsageError
from evoreg.registry.checking.checked import Checked, Request
from evoreg.registry.cli.exits import OK, REFUSED, REVIEW, exit_code
from evoreg.registry.cli.gate import show_checked, show_disclaimer
from evoreg.registry.cli.report_file import write_report
from evoreg.registry.cli.report_json import check_json
from evoreg.registry.cli.report_text import STYLES
from evoreg.registry.cli.screen import Screen, plain, print_table, styled
from evoreg.registry.cli.steps import show_stages

FORMS = ("text", "json", "sarif", "markdown")
"""The forms of a report."""
_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Report:
    """A check that is to be told."""

    checked: tuple[Checked, ...]
    """The targets."""
    request: Request
    """What was asked."""
    table: bool = False
    """Whether the verdicts for all intents are shown as a table."""

    @property
    def code(self) -> int:
        """The exit code: a refusal comes first, then what could not be checked, then a review."""
        codes = [code_of(item) for item in self.checked]
        faults = [code for code in codes if code not in (OK, REFUSED, REVIEW)]
        order = (REFUSED, *faults, REVIEW)
        return next((code for code in order if code in codes), OK)


def form_of(name: str, *, as_json: bool) -> str:
    """Return the form that was asked for.

    Args:
        name: Value of ``--format``.
        as_json: Whether ``--json`` was given.

    Returns:
        One of `FORMS`.

    Raises:
        UsageError: There is no such form, or two are asked for.
    """
    if name not in FORMS:
        raise UsageError(
            Code.USAGE, f"there is no format {name!r:.40}", hint=f"formats: {', '.join(FORMS)}"
        )
    if as_json and name not in ("text", "json"):
        raise UsageError(
            Code.USAGE,
            f"--json and --format {name} exclude each other",
            hint="leave one of them out",
        )
    return "json" if as_json else name


def code_of(checked: Checked) -> int:
    """Return the exit code of one target.

    Args:
        checked: The target.

    Returns:
        0 if it may be used for all intents that were asked about.
    """
    if checked.failure is not None:
        return exit_code(checked.failure)
    verdict = checked.verdict
    return {Verdict.BLOCK: REFUSED, Verdict.REVIEW: REVIEW}.get(verdict, OK) if verdict else OK


def tell(report: Report, form: str, output: Path | None, screen: Screen) -> None:
    """Tell a check in the form that was asked for.

    Args:
        report: The check.
        form: One of `FORMS`.
        output: The file; then the screen shows the text.
        screen: Where to print.

    Raises:
        OutputError: The file cannot be written.
    """
    if output is not None:
        write_report(output, written(report, form))
        show(report, screen)
    elif form == "text":
        show(report, screen)
    else:
        screen.data.file.write(written(report, form))
        screen.data.file.flush()


def written(report: Report, form: str) -> str:
    """Return a check as a text.

    Args:
        report: The check.
        form: One of `FORMS`.

    Returns:
        The whole content of a file.
    """
    if form == "json":
        return _lines(check_json(report.checked, report.request, report.code))
    if form == "sarif":
        from evoreg.registry.cli.report_sarif import check_sarif

        return _lines(check_sarif(report.checked, report.code))
    if form == "markdown":
        from evoreg.registry.cli.report_markdown import check_markdown

        return check_markdown(report.checked, report.request.today)
    page = io.StringIO()
    console = Console(
        file=page, width=_WIDTH, soft_wrap=True, highlight=False, emoji=False, markup=False,
        no_color=True, force_terminal=False, legacy_windows=False,
    )  # fmt: skip
    show(report, Screen(console, console, False))
    return page.getvalue()


def _lines(document: dict[str, Json]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def show(report: Report, screen: Screen) -> None:
    """Print a check as text: reasons on stderr, verdicts on stdout.

    Args:
        report: The check.
        screen: Where to print.
    """
    several = len(report.checked) > 1
    for item in report.checked:
        if several:
            screen.talk.print(Text.assemble(("Target", "bold"), "  ", styled(item.target)))
        _show_target(screen, item)
        if several:
            screen.talk.print()
    if any(item.judged for item in report.checked):
        show_disclaimer(screen, report.checked, report.request.today)
    if report.table:
        _show_table(screen, report)
        return
    for item in report.checked:
        _show_result(screen, item, plain(f"{item.target}: ") if several else "")


def _show_target(screen: Screen, checked: Checked) -> None:
    for problem in checked.failure.problems if checked.failure else ():
        screen.problem(problem, "error", "bold red")
    if checked.failure is not None:
        return
    show_checked(screen, checked)
    if checked.seen is not None:
        show_stages(screen, checked.seen)
    for problem in checked.missing:
        screen.problem(problem, "review", "bold yellow")


def _show_result(screen: Screen, checked: Checked, start: str) -> None:
    if checked.failure is not None:
        screen.data.print(f"{start}could not be checked")
    seen = checked.seen
    size = ""
    if seen is not None:
        plan = seen.final.plan
        size = f" ({len(plan.outputs)} tensors, {plan.size:,} bytes)"
    for item in checked.judged:
        intent = item.decision.intent
        screen.data.print(f"{start}{checked.verdict_for(intent)}: {intent}{size}")


def _show_table(screen: Screen, report: Report) -> None:
    """Print one line for each target, with its verdict for each intent."""
    table = Table(box=None, padding=(0, 2), pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    for intent in report.request.intents:
        table.add_column(intent, no_wrap=True)
    for item in report.checked:
        cells = [
            _cell(item.verdict_for(intent)) for intent in report.request.intents if item.judged
        ]
        table.add_row(styled(item.target), *(cells or [Text("could not be checked")]))
    print_table(screen.data, table)


def _cell(verdict: Verdict) -> Text:
    return Text(str(verdict), style=STYLES[verdict])
