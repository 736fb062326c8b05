"""The miniature of EvoLLM-JP over several seeds, beside its parents and the uniform merge.

    python -m benchmarks.miniature [--seeds 5] [--files search.yml,layers.yml,hybrid.yml]

Each search of examples/evollm-jp-mini is run with the command line for seeds 1, 2, ... and the
winner's score on the test split is printed beside those of its parents, the base and the uniform
merge, with the 95 % interval of each paired difference (bootstrap over pairs of operands). The
search never sees the test split. Nothing is asserted: what loses is shown like the rest.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.append(str(Path(__file__).resolve().parents[1]))  # also when it is started by its path

from benchmarks.search_runs import Run, mean, miniature, print_json, run_search


def main() -> None:
    """Run and print."""
    asked = _asked()
    runs: dict[str, list[Run]] = {}
    for file in asked.files.split(","):
        with tempfile.TemporaryDirectory(prefix="evoreg-miniature-") as folder:
            runs[file] = []
            for seed in range(asked.first, asked.first + asked.seeds):
                runs[file].append(run_search(miniature(file), seed, Path(folder) / "work"))
                print(f"{file} seed {seed}: {runs[file][-1].test:.4f}", file=sys.stderr, flush=True)
                print_json(asked.json, runs)
        _report(file, runs[file])


def _report(file: str, runs: list[Run]) -> None:
    console = Console(width=110)
    names = [interval.against for interval in runs[0].result.stability.intervals]
    table = Table(title=f"{file}: exact match on the test split in %")
    for column in ("seed", "winner", *(f"less {name}" for name in names), "tried", "items", "s"):
        table.add_column(column, justify="right")
    for run in runs:
        intervals = {each.against: each for each in run.result.stability.intervals}
        cells = [
            f"{100 * float(each.difference):+.1f} "
            f"[{100 * float(each.low):+.1f}, {100 * float(each.high):+.1f}]"
            for each in (intervals[name] for name in names)
        ]
        tried = run.result.stability.tried
        score = f"{100 * run.test:.1f} ({run.result.label})"
        table.add_row(str(run.seed), score, *cells, str(tried), f"{run.spent:,}", f"{run.wall:.0f}")
    console.print(table)
    better = sum(
        all(float(each.low) > 0 for each in run.result.stability.intervals) for run in runs
    )
    console.print(
        f"mean {100 * mean([run.test for run in runs]):.1f} %; better than every parent, the base "
        f"and the uniform merge with the whole interval: {better} of {len(runs)} seeds"
    )


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks.miniature", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--files", default="search.yml,layers.yml,hybrid.yml")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run to a file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
