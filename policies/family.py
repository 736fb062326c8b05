"""Families: licences whose models may only improve models of the same licence."""

from collections.abc import Iterator, Sequence

from evoreg.policies.codes import Finding
from evoreg.policies.context import verdict_of
from evoreg.policies.question import Placed, Question, clauses, places
from evoreg.policies.texts import shown
from evoreg.provenance.records.decision import Reason


def families(trees: Sequence[Placed], question: Question) -> list[Reason]:
    """Find merges of a model whose licence keeps to its own family with a model outside of it.

    Args:
        trees: The sources with their terms.
        question: Says how strictly the ban is taken.

    Returns:
        A reason for each such licence; a merge inside the lineage counts like this one.
    """
    effect = verdict_of(question.policy.improve_other_models)
    found: list[Reason] = []
    for group in _merges(trees):
        for member in group:
            for clause in clauses((member,)):
                if clause.row.merge.value != "own-family":
                    continue
                strangers = sorted(
                    {
                        other.path[-1]
                        for other in group
                        if clause.row.key not in other.lineage_keys()
                    }
                )
                if strangers:
                    text = f"{clause.row.title} forbids improving other models with this one: "
                    text += f"{', '.join(map(shown, strangers))} is not of its family."
                    where = clause.row.improve_others.remark or clause.row.merge.remark
                    fixes = ("merge only with models of the same licence", "leave the source out")
                    ban = Finding.IMPROVE_OTHER_MODEL_BAN
                    found.append(clause.says(ban, effect, text, clause=where, fixes=fixes))
    return found


def _merges(trees: Sequence[Placed]) -> Iterator[list[Placed]]:
    """Yield the models of each merge: this one, and those inside the lineage."""
    for group in (trees, *(place.parents for place in places(trees))):
        # An adapter on a model is made for it, and no stranger to it.
        members = [place for place in group if not place.attached]
        if len(members) > 1:
            yield members
