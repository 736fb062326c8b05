"""How a policy and the cases that it carries look on the screen and in JSON."""

from collections.abc import Iterable, Sequence

from rich.text import Text

from evoreg.policies.permissions import lapsed
from evoreg.policies.policy import Listing, Policy
from evoreg.policies.reading.read import PolicyFile
from evoreg.policies.reading.trial import Outcome
from evoreg.provenance.records.canonical import Json
from evoreg.registry.cli.screen import Screen, styled
from evoreg.registry.policy import PolicySource

SWITCHES = (
    "unknown", "unseen_parent", "improve_other_models", "nc_for_companies", "min_kb_confidence",
    "max_kb_age_days", "unused_exception", "unused_allow",
)  # fmt: skip
"""Fields of a policy that hold one word or number."""


def rows(screen: Screen, title: str, pairs: Iterable[tuple[str, str]]) -> None:
    """Print a title and lines of a name and a text; texts may be foreign.

    Args:
        screen: Where to print.
        title: What the lines are about.
        pairs: Name and text; nothing is printed if there are none.
    """
    told = [*pairs]
    width = max((len(name) for name, _ in told), default=0)
    if told:
        screen.data.print(styled(title, "bold"))
    for name, text in told:
        screen.data.print(styled(f"  {name.ljust(width)}  {text}"))


def show_policy(screen: Screen, found: PolicyFile, source: PolicySource, today: str) -> None:
    """Print a policy.

    Args:
        screen: Where to print.
        found: The policy.
        source: Who chose it.
        today: The day on which exceptions are looked at, ISO 8601.
    """
    policy = found.policy
    head = [("file", found.file), ("chosen by", source.why), ("digest", policy.record_digest())]
    rows(screen, f"Policy {policy.name}", [*head, ("intents", ", ".join(found.intents))])
    rows(screen, "Switches", _switches(policy))
    facts = found.context.to_json()
    told = ((key.replace("_", "-"), _word(value)) for key, value in facts.items())
    rows(screen, "Facts about the releaser", [(key, text) for key, text in told if text])
    for intent in policy.licenses:
        rows(screen, f"Licences for {intent}", _lists(policy.licenses[intent]))
    rows(screen, "Exceptions", _exceptions(policy, today))
    rows(screen, "Clarifications", ((item.model, item.expression) for item in policy.clarify))
    rows(screen, "Rules", ((rule.id, f"{rule.then} when {rule.when}") for rule in policy.rules))
    screen.data.print(f"{len(found.tests)} tests; run them with: evoreg policy test")


def _switches(policy: Policy) -> list[tuple[str, str]]:
    found = ((name, getattr(policy, name)) for name in SWITCHES)
    return [(name.replace("_", "-"), "none" if x is None else str(x)) for name, x in found]


def _lists(listing: Listing) -> list[tuple[str, str]]:
    found = (("allow", listing.allow), ("attribute", listing.attribute), ("review", listing.review))
    return [(name, ", ".join(names) or "none") for name, names in found]


def _exceptions(policy: Policy, today: str) -> list[tuple[str, str]]:
    found = []
    for item in policy.exceptions:
        until = f"{'expired on' if lapsed(item, today) else 'until'} {item.expires}"
        what = f"{', '.join(item.allow)} for {', '.join(item.intents)}, {until}"
        found.append((item.model, f"{what}: {item.reason} (approved by {item.approved_by})"))
    return found


def _word(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def policy_json(found: PolicyFile, source: PolicySource, today: str) -> dict[str, Json]:
    """Return a policy as JSON.

    Args:
        found: The policy.
        source: Who chose it.
        today: The day on which exceptions are looked at, ISO 8601.

    Returns:
        The content of the document ``evoreg/policy/1``.
    """
    return {
        "file": found.file,
        "chosen_by": source.why,
        "digest": found.policy.record_digest(),
        "intents": [*found.intents],
        "context": found.context.to_json(),
        "policy": found.policy.to_json(),
        "expired": [item.model for item in found.policy.exceptions if lapsed(item, today)],
        "tests": len(found.tests),
    }


def show_outcomes(screen: Screen, found: PolicyFile, outcomes: Sequence[Outcome]) -> None:
    """Print what came of the cases of a policy.

    Args:
        screen: Where to print.
        found: The policy.
        outcomes: What came of each case.
    """
    screen.data.print(styled(f"Policy {found.policy.name} ({found.file})", "bold"))
    for outcome in outcomes:
        sign, style = ("no", "bold red") if outcome.differences else ("ok", "green")
        line = Text.assemble(("  " + screen.signs[sign], style), " ")
        screen.data.print(line.append_text(styled(outcome.test.name)))
        for difference in outcome.differences:
            screen.data.print(styled(f"      {difference}"))
    failed = sum(bool(outcome.differences) for outcome in outcomes)
    told = f"{len(outcomes) - failed} of {len(outcomes)} tests passed"
    screen.data.print(f"  {told if outcomes else 'it carries no tests'}")


def outcome_json(found: PolicyFile, outcomes: Sequence[Outcome]) -> dict[str, Json]:
    """Return what came of the cases of a policy as JSON.

    Args:
        found: The policy.
        outcomes: What came of each case.

    Returns:
        One item of ``policies`` in the document ``evoreg/policy-test/1``.
    """
    tests: list[Json] = [
        {
            "name": outcome.test.name,
            "ok": not outcome.differences,
            "expected": {intent: str(verdict) for intent, verdict in outcome.test.expect.items()},
            "verdicts": {intent: str(verdict) for intent, verdict in outcome.verdicts.items()},
            "reasons": [*outcome.reasons],
            "differences": [*outcome.differences],
        }
        for outcome in outcomes
    ]
    return {"file": found.file, "name": found.policy.name, "tests": tests}
