"""Inquiries: all that a decision was made from, as JSON, so that it can be made again.

The lineage is written as a list of nodes, each model after those that it was made from, so that a
model that is reached over many paths stands there once and a chain may be as deep as it likes.
The words of licence files are named by their digests; their content lies elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from evoreg.policies.facts import SourceFacts, Unseen
from evoreg.policies.inquiry_form import (
    SCHEMA,
    InquiryForm,
    KnowledgeForm,
    NodeForm,
    QuestionForm,
    UnseenForm,
    read_form,
)
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.question import Question
from evoreg.provenance.records.canonical import Json, to_canonical
from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.errors import Code, VerificationError
from evoreg.provenance.records.license import LicenseClaim
from evoreg.provenance.records.model import Model
from evoreg.provenance.records.record import Record

_AnyRecord = TypeVar("_AnyRecord", bound=Record)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, with everything that was known."""

    sources: tuple[SourceFacts, ...]
    """The direct sources, in the order in which they were given."""
    question: Question
    """The question, with the policy."""
    knowledge: Digest
    """Digest of the knowledge base that was read."""
    version: str
    """Its version."""
    date: str
    """The day of that version, ISO 8601."""


def inquiry_json(
    sources: Sequence[SourceFacts], question: Question, knowledge: Knowledge
) -> dict[str, Json]:
    """Write down everything that `decide` reads.

    Args:
        sources: What is known about the direct sources.
        question: What is asked.
        knowledge: The licences.

    Returns:
        JSON; the same sources in the same order give the same.
    """
    writer = _Writer()
    places = [writer.add(source) for source in sources]
    asked = QuestionForm(
        intent=question.intent,
        name=question.name,
        own=question.own,
        declared=question.declared,
        today=question.today,
        policy=question.policy,
        context=question.context,
    )
    book = KnowledgeForm(digest=knowledge.digest, version=knowledge.version, date=knowledge.date)
    return {
        "schema": SCHEMA,
        "question": asked.to_json(),
        "knowledge": book.to_json(),
        "models": [model.to_json() for model in writer.models],
        "claims": [claim.to_json() for claim in writer.claims],
        "nodes": [node.to_json() for node in writer.nodes],
        "sources": list(places),
    }


def inquiry_digest(value: Mapping[str, Json]) -> Digest:
    """Return what names an inquiry (`Decision.inquiry`).

    Args:
        value: As `inquiry_json` gave it.

    Returns:
        Digest of its canonical form.

    Raises:
        InputError: It has no canonical form.
    """
    return digest_of(to_canonical(dict(value)))


def inquiry_texts(value: Mapping[str, Json]) -> tuple[Digest, ...]:
    """Return the licence and notice texts that an inquiry rests on.

    Args:
        value: An inquiry as JSON.

    Returns:
        Their digests, each once, in order of appearance.

    Raises:
        InputError: Not an inquiry.
    """
    nodes = read_form(value).nodes
    return tuple(dict.fromkeys(digest for node in nodes for _, digest in node.texts))


def texts_of(sources: Sequence[SourceFacts]) -> dict[Digest, bytes]:
    """Return the content of every licence and notice text of some sources and all behind them.

    Args:
        sources: What is known about the direct sources.

    Returns:
        Content by digest, in order of appearance.
    """
    writer = _Writer()
    for source in sources:
        writer.add(source)
    return {digest: data for data, digest in writer.texts.items()}


