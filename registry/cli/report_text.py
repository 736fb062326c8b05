"""How findings look to a person: a headline, the line of the recipe, evidence, path, ways on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.text import Text

from evoreg.policies.outbound import CardFields
from evoreg.provenance.records.decision import Intent, Reason, Verdict
from evoreg.registry.checking.checked import Checked, Spot
from evoreg.registry.cli.screen import plain

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
_WARNING = ("warning", "bold yellow")
_POLICY = "EVL7"
_OWED = "EVL109"
_NARROWEST = 24
_GLUE = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A reason, with the intents that it is about."""

    reason: Reason
    """The reason, with its worst effect."""
    intents: tuple[Intent, ...]
    """Where it was found; of interest only if several were asked about."""
    stage: str = ""
    """The recipe whose result it is about; empty for the target itself."""

    @property
    def warns(self) -> bool:
        """Whether it is a warning about the policy itself."""
        return self.reason.effect is Verdict.ALLOW and self.reason.code.startswith(_POLICY)

    @property
    def told(self) -> bool:
        """Whether a person wants to read it; that something is owed stands with the duties."""
        return self.reason.code != _OWED


def findings(checked: Checked) -> tuple[Finding, ...]:
    """Return every reason once, worst first, whatever the number of intents.

    Args:
        checked: A target.

    Returns:
        Reasons that differ in nothing but their effect are one.
    """
    found: dict[tuple[str, Reason], Finding] = {}
    for item in (*checked.judged, *checked.worse):
        for reason in item.decision.reasons:
            key = (item.stage, reason.model_copy(update={"effect": Verdict.ALLOW, "fixes": ()}))
            found[key] = _joined(found.get(key), reason, item.decision.intent, item.stage)
    return tuple(sorted(found.values(), key=lambda item: -item.reason.effect.severity))


def _joined(before: Finding | None, reason: Reason, intent: Intent, stage: str) -> Finding:
    if before is None:
        return Finding(reason, (intent,), stage)
    worse = max(before.reason, reason, key=lambda item: item.effect.severity)
    fixes = tuple(dict.fromkeys((*before.reason.fixes, *reason.fixes)))
    intents = tuple(dict.fromkeys((*before.intents, intent)))
    joined = worse.model_copy(update={"fixes": fixes})
    return replace(before, reason=joined, intents=intents)


def path_of(checked: Checked, reason: Reason) -> tuple[str, ...]:
    """Return how the terms reach the result, the result first.

    Args:
        checked: The target.
        reason: One of its reasons.

    Returns:
        Names from the result to where the terms were found; nothing where there is no way to show.
    """
    path = reason.path or ((reason.model,) if reason.model else ())
    whole = (checked.subject, *path) if checked.subject and path else path
    return whole if len(whole) > 1 else ()


def share_of(checked: Checked, label: str) -> str:
    """Return the share of a source in the result in per cent; empty if it is not known."""
    # A label may say more about where the model was found: "name@1c7e0d2 (ledger entry 3)".
    share = checked.shares.get(label) or checked.shares.get(label.partition(" (")[0])
    return f"{100 * float(share):.1f} %" if share is not None else ""


def wrapped(text: str, width: int, indent: int) -> list[str]:
    """Cut text into lines at blanks; what has no blank stays whole, and several blanks are one.

    Args:
        text: One line of plain text.
        width: Columns of the terminal.
        indent: Columns that are taken on every line.

    Returns:
        At least one line.
    """
    room = max(width - indent, _NARROWEST)
    lines = [""]
    for word in filter(None, text.split(" ")):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if cell_len(longer) <= room or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _steps(path: Sequence[str]) -> str:
    """Return a path that is cut before its arrows only."""
    first, *rest = (name.replace(" ", _GLUE) for name in path) if path else ("",)
    return " ".join((first, *(f"<-{_GLUE}{name}" for name in rest)))


def carets(spot: Spot) -> str:
    """Return the line under a line of a recipe that marks the reference.

    Args:
        spot: Where the model stands.

    Returns:
        Blanks and carets, as wide as what stands above them.
    """
    line = plain(spot.line)
    before, rest = line[: spot.mark.column - 1], line[spot.mark.column - 1 :]
    word = rest.split("#")[0].split(" ")[0].rstrip()
    return " " * cell_len(before) + "^" * max(cell_len(word), 1)


