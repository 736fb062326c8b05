"""Lists: which licences the house allows for a use; what stands in no list is refused."""

from collections.abc import Iterator
from typing import Literal

from evoreg.policies.codes import Finding
from evoreg.policies.layout import Layout
from evoreg.policies.policy import Listing, Policy
from evoreg.policies.question import Question
from evoreg.policies.terms import Terms
from evoreg.provenance.records.decision import Intent, Reason, Verdict

Place = Literal["allow", "attribute", "review"]
"""A list of the policy."""

_PLACES: tuple[Place, ...] = ("review", "attribute", "allow")
_UNSAID = ("unknown", "other")


def place_of(row: Terms, policy: Policy, intent: Intent) -> Place | None:
    """Return the list in which a licence stands.

    Args:
        row: The licence.
        policy: The house's lists.
        intent: The use.

    Returns:
        The list that names it by key or expression, else the one that names its class; of two
        lists the stricter. Nothing if it stands in none.
    """
    lists = policy.licenses.get(intent, Listing())
    for names in ({row.key, row.expression}, {row.kind}):
        for place in _PLACES:
            if names & set(getattr(lists, place)):
                return place
    return None


def listed(layout: Layout, question: Question) -> Iterator[Reason]:
    """Compare every licence with the lists of the house.

    Args:
        layout: The terms of one world.
        question: Holds policy and use.

    Yields:
        A refusal for each licence that stands in no list, and what the lists ask for. Licences
        that are not known are told elsewhere.
    """
    policy, intent = question.policy, question.intent
    for clause in layout.clauses:
        row = clause.row
        if row.kind in _UNSAID:
            continue
        place = place_of(row, policy, intent)
        if place is None:
            text = f"The policy {policy.name!r} does not list {row.title} ({row.kind})"
            text += f" for the intent {intent}."
            fixes = ("leave the source out", f"list {row.key} in the policy, if the house wants it")
            finding = Finding.LICENSE_NOT_LISTED
            yield clause.says(finding, Verdict.BLOCK, text, fixes=fixes)
        elif place != "allow":
            effect = Verdict.REVIEW if place == "review" else Verdict.ATTRIBUTE
            text = f"The policy {policy.name!r} lists {row.title} under {place}."
            fixes = ("let the person decide whom the policy means", "leave the source out")
            yield clause.says(Finding.LICENSE_LISTED, effect, text, fixes=fixes)