def inquiry_from(value: Mapping[str, Json], texts: Mapping[Digest, bytes]) -> Asked:
    """Read an inquiry, whoever wrote it.

    Args:
        value: JSON as `inquiry_json` gave it.
        texts: Content of the texts that it names.

    Returns:
        Sources and question; judged again they give an equal decision.

    Raises:
        InputError: Not an inquiry: unknown fields, wrong types, places that do not exist.
        VerificationError: Texts that are not there, or have another digest.
    """
    told = read_form(value)
    _check_texts(told, texts)
    made: list[SourceFacts] = []
    for node in told.nodes:
        made.append(_facts(node, told, made, texts))
    asked = told.question
    return Asked(
        tuple(made[place] for place in told.sources),
        Question(
            asked.intent,
            asked.policy,
            asked.context,
            name=asked.name,
            own=asked.own,
            declared=asked.declared,
            today=asked.today,
        ),
        told.knowledge.digest,
        told.knowledge.version,
        told.knowledge.date,
    )


@dataclass
class _Writer:
    """Gives every model of a lineage a place after those that it was made from."""

    models: dict[Model, int] = field(default_factory=dict)
    claims: dict[LicenseClaim, int] = field(default_factory=dict)
    texts: dict[bytes, Digest] = field(default_factory=dict)
    nodes: list[NodeForm] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)

    def add(self, root: SourceFacts) -> int:
        """Write down a source and all that is behind it; return its place."""
        waiting = [(root, False)]
        while waiting:
            facts, ready = waiting.pop()
            if id(facts) in self.places:
                continue
            if ready:
                self.places[id(facts)] = len(self.nodes)
                self.nodes.append(self.node(facts))
                continue
            waiting.append((facts, True))
            waiting += [(item, False) for item in reversed(_behind(facts))]
        return self.places[id(root)]

    def node(self, facts: SourceFacts) -> NodeForm:
        """Return one model as it is written; all behind it have their places."""
        return NodeForm(
            label=facts.label,
            model=_place(self.models, facts.model),
            texts=tuple((path, self.digest(data)) for path, data in facts.texts),
            unread=facts.unread,
            claims=tuple(_place(self.claims, claim) for claim in facts.claims),
            share=facts.share,
            relation=facts.relation,
            ancestors=tuple(self.places[id(item)] for item in facts.ancestors),
            unseen=tuple(
                UnseenForm(name=item.name, relation=item.relation, why=item.why)
                for item in facts.unseen
            ),
            used=facts.used,
            modality=facts.modality,
            adapter=None if facts.adapter is None else self.places[id(facts.adapter)],
        )

    def digest(self, data: bytes) -> Digest:
        """Return the digest of a text; many models have the same one."""
        known = self.texts.get(data)
        if known is None:
            known = self.texts[data] = digest_of(data)
        return known


def _behind(facts: SourceFacts) -> tuple[SourceFacts, ...]:
    return facts.ancestors if facts.adapter is None else (*facts.ancestors, facts.adapter)


def _place(known: dict[_AnyRecord, int], record: _AnyRecord) -> int:
    return known.setdefault(record, len(known))


def _check_texts(told: InquiryForm, texts: Mapping[Digest, bytes]) -> None:
    wanted = dict.fromkeys(digest for node in told.nodes for _, digest in node.texts)
    for digest in wanted:
        data = texts.get(digest)
        if data is None or digest_of(data) != digest:
            what = "is not at hand" if data is None else "has other words than it had"
            raise VerificationError(
                Code.VERIFY_DIGEST,
                f"a licence text that the decision rests on {what}: {digest}",
                hint="the decision cannot be made again without it",
            )


def _facts(
    node: NodeForm, told: InquiryForm, made: Sequence[SourceFacts], texts: Mapping[Digest, bytes]
) -> SourceFacts:
    return SourceFacts(
        label=node.label,
        model=told.models[node.model],
        texts=tuple((path, texts[digest]) for path, digest in node.texts),
        unread=node.unread,
        claims=tuple(told.claims[place] for place in node.claims),
        share=node.share,
        relation=node.relation,
        ancestors=tuple(made[place] for place in node.ancestors),
        unseen=tuple(Unseen(item.name, item.relation, item.why) for item in node.unseen),
        used=node.used,
        modality=node.modality,
        adapter=None if node.adapter is None else made[node.adapter],
    )
