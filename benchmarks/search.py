"""What the economical settings of a search are worth, all together and one by one.

    python -m benchmarks.search [--seeds 5] [--levers] [--plain 76800]

The miniature's models and problems, one weight for each component of each model (10 genes).
*Plain* is CMA-ES with its usual population and all of 400 problems for every candidate.
*Economical* has a fifth of the item evaluations, from the same 400 problems: a larger population,
few problems that change with each generation, a little of the log-probability of the right answer,
and the mean averaged over the last generations. `--levers` changes one of these settings at a time
at the economical budget. The score is that of the winner on 1200 test problems, which no search
sees. Nothing is asserted.
"""

import argparse
import copy
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

sys.path.append(str(Path(__file__).resolve().parents[1]))  # also when it is started by its path

from benchmarks.search_runs import ROOT, Run, error_of_mean, mean, miniature, print_json, run_search

_PLAIN = {
    "optimiser": {"kind": "cma-es"},
    "economy": {
        "items": 0, "rotate": False, "collapse": 0, "cache": False, "finalists": 0, "average": 0.0,
    },
}  # fmt: skip
_FRUGAL = {"items": 32, "rotate": True, "collapse": 8, "cache": True, "average": 0.25}
_ECONOMICAL: Mapping[str, Mapping[str, Any]] = {
    "optimiser": {"kind": "cma-es", "population": 20},
    "economy": _FRUGAL,
}
_SOFT = 0.1
_POOL = ROOT / "registry" / "demo" / "search" / "train.jsonl"
_LEVERS: Mapping[str, Mapping[str, Any]] = {
    "population 10, 64 items": {
        "optimiser": {"kind": "cma-es"}, "economy": {"items": 64}
    },
    "the same items always": {"economy": {"rotate": False}},
    "all 400 items": {"economy": {"items": 0, "rotate": False}},
    "no soft score": {"soft": 0.0},
    "last mean, not averaged": {"economy": {"average": 0.0}},
    "no finalists": {"economy": {"finalists": 0}},
    "racing": {"economy": {"racing": True}},
    "no collapse switch": {"economy": {"collapse": 0}},
    "no cache": {"economy": {"cache": False}},
    "sep-CMA-ES": {"optimiser": {"kind": "sep-cma-es", "population": 20}},
    "random": {"optimiser": {"kind": "random", "population": 20}},
}  # fmt: skip


def main() -> None:
    """Run and print."""
    asked = _asked()
    runs: dict[str, list[Run]] = {}
    budget = asked.plain // 5
    wanted = {"plain": _form(_PLAIN, asked.plain, 0.0)}
    wanted["economical"] = _form(_ECONOMICAL, budget, _SOFT)
    if asked.levers:
        wanted |= {name: _changed(changes, budget) for name, changes in _LEVERS.items()}
    with tempfile.TemporaryDirectory(prefix="evoreg-search-") as folder:
        for name, form in wanted.items():
            runs[name] = []
            for seed in range(1, 1 + asked.seeds):
                runs[name].append(run_search(form, seed, Path(folder) / "work"))
                print(f"{name}, seed {seed}: {runs[name][-1].test:.4f}", file=sys.stderr)
                print_json(asked.json, runs)
    _report(runs)


def _form(settings: Mapping[str, Any], items: int, soft: float) -> dict[str, Any]:
    form = miniature()
    form["space"] = {**form["space"], "granularity": 0}
    form |= copy.deepcopy(dict(settings))
    form["budget"] = {"items": items}
    form["tasks"][0]["soft"] = soft
    form["tasks"][0]["data"]["train"] = str(_POOL)
    return form


def _changed(changes: Mapping[str, Any], items: int) -> dict[str, Any]:
    economy = {**_FRUGAL, **changes.get("economy", {})}
    optimiser = changes.get("optimiser", _ECONOMICAL["optimiser"])
    settings = {"optimiser": optimiser, "economy": economy}
    return _form(settings, items, changes.get("soft", _SOFT))


def _report(runs: Mapping[str, list[Run]]) -> None:
    table = Table(title="test score in %, mean and standard error over seeds")
    for column in ("settings", "test", "against plain", "items", "of plain", "candidates", "s"):
        table.add_column(column, justify="left" if column == "settings" else "right")
    plain = mean([run.spent for run in runs["plain"]])
    for name, several in runs.items():
        scores = [100 * run.test for run in several]
        pairs = zip(several, runs["plain"], strict=True)
        less = [100 * (run.test - other.test) for run, other in pairs]
        spent = mean([run.spent for run in several])
        table.add_row(
            name,
            f"{mean(scores):.1f} ± {error_of_mean(scores):.1f}",
            f"{mean(less):+.1f} ± {error_of_mean(less):.1f}",
            f"{spent:,.0f}",
            f"{spent / plain:.2f}",
            f"{mean([run.result.stability.tried for run in several]):.0f}",
            f"{mean([run.wall for run in several]):.0f}",
        )
    Console(width=100).print(table)
    for name, several in runs.items():
        search = sum(run.search for run in several)
        parts = {
            "computing weights": sum(run.apply for run in several),
            "answering problems": sum(run.score for run in several),
            "writing the ledger": sum(run.books for run in several),
        }
        told = ", ".join(f"{100 * part / search:.2f} % {what}" for what, part in parts.items())
        print(f"{name}: of the search {told}")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks.search", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--plain", type=int, default=80_000, help="item evaluations of plain")
    parser.add_argument("--levers", action="store_true", help="change one setting at a time too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run to a file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
