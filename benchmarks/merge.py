"""How fast and lean a merge is, beside mergekit and beside merely reading and writing the bytes.

    python -m benchmarks.merge [--methods linear,ties] [--runs 5] [--work FOLDER --keep]

Three checkpoints of 1.1 billion parameters are made, and each merge is run by evoreg's command
line and by mergekit's, in turn, each as it comes: its own start-up, its own number of threads.
evoreg's runs include licence gate, shares, ledger, papers, the digest of the result and waiting
until the disk has it; the digests of the sources are known from a first run, told apart. mergekit
does none of that. Both find the sources in the page cache. For the two merges that are little more
than copying, the limit is `cat` of the sources, `cp` of the result and `sha256sum` of it; as many
a `sha256sum` is slow, the limit is also measured with the hash that Python has. Nothing is
asserted: lost rows are shown like the others.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

sys.path.append(str(Path(__file__).resolve().parents[1]))  # also when it is started by its path

from benchmarks.measuring import Cost, environment, measure, read_all
from benchmarks.merge_agreement import agreement
from benchmarks.merge_figures import Result, cost_table, target_table, targets_of
from benchmarks.merge_models import make_models, parameter_count, weights_of, width_for
from benchmarks.merge_recipes import MERGES, Merge

_PEER = Path(__file__).resolve().parents[1] / ".bench" / "peers" / "bin"
_SEED = "42"
_FULL = 1100
_FAST_SHA256 = """
import hashlib, sys
for name in sys.argv[1:]:
    with open(name, "rb") as file:
        print(hashlib.file_digest(file, "sha256").hexdigest(), name)
