"""How a decision looks on the screen: one line a source, then every reason."""

from rich.table import Table
from rich.text import Text

from evoreg.evolve.recipes.marked import Mark
from evoreg.provenance.records.decision import Decision, Reason, Verdict
from evoreg.registry.cli.screen import Screen, plain, styled
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
_BRIEF = 44
_DISCLAIMER = (
    "evoreg reports what recorded licence texts say about recorded sources; it is not legal advice"
)


def show_sources(screen: Screen, prepared: Prepared) -> None:
    """Print one line for each model: name, licence, evidence, verdict.

    Args:
        screen: Where to print.
        prepared: Recipe, models and decision.
    """
    table = Table.grid(padding=(0, 2))
    for _ in range(5):
        table.add_column(no_wrap=True)
    base = prepared.recipe.base_model
    for source, reference in zip(prepared.decision.sources, prepared.models, strict=False):
        table.add_row(
            styled(f"  {source.model}"),
            styled(source.expression),
            styled(_brief(source.evidence), "dim"),
            Text(str(source.verdict), style=STYLES[source.verdict]),
            Text("base" if reference == base else "", style="dim"),
        )
    screen.talk.print(Text("Sources", style="bold"))
    screen.talk.print(table)


def _brief(evidence: tuple[str, ...]) -> str:
    """Return what the licence rests on in a few words; `evoreg check --json` has all of it."""
    first = evidence[0] if evidence else "no evidence"
    return first if len(first) <= _BRIEF else first[: _BRIEF - 1] + "…"


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
    head = Text("Gate", style="bold").append(Text(f"  {decision.intent} "))
    head.append(Text(screen.signs["to"] + " "))
    head.append(Text(str(decision.verdict), style=STYLES[decision.verdict]))
    if decision.outbound != "NOASSERTION":
        head.append(styled(f"   licence of the result: {decision.outbound}"))
    screen.talk.print(head)
    if decision.verdict.severity < Verdict.REVIEW.severity:
        _show_obligations(screen, decision)
    screen.talk.print(Text(f"  {_DISCLAIMER}", style="dim"))


def _is_note(reason: Reason) -> bool:
    return reason.effect is Verdict.ALLOW


def _show_reason(screen: Screen, prepared: Prepared, reason: Reason) -> None:
    kind, style = _KINDS[reason.effect]
    head = Text(f"{kind}[{reason.code} {reason.name.lower().replace('_', '-')}]", style=style)
    screen.talk.print(head.append(": ").append(styled(reason.message, "bold")))
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
    for item in decision.obligations:
        whom = f"{item.model}: " if item.model else ""
        text = Text("  ! ", style="yellow").append(styled(f"{item.kind.replace('_', ' ')}  "))
        screen.talk.print(text.append(styled(whom + item.text[:160], "dim")))
