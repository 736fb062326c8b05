"""Cases that a policy carries: some models, and the verdict that must come out."""

from evoreg.policies.context import Context
from evoreg.provenance.records.decision import Intent, Verdict
from evoreg.provenance.records.license import Rider
from evoreg.provenance.records.lineage import Relation
from evoreg.provenance.records.record import Record

NOBODY = "unknown"
"""What a case writes for a source whose licence nobody knows."""
DAY = "1970-01-01"
"""The day on which a case is asked that names none: before every exception expires."""


class TrialSource(Record):
    """A model of a case."""

    license: str
    """Key, Hub id or SPDX expression; ``unknown`` if nobody knows it."""
    model: str = ""
    """Its name, and perhaps ``@`` and the first digits of its commit."""
    relation: Relation = "merge"
    """How it reached the result."""
    extra: tuple[Rider, ...] = ()
    """Terms beside its licence."""


class PolicyTest(Record):
    """A case, and what the policy must make of it."""

    name: str
    """What it shows."""
    sources: tuple[TrialSource, ...]
    """The models."""
    expect: dict[Intent, Verdict]
    """The verdict for each intent that is asked."""
    reasons: tuple[str, ...] = ()
    """Names of reasons that must be given for one of the intents."""
    result: str | None = None
    """Name of the result."""
    context: Context = Context()
    """Facts about the releaser."""
    today: str = DAY
    """The day of asking."""
