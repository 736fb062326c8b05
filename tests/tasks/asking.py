"""Making tasks in one line, and models to ask."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch

from evoreg.evolve.searchfile.form import DataForm, TaskForm
from evoreg.evolve.tasks.table import make_task
from evoreg.evolve.tasks.task import Player, Task
from evoreg.provenance.records.search import Split

DEMO = Path(__file__).resolve().parents[2] / "registry" / "demo"


@cache
def player_of(folder: Path, device: str) -> Player:
    """Load a model that transformers knows."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval().to(device)
    return Player(model, AutoTokenizer.from_pretrained(folder, padding_side="left"), device)


def task_of(folder: Path, data: Mapping[str, Any], **form: Any) -> Task:
    """Make a task of a search file in a folder."""
    seed, code = form.pop("seed", 7), form.pop("allow_code", False)
    chat = form.pop("chat_template", None)
    made = TaskForm(name=form.pop("name", "sums"), data=DataForm(**data), **form)
    return make_task(made, folder, seed=seed, allow_code=code, offline=True, chat_template=chat)


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write rows as JSON lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def every(task: Task, split: Split) -> range:
    """Return all places of a split."""
    return range(len(task.ids(split)))
