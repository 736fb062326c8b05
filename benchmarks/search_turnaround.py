"""How long a candidate takes: applied in memory, beside mergekit writing the same merge to disk.

    python -m benchmarks.search_turnaround [--methods linear,ties] [--millions 1100]

The models are those of benchmarks.merge. For each method mergekit's command line runs once, and
evoreg's resident model takes the same recipe, then others with other weights: *first* has empty
caches, *next* changes every weight (masks and norms are known), *same* changes nothing. Times of
mergekit include its start; that of opening evoreg's model, paid once a search, is told apart.
Answering items is timed on the same model, for comparison. Nothing is asserted.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))  # also when it is started by its path

from benchmarks.measuring import Cost, environment, measure, read_all
from benchmarks.merge_models import make_models, parameter_count, weights_of, width_for
from benchmarks.merge_recipes import MERGES, Merge

_PEER = Path(__file__).resolve().parents[1] / ".bench" / "peers" / "bin"
_METHODS = "linear,task_arithmetic,ties,dare_ties,slerp"
_NEXT = 3
_TOKENS, _ITEMS = 64, 2


def main() -> None:
    """Measure each method and print a table."""
    asked = _asked()
    if asked.child:
        _child(asked)
        return
    work = asked.work or Path(tempfile.gettempdir()) / "evoreg-benchmark"
    work.mkdir(parents=True, exist_ok=True)
    width = width_for(asked.millions)
    models = (work / f"models-{width}").resolve()
    make_models(models, width)
    print(f"{parameter_count(width) / 1e6:,.0f} million parameters, {asked.threads} threads")
    print(_LINE.format("method", "mergekit", "first", "next", "same", "next/mergekit"))
    for name in asked.methods.split(","):
        _report(asked, models, MERGES[name], work)


_LINE = "{:<16} {:>18} {:>16} {:>16} {:>16} {:>16}"


def _report(asked: argparse.Namespace, models: Path, merge: Merge, work: Path) -> None:
    read_all([weights_of(models, name) for name in merge.sources])
    peer = _mergekit(asked, models, merge, work)
    command = [sys.executable, "-m", "benchmarks.search_turnaround", "--child", merge.method]
    command += ["--work", str(models), "--threads", str(asked.threads)]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment())
    if ran.returncode:
        print(f"{merge.method} failed:\n{ran.stderr[-2000:]}")
        return
    found = json.loads(ran.stdout)
    cells = [f"{found[key][0]:.2f} s ({found[key][1]:.2f})" for key in ("first", "next", "same")]
    ratio, against = "", ""
    if peer is not None:
        against = f"{peer.wall:.1f} s ({peer.cpu:.1f})"
        ratio = f"{found['next'][0] / peer.wall:.3f} ({found['next'][1] / peer.cpu:.3f})"
    print(_LINE.format(merge.method, against, *cells, ratio), flush=True)
    print(
        f"{'':<16} opened in {found['open']:.1f} s; one item of {_TOKENS} tokens, read once: "
        f"{found['item']:.2f} s"
    )


def _mergekit(asked: argparse.Namespace, models: Path, merge: Merge, work: Path) -> Cost | None:
    if not (asked.peer / "mergekit-yaml").exists():
        return None
    with tempfile.TemporaryDirectory(dir=work) as folder:
        scratch = Path(folder)
        recipe = scratch / "recipe.yml"
        recipe.write_text(merge.recipe(models), "utf-8")
        program = [str(asked.peer / "mergekit-yaml"), str(recipe), str(scratch / "out")]
        options = ["--allow-crimes", "--random-seed", "42", "--quiet"]
        return measure([*program, *options], scratch, environment(PYTHONPATH=""))


def _child(asked: argparse.Namespace) -> None:
    """Apply one method's recipes in this process and print JSON: [wall, processor] seconds."""
    import torch

    from benchmarks.search_sources import host_of, recipe_of, reweighted

    merge = MERGES[asked.child]
    recipe = recipe_of(merge, asked.work)
    started = time.perf_counter()
    host = host_of(merge, asked.work, asked.threads)
    found: dict[str, object] = {"open": time.perf_counter() - started}

    def applied(step: int) -> tuple[float, float]:
        candidate = reweighted(recipe, step)
        wall, cpu = time.perf_counter(), time.process_time()
        host.apply(candidate, seed=42)
        return time.perf_counter() - wall, time.process_time() - cpu

    found["first"] = applied(0)
    each = [applied(step) for step in range(1, 1 + _NEXT)]
    found["next"] = [statistics.median(column) for column in zip(*each, strict=True)]
    found["same"] = applied(_NEXT)
    torch.set_num_threads(asked.threads)
    tokens = torch.arange(_ITEMS * _TOKENS).reshape(_ITEMS, _TOKENS) % 1000
    started = time.perf_counter()
    with torch.inference_mode():
        host.model(input_ids=tokens, use_cache=False)
    found["item"] = (time.perf_counter() - started) / _ITEMS
    print(json.dumps(found))


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks.search_turnaround", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--methods", default=_METHODS, help="such as ties,slerp")
    parser.add_argument("--millions", type=int, default=1100, help="parameters of a model")
    parser.add_argument("--threads", type=int, default=2, help="threads of evoreg")
    parser.add_argument("--work", type=Path, help="folder for models and results, 14 GB in all")
    parser.add_argument("--peer", type=Path, default=_PEER, help="folder of mergekit-yaml")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
