"""Outbound: one licence for the whole result, if the terms of all sources allow one."""

from collections.abc import Sequence
from dataclasses import dataclass

from evoreg.policies.codes import Finding, reason
from evoreg.policies.expressions import parse
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.question import Question
from evoreg.policies.terms import Terms
from evoreg.provenance.records.decision import Reason, Verdict
from evoreg.provenance.records.record import Record

NOASSERTION = "NOASSERTION"
"""SPDX's word for no statement."""

_ALSO_ACCEPTS = {"CC-BY-SA-4.0": ("GPL-3.0-only",), "GPL-3.0-only": ("AGPL-3.0-only",)}
_FREE = ("permissive", "public-domain", "attribution")
_CARRIES_RAIL = "faipl-1.0-sd"
# The patent and choice-of-law terms of these are further restrictions in the sense of the GPL.
_NOT_INTO = {
    "GPL-2.0-only": ("Apache-2.0", "ECL-2.0", "AFL-3.0", "LPPL-1.3c"),
    "GPL-3.0-only": ("AFL-3.0", "LPPL-1.3c"),
    "AGPL-3.0-only": ("AFL-3.0", "LPPL-1.3c"),
    "LGPL-2.1-only": ("Apache-2.0", "ECL-2.0", "AFL-3.0", "LPPL-1.3c"),
    "LGPL-3.0-only": ("AFL-3.0", "LPPL-1.3c"),
}
_INDEX = "LICENSES/README.md"
_HOSTED_KINDS = ("community", "rail", "copyleft-network")


class CardFields(Record):
    """The licence fields of the front matter of the result's card."""

    license: str
    """A Hub id, or ``other``."""
    license_name: str | None = None
    """Goes with ``other``."""
    license_link: str | None = None
    """Goes with ``other``: the file beside the card that holds the terms."""


@dataclass(frozen=True, slots=True)
class Outbound:
    """The licence of the whole."""

    expressions: frozenset[str] | None
    """Expressions that hold together; nothing if no licence of the whole satisfies all terms."""

    @property
    def text(self) -> str:
        """The expressions joined by AND, sorted; NOASSERTION if there are none."""
        return " AND ".join(sorted(self.expressions or ())) or NOASSERTION


def outbound(rows: Sequence[Terms]) -> Outbound:
    """Find the licence of the whole.

    Args:
        rows: The terms of all sources, and of the own contribution.

    Returns:
        The terms of all sources together, or the share-alike licence that takes them all in.
    """
    if not rows or any(row.kind in ("unknown", "other") for row in rows):
        return Outbound(None)
    binding = [row for row in rows if row.share_alike == "same-license"]
    if not binding:
        return Outbound(frozenset(row.expression for row in rows))
    shared = set.intersection(*(_accepted(row) for row in binding))
    present = {row.expression for row in binding}
    fit = [name for name in shared if all(_flows(row, name, binding) for row in rows)]
    best = min(fit, key=lambda name: (name not in present, name), default=None)
    if best is None:
        return Outbound(None)
    carried = {row.expression for row in rows if row.kind == "rail"}
    return Outbound(frozenset({best, *carried}))


def infeasible(terms: Sequence[Terms], question: Question) -> list[Reason]:
    """Say that no licence of the whole exists, where that matters.

    Args:
        terms: The terms of all sources, and of the own contribution.
        question: A service is not stopped, a person is asked if any term reaches it.

    Returns:
        At most one reason.
    """
    # What nobody knows is told elsewhere, and settles nothing between the others.
    rows = {row.key: row for row in terms if row.kind not in ("unknown", "other")}
    if not rows or outbound(list(rows.values())).expressions is not None:
        return []
    if not question.release and not any(reaches_service(row) for row in rows.values()):
        return []
    names = ", ".join(sorted(rows))
    return [
        reason(
            Finding.NO_COMPATIBLE_OUTBOUND,
            Verdict.BLOCK if question.release else Verdict.REVIEW,
            "",
            f"No licence of the whole satisfies all sources: {names}.",
            license=names,
            fixes=(
                "leave out the source whose terms do not fit",
                "publish the recipe instead of the weights",
            ),
        )
    ]


def reaches_service(row: Terms) -> bool:
    """Tell whether terms owe something when the weights are only used behind a service."""
    return row.kind in _HOSTED_KINDS or row.hosted.value == "conditional"


def card_fields(expression: str, knowledge: Knowledge) -> CardFields:
    """Propose the licence fields of the result's card.

    Args:
        expression: `Decision.outbound`.
        knowledge: Where the rows are looked up.

    Returns:
        A Hub id if one says it all, otherwise ``other`` with a name and a link to LICENSE, or to
        the index of LICENSES if there are several.
    """
    read = parse(expression, knowledge)
    if expression == NOASSERTION or not read.known:
        return CardFields(license="unknown")
    rows = {row.key: row for choice in read.alternatives for row in choice}
    if len(rows) == 1:
        (row,) = rows.values()
        if row.key == row.tag:
            return CardFields(license=row.key)
        single = [name for name in row.names if len(knowledge.by_name(name)) == 1]
        name = single[0] if single else row.key
        return CardFields(license="other", license_name=name, license_link="LICENSE")
    name = "-and-".join(sorted(rows))
    return CardFields(license="other", license_name=name, license_link=_INDEX)


def _accepted(row: Terms) -> set[str]:
    return {row.expression, *_ALSO_ACCEPTS.get(row.expression, ())}


def _flows(row: Terms, into: str, binding: Sequence[Terms]) -> bool:
    """Tell whether terms fit into a share-alike licence of the whole."""
    if row in binding:
        return True
    if row.kind == "rail":
        return any(b.key == _CARRIES_RAIL and b.expression == into for b in binding)
    if row.kind in _FREE:
        return row.expression not in _NOT_INTO.get(into, ())
    # Creative Commons NC fits into NC-SA, which keeps commerce out as well.
    return row.expression.startswith("CC-BY-NC-") and row.kind == "nc" and "-NC-SA-" in into
