"""What is known about the sources of a merge: their papers, and what the ledger remembers of them.

The ledger is asked three things about each source, so that a new card alone cannot wash a
licence off: which claims people recorded about these weights, under which other licences the
same weights were registered, and which sources went into them if they came out of a merge
that it recorded. The latter two count as ancestors: their terms apply together with those of
the source.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from evoreg.policies.facts import SourceFacts
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.values import RegisteredModel
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Code, Problem
from evoreg.provenance.records.license import LicenseClaim
from evoreg.provenance.records.model import Model
from evoreg.registry.models.resolve import ResolvedModel
from evoreg.registry.settings import Settings, now

_DEEPEST = 16
"""Merges of merges that are followed; deeper parents are told as not examined."""


def source_facts(
    models: Mapping[str, ResolvedModel], settings: Settings
) -> tuple[tuple[SourceFacts, ...], tuple[Problem, ...]]:
    """Gather what policy needs to know about the sources.

    Args:
        models: The model of each reference.
        settings: Where the ledger is; it is not made if it is not there.

    Returns:
        One source a model, in the same order; and a note on parents that cards name but that the
        ledger does not know.

    Raises:
        InputError: The ledger cannot be read.
    """
    with ExitStack() as stack:
        ledger = None
        if settings.ledger_exists:
            ledger = stack.enter_context(
                open_ledger(settings.ledger, actor=settings.actor, clock=now)
            )
        hub = (found.model for found in models.values() if found.model.origin == "hub")
        memory = _Memory(ledger, frozenset(model.name for model in hub))
        sources = tuple(memory.source(found) for found in models.values())
    return sources, tuple(memory.unseen())


@dataclass
class _Memory:
    """Asks the ledger, and notes what it does not know."""

    ledger: Ledger | None
    present: frozenset[str] = frozenset()
    """Names of the models of the Hub that take part: they are examined anyway."""
    parents: dict[str, list[str]] = field(default_factory=dict)

    def source(self, found: ResolvedModel) -> SourceFacts:
        """Return one source with everything that is known about it, and about its adapter."""
        return SourceFacts(
            label=found.model.label,
            model=found.model,
            texts=tuple((text.path, text.data) for text in found.texts),
            claims=self.claims(found.model),
            ancestors=tuple(self.ancestors(found.model, frozenset(), 0)),
            adapter=None if found.adapter is None else self.source(found.adapter),
        )

    def claims(self, model: Model) -> tuple[LicenseClaim, ...]:
        """Return what people recorded about the licences of these weights."""
        if self.ledger is None:
            return ()
        own = [model.identity]
        if model.adapter is not None:
            own += [_bare(model).identity, model.adapter.identity]
        return tuple(claim for name in own for claim in self.ledger.claims_for(name))

    def ancestors(
        self, model: Model, above: frozenset[Digest], depth: int
    ) -> Iterator[SourceFacts]:
        """Yield what the ledger knows to be inside a model, or to be the same weights."""
        if self.ledger is None or depth > _DEEPEST:
            self.note(model, model.card.base_model)
            return
        seen = above | {model.identity}
        for twin in _twins(self.ledger, model):
            yield self.ancestor(twin, seen, depth, follow=False)
        if model.adapter is not None:
            yield from self.ancestors(_bare(model), seen, depth)
            return
        for identity in self.ingredients(model):
            if identity not in seen:
                for entry in self.ledger.models_with(identity)[-1:]:
                    yield self.ancestor(entry, seen, depth)
        for name in model.card.base_model:
            entries = [e for e in self.ledger.find_model(name) if e.model.identity not in seen]
            for entry in entries[-1:]:
                yield self.ancestor(entry, seen, depth)
            if not self.ledger.find_model(name):
                self.note(model, (name,))

    def ancestor(
        self, entry: RegisteredModel, seen: frozenset[Digest], depth: int, *, follow: bool = True
    ) -> SourceFacts:
        """Return a registered model as an ancestor."""
        told = f" (ledger entry {entry.seq})"
        return self.remembered(entry.model, told, seen, depth, follow)

    def remembered(
        self, model: Model, told: str, seen: frozenset[Digest], depth: int, follow: bool
    ) -> SourceFacts:
        """Return a model of the ledger, and its adapter."""
        further = self.ancestors(model, seen, depth + 1) if follow else ()
        own = model.adapter
        return SourceFacts(
            label=model.label + told,
            model=model,
            claims=self.claims(model),
            ancestors=tuple(further),
            adapter=None if own is None else self.remembered(own, told, seen, depth, follow),
        )

    def ingredients(self, model: Model) -> tuple[Digest, ...]:
        """Return the identities of what was merged into these weights, each once."""
        if self.ledger is None:
            return ()
        found: dict[Digest, None] = {}
        for file in model.weights:
            for maker in self.ledger.makers_of(file.digest):
                used = {c.reference for c in maker.candidate.contributions if c.used}
                for item in maker.candidate.ingredients:
                    if item.reference in used:
                        found[item.identity] = None
        return tuple(found)

    def note(self, model: Model, names: tuple[str, ...]) -> None:
        """Remember parents that were not examined."""
        for name in names:
            if name in self.present:
                continue
            children = self.parents.setdefault(name, [])
            if model.label not in children:
                children.append(model.label)

    def unseen(self) -> Iterator[Problem]:
        """Yield one note on all parents that were not examined."""
        if self.parents:
            told = "; ".join(
                f"{name} (parent of {', '.join(children)})"
                for name, children in self.parents.items()
            )
            yield Problem(
                Code.PARENT_UNSEEN,
                f"the licences of these parents were not examined: {told}",
                hint="evoreg model add PARENT, so that its terms are counted",
            )


def _twins(ledger: Ledger, model: Model) -> Iterator[RegisteredModel]:
    """Yield the registrations of the same weights under other terms."""
    for twin in ledger.models_with(model.identity):
        if twin.model.card.license and _terms(twin.model) != _terms(model):
            yield twin


def _bare(model: Model) -> Model:
    """Return a model without its adapter."""
    return model.model_copy(update={"adapter": None})


def _terms(model: Model) -> tuple[tuple[str, ...], str | None]:
    """Return what a card says about the licence, without regard to case."""
    name = model.card.license_name
    return tuple(sorted(x.casefold() for x in model.card.license)), name and name.casefold()
