"""The question that a decision answers: which use, under which policy, by whom, of which result."""

from dataclasses import dataclass

from evoreg.policies.context import Context
from evoreg.policies.policy import Policy
from evoreg.provenance.records.decision import Intent
from evoreg.provenance.records.model import Card


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    intent: Intent
    """The use."""
    policy: Policy
    """What the house allows."""
    context: Context
    """Facts about the releaser."""
    name: str | None = None
    """Name of the result, perhaps with a namespace; nothing if it has none yet."""
    own: str = ""
    """Licence expression that the releaser puts on the own contribution; empty for none."""
    declared: Card | None = None
    """What the card of the result says about its licence, where there is a result already."""
    today: str = ""
    """The day of asking, ISO 8601: exceptions expire. Empty means that every exception has."""

    @property
    def release(self) -> bool:
        """True if the weights are handed out."""
        return self.intent != "hosted"

    @property
    def paid(self) -> bool:
        """True if the use is commercial."""
        return self.intent != "research"
