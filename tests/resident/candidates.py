"""Candidates over the shipped models, in memory and as a merge writes them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from evoreg.evolve.execution.run import RULES, Merged, Options, carry_out
from evoreg.evolve.planning.build import make_plan
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.recipes.read import read_recipe
from evoreg.evolve.resident.parameters import ParameterHost
from evoreg.provenance.records.candidate import Contribution, Engine
from evoreg.provenance.records.recipe import Recipe
from tests.evolve.merging import same
from tests.evolve.method_recipes import FORMS, Form

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
ENGINE = Engine(version="0.0.test", rules=RULES)
CLOSE = 1e-5
"""How exactly counting goes: a block is added up in float32."""
MODELS = ("pocket-math", "pocket-ja", "pocket-ja-nc")
BASE = "pocket-base"
# Something sparse, something uneven, and nothing that two methods understand differently.
VALUES: dict[str, Any] = {
    "weight": (0.7, 0.4, -0.2), "density": (0.5, 0.8, 0.3), "t": 0.3, "scale": 0.9,
    "select_topk": 0.4, "rescale": True,
}  # fmt: skip


def read(value: Mapping[str, Any]) -> Recipe:
    """Return a recipe that was written as JSON."""
    return read_recipe(json.dumps(value), "recipe.yml").recipe


def recipe(form: Form, **values: Any) -> Recipe:
    """Return a recipe over the shipped models, with other values for some parameters."""
    models = MODELS[: form.count(2)]
    made = form.recipe(models, BASE, **{**VALUES, **values})
    if form.name == "slerp":
        made = {**made, "models": [*made["models"], {"model": BASE}]}
    return read({**made, "dtype": "bfloat16"})


def form(name: str) -> Form:
    """Return a method by name."""
    return next(item for item in FORMS if item.name == name)


def arithmetic(*weights: float, **more: Any) -> Recipe:
    """Return a task arithmetic over the shipped models."""
    lines = [
        {"model": model, "parameters": {"weight": weight}}
        for model, weight in zip(MODELS, weights, strict=False)
    ]
    head = {"merge_method": "task_arithmetic", "base_model": BASE, "dtype": "bfloat16"}
    return read({**head, "models": lines, **more})


def alone(model: str) -> Recipe:
    """Return the recipe of a model as it is."""
    return read({"merge_method": "passthrough", "models": [{"model": model}]})


def written(
    made: Recipe,
    sources: Mapping[str, SourceModel],
    folder: Path,
    *,
    seed: int,
    device: str = "cpu",
) -> Merged:
    """Merge into an empty folder."""
    folder.mkdir()
    own = {name: sources[name] for name in made.references}
    return carry_out(make_plan(made, own, seed), folder, Options(device=device))


def weights_in(folder: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a merged folder."""
    found: dict[str, torch.Tensor] = load_file(folder / "model.safetensors")
    return found


def holds(host: ParameterHost, folder: Path) -> bool:
    """Tell whether a host holds bit for bit what was written."""
    return same(dict(host.tensors()), weights_in(folder))


def compare(found: tuple[Contribution, ...], counted: tuple[Contribution, ...]) -> None:
    """Hold what norms tell against what was counted."""
    assert [item.reference for item in found] == [item.reference for item in counted]
    for mine, theirs in zip(found, counted, strict=True):
        assert (mine.nominal, mine.used) == (theirs.nominal, theirs.used)
        assert float(mine.effective) == pytest.approx(float(theirs.effective), abs=CLOSE)
        assert float(mine.alignment) == pytest.approx(float(theirs.alignment), abs=CLOSE)
        own = {item.group: (float(item.effective), float(item.alignment)) for item in mine.groups}
        counts = {i.group: (float(i.effective), float(i.alignment)) for i in theirs.groups}
        for group in {*own, *counts}:  # one that is nearly zero may be left out
            assert own.get(group, (0, 0)) == pytest.approx(counts.get(group, (0, 0)), abs=CLOSE)
