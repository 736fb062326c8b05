"""Upstream files: the licence and notice files of models and of all whose weights are in them."""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from evoreg.policies.facts import SourceFacts
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.outbound import NOASSERTION
from evoreg.provenance.papers.facts import UpstreamFile
from evoreg.registry.models.resolve import ResolvedModel
from evoreg.registry.models.roles import role_of


def upstream_files(
    models: Sequence[ResolvedModel], facts: Sequence[SourceFacts], knowledge: Knowledge
) -> tuple[UpstreamFile, ...]:
    """Return the licence and notice files of models, and what their ancestors add to them.

    Args:
        models: The models, with their adapters.
        facts: What is known about them and what they were made from.
        knowledge: Recognises the texts.

    Returns:
        The files of the models first; of ancestors over weights those that no model holds.
    """
    holders = [one for model in models for one in (model, model.adapter) if one is not None]
    texts = [(one.model.label, text.path, text.data) for one in holders for text in one.texts]
    held = {data for _, _, data in texts}
    for one in _over_weights(facts):
        texts += [(one.label, path, data) for path, data in one.texts if data not in held]
        held |= {data for _, data in one.texts}
    return tuple(_file(label, path, data, knowledge) for label, path, data in texts)


def _file(label: str, path: str, data: bytes, knowledge: Knowledge) -> UpstreamFile:
    row = knowledge.by_text(data)
    known = "" if row is None or row.expression == NOASSERTION else row.expression
    notice = role_of(PurePosixPath(path)) == "notice"
    return UpstreamFile(label, path, data, "notice" if notice else "license", known)


def _over_weights(sources: Sequence[SourceFacts]) -> Iterator[SourceFacts]:
    """Yield sources and adapters, and all whose weights went into them, each once."""
    waiting, seen = list(reversed(sources)), set[int]()
    while waiting:
        source = waiting.pop()
        if id(source) in seen:
            continue
        seen.add(id(source))
        yield source
        adapter = () if source.adapter is None else (source.adapter,)
        waiting += reversed([*adapter, *(one for one in source.ancestors if one.by_weights)])
