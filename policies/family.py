"""Families: licences whose models may only improve models of the same licence."""

from collections.abc import Iterator, Sequence

from evoreg.policies.codes import Finding
from evoreg.policies.graph import Node
from evoreg.policies.layout import Clause, Layout, Reach
from evoreg.policies.policy import verdict_of
from evoreg.policies.question import Question
from evoreg.policies.texts import shown
from evoreg.provenance.records.decision import Reason

_NAMED = 5


def families(layout: Layout, question: Question) -> list[Reason]:
    """Find merges of a model whose licence keeps to its own family with a model outside of it.

    Args:
        layout: The terms of one world.
        question: Says how strictly the ban is taken.

    Returns:
        A reason for each such licence of each source; a merge inside the lineage counts like this
        one.
    """
    bans = [clause for clause in layout.clauses if clause.row.merge.value == "own-family"]
    if not bans:
        return []
    merges = {id(reach.root): list(_merges(reach, layout)) for reach in layout.reaches}
    return [
        _banned(ban, strangers, question)
        for ban in bans
        if (strangers := _strangers(ban, merges[id(ban.at.top)], layout))
    ]


def _merges(reach: Reach, layout: Layout) -> Iterator[list[Node]]:
    """Yield the models of each merge: this one, and those inside the lineage of a source."""
    roots = [other.root for other in layout.reaches if other.root.by_weights]
    for group in (roots, *(spot.node.below for spot in reach.by_weights)):
        # An adapter on a model is made for it, and no stranger to it.
        members = [node for node in group if node.by_weights and not node.attached]
        if len(members) > 1:
            yield members


def _strangers(ban: Clause, merges: Sequence[Sequence[Node]], layout: Layout) -> list[str]:
    bit = layout.bits[ban.row.key]
    found = {
        node.facts.label
        for group in merges
        if any(layout.lineage[id(node)] & bit for node in group)
        for node in group
        if not layout.lineage[id(node)] & bit
    }
    return sorted(found)


def _banned(ban: Clause, strangers: Sequence[str], question: Question) -> Reason:
    names = ", ".join(map(shown, strangers[:_NAMED]))
    if len(strangers) > _NAMED:
        names += f" and {len(strangers) - _NAMED:,} more"
    text = f"{ban.row.title} forbids improving other models with this one: "
    text += f"{names} is not of its family."
    effect = verdict_of(question.policy.improve_other_models)
    where = ban.row.improve_others.remark or ban.row.merge.remark
    fixes = ("merge only with models of the same licence", "leave the source out")
    return ban.says(Finding.IMPROVE_OTHER_MODEL_BAN, effect, text, clause=where, fixes=fixes)
