"""Licence texts that whoever hands a model on owes, and that nobody has."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from evoreg.policies.facts import SourceFacts
from evoreg.policies.knowledge.book import Knowledge, load
from evoreg.policies.outbound import NOASSERTION
from evoreg.provenance.papers.facts import UpstreamFile
from evoreg.provenance.papers.license_plan import license_plan
from evoreg.provenance.records.decision import Decision
from evoreg.provenance.records.errors import Code, Problem
from evoreg.registry.models.resolve import ResolvedModel
from evoreg.registry.models.roles import role_of

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
    return tuple(
        Problem(Code.PAPER_MISSING, what, text.path, hint)
        for text in license_plan(decision, tuple(_files(found, facts))).texts
        if text.owed and text.data is None
    )


def _files(found: ResolvedModel, facts: SourceFacts) -> Iterator[UpstreamFile]:
    """Yield the licence and notice files beside a model and those whose weights are in it."""
    knowledge, held = load(), set[bytes]()
    for one in (found,) if found.adapter is None else (found, found.adapter):
        for text in one.texts:
            held.add(text.data)
            yield _file(one.model.label, text.path, text.data, knowledge)
    for source in _over_weights(facts):
        for path, data in source.texts:
            if data not in held:
                held.add(data)
                yield _file(source.label, path, data, knowledge)


def _file(label: str, path: str, data: bytes, knowledge: Knowledge) -> UpstreamFile:
    row = knowledge.by_text(data)
    known = "" if row is None or row.expression == NOASSERTION else row.expression
    notice = role_of(PurePosixPath(path)) == "notice"
    return UpstreamFile(label, path, data, "notice" if notice else "license", known)


def _over_weights(facts: SourceFacts) -> Iterator[SourceFacts]:
    """Yield a model, its adapter, and all whose weights went into them, each once."""
    waiting, seen = [facts], set[int]()
    while waiting:
        source = waiting.pop()
        if id(source) in seen:
            continue
        seen.add(id(source))
        yield source
        adapter = () if source.adapter is None else (source.adapter,)
        waiting += reversed([*adapter, *(one for one in source.ancestors if one.by_weights)])
