"""Config files of mergekit-evolve as searches of evoreg, with what differs told as warnings.

What they mean follows mergekit 0.1.5: a genome over parameters of one of five methods, tasks of
lm-evaluation-harness, 100 evaluations, a first step of a sixth, and a population of
4 + floor(3 ln n).
"""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from evoreg.evolve.searchfile.desk import Desk
from evoreg.evolve.searchfile.form import COMPONENTS, Form
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import Code, RecipeError
from evoreg.provenance.records.marked import Items, Leaf, Table

_NORMALISED = ("ties", "dare_ties", "linear")
_WITH_DENSITY = ("ties", "dare_ties")
_EVALUATIONS = 100
_BENCHMARKS = (
    "mmlu", "hendrycks", "agieval", "gsm8k", "hellaswag", "winogrande", "arc_", "ai2_arc",
    "truthfulqa", "bigbench", "piqa", "openbookqa", "leaderboard",
)  # fmt: skip
_ALIASES = {
    "models": "genome.models", "method": "genome.merge_method",
    "base_model": "genome.base_model", "space": "genome",
    "merge.tokenizer_source": "genome.tokenizer_source",
    "space.granularity": "genome.layer_granularity", "space.components": "genome.filters",
    "economy.items": "limit",
}  # fmt: skip


class GenomeForm(Form):
    """What mergekit-evolve calls a genome."""

    models: Annotated[tuple[str, ...], Field(min_length=1)]
    merge_method: Literal["linear", "task_arithmetic", "ties", "dare_ties", "slerp"]
    base_model: str | None = None
    tokenizer_source: str | None = None
    layer_granularity: int = 0
    normalize: bool | None = None
    allow_negative_weights: bool = False
    filters: tuple[str, ...] = ()
    smooth: bool = False


class MetricForm(Form):
    """A task of lm-evaluation-harness."""

    name: str
    weight: float = 1.0
    metric: str = "acc,none"


class ConfigForm(Form):
    """A whole config file."""

    genome: GenomeForm
    tasks: Annotated[tuple[MetricForm, ...], Field(min_length=1)]
    limit: Annotated[int, Field(ge=0)] | None = None
    num_fewshot: Annotated[int, Field(ge=0)] | None = None
    shuffle: bool = False
    random_init: bool = False
    apply_chat_template: bool = True
    fewshot_as_multiturn: bool = True


def from_mergekit(root: Table, desk: Desk) -> dict[str, Json]:
    """Return a config of mergekit-evolve as the plain values of a search file.

    Args:
        root: The file.
        desk: Takes places, problems and warnings.

    Returns:
        A search file that says the same, as far as it can.

    Raises:
        RecipeError: It is no such config, or asks for what cannot be done here.
    """
    config = _read(_with_named_tasks(root), desk)
    genome = config.genome
    if genome.merge_method == "slerp":
        _check_slerp(genome, desk)
    if desk.problems:
        raise RecipeError.of(desk.problems)
    desk.places |= {
        ours: desk.places[path] for ours, path in _ALIASES.items() if path in desk.places
    }
    _warn(config, desk)
    data: dict[str, Json] = {
        "name": _name(desk.file),
        "models": [*genome.models],
        "method": genome.merge_method,
        "merge": _dropped({"dtype": "bfloat16", "tokenizer_source": genome.tokenizer_source}),
        "space": _space(config),
        "tasks": _tasks(config),
        "budget": {"candidates": _EVALUATIONS},
        "optimiser": {"kind": "cma-es"},
        "economy": {"items": config.limit or 0, "rotate": config.shuffle, "collapse": 0},
    }
    base = genome.models[0] if genome.merge_method == "slerp" else genome.base_model
    return data if base is None else {**data, "base_model": base}


def _with_named_tasks(root: Table) -> Table:
    """Return a file whose tasks are all mappings: a bare text names a task."""
    tasks = root.pairs.get("tasks")
    if not isinstance(tasks, Items):
        return root
    rows = tuple(
        Table(item.mark, {"name": item}, {"name": item.mark}) if isinstance(item, Leaf) else item
        for item in tasks.items
    )
    return Table(root.mark, {**root.pairs, "tasks": Items(tasks.mark, rows)}, root.keys)


def _read(root: Table, desk: Desk) -> ConfigForm:
    config = desk.form(desk.table(root, ConfigForm), ConfigForm)
    if config is None:
        raise RecipeError.of(desk.problems)
    return config


def _check_slerp(genome: GenomeForm, desk: Desk) -> None:
    unsupported = Code.RECIPE_UNSUPPORTED
    if len(genome.models) != 2:
        what = (
            "slerp takes two models here: mergekit-evolve chooses two of "
            f"{len(genome.models)} anew for each group of layers"
        )
        hint = "keep two models, or take linear, which weighs them all"
        desk.report("genome.models", what, hint, unsupported)
    if genome.base_model not in (None, *genome.models):
        what = "the base of slerp is none of its two models; mergekit refuses such merges too"
        desk.report("genome.base_model", what, "leave base_model out", unsupported)
    if genome.filters or genome.smooth:
        key = "filters" if genome.filters else "smooth"
        what = f"slerp and {key} exclude each other in mergekit-evolve"
        desk.report(f"genome.{key}", what, "leave it out, or write a search file", unsupported)


