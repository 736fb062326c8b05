"""What the licence gate costs: ``evoreg check`` from process start, on small and large lineages.

``python -m benchmarks.gate`` runs each command several times, interleaved with a named peer: a
Python that only imports the libraries which evoreg stands on there (typer, rich, pydantic,
sqlalchemy, yaml). Printed are medians and the ratio to that peer; nothing is asserted.
"""

import shlex
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.lineage_ledger import SHAPES, walk, write_ledger
from benchmarks.measuring import Cost, environment, measure
from evoreg.policies.context import Context
from evoreg.policies.decide import decide
from evoreg.policies.knowledge.book import load
from evoreg.policies.policy import Policy
from evoreg.policies.question import Question
from evoreg.registry.demo import models_folder

MODELS = 10_000
RUNS = 5
_PEER = "import typer, rich.console, rich.table, pydantic, sqlalchemy, yaml"
_RECIPE = """merge_method: linear
models:
  - {{model: {one}, parameters: {{weight: 0.5}}}}
  - {{model: {two}, parameters: {{weight: 0.5}}}}
"""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    """What was run."""
    costs: Sequence[Cost]
    """What each run took."""

    @property
    def wall(self) -> float:
        """Median of the seconds from start to end."""
        return statistics.median(cost.wall for cost in self.costs)

    @property
    def cpu(self) -> float:
        """Median of the seconds of processor time."""
        return statistics.median(cost.cpu for cost in self.costs)


def main() -> None:
    """Print the table."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    print(f"evoreg check, process start included; medians of {runs} runs, interleaved\n")
    with TemporaryDirectory() as folder:
        _commands(Path(folder), runs)
    print(f"\ndecide on a lineage of {MODELS:,} models, in one process\n")
    print("| lineage | walk s | decide s | verdict | reasons |\n|---|---|---|---|---|")
    for shape in SHAPES:
        with TemporaryDirectory() as folder:
            _decided(Path(folder), shape)


def _commands(folder: Path, runs: int) -> None:
    python = [sys.executable, "-c"]
    evoreg = [sys.executable, "-m", "evoreg.registry"]
    recipe = folder / "recipe.yml"
    models = models_folder()
    text = _RECIPE.format(one=models / "pocket-math", two=models / "pocket-ja")
    recipe.write_text(text, encoding="utf-8")
    check = [*evoreg, "check", str(recipe), "--offline"]
    commands: dict[str, tuple[list[str], Mapping[str, str]]] = {
        "imports alone (peer)": ([*python, _PEER], environment()),
        "check of two models, no ledger yet": (check, environment()),
    }
    small = f"sqlite:///{folder / 'small.sqlite'}"
    write_ledger(small, "chain", 10)
    commands["check of two models, with a ledger"] = (check, environment(EVOREG_LEDGER=small))
    for shape in SHAPES:
        url = f"sqlite:///{folder / shape}.sqlite"
        top = _Top(folder / f"top-{shape}", url, shape)
        commands[f"check of a model with {MODELS:,} ancestors, {shape}"] = (
            [*evoreg, "check", str(top.make()), "--offline"],
            environment(EVOREG_LEDGER=url),
        )
    rows = _timed(commands, folder, runs)
    peer = rows[0]
    print("| command | wall s | CPU s | wall ratio to the peer |\n|---|---|---|---|")
    for row in rows:
        print(f"| {row.name} | {row.wall:.2f} | {row.cpu:.2f} | {row.wall / peer.wall:.1f} |")


@dataclass(frozen=True)
class _Top:
    """A model folder whose card names the newest model of a large lineage."""

    folder: Path
    url: str
    shape: str

    def make(self) -> Path:
        """Write folder and ledger."""
        write_ledger(self.url, self.shape, MODELS)
        self.folder.mkdir()
        source = models_folder() / "pocket-math"
        for path in source.iterdir():
            if path.name != "README.md" and path.is_file():
                (self.folder / path.name).write_bytes(path.read_bytes())
        card = "---\nlicense: mit\nbase_model: org/m0\nbase_model_relation: finetune\n---\n"
        (self.folder / "README.md").write_text(card, encoding="utf-8")
        return self.folder


def _timed(
    commands: Mapping[str, tuple[list[str], Mapping[str, str]]], folder: Path, runs: int
) -> list[Row]:
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, (command, variables) in commands.items():
            cost = _measured(command, folder, variables)
            if turn:  # the first round fills the caches
                costs[name].append(cost)
    return [Row(name, found) for name, found in costs.items()]


def _measured(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> Cost:
    """Measure a command; one that ends with a verdict did its work."""
    quoted = shlex.join(command)
    return measure(
        ["sh", "-c", f"{quoted}; case $? in 0|3|8) ;; *) exit 1;; esac"], folder, variables
    )


def _decided(folder: Path, shape: str) -> None:
    url = f"sqlite:///{folder / 'ledger.sqlite'}"
    top = write_ledger(url, shape, MODELS)
    start = time.perf_counter()
    source = walk(folder, url, top)
    walked = time.perf_counter()
    here = Context(mau=1, annual_revenue_usd=1, licensee_territory="JP", release_territory=("JP",))
    question = Question("research", Policy.default(), here, "Top", today="2026-01-01")
    decision = decide([source], question, load())
    decided = time.perf_counter()
    figures = f"{walked - start:.2f} | {decided - walked:.2f}"
    print(f"| {shape} | {figures} | {decision.verdict} | {len(decision.reasons)} |")


if __name__ == "__main__":
    main()
