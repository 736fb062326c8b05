"""Adapters for the tests of the merge engine, and merges of models with adapters on them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from evoreg.evolve.checkpoints.adapter import read_adapter
from evoreg.evolve.planning.adapters import put_on
from evoreg.evolve.planning.build import make_plan
from evoreg.evolve.planning.plan import Plan, SourceModel
from evoreg.evolve.recipes.read import read_recipe
from evoreg.provenance.records.digest import digest_of
from tests.evolve.merging import Bench, Recipe, normal, source

GOLDEN = Path(__file__).parent / "adapters"
PREFIX = "base_model.model."


def write_adapter(
    folder: Path, tensors: Mapping[str, torch.Tensor], prefix: str = PREFIX, **settings: Any
) -> Path:
    """Write an adapter; r is 2 and lora_alpha 4 if nothing else is said."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, **settings}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    named = {prefix + name: value.contiguous() for name, value in tensors.items()}
    save_file(named, folder / "adapter_model.safetensors")
    return folder


def factors(seed: int, module: str, out: int, inner: int, rank: int = 2) -> dict[str, torch.Tensor]:
    """Return random factors for a module whose weight is (out, inner)."""
    return {
        f"{module}.lora_A.weight": normal(seed, rank, inner),
        f"{module}.lora_B.weight": normal(seed + 1, out, rank),
    }


def on(reference: str, model: Path, adapter: Path) -> SourceModel:
    """Return a model with an adapter on it as the engine wants it."""
    below = source(reference, model)
    checkpoint, found = put_on(below.checkpoint, read_adapter(adapter))
    data = (adapter / "adapter_model.safetensors").read_bytes()
    identity = digest_of(f"{below.identity}{digest_of(data)}{found.settings}".encode())
    return SourceModel(reference, identity, checkpoint, found)


class Stand(Bench):
    """A bench where ``model+adapter`` is a model with an adapter on it."""

    def plan(self, recipe: Recipe | str, *, seed: int = 0) -> Plan:
        """Plan a merge of models of this bench."""
        text = recipe if isinstance(recipe, str) else json.dumps(recipe)
        read = read_recipe(text, "recipe.yml").recipe
        return make_plan(read, {name: self.source(name) for name in read.references}, seed)

    def source(self, reference: str) -> SourceModel:
        """Return the model of a reference."""
        name, _, adapter = reference.partition("+")
        if not adapter:
            return source(reference, self.models / name)
        return on(reference, self.models / name, self.models / adapter)
