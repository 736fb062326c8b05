"""How well a model folder answers the problems of the demo: exact match of the whole answer.

The model writes freely, word by word, and an answer counts only if every word of it is the
expected one and the model then stops. Nothing is fetched and no code of a model folder is run.
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

__all__ = ["Accuracy", "Problem", "exact_match", "read_problems"]


@dataclass(frozen=True)
class Problem:
    """A question and the one answer that is right."""

    prompt: str
    """The text the model is given; words separated by blanks."""
    answer: str
    """The text it must write."""


@dataclass(frozen=True)
class Accuracy:
    """How many problems were answered rightly."""

    correct: int
    total: int

    @property
    def fraction(self) -> float:
        """The part that is right, from 0 to 1."""
        return self.correct / self.total

    @property
    def standard_error(self) -> float:
        """The binomial standard error of `fraction`."""
        return math.sqrt(self.fraction * (1 - self.fraction) / self.total)


def read_problems(path: Path) -> tuple[Problem, ...]:
    """Read problems from JSON lines with the keys `prompt` and `answer`.

    Raises:
        ValueError: If a line is not such an object; the message names file and line.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(_problem(line, f"{path}:{at}") for at, line in enumerate(lines, 1))


def _problem(line: str, place: str) -> Problem:
    try:
        entry = json.loads(line)
        problem = Problem(entry["prompt"], entry["answer"])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        message = f"{place}: expected a JSON object with the keys prompt and answer"
        raise ValueError(message) from error
    return problem


def exact_match(model_folder: Path, problems: Sequence[Problem], batch_size: int = 200) -> Accuracy:
    """Let the model of a folder answer all problems greedily and count the right answers.

    Args:
        model_folder: A folder that transformers can load: configuration, safetensors, tokenizer.
        problems: What to ask.
        batch_size: How many problems are answered at once: a matter of memory and speed.

    Raises:
        ValueError: If there are no problems.
    """
    if not problems:
        raise ValueError("no problems to answer: accuracy is not defined")
    # Problems of one length together need little padding, which saves work.
    ordered = sorted(problems, key=lambda each: len(each.prompt.split()))
    batches = [ordered[at : at + batch_size] for at in range(0, len(ordered), batch_size)]
    with _one_thread():
        written = chain.from_iterable(_written(model_folder, batches))
        correct = sum(text == each.answer for text, each in zip(written, ordered, strict=True))
    return Accuracy(correct, len(problems))


def _written(folder: Path, batches: Iterable[Sequence[Problem]]) -> Iterator[list[str]]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    only_here = {"local_files_only": True, "trust_remote_code": False}
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left", **only_here)
    with _quiet_loading():
        # Most processors are slower in bfloat16 than in single precision.
        model = AutoModelForCausalLM.from_pretrained(
            folder, use_safetensors=True, dtype=torch.float32, **only_here
        ).eval()
    for batch in batches:
        given = tokenizer([each.prompt for each in batch], padding=True, return_tensors="pt")
        answers = tokenizer([each.answer for each in batch], add_special_tokens=False)["input_ids"]
        # One more than the longest answer: whoever does not stop there has a word too many.
        room = max(map(len, answers)) + 1
        tokens = model.generate(**given, do_sample=False, use_cache=True, max_new_tokens=room)
        new = tokens[:, given["input_ids"].shape[1] :]
        yield tokenizer.batch_decode(new, skip_special_tokens=True)


@contextmanager
def _quiet_loading() -> Iterator[None]:
    """Without the progress bar that transformers draws for each model, however small."""
    from transformers.utils import logging

    drawn = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if drawn:
            logging.enable_progress_bar()


@contextmanager
def _one_thread() -> Iterator[None]:
    """So small a model gains nothing from threads, and loses much where another process is busy."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
