"""Makes the problems of the miniature in `examples/evollm-jp-mini`.

    python examples/demo_models/problems.py

Writes `train.jsonl`, `validation.jsonl` and `test.jsonl` into the miniature's folder `data`, and
the first third of each for the search of the demo. The problems are Japanese sums from the world of
the demo models. Search problems use sums that `pocket-ja` was never taught; validation and test
problems use pairs of operands that no model has seen in any language.
"""

import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # the script is started by its path

from examples.demo_models.world import JAPANESE, Sum, maths_question, some_scene, split_sums

ROOT = Path(__file__).resolve().parents[2]
SEED = 1
"""That of the demo models: another one would divide the sums otherwise."""
TRAIN, VALIDATION, TEST = 1200, 600, 1200
MINIATURE = ROOT / "examples" / "evollm-jp-mini" / "data"
DEMO = ROOT / "registry" / "demo" / "search"


def main() -> None:
    """Write all files."""
    sums = split_sums(SEED)
    fifth = len(sums.training) // 5  # what pocket-ja saw; see examples/demo_models/train.py
    pools = {
        "train": (sums.training[fifth:], TRAIN, 21),
        "validation": (sums.validation, VALIDATION, 22),
        "test": (sums.test, TEST, 23),
    }
    for name, (pool, count, seed) in pools.items():
        lines = problems(pool, count, seed)
        write(MINIATURE / f"{name}.jsonl", lines)
        write(DEMO / f"{name}.jsonl", lines[: count // 3])


def problems(pool: Sequence[Sum], count: int, seed: int) -> list[str]:
    """As many problems as asked for, as JSON lines: every sum once before any comes again.

    `operands` tells which problems belong together: those of one pair are not independent.
    """
    rng = random.Random(seed)
    told: dict[str, str] = {}
    while len(told) < count:
        for each in rng.sample(pool, len(pool)):
            example = maths_question(JAPANESE, some_scene(rng), each)
            low, high = sorted((each.first, each.second))
            line = {
                "prompt": " ".join(example.prompt),
                "answer": " ".join(example.answer),
                "operands": f"{low} {high}",
            }
            told.setdefault(line["prompt"], json.dumps(line, ensure_ascii=False))
    return list(told.values())[:count]


def write(path: Path, lines: Sequence[str]) -> None:
    """Write JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
