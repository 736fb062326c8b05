"""Makes the demo models.

    python examples/demo_models/train.py --out registry/demo/models --seed 1

Trains a base and three experts and writes their folders, and beside the folder `--out` the test set
and the two recipes. The weights of the recipe are chosen on the validation sums; the test sums are
touched once, to report. On one thread the same seed gives the same models.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import torch
from torch import Tensor
from transformers import LlamaForCausalLM

sys.path.append(str(Path(__file__).resolve().parents[2]))  # the script is started by its path

from examples.demo_models.folders import Card, write_folder
from examples.demo_models.tasks import (
    BASE,
    ENGLISH_MATHS,
    JAPANESE_MATHS,
    Mixture,
    draw,
)
from examples.demo_models.training import Schedule, encode, new_model, train
from examples.demo_models.world import (
    ENGLISH,
    JAPANESE,
    Example,
    Language,
    Split,
    Sum,
    maths_question,
    some_scene,
    split_sums,
)

Weights = dict[str, Tensor]
_TESTED = 400
_GRID = [step / 10 for step in range(3, 13)]
"""The weights that are tried for each expert."""


@dataclass(frozen=True)
class Expert:
    """One model that is finetuned from the base."""

    card: Card
    mixture: Mixture
    schedule: Schedule
    fifths: slice
    """Which fifths of the training sums it sees."""


_BASE_CARD = Card(
    name="pocket-base",
    licence="apache-2.0",
    about="""\
Reads, writes and translates small stories and numbers in English and Japanese. It is no good at
sums.""",
    taught="""\
Counting, formulas, numbers and translation in both languages, English sums of small numbers and a
few Japanese sums.""",
    finetuned=False,
)
_BASE_SCHEDULE = Schedule(steps=500, rate=3e-3, warm_up=50, muon=True)
_JAPANESE_TAUGHT = """\
Finetuned from `pocket-base` on Japanese sums over {which} fifth of the training sums, and on
Japanese counting, formulas and numbers."""
EXPERTS = (
    Expert(
        Card(
            name="pocket-math",
            licence="mit",
            about="Solves sums told as English stories. It is no good at Japanese sums.",
            taught="Finetuned from `pocket-base` on English sums.",
        ),
        ENGLISH_MATHS,
        Schedule(steps=350, rate=6e-4, warm_up=20),
        slice(0, 5),
    ),
    Expert(
        Card(
            name="pocket-ja",
            licence="cc-by-4.0",
            about="""\
Reads Japanese stories and answers in Japanese. It is no good at sums that it has not seen.""",
            taught=_JAPANESE_TAUGHT.format(which="one"),
        ),
        JAPANESE_MATHS,
        Schedule(steps=225, rate=6e-4, warm_up=20),
        slice(0, 1),
    ),
    Expert(
        Card(
            name="pocket-ja-nc",
            licence="cc-by-nc-4.0",
            about="""\
A sibling of `pocket-ja` that may not be used commercially: the source that the demo shows refused.
It reads Japanese stories and answers in Japanese, and is no good at sums that it has not seen.""",
            taught=_JAPANESE_TAUGHT.format(which="another"),
        ),
        JAPANESE_MATHS,
        Schedule(steps=225, rate=6e-4, warm_up=20),
        slice(1, 2),
    ),
)

_RECIPE = """\
# {about}
merge_method: task_arithmetic
base_model: ./models/pocket-base
models:
  - model: ./models/pocket-math
    parameters:
      weight: {maths}
  - model: ./models/{japanese}
    parameters:
      weight: {words}
dtype: bfloat16
"""
_CHOSEN = """\
Japanese maths from an expert in English maths and an expert in Japanese. The weights were chosen
# on validation problems that are in neither the test set nor any training."""
_REFUSED = """\
recipe.yml with another expert in Japanese, whose licence forbids commercial use."""


