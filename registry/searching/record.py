"""The record of a search: what names it, and so what makes two searches the same.

The budget is no part of it, so that a search that was stopped may go on under a larger one. Nor is
the place of anything on somebody's disk.
"""

import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePath

from evoreg.evolve.searchfile.form import DataForm, SearchForm
from evoreg.evolve.spaces.space import Space
from evoreg.evolve.tasks.task import Task
from evoreg.provenance.records.candidate import Engine
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.search import GeneRecord, Search
from evoreg.registry.merging.seeds import seed_of_search
from evoreg.registry.searching.gate import Gate
from evoreg.registry.settings import evoreg_version

_LIBRARIES = ("numpy", "safetensors", "tokenizers", "torch", "transformers")
_OF_OPTIMISERS: Mapping[str, str] = {"cma-es": "cma", "sep-cma-es": "cma", "nsga2": "pymoo"}
_OF_TASKS: Mapping[str, str] = {"lm-eval": "lm-eval"}
_MAY_DIFFER = ("run", "decision")
"""Fields in which two records of one search may differ: the decision also says the day."""


def merge_seed_of(form: SearchForm) -> int:
    """Return the seed of random masks, the same for all candidates of a search."""
    return seed_of_search(form.seed, "merge")


def settings_of(form: SearchForm) -> dict[str, Json]:
    """Return what is recorded of a search file.

    Args:
        form: The search over the permitted models, by their recorded references.

    Returns:
        All of it but the budget, intent and policy, which are recorded elsewhere, and the folders
        of data outside the folder of the file.
    """
    tasks = tuple(
        task.model_copy(
            update={
                "data": _without_folders(task.data),
                "include": _shortened(task.include),
                "function": _shortened(task.function),
            }
        )
        for task in form.tasks
    )
    told = form.model_copy(update={"tasks": tasks})
    whole: dict[str, Json] = told.model_dump(mode="json")
    return {key: value for key, value in whole.items() if key not in _ELSEWHERE}


_ELSEWHERE = ("budget", "intent", "policy")


@dataclass(frozen=True)
class Means:
    """What a search is carried out with."""

    engine: Engine
    """Who merges."""
    device: str
    """Where models run."""


def search_record(
    gate: Gate, decision: Digest, space: Space, tasks: Sequence[Task], means: Means
) -> Search:
    """Return the record of a search, as its first run.

    Args:
        gate: The models, and the decision about them.
        decision: Digest of the decision as it is recorded.
        space: The first space.
        tasks: What is measured.
        means: Who merges, and where.

    Returns:
        The record.
    """
    form = gate.form
    outbound = gate.decision.outbound
    return Search(
        name=form.name,
        settings=settings_of(form),
        ingredients=gate.ingredients,
        excluded=tuple(item.record for item in gate.out),
        genes=tuple(
            GeneRecord(name=gene.name, low=gene.low, high=gene.high, start=gene.start)
            for gene in space.genes
        ),
        tasks=tuple(task.record for task in tasks),
        seed=form.seed,
        merge_seed=merge_seed_of(form),
        intent=gate.field.wanted.question.intent,
        decision=decision,
        outbound=outbound,
        engine=means.engine,
        versions=versions_of(form, means.device),
    )


def engine_of(rules: int) -> Engine:
    """Return who merges here."""
    return Engine(version=evoreg_version(), rules=rules)


def versions_of(form: SearchForm, device: str) -> dict[str, str]:
    """Return versions of all libraries that decide scores and genomes, and the device."""
    more = [_OF_OPTIMISERS.get(form.optimiser.kind)]
    more += [_OF_TASKS.get(task.kind) for task in form.tasks]
    names = (*_LIBRARIES, *(name for name in more if name is not None))
    found = {"device": device, "python": platform.python_version(), **dict(_installed(names))}
    return dict(sorted(found.items()))


def same_search(one: Search, other: Search) -> bool:
    """Tell whether two records tell of one search, perhaps of different runs or days."""
    return not differences(one, other)


def differences(one: Search, other: Search) -> tuple[str, ...]:
    """Return what is different between two searches, in words.

    Args:
        one: A search.
        other: Another one, or the same.

    Returns:
        Names of fields, with models and settings told apart; empty if it is the same search.
    """
    first, second = one.to_json(), other.to_json()
    found: list[str] = []
    for name in Search.model_fields:
        if name in _MAY_DIFFER or first.get(name) == second.get(name):
            continue
        found += _details(name, first.get(name), second.get(name))
    return tuple(found)


def _details(name: str, one: Json, other: Json) -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted(key for key in {*one, *other} if one.get(key) != other.get(key))
        return [f"{name}.{key}" for key in keys]
    if name == "ingredients":
        was, now = _by_reference(one), _by_reference(other)
        return [f"weights of {key}" for key in sorted({*was, *now}) if was.get(key) != now.get(key)]
    return [name]


def _by_reference(value: Json) -> dict[str, Json]:
    rows = value if isinstance(value, list) else []
    return {str(row.get("reference")): row for row in rows if isinstance(row, dict)}


def _installed(names: Iterable[str]) -> Iterable[tuple[str, str]]:
    for name in names:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue


def _without_folders(data: DataForm) -> DataForm:
    names = ("path", "train", "validation", "test")
    return data.model_copy(update={name: _shortened(getattr(data, name)) for name in names})


def _shortened(path: str | None) -> str | None:
    """Return a path that tells nothing of the disk: what leads out of the folder is a name."""
    if path is None:
        return None
    whole = PurePath(path)
    tells = whole.is_absolute() or path.startswith("~") or ".." in whole.parts
    return f"./{whole.name}" if tells else path
