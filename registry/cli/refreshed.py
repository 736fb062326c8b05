"""How models that were looked at again are shown, and what the shell is told."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from evoreg.provenance.records.canonical import Json
from evoreg.registry.cli.exits import INPUT, OK, REVIEW
from evoreg.registry.cli.screen import Screen, styled
from evoreg.registry.models.refresh import Change, Refreshed

_WORDS = {
    "unchanged": "unchanged",
    "changed": "changed",
    "gone": "GONE FROM THE HUB",
    "refused": "THE HUB REFUSES IT",
    "unseen": "could not be looked at",
    "skipped": "not looked at",
}


def exit_code(seen: Sequence[Refreshed]) -> int:
    """Return what the shell is told.

    Args:
        seen: The models that were looked at.

    Returns:
        8 if a person must look at one of them; else 5 if one could not be looked at; else 0.
    """
    if any(item.alarming for item in seen):
        return REVIEW
    return INPUT if any(item.state == "unseen" for item in seen) else OK


def lines(screen: Screen, item: Refreshed) -> Iterator[Text]:
    """Yield what is told about a model: one line, and one for each change.

    Args:
        screen: Knows the signs that can be shown.
        item: The model.

    Yields:
        Printable lines.
    """
    style = "bold red" if item.alarming else "yellow" if item.state != "unchanged" else "dim"
    word = "LICENCE CHANGED" if _licence(item) else _WORDS[item.state]
    end = f": {item.why}" if item.why else ""
    entry = f", recorded as entry {item.recorded}" if item.recorded is not None else ""
    yield styled(f"{item.entry.model.label}: ").append(word, style).append_text(styled(entry + end))
    for change in item.changes:
        before, after = (_brief(text) for text in (change.before, change.after))
        line = f"  {change.what}: {before} {screen.signs['to']} {after}"
        yield styled(line, "bold red" if change.licence else "")


def _licence(item: Refreshed) -> bool:
    return any(change.licence for change in item.changes)


def _brief(text: str) -> str:
    return (text if len(text) <= 100 else text[:97] + "...") or "nothing"


def row(item: Refreshed) -> dict[str, Json]:
    """Return what is told about a model as JSON."""
    return {
        "name": item.entry.model.name,
        "entry": item.entry.seq,
        "state": item.state,
        "alarming": item.alarming,
        "why": item.why,
        "recorded": item.recorded,
        "changes": [_change(change) for change in item.changes],
    }


def _change(change: Change) -> Json:
    return {
        "what": change.what,
        "before": change.before,
        "after": change.after,
        "licence": change.licence,
    }
