"""How a licence and a policy's view of it look on the screen and in JSON."""

from collections.abc import Iterator

from rich.text import Text

from evoreg.policies.reading.read import PolicyFile
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.decision import Decision, Intent, Verdict
from evoreg.registry.cli.policy_text import rows
from evoreg.registry.cli.screen import Screen, styled
from evoreg.registry.explain import Explanation

_STYLES = {Verdict.REVIEW: "yellow", Verdict.BLOCK: "bold red"}
_RIGHTS = ("commercial_use", "derivatives", "merge", "redistribute", "hosted", "improve_others")
_CONDITIONS = (
    "share_alike", "outbound_constraint", "license_copy", "notice_file", "notice_text",
    "state_changes", "retain_notices", "display", "name_rule", "citation", "use_restrictions",
    "flow_down", "output_use",
)  # fmt: skip
_LIMITS = ("users", "revenue", "other_limit", "limit_effect", "no_rights_above", "territory")
_LAW = ("patents", "termination", "revocable", "governing_law", "eu_open_source")
_SOURCE = ("clauses", "source", "confidence", "notes")
_TOLD = ("key", "title", "version", "kind", "expression", "tag", "names", "listed", "outputs",
         "addresses")  # fmt: skip
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Rights", _RIGHTS), ("Conditions", _CONDITIONS), ("Limits", _LIMITS), ("Law", _LAW),
    ("Where it was read", _SOURCE),
)  # fmt: skip
"""Fields of terms in the order in which they are shown."""


def show_explanation(screen: Screen, told: Explanation, found: PolicyFile) -> None:
    """Print a licence, and the verdict for each intent with its reasons and duties.

    Args:
        screen: Where to print.
        told: The licence.
        found: The policy.
    """
    row = told.row
    head = [("key", row.key), ("class", row.kind), ("SPDX", row.expression), ("Hub tag", row.tag)]
    names = [("license_name", ", ".join(row.names))] if row.names else []
    rows(screen, f"{row.title} {row.version}".strip(), [*head, *names])
    fields = row.to_json()
    other = tuple(name for name in fields if name not in _shown())
    for title, group in (*GROUPS, ("Other", other)):
        rows(screen, title, _group(fields, group))
    screen.data.print(styled(f"Policy {found.policy.name} ({found.file})", "bold"))
    for intent, decision in told.decisions.items():
        _show_decision(screen, intent, decision, told.places[intent])
    rows(screen, "Owed", _duties(told))


def _shown() -> set[str]:
    return {*_TOLD, *(name for _, group in GROUPS for name in group)}


def _group(fields: dict[str, Json], names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield what the terms say under each name, without what they do not say."""
    for name in names:
        text = _text(fields.get(name))
        if text:
            yield name.replace("_", " "), text


def _text(value: Json) -> str:
    """Return a value of the terms in words; empty if it says nothing."""
    if isinstance(value, dict):
        if value.keys() == {"value", "remark"}:
            remark = f" ({value['remark']})" if value["remark"] else ""
            return _text(value["value"]) + remark
        told = ((name.replace("_", " "), _text(item)) for name, item in value.items())
        return "; ".join(f"{name}: {text}" for name, text in told if text not in ("", "no"))
    if isinstance(value, list):
        return " / ".join(_text(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value or "")


def _show_decision(screen: Screen, intent: Intent, decision: Decision, place: str | None) -> None:
    verdict = (str(decision.verdict), _STYLES.get(decision.verdict, "green"))
    line = Text.assemble((f"  {intent}", "bold"), f" {screen.signs['to']} ", verdict)
    screen.data.print(line.append(f"   listed under {place}" if place else "   not listed"))
    for reason in decision.reasons:
        screen.data.print(styled(f"    {reason.code} {reason.name}: {reason.message}"))
    screen.data.print(styled(f"    licence of a result: {decision.outbound}"))


def _duties(told: Explanation) -> Iterator[tuple[str, str]]:
    """Yield each duty once, with the intents for which it is owed."""
    owed: dict[tuple[str, str], list[str]] = {}
    for intent, decision in told.decisions.items():
        for duty in decision.obligations:
            owed.setdefault((duty.kind, duty.text), []).append(intent)
    for (kind, text), intents in owed.items():
        yield kind.replace("_", " "), f"{text} ({', '.join(intents)})"


def explanation_json(told: Explanation, found: PolicyFile) -> dict[str, Json]:
    """Return a licence and what the policy makes of it as JSON.

    Args:
        told: The licence.
        found: The policy.

    Returns:
        The content of the document ``evoreg/policy-explain/1``.
    """
    intents: dict[str, Json] = {
        intent: {"list": told.places[intent], "decision": decision.to_json()}
        for intent, decision in told.decisions.items()
    }
    return {
        "license": told.row.to_json(),
        "policy": {"name": found.policy.name, "file": found.file},
        "intents": intents,
    }
