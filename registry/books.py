"""Opening the ledger of a project to read it, and saying what an entry tells."""

import json
import re
from collections.abc import Mapping

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.values import Head
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.entry import Entry
from evoreg.provenance.records.errors import Code, InputError, UsageError
from evoreg.registry.settings import Settings, now

_NUMBER = re.compile(r"[0-9]{1,18}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def existing_ledger(settings: Settings, *, strict: bool = True) -> Ledger:
    """Open the ledger, but do not make one.

    Args:
        settings: Where it is.
        strict: False opens it also if its triggers are gone, so that it can be looked at.

    Returns:
        The open ledger; use it in a ``with`` statement.

    Raises:
        InputError: There is none yet, or it cannot be read.
    """
    if not settings.ledger_exists:
        raise InputError(
            Code.INPUT_MISSING,
            "there is no ledger here yet",
            where=settings.ledger.removeprefix("sqlite:///"),
            hint="the first `evoreg merge` or `evoreg model add` makes it; or set EVOREG_LEDGER",
        )
    return open_ledger(settings.ledger, actor=settings.actor, clock=now, strict=strict)


def head_from(text: str) -> Head:
    """Read an anchor.

    Args:
        text: ``NUMBER:sha256:HEX``.

    Returns:
        The head that was noted.

    Raises:
        UsageError: Not of that form.
    """
    number, _, digest = text.partition(":")
    if not _NUMBER.fullmatch(number) or not _DIGEST.fullmatch(digest):
        raise UsageError(
            Code.USAGE,
            f"{text!r:.80} is no anchor",
            hint="`evoreg ledger verify` prints one: NUMBER:sha256:HEX",
        )
    return Head(int(number), digest)


def newest(ledger: Ledger, limit: int) -> list[Entry]:
    """Return the newest entries, the newest last.

    Args:
        ledger: An open ledger.
        limit: How many at most.

    Returns:
        The entries.
    """
    return list(ledger.entries(after=max(ledger.head().seq - limit, 0)))


def summary(entry: Entry) -> str:
    """Say in a few words what an entry tells.

    Args:
        entry: Any entry.

    Returns:
        One line: time, writer and the heart of the record.
    """
    body = json.loads(entry.body)
    record = body.get("record", {})
    return f"{body.get('at', '')}  {body.get('by', '')}  {_heart(entry.kind, record)}"


def _heart(kind: str, record: Mapping[str, Json]) -> str:
    if kind == "model":
        return str(record.get("name", ""))
    if kind == "claim":
        said = record.get("expression")
        told = f"is under {said}" if said else "has terms beside a licence"
        return f"{record.get('model')} {told}"
    if kind == "edge":
        return f"{record.get('child')} from {record.get('parent')} ({record.get('relation')})"
    if kind == "text":
        return f"{record.get('size')} bytes, {str(record.get('digest'))[:19]}"
    if kind == "decision":
        return f"{record.get('intent')}: {record.get('verdict')}"
    if kind == "release":
        return f"{record.get('name')} under {record.get('license')}"
    if kind in ("search", "evaluation", "generation", "result"):
        return _of_search(kind, record)
    recipe = record.get("recipe")
    return str(recipe.get("method", "")) if isinstance(recipe, dict) else ""


def _of_search(kind: str, record: Mapping[str, Json]) -> str:
    """Return the heart of an entry that tells of a search."""
    if kind == "search":
        return f"{record.get('name')} run {record.get('run')}"
    if kind == "generation":
        count, best = record.get("evaluations"), _first(record.get("best")) or "nothing"
        return f"generation {record.get('number')}: {count} candidates, best {best}"
    if kind == "result":
        return f"winner {str(record.get('winner'))[:19]} ({record.get('label')})"
    failure = record.get("failure")
    told = failure.get("code") if isinstance(failure, dict) else _first(record.get("fitness"))
    return f"generation {record.get('generation')} place {record.get('place')}: {told or 'scored'}"


def _first(value: Json) -> str:
    return str(value[0]) if isinstance(value, list) and value else ""
