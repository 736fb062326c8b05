"""Riders: terms that stand beside a licence, as people recorded them."""

from collections.abc import Sequence
from dataclasses import dataclass

from evoreg.policies.codes import Finding, reason
from evoreg.policies.graph import Spot
from evoreg.policies.layout import Layout
from evoreg.policies.question import Question
from evoreg.policies.terms import NameRule
from evoreg.policies.texts import shown
from evoreg.provenance.records.decision import Obligation, Reason, Verdict
from evoreg.provenance.records.license import Rider, RiderKind

EXTRA = "extra terms"
"""What stands as the licence in reasons about riders."""

_FORBIDS: dict[RiderKind, tuple[Finding, str]] = {
    "hosting-forbidden": (Finding.HOSTING_FORBIDDEN, "forbid a service"),
    "commercial-forbidden": (Finding.COMMERCIAL_USE_FORBIDDEN, "forbid commercial use"),
    "sharing-forbidden": (Finding.REDISTRIBUTION_NOT_GRANTED, "forbid handing out the weights"),
}


@dataclass(frozen=True, slots=True)
class Bound:
    """A rider at its place."""

    at: Spot
    """Where it binds."""
    rider: Rider
    """What it says."""

    @property
    def name_rule(self) -> NameRule | None:
        """The duty on the name, if it is one."""
        if self.rider.kind != "name-prefix":
            return None
        text = f'The name must begin with "{shown(self.rider.value)}"'
        return NameRule(text=text, prefix=self.rider.value)

    def says(
        self,
        finding: Finding,
        effect: Verdict,
        message: str,
        *,
        clause: str = "",
        fixes: tuple[str, ...] = (),
    ) -> Reason:
        """Return a reason about this place; as `Clause.says`."""
        return reason(
            finding,
            effect,
            self.at.source,
            message,
            license=EXTRA,
            # A decision may be published, and an address may tell more than it should.
            clause=clause or ("" if "://" in self.rider.where else shown(self.rider.where)),
            evidence=self.at.node.resolution.evidence,
            path=self.at.path,
            fixes=fixes,
        )


def bound(layout: Layout) -> list[Bound]:
    """Return the riders that reach the result over weights, each once for each source."""
    found: dict[tuple[int, Rider], Bound] = {}
    for reach in layout.reaches:
        for spot in reach.by_weights:
            for rider in spot.node.facts.riders:
                found.setdefault((id(reach.root), rider), Bound(spot, rider))
    return list(found.values())


def riders(found: Sequence[Bound], question: Question) -> list[Reason]:
    """Apply riders.

    Args:
        found: The riders.
        question: Decides which of them matter.

    Returns:
        A note on each rider, and what those forbid that matter for the use. Names are compared
        elsewhere, together with those that licences ask for.
    """
    told = [_note(item) for item in found]
    for item in found:
        finding, says = _FORBIDS.get(item.rider.kind, (None, ""))
        if finding is not None and _matters(item.rider.kind, question):
            text = f"Terms beside the licence of {shown(item.at.node.facts.label)} {says}."
            fixes = ("leave the source out", "ask its author for another licence")
            told.append(item.says(finding, Verdict.BLOCK, text, fixes=fixes))
    return told


def riders_owed(found: Sequence[Bound], question: Question) -> list[Obligation]:
    """Return what riders ask a release to show or to be called."""
    if not question.release:
        return []
    kinds = {"name-prefix": "name_prefix", "display": "display"}
    return [
        Obligation.model_validate(
            {
                "kind": kinds[item.rider.kind],
                "license": "",
                "model": item.at.source,
                "text": item.rider.value,
            }
        )
        for item in found
        if item.rider.kind in kinds
    ]


def _matters(kind: RiderKind, question: Question) -> bool:
    if kind == "hosting-forbidden":
        return not question.release
    return question.paid if kind == "commercial-forbidden" else question.release


def _note(item: Bound) -> Reason:
    value = f" {shown(item.rider.value)!r}" if item.rider.value else ""
    text = f"{shown(item.at.node.facts.label)} carries terms beside its licence: "
    text += f"{item.rider.kind.replace('-', ' ')}{value}."
    return item.says(Finding.EXTRA_TERMS, Verdict.ALLOW, text)
