"""Tiny checkpoints and merges of them, for the tests of the merge engine."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from evoreg.evolve.checkpoints.folder import weight_files
from evoreg.evolve.checkpoints.tensors import read_checkpoint
from evoreg.evolve.execution.run import Merged, Options, carry_out
from evoreg.evolve.planning.build import make_plan
from evoreg.evolve.planning.plan import Plan, SourceModel
from evoreg.evolve.recipes.read import read_recipe
from evoreg.provenance.records.candidate import Contribution
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.model import File, Model

ORACLE = Path(__file__).parent.parent / "oracle"

# What json.dumps can write; JSON is also YAML.
Recipe = Mapping[str, Any]


def normal(seed: int, *shape: int, scale: float = 1.0) -> torch.Tensor:
    """Return random float32 numbers that depend on the seed alone."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator) * scale


def source(reference: str, folder: Path) -> SourceModel:
    """Return a model folder as the engine wants it."""
    data = b"".join((folder / file).read_bytes() for file in weight_files(folder))
    weights = File(path="model.safetensors", size=len(data), digest=digest_of(data), role="weights")
    identity = Model(name=reference, origin="local", files=(weights,)).identity
    return SourceModel(reference, identity, read_checkpoint(folder))


@dataclass(frozen=True)
class Result:
    """A merge that was carried out."""

    plan: Plan
    folder: Path
    merged: Merged

    @property
    def tensors(self) -> dict[str, torch.Tensor]:
        found: dict[str, torch.Tensor] = {}
        for path in sorted(self.folder.glob("*.safetensors")):
            found.update(load_file(path))
        return found

    @property
    def only(self) -> torch.Tensor:
        (tensor,) = self.tensors.values()
        return tensor

    @property
    def config(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads((self.folder / "config.json").read_text())
        return value

    def share(self, reference: str) -> Contribution:
        return next(c for c in self.merged.contributions if c.reference == reference)

    def effective(self, reference: str) -> float:
        return float(self.share(reference).effective)


class Bench:
    """A folder with models, and merges of them."""

    def __init__(self, root: Path, models: Path | None = None) -> None:
        self.root = root
        self.models = models or root
        self.count = 0

    def model(
        self,
        name: str,
        tensors: Mapping[str, torch.Tensor],
        config: Mapping[str, Any] | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> str:
        """Write a model and return its name."""
        folder = self.models / name
        folder.mkdir(parents=True)
        save_file(
            {
                key: value.clone(memory_format=torch.contiguous_format)
                for key, value in tensors.items()
            },
            folder / "model.safetensors",
            metadata={"format": "pt"},
        )
        if config is not None:
            (folder / "config.json").write_text(json.dumps(config))
        for file, data in (files or {}).items():
            (folder / file).write_bytes(data)
        return name

    def plan(self, recipe: Recipe | str, *, seed: int = 0) -> Plan:
        """Plan a merge of models of this bench."""
        text = recipe if isinstance(recipe, str) else json.dumps(recipe)
        read = read_recipe(text, "recipe.yml").recipe
        models = {name: source(name, self.models / name) for name in read.references}
        return make_plan(read, models, seed)

    def merge(
        self, recipe: Recipe | str, *, seed: int = 0, options: Options | None = None
    ) -> Result:
        """Merge models of this bench."""
        plan = self.plan(recipe, seed=seed)
        self.count += 1
        folder = self.root / f"result-{self.count}"
        folder.mkdir()
        return Result(plan, folder, carry_out(plan, folder, options or Options()))


def row(model: str, **parameters: Any) -> dict[str, Any]:
    """Return a line of `models`; a parameter named ``lambda_`` is written ``lambda``."""
    return {"model": model, "parameters": {k.rstrip("_"): v for k, v in parameters.items()}}


def recipe(
    method: str,
    models: Sequence[Mapping[str, Any]],
    base: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return a recipe for whole models."""
    value: dict[str, Any] = {"merge_method": method, "models": list(models), **more}
    if base is not None:
        value["base_model"] = base
    if parameters:
        value["parameters"] = dict(parameters)
    return value


def same(left: Mapping[str, torch.Tensor], right: Mapping[str, torch.Tensor]) -> bool:
    """Tell whether two sets of tensors are equal bit by bit."""
    return left.keys() == right.keys() and all(
        value.dtype == right[name].dtype
        and value.shape == right[name].shape
        and value.reshape(-1).view(torch.uint8).equal(right[name].reshape(-1).view(torch.uint8))
        for name, value in left.items()
    )
