"""How a decision looks on the screen: one line a source, then every reason."""

from dataclasses import replace

from rich.table import Table
from rich.text import Text

from evoreg.evolve.recipes.marked import Mark
from evoreg.provenance.records.decision import Decision, Reason, Verdict
from evoreg.registry.cli.screen import Screen, plain, print_table, styled
from evoreg.registry.merging.course import Course
from evoreg.registry.merging.prepare import Prepared

STYLES = {
    Verdict.ALLOW: "green",
    Verdict.ATTRIBUTE: "green",
    Verdict.REVIEW: "yellow",
    Verdict.BLOCK: "bold red",
}
"""Colour of each verdict."""

_KINDS = {
    Verdict.ALLOW: ("note", "bold blue"),
    Verdict.ATTRIBUTE: ("note", "bold blue"),
    Verdict.REVIEW: ("review", "bold yellow"),
    Verdict.BLOCK: ("error", "bold red"),
}
_DISCLAIMER = (
    "evoreg reports what recorded licence texts say about recorded sources; it is not legal advice"
)


def show_course(screen: Screen, course: Course) -> None:
    """Print warnings, sources and the decision about a recipe file.

    Args:
        screen: Where to print.
        course: Recipes, models and decisions.
    """
    for warning in (*course.stream.warnings, *course.whole.problems):
        screen.warning(warning)
    show_sources(screen, course.whole)
    show_decision(screen, course.whole)
    for name, decision in course.decisions.items():
        if decision.verdict.severity > course.whole.decision.verdict.severity:
            screen.talk.print(Text.assemble(("Gate", "bold"), styled(f"  of the recipe {name}")))
            show_decision(screen, replace(course.whole, decision=decision))


def show_sources(screen: Screen, prepared: Prepared) -> None:
    """Print one line for each model: name, licence, evidence, verdict.

    Args:
        screen: Where to print.
        prepared: Recipe, models and decision.
    """
    table = Table.grid(padding=(0, 2))
    for foreign in (False, False, False, True):
        table.add_column(no_wrap=not foreign)
    base = prepared.recipe.base_model
    for source, reference in zip(prepared.decision.sources, prepared.models, strict=False):
        name = styled(f"  {source.model}")
        table.add_row(
            name.append(" (base)", "dim") if reference == base else name,
            styled(source.expression),
            Text(str(source.verdict), style=STYLES[source.verdict]),
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


def show_decision(screen: Screen, prepared: Prepared) -> None:
    """Print the verdict with every reason, and what a release would owe.

    Args:
        screen: Where to print.
        prepared: Recipe, models and decision.
    """
    decision = prepared.decision
    screen.talk.print()
    for reason in decision.reasons:
        if reason.effect.severity >= Verdict.REVIEW.severity or _is_note(reason):
            _show_reason(screen, prepared, reason)
    to = screen.signs["to"]
    word = (str(decision.verdict), STYLES[decision.verdict])
    head = Text.assemble(("Gate", "bold"), f"  {decision.intent} {to} ", word)
    if decision.outbound != "NOASSERTION" and decision.verdict is not Verdict.BLOCK:
        head.append_text(styled(f"   licence of the result: {decision.outbound}"))
    screen.talk.print(head)
    if decision.verdict.severity < Verdict.REVIEW.severity:
        _show_obligations(screen, decision)
    screen.talk.print(Text(f"  {_DISCLAIMER}", style="dim"))


def _is_note(reason: Reason) -> bool:
    return reason.effect is Verdict.ALLOW


def _show_reason(screen: Screen, prepared: Prepared, reason: Reason) -> None:
    kind, style = _KINDS[reason.effect]
    name = reason.name.lower().replace("_", "-")
    head = Text.assemble((f"{kind}[{reason.code} {name}]", style), ": ")
    screen.talk.print(head.append_text(styled(reason.message, "bold")))
    mark = _mark(prepared, reason.model)
    if mark is not None:
        _show_line(screen, prepared, mark, reason.license, style)
    elif reason.model:
        screen.talk.print(Text("  --> ", style="blue").append(styled(reason.model)))
    rows = [("licence", reason.license), ("clause", reason.clause)]
    rows += [("evidence", item) for item in reason.evidence]
    if len(reason.path) > 1:
        arrow = f" {screen.signs['under']} "
        rows.append(("path", arrow.join(reason.path)))
    rows += [("fix", fix) for fix in reason.fixes]
    for label, text in rows:
        if text:
            screen.talk.print(Text(f"  = {label}: ", style="cyan").append(styled(text)))
    screen.talk.print()


def _mark(prepared: Prepared, label: str) -> Mark | None:
    for found in prepared.models.values():
        if found.model.label == label:
            return prepared.read.places.get(found.reference)
    return None


def _show_line(screen: Screen, prepared: Prepared, mark: Mark, licence: str, style: str) -> None:
    """Print the line of the recipe that is meant, with the reference underlined."""
    lines = prepared.read.text.splitlines()
    line = plain(lines[mark.line - 1]) if mark.line <= len(lines) else ""
    number = str(mark.line)
    gap = " " * len(number)
    bar = screen.signs["bar"]
    length = max(len(line[mark.column - 1 :].split("#")[0].split(" ")[0].rstrip()), 1)
    screen.talk.print(Text(f"{gap} --> ", style="blue").append(styled(str(mark))))
    screen.talk.print(Text(f"{gap} {bar}", style="blue"))
    screen.talk.print(Text(f"{number} {bar} ", style="blue").append(styled(line)))
    under = " " * (mark.column - 1) + "^" * length
    screen.talk.print(
        Text(f"{gap} {bar} ", style="blue")
        .append(Text(under, style=style))
        .append(" ")
        .append(styled(licence, style))
    )


def _show_obligations(screen: Screen, decision: Decision) -> None:
    """Print what is owed, once for all sources that ask for the same."""
    owed: dict[tuple[str, str], list[str]] = {}
    for item in decision.obligations:
        owed.setdefault((item.kind, item.text), []).extend([item.model] if item.model else [])
    for (kind, text), models in owed.items():
        line = Text.assemble(("  ! ", "yellow"), kind.replace("_", " "), ": ")
        line.append_text(styled(text, "dim"))
        screen.talk.print(line.append_text(styled(f" ({', '.join(models)})" if models else "")))
