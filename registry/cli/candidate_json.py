"""Searches and candidates as JSON documents."""

from evoreg.provenance.ledger.search_values import EvaluationRow, RecordedSearch, Tally
from evoreg.provenance.ledger.values import RecordedCandidate
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.evaluation import TaskScore
from evoreg.registry.candidate_standing import split_of
from evoreg.registry.candidates import (
    Found,
    Trial,
    gene_names,
    standard_error,
    versions_of,
)


def search_row(item: RecordedSearch, tally: Tally) -> dict[str, Json]:
    """Return what a list of searches tells about one."""
    search = item.search
    return {
        "entry": item.seq,
        "at": item.at,
        "by": item.by,
        "search": search.id,
        "name": search.name,
        "run": search.run,
        "intent": search.intent,
        "outbound": search.outbound,
        "candidates": tally.evaluations,
        "failed": tally.failed,
        "generations": tally.generations,
        "best": tally.best,
        "ended": tally.ended,
    }


def candidate_row(row: EvaluationRow, winner: Digest | None) -> dict[str, Json]:
    """Return what a list of candidates tells about one."""
    return {
        "entry": row.seq,
        "candidate": row.candidate,
        "stage": row.stage,
        "generation": row.generation,
        "place": row.place,
        "origin": row.origin,
        "label": row.label,
        "fitness": row.fitness,
        "failure": row.failure,
        "winner": row.candidate == winner,
        "split": split_of(row),
        "scores": [
            {"task": s.task, "split": s.split, "value": s.value, "items": s.items}
            for s in row.scores
        ],
    }


def found_json(found: Found) -> dict[str, Json]:
    """Return all that is known about a candidate."""
    return {
        "candidate": found.candidate,
        "recipe": found.recipe.to_json(),
        "earlier": [item.to_json() for item in found.earlier],
        "shares": [share.to_json() for share in found.shares],
        "evaluations": [_trial(trial) for trial in found.trials],
        "merges": [_merge(item) for item in found.merged],
        "won": [{"entry": item.seq, "search": item.result.search} for item in found.won],
    }


def _trial(trial: Trial) -> dict[str, Json]:
    item, search = trial.recorded, trial.search
    evaluation, standing = item.evaluation, trial.standing
    names = gene_names(search.search if search else None, evaluation)
    return {
        "entry": item.seq,
        "at": item.at,
        "by": item.by,
        "search": evaluation.search,
        "name": search.search.name if search else None,
        "run": search.search.run if search else None,
        "stage": evaluation.stage,
        "generation": evaluation.generation,
        "place": evaluation.place,
        "origin": evaluation.origin,
        "label": evaluation.label,
        "genome": [
            {"gene": name, "value": value}
            for name, value in zip(names, evaluation.genome, strict=True)
        ],
        "parents": list(evaluation.parents),
        "scores": [_score(score) for score in evaluation.scores],
        "fitness": list(evaluation.fitness),
        "standing": None
        if standing is None
        else {
            "group": standing.group,
            "search": [standing.place, standing.of],
            "generation": [standing.generation_place, standing.generation_of],
        },
        "failure": evaluation.failure.to_json() if evaluation.failure else None,
        "apply_seconds": item.apply_seconds,
        "score_seconds": item.score_seconds,
        "seed": search.search.seed if search else None,
        "merge_seed": search.search.merge_seed if search else None,
        "versions": dict(versions_of(search.search)) if search else {},
    }


def _score(score: TaskScore) -> dict[str, Json]:
    return {**score.to_json(), "standard_error": standard_error(score)}


def _merge(item: RecordedCandidate) -> dict[str, Json]:
    made = item.candidate
    return {
        "entry": item.seq,
        "at": item.at,
        "by": item.by,
        "seed": made.seed,
        "engine": made.engine.to_json(),
        "ingredients": [part.to_json() for part in made.ingredients],
        "census": made.census.to_json(),
        "outputs": [file.to_json() for file in made.outputs],
    }
