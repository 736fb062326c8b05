"""Runs searches with the command line, as a user would, and reads from the ledger what came out."""

import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.measuring import environment
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.records.evaluation import Evaluation
from evoreg.provenance.records.result import SearchResult
from evoreg.registry.settings import now

__all__ = ["ROOT", "Run", "error_of_mean", "mean", "miniature", "run_search"]

ROOT = Path(__file__).resolve().parents[1]
_MINIATURE = ROOT / "examples" / "evollm-jp-mini"


@dataclass(frozen=True)
class Run:
    """What came out of one search."""

    seed: int
    """Its seed."""
    result: SearchResult
    """Its end."""
    baselines: Mapping[str, float]
    """Score of each parent, base and uniform merge on the test split, by label."""
    spent: int
    """Item evaluations of the search proper: neither baselines nor finalists."""
    wall: float
    """Seconds of the whole command."""
    apply: float
    """Seconds in which weights were computed, over all candidates."""
    score: float
    """Seconds in which items were answered."""
    search: float
    """Seconds from the first candidate to the result."""
    books: float
    """Seconds of these in which the ledger was written."""

    @property
    def test(self) -> float:
        """The winner's score on the test split."""
        return float(self.result.test[0].value)


def miniature(name: str = "search.yml") -> dict[str, Any]:
    """Return a search file of the miniature as a mapping with absolute paths."""
    form: dict[str, Any] = yaml.safe_load((_MINIATURE / name).read_text("utf-8"))
    for key in ("models", "base_model"):
        value = form.get(key)
        if isinstance(value, list):
            form[key] = [str((_MINIATURE / each).resolve()) for each in value]
        elif value:
            form[key] = str((_MINIATURE / value).resolve())
    for task in form["tasks"]:
        task["data"]["path"] = str(_MINIATURE / task["data"]["path"])
    return form


def run_search(form: Mapping[str, Any], seed: int, work: Path) -> Run:
    """Run a search with the command line.

    Args:
        form: The search file.
        seed: Its seed.
        work: An empty or absent folder; it is emptied first.

    Returns:
        What the ledger says about it.

    Raises:
        RuntimeError: The command failed; the message has the end of what it said.
    """
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    (work / "search.yml").write_text(yaml.safe_dump({**form, "seed": seed}, allow_unicode=True))
    command = [sys.executable, "-m", "evoreg.registry", "evolve", "search.yml", "out", "--json"]
    variables = environment(OMP_NUM_THREADS="1", OMP_WAIT_POLICY="PASSIVE")
    started = time.perf_counter()
    done = subprocess.run(command, cwd=work, env=variables, capture_output=True, text=True)
    wall = time.perf_counter() - started
    if done.returncode:
        said = (done.stdout + done.stderr)[-3000:]
        raise RuntimeError(f"evoreg evolve ended with {done.returncode}:\n{said}")
    return _read(work, seed, wall, json.loads(done.stdout))


def _read(work: Path, seed: int, wall: float, told: Mapping[str, Any]) -> Run:
    url = f"sqlite:///{work / '.evoreg' / 'ledger.sqlite'}"
    with open_ledger(url, actor="benchmark", clock=now) as ledger:
        search = ledger.searches()[-1].search
        found = ledger.result(search.id)
        past = ledger.past(search.id)
    if found is None:
        raise RuntimeError("the search has no result")
    closed = [each for generation in past.closed for each in generation.evaluations]
    sampled = [
        each.evaluation for each in closed if each.evaluation.origin in ("sampled", "injected")
    ]
    return Run(
        seed,
        found.result,
        _baselines([each.evaluation for each in closed]),
        sum(len(score.items) for each in sampled for score in each.scores),
        wall,
        sum(each.apply_seconds or 0.0 for each in closed),
        sum(each.score_seconds or 0.0 for each in closed),
        float(told["seconds"]),
        float(told["bookkeeping_seconds"]),
    )


def _baselines(evaluations: Sequence[Evaluation]) -> dict[str, float]:
    return {
        each.label: float(score.value)
        for each in evaluations
        if each.origin == "baseline"
        for score in each.scores
        if score.split == "test"
    }


def mean(values: Sequence[float]) -> float:
    """Return the mean."""
    return statistics.fmean(values)


def error_of_mean(values: Sequence[float]) -> float:
    """Return the standard error of the mean; nan for one value."""
    if len(values) < 2:
        return float("nan")
    return statistics.stdev(values) / math.sqrt(len(values))


def print_json(path: Path | None, runs: Mapping[str, Sequence[Run]]) -> None:
    """Write what was measured to a file, if one is named."""
    if path is None:
        return
    rows = {
        name: [
            {
                "seed": run.seed,
                "test": run.test,
                "baselines": dict(run.baselines),
                "spent": run.spent,
                "wall": run.wall,
                "apply": run.apply,
                "score": run.score,
                "search": run.search,
                "books": run.books,
                "result": run.result.to_json(),
            }
            for run in several
        ]
        for name, several in runs.items()
    }
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + os.linesep, "utf-8")