@dataclass(frozen=True, slots=True)
class Pen:
    """Writes findings about one target for a place of a certain width."""

    checked: Checked
    """The target."""
    width: int
    """Columns."""
    signs: Mapping[str, str]
    """The signs that the place can show."""

    def finding(self, finding: Finding) -> Iterator[Text]:
        """Yield the lines of one finding, a blank one last."""
        reason = finding.reason
        kind, style = _WARNING if finding.warns else _KINDS[reason.effect]
        yield from self.head(f"{kind}[{reason.code} {reason.name}]", style, reason.message)
        spot = self.checked.spots.get(reason.model)
        if spot is not None:
            yield from self.line(spot, reason, style)
        elif reason.model:
            yield self.arrow(reason.model, share_of(self.checked, reason.model), 1)
        for label, text in self.rows(finding):
            yield from self.row(label, text)
        yield Text("")

    def head(self, mark: str, style: str, message: str) -> Iterator[Text]:
        """Yield the headline, cut at blanks."""
        lines = wrapped(f"{mark}: {plain(message)}", self.width, 0)
        for number, line in enumerate(lines):
            text = Text(line if number == 0 else f"  {line}", style="bold")
            if number == 0:
                text.stylize(style, 0, min(len(mark), len(line)))
            yield text

    def arrow(self, place: str, share: str, gap: int) -> Text:
        """Return the line that tells where something stands."""
        text = Text.assemble((f"{' ' * gap} --> ", "blue"), plain(place))
        return text.append(f"  share {share}", style="dim") if share else text

    def line(self, spot: Spot, reason: Reason, style: str) -> Iterator[Text]:
        """Yield the line of the recipe that is meant, with the reference underlined."""
        number, line = str(spot.mark.line), plain(spot.line)
        gap, bar = " " * len(number), self.signs["bar"]
        yield self.arrow(str(spot.mark), share_of(self.checked, reason.model), len(gap))
        yield Text(f"{gap} {bar}", style="blue")
        yield Text.assemble((f"{number} {bar} ", "blue"), line)
        under = carets(spot)
        if self.fits(spot, reason):
            under += f" {plain(reason.license)}"
        yield Text.assemble((f"{gap} {bar} ", "blue"), (under.rstrip(), style))

    def fits(self, spot: Spot, reason: Reason) -> bool:
        """Tell whether the licence has room behind the carets."""
        taken = len(str(spot.mark.line)) + 3 + len(carets(spot))
        return taken + 1 + cell_len(plain(reason.license)) <= self.width

    def rows(self, finding: Finding) -> list[tuple[str, str]]:
        """Return what else is known about a finding, as label and text."""
        reason = finding.reason
        spot = self.checked.spots.get(reason.model)
        rows = [] if spot and self.fits(spot, reason) else [("licence", reason.license)]
        rows += [("evidence", item) for item in reason.evidence]
        rows.append(("clause", reason.clause))
        rows.append(("path", _steps(path_of(self.checked, reason))))
        rows.append(("recipe", finding.stage))
        if len(self.checked.judged) > 1:
            rows.append(("intents", ", ".join(finding.intents)))
        rows += [("fix", fix) for fix in reason.fixes]
        return [(label, text) for label, text in rows if text]

    def row(self, label: str, text: str) -> Iterator[Text]:
        """Yield a row, its further lines under the first one."""
        start = f"  = {label}: "
        for number, line in enumerate(wrapped(plain(text), self.width, len(start))):
            head = start if number == 0 else " " * len(start)
            yield Text.assemble((head, "cyan"), line.replace(_GLUE, " "))

    def listed(self, start: str, rest: str, style: str = "dim") -> Iterator[Text]:
        """Yield a line of a list, its further lines indented by four."""
        first, *others = wrapped(f"{start} {plain(rest)}", self.width, 4)
        yield Text(f"  {first}", style=style)
        yield from (Text(f"    {line}", style=style) for line in others)


def obligations(checked: Checked) -> dict[tuple[str, str], list[str]]:
    """Return what is owed, once for all sources that ask for the same.

    Args:
        checked: The target.

    Returns:
        The sources that ask, by kind and text, in the order of the decision; nothing for a use
        that is forbidden.
    """
    owed: dict[tuple[str, str], list[str]] = {}
    for decision in checked.decisions:
        if decision.verdict is not Verdict.BLOCK:
            for item in decision.obligations:
                who = owed.setdefault((item.kind, item.text), [])
                if item.model and item.model not in who:
                    who.append(item.model)
    return owed


def card_line(card: CardFields) -> str:
    """Return the licence fields of a card on one line.

    Args:
        card: The fields.

    Returns:
        Keys and values as they stand in the front matter.
    """
    fields = card.to_json()
    return ", ".join(f"{key}: {value}" for key, value in fields.items() if value is not None)


def disclaimer(checked: Sequence[Checked], today: str) -> str:
    """Return the sentence that every report ends with.

    Args:
        checked: The targets.
        today: The day of the report; empty if it is not told.

    Returns:
        What evoreg says and what it does not, with the version of its knowledge of licences.
    """
    versions = sorted(
        {
            decision.knowledge_version
            for item in checked
            for decision in item.decisions
            if decision.knowledge_version
        }
    )
    read = f", as read by knowledge base version {' and '.join(versions)}" if versions else ""
    when = f" on {today}" if versions and today else ""
    says = "evoreg reports what recorded licence texts say about recorded sources"
    return f"{says}{read}{when}; it is not legal advice"
