"""How a check looks on the screen: sources, findings, the verdict for each intent, and duties."""

from collections.abc import Sequence
from itertools import chain

from rich.table import Table
from rich.text import Text

from evoreg.policies.outbound import NOASSERTION
from evoreg.provenance.records.decision import Verdict
from evoreg.registry.checking.checked import Checked, Judged
from evoreg.registry.checking.recipes import of_course
from evoreg.registry.cli.report_text import (
    STYLES,
    Finding,
    Pen,
    card_line,
    disclaimer,
    findings,
    obligations,
    wrapped,
)
from evoreg.registry.cli.screen import Screen, print_table, styled
from evoreg.registry.merging.course import Course

_DEFAULT = "default"
_LONGEST_DUTY = 400


def show_course(screen: Screen, course: Course, name: str = "", today: str = "") -> None:
    """Print warnings, sources and the decision about a recipe file.

    Args:
        screen: Where to print.
        course: Recipes, models and decisions.
        name: What the result is called; paths through the lineage begin with it.
        today: The day of asking, if it is to be told.
    """
    checked = of_course(course, name)
    show_checked(screen, checked)
    show_disclaimer(screen, [checked], today)


def show_checked(screen: Screen, checked: Checked) -> None:
    """Print everything about one target but the disclaimer.

    Args:
        screen: Where to print.
        checked: A target that could be checked.
    """
    for warning in checked.warnings:
        screen.warning(warning)
    show_sources(screen, checked)
    screen.talk.print()
    pen = Pen(checked, screen.talk.width, screen.signs)
    told = [finding for finding in findings(checked) if finding.told]
    _print(screen, told, pen)
    for item in (*checked.judged, *checked.worse):
        _show_verdict(screen, item)
    _show_result(screen, checked, pen)
    _show_duties(screen, checked, pen)


def show_disclaimer(screen: Screen, checked: Sequence[Checked], today: str) -> None:
    """Print what evoreg says and what it does not."""
    for line in wrapped(disclaimer(checked, today), screen.talk.width, 2):
        screen.talk.print(Text(f"  {line}", style="dim"))


def show_sources(screen: Screen, checked: Checked) -> None:
    """Print one line for each model: name, licence, evidence, verdict.

    Args:
        screen: Where to print.
        checked: A target that could be checked.
    """
    table = Table.grid(padding=(0, 2))
    for foreign in (False, False, False, True):
        table.add_column(no_wrap=not foreign)
    for number, source in enumerate(checked.judged[0].decision.sources):
        verdicts = [item.decision.sources[number].verdict for item in checked.judged]
        worst = max(verdicts, key=lambda verdict: verdict.severity)
        name = styled(f"  {source.model}")
        base = source.model in checked.bases
        table.add_row(
            name.append(" (base)", "dim") if base else name,
            styled(source.expression),
            Text(str(worst), style=STYLES[worst]),
            _brief(screen, source.evidence),
        )
    screen.talk.print(Text("Sources", style="bold"))
    print_table(screen.talk, table)


def _brief(screen: Screen, evidence: tuple[str, ...]) -> Text:
    """Return what the licence rests on, cut where the line ends; `--json` has all of it."""
    text = styled(evidence[0] if evidence else "no evidence", "dim")
    unicode = screen.talk.encoding.startswith("utf")
    text.no_wrap, text.overflow = True, "ellipsis" if unicode else "crop"
    return text


def _print(screen: Screen, told: Sequence[Finding], pen: Pen) -> None:
    for line in chain.from_iterable(pen.finding(finding) for finding in told):
        screen.talk.print(line)


def _show_verdict(screen: Screen, item: Judged) -> None:
    verdict, to = item.decision.verdict, screen.signs["to"]
    word = (str(verdict), STYLES[verdict])
    head = Text.assemble(("Gate", "bold"), f"  {item.decision.intent} {to} ", word)
    house = item.decision.policy_name or _DEFAULT
    rest = [f"recipe {item.stage}"] if item.stage else []
    rest += [f"policy {house}"] if house != _DEFAULT else []
    screen.talk.print(head.append_text(styled("".join(f"   {part}" for part in rest))))


def _show_result(screen: Screen, checked: Checked, pen: Pen) -> None:
    """Print the licence that the result would have, unless policy forbids it for every intent."""
    rows: dict[tuple[str, str], None] = {}
    for item in checked.judged:
        outbound = item.decision.outbound
        if outbound != NOASSERTION and item.decision.verdict is not Verdict.BLOCK:
            rows[("licence of the result", outbound)] = None
            rows[("card", card_line(item.card))] = None
    for label, text in rows:
        for line in pen.listed(f"{label}:", text, ""):
            screen.talk.print(line)


def _show_duties(screen: Screen, checked: Checked, pen: Pen) -> None:
    """Print what is owed, once for all sources that ask for the same."""
    for (kind, text), models in obligations(checked).items():
        who = f" ({', '.join(models)})" if models else ""
        # A notice may be a file of many pages; the JSON report has all of it.
        said = text if len(text) <= _LONGEST_DUTY else f"{text[:_LONGEST_DUTY].rstrip()} ..."
        first, *others = pen.listed(f"! {kind.replace('_', ' ')}:", said + who)
        screen.talk.print(Text.assemble(("  ! ", "yellow"), first[4:]))
        for line in others:
            screen.talk.print(line)