"""
_NO_PEER = "mergekit is not installed for the benchmark: `make bench-peers` does it. Without it:"


@dataclass(frozen=True)
class Bench:
    """The folders of a benchmark, and what to run in them."""

    models: Path
    """Where the checkpoints are."""
    scratch: Path
    """Recipe, ledger and results; emptied again and again."""
    peer: Path | None
    """The program ``mergekit-yaml``, None to run evoreg alone."""
    extra: tuple[str, ...]
    """Further options for evoreg."""

    @property
    def recipe(self) -> Path:
        """The recipe of the present merge."""
        return self.scratch / "recipe.yml"

    def result(self, who: str) -> Path:
        """Where a contender puts its result."""
        return self.scratch / f"result-{who}"

    def evoreg(self, _: Merge) -> Cost:
        """Merge with evoreg, as a user would."""
        program = [sys.executable, "-m", "evoreg.registry", "merge", "--seed", _SEED, *self.extra]
        command = [*program, str(self.recipe), str(self.result("evoreg"))]
        return measure(command, self.scratch, environment())

    def mergekit(self, _: Merge) -> Cost:
        """Merge with mergekit, in its own environment."""
        options = ["--allow-crimes", "--random-seed", _SEED, "--quiet"]
        command = [str(self.peer), str(self.recipe), str(self.result("mergekit")), *options]
        return measure(command, self.scratch, environment(PYTHONPATH=""))

    def limit(self, merge: Merge) -> Cost:
        """Read the sources, copy the result of evoreg, hash it with ``sha256sum``."""
        return self.bytes_alone(merge, "limit", ("sha256sum",))

    def fast_limit(self, merge: Merge) -> Cost:
        """Do the same with the hash that evoreg uses; on some systems it is many times faster."""
        return self.bytes_alone(merge, "fast", (sys.executable, "-c", _FAST_SHA256))

    def bytes_alone(self, merge: Merge, who: str, hasher: tuple[str, ...]) -> Cost:
        """Read, copy and hash."""
        results = sorted(str(path) for path in self.result("evoreg").glob("*.safetensors"))
        self.result(who).mkdir()
        cat = ("sh", "-c", 'exec cat "$@" > /dev/null', "sh", *map(str, self.sources(merge)))
        read = measure(cat, self.scratch, environment())
        copy = ("cp", "--reflink=never", *results, str(self.result(who)))
        copied = measure(copy, self.scratch, environment())
        return read + copied + measure((*hasher, *results), self.scratch, environment())

    def sources(self, merge: Merge) -> list[Path]:
        """Return the weight files of a merge."""
        return [weights_of(self.models, name) for name in merge.sources]

    def clear(self, *, whole: bool = False) -> None:
        """Remove the results, or everything with ledger and remembered digests."""
        for path in [self.scratch] if whole else self.scratch.glob("result-*"):
            shutil.rmtree(path, ignore_errors=True)
        self.scratch.mkdir(parents=True, exist_ok=True)


def measured(bench: Bench, merge: Merge, rounds: int) -> Result:
    """Run one merge by all contenders in turn.

    Args:
        bench: Where.
        merge: What.
        rounds: How often each runs, after the first run of evoreg.

    Returns:
        All costs, and how the results agree.
    """
    contenders: dict[str, Callable[[Merge], Cost]] = {"evoreg": bench.evoreg}
    if bench.peer:
        contenders["mergekit"] = bench.mergekit
    if merge.has_limit:
        contenders |= {"limit": bench.limit, "limit, fast hash": bench.fast_limit}
    bench.clear(whole=True)
    bench.recipe.write_text(merge.recipe(bench.models), "utf-8")
    read_all(bench.sources(merge))
    result = Result(merge.method, bench.evoreg(merge), {who: [] for who in contenders})
    for _ in range(rounds):
        bench.clear()
        for who, run in contenders.items():
            result.runs[who].append(run(merge))
    if bench.peer and not merge.is_random:
        result.agreement = agreement(bench.result("evoreg"), bench.result("mergekit"))
    bench.clear(whole=True)
    return result


def main() -> None:
    """Make the models, measure, print; what was measured before an interruption is printed too."""
    asked = _asked()
    width = width_for(asked.millions)
    work = asked.work or Path(tempfile.gettempdir()) / "evoreg-benchmark"
    bench = _bench(asked, work.resolve(), width)
    facts = _facts(width) | {"mergekit": _version(bench.peer)}
    _talk(" · ".join(f"{name} {value}" for name, value in facts.items()))
    if not asked.alone and not bench.peer:
        _talk(_NO_PEER)
    work.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    try:
        make_models(bench.models, width)
        failed = [name for name in asked.methods if not _measure(bench, name, asked.runs, results)]
    finally:
        shutil.rmtree(bench.scratch, ignore_errors=True)
        if not asked.keep:
            shutil.rmtree(bench.models, ignore_errors=True)
        _report(results, markdown=asked.markdown)
        if asked.json:
            asked.json.write_text(json.dumps(_raw(facts, results), indent=1) + "\n", "utf-8")
    if failed:
        sys.exit(f"these merges failed: {', '.join(failed)}")


def _measure(bench: Bench, name: str, rounds: int, results: list[Result]) -> bool:
    """Measure one merge; return False if it failed: the others are still worth measuring."""
    _talk(f"{name} ... load average {os.getloadavg()[0]:.1f}")
    try:
        results.append(measured(bench, MERGES[name], rounds))
    except RuntimeError as error:
        _talk(str(error))
        return False
    return True


def _talk(text: str) -> None:
    print(text, file=sys.stderr)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks.merge", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--methods", type=_methods, default=list(MERGES), help="such as ties,slerp")
    parser.add_argument("--runs", type=_positive, default=5, help="runs of each program")
    parser.add_argument("--millions", type=_positive, default=_FULL, help="parameters of a model")
    parser.add_argument("--work", type=Path, help="folder for models and results, 14 GB in all")
    parser.add_argument("--keep", action="store_true", help="keep the models for the next time")
    parser.add_argument("--peer", type=Path, default=_PEER, help="folder of mergekit-yaml")
    parser.add_argument("--alone", action="store_true", help="do not run mergekit")
    parser.add_argument("--threads", type=_positive, help="threads of evoreg (default: its own)")
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run to a file")
    return parser.parse_args()


def _methods(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in MERGES]:
        message = f"{', '.join(unknown)}: choose from {', '.join(MERGES)}"
        raise argparse.ArgumentTypeError(message)
    return names


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return int(text)


def _bench(asked: argparse.Namespace, work: Path, width: int) -> Bench:
    peer = asked.peer.resolve() / "mergekit-yaml"
    return Bench(
        models=work / f"models-{width}",
        scratch=work / "scratch",
        peer=peer if peer.exists() and not asked.alone else None,
        extra=("--threads", str(asked.threads)) if asked.threads else (),
    )


def _facts(width: int) -> dict[str, str]:
    """Return what the figures depend on."""
    return {
        "parameters": f"{parameter_count(width):,}",
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "load average": f"{os.getloadavg()[0]:.1f}",
        "evoreg": version("evoreg"),
    }


def _version(peer: Path | None) -> str:
    """Return the version of mergekit, which is in another environment than this."""
    if peer is None:
        return "not run"
    ask = "from importlib.metadata import version; print(version('mergekit'))"
    found = subprocess.run([peer.with_name("python"), "-c", ask], stdout=subprocess.PIPE, text=True)
    return found.stdout.strip()


def _report(results: Sequence[Result], *, markdown: bool) -> None:
    console = Console(width=160, highlight=False)
    console.print("\nMedians; ratios are evoreg's divided by that row's:\n")
    console.print(cost_table(results, markdown=markdown))
    console.print("\nTargets:\n")
    console.print(target_table(results, markdown=markdown))
    console.print("\nNumbers in which the results of evoreg and mergekit differ:\n")
    for result in results:
        said = result.agreement or "not compared"
        console.print(f"- {result.method}: {said}", markup=False)


def _raw(facts: dict[str, str], results: Sequence[Result]) -> dict[str, object]:
    targets = [target for result in results for target in targets_of(result)]
    return {
        "facts": facts,
        "results": [asdict(result, dict_factory=_for_json) for result in results],
        "targets": [asdict(target, dict_factory=_for_json) for target in targets],
    }


def _for_json(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """JSON has no nan."""
    return {name: None if value != value else value for name, value in pairs}


if __name__ == "__main__":
    main()
