"""Explaining a licence: what is known about it, and what a policy makes of it for each intent."""

from collections.abc import Mapping
from dataclasses import dataclass

from evoreg.policies.context import Context
from evoreg.policies.decide import decide
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.listing import place_of
from evoreg.policies.policy import Policy
from evoreg.policies.question import Question
from evoreg.policies.reading.cases import TrialSource
from evoreg.policies.reading.listed import candidates, listed_hint
from evoreg.policies.reading.trial import stand_in
from evoreg.policies.terms import Terms
from evoreg.provenance.records.decision import INTENTS, Decision, Intent
from evoreg.provenance.records.errors import Code, UsageError

LABEL = "a-model"
"""What decisions call the one model that they are about."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A licence as a policy sees it."""

    row: Terms
    """What is known about it."""
    places: Mapping[Intent, str | None]
    """The list in which it stands for each intent; nothing if it stands in none."""
    decisions: Mapping[Intent, Decision]
    """What is decided about one model under it."""


def licence(name: str, knowledge: Knowledge) -> Terms:
    """Return the one licence that a name means.

    Args:
        name: Key, Hub id, SPDX id, LicenseRef or ``license_name``.
        knowledge: The licences.

    Returns:
        Its terms.

    Raises:
        UsageError: The name is unknown, or stands for several licences; the hint names them.
    """
    found = candidates(name.strip(), knowledge)
    if len(found) == 1:
        return found[0]
    if not found:
        hint = listed_hint(name.strip(), knowledge, classes=False)
        raise UsageError(Code.USAGE, f"unknown licence {name!r:.60}", hint=hint)
    several = "; ".join(f"{row.key} ({row.title})" for row in found)
    what = f"{name!r:.60} stands for several licences"
    raise UsageError(Code.USAGE, what, hint=f"name one of them: {several}")


def explain(
    row: Terms, policy: Policy, context: Context, today: str, knowledge: Knowledge
) -> Explanation:
    """Ask a policy about one model under a licence, for every intent.

    Args:
        row: The licence.
        policy: The policy.
        context: Facts about the releaser.
        today: The day of asking, ISO 8601.
        knowledge: The licences.

    Returns:
        The answers. The result of the merge has no name yet, so a rule about names is owed.
    """
    source = stand_in(TrialSource(license=row.key, model=LABEL))
    return Explanation(
        row,
        {intent: place_of(row, policy, intent) for intent in INTENTS},
        {
            intent: decide([source], Question(intent, policy, context, today=today), knowledge)
            for intent in INTENTS
        },
    )
