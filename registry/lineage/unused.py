"""What recorded merges found nothing of: a recipe in a folder may name it, but it is not inside."""

from collections.abc import Iterator

from evoreg.provenance.ledger.values import RecordedCandidate
from evoreg.provenance.records.errors import EvoregError
from evoreg.provenance.records.model import Model
from evoreg.provenance.records.recipe import ADAPTER_OF
from evoreg.registry.lineage.memory import Memory


def unused_names(ledger: Memory, model: Model) -> frozenset[str]:
    """Return the names of models that took part in the making of some weights and left no trace.

    Only the ledger is believed, never the record in a folder.

    Args:
        ledger: An open ledger.
        model: A model.

    Returns:
        Names of ingredients of weight zero; none unless recorded merges made all of the weights,
        and none that got in by any way.
    """
    try:
        return _walk(ledger, model)
    except EvoregError:  # what cannot be read excuses nobody
        return frozenset()


def _walk(ledger: Memory, model: Model) -> frozenset[str]:
    if not model.weights or not all(ledger.makers_of(file.digest) for file in model.weights):
        return frozenset()
    names: dict[bool, set[str]] = {True: set(), False: set()}
    waiting, seen = [(model, True)], set()
    while waiting:
        made, inside = waiting.pop()
        for maker in _makers(ledger, made):
            if (maker.seq, inside) in seen:
                continue
            seen.add((maker.seq, inside))
            used = {item.reference: item.used for item in maker.candidate.contributions}
            for item in maker.candidate.ingredients:
                counts = inside and used.get(item.reference.removeprefix(ADAPTER_OF), True)
                names[counts].add(item.name)
                entries = ledger.models_with(item.identity)
                waiting += [(entry.model, counts) for entry in entries[-1:]]
    return frozenset(names[False] - names[True])


def _makers(ledger: Memory, model: Model) -> Iterator[RecordedCandidate]:
    for file in model.weights:
        yield from ledger.makers_of(file.digest)