def _name(file: str) -> str:
    words = re.findall(r"\w+", Path(file).stem)
    return "-".join(words)[:80] or "mergekit-evolve"


def _dropped(values: dict[str, Json]) -> dict[str, Json]:
    return {key: value for key, value in values.items() if value is not None}


def _space(config: ConfigForm) -> Json:
    genome = config.genome
    found: dict[str, Json] = {
        "kind": "parameters",
        "granularity": max(0, genome.layer_granularity),
        "smooth": genome.smooth and genome.layer_granularity > 0,
        "components": [*genome.filters],
        "genes": _genes(config),
    }
    if genome.merge_method != "slerp":
        found["parameters"] = {"normalize": _normalised(genome)}
    return found


def _normalised(genome: GenomeForm) -> bool:
    usual = genome.merge_method in _NORMALISED
    return usual if genome.normalize is None else genome.normalize


def _genes(config: ConfigForm) -> Json:
    """Return the ranges; without normalising weights may grow beyond one."""
    genome = config.genome
    if genome.merge_method == "slerp":
        return {"t": {"low": 0.0, "high": 1.0, "start": 0.5}}
    high = 1.0 if _normalised(genome) else 1.5
    start = 0.5 if config.random_init else 1 / len(genome.models)
    low = -high if genome.allow_negative_weights else 0.0
    found: dict[str, Json] = {"weight": {"low": low, "high": high, "start": start}}
    if genome.merge_method in _WITH_DENSITY:
        begin = 0.5 if config.random_init else 1.0
        found["density"] = {"low": 0.0, "high": 1.0, "start": begin}
    return found


def _tasks(config: ConfigForm) -> list[Json]:
    names = [task.name for task in config.tasks]
    return [
        {
            "name": task.name if names.count(task.name) == 1 else f"{task.name} {task.metric}",
            "kind": "lm-eval",
            "task": task.name,
            "metric": task.metric,
            # Their fitness is the plain sum of weight times metric, whatever the metric prefers.
            "maximise": task.weight >= 0,
            "weight": abs(task.weight),
            "chat": config.apply_chat_template,
            "fewshot": config.num_fewshot or 0,
        }
        for task in config.tasks
    ]


def _note(desk: Desk, path: str, what: str, hint: str = "") -> None:
    desk.warn(path, what, hint, Code.RECIPE_UNSUPPORTED)


def _warn(config: ConfigForm, desk: Desk) -> None:
    """Tell what is not as in mergekit-evolve."""
    _warn_of_genome(config, desk)
    _warn_of_tasks(config, desk)
    _note(
        desk,
        "",
        "the search returns the mean of the last distribution or a finalist that was scored again, "
        "not the best candidate observed",
    )
    _note(
        desk,
        "",
        "every gene has a range, and the first step is a sixth of it; mergekit-evolve has no "
        "ranges, takes absolute values, and steps by 1/6",
    )
    if config.random_init:
        what = "random_init: genes begin in the middle, at 0.5, instead of at random"
        _note(desk, "random_init", what)


def _warn_of_genome(config: ConfigForm, desk: Desk) -> None:
    genome = config.genome
    if genome.layer_granularity > 0:
        what = (
            "embeddings, head and final norm have genes of their own; mergekit-evolve gives them "
            "those of the first and last layers"
        )
        _note(desk, "genome.layer_granularity", what)
    if genome.smooth and genome.layer_granularity <= 0:
        what = "smooth changes nothing without layer_granularity, in mergekit-evolve neither"
        _note(desk, "genome.smooth", what, "leave it out")
    if genome.merge_method == "slerp":
        what = (
            "slerp has one gene t from 0 to 1 instead of two, whose softmax gives a t of at most "
            "0.5 from the larger one"
        )
        _note(desk, "genome.merge_method", what)
    elif genome.base_model in genome.models and genome.merge_method != "linear":
        what = "the base has no genes: it differs from itself in nothing"
        _note(desk, "genome.base_model", what, "leave it out of models")
    for name in sorted({*genome.filters} & {*COMPONENTS}):
        what = f"{name} is the component of that name, and not every tensor whose name holds it"
        _note(desk, "genome.filters", what, "write a longer part of the names, such as .mlp.")


def _warn_of_tasks(config: ConfigForm, desk: Desk) -> None:
    for place, task in enumerate(config.tasks):
        if task.name.startswith(_BENCHMARKS) and not task.name.endswith("_train"):
            what = f"{task.name} is a public benchmark: searching on it is training on its items"
            _note(desk, f"tasks.{place}", what, "search on other items, and keep it for the test")
    if config.limit and not config.shuffle:
        what = f"the {config.limit} items are drawn by the seed, not the first ones of the task"
        _note(desk, "limit", what)
    if config.shuffle and config.limit:
        _note(desk, "shuffle", "other items are drawn for each generation, not for each candidate")
    if config.num_fewshot and config.apply_chat_template and config.fewshot_as_multiturn:
        what = "examples stand in one message with the question, not in turns of a conversation"
        _note(desk, "fewshot_as_multiturn", what)
    if config.num_fewshot == 0:
        what = "a task that names a number of examples shows them nevertheless"
        _note(desk, "num_fewshot", what)
    _note(
        desk,
        "tasks",
        "candidates answer items of the task's training split, and only the result those of its "
        "test split; mergekit-evolve searches on the test split",
        "a task for searching needs a training split",
    )
