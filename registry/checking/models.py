"""Checking a model: whether it may be used, merged and handed on, and has the papers it owes.

A folder that evoreg merged is judged by what went into it; what its own card says is compared with
that, and its papers must be there. If its weights were changed since, they are a further source.
Any other model is judged as the one source of a result, and the licence texts that are owed must be
at hand.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from evoreg.policies.decide import decide
from evoreg.policies.facts import SourceFacts, Unseen
from evoreg.policies.knowledge.book import load
from evoreg.policies.outbound import card_fields
from evoreg.policies.question import Question
from evoreg.provenance.papers.folder import verify_folder
from evoreg.provenance.papers.record import RECORD, Told
from evoreg.provenance.papers.words import CARD
from evoreg.provenance.records.decision import Decision, SourceLicense, Verdict
from evoreg.provenance.records.errors import Code, Problem
from evoreg.provenance.records.model import Card, File, Model
from evoreg.provenance.records.recipe import Ingredient
from evoreg.registry.checking.checked import Checked, Judged, Kind, Request
from evoreg.registry.checking.record import is_about, read_title, read_told
from evoreg.registry.checking.texts import absent_texts
from evoreg.registry.merging.sources import source_facts
from evoreg.registry.models.hashing import DigestCache
from evoreg.registry.models.peek import peek
from evoreg.registry.models.resolve import ResolvedModel
from evoreg.registry.settings import Settings, now

_HINT = "restore the file, or merge again"


def check_model(target: str, kind: Kind, request: Request, settings: Settings) -> Checked:
    """Check a model folder, or a model of the Hub or its cache.

    Args:
        target: Reference of the model, as for a recipe.
        kind: ``folder`` or ``hub``.
        request: What is asked.
        settings: Where the ledger and the caches are.

    Returns:
        The decisions, whatever their verdicts, and the papers that are missing.

    Raises:
        RecipeError: The text is no reference.
        InputError: The model is missing, unreachable, damaged or hostile.
    """
    cache = DigestCache(settings.project / "digests.sqlite")
    found = peek(target, base_folder=Path.cwd(), hasher=cache.digest, offline=settings.offline)
    told = _told(found, kind, settings)
    changed = _changed(found, told)
    (facts,), unseen = source_facts({found.model.label: found}, settings)
    sources = (facts,) if told is None else _inside(facts, told, changed=bool(changed))
    question = _question(found, told, request)
    judged = tuple(
        replace(item, missing=(*changed, *_missing(item, found, facts, told)))
        for item in _judged(sources, question, request)
    )
    return Checked(
        target=target,
        kind=kind,
        place=_place(found, told),
        subject="" if told is None else question.name or found.model.name,
        judged=judged,
        shares={} if changed else _shares(told),
        warnings=(*found.problems, *unseen),
    )


def _told(found: ResolvedModel, kind: Kind, settings: Settings) -> Told | None:
    """Return the record of a merged folder, with what the ledger says instead if it knows it."""
    told = read_told(found.folder) if kind == "folder" else None
    if told is None:
        return None
    decision, papers = _recorded(told, settings)
    return replace(told, decision=decision, papers=papers)


def _changed(found: ResolvedModel, told: Told | None) -> tuple[Problem, ...]:
    """Return what is to be said if the weights are not those of the record."""
    if told is None or is_about(told, found.model):
        return ()
    what = (
        f"the weights are not those that {RECORD} tells of: what became of them since is unknown, "
        "and the sources that it names count as inside"
    )
    hint = "merge again, or say by `evoreg model parent` what it was made from"
    return (Problem(Code.VERIFY_DIGEST, what, str(found.folder / RECORD), hint),)


def _inside(facts: SourceFacts, told: Told, *, changed: bool) -> tuple[SourceFacts, ...]:
    """Return what went into a merged folder as its sources; changed weights are one of their own.

    A source that neither the ledger nor the lineage knows is taken at the word of the record, and
    counts as a parent that nobody could look at.
    """
    seen = {source.model.identity for source in facts.ancestors}
    names = {source.identity: source for source in told.decision.sources}
    merged = tuple(_ingredients(told, seen))
    inside = {item.identity for item in told.candidate.ingredients}
    others = (_remembered(item, names.get(item.identity)) for item in merged)
    # To the result they are what was merged, however they reached the folder's own name.
    known = (
        replace(x, relation="merge") if x.by_weights or x.model.identity in inside else x
        for x in facts.ancestors
    )
    if changed:
        return (replace(facts, ancestors=()), *known, *others)
    return (*known, *others, *_further(facts, told)) or (facts,)


def _ingredients(told: Told, seen: Collection[str]) -> Iterator[Ingredient]:
    """Yield what the record alone knows of; an earlier result stands for what went into it."""
    earlier, waiting = dict(told.earlier), [told.candidate]
    while waiting:
        candidate = waiting.pop()
        used = {item.reference for item in candidate.contributions if item.used}
        for item in candidate.ingredients:
            if item.reference not in used or item.identity in seen:
                continue
            if item.reference in earlier:
                waiting.append(earlier.pop(item.reference))
            else:
                yield item


def _further(facts: SourceFacts, told: Told) -> tuple[SourceFacts, ...]:
    """Return the folder itself if it names unseen parents of which its record does not tell."""
    names = {item.name for item in told.candidate.ingredients}
    further = tuple(item for item in facts.unseen if item.name not in names)
    keys = [source.key for source in told.decision.sources if source.key]
    if not further or not keys:
        return ()
    # It adds no terms of its own here: what its card says is compared with the result.
    bare = facts.model.model_copy(update={"card": Card(license=(keys[0],))})
    return (SourceFacts(facts.label, bare, unseen=further),)


def _remembered(item: Ingredient, told: SourceLicense | None) -> SourceFacts:
    """Return a source of which only the record of the folder tells."""
    revision = item.revision
    model = Model(
        name=item.name,
        origin="local" if revision is None else "hub",
        revision=revision,
        files=(),
        card=Card() if told is None or not told.key else Card(license=(told.key,)),
    )
    why = f"{RECORD} names it, and nobody here has looked at it"
    label = f"{model.label} (as {RECORD} tells)"
    return SourceFacts(label, model, unseen=(Unseen(model.label, "merge", why),))


def _question(found: ResolvedModel, told: Told | None, request: Request) -> Question:
    name, declared = request.name, None
    if told is not None:
        name = name or read_title(found.folder) or found.model.name
        declared = found.model.card
    return Question(
        request.intents[0],
        request.policy,
        request.context,
        name=name,
        own=request.own,
        declared=declared,
        today=request.today,
    )


def _judged(
    sources: Sequence[SourceFacts], question: Question, request: Request
) -> tuple[Judged, ...]:
    knowledge = load()
    found = []
    for intent in request.intents:
        decision = decide(sources, replace(question, intent=intent), knowledge)
        found.append(Judged(decision, card_fields(decision.outbound, knowledge)))
    return tuple(found)


def _missing(
    item: Judged, found: ResolvedModel, facts: SourceFacts, told: Told | None
) -> tuple[Problem, ...]:
    """Look for the papers where a use is permitted and owes some."""
    if item.decision.verdict is not Verdict.ATTRIBUTE:
        return ()
    if told is None:
        return absent_texts(found, facts, item.decision)
    lacks = verify_folder(found.folder, decision=told.decision, papers=told.papers)
    papers = (Code.PAPER_MISSING, Code.VERIFY_DIGEST)
    return tuple(replace(x, hint=_HINT) if x.code in papers else x for x in lacks)


def _recorded(told: Told, settings: Settings) -> tuple[Decision, tuple[File, ...]]:
    """Return decision and papers of a merge: those in the ledger if it knows the merge."""
    if settings.ledger_exists:
        # SQLAlchemy is heavy, and most folders that are checked are nobody's merge.
        from evoreg.provenance.ledger.opening import open_ledger

        own = told.decision.record_digest()
        with open_ledger(settings.ledger, actor=settings.actor, clock=now) as ledger:
            known = [item.release for item in ledger.releases(told.candidate.id)]
            for release in sorted(known, key=lambda item: item.decision == own)[-1:]:
                for found in ledger.decision(release.decision):
                    return found.decision, release.papers
    return told.decision, told.papers


def _place(found: ResolvedModel, told: Told | None) -> str:
    """Return the file that findings about a model belong to."""
    if found.model.origin == "hub":
        name = found.model.name
        revision = found.model.revision or "main"
        return f"https://huggingface.co/{name}/blob/{revision}/{CARD}"
    card = any(file.path == CARD for file in found.model.files)
    return str(found.folder / (CARD if card or told is None else RECORD))


def _shares(told: Told | None) -> dict[str, str]:
    """Return the share of each source of a merged folder, by label."""
    if told is None:
        return {}
    labels = {
        item.reference: f"{item.name}@{item.revision[:7]}" if item.revision else item.name
        for item in told.candidate.ingredients
    }
    return {labels[item.reference]: item.effective for item in told.candidate.contributions}
