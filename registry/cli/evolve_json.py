"""Searches as JSON: ``evoreg/evolve/1``."""

from collections.abc import Mapping, Sequence

from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.evaluation import Evaluation
from evoreg.registry.cli.merging import made_json
from evoreg.registry.searching.estimate import estimate
from evoreg.registry.searching.finished import Finished
from evoreg.registry.searching.gate import Gate
from evoreg.registry.searching.outbound import Reach
from evoreg.registry.searching.record import settings_of
from evoreg.registry.searching.setup import Draft

SCHEMA = "evoreg/evolve/1"
"""Name and version of the form."""


def gate_json(gate: Gate) -> dict[str, Json]:
    """Return what policy says about the models of a search."""
    decision = gate.decision
    return {
        "intent": decision.intent,
        "verdict": str(decision.verdict),
        "license": decision.outbound,
        "models": list(gate.leaves),
        "sources": [source.to_json() for source in decision.sources],
        "reasons": [reason.to_json() for reason in decision.reasons],
        "obligations": [duty.to_json() for duty in decision.obligations],
        "excluded": [item.record.to_json() for item in gate.out],
    }


def plan_json(draft: Draft) -> dict[str, Json]:
    """Return what a dry run tells of a search."""
    cost = estimate(draft)
    return {
        "name": draft.search.name,
        "settings": settings_of(draft.gate.form),
        "gate": gate_json(draft.gate),
        "genes": [gene.to_json() for gene in draft.search.genes],
        "tasks": [task.to_json() for task in draft.search.tasks],
        "optimiser": draft.gate.form.optimiser.kind,
        "population": cost.population,
        "generations": cost.generations,
        "candidates": cost.candidates,
        "items_each": cost.items_each,
        "items": cost.items,
        "items_besides": cost.overhead,
        "estimate": {
            "basis": "sizes alone; nothing was measured, prompts are not counted",
            "parameters": cost.parameters,
            "apply_bytes": cost.apply_bytes,
            "tokens": cost.tokens,
            "flop": cost.flop,
        },
    }


def finished_json(finished: Finished) -> dict[str, Json]:
    """Return a search that came to its end."""
    conducted = finished.conducted
    return {
        "search": conducted.search.id,
        "name": conducted.search.name,
        "run": conducted.search.run,
        "known": conducted.known,
        "replayed": len(conducted.past.closed),
        "gate": gate_json(finished.gate),
        "result": conducted.result.to_json(),
        "tested": [_tested(item) for item in finished.tested],
        "seconds": round(conducted.seconds, 3),
        "bookkeeping_seconds": round(conducted.bookkeeping, 3),
        "out": str(finished.out),
        "merge": None if finished.made is None else made_json(finished.made),
    }


def outbound_json(found: Sequence[tuple[Reach, Finished]]) -> Mapping[str, Json]:
    """Return the searches for each outbound licence."""
    rows: list[Json] = [
        {"license": reach.outbound, **finished_json(finished)} for reach, finished in found
    ]
    return {"outbound": rows}


def _tested(item: Evaluation) -> Json:
    return {
        "label": item.label,
        "origin": item.origin,
        "candidate": item.candidate,
        "failure": None if item.failure is None else item.failure.to_json(),
        "scores": {score.task: score.value for score in item.scores},
    }
