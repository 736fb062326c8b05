"""Merge the oracle's models in a process of its own and print the digest of each result."""

import json
import sys
from pathlib import Path

from evoreg.evolve.execution.run import Options
from tests.evolve.merging import ORACLE, Bench, recipe, row
from tests.evolve.method_recipes import FORMS, name_of

WISHES = {
    "union": recipe(
        "linear", [row("a", weight=1), row("chat", weight=1)], tokenizer_source="union"
    ),
    "mixed": recipe("linear", [row("tied_a", weight=0.5), row("a", weight=0.5)]),
    **{
        name_of(form): form.recipe(["a", "b", "c"][: form.count(3)], "base", density=0.5)
        for form in FORMS
    },
}


def digests(folder: Path, threads: int) -> dict[str, list[str]]:
    """Return the digests of all files of each merge."""
    bench = Bench(folder, ORACLE / "models")
    found = {}
    for name, wish in WISHES.items():
        result = bench.merge(wish, seed=3, options=Options(threads=threads))
        found[name] = [f"{file.path} {file.digest}" for file in result.merged.outputs]
    return found


if __name__ == "__main__":
    print(json.dumps(digests(Path(sys.argv[1]), int(sys.argv[2]))))  # noqa: T201