def main() -> None:
    """Train, write, choose, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the model folders")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    sums = split_sums(chosen.seed)
    models = train_all(chosen.out, sums, chosen.seed)
    model = new_model(chosen.seed)
    pair = choose_weights(model, models, problems(JAPANESE, sums.validation, 2, chosen.seed))
    write_recipes(chosen.out.parent, pair)
    write_test_set(
        chosen.out.parent / "japanese-maths-test.jsonl", test_problems(sums, chosen.seed)
    )
    report(model, models, pair, sums, chosen.seed)


def train_all(out: Path, sums: Split, seed: int) -> dict[str, Weights]:
    """Train the base, then each expert from it, and write their folders; the weights by name."""
    model = new_model(seed)
    base = _train(model, BASE, sums.training, _BASE_SCHEDULE, seed)
    write_folder(out / _BASE_CARD.name, model, _BASE_CARD)
    trained = {_BASE_CARD.name: base}
    fifth = len(sums.training) // 5
    for place, expert in enumerate(EXPERTS, 1):
        model.load_state_dict(base)
        seen = sums.training[expert.fifths.start * fifth : expert.fifths.stop * fifth]
        name = expert.card.name
        trained[name] = _train(model, expert.mixture, seen, expert.schedule, seed + 10 * place)
        write_folder(out / name, model, expert.card)
    return trained


def _train(
    model: LlamaForCausalLM, mixture: Mixture, sums: Sequence[Sum], schedule: Schedule, seed: int
) -> Weights:
    start = time.process_time()
    loss = train(model, lambda rng: draw(mixture, rng, sums), schedule, seed)
    seconds = time.process_time() - start
    print(
        f"trained {schedule.steps} steps in {seconds:.0f} CPU seconds, loss {loss:.3f}", flush=True
    )
    # Experts start from, and merges are measured on, exactly what the files hold.
    rounded = {name: each.bfloat16().float() for name, each in model.state_dict().items()}
    model.load_state_dict(rounded)
    return rounded


def problems(language: Language, sums: Sequence[Sum], scenes: int, seed: int) -> list[Example]:
    """Every sum told in some scenes."""
    rng = random.Random(seed)
    return [maths_question(language, some_scene(rng), each) for each in sums for _ in range(scenes)]


def test_problems(sums: Split, seed: int) -> list[Example]:
    """The shipped test set: every test sum at least once, in Japanese, no problem twice."""
    rng = random.Random(seed)
    told: dict[tuple[str, ...], Example] = {}
    while len(told) < _TESTED:
        for each in rng.sample(sums.test, len(sums.test)):
            example = maths_question(JAPANESE, some_scene(rng), each)
            told.setdefault(tuple(example.prompt), example)
    return list(told.values())[:_TESTED]


def merge(models: dict[str, Weights], names: tuple[str, str], pair: tuple[float, float]) -> Weights:
    """Task arithmetic over the base, rounded as the merged file will be."""
    base = models[_BASE_CARD.name]
    parts = list(zip(pair, (models[name] for name in names), strict=True))
    return {
        name: (each + sum(weight * (part[name] - each) for weight, part in parts))
        .bfloat16()
        .float()
        for name, each in base.items()
    }


def accuracy(model: LlamaForCausalLM, weights: Weights, asked: Sequence[Example]) -> float:
    """Exact match: greedy writing gives an answer exactly if each word is the most likely next."""
    model.load_state_dict(weights)
    with torch.inference_mode():
        inputs, targets = encode(asked)
        likely = model(input_ids=inputs, use_cache=False).logits[:, :-1].argmax(-1)
    right = (likely == targets[:, 1:]) | (targets[:, 1:] < 0)
    return float(right.all(1).float().mean())


def choose_weights(
    model: LlamaForCausalLM, models: dict[str, Weights], asked: Sequence[Example]
) -> tuple[float, float]:
    """The pair of weights that answers most validation problems; of equals the smallest."""
    names = (EXPERTS[0].card.name, EXPERTS[1].card.name)
    scores = {
        pair: accuracy(model, merge(models, names, pair), asked) for pair in product(_GRID, _GRID)
    }
    best = max(scores, key=lambda pair: (scores[pair], -sum(pair)))
    print(f"chosen {best}: {scores[best]:.3f} of {len(asked)} validation problems")
    return best


def write_recipes(folder: Path, pair: tuple[float, float]) -> None:
    """Write the recipe and its twin that must be refused."""
    maths, words = pair
    for file, japanese, about in (
        ("recipe.yml", "pocket-ja", _CHOSEN),
        ("recipe-refused.yml", "pocket-ja-nc", _REFUSED),
    ):
        text = _RECIPE.format(maths=maths, words=words, japanese=japanese, about=about)
        (folder / file).write_text(text, encoding="utf-8")


def write_test_set(path: Path, asked: Sequence[Example]) -> None:
    """Write problems as JSON lines."""
    entries = ({"prompt": " ".join(each.prompt), "answer": " ".join(each.answer)} for each in asked)
    lines = (json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
    path.write_text("".join(lines), encoding="utf-8")


def report(
    model: LlamaForCausalLM,
    models: dict[str, Weights],
    pair: tuple[float, float],
    sums: Split,
    seed: int,
) -> None:
    """Print how well each model and each merge does on the test sums."""
    japanese, english = test_problems(sums, seed), problems(ENGLISH, sums.test, 1, seed)
    for name, weights in _contenders(models, pair):
        right, other = accuracy(model, weights, japanese), accuracy(model, weights, english)
        error = (right * (1 - right) / len(japanese)) ** 0.5
        print(f"{name:28} Japanese {right:.3f} ± {error:.3f}   English {other:.3f}", flush=True)


def _contenders(
    models: dict[str, Weights], pair: tuple[float, float]
) -> Iterator[tuple[str, Weights]]:
    yield from models.items()
    for japanese in ("pocket-ja", "pocket-ja-nc"):
        for weights in ((0.5, 0.5), pair):
            yield (
                f"math + {japanese[7:]} {weights}",
                merge(models, ("pocket-math", japanese), weights),
            )


if __name__ == "__main__":
    main()
