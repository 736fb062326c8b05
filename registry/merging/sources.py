"""What is known about the sources of a merge: their papers, and everything they were made from.

A new card alone cannot wash a licence off. What the folder tells, what people recorded, which
merges the ledger saw, and under which other terms the same weights were registered: all of it
counts together, up to the roots.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

from evoreg.policies.facts import SourceFacts
from evoreg.provenance.ledger.stillness import uncollected
from evoreg.provenance.records.errors import Code, Problem
from evoreg.registry.lineage.books import Books
from evoreg.registry.lineage.node import Node, terms_of
from evoreg.registry.lineage.scout import Scout
from evoreg.registry.lineage.sources import Facts
from evoreg.registry.lineage.walk import Walk
from evoreg.registry.models.hashing import DigestCache
from evoreg.registry.models.hub import HubSettings
from evoreg.registry.models.resolve import ResolvedModel
from evoreg.registry.settings import Settings, now


def source_facts(
    models: Mapping[str, ResolvedModel],
    settings: Settings,
    *,
    hub: HubSettings | None = None,
    progress: Callable[[str], None] = lambda _name: None,
) -> tuple[tuple[SourceFacts, ...], tuple[Problem, ...]]:
    """Gather what policy needs to know about the sources.

    Args:
        models: The model of each reference.
        settings: Where the ledger is (it is not made if it is not there), and whether the Hub may
            be asked for parents.
        hub: How to reach the Hub; nothing: as the environment says.
        progress: Told the name of each parent before the Hub is asked for it.

    Returns:
        One source a model, in the same order: each the top of a graph in which one model is one
        value for each relation, and parents that nobody could look at are `unseen`. And notes on
        what is odd: files that cannot be read, circles, and names under which other weights were
        registered.

    Raises:
        InputError: The ledger cannot be opened.
    """
    cache = DigestCache(settings.project / "digests.sqlite")
    scout = Scout(cache.digest, settings.offline, hub or HubSettings(), progress)
    with ExitStack() as stack, uncollected():
        ledger = None
        if settings.ledger_exists:
            # SQLAlchemy is heavy, and where there is no ledger nothing needs it.
            from evoreg.provenance.ledger.opening import open_ledger

            ledger = stack.enter_context(
                open_ledger(settings.ledger, actor=settings.actor, clock=now)
            )
        walk = Walk(Books(ledger), scout)
        walk.begin(models)
        walk.finish()
        facts = Facts(walk.books, walk.nodes)
        sources = facts.build(walk.sources)
        renamed = [note for node in walk.sources for note in _renamed(node, walk.books)]
    return sources, (*dict.fromkeys(walk.problems), *map(_circle, facts.circles), *renamed)


def _circle(members: list[Node]) -> Problem:
    names = ", ".join(sorted(node.label for node in members)[:5])
    return Problem(
        Code.LINEAGE_ODD,
        f"models are said to be made from each other, so all their terms count: {names}",
        hint="correct the cards, or record the true parents",
    )


def _renamed(node: Node, books: Books) -> Iterator[Problem]:
    """Yield a note if other weights were registered under the same name and another licence."""
    if node.model.origin != "hub":
        return
    rows = books.book.by_name.get(node.model.name, ())
    others = {row.identity for row in rows if row.identity not in node.identities}
    for identity in sorted(others):
        for entry in books.registered(identity):
            if entry.model.name == node.model.name and terms_of(entry.model) != terms_of(
                node.model
            ):
                said = ", ".join(entry.model.card.license) or "no licence"
                what = f"other weights were registered under this name, and their card said {said}"
                hint = "compare the two: evoreg model show NAME"
                yield Problem(Code.LINEAGE_ODD, what, node.label, hint)
                return
