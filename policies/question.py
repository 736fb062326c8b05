"""The question that a decision answers, and the terms laid out over sources and their ancestors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evoreg.policies.codes import Finding, reason
from evoreg.policies.context import Context, Policy
from evoreg.policies.facts import Modality
from evoreg.policies.terms import Terms
from evoreg.provenance.records.decision import Intent, Reason, Verdict


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    intent: Intent
    """The use."""
    policy: Policy
    """The house's switches."""
    context: Context
    """Facts about the releaser."""
    name: str | None
    """Name of the result, perhaps with a namespace; nothing if it has none yet."""

    @property
    def release(self) -> bool:
        """True if the weights are handed out."""
        return self.intent != "hosted"

    @property
    def paid(self) -> bool:
        """True if the use is commercial."""
        return self.intent != "research"


@dataclass(frozen=True, slots=True)
class Placed:
    """One model of the lineage with the terms that it is taken to be under."""

    source: str
    """Label of the direct source over which it is reached."""
    path: tuple[str, ...]
    """Labels from the direct source to it; one label for the source itself."""
    rows: tuple[Terms, ...]
    """Its own terms; all apply."""
    evidence: tuple[str, ...]
    """What they rest on."""
    modality: Modality | None
    """What it takes and gives."""
    notices: tuple[str, ...]
    """Texts of its notice files."""
    attached: bool = False
    """True for an adapter on the model above it."""
    parents: tuple["Placed", ...] = ()
    """What it was made from over weights, and an adapter on it."""
    influences: tuple["Placed", ...] = ()
    """Models whose outputs it was made with."""

    def lineage_keys(self) -> frozenset[str]:
        """Return the keys of all terms of it and of what it was made from."""
        return frozenset(clause.row.key for clause in clauses((self,)))


@dataclass(frozen=True, slots=True)
class Clause:
    """Terms at their place: the one who speaks in a reason."""

    at: Placed
    """Where they hold."""
    row: Terms
    """What they say."""

    def says(
        self,
        finding: Finding,
        effect: Verdict,
        message: str,
        *,
        clause: str = "",
        fixes: tuple[str, ...] = (),
    ) -> Reason:
        """Return a reason about this place, with its evidence and path.

        Args:
            finding: What was found.
            effect: The verdict that it leads to by itself.
            message: One sentence.
            clause: Where in the licence; the clauses of the row if empty.
            fixes: Ways on.

        Returns:
            The record.
        """
        return reason(
            finding,
            effect,
            self.at.source,
            message,
            license=self.row.key,
            clause=clause or self.row.clauses,
            evidence=self.at.evidence,
            path=self.at.path,
            fixes=fixes,
        )


def places(trees: Sequence[Placed]) -> Iterator[Placed]:
    """Yield every model that is reached over weights, each before what it was made from."""
    waiting = list(reversed(trees))
    while waiting:
        tree = waiting.pop()
        yield tree
        waiting.extend(reversed(tree.parents))


def clauses(trees: Sequence[Placed]) -> Iterator[Clause]:
    """Yield all terms that are reached over weights, with their places."""
    for place in places(trees):
        for row in place.rows:
            yield Clause(place, row)


def worst(reasons: Sequence[Reason]) -> Verdict:
    """Return the worst effect of some reasons; ALLOW for none."""
    return max((r.effect for r in reasons), key=lambda v: v.severity, default=Verdict.ALLOW)
