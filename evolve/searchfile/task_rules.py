"""Checks of one task of a search file."""

import math
import re

from evoreg.evolve.recipes.form import closest
from evoreg.evolve.searchfile.desk import Desk
from evoreg.evolve.searchfile.form import DataForm, TaskForm
from evoreg.provenance.records.errors import Code

METRICS = {
    "generate": ("exact_match", "number", "regex", "rouge_l", "contains"),
    "choice": ("accuracy",),
    "perplexity": ("perplexity",),
    "python": ("value",),
}
"""Metrics by kind of task; lm-eval has the harness's own."""
_ONLY = {
    "function": ("python",), "task": ("lm-eval",), "include": ("lm-eval",),
    "choices": ("choice",), "normalise": ("choice",), "pattern": ("generate",),
    "stop": ("generate", "python"), "language": ("generate", "python"),
    "variants": ("generate", "choice", "python"),
}  # fmt: skip
_FILES = ("train", "validation", "test")


def check_task(task: TaskForm, path: str, desk: Desk) -> None:
    """Report what does not go together in a task.

    Args:
        task: The task.
        path: Its path in the form.
        desk: Takes problems and warnings.
    """
    if not task.name.strip() or not task.name.isprintable() or len(task.name) > 80:
        desk.report(f"{path}.name", f"{task.name!r:.90} is no name", "write 1 to 80 signs")
    check_metric(task.kind, task.metric, path, desk)
    for key, kinds in _ONLY.items():
        if task.kind not in kinds and f"{path}.{key}" in desk.places:
            what = f"{key} changes nothing in a task of the kind {task.kind}"
            desk.warn(f"{path}.{key}", what, "leave it out")
    if task.weight < 0:
        hint = "write maximise: false where less is better"
        desk.report(f"{path}.weight", f"the weight {task.weight:g} is negative", hint)
    if task.language is not None and re.fullmatch("[a-z]{2}", task.language) is None:
        what = f"{task.language!r:.60} is no ISO 639-1 code"
        desk.report(f"{path}.language", what, "write two small letters, such as ja")
    if task.system is not None and not task.chat and task.kind != "lm-eval":
        desk.warn(f"{path}.system", "system changes nothing without chat: true", "add chat: true")
    _check_pattern(task, path, desk)
    _check_kind(task, path, desk)


def check_metric(kind: str, metric: str, path: str, desk: Desk) -> None:
    """Report a metric that a kind of task does not have.

    Args:
        kind: The kind; one that is unknown has every metric.
        metric: The metric.
        path: Path of the task in the form.
        desk: Takes problems.
    """
    known = METRICS.get(kind, (metric,))
    if metric not in known:
        what = f"{kind} has no metric {metric!r:.60}"
        desk.report(f"{path}.metric", what, closest(metric, known))


def _check_pattern(task: TaskForm, path: str, desk: Desk) -> None:
    if task.metric == "regex" and task.pattern is None:
        desk.report(path, "the metric regex needs a pattern", "add pattern: EXPRESSION")
    if task.pattern is None:
        return
    try:
        re.compile(task.pattern)
    except (re.error, OverflowError, RecursionError) as error:
        what = f"the pattern is no regular expression: {error}"
        desk.report(f"{path}.pattern", what, "correct it")


def _check_kind(task: TaskForm, path: str, desk: Desk) -> None:
    structure = Code.RECIPE_STRUCTURE
    if task.kind == "lm-eval":
        if not task.task:
            desk.report(
                path, "a task of the kind lm-eval needs task", "name one of the harness", structure
            )
        for key in sorted({*DataForm.model_fields} - {"limit"}):
            if f"{path}.data.{key}" in desk.places:
                what = "lm-eval has its own data"
                desk.report(f"{path}.data.{key}", what, "leave it out", structure)
        return
    if task.kind == "python":
        if not task.function:
            hint = "add function: module:function or file.py:function"
            desk.report(path, "a task of the kind python needs a function", hint, structure)
        elif not all(task.function.rpartition(":")[::2]):
            what = f"{task.function!r:.60} names no function"
            desk.report(f"{path}.function", what, "write module:function or file.py:function")
        return
    _check_data(task.data, path, desk)


def _check_data(data: DataForm, path: str, desk: Desk) -> None:
    files = [name for name in _FILES if getattr(data, name) is not None]
    where = f"{path}.data"
    if data.hub is not None and (files or data.path is not None):
        desk.report(where, "data has both files and a data set of the Hub", "keep one of the two")
    if data.hub is None and data.path is None and not files:
        hint = "write data: {path: FILE}, data: {train: FILE, test: FILE} or data: {hub: org/name}"
        desk.report(where, "the task has no data", hint, Code.RECIPE_STRUCTURE)
    if files and "train" not in files:
        desk.report(where, "there is no train split to search with", "add train: FILE")
    for key in ("config", "split"):
        if data.hub is None and f"{where}.{key}" in desk.places:
            desk.warn(f"{where}.{key}", f"{key} changes nothing without hub", "leave it out")
    if not math.isclose(math.fsum(data.fractions), 1, abs_tol=1e-6):
        total = math.fsum(data.fractions)
        what = f"the fractions of the splits add up to {total:g}"
        desk.report(f"{where}.fractions", what, "let them add up to 1")
