"""Licence texts that whoever hands a model on owes, and that nobody has."""

from evoreg.policies.facts import SourceFacts
from evoreg.policies.knowledge.book import load
from evoreg.provenance.papers.license_plan import license_plan
from evoreg.provenance.records.decision import Decision
from evoreg.provenance.records.errors import Code, Problem
from evoreg.registry.merging.upstream import upstream_files
from evoreg.registry.models.resolve import ResolvedModel

_HINT = "put the licence file into the folder of the source"
_HUB_HINT = "ask its publisher to add the licence file, or add it to a folder with the model"


def absent_texts(
    found: ResolvedModel, facts: SourceFacts, decision: Decision
) -> tuple[Problem, ...]:
    """Return the licence texts that are owed and that nobody has.

    Args:
        found: The model.
        facts: What is known about it and its ancestors.
        decision: What is owed for one use.

    Returns:
        One problem for each text, sorted by id; nothing if evoreg ships all of them, or they lie
        beside the model or one that it was made from.

    Raises:
        PolicyError: The decision holds something that is no licence expression.
    """
    hint = _HUB_HINT if found.model.origin == "hub" else _HINT
    what = "this licence text is owed, and nobody has it"
    files = upstream_files((found,), (facts,), load())
    return tuple(
        Problem(Code.PAPER_MISSING, what, text.path, hint)
        for text in license_plan(decision, files).texts
        if text.owed and text.data is None
    )
