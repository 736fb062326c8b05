"""What a check found about one target: decisions, missing papers and faults, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from evoreg.policies.context import Context
from evoreg.policies.outbound import CardFields
from evoreg.policies.policy import Policy
from evoreg.provenance.records.decision import Decision, Intent, Verdict
from evoreg.provenance.records.errors import EvoregError, Problem
from evoreg.provenance.records.marked import Mark
from evoreg.registry.merging.survey import Survey

Kind = Literal["recipe", "folder", "hub"]
"""What was checked: a recipe file, a model folder, or a model of the Hub or its cache."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked about every target."""

    intents: tuple[Intent, ...]
    """The uses, each of which is decided."""
    policy: Policy
    """The policy of the house."""
    context: Context
    """Facts about the releaser."""
    name: str | None = None
    """Name of the result; nothing: that of the card of a merged folder, else none was chosen."""
    own: str = ""
    """Licence expression that the releaser puts on the own contribution."""
    today: str = ""
    """The day of asking, ISO 8601."""
    lenient: bool = False
    """Whether unknown keys of a recipe are forgiven."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a model stands in a recipe."""

    mark: Mark
    """File, line and column."""
    line: str
    """The line as it was written."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What policy says about one use."""

    decision: Decision
    """The decision, with every reason."""
    card: CardFields
    """The licence fields that the card of the result should have."""
    stage: str = ""
    """Name of the recipe whose result is meant; empty for the target itself."""
    missing: tuple[Problem, ...] = ()
    """Papers that are owed for this use and missing, and weights that no record tells of."""

    @property
    def verdict(self) -> Verdict:
        """The verdict; REVIEW at least if something is missing."""
        found = self.decision.verdict
        return max(found, Verdict.REVIEW, key=_severity) if self.missing else found


@dataclass(frozen=True)
class Checked:
    """One target that was checked, or could not be."""

    target: str
    """As the user wrote it."""
    kind: Kind
    """What it is."""
    place: str
    """File or address to which findings belong that stand nowhere else."""
    subject: str = ""
    """What the result is called where a path through the lineage begins; empty for a model."""
    judged: tuple[Judged, ...] = ()
    """The decision for each intent; none if the target could not be checked."""
    worse: tuple[Judged, ...] = ()
    """Decisions about results of earlier recipes that are worse than the one about the whole."""
    spots: Mapping[str, Spot] = field(default_factory=lambda: MappingProxyType({}))
    """Where models stand in the recipe, by label."""
    shares: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Share of each source in the result by label, as far as it is known: decimal fractions."""
    bases: frozenset[str] = frozenset()
    """Labels of models that are a base only."""
    warnings: tuple[Problem, ...] = ()
    """What is odd without stopping anything."""
    failure: EvoregError | None = None
    """Why the target could not be checked."""
    seen: Survey | None = None
    """The plans of all recipes of the file; nothing for a model."""

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """All decisions, those about earlier results too."""
        return tuple(item.decision for item in (*self.judged, *self.worse))

    @property
    def missing(self) -> tuple[Problem, ...]:
        """What is missing for one of the uses, each once."""
        return tuple(dict.fromkeys(problem for item in self.judged for problem in item.missing))

    @property
    def verdict(self) -> Verdict | None:
        """The worst verdict; REVIEW at least if something is missing. Nothing if it failed."""
        found = [item.verdict for item in (*self.judged, *self.worse)]
        return max(found, key=_severity) if found else None

    def verdict_for(self, intent: Intent) -> Verdict:
        """Return the worst verdict for one intent.

        Args:
            intent: One of those that were asked about.

        Returns:
            The verdict; REVIEW at least if something is missing.
        """
        whole = (*self.judged, *self.worse)
        return max((x.verdict for x in whole if x.decision.intent == intent), key=_severity)


def _severity(verdict: Verdict) -> int:
    return verdict.severity
